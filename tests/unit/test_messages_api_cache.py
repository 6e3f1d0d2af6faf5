"""The loopback Messages API counts tokens and caches prompts as the service does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.messages_api import Gate, MessagesApi, Reply, replies
from tests.messages_api.examples import (
    HAIKU,
    OLD,
    OPUS,
    TOOL,
    ask,
    body,
    formatted,
    image,
    marked,
    said,
)
from tests.messages_api.fixtures import messages_api
from tests.messages_api.raw_client import HEADERS, RawClient, RawResponse
from tests.messages_api.tokens import BLOCK_OVERHEAD, count_text

__all__ = ["messages_api"]  # The fixture of this module.


class Clock:
    """A clock that stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def counters(response: RawResponse) -> tuple[int, int, int]:
    """Uncached, written and read tokens."""
    usage = response.json()["usage"]
    written = usage["cache_creation"]
    total = written["ephemeral_5m_input_tokens"] + written["ephemeral_1h_input_tokens"]
    assert total == usage["cache_creation_input_tokens"]
    return usage["input_tokens"], total, usage["cache_read_input_tokens"]


PREFIX = "p" * 2500  # 1000 tokens of the new tokenizer, 1003 with the block's overhead.
HELLO = count_text("Hello", "v4.7") + BLOCK_OVERHEAD


async def test_cache_is_written_read_and_forgotten() -> None:
    clock = Clock()
    async with MessagesApi(clock=clock) as api, RawClient(api.base_url) as client:
        request = body(system=[marked(PREFIX)])
        written, read = (HELLO, 1003, 0), (HELLO, 0, 1003)
        assert counters(await client.ask(request)) == written
        clock.now = 299
        assert counters(await client.ask(request)) == read
        clock.now = 299 + 299  # The read has refreshed it.
        assert counters(await client.ask(request)) == read
        clock.now += 301
        assert counters(await client.ask(request)) == written


async def test_cache_holds_an_hour_where_asked() -> None:
    clock = Clock()
    async with MessagesApi(clock=clock) as api, RawClient(api.base_url) as client:
        request = body(system=[marked(PREFIX, "1h"), marked(PREFIX)])
        usage = (await client.ask(request)).json()["usage"]
        assert usage["cache_creation"] == {
            "ephemeral_1h_input_tokens": 1003,
            "ephemeral_5m_input_tokens": 1003,
        }
        clock.now = 3599
        assert counters(await client.ask(request)) == (HELLO, 1003, 1003)


CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "nothing": ({}, 2006),
    "later message": ({"messages": said([marked(PREFIX), {"type": "text", "text": "!"}])}, 2006),
    "first message": ({"messages": said([marked(PREFIX + "x")])}, 1003),
    "effort": ({"output_config": {"effort": "low"}}, 1003),
    "thinking": ({"thinking": {"type": "disabled"}}, 1003),
    "system": ({"system": [marked("x" + PREFIX)]}, 0),
    "tools": ({"tools": [TOOL]}, 0),
    "model": ({"model": OPUS}, 0),
    "schema": ({"output_config": formatted()}, 0),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_cache_reads_the_longest_unchanged_prefix(
    messages_api: MessagesApi, name: str
) -> None:
    request = body(system=[marked(PREFIX)], messages=said([marked(PREFIX)]))
    changes, read = CHANGES[name]
    async with RawClient(messages_api.base_url) as client:
        await client.ask(request)
        assert counters(await client.ask(request | changes))[2] == read


async def test_cache_looks_back_twenty_blocks(messages_api: MessagesApi) -> None:
    def request(blocks: int) -> dict[str, Any]:
        more = [{"type": "text", "text": f"{n}"} for n in range(blocks)]
        return body(messages=said([{"type": "text", "text": PREFIX}, *more, marked("end")]))

    async with RawClient(messages_api.base_url) as client:
        await client.ask(body(messages=said([marked(PREFIX)])))
        assert counters(await client.ask(request(18)))[2] == 1003
        await client.ask(body(messages=said([marked(PREFIX + "2")])))
        changed = request(19)
        changed["messages"][0]["content"][0]["text"] += "2"
        assert counters(await client.ask(changed))[2] == 0


async def test_cache_needs_the_model_minimum(messages_api: MessagesApi) -> None:
    async with RawClient(messages_api.base_url) as client:
        for model, text in ((HAIKU, "p" * 1270), ("claude-sonnet-5", PREFIX), (OLD, "p" * 13_280)):
            request = body(model=model, messages=said([marked(text)]))
            for _ in range(2):
                assert counters(await client.ask(request))[1:] == (0, 0)
            request = body(model=model, messages=said([marked(text * 2)]))
            assert counters(await client.ask(request))[1] > 0
            assert counters(await client.ask(request))[2] > 0


async def test_cache_is_readable_once_the_response_has_started(messages_api: MessagesApi) -> None:
    request = body(system=[marked(PREFIX)])
    before, within = Gate(), Gate()
    started = Reply((before,)) + replies.partial("a") + within + replies.text("b")
    messages_api.script(started)
    async with (
        RawClient(messages_api.base_url) as writing,
        RawClient(messages_api.base_url) as client,
    ):
        await writing.send(request | {"stream": True})
        await before.wait_reached()
        assert counters(await client.ask(request))[1] == 1003
        fresh = body(system=[marked("q" * 2500)])
        messages_api.script(replies.partial("a") + within + replies.text("b"))
        async with RawClient(messages_api.base_url) as other:
            await other.send(fresh | {"stream": True})
            await within.wait_reached()
            assert counters(await client.ask(fresh))[2] == 1003
        before.open()
        within.open()


async def test_failed_requests_write_no_cache(messages_api: MessagesApi) -> None:
    messages_api.script(replies.overloaded())
    request = body(system=[marked(PREFIX)])
    async with RawClient(messages_api.base_url) as client:
        await client.ask(request)
        assert counters(await client.ask(request))[1] == 1003


async def test_prewarm_writes_the_cache_and_leaves_the_script(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("scripted"))
    request = body(system=[marked(PREFIX)])
    async with RawClient(messages_api.base_url) as client:
        warmed = (await client.ask(request | {"max_tokens": 0})).json()
        assert (warmed["content"], warmed["stop_reason"]) == ([], "max_tokens")
        response = await client.ask(request)
    assert response.json()["content"][0]["text"] == "scripted"
    assert counters(response)[2] == 1003


async def test_count_tokens_is_the_count_of_the_usage(messages_api: MessagesApi) -> None:
    for model in (HAIKU, OLD):
        request = body(model=model, system="Be brief.", tools=[TOOL], messages=image())
        counted = await ask(
            messages_api,
            {name: value for name, value in request.items() if name != "max_tokens"},
            path="/v1/messages/count_tokens",
        )
        response = await ask(messages_api, request)
        assert counted.json() == {"input_tokens": response.json()["usage"]["input_tokens"]}
    assert count_text("x" * 1000, "v3") < count_text("x" * 1000, "v4.7")


async def test_each_model_and_each_key_has_a_cache_of_its_own() -> None:
    async with MessagesApi(keys=("mine", "yours")) as api, RawClient(api.base_url) as client:

        async def used(key: str, model: str) -> tuple[int, ...]:
            headers = HEADERS | {"authorization": f"Bearer {key}"}
            made = body(system=[marked(PREFIX)], model=model)
            return counters(await client.ask(made, headers=headers))[1:]

        assert await used("mine", HAIKU) == (1003, 0)
        assert await used("yours", HAIKU) == (1003, 0)
        assert await used("mine", OPUS) == (1003, 0)
        assert await used("mine", HAIKU) == (0, 1003)
