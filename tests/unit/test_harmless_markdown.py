"""Markdown of others fetches nothing and runs nothing, however it is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.findings.sanitize import spoken
from claude_lsp.text.conversation import AnswerText
from claude_lsp.text.markdown import fenced, harmless

# What each would do in an editor or a browser that renders it, were it left as it is.
HOSTILE = {
    "image": ("![a](http://e/x)", "![a] (http://e/x)"),
    "image over two lines": ("![a\nb](<http://e>)", "![a\nb] (<http://e>)"),
    "image with brackets": ("![a [b] c](http://e)", "![a [b] c] (http://e)"),
    "image of a host without a scheme": ("![a](//e/x)", "![a] (//e/x)"),
    "image of a share": ("![a](\\\\host\\x)", "![a] (\\\\host\\x)"),
    "image as a link": ("[![i](http://x)](http://y)", "[![i] (http://x)] (http://y)"),
    "image by reference": ("![a][r]\n\n[r]: http://e", "![a][r]\n\n[r] : http://e"),
    "reference over two lines": ("[b]:\n  command:x", "[b] :\n  command:x"),
    "command": ("[x](command:a)", "[x] (command:a)"),
    "command in other letters": ("[x](&#99;ommand:a)", "[x] (&#99;ommand:a)"),
    "command behind a backslash": ("[x\\](a)](command:a)", "[x\\](a)] (command:a)"),
    "command as an address": ("<command:a>", "&lt;command:a>"),
    "script": ("<script>x</script>", "&lt;script>x&lt;/script>"),
    "tag": ("a <img src=x>", "a &lt;img src=x>"),
    "tag over two lines": ("a <x\nstyle=url(//e)>", "a &lt;x\nstyle=url(//e)>"),
    "tag in a comment": ("<!--\n<img src=x>", "&lt;!--\n&lt;img src=x>"),
    "list that ends a block": ("- a\n  ```\n![b](u:)", "- a\n  ```\n![b] (u:)"),
    "no block within a text": ("a\n        ```\n![b](u:)", "a\n        ```\n![b] (u:)"),
    "block within a block of html": ("<div>\n```\n<a href=x:>", "&lt;div>\n```\n<a href=x:>"),
}
PLAIN = [
    "Use `List<T>`, see [docs](https://a.example/?a&b) or [there](../a.md#x), a < b.\n",
    "```html\n<img src='http://a'> ![x](http://b)\n```\n",
    "~~~~\n```\n![x](http://b)\n~~~~\nText.\n",
    "![here](images/a.png)\n",
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_would_fetch_or_run_something_becomes_text(text: str, shown: str) -> None:
    assert harmless(text) == shown
    answer = AnswerText()
    written = answer.feed(text) + answer.close()
    assert re.sub(r"\n`{3,}$", "", written) == re.sub(r"\n`{3,}$", "", shown)


@pytest.mark.parametrize("text", PLAIN)
def test_everything_else_stays(text: str) -> None:
    assert harmless(text) == text
    answer = AnswerText()
    assert answer.feed(text) + answer.close() == text.rstrip("\n")


PIECES = st.lists(
    st.sampled_from(
        [
            *("![", "](", "]", "http://e", ")", "<img src=x>", "\n", "  ```\n", "```\n", "a "),
            *("!", "<", "[r]: ", "\t", "command:x"),
        ]
    )
)


@given(PIECES, st.data())
def test_the_pieces_of_an_answer_do_not_matter(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    whole = AnswerText()
    expected = whole.feed(text) + whole.close()
    answer, made, rest = AnswerText(), "", text
    while rest:
        size = data.draw(st.integers(1, 5))
        made, rest = made + answer.feed(rest[:size]), rest[size:]
    assert made + answer.close() == expected
    assert "](command:" not in re.sub(r"(?ms)^(\s*)```.*?(^\s*```|\Z)", "", expected)


@given(st.text(st.sampled_from("`~\na ")), st.sampled_from(["", "python"]))
def test_no_text_ends_its_block(text: str, info: str) -> None:
    block = fenced(text, info)
    mark = re.match("`+", block)
    assert mark is not None
    assert block.endswith(f"{mark.group()}\n")
    assert mark.group() not in block[mark.end() : -mark.end() - 1]
    assert harmless(block) == block


@pytest.mark.parametrize(
    "text", ["![" * 20_000 + "](http://x)", "<a " * 20_000, "](" + "&" * 50_000, "]: " * 20_000]
)
def test_long_texts_end(text: str) -> None:
    assert len(harmless(text)) >= len(text)


def test_a_message_has_no_links_and_no_escapes() -> None:
    assert spoken("[x](command:y)\x1b[2J\u202e\r\nz") == "[x] (command:y)\\x1b[2J\\u202e\nz"
