"""The guards of the test suite, and the documents' word about the code."""

from __future__ import annotations

import ast
import os
import re
import socket
from pathlib import Path

import pytest

from claude_lsp.claude.ledger import state_directory
from docs.generate import stale

ROOT = Path(__file__).parents[2]


def test_a_test_that_reaches_out_fails(guarded_network: list[str]) -> None:
    with pytest.raises(OSError, match="never reach the network"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(OSError, match="never reach the network"):
        socket.getaddrinfo("example.org", 80)
    assert len(guarded_network) == 2
    guarded_network.clear()  # else the guard would fail this test, as it should


def test_tests_have_a_home_of_their_own(empty_home: Path) -> None:
    assert Path.home() == empty_home
    assert state_directory().is_relative_to(empty_home)
    assert not [name for name in os.environ if name.startswith("ANTHROPIC_")]


def test_generated_documents_are_current() -> None:
    assert [path.name for path in stale()] == [], "run `make generate`"


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def _check_named(line: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
    assert named, f"no test is named: {line}"
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert name in _tests_of(ROOT / path), f"{path}::{name}"


def test_every_invariant_names_a_test_that_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.partition("## Invariants")[2].partition("\n## ")[0]
    invariants = re.findall(r"^\d+\. .*$", section, re.MULTILINE)
    assert len(invariants) >= 16
    for line in invariants:
        _check_named(line)


def test_every_threat_names_a_defence_and_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in text.split("\n") if line.startswith("| ")]
    threats = [line for line in rows if not line.startswith(("| threat", "| ---"))]
    assert len(threats) >= 30
    for line in threats:
        _, threat, defence, held, _ = re.split(r"(?<!\\)\|", line)
        assert threat.strip()
        assert defence.strip()
        _check_named(held)


def test_the_changelog_has_a_section_for_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = text.partition("## [Unreleased]")[2].partition("\n## ")[0]
    assert "- " in unreleased


def test_make_help_lists_every_command() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert phony == explained
