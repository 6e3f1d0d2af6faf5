"""What is made of the capabilities that real editors announce."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.protocol import default_converter

from claude_lsp.lsp.abilities import Abilities
from tests.lsp.editor import recorded_client
from tests.lsp.pair import modern

TAGS = frozenset({types.DiagnosticTag.Unnecessary, types.DiagnosticTag.Deprecated})

NEOVIM = {
    "client_name": "Neovim",
    "client_version": "0.11.0",
    "position_encoding": "utf-8",
    "apply_edit": True,
    "work_done_progress": True,
    "show_document": True,
    "show_message_request": True,
    "configuration": True,
    "watched_relative_patterns": True,
    "completion_snippets": True,
    "markdown_completion": True,
    "markdown_hover": True,
    "code_action_literals": True,
    "code_action_data": True,
    "code_action_resolve_edit": True,
    "code_action_preferred": True,
    "diagnostic_tags": TAGS,
    "diagnostic_related": True,
    "diagnostic_data": True,
    "runs_every_action": False,
}
VSCODE = {
    "client_name": "Visual Studio Code",
    "code_lens_refresh": True,
    "client_version": "1.65.2",
    "change_annotations": True,
    "create_files": True,
    "apply_edit": True,
    "document_changes": True,
    "checks_versions": True,
    "work_done_progress": True,
    "show_document": True,
    "show_message_request": True,
    "configuration": True,
    "register_configuration": True,
    "register_watched_files": True,
    "completion_insert_replace": True,
    "completion_snippets": True,
    "markdown_completion": True,
    "markdown_hover": True,
    "code_action_literals": True,
    "code_action_data": True,
    "code_action_resolve_edit": True,
    "code_action_disabled": True,
    "code_action_preferred": True,
    "diagnostic_tags": TAGS,
    "diagnostic_code_description": True,
    "diagnostic_related": True,
    "diagnostic_data": True,
    "runs_every_action": False,
}
EMACS = {
    "client_name": "Emacs (eglot)",
    "client_version": "29.1",
    "position_encoding": "utf-32",
    "apply_edit": True,
    "document_changes": True,
    "work_done_progress": True,
    "configuration": True,
    "register_watched_files": True,
    "markdown_hover": True,
    "code_action_literals": True,
    "code_action_preferred": True,
    "diagnostic_tags": TAGS,
    "runs_every_action": False,
}


@pytest.mark.parametrize(
    ("spec", "name", "version", "expected"),
    [
        ("neovim@v0.11", "Neovim", "0.11.0", NEOVIM),
        ("visual-studio-code", "Visual Studio Code", "1.65.2", VSCODE),
        ("emacs", "Emacs (eglot)", "29.1", EMACS),
    ],
)
def test_abilities_of_real_editors(
    spec: str, name: str, version: str, expected: dict[str, Any]
) -> None:
    params = types.InitializeParams(
        capabilities=pytest_lsp.client_capabilities(spec),
        client_info=types.ClientInfo(name, version),
    )
    assert asdict(Abilities.of(params)) == asdict(replace(Abilities(), **expected))


def test_client_that_announces_nothing_can_nothing() -> None:
    assert Abilities.of(types.InitializeParams(types.ClientCapabilities())) == Abilities()


def test_client_that_announces_everything_can_everything() -> None:
    abilities = Abilities.of(
        types.InitializeParams(modern(), client_info=types.ClientInfo("Visual Studio Code"))
    )
    missing = {field.name for field in fields(abilities) if not getattr(abilities, field.name)}
    # These are asked of the server; a client that says no more gets its edits as any other.
    asked = {"accepts_previews", "joins_undo"}
    assert missing == {"client_version", "runs_every_action", *asked}


@pytest.mark.parametrize(
    ("name", "expected"), [(None, True), ("Kate", True), ("kate", True), ("Helix", False)]
)
def test_clients_that_run_every_action_are_known(name: str | None, expected: bool) -> None:
    info = types.ClientInfo(name) if name else None
    params = types.InitializeParams(types.ClientCapabilities(), client_info=info)
    assert Abilities.of(params).runs_every_action is expected


@pytest.mark.parametrize(
    ("client", "name"), [("eglot-1.9", "eglot"), ("ale-3.3", "ALE"), ("kate-22.12", "")]
)
def test_clients_without_a_name_are_known_by_what_they_announce(client: str, name: str) -> None:
    abilities = Abilities.of(recorded_client(client))
    assert abilities.client_name == name
    assert abilities.runs_every_action is not bool(name)


@pytest.mark.parametrize(
    ("experimental", "expected"),
    [
        ({"claude": {"input": True}}, (True, False, False)),
        ({"claude": {"preview": True, "status": True}}, (False, True, True)),
        ({"claude": {"input": 1, "preview": "yes"}}, (False, False, False)),
        ({"claude": True}, (False, False, False)),
        ({}, (False, False, False)),
        (["claude"], (False, False, False)),
        (None, (False, False, False)),
    ],
)
def test_our_own_extensions_are_read_from_the_experimental_capabilities(
    experimental: Any, expected: tuple[bool, bool, bool]
) -> None:
    converter: Any = default_converter()  # type: ignore[no-untyped-call]
    message = {"capabilities": {"experimental": experimental}, "processId": None, "rootUri": None}
    abilities = Abilities.of(converter.structure(message, types.InitializeParams))
    assert (abilities.input, abilities.preview, abilities.status) == expected


def test_unknown_encodings_fall_back_to_utf_16() -> None:
    general = types.GeneralClientCapabilities(position_encodings=["utf-7"])
    params = types.InitializeParams(types.ClientCapabilities(general=general))
    assert Abilities.of(params).position_encoding == "utf-16"
