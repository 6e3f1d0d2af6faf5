"""Suggestions while typing: what is asked, what is kept, and what each door answers."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types

from claude_lsp.lsp import suggestions
from claude_lsp.text.snapshots import path_from_uri
from tests.lsp.editor import client_range, pause, suggestion_params, units
from tests.lsp.test_completion import END, fill, idle_at_last, texts
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from claude_lsp.engine import Engine
    from tests.lsp.editor import Editor
    from tests.lsp.pair import Place


def type_text(editor: Editor, uri: str, place: Place, text: str) -> Place:
    """Type a text of one line; return where the cursor is then."""
    editor.client.change(uri, (place, place), text)
    return place[0], place[1] + units(text, editor.client.encoding)


async def key_by_key(
    editor: Editor, uri: str, place: Place, text: str
) -> list[asyncio.Task[list[types.InlineCompletionItem]]]:
    """Type a text, with a request for each key, as an editor does that never cancels."""
    pending = []
    for letter in text:
        place = type_text(editor, uri, place, letter)
        pending.append(asyncio.ensure_future(editor.suggest(uri, place)))
        await asyncio.sleep(0.002)
    return pending


async def test_a_stream_that_writes_what_is_typed_is_kept(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>for each") + gate + replies.text(" in values:</fill>"))
    first = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    pending = await key_by_key(editor, uri, END, "for each in")
    assert await first == []
    gate.open()
    answers = [texts(items) for items in await asyncio.gather(*pending)]
    assert answers == [[]] * 10 + [[" values:"]]
    assert len(editor.api.messages) == 1


async def test_a_burst_from_an_editor_that_never_cancels_costs_two_requests_at_most(
    editor: Editor,
) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>") + gate + replies.stall("while true"))
    editor.api.script(fill(" values"))
    pending = await key_by_key(editor, uri, END, "f")
    await gate.wait_reached()
    pending += await key_by_key(editor, uri, (8, 1), "or each one in")
    gate.open()
    answers = [texts(items) for items in await asyncio.gather(*pending)]
    assert len(answers) == 15
    assert answers == [[]] * 14 + [[" values"]]
    assert len(editor.api.messages) == 2
    await editor.api.messages[0].wait_disconnected()


async def test_an_editor_that_cancels_for_each_key_keeps_its_stream(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>rint") + gate + replies.text("(x)</fill>"))
    converter = editor.client.protocol._converter
    place = END
    for number, letter in enumerate("print"):
        place = type_text(editor, uri, place, letter)
        params = converter.unstructure(suggestion_params(uri, place))
        cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number - 1}}
        request = {"jsonrpc": "2.0", "id": number, "method": "textDocument/inlineCompletion"}
        await asyncio.sleep(0)  # the change is on its way
        editor.pair.raw.send(*([cancel] if number else []), {**request, "params": params})
        if not number:
            await gate.wait_reached()
    gate.open()
    answer = await editor.pair.raw.answer(4)
    assert [item["insertText"] for item in answer["result"]["items"]] == ["(x)"]
    for number in range(4):
        assert len(editor.pair.raw.answers(number)) == 1
    assert len(editor.api.messages) == 1


async def test_typing_along_and_going_back_send_nothing(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill("print(total([1]))"))
    assert texts(await editor.suggest(uri, END)) == ["print(total([1]))"]
    place = type_text(editor, uri, END, "pr")
    assert texts(await editor.suggest(uri, place)) == ["int(total([1]))"]
    editor.client.change(uri, ((8, 0), (8, 2)), "")
    assert texts(await editor.suggest(uri, END)) == ["print(total([1]))"]
    place = type_text(editor, uri, END, "print(")
    editor.client.change(uri, (place, place), ")")
    (item,) = await editor.suggest(uri, place)
    assert item.insert_text == "total([1]))"
    assert item.range == client_range((place, (8, 7)))
    assert len(editor.api.messages) == 1


async def test_nothing_to_suggest_is_not_asked_again_unless_the_user_does(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill(""))
    assert await editor.suggest(uri, END) == []
    assert await editor.suggest(uri, END) == []
    assert len(editor.api.messages) == 1
    editor.api.script(fill("total([])"))
    assert texts(await editor.suggest(uri, END, invoked=True)) == ["total([])"]


async def test_a_completion_cut_by_its_token_limit_keeps_its_whole_lines(editor: Editor) -> None:
    uri = editor.open("def f():\n    ")
    editor.api.script(replies.max_tokens("<fill>a = 1\n    b = 2\n    c = unfin"))
    assert texts(await editor.suggest(uri, (1, 4))) == ["a = 1\n    b = 2"]
    assert idle_at_last(editor) or editor.messages == []


async def test_after_a_deletion_nothing_is_asked_but_what_is_known_is_shown(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = fill("x")
    place = type_text(editor, uri, END, "value")
    assert texts(await editor.suggest(uri, place)) == ["x"]
    editor.client.change(uri, ((8, 0), place), "")
    editor.client.change(uri, ((7, 0), (7, 17)), "")
    assert await editor.suggest(uri, (7, 0)) == []
    assert len(editor.api.messages) == 1
    assert texts(await editor.suggest(uri, (7, 0), invoked=True)) == ["x"]


@pytest.mark.parametrize(
    ("options", "text", "place", "asks"),
    [
        ({}, "x = fo_o\n", (0, 6), False),
        ({}, "# now\n", (0, 5), True),
        ({"in_comments": False}, "# now\n", (0, 5), False),
        ({"in_strings": False}, "x = 'a'\n", (0, 6), False),
        ({"in_strings": False}, "x = 'a'\n", (0, 7), True),
        ({"triggers": {"python": "manual"}}, "x = \n", (0, 4), False),
        ({"triggers": {"*.py": "off"}}, "x = \n", (0, 4), False),
        ({"trigger": "off", "triggers": {"python": "automatic"}}, "x = \n", (0, 4), True),
        ({"per_minute": 0}, "x = \n", (0, 4), False),
    ],
)
async def test_where_nothing_is_asked(
    unstarted: Editor, options: dict[str, Any], text: str, place: Place, asks: bool
) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 0, **options}})
    uri = unstarted.open(text)
    unstarted.api.answer = fill("xy")
    assert texts(await unstarted.suggest(uri, place)) == ["xy"] * asks
    assert len(unstarted.api.messages) == asks
    assert unstarted.statuses == [] or unstarted.statuses[-1] == ("idle", "")


async def test_a_read_only_file_is_left_alone(editor: Editor) -> None:
    uri = editor.open()
    path = path_from_uri(uri)
    assert path is not None
    path.chmod(stat.S_IRUSR)
    assert await editor.suggest(uri, END) == []
    assert editor.api.messages == []


async def test_so_many_a_minute_and_said_once(unstarted: Editor) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 0, "per_minute": 2}})
    uri = unstarted.open()
    unstarted.api.answer = fill("total(1)")
    place = END
    found = []
    for letter in "xyz!":
        place = type_text(unstarted, uri, place, letter)
        found.append(texts(await unstarted.suggest(uri, place)))
    assert found == [["total(1)"], ["total(1)"], [], []]
    assert len(unstarted.api.messages) == 2
    (message,) = unstarted.messages
    assert "2 suggestions within a minute (completion.per_minute)" in message
    assert texts(await unstarted.suggest(uri, place, invoked=True)) == ["total(1)"]


async def test_at_the_daily_limit_it_goes_manual_and_says_so_once(unstarted: Editor) -> None:
    await unstarted.start(options={"spend": {"automatic_day_usd": 0}})
    uri = unstarted.open()
    unstarted.api.answer = fill("total(1)")
    for _ in range(3):
        assert await unstarted.suggest(uri, END) == []
    assert unstarted.api.messages == []
    (message,) = unstarted.messages
    assert "no suggestions while you type" in message
    assert "spend.automatic_day_usd" in message
    assert texts(await unstarted.suggest(uri, END, invoked=True)) == ["total(1)"]


async def test_new_settings_forget_what_was_suggested(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = fill("print(1)")
    assert texts(await editor.suggest(uri, END)) == ["print(1)"]
    editor.client.settings["claude"] = {"completion": {"multiline": "never", "debounce_ms": 0}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    await editor.ready()
    editor.api.answer = fill("print(2)\nprint(3)")
    assert texts(await editor.suggest(uri, END)) == ["print(2)"]


async def test_what_was_cancelled_and_is_not_asked_for_again_is_closed(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "GRACE_S", 0)
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    waiting = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    (turn,) = editor.server.suggestions.turns.values()
    editor.server.protocol._handle_cancel_notification(
        next(iter(editor.server.protocol._request_futures))
    )
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert turn not in editor.server.suggestions.turns.values()
    with pytest.raises(Exception, match="cancelled"):
        await waiting


async def test_a_stream_that_is_being_closed_is_not_joined(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    editor.api.script(fill("second"))
    converter = editor.client.protocol._converter
    params = converter.unstructure(suggestion_params(uri, END, invoked=True))
    request = {"jsonrpc": "2.0", "method": "textDocument/inlineCompletion", "params": params}
    editor.pair.raw.send({**request, "id": "one"})
    await gate.wait_reached()
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "one"}}
    editor.pair.raw.send(cancel, {**request, "id": "two"})
    answer = await editor.pair.raw.answer("two")
    assert [item["insertText"] for item in answer["result"]["items"]] == ["second"]
    assert (await editor.pair.raw.answer("one"))["error"]["code"] == -32800


async def test_a_document_that_is_closed_in_the_pause_is_not_asked_about(
    unstarted: Editor,
) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 50}})
    uri = unstarted.open()
    waiting = asyncio.ensure_future(unstarted.suggest(uri, END))
    await asyncio.sleep(0)
    unstarted.client.close(uri)
    assert await waiting == []
    assert unstarted.api.messages == []


async def test_cancelling_everything_asks_nothing_anew(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    waiting = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    assert await editor.command("claude.cancel") == 1
    assert await waiting == []
    assert len(editor.api.messages) == 1


# ----- the rules of the protocol


async def test_the_entry_selected_in_the_menu_is_what_the_suggestion_goes_on_from(
    editor: Editor,
) -> None:
    uri = editor.open("import os\nos.pa\n")
    editor.api.script(fill(".join(a, b)"))
    span = client_range(((1, 3), (1, 5)))
    params = suggestion_params(uri, (1, 5))
    params.context.selected_completion_info = types.SelectedCompletionInfo(span, "path")
    result = await editor.client.text_document_inline_completion_async(params)
    assert isinstance(result, types.InlineCompletionList)
    (item,) = result.items
    assert item.insert_text == "path.join(a, b)"
    assert item.range == span
    assert "os.path<CURSOR/>" in editor.api.messages[0].text


async def test_a_range_covers_the_closer_and_stays_on_its_line(editor: Editor) -> None:
    uri = editor.open("😀 = print()\nx\n", "code.java", "java")
    editor.api.script(fill("name);"))
    (item,) = await editor.suggest(uri, (0, 11))
    assert item.insert_text == "name);"
    assert item.range == client_range(((0, 11), (0, 12)))


async def test_the_command_covers_the_closer_too(editor: Editor) -> None:
    uri = editor.open("print()\nx\n", "code.java", "java")
    editor.api.script(fill("name);"))
    where = {"line": 0, "character": 6}
    await editor.run("claude.complete", {"uri": uri, "range": {"start": where, "end": where}})
    assert editor.text(uri) == "print(name);\nx\n"


async def menu(editor: Editor, uri: str, place: Place) -> types.CompletionList:
    params = types.CompletionParams(types.TextDocumentIdentifier(uri), types.Position(*place))
    result = await editor.client.text_document_completion_async(params)
    assert isinstance(result, types.CompletionList)
    return result


async def test_the_menu_is_left_alone_by_default(editor: Editor) -> None:
    uri = editor.open()
    assert not (await menu(editor, uri, END)).items
    assert editor.api.messages == []


async def test_the_menu_as_a_second_door(unstarted: Editor) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 0, "popup": True}})
    uri = unstarted.open("def f(values):\n    retu\n")
    unstarted.api.script(fill("return sum(\n        values\n    )"))
    result = await menu(unstarted, uri, (1, 8))
    assert result.is_incomplete
    (item,) = result.items
    assert item.label == "return sum(…"
    assert item.detail == "Claude"
    assert isinstance(item.filter_text, str)
    assert item.filter_text.startswith("return sum(")
    assert item.text_edit == types.TextEdit(
        client_range(((1, 4), (1, 8))), "return sum(\n        values\n    )"
    )
    assert isinstance(item.documentation, types.MarkupContent)
    assert "```python\nreturn sum(" in item.documentation.value
    # Both doors share one stream and one memory.
    assert texts(await unstarted.suggest(uri, (1, 8))) == ["rn sum(\n        values\n    )"]
    assert len(unstarted.api.messages) == 1


async def test_a_request_that_waits_for_a_pause_can_be_cancelled(unstarted: Editor) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 5_000}})
    uri = unstarted.open()
    asked = asyncio.ensure_future(unstarted.suggest(uri, END))
    await pause()
    assert await unstarted.command("claude.cancel") == 1
    assert await asked == []
    assert unstarted.api.messages == []


async def test_where_the_cursor_rests_the_context_is_looked_for(editor: Editor) -> None:
    editor.file("prices.py", "def with_tax(price): ...\n")
    await editor.indexed()
    uri = editor.open("from prices import with_tax\n\nwith_tax()\n")
    gatherer = (await engine_of(editor))._gatherer
    assert gatherer._ready._documents.keys() == set()
    await editor.actions(uri, ((2, 8), (2, 8)))
    await editor.settled()
    assert gatherer._ready._documents.keys() == {uri}


async def test_where_nothing_is_suggested_by_itself_nothing_is_looked_for(
    unstarted: Editor,
) -> None:
    await unstarted.start(options={"completion": {"trigger": "manual"}})
    uri = unstarted.open()
    await unstarted.actions(uri, (END, END))
    await unstarted.settled()
    assert (await engine_of(unstarted))._gatherer._ready._documents.keys() == set()


async def engine_of(editor: Editor) -> Engine:
    async with editor.server.session.engine() as engine:
        return engine
