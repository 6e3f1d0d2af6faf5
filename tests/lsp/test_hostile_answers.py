"""Answers that would do what nobody asked for: in the editor, they do nothing unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lsp.editor import PYTHON, edit, edits, plain, span_of
from tests.messages_api import replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

SUM = "    result = 0"
HIDDEN = "if level != '\u2067user': # admin"
TOLD = "what can't be seen: U+2067 RIGHT-TO-LEFT ISOLATE"


def at(uri: str, needle: str = SUM) -> dict[str, Any]:
    return {"uri": uri, "range": plain(span_of(PYTHON, needle))}


# ----- what can't be seen


async def test_ghost_text_ends_before_what_can_not_be_seen(editor: Editor) -> None:
    text = "def f():\n    \n"
    uri = editor.open(text)
    editor.api.respond(lambda _: replies.text(f"<fill>a = 1\n    {HIDDEN}</fill>"))
    shown = await editor.suggest(uri, (1, 4))
    assert [each.insert_text for each in shown] == ["a = 1"]
    editor.api.respond(lambda _: replies.text("<fill>p\u0430y(1)</fill>"))
    await editor.run("claude.complete", {"uri": uri, "range": plain(((1, 4), (1, 4)))})
    assert editor.text(uri) == text


async def test_an_edit_that_brings_it_is_applied_only_if_the_user_says_so(editor: Editor) -> None:
    uri = editor.open()
    editor.client.choose = lambda _: None
    good = edit(PYTHON, "LIMIT = 10", "LIMIT = 20")
    editor.api.script(edits(edit(PYTHON, SUM, f"    {HIDDEN}"), good))
    await editor.run("claude.simplify", at(uri))
    (question,) = editor.client.questions
    assert question.message == f"Claude: an edit would bring {TOLD}. Apply?"
    assert editor.text(uri) == PYTHON.replace("= 10", "= 20")
    assert editor.messages == ["an edit dropped, with what can't be seen"]
