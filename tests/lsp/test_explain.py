"""Explanations: a Markdown document, or a message where the editor opens none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.claude.ledger import state_directory
from claude_lsp.lsp import present as present_module
from claude_lsp.lsp.present import present
from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import PYTHON, plain, span_of
from tests.lsp.pair import modern
from tests.messages_api import Disconnect, Gate, Hang, replies

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lsp.editor import Editor

ANSWER = "It adds the values up.\n\n- `result` starts at 0\n"


def shown_text(editor: Editor) -> str:
    (params,) = editor.client.shown
    path = path_from_uri(params.uri)
    assert path is not None
    assert path.suffix == ".md"
    assert path.is_relative_to(state_directory())
    return path.read_text("utf-8")


async def explain(editor: Editor, needle: str = "result += value") -> str:
    uri = editor.open()
    span = plain(span_of(PYTHON, needle))
    await editor.run("claude.explain", {"uri": uri, "range": span})
    return uri


async def test_the_answer_opens_as_a_document(editor: Editor) -> None:
    editor.api.script(replies.text(ANSWER))
    uri = await explain(editor)
    assert shown_text(editor) == f"# code.py, line 7\n\n{ANSWER.strip()}\n"
    assert "Explain line 7" in editor.api.messages[0].text
    assert editor.messages == []
    assert editor.text(uri) == PYTHON


async def test_without_a_range_the_whole_document_is_explained(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.text(ANSWER))
    await editor.run("claude.explain", {"uri": uri})
    assert "Explain lines 1 to 9" in editor.api.messages[0].text


async def test_an_editor_that_opens_nothing_gets_a_message(unstarted: Editor) -> None:
    capabilities = modern()
    assert capabilities.window is not None
    capabilities.window.show_document = None
    await unstarted.start(capabilities)
    unstarted.api.script(replies.text(ANSWER))
    await explain(unstarted)
    assert unstarted.client.shown == []
    (message,) = unstarted.messages
    assert ANSWER.strip() in message
    assert str(state_directory()) in message


async def refuse(_params: Any) -> Any:
    raise RuntimeError("no")


@pytest.mark.parametrize("how", ["says no", "fails", "silent"])
async def test_a_document_that_was_not_opened_becomes_a_message(
    editor: Editor, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present_module, "_SHOW_S", 0.05)
    features = editor.client.protocol.fm.features
    if how == "says no":
        answer = types.ShowDocumentResult(success=False)
        features[types.WINDOW_SHOW_DOCUMENT] = lambda _: answer
    elif how == "fails":
        del features[types.WINDOW_SHOW_DOCUMENT]
    else:
        editor.pair.unheard.add(types.WINDOW_SHOW_DOCUMENT)
    editor.api.script(replies.text(ANSWER))
    await explain(editor)
    (message,) = editor.messages
    assert ANSWER.strip() in message


async def test_a_state_folder_that_cannot_be_written_still_gives_a_message(
    editor: Editor, empty_home: Path
) -> None:
    (empty_home / "state").mkdir(exist_ok=True)
    (empty_home / "state" / "answers").write_text("in the way")
    editor.api.script(replies.text(ANSWER))
    await explain(editor)
    assert editor.client.shown == []
    (message,) = editor.messages
    assert ANSWER.strip() in message


async def test_an_answer_that_broke_off_is_marked_and_the_failure_told(editor: Editor) -> None:
    editor.api.script(replies.partial("It adds the va") + Disconnect())
    await explain(editor)
    text = shown_text(editor)
    assert "It adds the va" in text
    assert "broke off" in text
    (error,) = editor.errors
    assert "broke off" in error


async def test_a_failure_before_anything_came_opens_nothing(editor: Editor) -> None:
    editor.api.script(replies.error(401))
    await explain(editor)
    assert editor.client.shown == []
    (error,) = editor.errors
    assert "API key was not accepted" in error


async def test_an_empty_answer_is_told(editor: Editor) -> None:
    editor.api.script(replies.text(" "))
    await explain(editor)
    assert editor.client.shown == []
    assert editor.messages == ["no answer came back"]


async def test_it_is_previewed_as_it_grows(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("It adds") + gate + replies.text(" up."))
    await editor.command("claude.explain", {"uri": uri, "range": plain(span_of(PYTHON, "LIMIT"))})
    await gate.wait_reached()
    await editor.client.wait_for(
        lambda: editor.client.previews and editor.client.previews[-1]["text"] == "It adds"
    )
    assert editor.client.previews[-1]["complete"] is False
    gate.open()
    await editor.settled()
    assert editor.client.previews[-1] == {
        "uri": uri,
        "position": {"line": 0, "character": 0},
        "text": "It adds up.",
        "complete": True,
    }


async def test_closing_the_document_does_not_take_the_explanation_away(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("It adds") + gate + replies.text(" up."))
    await editor.command("claude.explain", {"uri": uri})
    await gate.wait_reached()
    editor.client.close(uri)
    gate.open()
    await editor.settled()
    assert "It adds up." in shown_text(editor)


async def test_the_kept_files_are_bounded(editor: Editor) -> None:
    for number in range(25):
        await present(editor.server, f"text {number}")
    texts = {path.read_text() for path in (state_directory() / "answers").iterdir()}
    assert len(texts) == 20
    assert "text 24" in texts


async def test_the_same_text_again_is_kept_once(editor: Editor) -> None:
    for _ in range(3):
        await present(editor.server, "the same")
    assert len(list((state_directory() / "answers").iterdir())) == 1


async def test_cancelled_in_the_middle_nothing_opens(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("It adds") + gate + Hang())
    await editor.command("claude.explain", {"uri": uri})
    await gate.wait_reached()
    await editor.command("claude.cancel")
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert editor.client.shown == []
    assert editor.messages == []
