"""Several suggestions to choose from, and what is counted of those that are accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.lsp.editor import client_range
from tests.lsp.test_completion import END, fill, texts
from tests.lsp.test_suggestions import type_text
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from lsprotocol import types

    from tests.lsp.editor import Editor


def choices(*several: str) -> Any:
    return replies.text("\n".join(f"<fill>{text}</fill>" for text in several))


async def counted(editor: Editor) -> list[tuple[int, int, int]]:
    """Return what the ledger counts for each request, once everything is written."""
    await editor.settled()
    connection = editor.server.session.ledger._open()
    query = "SELECT shown, accepted, accepted_characters FROM requests ORDER BY id"
    return connection.execute(query).fetchall()


def argument_of(item: types.InlineCompletionItem) -> dict[str, Any]:
    assert item.command is not None
    (argument,) = item.command.arguments or ()
    assert isinstance(argument, dict)
    return argument


async def accept(editor: Editor, item: types.InlineCompletionItem) -> None:
    """Do what an editor does when the user accepts an item."""
    assert item.command is not None
    await editor.command(item.command.command, *(item.command.arguments or ()))


async def test_asked_for_there_are_several_to_choose_from(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(choices("print(1)", "print(2)", "print(1)", "print(3)"))
    items = await editor.suggest(uri, END, invoked=True)
    assert texts(items) == ["print(1)", "print(2)"]
    assert {str(item.range) for item in items} == {str(client_range((END, END)))}
    (request,) = editor.api.messages
    assert "up to 2 of them" in request.text
    # They are remembered, and typing picks among them.
    place = type_text(editor, uri, END, "print(2")
    assert texts(await editor.suggest(uri, place)) == [")"]
    assert len(editor.api.messages) == 1


async def test_while_typing_there_is_one(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(choices("print(1)", "print(2)"))
    assert texts(await editor.suggest(uri, END)) == ["print(1)"]
    assert "of them" not in editor.api.messages[0].text.rpartition("CURSOR")[2]


async def test_the_one_that_is_shown_stays_first_when_the_user_asks_for_others(
    editor: Editor,
) -> None:
    uri = editor.open()
    editor.api.script(fill("print(1)"), choices("print(2)", "print(1)", "print(3)"))
    assert texts(await editor.suggest(uri, END)) == ["print(1)"]
    found = texts(await editor.suggest(uri, END, invoked=True))
    assert found == ["print(1)", "print(2)", "print(3)"]
    again = texts(await editor.suggest(uri, END, invoked=True))
    assert sorted(again) == sorted(found)
    assert len(editor.api.messages) == 2


async def test_asking_does_not_wait_for_a_stream_that_writes_only_one(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>pri") + gate + replies.stall(), choices("a()", "b()"))
    typed = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    assert texts(await editor.suggest(uri, END, invoked=True)) == ["a()", "b()"]
    assert await typed == []
    await editor.api.messages[0].wait_disconnected()


@pytest.mark.parametrize("end", [replies.drop, replies.cut])
async def test_what_is_whole_is_kept_when_the_rest_is_lost(editor: Editor, end: Any) -> None:
    uri = editor.open()
    editor.api.script(end("<fill>print(1)</fill><fill>prin"))
    assert texts(await editor.suggest(uri, END, invoked=True)) == ["print(1)"]


async def test_one_is_enough_for_who_says_so(unstarted: Editor) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 0, "suggestions": 1}})
    uri = unstarted.open()
    unstarted.api.script(choices("print(1)", "print(2)"))
    assert texts(await unstarted.suggest(uri, END, invoked=True)) == ["print(1)"]


async def test_shown_and_accepted_are_counted_once(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill("print(total([]))"))
    await editor.suggest(uri, END)
    place = type_text(editor, uri, END, "print(")
    (item,) = await editor.suggest(uri, place)
    assert await counted(editor) == [(1, 0, 0)]
    await accept(editor, item)
    await accept(editor, item)
    assert await counted(editor) == [(1, 1, len("total([]))"))]


async def test_parts_count_once_with_what_was_taken(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill("print(total([]))"))
    (item,) = await editor.suggest(uri, END)
    argument = argument_of(item)
    await editor.command("claude.accepted", {**argument, "characters": 6})
    assert await counted(editor) == [(1, 1, 6)]
    place = type_text(editor, uri, END, "print(")
    (rest,) = await editor.suggest(uri, place)
    await accept(editor, rest)
    await accept(editor, item)
    assert await counted(editor) == [(1, 1, len("print(total([]))"))]


async def test_parts_of_one_number_add_up(editor: Editor) -> None:
    """Neovim shows the rest by itself, under the number that it has."""
    uri = editor.open()
    editor.api.script(fill("print(total([]))"))
    (item,) = await editor.suggest(uri, END)
    argument = argument_of(item)
    for characters in (6, 5, 99, 1):
        await editor.command("claude.accepted", {**argument, "characters": characters})
    assert await counted(editor) == [(1, 1, len("print(total([]))"))]


async def test_each_choice_counts_for_its_request(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(choices("print(1)", "print(22)"))
    first, second = await editor.suggest(uri, END, invoked=True)
    await accept(editor, second)
    assert await counted(editor) == [(2, 1, 9)]
    assert first.command != second.command


async def test_a_number_that_nobody_was_given_counts_nothing(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill("print(1)"))
    await editor.suggest(uri, END)
    for argument in ({"number": 77}, {"number": "1"}, {}):
        await editor.command("claude.accepted", argument)
    assert await counted(editor) == [(1, 0, 0)]
