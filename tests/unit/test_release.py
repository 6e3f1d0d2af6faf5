"""What a release rests on: locks, the audit, the workflow."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.audit import verdict

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "development.lock")


def pinned(name: str) -> dict[str, str]:
    """Return the requirements of a lock, each with all its lines."""
    text = (ROOT / "release" / name).read_text(encoding="utf-8")
    entries = list(re.finditer(r"^([\w.-]+)==[^\n]*\\\n(?:    [^\n]*\n)+", text, re.MULTILINE))
    assert sum(len(entry.group()) for entry in entries) == len(text), "something else is in it"
    return {entry[1]: entry.group() for entry in entries}


def required(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in lines}


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_hold_everything_with_hashes(name: str) -> None:
    extras = () if name == "requirements.lock" else ("test", "bench", "release")
    entries = pinned(name)
    assert required(*extras) <= set(entries), "run `make lock`"
    for entry in entries.values():
        assert re.fullmatch(r"[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", entry), (
            entry
        )
        assert "://" not in entry


def workflow(name: str) -> Any:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


def test_a_release_stores_no_secret_and_says_where_it_is_from() -> None:
    release = workflow("release.yml")
    assert "secrets." not in json.dumps(release)
    assert release["permissions"] == {}
    jobs = release["jobs"]
    assert jobs["build"]["permissions"] == {
        "contents": "read",
        "id-token": "write",
        "attestations": "write",
    }
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"] == "release"
    steps = [step for job in jobs.values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"[\w./-]+@(?:v\d+\.\d+\.\d+|[0-9a-f]{40})", each) for each in used)
    assert any("attest-build-provenance" in each for each in used)
    commands = " ".join(step.get("run", "") for step in steps)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in re.findall(r"make ([a-z -]+)", commands):
        assert set(line.split()) <= targets


def test_ci_installs_what_is_locked_and_audits_it() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "export LOCKED=1" in script
    assert "make audit" in script


ENTRY: dict[str, Any] = {"name": "a", "version": "1"}
FOUND: dict[str, Any] = ENTRY | {"vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
CLEAN: dict[str, Any] = ENTRY | {"vulns": []}
SKIPPED: dict[str, Any] = ENTRY | {"skip_reason": "not found"}


@pytest.mark.parametrize(
    ("entries", "code", "said"),
    [
        ([CLEAN, CLEAN], 0, "2 dependencies, no known vulnerability"),
        ([CLEAN, SKIPPED], 0, "1 dependencies, no known vulnerability, 1 not known there"),
        ([CLEAN, FOUND], 1, "a 1: PYSEC-1, fixed in 1.1"),
        ([SKIPPED, FOUND], 1, "a 1: PYSEC-1"),
        ([ENTRY | {"vulns": [{"id": "X", "fix_versions": []}]}], 1, "X, fixed in no version yet"),
        ([SKIPPED], 0, "not here: no advisory service knows any"),
        ([], 0, "not here: "),
    ],
)
def test_what_an_audit_says(entries: list[dict[str, Any]], code: int, said: str) -> None:
    answer = verdict(json.dumps({"dependencies": entries}), "")
    assert answer[0] == code
    assert said in answer[1]


@pytest.mark.parametrize("answer", ["", "[]x", "{}"])
def test_an_audit_that_can_not_be_made_is_never_clean(answer: str) -> None:
    code, said = verdict(answer, "Traceback\nConnectionError: no route")
    assert code == 0
    assert said == "not here: no advisory service can be asked (ConnectionError: no route)"
