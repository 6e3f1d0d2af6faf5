"""The command that shows what would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pygls.exceptions import JsonRpcException

from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import PYTHON, plain, span_of

if TYPE_CHECKING:
    from tests.lsp.editor import Editor


@pytest.mark.parametrize("action", ["complete", "fix", "explain", "review"])
async def test_it_shows_what_would_be_sent_and_sends_nothing(editor: Editor, action: str) -> None:
    uri = editor.open()
    span = plain(span_of(PYTHON, "result += value"))
    await editor.run("claude.showContext", {"uri": uri, "range": span, "action": action})
    (params,) = editor.client.shown
    path = path_from_uri(params.uri)
    assert path is not None
    text = path.read_text("utf-8")
    assert text.startswith(f"# {action}: what is sent")
    assert "result += value" in text
    assert "--- system ---" in text
    assert editor.api.requests == []


async def test_a_fence_in_the_document_does_not_end_the_block(editor: Editor) -> None:
    uri = editor.open("````\nfour\n````\n")
    await editor.run("claude.showContext", {"uri": uri, "action": "explain"})
    path = path_from_uri(editor.client.shown[0].uri)
    assert path is not None
    assert path.read_text("utf-8").count("`````") == 2


async def test_an_unknown_action_is_named(editor: Editor) -> None:
    uri = editor.open()
    with pytest.raises(JsonRpcException, match="fix, fixAll, complete, rewrite"):
        await editor.client.command("claude.showContext", {"uri": uri, "action": "dance"})
