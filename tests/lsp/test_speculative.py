"""What follows a suggestion, asked for while it is shown: for who wants it, and told apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.lsp.test_completion import END, fill, texts
from tests.lsp.test_suggestions import type_text
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from tests.lsp.editor import Editor

FIRST, SECOND = "first = total([])", "second = first"
NEXT = (8, len(FIRST))


@pytest.fixture
async def ahead(unstarted: Editor) -> Editor:
    await unstarted.start(options={"completion": {"debounce_ms": 0, "speculative": True}})
    return unstarted


def spent(editor: Editor) -> list[tuple[int, int]]:
    connection = editor.server.session.ledger._open()
    return connection.execute("SELECT automatic, speculative FROM requests ORDER BY id").fetchall()


async def test_nobody_is_asked_ahead_unless_the_user_wants_it(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = fill(FIRST)
    await editor.suggest(uri, END)
    await editor.settled()
    assert spent(editor) == [(1, 0)]


async def test_what_follows_is_there_when_the_suggestion_is_accepted(ahead: Editor) -> None:
    uri = ahead.open()
    ahead.api.script(fill(FIRST), fill(f"\n{SECOND}"))
    assert texts(await ahead.suggest(uri, END)) == [FIRST]
    await ahead.settled()
    assert f"{FIRST}<CURSOR/>" in ahead.api.messages[1].text
    ahead.api.answer = fill("")
    place = type_text(ahead, uri, END, FIRST)
    assert texts(await ahead.suggest(uri, place)) == [f"\n{SECOND}"]
    assert spent(ahead)[:2] == [(1, 0), (1, 1)]
    (total,) = ahead.server.session.ledger.usage(())
    assert total.speculative >= 1
    assert 0 < total.speculative_usd < total.cost_usd


async def test_it_is_asked_once_while_the_suggestion_is_typed_along(ahead: Editor) -> None:
    uri = ahead.open()
    gate = Gate()
    ahead.api.script(
        fill(FIRST), replies.partial("<fill>\nsec") + gate + replies.text("ond</fill>")
    )
    await ahead.suggest(uri, END)
    await gate.wait_reached()
    place = END
    for letter in "first":
        place = type_text(ahead, uri, place, letter)
        await ahead.suggest(uri, place)
    place = type_text(ahead, uri, place, FIRST.removeprefix("first"))
    waiting = asyncio.ensure_future(ahead.suggest(uri, place))
    await asyncio.sleep(0.02)
    assert len(ahead.api.messages) == 2
    gate.open()
    assert texts(await waiting) == ["\nsecond"]


async def test_it_is_closed_when_the_user_types_something_else(ahead: Editor) -> None:
    uri = ahead.open()
    gate = Gate()
    ahead.api.script(fill(FIRST), replies.partial("<fill>") + gate + replies.stall())
    await ahead.suggest(uri, END)
    await gate.wait_reached()
    gate.open()
    ahead.api.answer = fill("")
    await ahead.suggest(uri, type_text(ahead, uri, END, "x"))
    await ahead.api.messages[1].wait_disconnected()


async def test_it_keeps_the_limits_of_what_nobody_asked_for(unstarted: Editor) -> None:
    options = {"debounce_ms": 0, "speculative": True, "per_minute": 1}
    await unstarted.start(options={"completion": options})
    uri = unstarted.open()
    unstarted.api.answer = fill(FIRST)
    assert texts(await unstarted.suggest(uri, END)) == [FIRST]
    await unstarted.settled()
    assert spent(unstarted) == [(1, 0)]
