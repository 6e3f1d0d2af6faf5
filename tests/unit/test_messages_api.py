"""The loopback Messages API keeps the service's rules and fails as it says it does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.messages_api import (
    MODELS,
    Disconnect,
    Gate,
    Hang,
    MessagesApi,
    Model,
    Reply,
    StreamError,
    Text,
    ThreadedMessagesApi,
    Wait,
    replies,
)
from tests.messages_api.fixtures import messages_api, threaded_messages_api
from tests.messages_api.models import EFFORTS
from tests.messages_api.raw_client import HEADERS, RawClient, RawResponse
from tests.messages_api.tokens import BLOCK_OVERHEAD, count_text

__all__ = ["messages_api", "threaded_messages_api"]  # The fixtures of this module.

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
OLD = "claude-haiku-4-5"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(32)).decode()
TOOL = {"name": "read", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}


def body(**changes: Any) -> dict[str, Any]:
    """A valid request with some parameters changed; `...` leaves one out."""
    valid: dict[str, Any] = {
        "model": HAIKU,
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    return {name: value for name, value in (valid | changes).items() if value is not ...}


def said(*contents: Any) -> list[dict[str, Any]]:
    """Messages with these contents, user first."""
    return [
        {"role": ("user", "assistant")[index % 2], "content": content}
        for index, content in enumerate(contents)
    ]


def formatted(**changes: Any) -> dict[str, Any]:
    """An `output_config` whose schema has one property with these changes."""
    schema = SCHEMA | {"properties": {"a": {"type": "string"} | changes}, "required": ["a"]}
    return {"format": {"type": "json_schema", "schema": schema}}


def image(data: str = PNG, media_type: str = "image/png") -> list[Any]:
    """Messages with one image."""
    source = {"type": "base64", "media_type": media_type, "data": data}
    return said([{"type": "image", "source": source}])


def marked(text: str, ttl: str = "5m") -> dict[str, Any]:
    """A text block with a breakpoint."""
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}


async def ask(api: MessagesApi, request: Any, **options: Any) -> RawResponse:
    async with RawClient(api.base_url) as client:
        return await client.ask(request, **options)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "temperature": (body(temperature=1.0), "temperature"),
    "top_p": (body(top_p=1), "top_p"),
    "top_k": (body(top_k=1, model=OLD), "top_k"),
    "unknown parameter": (body(best_of=2), "best_of: Extra inputs are not permitted"),
    "no model": (body(model=...), "model: Field required"),
    "no max_tokens": (body(max_tokens=...), "max_tokens: Field required"),
    "max_tokens not a number": (body(max_tokens="1"), "max_tokens"),
    "max_tokens over the maximum": (body(max_tokens=64_001, model=OLD), "64001 > 64000"),
    "budget too small": (
        body(model=OLD, thinking={"type": "enabled", "budget_tokens": 1023}),
        "at least 1024",
    ),
    "budget over max_tokens": (
        body(model=OLD, thinking={"type": "enabled", "budget_tokens": 2048}),
        "greater than thinking.budget_tokens",
    ),
    "thinking of the wrong shape": (body(thinking="adaptive"), "thinking"),
    "disabled with xhigh effort": (
        body(thinking={"type": "disabled"}, output_config={"effort": "xhigh"}),
        "'disabled' cannot be combined with effort 'xhigh'",
    ),
    "disabled with max effort": (
        body(thinking={"type": "disabled"}, output_config={"effort": "max"}),
        "'disabled' cannot be combined",
    ),
    "unknown effort": (body(output_config={"effort": "huge"}), "output_config.effort"),
    "unknown output_config": (body(output_config={"x": 1}), "output_config.x: Extra inputs"),
    "fast haiku": (body(speed="fast"), "speed"),
    "fast opus-5 without the beta": (body(speed="fast", model="claude-opus-5"), "speed"),
    "no messages": (body(messages=[]), "at least one message"),
    "assistant first": (body(messages=said("a", "b", "c")[1:]), "first message"),
    "unknown role": (body(messages=[{"role": "robot", "content": "x"}]), "role"),
    "empty content": (body(messages=said("")), "non-empty content"),
    "empty text": (body(messages=said([{"type": "text", "text": ""}])), "must be non-empty"),
    "whitespace": (body(messages=said(" \n")), "non-whitespace"),
    "empty system text": (body(system=[{"type": "text", "text": ""}]), "system.0"),
    "unknown block": (body(messages=said([{"type": "video"}])), "'video' is not one of"),
    "unknown field of a block": (
        body(messages=said([{"type": "text", "text": "x", "language": "c"}])),
        "text.language: Extra inputs",
    ),
    "document of the assistant": (
        body(messages=said("a", [{"type": "document", "source": {}}], "c")),
        "`document` blocks are not permitted in assistant messages",
    ),
    "citations of the user": (
        body(messages=said([{"type": "text", "text": "x", "citations": [{}]}])),
        "citations",
    ),
    "prefill ends with space": (body(model=OLD, messages=said("a", "b ")), "trailing whitespace"),
    "prefill with a format": (
        body(model=OLD, messages=said("a", "b"), output_config=formatted()),
        "cannot be combined with assistant message prefill",
    ),
    "format with citations": (
        body(
            messages=said([{"type": "document", "source": {}, "citations": {"enabled": True}}]),
            output_config=formatted(),
        ),
        "cannot be combined with citations",
    ),
    "five breakpoints": (
        body(messages=said([marked("x") for _ in range(5)])),
        "maximum of 4 blocks with cache_control may be provided. Found 5",
    ),
    "unknown ttl": (body(messages=said([marked("x", "2h")])), "cache_control.ttl"),
    "long ttl after short": (
        body(messages=said([marked("x", "5m"), marked("y", "1h")])),
        "'1h' must not come after '5m'",
    ),
    "image of another type": (body(messages=image(media_type="image/bmp")), "media_type"),
    "image not base64": (body(messages=image("%%%")), "invalid base64"),
    "image mislabelled": (body(messages=image(media_type="image/gif")), "but is image/png"),
    "image of noise": (body(messages=image("AAAA")), "Could not process image"),
    "image of 10 MB": (body(messages=image(PNG + "A" * 10_000_000)), "image exceeds 5 MB maximum"),
    "tool without a schema": (body(tools=[{"name": "x"}]), "tools.0.input_schema"),
    "tool of a bad name": (body(tools=[TOOL | {"name": "a b"}]), "tools.0.name"),
    "tools of one name": (body(tools=[TOOL, TOOL]), "must be unique"),
    "choice without tools": (body(tool_choice={"type": "auto"}), "while providing tools"),
    "choice of no tool": (
        body(tools=[TOOL], tool_choice={"type": "tool", "name": "write"}),
        "Tool 'write' not found",
    ),
    "strict tool with an open schema": (body(tools=[TOOL | {"strict": True}]), "additional"),
    "tool call without result": (
        body(messages=said("a", [{"type": "tool_use", "id": "1", "name": "x", "input": {}}], "c")),
        "without `tool_result`",
    ),
    "tool result without call": (
        body(messages=said([{"type": "tool_result", "tool_use_id": "1", "content": "x"}])),
        "unexpected `tool_use_id`",
    ),
    "open object": (
        body(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}}),
        "'additionalProperties' must be explicitly set to false",
    ),
    "open object inside": (body(output_config=formatted(type="object")), "properties.a"),
    "minimum": (body(output_config=formatted(type="integer", minimum=1)), "'minimum'"),
    "maxLength": (body(output_config=formatted(maxLength=3)), "'maxLength'"),
    "minItems of 2": (body(output_config=formatted(type="array", minItems=2)), "'minItems'"),
    "enum of objects": (body(output_config=formatted(enum=[{}])), "'enum'"),
    "unknown format": (body(output_config=formatted(format="zip")), "format 'zip'"),
    "recursion": (
        body(output_config=formatted(**{"type": "array", "items": {"$ref": "#/properties/a"}})),
        "recursive",
    ),
    "dangling reference": (
        body(output_config=formatted(**{"$ref": "#/$defs/none"})),
        "does not resolve",
    ),
    "17 unions": (
        body(
            output_config=formatted(
                anyOf=[{"type": ["string", "null"]} for _ in range(16)], type="string"
            )
        ),
        "union types (17)",
    ),
    "pre-warm that streams": (body(max_tokens=0, stream=True), "0 cannot be combined with stream"),
    "prompt too long": (
        body(model=OLD, messages=said("x" * 700_000)),
        "prompt is too long: 215388 tokens > 200000 maximum",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refuses(messages_api: MessagesApi, name: str) -> None:
    request, message = REFUSED[name]
    response = await ask(messages_api, request)
    answer = response.json()
    assert response.status == 400, answer
    assert answer["type"] == "error"
    assert answer["error"]["type"] == "invalid_request_error"
    assert message in answer["error"]["message"]
    assert answer["request_id"] == response.headers["request-id"]
    assert messages_api.refused == messages_api.requests


ACCEPTED: dict[str, dict[str, Any]] = {
    "all options": body(
        system=[marked("Be brief.", "1h")],
        tools=[TOOL | {"strict": True, "input_schema": SCHEMA}],
        tool_choice={"type": "any"},
        stop_sequences=["</fill>"],
        metadata={"user_id": "x"},
        service_tier="standard_only",
        speed="standard",
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "low"} | formatted(),
        cache_control={"type": "ephemeral"},
        diagnostics={"previous_message_id": None},
        inference_geo="us",
    ),
    "disabled with high effort": body(
        thinking={"type": "disabled"}, output_config={"effort": "high"}
    ),
    "budget": body(model=OLD, thinking={"type": "enabled", "budget_tokens": 1024}),
    "dated id": body(model="claude-haiku-4-5-20251001"),
    "fast opus": body(model=OPUS, speed="fast"),
    "image": body(messages=image()),
    "tool round": body(
        tools=[TOOL],
        messages=said(
            "a",
            [{"type": "tool_use", "id": "1", "name": "read", "input": {}}],
            [{"type": "tool_result", "tool_use_id": "1", "content": "x"}],
        ),
    ),
    "shared definition": body(
        output_config={
            "format": {
                "type": "json_schema",
                "schema": SCHEMA
                | {
                    "properties": {"a": {"$ref": "#/$defs/t"}, "b": {"$ref": "#/$defs/t"}},
                    "$defs": {"t": {"type": "string", "enum": ["x"]}},
                },
            }
        }
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
async def test_accepts(messages_api: MessagesApi, name: str) -> None:
    response = await ask(messages_api, ACCEPTED[name])
    assert response.status == 200, response.body
    assert response.json()["content"] == [{"type": "text", "text": "ok"}]
    assert not messages_api.refused


# The specification's columns once more, written in another form, so that a wrong row shows.
THINKING = {
    "adaptive": {m for m in MODELS if m != OLD},
    "enabled": {OLD, "claude-sonnet-4-6"},
    "between_tools": {SONNET},
    "disabled": {
        HAIKU, OLD, "claude-sonnet-5", "claude-sonnet-4-6", "claude-opus-5", "claude-opus-4-8",
        "claude-opus-4-7",
    },
}  # fmt: skip
NEVER_FORCED = {SONNET, OPUS} | {m for m in MODELS if "fable" in m or "mythos" in m}
CACHE_MINIMUM = {
    OLD: 4096, "claude-opus-4-7": 2048, "claude-sonnet-5": 1024, "claude-sonnet-4-6": 1024,
    "claude-opus-4-8": 1024,
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
async def test_model_accepts_what_the_table_says(messages_api: MessagesApi, model: str) -> None:
    async with RawClient(messages_api.base_url) as client:

        async def status(path: str = "/v1/messages", **changes: Any) -> int:
            return (await client.ask(body(model=model, **changes), path)).status

        def expected(accepted: bool) -> int:
            return 200 if accepted else 400

        for kind, models in THINKING.items():
            budget = {"budget_tokens": 1024} if kind == "enabled" else {}
            thinking = {"type": kind} | budget
            assert await status(thinking=thinking) == expected(model in models), kind
        for effort in EFFORTS:
            assert await status(output_config={"effort": effort}) == expected(model != OLD)
        assert await status(messages=said("a", "b")) == expected(model == OLD)
        for choice in ({"type": "any"}, {"type": "tool", "name": "read"}):
            forced = {"tools": [TOOL], "tool_choice": choice}
            assert await status(**forced) == expected(model not in NEVER_FORCED)
            counted = await status("/v1/messages/count_tokens", max_tokens=..., **forced)
            assert counted == expected(model not in NEVER_FORCED)
        assert await status(max_tokens=MODELS[model].max_output + 1) == 400
    assert MODELS[model].cache_minimum == CACHE_MINIMUM.get(model, 512)
    assert MODELS[model].tokenizer == ("v3" if "4-5" in model or "4-6" in model else "v4.7")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"anthropic-version": "2026-10-21"}, 401, "authentication_error"),
        (HEADERS | {"authorization": "Bearer wrong"}, 401, "authentication_error"),
        ({"authorization": "Bearer test-key"}, 400, "invalid_request_error"),
        (HEADERS | {"anthropic-version": "soon"}, 400, "invalid_request_error"),
        ({"x-api-key": "test-key", "anthropic-version": "2023-06-01"}, 200, None),
    ],
)
async def test_requires_key_and_version(
    messages_api: MessagesApi, headers: dict[str, str], status: int, kind: str | None
) -> None:
    for path, request in (("/v1/messages?beta=true", body()), ("/v1/models", None)):
        response = await ask(messages_api, request, path=path, headers=headers)
        assert response.status == status
        assert response.json().get("error", {}).get("type") == kind


@pytest.mark.parametrize(
    ("request_body", "path", "status", "kind"),
    [
        (body(model="claude-nope"), "/v1/messages", 404, "not_found_error"),
        (body(), "/v1/complete", 404, "not_found_error"),
        (None, "/v1/models/claude-nope", 404, "not_found_error"),
        (None, "/v1/messages/batches/none", 404, "not_found_error"),
        (None, "/v1/messages", 405, "invalid_request_error"),
        (b"{not json", "/v1/messages", 400, "invalid_request_error"),
        (b"[]", "/v1/messages", 400, "invalid_request_error"),
        (b" " * (32 * 1024 * 1024 + 1), "/v1/messages", 413, "request_too_large"),
    ],
)
async def test_answers_errors_in_the_shape_of_the_api(
    messages_api: MessagesApi, request_body: Any, path: str, status: int, kind: str
) -> None:
    response = await ask(messages_api, request_body, path=path)
    assert response.status == status
    assert response.json()["error"]["type"] == kind


async def test_models_can_be_added_and_retired(messages_api: MessagesApi) -> None:
    always = frozenset({"adaptive"})
    messages_api.models["claude-next"] = Model(
        "claude-next", None, always, True, (), True, 1, "v4.7"
    )
    messages_api.models["claude-past"] = Model(
        "claude-past", "opus", always, True, (), True, 1, "v3", lifecycle="retired"
    )
    assert (await ask(messages_api, body(model="claude-next"))).status == 200
    assert (await ask(messages_api, body(model="claude-past"))).status == 404
    shown = (await ask(messages_api, None, path="/v1/models/claude-next")).json()
    assert shown["line"] is None


async def test_models_are_listed_in_pages(messages_api: MessagesApi) -> None:
    first = (await ask(messages_api, None, path="/v1/models?limit=10")).json()
    path = f"/v1/models?limit=10&after_id={first['last_id']}"
    second = (await ask(messages_api, None, path=path)).json()
    assert first["has_more"]
    assert not second["has_more"]
    assert [model["id"] for model in first["data"] + second["data"]] == list(MODELS)


# Caching


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
        for model, text in ((HAIKU, "p" * 1270), ("claude-sonnet-5", PREFIX), (OLD, "p" * 13_300)):
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


# Answers


async def test_stream_has_the_events_of_the_api_in_order(messages_api: MessagesApi) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello", chunk=3))
    response = await ask(messages_api, body(stream=True))
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["request-id"].startswith("req_")
    events = response.events()
    assert all(name == data["type"] for name, data in events)
    assert [name for name, _ in events] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[3][1]["delta"]["type"] == "signature_delta"
    assert [data["index"] for _, data in events[2:9]] == [0, 0, 0, 1, 1, 1, 1]
    assert events[9][1]["delta"]["stop_reason"] == "end_turn"
    assert events[9][1]["usage"]["output_tokens"] == count_text("Hmm.Hello", "v4.7")
    assert events[9][1]["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["thinking", "text"]),
        ({"thinking": {"type": "disabled"}}, ["text"]),
        ({"model": OLD}, ["text"]),
        ({"model": SONNET, "thinking": {"type": "between_tools"}}, ["text"]),
    ],
)
async def test_thinking_is_left_out_where_it_is_off(
    messages_api: MessagesApi, changes: dict[str, Any], kinds: list[str]
) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello"))
    answer = (await ask(messages_api, body(**changes))).json()
    assert [block["type"] for block in answer["content"]] == kinds


async def test_thinking_is_shown_where_asked(messages_api: MessagesApi) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello"))
    thinking = {"type": "adaptive", "display": "summarized"}
    answer = (await ask(messages_api, body(thinking=thinking))).json()
    assert answer["content"][0]["thinking"] == "Hmm."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("chunk", [0, 1, 4])
async def test_answer_ends_at_a_stop_sequence(
    messages_api: MessagesApi, stream: bool, chunk: int
) -> None:
    messages_api.script(replies.text("a + b</fill> and more", chunk=chunk))
    response = await ask(messages_api, body(stop_sequences=["</fill>", "more"], stream=stream))
    if stream:
        assert response.text() == "a + b"
        delta = response.events()[-2][1]["delta"]
    else:
        delta = response.json()
        assert delta["content"] == [{"type": "text", "text": "a + b"}]
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("stop_sequence", "</fill>")


async def test_answer_ends_when_max_tokens_are_used_up(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("0123456789abcdef"))
    answer = (await ask(messages_api, body(max_tokens=4))).json()
    assert answer["content"] == [{"type": "text", "text": "0123456789"}]
    assert answer["stop_reason"] == "max_tokens"
    assert answer["usage"]["output_tokens"] == 4


async def test_tool_calls_are_streamed_in_fragments(messages_api: MessagesApi) -> None:
    call = ("read", {"path": "a/b/c.py"})
    messages_api.script(replies.tool_uses(call, call), replies.tool_use(*call, before="Let me"))
    request = body(tools=[TOOL])
    events = (await ask(messages_api, request | {"stream": True})).events()
    first = [d for n, d in events if n == "content_block_delta" and d["index"] == 0]
    assert len(first) > 1
    assert json.loads("".join(d["delta"]["partial_json"] for d in first)) == call[1]
    answer = (await ask(messages_api, request)).json()
    assert [block["type"] for block in answer["content"]] == ["text", "tool_use"]
    assert answer["content"][1]["input"] == call[1]
    assert answer["stop_reason"] == "tool_use"


async def test_findings_stream_one_by_one(messages_api: MessagesApi) -> None:
    gate = Gate()
    messages_api.script(replies.json_findings([{"n": 1}, {"n": 2}], between=[gate], chunk=0))
    async with RawClient(messages_api.base_url) as client:
        await client.send(body(stream=True))
        await gate.wait_reached()
        assert messages_api.requests[0].finished_at is None
        gate.open()
        response = await client.receive()
    assert json.loads(response.text()) == {"findings": [{"n": 1}, {"n": 2}]}


STOPPED = {
    "refusal": (replies.refusal("par"), "refusal", "par"),
    "max_tokens": (replies.max_tokens("par"), "max_tokens", "par"),
    "window": (replies.context_window_exceeded("par"), "model_context_window_exceeded", "par"),
    "drip": (replies.drip("par", 0.001), "end_turn", "par"),
    "pings": (replies.text("par", chunk=1, pings=True), "end_turn", "par"),
    "unknown": (replies.unknown_events("par"), "end_turn", "par"),
    "prose": (replies.ignore_format("par"), "end_turn", "par"),
    "json": (replies.json(["ä"]), "end_turn", '["ä"]'),
}


@pytest.mark.parametrize("name", STOPPED)
async def test_reply_ends_as_it_says(messages_api: MessagesApi, name: str) -> None:
    reply, reason, text = STOPPED[name]
    messages_api.script(reply, reply)
    streamed = await ask(messages_api, body(stream=True))
    assert (streamed.text(), streamed.end) == (text, "complete")
    assert streamed.events()[-2][1]["delta"]["stop_reason"] == reason
    whole = (await ask(messages_api, body())).json()
    assert (whole["content"][0]["text"], whole["stop_reason"]) == (text, reason)
    if name == "refusal":
        assert whole["stop_details"]["category"] == "cyber"
    if name == "pings":
        assert sum(event == "ping" for event, _ in streamed.events()) == 4
    if name == "unknown":
        assert b'\n\ndata: {"type":"nameless"}' in streamed.body
        assert "surprise" in dict(streamed.events())


async def test_json_can_be_fenced(messages_api: MessagesApi) -> None:
    messages_api.script(replies.ignore_format({"findings": []}))
    text = (await ask(messages_api, body())).json()["content"][0]["text"]
    assert '```json\n{\n  "findings": []\n}\n```' in text


# Faults

ERRORS = {
    "rate limit": (replies.rate_limit(2), 429, "rate_limit_error", {"retry-after": "2"}),
    "spend cap": (replies.spend_cap(), 429, "rate_limit_error", {}),
    "usage limit": (replies.usage_limit(), 400, "invalid_request_error", {}),
    "overloaded": (replies.overloaded(), 529, "overloaded_error", {}),
    "billing": (replies.error(402), 402, "billing_error", {}),
    "own": (replies.error(418, "teapot_error", "short"), 418, "teapot_error", {}),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ERRORS)
async def test_error_replies(messages_api: MessagesApi, name: str, stream: bool) -> None:
    reply, status, kind, headers = ERRORS[name]
    messages_api.script(reply)
    response = await ask(messages_api, body(stream=stream))
    assert response.status == status
    assert response.json()["error"]["type"] == kind
    assert response.json()["request_id"] == response.headers["request-id"]
    assert headers.items() <= response.headers.items()
    assert not messages_api.refused, "a scripted error is not a broken rule"
    if name == "spend cap":
        assert "retry-after" not in response.headers
        details = response.json()["error"]["details"]
        assert details == {"error_code": "enforced_spend_limit_reached"}


async def test_errors_of_others(messages_api: MessagesApi) -> None:
    messages_api.script(replies.html_error(), replies.foreign_error(500))
    page = await ask(messages_api, body())
    assert (page.status, page.headers["content-type"]) == (413, "text/html")
    assert page.body.startswith(b"<html>")
    foreign = await ask(messages_api, body())
    assert foreign.status == 500
    assert "type" not in foreign.json()
    assert "request-id" not in foreign.headers


@pytest.mark.parametrize(
    ("reply", "end", "text"),
    [
        (replies.drop("abc"), "reset", "abc"),
        (replies.cut("abc"), "cut", "abc"),
        (replies.end_without_stop("abc"), "complete", "abc"),
        (replies.stream_error("abc"), "complete", "abc"),
        (Reply(), "complete", ""),
    ],
)
async def test_stream_breaks_off(
    messages_api: MessagesApi, reply: Reply, end: str, text: str
) -> None:
    messages_api.script(reply)
    response = await ask(messages_api, body(stream=True))
    assert (response.status, response.end, response.text()) == (200, end, text)
    names = [name for name, _ in response.events()]
    assert names[0] == "message_start"
    assert "message_stop" not in names
    if StreamError("overloaded_error", "Overloaded") in reply.steps:
        assert names[-1] == "error"
    assert not messages_api.requests[0].disconnected, "it was the server that went away"


async def test_broken_events(messages_api: MessagesApi) -> None:
    messages_api.script(replies.corrupt_event("abc"), replies.invalid_utf8("abc"))
    corrupt = await ask(messages_api, body(stream=True))
    lines = [line for line in corrupt.body.decode().split("\n") if line.startswith("data: ")]
    with pytest.raises(json.JSONDecodeError):
        [json.loads(line.removeprefix("data: ")) for line in lines]
    assert corrupt.body.endswith(b'data: {"type":"message_stop"}\n\n')
    binary = await ask(messages_api, body(stream=True))
    with pytest.raises(UnicodeDecodeError):
        binary.body.decode()


async def test_faults_of_answers_that_do_not_stream(messages_api: MessagesApi) -> None:
    messages_api.script(
        replies.stream_error("abc"), replies.end_without_stop("abc"), replies.corrupt_event("abc")
    )
    assert (await ask(messages_api, body())).status == 529
    assert (await ask(messages_api, body())).json()["stop_reason"] is None
    with pytest.raises(json.JSONDecodeError):
        (await ask(messages_api, body())).json()
    for reply in (replies.drop("abc"), replies.cut(None)):
        messages_api.script(reply)
        with pytest.raises(ConnectionError):
            await ask(messages_api, body())


@pytest.mark.parametrize("reply", [replies.hang(), replies.stall("abc")])
async def test_silence_lasts_until_the_client_leaves(
    messages_api: MessagesApi, reply: Reply
) -> None:
    messages_api.script(reply)
    async with RawClient(messages_api.base_url) as client:
        await client.send(body(stream=True))
        if reply.steps != (Hang(),):
            assert b" 200 " in await client.receive_head()
            await client.receive_chunk()
        [request] = await messages_api.wait_for(1)
        with pytest.raises(TimeoutError):
            await request.wait_finished(0.02)
        client.close()
        await request.wait_disconnected(2)
    assert request.disconnected
    await request.wait_finished(2)
    assert (request.first_byte_at is None) == (reply.steps == (Hang(),))


async def test_departure_is_noticed_in_the_middle_of_a_stream(messages_api: MessagesApi) -> None:
    gate = Gate()
    messages_api.script(replies.partial("abc") + gate + replies.text("def"))
    loop = asyncio.get_running_loop()
    async with RawClient(messages_api.base_url) as client:
        await client.send(body(stream=True))
        await gate.wait_reached()
        client.close()
        left = loop.time()
        await messages_api.requests[0].wait_disconnected(2)
    assert loop.time() - left < 1
    assert messages_api.requests[0].usage is not None


async def test_client_that_leaves_at_once_is_recorded(messages_api: MessagesApi) -> None:
    async with RawClient(messages_api.base_url) as client:
        await client.send(body())
        client.close()
        [request] = await messages_api.wait_for(1)
        await request.wait_finished(2)


# The connection


async def test_connection_is_kept_alive(messages_api: MessagesApi) -> None:
    async with RawClient(messages_api.base_url) as client:
        for stream in (True, False, True):
            assert (await client.ask(body(stream=stream))).status == 200
        assert (await client.ask(body(top_k=1))).status == 400
        assert (await client.ask(b" " * (32 * 1024 * 1024 + 1))).status == 413
        assert (await client.ask(None, "/v1/models")).status == 200
        await client.send(body())
        await client.send(body())  # Pipelined.
        assert [(await client.receive()).status for _ in range(2)] == [200, 200]
    assert {request.connection for request in messages_api.requests} == {1}


async def test_connection_is_closed_when_asked(messages_api: MessagesApi) -> None:
    async with RawClient(messages_api.base_url) as client:
        response = await client.ask(body(), headers=HEADERS | {"connection": "close"})
        assert response.headers["connection"] == "close"
        with pytest.raises(ConnectionError):
            await client.receive()


async def test_requests_may_come_in_pieces(messages_api: MessagesApi) -> None:
    async with RawClient(messages_api.base_url) as client:
        data = json.dumps(body()).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        whole = f"POST /v1/messages HTTP/1.1\r\n{head}content-length: {len(data)}\r\n\r\n".encode()
        for byte in whole + data:
            client._writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.receive()).status == 200
    assert messages_api.requests[0].raw == data


async def test_garbage_is_refused(messages_api: MessagesApi) -> None:
    for garbage, status in ((b"hello\r\n\r\n", 400), (b"x" * 70_000, 431)):
        async with RawClient(messages_api.base_url) as client:
            client._writer.write(garbage)
            assert (await client.receive()).status == status


async def test_small_packets_are_not_held_back(messages_api: MessagesApi) -> None:
    gate = Gate()
    messages_api.script(Reply((gate,)))
    async with RawClient(messages_api.base_url) as client:
        await client.send(body(stream=True))
        await gate.wait_reached()
        [connection] = messages_api._connections
        assert connection._transport is not None
        endpoint = connection._transport.get_extra_info("socket")
        assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        gate.open()


async def test_slow_reader_holds_the_server_back(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("x" * 120_000, chunk=1000), replies.text("y" * 40_000_000))
    assert len((await ask(messages_api, body(stream=True, max_tokens=128_000))).text()) == 120_000
    async with RawClient(messages_api.base_url) as client:
        big = Reply((Text("y" * 300_000),)) + Reply((Text("z"),))
        messages_api.reset()
        messages_api.script(*[big] * 1)
        await client.send(body(stream=True, max_tokens=128_000))
        response = await client.receive()
        assert len(response.text()) == 300_001


async def test_closing_ends_everything() -> None:
    before = asyncio.all_tasks()
    async with MessagesApi() as api:
        api.script(replies.hang(), replies.stall("abc"))
        clients = [RawClient(api.base_url) for _ in range(3)]
        for client in clients:
            await client.__aenter__()
        await clients[0].send(body())
        await clients[1].send(body(stream=True))
        requests = await api.wait_for(2)
    assert asyncio.all_tasks() == before
    await asyncio.gather(*(request.wait_finished(1) for request in requests))
    assert not any(request.disconnected for request in requests)
    for client in clients:
        client.close()


# Scripting and looking back


async def test_script_then_handler_then_answer(messages_api: MessagesApi) -> None:
    async def handler(request: Any) -> Reply | None:
        return replies.text("handler") if "please" in request.text else None

    messages_api.answer = replies.text("answer")
    messages_api.respond(handler)
    messages_api.script(replies.text("opus"), when=lambda request: request.model == OPUS)
    messages_api.script(replies.text("first"), replies.text("second"))
    texts = []
    for changes in ({}, {}, {"system": "please"}, {}, {"model": OPUS}):
        answer = (await ask(messages_api, body(**changes))).json()
        texts.append(answer["content"][0]["text"])
    assert texts == ["first", "second", "handler", "answer", "opus"]
    assert messages_api.unused == 0


async def test_repeated_replies_take_turns(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("a"), replies.text("b"), repeat=True)
    answers = [(await ask(messages_api, body())).json() for _ in range(3)]
    assert [answer["content"][0]["text"] for answer in answers] == ["a", "b", "a"]


async def test_other_endpoints_can_fail_too(messages_api: MessagesApi) -> None:
    messages_api.script(replies.error(503), Reply((Wait(0.001),)), path="/v1/models")
    assert (await ask(messages_api, body())).status == 200
    assert (await ask(messages_api, None, path="/v1/models")).status == 503
    assert (await ask(messages_api, None, path="/v1/models")).status == 200


async def test_rules_come_before_the_script(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("kept"))
    assert (await ask(messages_api, body(top_k=1))).status == 400
    assert messages_api.unused == 1


async def test_failure_of_a_handler_fails_the_test() -> None:
    def handler(request: Any) -> Reply:
        raise LookupError("nothing to say")

    with pytest.raises(LookupError, match="nothing to say"):
        async with MessagesApi() as api:
            api.respond(handler)
            assert (await ask(api, body())).status == 500


async def test_requests_are_recorded(messages_api: MessagesApi) -> None:
    raw = json.dumps(body(system="Rules", messages=said([marked("Käse")]))).encode()
    response = await ask(messages_api, raw, path="/v1/messages?beta=true")
    [request] = await messages_api.wait_for(1, path="/v1/messages")
    await request.wait_finished()
    assert request.raw == raw
    assert request.body == json.loads(raw)
    assert (request.query, request.status, request.refused) == ({"beta": "true"}, 200, None)
    assert request.text == "Rules\nKäse"
    assert request.headers["authorization"] == "Bearer test-key"
    assert request.first_byte_at is not None
    assert request.finished_at is not None
    assert request.received_at <= request.first_byte_at <= request.finished_at
    assert request.usage == response.json()["usage"]
    assert messages_api.messages == [request]


async def test_waiting_for_too_many_says_what_came(messages_api: MessagesApi) -> None:
    await ask(messages_api, None, path="/v1/models")
    with pytest.raises(TimeoutError, match="2 requests wanted.*GET /v1/models"):
        await messages_api.wait_for(2, timeout_s=0.01)


def test_environment_leads_only_here(
    threaded_messages_api: ThreadedMessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "real")
    variables = threaded_messages_api.environment(EXTRA="1")
    ours = {name: value for name, value in variables.items() if name.startswith("ANTHROPIC_")}
    assert not Path(ours.pop("ANTHROPIC_CONFIG_DIR")).exists()
    assert ours == {
        "ANTHROPIC_BASE_URL": threaded_messages_api.base_url,
        "ANTHROPIC_API_KEY": "test-key",
    }
    assert variables["NO_PROXY"] == "127.0.0.1"
    assert variables["EXTRA"] == "1"
    assert variables["PATH"] == os.environ["PATH"]


def test_server_in_a_thread(threaded_messages_api: ThreadedMessagesApi) -> None:
    api = threaded_messages_api
    gate = Gate()
    api.script(replies.partial("a") + gate + replies.text("b"), replies.stall())

    async def leave() -> None:
        async with RawClient(api.base_url) as client:
            await client.send(body(stream=True))
            await client.receive_head()

    async def stay() -> str:
        async with RawClient(api.base_url) as client:
            await client.send(body(stream=True))
            await gate.wait_reached()
            gate.open()
            return (await client.receive()).text()

    assert asyncio.run(stay()) == "ab"
    asyncio.run(leave())
    first, second = api.wait_for(2)
    api.wait_finished(first)
    api.wait_disconnected(second)
    assert (first.disconnected, second.disconnected) == (False, True)


# Batches


async def test_batch_from_start_to_results(messages_api: MessagesApi) -> None:
    messages_api.batch_polls = 1
    messages_api.script(replies.text("one"), replies.overloaded(), replies.hang())
    names = ["ok", "failed", "late", "wrong"]
    params = [body(), body(), body(), body(stream=True)]
    path = "/v1/messages/batches"
    async with RawClient(messages_api.base_url) as client:
        parts = [{"custom_id": n, "params": p} for n, p in zip(names, params, strict=True)]
        batch = (await client.ask({"requests": parts}, path)).json()
        own = f"{path}/{batch['id']}"
        assert batch["processing_status"] == "in_progress"
        assert batch["request_counts"]["processing"] == 4
        assert (await client.ask(None, f"{own}/results")).status == 404
        assert (await client.ask(None, own)).json()["processing_status"] == "in_progress"
        batch = (await client.ask(None, own)).json()
        assert batch["processing_status"] == "ended"
        assert batch["request_counts"] == {
            "processing": 0, "succeeded": 1, "errored": 2, "canceled": 0, "expired": 1,
        }  # fmt: skip
        lines = (await client.ask(None, f"{own}/results")).body.splitlines()
        found = {line["custom_id"]: line["result"] for line in map(json.loads, lines)}
        assert found["ok"]["message"]["content"][0]["text"] == "one"
        assert found["ok"]["message"]["usage"]["service_tier"] == "batch"
        assert found["failed"]["error"]["error"]["type"] == "overloaded_error"
        assert found["wrong"]["error"]["error"]["message"].startswith("stream")
        assert [line["id"] for line in (await client.ask(None, path)).json()["data"]]
        assert (await client.ask(None, own, method="DELETE")).status == 200
        assert (await client.ask(None, own)).status == 404
        assert batch["results_url"] == f"{messages_api.base_url}{own}/results"


async def test_batch_can_be_cancelled(messages_api: MessagesApi) -> None:
    path = "/v1/messages/batches"
    parts = [{"custom_id": "a", "params": body()}]
    async with RawClient(messages_api.base_url) as client:
        batch = (await client.ask({"requests": parts}, path)).json()
        own = f"{path}/{batch['id']}"
        cancelled = (await client.ask({}, f"{own}/cancel")).json()
        assert cancelled["processing_status"] == "canceling"
        assert (await client.ask(None, own)).json()["request_counts"]["canceled"] == 1


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"custom_id": "a b", "params": body()}],
        [{"custom_id": "a"}],
        [{"custom_id": "a", "params": body()}] * 2,
    ],
)
async def test_malformed_batches_are_refused(messages_api: MessagesApi, requests: Any) -> None:
    response = await ask(messages_api, {"requests": requests}, path="/v1/messages/batches")
    assert response.status == 400


# By itself


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGTERM")
async def test_runs_by_itself(tmp_path: Path) -> None:
    script, record = tmp_path / "script.json", tmp_path / "record.jsonl"
    entry = {"reply": "text", "answer": "hi", "repeat": True, "when": {"contains": "Hello"}}
    script.write_text(json.dumps([entry]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.messages_api", "--script", script, "--answer", "else"),
        *("--record", record),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    async with RawClient((await process.stdout.readline()).decode().strip()) as client:
        answers = [
            (await client.ask(body(**changes))).json() for changes in ({}, {"messages": said("?")})
        ]
        await client.send(body(stream=True))
        await client.receive()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert [answer["content"][0]["text"] for answer in answers] == ["hi", "else"]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 200]
    assert lines[0]["body"] == body()


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "list"), ('[{"reply": "nope"}]', "nope"), ('[{"reply": "text"}]', "answer")],
)
def test_wrong_script_file_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    from tests.messages_api.__main__ import main

    script = tmp_path / "script.json"
    script.write_text(content)
    assert main(["--script", str(script)]) == 2
    assert message in capsys.readouterr().err


def test_steps_can_be_put_together() -> None:
    together = replies.partial("a", chunk=0) + Disconnect() + Reply((Wait(1),))
    assert together.steps == (Text("a"), Disconnect(), Wait(1))
