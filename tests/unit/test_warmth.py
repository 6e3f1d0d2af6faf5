"""What repeats is written to the cache once and read by the rest, however requests start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from claude_lsp.claude.client import Client
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.request import Block
from claude_lsp.settings import Settings, build
from tests.messages_api import Gate, MessagesApi, Reply, replies
from tests.messages_api.replies import partial
from tests.messages_api.steps import Finish
from tests.unit.engine_kit import point_at, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from claude_lsp.claude.request import Repeats, Request

GUIDELINES = "Be careful with money. " * 200
CALLS = 6


@pytest_asyncio.fixture
async def client(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    point_at(messages_api, monkeypatch)
    ledger = Ledger()
    made = Client(Settings(), ledger)
    yield made
    await made.close()
    ledger.close()


def asked(number: int, repeats: Repeats = "shared", **changes: Any) -> Request:
    shared = Block(GUIDELINES, 1500, stable=True, shared=True)
    return request(blocks=(shared, Block(f"Question {number}?", 10)), repeats=repeats, **changes)


async def send(client: Client, one: Request) -> str:
    text = ""
    async with client.stream(one, Patience(10)) as (pieces, _):
        async for piece in pieces:
            text += piece
    return text


def served(api: MessagesApi) -> list[str]:
    """Return how the shared part of each request was served, in the order in which they came."""
    kinds = []
    for each in api.messages:
        usage = each.usage or {}
        written = usage.get("cache_creation_input_tokens")
        read = usage.get("cache_read_input_tokens")
        kinds.append("write" if written else "read" if read else "plain")
    return kinds


async def test_of_many_at_once_one_writes_and_the_rest_read(
    client: Client, messages_api: MessagesApi
) -> None:
    gate = Gate()
    # The first answer has begun and goes on for a long time: nobody waits for its end.
    messages_api.script(partial("first") + gate + Finish())
    running = [asyncio.ensure_future(send(client, asked(n))) for n in range(CALLS)]
    await asyncio.wait(running[1:])
    assert not running[0].done()
    gate.open()
    await running[0]
    assert served(messages_api) == ["write"] + ["read"] * (CALLS - 1)


async def test_until_the_first_answer_begins_the_others_are_not_sent(
    client: Client, messages_api: MessagesApi
) -> None:
    gate = Gate()
    messages_api.script(Reply((gate,)) + replies.text("first"))
    running = [asyncio.ensure_future(send(client, asked(n))) for n in range(CALLS)]
    await gate.wait_reached()
    assert len(messages_api.messages) == 1
    gate.open()
    await asyncio.gather(*running)
    assert served(messages_api) == ["write"] + ["read"] * (CALLS - 1)


async def test_a_first_one_that_fails_lets_the_next_go_first(
    client: Client, messages_api: MessagesApi
) -> None:
    messages_api.script(replies.error(400, message="no"), replies.error(400, message="no"))
    running = [asyncio.ensure_future(send(client, asked(n))) for n in range(CALLS)]
    results = await asyncio.gather(*running, return_exceptions=True)
    assert [isinstance(each, ClaudeError) for each in results] == [True, True] + [False] * 4
    assert served(messages_api) == ["plain", "plain", "write"] + ["read"] * (CALLS - 3)


async def test_a_first_one_that_is_given_up_lets_the_next_go_first(
    client: Client, messages_api: MessagesApi
) -> None:
    gate = Gate()
    messages_api.script(Reply((gate,)) + replies.text("never"))
    running = [asyncio.ensure_future(send(client, asked(n))) for n in range(CALLS)]
    await gate.wait_reached()
    running[0].cancel()
    running[1].cancel()  # one that waits
    results = await asyncio.gather(*running, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in results] == [True] * 2 + [
        False
    ] * (CALLS - 2)
    assert served(messages_api)[1:] == ["write"] + ["read"] * (CALLS - 3)


async def test_one_that_may_not_be_sent_lets_the_next_go_first(
    client: Client, messages_api: MessagesApi
) -> None:
    client.settings = build({"spend.request_usd": 0.01})
    dear = asked(0, max_tokens=100_000)
    results = await asyncio.gather(
        send(client, dear), send(client, asked(1)), return_exceptions=True
    )
    assert isinstance(results[0], ClaudeError)
    assert served(messages_api) == ["write"]


async def test_who_types_waits_for_nobody(client: Client, messages_api: MessagesApi) -> None:
    gate = Gate()
    messages_api.script(Reply((gate,)) + replies.text("first"))
    first = asyncio.ensure_future(send(client, asked(0)))
    await gate.wait_reached()
    await send(client, asked(1, automatic=True))
    gate.open()
    await first


async def test_what_is_sent_again_is_written_the_second_time_and_read_the_third(
    client: Client, messages_api: MessagesApi
) -> None:
    for number in range(3):
        await send(client, asked(number, repeats=""))
    assert served(messages_api) == ["plain", "write", "read"]


async def test_what_a_cache_has_forgotten_is_not_taken_for_repeated(
    messages_api: MessagesApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("claude_lsp.claude.warmth.LIFETIME_S", 0.0)
    for number in range(3):
        await send(client, asked(number, repeats=""))
    assert served(messages_api) == ["plain"] * 3
