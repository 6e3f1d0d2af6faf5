"""Edits that wait for the user's word, where the client says that it asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pygls.exceptions import JsonRpcException

from tests.lsp.editor import ENCODINGS, PYTHON, edit, edits, place_of, plain, span_of, units
from tests.lsp.pair import modern
from tests.messages_api import Disconnect, Gate, replies

if TYPE_CHECKING:
    from lsprotocol import types

    from tests.lsp.editor import Editor

FIRST = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")
SECOND = edit(PYTHON, "    result = 0", "    result = 1")
THIRD = edit(PYTHON, "    return result", "    return result + 1")
FIXED = (
    PYTHON.replace("LIMIT = 10", "LIMIT = 20")
    .replace("result = 0", "result = 1")
    .replace("return result", "return result + 1")
)


def asking(encoding: str = "utf-16") -> types.ClientCapabilities:
    capabilities = modern([encoding])
    capabilities.experimental = {"claude": {"preview": {"accept": True}, "status": True}}
    return capabilities


@pytest.fixture
async def asker(unstarted: Editor) -> Editor:
    """An editor that lets the user accept or discard edits."""
    await unstarted.start(asking())
    return unstarted


def held(editor: Editor) -> list[Any]:
    """What was told about edits that wait, in order."""
    return [each for each in editor.client.previews if "id" in each]


def waiting(editor: Editor) -> dict[int, Any]:
    """What the client shows as waiting now."""
    shown = {each["id"]: each for each in held(editor)}
    return {number: each for number, each in shown.items() if not each["complete"]}


def places(told: Any) -> list[tuple[int, int]]:
    starts = [each["range"]["start"] for each in told["edits"]]
    return [(start["line"], start["character"]) for start in starts]


async def fixed(editor: Editor, *items: dict[str, Any], text: str = PYTHON) -> tuple[str, Any]:
    """Ask for a fix to its end; return the document and what waits."""
    uri = editor.open(text)
    editor.api.script(edits(*items))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    (told,) = waiting(editor).values()
    return uri, told


def at(uri: str, place: tuple[int, int]) -> dict[str, Any]:
    return {"uri": uri, "range": plain((place, place))}


async def test_nothing_is_applied_before_the_user_accepts(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST, SECOND, THIRD)
    assert asker.client.applied == []
    assert asker.text(uri) == PYTHON
    assert told["ready"]
    assert told["title"] == "Claude: Fix: is wrong"
    assert [each["newText"] for each in told["edits"]] == [
        "LIMIT = 20",
        "    result = 1",
        "    return result + 1",
    ]
    assert asker.statuses[-1] == ("idle", "")  # the user may take their time
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.text(uri) == FIXED
    # All of it is one step to undo.
    ((params, applied),) = asker.client.applied
    assert applied
    assert params.label == "Claude: Fix: is wrong"
    assert waiting(asker) == {}
    assert asker.messages == []


async def test_they_are_shown_as_they_come_and_accepted_only_when_ready(asker: Editor) -> None:
    uri = asker.open()
    gate = Gate()
    asker.api.script(edits(FIRST, SECOND, between=[gate]))
    await asker.fix(uri, "LIMIT")
    await gate.wait_reached()
    await asker.client.wait_for(lambda: waiting(asker))
    ((number, told),) = waiting(asker).items()
    assert not told["ready"]
    with pytest.raises(JsonRpcException, match="no edits are ready under the id 1"):
        await asker.command("claude.acceptPreview", {"id": number})
    gate.open()
    await asker.settled()
    assert [(len(each["edits"]), each["ready"]) for each in held(asker)] == [
        (1, False),
        (2, False),
        (2, True),
    ]


async def test_discarded_edits_leave_nothing(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST)
    await asker.run("claude.discardPreview", {"id": told["id"]})
    assert waiting(asker) == {}
    assert held(asker)[-1]["reason"] == ""
    with pytest.raises(JsonRpcException, match="no edits are ready"):
        await asker.command("claude.acceptPreview", {"id": told["id"]})
    await asker.run("claude.discardPreview", {"id": told["id"]})  # a second time is no error
    assert asker.text(uri) == PYTHON
    assert asker.server.previews._held == {}


async def test_discarding_what_is_being_written_cancels_it(asker: Editor) -> None:
    uri = asker.open()
    gate = Gate()
    asker.api.script(edits(FIRST, SECOND, between=[gate]))
    await asker.fix(uri, "LIMIT")
    await gate.wait_reached()
    await asker.client.wait_for(lambda: waiting(asker))
    await asker.command("claude.discardPreview", {"id": next(iter(waiting(asker)))})
    await asker.api.messages[0].wait_disconnected()
    await asker.settled()
    assert waiting(asker) == {}
    assert asker.server.previews._held == {}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_they_move_with_the_text_around_them(unstarted: Editor, encoding: str) -> None:
    await unstarted.start(asking(encoding))
    text = PYTHON.replace("LIMIT", "s = '😀é'; LIMIT")
    uri = unstarted.open(text)
    unstarted.api.script(edits(edit(text, "LIMIT = 10", "LIMIT = 20"), SECOND | {"line": 5}))
    await unstarted.fix(uri, "LIMIT")
    await unstarted.settled()
    (told,) = waiting(unstarted).values()
    column = units("s = '😀é'; ", encoding)
    assert places(told) == [(0, column), (4, 0)]
    unstarted.client.change(uri, ((0, 0), (0, 0)), "# é\n")
    unstarted.client.change(uri, ((2, 0), (2, 0)), "# 😀\n")
    await unstarted.settled()
    (told,) = waiting(unstarted).values()
    assert places(told) == [(1, column), (6, 0)]
    count = len(held(unstarted))
    unstarted.client.change(uri, ((9, 0), (9, 0)), "# behind all of them\n")
    await unstarted.settled()
    assert len(held(unstarted)) == count
    await unstarted.run("claude.acceptPreview", {"id": told["id"]})
    assert "LIMIT = 20" in unstarted.text(uri)
    assert "result = 1" in unstarted.text(uri)
    assert unstarted.messages == []


async def test_what_the_user_changes_is_taken_out_and_the_rest_stays(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST, SECOND)
    asker.client.change(uri, span_of(PYTHON, "10"), "11")
    await asker.settled()
    ((number, left),) = waiting(asker).items()
    assert number == told["id"]
    assert places(left) == [(4, 0)]
    asker.client.change(uri, span_of(asker.client.texts[uri], "result = 0"), "result = 7")
    await asker.settled()
    assert waiting(asker) == {}
    assert held(asker)[-1]["reason"] == "the text there has changed meanwhile"
    assert asker.messages == []  # the user sees it, having done it
    assert asker.server.previews._held == {}


async def test_a_completion_waits_at_the_cursor(asker: Editor) -> None:
    uri = asker.open("x = 1\r\ny = ")
    asker.api.script(replies.text("<fill>[\n    1,\n]</fill>"))
    await asker.run("claude.complete", at(uri, (1, 4)))
    (told,) = waiting(asker).values()
    assert told["edits"][0]["newText"] == "[\r\n    1,\r\n]"
    assert asker.client.applied == []
    # The growing text is taken back once the edit is there to be shown.
    assert [each["complete"] for each in asker.client.previews if "id" not in each][-1]
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.text(uri) == "x = 1\r\ny = [\r\n    1,\r\n]"
    assert len(asker.client.applied) == 1


@pytest.mark.parametrize("place", [(1, 0), (1, 4)])
async def test_typing_at_the_cursor_discards_its_completion(
    asker: Editor, place: tuple[int, int]
) -> None:
    uri = asker.open("x = 1\ny = ")
    asker.api.script(replies.text("<fill>2</fill>"))
    await asker.run("claude.complete", at(uri, (1, 4)))
    assert waiting(asker)
    asker.client.change(uri, (place, place), "z")
    await asker.settled()
    assert bool(waiting(asker)) is (place == (1, 0))


async def test_a_new_fix_takes_the_place_of_the_one_that_waits(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST)
    asker.api.script(edits(SECOND))
    await asker.fix(uri, "result = 0")
    await asker.settled()
    (number,) = waiting(asker)
    assert number != told["id"]
    await asker.run("claude.acceptPreview", {"id": number})
    assert asker.text(uri) == PYTHON.replace("result = 0", "result = 1")


async def test_closing_and_opening_anew_discard_what_waits(asker: Editor) -> None:
    uri, _ = await fixed(asker, FIRST)
    asker.client.close(uri)
    await asker.settled()
    assert waiting(asker) == {}
    uri, _ = await fixed(asker, FIRST)
    asker.client.open(uri, PYTHON)
    await asker.settled()
    assert waiting(asker) == {}
    assert asker.server.previews._held == {}


async def test_cancel_takes_back_what_waits(asker: Editor) -> None:
    await fixed(asker, FIRST)
    assert await asker.command("claude.cancel") == 1
    await asker.settled()
    assert waiting(asker) == {}


async def test_a_broken_stream_leaves_what_came_to_the_user(asker: Editor) -> None:
    uri = asker.open()
    asker.api.script(edits(FIRST, end=Disconnect()))
    await asker.fix(uri, "LIMIT")
    await asker.settled()
    (told,) = waiting(asker).values()
    assert told["ready"]
    (error,) = asker.errors
    assert "broke off" in error
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.text(uri) == PYTHON.replace("10", "20")


async def test_no_edits_leave_nothing_behind(asker: Editor) -> None:
    uri = asker.open()
    asker.api.script(edits())
    await asker.fix(uri, "LIMIT")
    await asker.settled()
    assert asker.messages == ["no change is proposed"]
    assert waiting(asker) == {}
    assert asker.server.previews._held == {}


async def test_an_edit_that_overlaps_another_is_dropped(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST, edit(PYTHON, "LIMIT = 10", "LIMIT = 30"))
    assert len(told["edits"]) == 1
    assert asker.messages == ["An edit was dropped: it overlaps another (LIMIT = 10)"]
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert "LIMIT = 20" in asker.text(uri)


async def test_neighbouring_lines_are_edited_as_one(asker: Editor) -> None:
    text = "LIMIT = 1\nb = 2\nc = 3\n"
    uri, told = await fixed(
        asker,
        edit(text, "LIMIT = 1", "LIMIT = 10\nc = 3"),
        edit(text, "b = 2", ""),
        edit(text, "c = 3", "LIMIT = 1"),
        text=text,
    )
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.text(uri) == "LIMIT = 10\nc = 3\nLIMIT = 1\n"
    assert asker.messages == []
    assert len(asker.client.applied) == 1


async def test_typing_while_several_edits_are_applied_is_no_failure(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST, SECOND, THIRD)
    apply = asker.client.apply

    def typing_too(change: types.WorkspaceEdit) -> str | None:
        refused = apply(change)
        asker.client.change(uri, ((0, 0), (0, 0)), "# typed\n")
        return refused

    asker.client.apply = typing_too  # type: ignore[assignment,method-assign]
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.text(uri) == "# typed\n" + FIXED
    assert asker.messages == []


async def test_an_edit_that_the_editor_refuses_is_told(asker: Editor) -> None:
    uri, told = await fixed(asker, FIRST, SECOND)
    asker.client.apply = lambda _: "read only"  # type: ignore[assignment,method-assign]
    await asker.run("claude.acceptPreview", {"id": told["id"]})
    assert asker.messages == ["what you accepted was not applied: the editor refused it: read only"]
    assert asker.text(uri) == PYTHON
    assert waiting(asker) == {}


async def test_the_suggestion_of_a_finding_was_seen_already(asker: Editor) -> None:
    uri = asker.open()
    finding = {
        "path": "code.py",
        "line": 1,
        "quote": "LIMIT = 10",
        "rule": "review.correctness",
        "severity": "major",
        "title": "Too small",
        "explanation": "It is.",
        "confidence": 0.9,
        "replacement": "LIMIT = 20",
    }
    asker.api.script(replies.json_findings([finding]))
    await asker.run("claude.review", {"uri": uri})
    (diagnostic,) = asker.client.diagnostics[uri]
    argument = {"uri": uri, "range": plain(span_of(PYTHON, "LIMIT"))}
    await asker.run("claude.applyFix", {**argument, **(diagnostic.data or {})})
    assert asker.text(uri) == PYTHON.replace("10", "20")


async def test_what_grows_in_the_buffer_is_not_held(unstarted: Editor) -> None:
    await unstarted.start(asking(), options={"edits": {"live": "line"}})
    uri = unstarted.open("y = ")
    unstarted.api.script(replies.text("<fill>[\n1,\n]</fill>"))
    await unstarted.run("claude.complete", at(uri, place_of("y = ", "y = ", end=True)))
    assert unstarted.text(uri) == "y = [\n1,\n]"
    assert held(unstarted) == []


async def test_other_clients_get_their_edits_at_once(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(FIRST))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")
    assert held(editor) == []
