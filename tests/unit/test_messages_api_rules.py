"""The loopback Messages API refuses what the service refuses, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.messages_api import KEY, MODELS, MessagesApi, Model
from tests.messages_api.examples import (
    HAIKU,
    OLD,
    OPUS,
    PNG,
    SCHEMA,
    SONNET,
    TOOL,
    ask,
    body,
    formatted,
    image,
    marked,
    said,
)
from tests.messages_api.fixtures import messages_api
from tests.messages_api.models import EFFORTS
from tests.messages_api.raw_client import HEADERS, RawClient

__all__ = ["messages_api"]  # The fixture of this module.


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "temperature": (body(temperature=1.0), "temperature: sampling parameters"),
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
    "unknown role": (body(messages=[{"role": "robot", "content": "x"}]), "messages.0.role: Input"),
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
        body(output_config=formatted(type="array", items={"$ref": "#/properties/a"})),
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
    "tool of the wrong shape": (body(tools=["read"]), "tools.0: Input should be an object"),
    "stream not a boolean": (body(stream="yes"), "stream: Input"),
    "unknown service tier": (body(service_tier="best"), "service_tier: Input"),
    "unknown metadata": (body(metadata={"name": "x"}), "metadata.name: Extra inputs"),
    "empty stop sequence": (body(stop_sequences=[" "]), "stop_sequences.0"),
    "budget of adaptive thinking": (
        body(thinking={"type": "adaptive", "budget_tokens": 2000}),
        "thinking.adaptive.budget_tokens: Extra inputs",
    ),
    "unknown display": (
        body(thinking={"type": "adaptive", "display": "full"}),
        "thinking.display: Input",
    ),
    "budget with a forced tool": (
        body(
            model=OLD,
            thinking={"type": "enabled", "budget_tokens": 1024},
            tools=[TOOL],
            tool_choice={"type": "any"},
        ),
        "may not be enabled when tool_choice forces tool use",
    ),
    "budget with prefill": (
        body(
            model=OLD,
            thinking={"type": "enabled", "budget_tokens": 1024},
            messages=said("a", "b"),
        ),
        "prefill is not supported with thinking enabled",
    ),
    "effort of a model without": (
        body(model=OLD, output_config={"effort": "low"}),
        "claude-haiku-4-5 does not support effort",
    ),
    "format that is no schema": (
        body(output_config={"format": {"type": "json_object"}}),
        "output_config.format.type: Input",
    ),
    "format with more": (
        body(output_config={"format": {"type": "json_schema", "schema": SCHEMA, "name": "x"}}),
        "output_config.format.name: Extra inputs",
    ),
    "format without a schema": (
        body(output_config={"format": {"type": "json_schema"}}),
        "output_config.format.schema: Input should be an object",
    ),
    "unknown speed": (body(speed="ludicrous"), "speed: Input"),
    "21 strict tools": (
        body(tools=[{"name": f"t{n}", "input_schema": SCHEMA, "strict": True} for n in range(21)]),
        "21 strict tools",
    ),
    "unknown choice": (body(tools=[TOOL], tool_choice={"type": "maybe"}), "tool_choice.type: In"),
    "unknown cache": (
        body(messages=said([{"type": "text", "text": "x", "cache_control": {"type": "disk"}}])),
        "cache_control.type",
    ),
    "system of the wrong shape": (body(system=1), "system: Input"),
    "image as system": (body(system=image()[0]["content"]), "system.0.type: Input"),
    "no list of messages": (body(messages=...), "messages: Field required"),
    "message of the wrong shape": (body(messages=["Hello"]), "messages.0: Input"),
    "message with more": (
        body(messages=[{"role": "user", "content": "x", "name": "y"}]),
        "messages.0.name: Extra inputs",
    ),
    "content of the wrong shape": (body(messages=said(5)), "messages.0.content: Input"),
    "tool result without an id": (
        body(messages=said([{"type": "tool_result", "content": "x"}])),
        "tool_result.tool_use_id: Field required",
    ),
    "text block without a text": (
        body(messages=said([{"type": "text"}])),
        "text: Field required",
    ),
    "image of no source": (body(messages=said([{"type": "image"}])), "image.source.type: Input"),
    "last message calls a tool": (
        body(
            model=OLD,
            messages=said("a", [{"type": "tool_use", "id": "1", "name": "x", "input": {}}]),
        ),
        "unanswered `tool_use` ids: 1",
    ),
    "25 optional properties": (
        body(
            output_config={
                "format": {
                    "type": "json_schema",
                    "schema": SCHEMA
                    | {"properties": {f"p{n}": {"type": "string"} for n in range(25)}},
                }
            }
        ),
        "too many optional parameters (25)",
    ),
    "property that is no schema": (
        body(output_config=formatted(type="array", items=True)),
        "properties.a.items: Input should be an object",
    ),
    "unknown type": (body(output_config=formatted(type="text")), "type 'text'"),
    "schema without a type": (body(output_config=formatted(type=[])), "a schema needs"),
    "reference to elsewhere": (
        body(output_config=formatted(**{"$ref": "https://example.org/schema"})),
        "only references within the schema",
    ),
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
            forced: dict[str, Any] = {"tools": [TOOL], "tool_choice": choice}
            assert await status(**forced) == expected(model not in NEVER_FORCED)
            counted = await status("/v1/messages/count_tokens", max_tokens=..., **forced)
            assert counted == expected(model not in NEVER_FORCED)
        assert await status(max_tokens=MODELS[model].max_output + 1) == 400
    assert MODELS[model].cache_minimum == CACHE_MINIMUM.get(model, 512)
    assert MODELS[model].tokenizer == ("v3" if "4-5" in model or "4-6" in model else "v4.7")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"anthropic-version": "2026-10-21"}, 401, "authorization header is required"),
        (HEADERS | {"authorization": "Bearer wrong"}, 401, "invalid x-api-key"),
        ({"authorization": f"Bearer {KEY}"}, 400, "anthropic-version: header is required"),
        (HEADERS | {"anthropic-version": "soon"}, 400, "not a valid version"),
        ({"x-api-key": KEY, "anthropic-version": "2023-06-01"}, 200, ""),
    ],
)
async def test_requires_key_and_version(
    messages_api: MessagesApi, headers: dict[str, str], status: int, message: str
) -> None:
    for path, request in (("/v1/messages?beta=true", body()), ("/v1/models", None)):
        response = await ask(messages_api, request, path=path, headers=headers)
        assert response.status == status
        assert message in response.json().get("error", {"message": ""})["message"]
        if status == 401:
            assert response.json()["error"]["type"] == "authentication_error"


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
