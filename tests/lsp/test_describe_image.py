"""Alternative texts: the image goes along, the text comes to its place."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.lsp.editor import place_of, plain
from tests.messages_api import Disconnect, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

MARKDOWN = "# Sales\n\n![old](chart.png)\n"
HTML = '<p><img src="chart.png"></p>\n'
JSX = 'const a = <img alt={name} src={"chart.png"} />;\n'


async def describe(editor: Editor, text: str, name: str, language: str) -> str:
    image = Image.new("RGB", (3000, 20), "red")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    (editor.root / "chart.png").write_bytes(buffer.getvalue())
    uri = editor.open(text, name, language)
    place = place_of(text, "chart.png")
    await editor.run("claude.describeImage", {"uri": uri, "range": plain((place, place))})
    return uri


@pytest.mark.parametrize(
    ("text", "name", "language", "result"),
    [
        (MARKDOWN, "a.md", "markdown", MARKDOWN.replace("old", r"Sales \[in €\] rise")),
        (HTML, "a.html", "html", '<p><img alt="Sales [in €] rise" src="chart.png"></p>\n'),
        (JSX, "a.tsx", "typescriptreact", JSX.replace("alt={name}", 'alt="Sales [in €] rise"')),
    ],
)
async def test_the_text_comes_to_its_place(
    editor: Editor, *, text: str, name: str, language: str, result: str
) -> None:
    editor.api.script(replies.text("Sales [in €]\n rise"))
    uri = await describe(editor, text, name, language)
    assert editor.text(uri) == result
    (sent,) = editor.api.messages
    assert sent.model == "claude-haiku-5-5"
    (image,) = [each for each in sent.body["messages"][0]["content"] if each["type"] == "image"]
    data = base64.b64decode(image["source"]["data"])
    assert Image.open(io.BytesIO(data)).size == (1568, 10)
    assert "the image (chart.png)" in sent.text


async def test_it_is_offered_at_an_image_only(editor: Editor) -> None:
    uri = editor.open(MARKDOWN, "a.md", "markdown")
    only = ["refactor.rewrite.claude.describeImage"]
    place = place_of(MARKDOWN, "old")
    assert len(await editor.actions(uri, (place, place), only=only)) == 1
    place = place_of(MARKDOWN, "Sales")
    assert await editor.actions(uri, (place, place), only=only) == []


async def test_no_image_and_no_usable_image_are_told(editor: Editor) -> None:
    uri = editor.open(MARKDOWN, "a.md", "markdown")
    for needle in ("Sales", "old"):
        place = place_of(MARKDOWN, needle)
        await editor.run("claude.describeImage", {"uri": uri, "range": plain((place, place))})
    assert editor.messages == [
        "there is no image at the cursor (Markdown, HTML or JSX)",
        "the image was not described: chart.png is not there",
    ]
    assert editor.api.requests == []


async def test_a_text_that_broke_off_is_not_put_there(editor: Editor) -> None:
    editor.api.script(replies.partial("Sales of") + Disconnect())
    uri = await describe(editor, MARKDOWN, "a.md", "markdown")
    assert editor.text(uri) == MARKDOWN
    assert len(editor.errors) == 1


async def test_no_text_is_told(editor: Editor) -> None:
    editor.api.script(replies.text(" "))
    uri = await describe(editor, MARKDOWN, "a.md", "markdown")
    assert editor.text(uri) == MARKDOWN
    assert editor.messages == ["no description came back"]
