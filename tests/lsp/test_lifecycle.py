"""A session from its first message to its last: settings, folders, credentials, the end."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.configuration import user_file
from claude_lsp.lsp.handlers import lifecycle
from claude_lsp.lsp.routes import COMMANDS
from claude_lsp.lsp.session import Session
from claude_lsp.text.snapshots import uri_from_path
from tests.lsp.editor import PYTHON, edit, edits, pause
from tests.lsp.pair import modern
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.settings import Settings
    from tests.lsp.editor import Editor

END = (8, 0)


def settings(editor: Editor) -> Settings:
    return editor.server.session.configuration.settings


def changed(editor: Editor, value: Any) -> None:
    params = types.DidChangeConfigurationParams(value)
    editor.client.workspace_did_change_configuration(params)


# ----- the first messages


async def test_nothing_is_sent_before_initialized(unstarted: Editor) -> None:
    unstarted.file("claude-lsp.toml", "[revew]\nmin_severity = 1\n")
    params = types.InitializeParams(modern(), root_uri=unstarted.root.as_uri())
    await unstarted.client.initialize_async(params)
    unstarted.open()
    await unstarted.ready()
    assert [each.get("method") for each in unstarted.pair.raw.received] == [None]
    unstarted.client.initialized(types.InitializedParams())
    await unstarted.ready()
    methods = {each.get("method") for each in unstarted.pair.raw.received}
    assert {"window/showMessage", "workspace/configuration", "claude/status"} <= methods


async def test_what_the_client_is_told(editor: Editor) -> None:
    result = editor.client.result
    assert result is not None
    assert result.server_info is not None
    assert result.server_info.name == "claude-lsp"
    capabilities = result.capabilities
    assert capabilities.inline_completion_provider is not None
    assert isinstance(capabilities.code_action_provider, types.CodeActionOptions)
    assert capabilities.execute_command_provider is not None
    commands = set(capabilities.execute_command_provider.commands)
    assert commands == {name for name, _ in COMMANDS}
    assert {"claude.complete", "claude.fix", "claude.review", "claude.cancel"} <= commands


async def test_configuration_changes_are_asked_for_where_that_is_possible(editor: Editor) -> None:
    methods = [each.method for each in editor.client.registrations.values()]
    assert types.WORKSPACE_DID_CHANGE_CONFIGURATION in methods


async def test_changes_on_disk_are_asked_for_where_that_is_possible(editor: Editor) -> None:
    methods = [each.method for each in editor.client.registrations.values()]
    assert types.WORKSPACE_DID_CHANGE_WATCHED_FILES in methods


async def test_nothing_is_registered_that_cannot_be(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.did_change_configuration = None
    capabilities.workspace.did_change_watched_files = None
    await unstarted.start(capabilities)
    assert unstarted.client.registrations == {}


async def test_a_client_that_refuses_the_registration_gets_a_session(unstarted: Editor) -> None:
    del unstarted.client.protocol.fm.features[types.CLIENT_REGISTER_CAPABILITY]
    await unstarted.start()
    unstarted.api.script(replies.text("<fill>x</fill>"))
    assert len(await unstarted.suggest(unstarted.open(), END)) == 1
    assert unstarted.messages == []


# ----- settings


@pytest.mark.parametrize("section", [False, True])
async def test_settings_from_the_first_message(unstarted: Editor, section: bool) -> None:
    options: dict[str, Any] = {"models": {"haiku": "my-model"}, "completion": {"max_tokens": 99}}
    await unstarted.client.initialize(
        options={"claude": options} if section else options, root=unstarted.root
    )
    await unstarted.ready()
    assert settings(unstarted).models.haiku == "my-model"
    assert settings(unstarted).completion.max_tokens == 99
    assert unstarted.messages == []


@pytest.mark.parametrize(
    "options",
    # An empty list in the place of a table is what Lua makes of an empty table.
    [None, {}, [], "text", 5, {"claude": None}, {"claude": []}, {"models": None}],
)
async def test_odd_initialization_options_do_no_harm(unstarted: Editor, options: Any) -> None:
    await unstarted.client.initialize(options=options, root=unstarted.root)
    await unstarted.ready()
    assert settings(unstarted).completion.debounce_ms == 150
    assert unstarted.messages == []


async def test_the_configuration_of_the_client_counts_over_the_first_message(
    unstarted: Editor,
) -> None:
    unstarted.client.settings["claude"] = {
        "completion": {"max_tokens": 50, "trigger": None},
        "models": None,
    }
    await unstarted.start(options={"completion": {"max_tokens": 40, "debounce_ms": 7}})
    assert settings(unstarted).completion.max_tokens == 50
    # What the client does not mention stays, and null is not a value.
    assert settings(unstarted).completion.debounce_ms == 7
    assert settings(unstarted).completion.trigger == "automatic"
    assert unstarted.messages == []


async def test_a_client_that_knows_no_such_section_keeps_its_options(unstarted: Editor) -> None:
    unstarted.client.settings.clear()  # the answer is [null]
    await unstarted.start(options={"completion": {"max_tokens": 40}})
    assert settings(unstarted).completion.max_tokens == 40


async def test_a_client_that_refuses_to_tell_keeps_its_options(
    unstarted: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    del unstarted.client.protocol.fm.features[types.WORKSPACE_CONFIGURATION]
    await unstarted.start(options={"completion": {"max_tokens": 40}})
    assert settings(unstarted).completion.max_tokens == 40
    assert "refused workspace/configuration" in caplog.text


async def test_a_client_that_never_tells_keeps_its_options(
    unstarted: Editor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "_ANSWER_S", 0.02)
    unstarted.pair.unheard.add(types.WORKSPACE_CONFIGURATION)
    await unstarted.start(options={"completion": {"max_tokens": 40}})
    assert settings(unstarted).completion.max_tokens == 40
    assert "did not answer workspace/configuration" in caplog.text


async def test_a_change_is_pulled(editor: Editor) -> None:
    editor.client.settings["claude"] = {"completion": {"max_tokens": 11}}
    changed(editor, None)
    await editor.ready()
    assert settings(editor).completion.max_tokens == 11


@pytest.mark.parametrize("section", [False, True])
async def test_a_change_is_pushed(unstarted: Editor, section: bool) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = None
    await unstarted.start(capabilities)
    options = {"completion": {"max_tokens": 12}}
    changed(unstarted, {"claude": options} if section else options)
    await unstarted.ready()
    assert settings(unstarted).completion.max_tokens == 12
    changed(unstarted, {"python": {"path": "x"}})
    changed(unstarted, {})
    await unstarted.ready()
    assert settings(unstarted).completion.max_tokens == 12
    assert unstarted.messages == []


async def test_of_quick_changes_the_last_one_counts(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = None
    await unstarted.start(capabilities)
    for number in range(1, 20):
        changed(unstarted, {"claude": {"completion": {"max_tokens": number}}})
        if number % 3 == 0:
            await pause()
    await unstarted.ready()
    assert settings(unstarted).completion.max_tokens == 19


async def test_the_log_level_is_followed(unstarted: Editor) -> None:
    log = logging.getLogger("claude_lsp")
    before = log.level
    try:
        await unstarted.start(options={"log": {"level": "debug"}})
        assert log.level == logging.DEBUG
    finally:
        log.setLevel(before)


async def test_the_log_goes_to_a_file_as_well(unstarted: Editor, tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    unstarted.client.settings["claude"] = {"log": {"file": str(first)}}
    await unstarted.start()
    unstarted.api.answer = replies.error(401)
    uri = unstarted.open()
    await unstarted.suggest(uri, END)
    unstarted.client.settings["claude"] = {"log": {"file": str(second)}}
    changed(unstarted, None)
    await unstarted.ready()
    await unstarted.suggest(uri, END)
    for file in (first, second):
        lines = file.read_text("utf-8").splitlines()
        assert len([line for line in lines if "The API key was not accepted" in line]) == 1
        assert "result += value" not in file.read_text("utf-8")
    unstarted.client.settings["claude"] = {"log": {"file": str(tmp_path)}}
    changed(unstarted, None)
    await unstarted.ready()
    changed(unstarted, None)
    await unstarted.ready()
    (message,) = unstarted.messages
    assert message.startswith("log.file can't be written: ")


async def test_faulty_settings_are_told_once_with_file_and_line(unstarted: Editor) -> None:
    unstarted.file(
        "claude-lsp.toml", '[review]\nmin_severty = "major"\n\n[models]\nhaiku = "theirs"\n'
    )
    await unstarted.start()
    (message,) = unstarted.client.messages
    assert message.type is types.MessageType.Warning
    assert "claude-lsp.toml:2: unknown setting review.min_severty" in message.message
    assert "did you mean review.min_severity?" in message.message
    assert "1 more in the log" in message.message
    changed(unstarted, None)
    await unstarted.ready()
    assert len(unstarted.client.messages) == 1
    unstarted.file("claude-lsp.toml", '[review]\nmin_confidence = "much"\n')
    changed(unstarted, None)
    await unstarted.ready()
    assert "claude-lsp.toml:2: review.min_confidence must be a number" in unstarted.messages[1]


async def test_a_project_may_not_set_what_is_the_users(unstarted: Editor) -> None:
    unstarted.file("claude-lsp.toml", '[endpoint]\nbase_url = "http://127.0.0.1:9"\n')
    await unstarted.start()
    assert settings(unstarted).endpoint.base_url == ""
    (message,) = unstarted.messages
    assert "claude-lsp.toml:2: endpoint.base_url can't be set by a project's own file" in message


async def test_a_settings_file_that_is_no_toml_does_not_stop_the_session(
    unstarted: Editor,
) -> None:
    unstarted.file("claude-lsp.toml", "[[[")
    await unstarted.start()
    assert "not valid TOML" in unstarted.messages[0]
    unstarted.api.script(replies.text("<fill>x</fill>"))
    assert len(await unstarted.suggest(unstarted.open(), END)) == 1


async def test_settings_that_cannot_be_read_at_all_send_nothing(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError("no home")

    monkeypatch.setattr("claude_lsp.lsp.session.load", fail)
    await unstarted.start()
    uri = unstarted.open()
    await unstarted.run("claude.explain", {"uri": uri})
    (error,) = unstarted.errors
    assert "no home" in error
    assert await unstarted.suggest(uri, END) == []
    assert unstarted.api.requests == []


# ----- folders


async def test_a_folder_that_is_added_counts(editor: Editor, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    uri = uri_from_path(other / "code.py")
    editor.client.open(uri, PYTHON, "python")
    assert await editor.suggest(uri, END) == []
    assert "outside the workspace" in editor.statuses[-1][1]
    folder = types.WorkspaceFolder(uri_from_path(other), "other")
    editor.client.workspace_did_change_workspace_folders(
        types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent([folder], []))
    )
    await editor.ready()
    assert list(editor.server.session.roots) == [editor.root, other]
    editor.api.script(replies.text("<fill>x</fill>"))
    assert len(await editor.suggest(uri, END)) == 1
    editor.client.workspace_did_change_workspace_folders(
        types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent([], [folder]))
    )
    await editor.ready()
    assert list(editor.server.session.roots) == [editor.root]
    assert await editor.suggest(uri, END) == []


async def test_a_session_without_a_folder(unstarted: Editor) -> None:
    await unstarted.start(root="")
    assert unstarted.server.session.roots == ()
    unstarted.api.script(replies.text("<fill>x</fill>"))
    assert len(await unstarted.suggest(unstarted.open(), END)) == 1


@pytest.mark.parametrize("root", ["file:///no/such/folder", "memfs:/project", "nonsense", ""])
async def test_odd_folders(unstarted: Editor, root: str) -> None:
    await unstarted.start(root=root)
    uri = "untitled:Untitled-1"
    unstarted.client.open(uri, PYTHON)
    unstarted.api.script(replies.text("<fill>x</fill>"))
    assert len(await unstarted.suggest(uri, END)) == 1


# ----- the connection


async def test_without_a_key_the_status_says_so_and_nothing_pops_up(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_CONFIG_DIR")
    await unstarted.start()
    state, detail = unstarted.statuses[-1]
    assert state == "blocked"
    assert "No Anthropic API key was found" in detail
    assert unstarted.messages == []
    assert [r for r in caplog.records if "No Anthropic API key" in r.getMessage()]
    # Whoever asks is told.
    uri = unstarted.open()
    await unstarted.run("claude.explain", {"uri": uri})
    (error,) = unstarted.errors
    assert "Set ANTHROPIC_API_KEY" in error
    assert unstarted.api.requests == []


async def test_another_endpoint_is_used_from_the_next_request_on(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = editor.open()
    gate = Gate()
    edits_of_first = edits(
        edit(PYTHON, "LIMIT = 10", "LIMIT = 20"), edit(PYTHON, "    result = 0", "    result = 1"),
        between=[gate],
    )  # fmt: skip
    editor.api.script(edits_of_first)
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    old = editor.server.session.current_engine
    assert old is not None
    endpoint = {"base_url": editor.api.base_url, "headers": {"x-gateway": "new"}}
    editor.client.settings["claude"] = {"endpoint": endpoint}
    changed(editor, None)
    await editor.ready()
    new = editor.server.session.current_engine
    assert new is not None
    assert new.client is not old.client
    # The request under way is not disturbed ...
    gate.open()
    await editor.settled()
    assert "result = 1" in editor.text(uri)
    assert editor.messages == []
    # ... and its connection is closed behind it.
    assert old.client._api is None
    editor.api.script(replies.text("<fill>x</fill>"))
    assert len(await editor.suggest(uri, END)) == 1
    assert [each.headers.get("x-gateway") for each in editor.api.messages] == [None, "new"]


async def test_other_settings_keep_the_connection(editor: Editor) -> None:
    old = editor.server.session.current_engine
    editor.client.settings["claude"] = {"spend": {"request_usd": 0}}
    changed(editor, None)
    await editor.ready()
    new = editor.server.session.current_engine
    assert old is not None
    assert new is not None
    assert new.client is old.client
    uri = editor.open()
    await editor.run("claude.explain", {"uri": uri})
    assert "spend.request_usd" in editor.errors[0]
    assert editor.api.requests == []


async def test_the_users_own_file_counts(unstarted: Editor, empty_home: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text('[models]\nhaiku = "claude-haiku-4-5"\n')
    assert user_file().is_relative_to(empty_home)
    await unstarted.start()
    assert settings(unstarted).models.haiku == "claude-haiku-4-5"


# ----- the end


async def test_shutdown_closes_the_streams_and_ends_fast(editor: Editor) -> None:
    uri, other = editor.open(), editor.open(PYTHON, "other.py")
    gates = [Gate(), Gate(), Gate()]
    editor.api.script(*(replies.partial("") + gate for gate in gates))
    await editor.fix(uri, "LIMIT")
    await gates[0].wait_reached()
    await editor.command("claude.review", {"uri": other})
    await gates[1].wait_reached()
    waiting = asyncio.ensure_future(editor.suggest(uri, END))
    await gates[2].wait_reached()
    begun = time.monotonic()
    await editor.client.shutdown_async(None)
    for request in editor.api.messages:
        await request.wait_disconnected()
    assert await asyncio.gather(waiting, return_exceptions=True) is not None
    editor.client.exit(None)
    await editor.server.wait_stopped()
    await editor.server.close(1.0)
    assert time.monotonic() - begun < 1
    assert editor.server.exit_code == 0
    assert editor.errors == []
    assert editor.server.jobs._tasks == set()
    # What was cancelled is in the ledger all the same.
    with editor.server.session.ledger._open() as connection:
        outcomes = connection.execute("SELECT DISTINCT outcome FROM requests").fetchall()
    assert outcomes == [("cancelled",)]


async def test_after_shutdown_nothing_is_asked_of_the_client(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    await editor.client.shutdown_async(None)
    gate.open()
    await editor.settled()
    assert editor.client.applied == []


async def test_exit_without_shutdown(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate)
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.exit(None)
    await editor.server.wait_stopped()
    await editor.server.close(1.0)
    await editor.api.messages[0].wait_disconnected()
    assert editor.server.exit_code == 1


async def test_the_end_before_anything_was_ready(unstarted: Editor) -> None:
    await unstarted.client.initialize(root=unstarted.root)
    await unstarted.client.shutdown_and_exit()
    await unstarted.server.wait_stopped()
    await unstarted.server.close(1.0)
    assert unstarted.server.upkeep._tasks == set()
    assert unstarted.server.exit_code == 0


async def test_options_of_the_command_line_win() -> None:
    session = Session({"log.level": "error"})
    await session.configure([], {"log": {"level": "debug"}})
    assert session.configuration.settings.log.level == "error"
    await session.close()
