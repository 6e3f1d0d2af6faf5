"""Fixes: independent edits, applied one by one, and only to the text they were made for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.text.snapshots import uri_from_path
from tests.lsp.editor import (
    ENCODINGS,
    PYTHON,
    edit,
    edits,
    finding,
    pause,
    place_of,
    plain,
    span_of,
)
from tests.lsp.pair import modern
from tests.messages_api import Disconnect, Gate, replies
from tests.planted import GITHUB_TOKEN

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

FIRST = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")
SECOND = edit(PYTHON, "    result = 0", "    result = 1")
THIRD = edit(PYTHON, "    return result", "    return result + 1")
FIXED = (
    PYTHON.replace("LIMIT = 10", "LIMIT = 20")
    .replace("result = 0", "result = 1")
    .replace("return result", "return result + 1")
)


async def test_each_edit_is_applied_while_the_rest_still_streams(editor: Editor) -> None:
    uri = editor.open()
    first, second = Gate(), Gate()
    editor.api.script(edits(FIRST, SECOND, THIRD, between=[first, second]))
    await editor.fix(uri, "result = 0", "starts at the wrong number")
    await first.wait_reached()
    await editor.client.wait_for(lambda: len(editor.client.applied) == 1)
    await pause()
    assert editor.text(uri) == PYTHON.replace("LIMIT = 10", "LIMIT = 20")
    first.open()
    await second.wait_reached()
    await editor.client.wait_for(lambda: len(editor.client.applied) == 2)
    second.open()
    await editor.settled()
    assert editor.text(uri) == FIXED
    assert editor.messages == []
    # One edit is one applyEdit, and so one step of undo.
    for params, applied in editor.client.applied:
        assert applied
        assert params.label == "Claude: Fix: starts at the wrong number"
        assert params.edit.document_changes is not None
        (change,) = params.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert len(change.edits) == 1
    sent = editor.api.messages[0]
    assert sent.model == "claude-sonnet-5-5"
    assert "line 5: problem: starts at the wrong number" in sent.text


async def test_the_command_returns_before_its_work(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(edits(FIRST, between=[gate]))
    assert await editor.command("claude.fix", editor.problem(uri, "LIMIT")) is None
    await gate.wait_reached()
    gate.open()
    await editor.settled()


async def test_progress_and_status_show_it(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(FIRST, SECOND))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    ((begin, *reports, end),) = editor.client.reports.values()
    assert begin["title"] == "Claude: Fix: is wrong"
    assert begin["cancellable"] is True
    assert [each["message"] for each in reports] == ["1 applied", "2 applied"]
    assert end == {"kind": "end", "message": "done"}
    assert editor.statuses[-2:] == [("working", "fix"), ("idle", "")]


async def test_an_edit_moves_with_what_the_user_types_elsewhere(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST, SECOND, THIRD))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.change(uri, ((0, 0), (0, 0)), "import sys\n\n")
    editor.client.change(uri, ((6, 0), (6, 0)), "    # a remark\n")
    gate.open()
    await editor.settled()
    expected = "import sys\n\n" + FIXED.replace("values):\n", "values):\n    # a remark\n")
    assert editor.text(uri) == expected
    assert editor.messages == []


async def test_an_edit_of_text_that_the_user_changed_is_dropped_with_a_notice(
    editor: Editor,
) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST, SECOND))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.change(uri, span_of(PYTHON, "10"), "11")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "11").replace("result = 0", "result = 1")
    assert editor.messages == ["an edit was dropped: the text there has changed meanwhile"]
    assert len(editor.client.applied) == 1


async def test_a_change_that_was_taken_back_by_undo_does_not_matter_elsewhere(
    editor: Editor,
) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(SECOND))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.change(uri, None, "nothing")
    editor.client.change(uri, None, PYTHON)
    gate.open()
    await editor.settled()
    # The text is there again, but it is not known to be the same: nothing is touched.
    assert editor.text(uri) == PYTHON
    assert editor.messages == ["an edit was dropped: the text there has changed meanwhile"]


async def test_closing_the_document_cancels_its_fix(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.close(uri)
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert editor.client.applied == []
    assert editor.statuses[-1] == ("idle", "")


async def test_a_document_that_was_opened_anew_is_another_one(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.open(uri, PYTHON)
    gate.open()
    await editor.settled()
    assert editor.text(uri) == PYTHON
    assert editor.messages == ["an edit was dropped: the document was closed"]


async def test_a_refusal_because_of_the_version_is_tried_again(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    apply = editor.client.apply
    refused: list[str | None] = []

    def apply_after_typing(change: types.WorkspaceEdit) -> str | None:
        if not refused:
            # The user types just before the edit arrives.
            editor.client.change(uri, ((0, 0), (0, 0)), "# new\n")
            refused.append(apply(change))
            return refused[0]
        return apply(change)

    editor.client.apply = apply_after_typing  # type: ignore[assignment,method-assign]
    gate.open()
    await editor.settled()
    assert refused == [f"{uri} has changed meanwhile"]
    assert editor.text(uri) == "# new\n" + PYTHON.replace("10", "20")
    assert editor.messages == []
    assert [applied for _, applied in editor.client.applied] == [False, True]


async def test_as_long_as_the_user_types_on_it_is_tried_again(editor: Editor) -> None:
    uri = editor.open()
    apply = editor.client.apply

    def apply_while_typing(change: types.WorkspaceEdit) -> str | None:
        if len(editor.client.applied) < 8:
            editor.client.change(uri, ((0, 0), (0, 0)), "#\n")
        return apply(change)

    editor.client.apply = apply_while_typing  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == "#\n" * 8 + PYTHON.replace("10", "20")
    assert editor.messages == []


async def test_a_client_that_always_refuses_is_believed_after_three_times(editor: Editor) -> None:
    uri = editor.open()
    editor.client.apply = lambda _: "read only"  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert len(editor.client.applied) == 3
    assert editor.messages == ["an edit was dropped: the editor refused it: read only"]
    assert editor.text(uri) == PYTHON


async def test_a_client_without_apply_edit_is_told_about(editor: Editor) -> None:
    uri = editor.open()
    del editor.client.protocol.fm.features[types.WORKSPACE_APPLY_EDIT]
    editor.api.script(edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    (message,) = editor.messages
    assert message.startswith("an edit was dropped: the editor refused it")
    assert editor.statuses[-1] == ("idle", "")


async def test_an_edit_that_was_said_to_be_applied_and_was_not_is_told(editor: Editor) -> None:
    uri = editor.open()
    editor.client.apply = lambda _: None  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST, SECOND))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.messages == ["an edit was dropped: the editor did not take it over"] * 2
    # Never sent twice: it may still arrive.
    assert len(editor.client.applied) == 2
    assert editor.text(uri) == PYTHON


async def test_typing_elsewhere_is_not_taken_for_the_edit(editor: Editor) -> None:
    uri = editor.open()

    def drop(_change: types.WorkspaceEdit) -> None:
        editor.client.change(uri, ((8, 0), (8, 0)), "# the user's\n")

    editor.client.apply = drop  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.messages == ["an edit was dropped: the editor did not take it over"]
    assert len(editor.client.applied) == 1


@pytest.mark.parametrize("version", [0, 1, 7])
async def test_neovims_versions(editor: Editor, version: int) -> None:
    """Neovim opens with version 0, drops edits for older ones, and says `applied` all the same."""
    uri = editor.open()
    editor.client.close(uri)
    item = types.TextDocumentItem(uri, "python", version, PYTHON)
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    editor.client.versions[uri] = version
    apply = editor.client.apply

    def as_neovim(change: types.WorkspaceEdit) -> None:
        assert change.document_changes is not None
        (only,) = change.document_changes
        assert isinstance(only, types.TextDocumentEdit)
        for_version = only.text_document.version or 0
        if for_version > 0 and editor.client.versions[uri] > for_version:
            return
        editor.client.checks_versions = False
        assert apply(change) is None

    editor.client.apply = as_neovim  # type: ignore[assignment,method-assign]
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST, SECOND))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    editor.client.change(uri, ((0, 0), (0, 0)), "# typed\n")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == "# typed\n" + PYTHON.replace("10", "20").replace("= 0", "= 1")
    assert editor.messages == []


async def test_a_client_that_edits_late_is_waited_for(editor: Editor) -> None:
    uri = editor.open()
    apply = editor.client.apply

    def later(change: types.WorkspaceEdit) -> None:
        asyncio.get_running_loop().call_later(0.02, apply, change)

    editor.client.apply = later  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST, SECOND, THIRD))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == FIXED
    assert editor.messages == []


async def test_a_client_that_sends_whole_texts(editor: Editor) -> None:
    uri = editor.open()
    change_many = editor.client.change_many

    def whole(address: str, spans: Any) -> None:
        editor.client.change_many = change_many  # type: ignore[method-assign]
        document = editor.client.texts[address]
        for span, text in spans:
            start, end = span
            lines = document.split("\n")
            offset = sum(len(line) + 1 for line in lines[: start[0]]) + start[1]
            last = sum(len(line) + 1 for line in lines[: end[0]]) + end[1]
            document = document[:offset] + text + document[last:]
        editor.client.change_many(address, [(None, document)])
        editor.client.change_many = whole  # type: ignore[assignment,method-assign]

    editor.client.change_many = whole  # type: ignore[assignment,method-assign]
    editor.api.script(edits(FIRST, SECOND, THIRD))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == FIXED
    assert editor.messages == []


async def test_a_client_without_versions_in_its_edits(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.workspace_edit = None
    await unstarted.start(capabilities)
    uri = unstarted.open()
    unstarted.api.script(edits(FIRST, SECOND, THIRD))
    await unstarted.fix(uri, "LIMIT")
    await unstarted.settled()
    assert unstarted.text(uri) == FIXED
    assert all(each.edit.changes is not None for each, _ in unstarted.client.applied)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
async def test_line_endings_astral_characters_and_no_final_newline(
    unstarted: Editor, encoding: str, ending: str
) -> None:
    await unstarted.start(encoding=encoding)
    text = ending.join(["# 😀 é", 'x = "😀"; y = bad', "z = 1", "last = 0"])
    uri = unstarted.open(text)
    unstarted.api.script(
        edits(
            edit(text, "y = bad", "y = good\ny2 = 2"),
            edit(text, "last = 0", "last = 1\n"),
        )
    )
    await unstarted.fix(uri, "bad")
    await unstarted.settled()
    wanted = ["# 😀 é", 'x = "😀"; y = good', "y2 = 2", "z = 1", "last = 1"]
    assert unstarted.text(uri) == ending.join(wanted)
    assert unstarted.messages == []


async def test_lines_can_be_deleted(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", ""), SECOND))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("LIMIT = 10\n", "").replace("= 0", "= 1")
    assert editor.messages == []


async def test_an_edit_that_changes_nothing_is_not_sent(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 10")))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.client.applied == []
    assert editor.text(uri) == PYTHON


async def test_no_edits_is_told(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits())
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.messages == ["no change is proposed"]


async def test_an_edit_of_text_that_never_was_there_is_dropped(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits({"line": 3, "quote": "imagined()", "replacement": "x"}, FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")
    (message,) = editor.messages
    assert "not in the document" in message


async def test_cancelled_by_the_progress_button(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(edits(FIRST, SECOND, between=[gate]))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    await editor.client.wait_for(lambda: editor.client.applied)
    (token,) = editor.client.reports
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")
    assert editor.client.reports[token][-1] == {"kind": "end", "message": "cancelled"}
    assert editor.messages == []
    assert editor.statuses[-1] == ("idle", "")


async def test_cancelled_by_the_command(editor: Editor) -> None:
    gates = [Gate(), Gate()]
    for number, gate in enumerate(gates):
        uri = editor.open(PYTHON, f"{number}.py")
        editor.api.script(edits(FIRST, between=[gate]))
        await editor.fix(uri, "LIMIT")
        await gate.wait_reached()
    assert await editor.command("claude.cancel") == 2
    for request in editor.api.messages:
        await request.wait_disconnected()
    await editor.settled()
    assert await editor.command("claude.cancel") == 0
    # The session goes on.
    editor.api.script(edits(SECOND))
    await editor.fix(uri, "result = 0")
    await editor.settled()
    assert "result = 1" in editor.text(uri)


async def test_a_second_call_takes_the_place_of_the_first(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("") + gate + edits(FIRST))
    editor.api.script(edits(SECOND))
    await editor.fix(uri, "LIMIT")
    await gate.wait_reached()
    await editor.fix(uri, "result = 0")
    await editor.api.messages[0].wait_disconnected()
    gate.open()
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("= 0", "= 1")
    assert [each[-1]["message"] for each in editor.client.reports.values()] == ["cancelled", "done"]
    assert editor.statuses[-1] == ("idle", "")


async def test_two_calls_in_one_packet(editor: Editor, recwarn: pytest.WarningsRecorder) -> None:
    uri = editor.open()
    editor.api.answer = edits(FIRST)
    arguments = editor.problem(uri, "LIMIT")
    await asyncio.gather(*(editor.command("claude.fix", arguments) for _ in range(3)))
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")
    assert len(editor.api.messages) == 1
    assert [str(each.message) for each in recwarn if "never awaited" in str(each.message)] == []


async def test_a_broken_stream_keeps_what_was_applied_and_tells_why(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(FIRST, end=Disconnect()))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")
    (error,) = editor.errors
    assert "broke off" in error
    (reports,) = editor.client.reports.values()
    assert reports[-1]["message"] == "failed"
    assert editor.statuses[-1][0] == "blocked"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (replies.error(401), "API key was not accepted"),
        (replies.refusal(), "declined"),
        (replies.max_tokens('{"edits":['), "cut at the model's output limit"),
        (replies.text("I would rather talk."), "could not be used"),
        (replies.text('{"edits": "none"}'), "could not be used"),
    ],
)
async def test_a_failure_is_told_to_who_asked(editor: Editor, reply: Any, words: str) -> None:
    uri = editor.open()
    editor.api.script(reply)
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    (error,) = editor.errors
    assert words in error
    assert editor.text(uri) == PYTHON


async def test_a_secret_in_the_edited_line_stays_what_it_is(editor: Editor) -> None:
    token = GITHUB_TOKEN
    text = f'import api\n\nclient = api.connect("{token}", 10)\n'
    uri = editor.open(text)

    def answer(request: Any) -> Any:
        assert token not in request.text
        line = next(each for each in request.text.split("\n") if "client = api" in each)
        line = line[line.index("client") :]
        return edits({"line": 3, "quote": line, "replacement": line.replace("10", "20")})

    editor.api.respond(answer)
    await editor.fix(uri, "10)")
    await editor.settled()
    assert editor.text(uri) == text.replace("10)", "20)")
    assert editor.messages == []


async def test_what_must_not_be_sent_is_not(editor: Editor) -> None:
    uri = editor.open("KEY=1\n", ".env", "dotenv")
    await editor.fix(uri, "KEY")
    await editor.settled()
    (error,) = editor.errors
    assert ".env is not sent: secret-bearing file" in error
    assert editor.api.requests == []


async def test_our_own_findings_need_no_problems_in_the_arguments(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.json_findings([finding(PYTHON, "LIMIT = 10", title="Too small")]))
    await editor.run("claude.review", {"uri": uri})
    editor.api.script(edits(FIRST))
    await editor.run("claude.fix", {"uri": uri, "range": plain(span_of(PYTHON, "LIMIT"))})
    assert editor.text(uri) == PYTHON.replace("10", "20")
    assert "Too small" in editor.api.messages[1].text


async def test_another_spelling_of_the_address_is_the_same_document(editor: Editor) -> None:
    path = editor.root / "a b+c.py"
    path.write_text(PYTHON)
    client_spelling = uri_from_path(path).replace("+", "%2B").replace("%20", "%20")
    editor.client.open(client_spelling, PYTHON)
    editor.api.script(edits(FIRST))
    arguments = editor.problem(client_spelling, "LIMIT")
    await editor.run("claude.fix", {**arguments, "uri": uri_from_path(path)})
    assert editor.text(client_spelling) == PYTHON.replace("10", "20")


async def test_edits_of_neighbouring_lines(editor: Editor) -> None:
    text = "a = 1\nb = 2\nc = 3\n"
    uri = editor.open(text)
    editor.api.script(
        edits(
            edit(text, "a = 1", "a = 10\naa = 11"),
            edit(text, "b = 2", ""),
            edit(text, "c = 3", "c = 30"),
        )
    )
    place = place_of(text, "b")
    span = plain((place, place))
    problem = {"range": span, "message": "m"}
    await editor.run("claude.fix", {"uri": uri, "range": span, "problems": [problem]})
    assert editor.text(uri) == "a = 10\naa = 11\nc = 30\n"
    assert editor.messages == []
