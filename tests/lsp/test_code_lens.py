"""Code lenses: off unless wanted, above definitions, with a price where one is known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from lsprotocol import types

from tests.lsp.editor import ENCODINGS, PYTHON
from tests.lsp.pair import modern
from tests.messages_api import replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lsp.editor import Editor

ON = {"code_lens": {"enabled": True}}


async def lenses(editor: Editor, uri: str) -> Sequence[types.CodeLens]:
    params = types.CodeLensParams(types.TextDocumentIdentifier(uri))
    return list(await editor.client.text_document_code_lens_async(params) or ())


async def titles(editor: Editor, uri: str) -> list[tuple[int, str]]:
    """Return line and title of each, without the figure."""
    return [
        (each.range.start.line, each.command.title.partition("≈")[0].partition("<")[0].strip())
        for each in await lenses(editor, uri)
        if each.command is not None
    ]


async def test_there_are_none_unless_they_are_wanted(editor: Editor) -> None:
    assert await lenses(editor, editor.open()) == []
    assert await lenses(editor, "file:///not/open.py") == []


async def test_each_definition_has_what_can_be_asked_about_it(unstarted: Editor) -> None:
    await unstarted.start(options=ON)
    uri = unstarted.open("class A:\n    limit = 1\n\n    def f(self):\n        return 1\n")
    verbs = ("Review", "Explain", "Write tests")
    assert await titles(unstarted, uri) == [(line, verb) for line in (0, 3) for verb in verbs]
    tests = unstarted.open("def test_f():\n    pass\n", "tests/test_code.py")
    assert await titles(unstarted, tests) == [(0, "Review"), (0, "Explain")]
    plain = unstarted.open("def is no code\n", "notes.txt", "plaintext")
    assert await lenses(unstarted, plain) == []
    assert unstarted.api.messages == []


async def test_the_cost_is_told_where_the_price_is_known(unstarted: Editor) -> None:
    await unstarted.start(options={**ON, "routes": {"explain": "haiku"}})
    uri = unstarted.open(PYTHON)
    review, explain, test = [
        each.command.title for each in await lenses(unstarted, uri) if each.command is not None
    ]
    assert review == "Review < $0.01"
    assert explain == "Explain < $0.01"
    assert test.startswith("Write tests ≈ $0.0")


async def test_an_unknown_price_is_not_made_up(unstarted: Editor) -> None:
    await unstarted.start(options={**ON, "models": {"sonnet": "somebody/else"}})
    uri = unstarted.open(PYTHON)
    assert [each.command.title for each in await lenses(unstarted, uri) if each.command] == [
        "Review",
        "Explain",
        "Write tests",
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_click_asks_about_the_definition(unstarted: Editor, encoding: str) -> None:
    await unstarted.start(options=ON, encoding=encoding)
    uri = unstarted.open("x = '😀'\n\n\ndef f():\n    return '😀'\n")
    (explain,) = [
        each.command
        for each in await lenses(unstarted, uri)
        if each.command is not None and each.command.title.startswith("Explain")
    ]
    unstarted.api.script(replies.text("It returns a face."))
    await unstarted.run(explain.command, *(explain.arguments or ()))
    assert "lines 4 to 6" in unstarted.api.messages[0].body["messages"][0]["content"][-1]["text"]
    assert len(unstarted.client.shown) == 1


async def test_a_click_on_review_reviews_the_definition_alone(unstarted: Editor) -> None:
    await unstarted.start(options=ON)
    uri = unstarted.open("secret_plan = 1\n\n\ndef f():\n    return 2\n")
    review = (await lenses(unstarted, uri))[0].command
    assert review is not None
    unstarted.api.script(replies.text('{"findings":[]}'))
    await unstarted.run(review.command, *(review.arguments or ()))
    assert unstarted.messages == ["no findings in code.py"]
    sent = str(unstarted.api.messages[0].body)
    assert "return 2" in sent
    assert "secret_plan" not in sent


async def test_what_must_not_be_sent_has_none(unstarted: Editor) -> None:
    await unstarted.start(options=ON)
    unstarted.file(".claudeignore", "private.py\n")
    uri = unstarted.open(PYTHON, "private.py")
    assert await lenses(unstarted, uri) == []


async def test_they_are_those_of_the_text_when_it_was_asked(unstarted: Editor) -> None:
    await unstarted.start(options=ON)
    uri = unstarted.open(PYTHON)
    params = types.CodeLensParams(types.TextDocumentIdentifier(uri))
    waiting = unstarted.client.text_document_code_lens(params)
    unstarted.client.change(uri, None, "")
    await unstarted.settled()
    assert {each.range.start.line for each in await asyncio.wrap_future(waiting) or ()} == {3}


@pytest.mark.parametrize("can", [True, False])
async def test_the_client_asks_anew_when_the_setting_changes(unstarted: Editor, can: bool) -> None:
    capabilities = modern()
    assert capabilities.workspace is not None
    capabilities.workspace.code_lens = types.CodeLensWorkspaceClientCapabilities(can)
    await unstarted.start(capabilities)
    uri = unstarted.open(PYTHON)
    for enabled, count in ((True, 3), (True, 3), (False, 0)):
        unstarted.client.settings["claude"] = {"code_lens": {"enabled": enabled}}
        unstarted.client.workspace_did_change_configuration(
            types.DidChangeConfigurationParams(settings=None)
        )
        await unstarted.settled()
        assert len(await lenses(unstarted, uri)) == count
    assert unstarted.client.lens_refreshes == (2 if can else 0)
