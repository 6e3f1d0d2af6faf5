"""`claude.complete`: one insertion at its end, or line by line where the user wants that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from tests.lsp.editor import ENCODINGS, plain, units
from tests.lsp.pair import Place, modern
from tests.messages_api import Disconnect, Gate, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

WHOLE = "x = 1\n\n\n"


def at(uri: str, place: Place) -> dict[str, Any]:
    return {"uri": uri, "range": plain((place, place))}


async def live(editor: Editor, **others: Any) -> None:
    await editor.start(options={"edits": {"live": "line"}}, **others)


async def test_the_insertion_is_one_edit_at_its_end(editor: Editor) -> None:
    uri = editor.open("x = 1\ndef f():\n    \n")
    gate = Gate()
    editor.api.script(
        replies.partial("<fill>a = 1\n    b = 2\n") + gate + replies.text("    return a</fill>")
    )
    await editor.command("claude.complete", at(uri, (2, 4)))
    await gate.wait_reached()
    await editor.client.wait_for(lambda: editor.client.previews)
    assert editor.client.applied == []
    gate.open()
    await editor.settled()
    assert editor.text(uri) == "x = 1\ndef f():\n    a = 1\n    b = 2\n    return a\n"
    assert len(editor.client.applied) == 1
    assert editor.client.applied[0][0].label == "Claude: Complete here"
    assert editor.messages == []


async def test_a_selection_is_completed_behind_and_not_replaced(editor: Editor) -> None:
    uri = editor.open("value = ")
    editor.api.script(replies.text("<fill>1</fill>"))
    await editor.run("claude.complete", {"uri": uri, "range": plain(((0, 0), (0, 8)))})
    assert editor.text(uri) == "value = 1"


async def test_the_preview_grows_and_is_taken_back(editor: Editor) -> None:
    uri = editor.open("x = '😀'\ny = ")
    gate = Gate()
    editor.api.script(replies.partial("<fill>[\n1,\n") + gate + replies.text("]</fill>"))
    await editor.command("claude.complete", at(uri, (1, 4)))
    await gate.wait_reached()
    gate.open()
    await editor.settled()
    first, *_, last = editor.client.previews
    assert first["complete"] is False
    assert first["uri"] == uri
    assert first["position"] == {"line": 1, "character": 4}
    assert last["complete"] is True
    assert "[\n1,\n]".startswith(first["text"].rstrip())


async def test_a_cancelled_preview_is_taken_back(editor: Editor) -> None:
    uri = editor.open("y = ")
    gate = Gate()
    editor.api.script(replies.partial("<fill>[\n1,\n") + gate)
    await editor.command("claude.complete", at(uri, (0, 4)))
    await gate.wait_reached()
    await editor.client.wait_for(lambda: editor.client.previews)
    await editor.command("claude.cancel")
    await editor.settled()
    assert editor.client.previews[-1]["complete"] is True
    assert editor.text(uri) == "y = "


async def test_a_client_that_knows_no_previews_gets_none(unstarted: Editor) -> None:
    capabilities = modern()
    capabilities.experimental = None
    await unstarted.start(capabilities)
    uri = unstarted.open("y = ")
    unstarted.api.script(replies.text("<fill>[\n1,\n]</fill>"))
    await unstarted.run("claude.complete", at(uri, (0, 4)))
    assert unstarted.client.previews == []
    assert unstarted.client.statuses == []
    assert unstarted.text(uri) == "y = [\n1,\n]"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
async def test_columns_and_line_endings_are_the_documents(
    unstarted: Editor, encoding: str, ending: str
) -> None:
    await unstarted.start(encoding=encoding)
    text = f"x = 1{ending}s = '😀é'; t = "
    uri = unstarted.open(text)
    unstarted.api.script(replies.text("<fill>(1,\n     2)</fill>"))
    place = (1, units("s = '😀é'; t = ", encoding))
    await unstarted.run("claude.complete", at(uri, place))
    assert unstarted.text(uri) == f"{text}(1,{ending}     2)"
    assert unstarted.messages == []


async def test_it_moves_with_what_the_user_types_above(editor: Editor) -> None:
    uri = editor.open(WHOLE)
    gate = Gate()
    editor.api.script(replies.partial("<fill>y = ") + gate + replies.text("2</fill>"))
    await editor.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    editor.client.change(uri, ((0, 0), (0, 0)), "# above\n")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == "# above\nx = 1\n\ny = 2\n"


async def test_typing_at_the_place_drops_it_with_a_notice(editor: Editor) -> None:
    uri = editor.open(WHOLE)
    gate = Gate()
    editor.api.script(replies.partial("<fill>y = ") + gate + replies.text("2</fill>"))
    await editor.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    editor.client.change(uri, ((2, 0), (2, 0)), "z")
    gate.open()
    await editor.settled()
    assert editor.text(uri) == "x = 1\n\nz\n"
    assert editor.messages == ["the completion was dropped: the text there has changed meanwhile"]


async def test_typing_in_the_same_packet_as_the_command_counts(editor: Editor) -> None:
    uri = editor.open(WHOLE)
    editor.api.script(replies.text("<fill>y = 2</fill>"))
    params = types.ExecuteCommandParams("claude.complete", [at(uri, (2, 0))])
    waiting = editor.client.workspace_execute_command(params)
    editor.client.change(uri, ((0, 0), (0, 0)), "# above\n")
    await editor.settled()
    assert waiting.done()
    assert editor.text(uri) == "# above\nx = 1\n\ny = 2\n"


@pytest.mark.parametrize("answer", ["<fill></fill>", "<fill>  \n</fill>", ""])
async def test_nothing_to_insert_is_told(editor: Editor, answer: str) -> None:
    uri = editor.open(WHOLE)
    editor.api.script(replies.text(answer))
    await editor.run("claude.complete", at(uri, (2, 0)))
    assert editor.messages == ["no completion for this place"]
    assert editor.text(uri) == WHOLE


async def test_a_broken_stream_gives_the_whole_lines_and_tells_why(editor: Editor) -> None:
    uri = editor.open(WHOLE)
    editor.api.script(replies.partial("<fill>y = 2\nz = ") + Disconnect())
    await editor.run("claude.complete", at(uri, (2, 0)))
    assert editor.text(uri) == "x = 1\n\ny = 2\n"
    (error,) = editor.errors
    assert "broke off" in error


async def test_the_client_closes_the_document_meanwhile(editor: Editor) -> None:
    uri = editor.open(WHOLE)
    gate = Gate()
    editor.api.script(replies.partial("<fill>y = ") + gate + replies.text("2</fill>"))
    await editor.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    editor.client.close(uri)
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert editor.client.applied == []


# ----- line by line


async def test_it_grows_line_by_line_as_it_arrives(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    gate = Gate()
    unstarted.api.script(
        replies.partial("<fill>def one():\n    a = 1\n") + gate + replies.text("    b = 2\n</fill>")
    )
    await unstarted.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    await unstarted.until_text(uri, "a = 1")
    assert unstarted.text(uri) == "x = 1\n\ndef one():\n    a = 1\n"
    gate.open()
    await unstarted.settled()
    assert unstarted.text(uri) == "x = 1\n\ndef one():\n    a = 1\n    b = 2\n"
    assert len(unstarted.client.applied) == 3
    assert unstarted.messages == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_it_grows_in_the_right_place_while_the_user_types_above(
    unstarted: Editor, encoding: str, ending: str
) -> None:
    await live(unstarted, encoding=encoding)
    text = WHOLE.replace("\n", ending)
    uri = unstarted.open(text)
    first, second = Gate(), Gate()
    unstarted.api.script(
        replies.partial("<fill>a = '😀'\nb = 1\n")
        + first
        + replies.partial("c = 2\nd = 3\n")
        + second
        + replies.text("e = 4</fill>")
    )
    await unstarted.command("claude.complete", at(uri, (2, 0)))
    await first.wait_reached()
    await unstarted.until_text(uri, "b = 1")
    unstarted.client.change(uri, ((0, 0), (0, 0)), f"# above{ending}")
    first.open()
    await second.wait_reached()
    await unstarted.until_text(uri, "d = 3")
    unstarted.client.change(uri, ((0, 0), (1, 0)), "")
    second.open()
    await unstarted.settled()
    wanted = "x = 1\n\na = '😀'\nb = 1\nc = 2\nd = 3\ne = 4\n"
    assert unstarted.text(uri) == wanted.replace("\n", ending)
    assert unstarted.messages == []


async def half_grown(editor: Editor, uri: str, rest: str, *, together: bool) -> Gate:
    """Let an insertion grow up to `rest`, which comes when the gate that is returned opens.

    With `together` the server may not have heard yet that its edits were applied.
    """
    gate = Gate()
    editor.api.script(
        replies.partial("<fill>a = 1\nb = 2\n") + gate + replies.text(f"{rest}</fill>")
    )
    await editor.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    if together:
        await editor.client.wait_for(lambda: "b = 2" in editor.client.texts[uri])
    else:
        await editor.until_text(uri, "b = 2")
    return gate


@pytest.mark.parametrize("together", [False, True])
async def test_typing_where_it_grows_ends_it(unstarted: Editor, together: bool) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    gate = await half_grown(unstarted, uri, "c = 3", together=together)
    unstarted.client.change(uri, ((3, 5), (3, 5)), "0")
    gate.open()
    await unstarted.settled()
    assert unstarted.text(uri) == "x = 1\n\na = 1\nb = 20\n"
    (message,) = unstarted.messages
    assert message == "the completion ends here: the text there has changed meanwhile"


async def test_cancelled_it_leaves_nothing_behind(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    gate = Gate()
    unstarted.api.script(replies.partial("<fill>a = 1\nb = 2\n") + gate)
    await unstarted.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    await unstarted.until_text(uri, "b = 2")
    unstarted.client.change(uri, ((0, 0), (0, 0)), "# above\n")
    await unstarted.command("claude.cancel")
    await unstarted.settled()
    assert unstarted.text(uri) == "# above\n" + WHOLE
    assert unstarted.messages == []
    assert unstarted.client.previews == []


async def test_cancelled_it_leaves_what_the_user_has_made_of_it(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    gate = Gate()
    unstarted.api.script(replies.partial("<fill>a = 1\nb = 2\n") + gate)
    await unstarted.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    await unstarted.until_text(uri, "b = 2")
    unstarted.client.change(uri, ((2, 4), (2, 5)), "9")
    await unstarted.command("claude.cancel")
    await unstarted.settled()
    assert unstarted.text(uri) == "x = 1\n\na = 9\nb = 2\n"
    (message,) = unstarted.messages
    assert message.startswith("what had been written of the completion was left: the text there")


async def test_the_end_of_the_session_ends_it_without_another_word(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    gate = Gate()
    unstarted.api.script(replies.partial("<fill>a = 1\nb = 2\n") + gate)
    await unstarted.command("claude.complete", at(uri, (2, 0)))
    await gate.wait_reached()
    await unstarted.until_text(uri, "b = 2")
    count = len(unstarted.client.applied)
    await unstarted.client.shutdown_async(None)
    await unstarted.settled()
    assert len(unstarted.client.applied) == count


@pytest.mark.parametrize("together", [False, True])
async def test_what_grows_is_one_step_to_undo_where_the_client_can(
    unstarted: Editor, together: bool
) -> None:
    capabilities = modern()
    capabilities.experimental = {"claude": {"joinUndo": True}}
    await live(unstarted, capabilities=capabilities)
    uri = unstarted.open(WHOLE)
    gate = await half_grown(unstarted, uri, "c = 3\nd = 4", together=together)
    assert unstarted.client.joined == [False, True]
    # What the user has done meanwhile stays a step of its own.
    unstarted.client.change(uri, ((0, 0), (0, 0)), "# above\n")
    gate.open()
    await unstarted.settled()
    assert unstarted.text(uri) == "# above\nx = 1\n\na = 1\nb = 2\nc = 3\nd = 4\n"
    assert unstarted.client.joined == [False, True, False, True]
    assert unstarted.client.applied == []


async def test_a_bracket_that_is_closed_already_is_covered(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open("x = f()\n")
    unstarted.api.script(replies.text("<fill>1, 2)</fill>"))
    await unstarted.run("claude.complete", at(uri, (0, 6)))
    assert unstarted.text(uri) == "x = f(1, 2)\n"


@pytest.mark.parametrize("line_by_line", [False, True])
async def test_what_does_not_parse_any_more_is_told(unstarted: Editor, line_by_line: bool) -> None:
    await unstarted.start(options={"edits": {"live": "line" if line_by_line else "off"}})
    uri = unstarted.open("x = 1\n\n\ny = 2\n")
    unstarted.api.script(replies.text("<fill>z = 3 = = 4\n</fill>"))
    await unstarted.run("claude.complete", at(uri, (2, 0)))
    assert "z = 3 = = 4" in unstarted.text(uri)
    assert unstarted.messages == ["with the completion at line 3 the code does not parse"]


async def test_an_editor_that_tells_its_edits_together_with_typing(unstarted: Editor) -> None:
    await live(unstarted)
    uri = unstarted.open(WHOLE)
    apply = unstarted.client.apply
    change_many = unstarted.client.change_many

    def together(change: types.WorkspaceEdit) -> str | None:
        """Type above and apply, and tell both in one message."""

        def merged(address: str, spans: Any) -> None:
            moved = [
                (((span[0][0] + 1, span[0][1]), (span[1][0] + 1, span[1][1])), text)
                for span, text in spans
            ]
            change_many(address, [(((0, 0), (0, 0)), "#\n"), *moved])

        unstarted.client.change_many = merged  # type: ignore[assignment,method-assign]
        return apply(change)

    unstarted.client.apply = together  # type: ignore[assignment,method-assign]
    unstarted.api.script(replies.text("<fill>a = 1\nb = 2\nc = 3</fill>"))
    await unstarted.run("claude.complete", at(uri, (2, 0)))
    head = "#\n" * len(unstarted.client.applied)
    assert unstarted.text(uri) == f"{head}x = 1\n\na = 1\nb = 2\nc = 3\n"
    assert unstarted.messages == []
