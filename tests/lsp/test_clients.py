"""What real editors were seen to do, kept as fast tests: their sessions are replayed here.

`tests/cases/clients` has what each announced; the suites in `tests/editors` drive the editors.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from tests.lsp.editor import (
    PYTHON,
    client_range,
    diagnostic,
    edit,
    edits,
    finding,
    place_of,
    recorded_client,
    span_of,
)
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lsp.editor import Editor
    from tests.lsp.pair import Place

WHOLE = ((0, 0), (8, 0))
FIRST_LINE = ((0, 0), (1, 0))
SUGGESTED = PYTHON.replace("LIMIT = 10", "LIMIT = 20")
CLIENTS = ["kate-22.12", "eglot-1.9", "ale-3.3"]


async def begin(editor: Editor, client: str) -> str:
    """Begin a session of a real client, which gives no name, and open a document."""
    await editor.start(recorded_client(client).capabilities, name="")
    return editor.open()


async def reviewed(editor: Editor, uri: str, **remark: Any) -> types.Diagnostic:
    """Return the diagnostic of a review, as a client gives it back."""
    editor.api.script(replies.json_findings([finding(PYTHON, "LIMIT = 10", **remark)]))
    await editor.run("claude.review", {"uri": uri})
    (shown,) = editor.client.diagnostics[uri]
    return types.Diagnostic(shown.range, shown.message, code=shown.code)


def refuse_questions(editor: Editor) -> None:
    """Answer questions as Kate 22.12 and ALE 3.3 do: the method is not known there."""
    del editor.client.protocol.fm.features[types.WINDOW_SHOW_MESSAGE_REQUEST]


async def run_all(editor: Editor, uri: str, actions: list[Any]) -> None:
    """Do what Kate's Quick Fix does with what it is given: apply and run all of it."""
    for action in actions:
        if action.edit is not None:
            assert editor.client.apply(action.edit) is None
        if action.command is not None:
            await editor.run(action.command.command, *action.command.arguments)
    await editor.settled()
    assert editor.client.texts[uri]


# ----- Kate


@pytest.mark.parametrize("span", [WHOLE, span_of(PYTHON, "LIMIT"), ((0, 3), (0, 3))])
async def test_quick_fix_in_kate_applies_the_one_suggestion(
    unstarted: Editor, span: tuple[Place, Place]
) -> None:
    """Kate 22.12 asks for the whole document there, newer ones for the cursor or the selection."""
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    problem = await reviewed(editor, uri, replacement="LIMIT = 20")
    await run_all(editor, uri, await editor.actions(uri, span, [problem]))
    assert editor.text(uri) == SUGGESTED
    assert len(editor.api.messages) == 1
    assert editor.client.questions == []


@pytest.mark.parametrize("span", [WHOLE, span_of(PYTHON, "LIMIT"), ((0, 3), (0, 3))])
@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("agreed", [True, False])
async def test_quick_fix_in_kate_sends_nothing_unasked(
    unstarted: Editor, span: tuple[Place, Place], ours: bool, agreed: bool
) -> None:
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    problem = await reviewed(editor, uri)
    if not ours:
        problem = diagnostic(PYTHON, "LIMIT", code="F841")
    editor.client.choose = lambda asked: asked.actions[0] if agreed and asked.actions else None
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await run_all(editor, uri, await editor.actions(uri, span, [problem]))
    assert len(editor.client.questions) == 1
    assert len(editor.api.messages) == 1 + agreed
    assert editor.text(uri) == (SUGGESTED if agreed else PYTHON)


async def test_a_question_that_cannot_be_shown_is_a_no_and_is_told(unstarted: Editor) -> None:
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    problem = await reviewed(editor, uri)
    refuse_questions(editor)
    await run_all(editor, uri, await editor.actions(uri, WHOLE, [problem]))
    assert len(editor.api.messages) == 1
    assert "your editor can't show questions, so this was not done: Fix" in editor.messages[-1]


async def test_the_menu_in_kate_runs_what_was_chosen(unstarted: Editor) -> None:
    """The menu asks for a line without diagnostics; our own findings there can be fixed."""
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    refuse_questions(editor)
    titles = [action.title for action in await editor.actions(uri, FIRST_LINE)]
    assert "Claude: Review this file" in titles
    await reviewed(editor, uri)
    fix, *others = await editor.actions(uri, FIRST_LINE)
    assert all("confirm" not in each.command.arguments[0] for each in (fix, *others))
    assert fix.title.startswith("Claude: Fix: About LIMIT = 10")
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.run(fix.command.command, *fix.command.arguments)
    assert editor.text(uri) == SUGGESTED


async def test_a_selection_of_everything_in_kate_asks(unstarted: Editor) -> None:
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    for action in await editor.actions(uri, WHOLE):
        assert action.command.arguments[0]["confirm"] is True


# ----- ALE and eglot 1.9


@pytest.mark.parametrize("client", ["eglot-1.9", "ale-3.3"])
async def test_who_lets_the_user_choose_is_not_asked_again(unstarted: Editor, client: str) -> None:
    editor = unstarted
    uri = await begin(editor, client)
    problem = await reviewed(editor, uri)
    refuse_questions(editor)
    for span in (WHOLE, span_of(PYTHON, "LIMIT")):
        actions = await editor.actions(uri, span, [problem])
        titles = [each.title for each in actions]
        assert titles[0].startswith("Claude: Fix: ")
        assert "Claude: Review this file" in titles
        assert all("confirm" not in each.command.arguments[0] for each in actions)


async def test_a_diagnostic_without_source_and_data_is_known_by_code_and_place(
    unstarted: Editor,
) -> None:
    """As ALE gives it back; at another place or with another code it is somebody else's."""
    editor = unstarted
    uri = await begin(editor, "ale-3.3")
    ours = await reviewed(editor, uri, title="Odd", explanation="A long story.")
    others = [
        types.Diagnostic(ours.range, "not ours", code="F841"),
        types.Diagnostic(client_range(span_of(PYTHON, "result = 0")), "nor this", code=ours.code),
    ]
    fixes = await editor.actions(uri, WHOLE, [ours, *others], ["quickfix"])
    fixes = [each for each in fixes if each.command.command == "claude.fix"]
    told = [each.command.arguments[0]["problems"][0]["message"] for each in fixes]
    assert told == ["Odd: A long story.", "not ours", "nor this"]


# ----- all of them


@pytest.mark.parametrize("client", CLIENTS)
async def test_an_edit_for_text_that_changed_is_not_sent_where_versions_do_not_count(
    unstarted: Editor, client: str
) -> None:
    editor = unstarted
    uri = await begin(editor, client)
    editor.client.checks_versions = False
    gate = Gate()
    second = edit(PYTHON, "    result = 0", "    result = 1")
    first = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")
    editor.api.script(edits(first, second, between=[gate]))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    await editor.client.wait_for(lambda: editor.client.applied)
    editor.client.change(uri, span_of(SUGGESTED, "result = 0"), "result = None")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == SUGGESTED.replace("result = 0", "result = None")
    assert len(editor.client.applied) == 1
    assert "was dropped" in editor.messages[-1]


@pytest.mark.parametrize("client", CLIENTS)
async def test_nothing_that_is_waited_for_waits_for_a_model(unstarted: Editor, client: str) -> None:
    """eglot and ALE stand still until actions are listed and a command has returned."""
    editor = unstarted
    uri = await begin(editor, client)
    gate = Gate()
    editor.api.answer = replies.partial("") + gate
    async with asyncio.timeout(5):
        await editor.command("claude.review", {"uri": uri})
        await gate.wait_reached()
        assert await editor.actions(uri, FIRST_LINE)
        await editor.command("claude.explain", {"uri": uri})
        await editor.fix(uri, "LIMIT")
        assert await editor.actions(uri, FIRST_LINE, [diagnostic(PYTHON, "LIMIT")])
        assert await editor.command("claude.cancel") == 3
    gate.open()


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_folder_is_the_clients_and_not_where_the_server_runs(
    unstarted: Editor, client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kate starts the server in the home folder, Neovim wherever it was started itself."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "claude-lsp.toml").write_text("[models]\nhaiku = 'other'\n", encoding="utf-8")
    (elsewhere / "helper.py").write_text("def aid_elsewhere(): ...\n", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    editor = unstarted
    editor.file("helper.py", "def aid_here(): ...\n")
    await editor.start(recorded_client(client).capabilities, name="")
    await editor.indexed()
    text = "import helper\n\nhelper.aid"
    uri = editor.open(text)
    editor.api.script(replies.text("<fill>_here()</fill>"))
    await editor.suggest(uri, place_of(text, "helper.aid", end=True), invoked=True)
    (request,) = editor.api.messages
    assert "aid_here" in request.text
    assert "aid_elsewhere" not in request.text
    assert editor.messages == []


async def test_a_client_that_asks_for_what_is_not_offered_gets_a_plain_no(
    unstarted: Editor,
) -> None:
    """Kate asks for symbols with every key, whoever offers them."""
    editor = unstarted
    uri = await begin(editor, "kate-22.12")
    for number in range(5):
        params = {"textDocument": {"uri": uri}}
        method = "textDocument/documentSymbol"
        editor.pair.raw.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        assert (await editor.pair.raw.answer(number))["error"]["code"] == -32601
    assert editor.messages == []
