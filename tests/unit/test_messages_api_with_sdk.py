"""The official SDK takes the loopback Messages API for the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.messages_api import KEY, MODELS, MessagesApi, Reply, replies
from tests.messages_api.examples import HAIKU, OPUS, SCHEMA, body, formatted
from tests.messages_api.fixtures import messages_api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anthropic import AsyncAnthropic

__all__ = ["messages_api"]  # A fixture of this module.


@pytest_asyncio.fixture
async def client(messages_api: MessagesApi) -> AsyncIterator[AsyncAnthropic]:
    import anthropic

    async with anthropic.AsyncAnthropic(
        base_url=messages_api.base_url, api_key=KEY, max_retries=0, timeout=5
    ) as client:
        yield client


async def streamed(client: AsyncAnthropic, **changes: Any) -> tuple[str, Any]:
    """The text and the final message of a stream."""
    async with client.messages.stream(**body(**changes)) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        return text, await stream.get_final_message()


async def test_streams_text(client: AsyncAnthropic, messages_api: MessagesApi) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello, wörld"))
    text, message = await streamed(client)
    assert text == "Hello, wörld"
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.stop_reason, message.model) == ("end_turn", HAIKU)
    assert message.usage.output_tokens_details.thinking_tokens == 2
    assert messages_api.requests[0].usage is not None
    assert message.usage.input_tokens == messages_api.requests[0].usage["input_tokens"]
    assert not messages_api.refused


async def test_streams_tool_calls(client: AsyncAnthropic, messages_api: MessagesApi) -> None:
    messages_api.script(replies.tool_use("read", {"path": "a.py"}, before="Let me see."))
    text, message = await streamed(client)
    assert text == "Let me see."
    assert message.content[1].input == {"path": "a.py"}
    assert message.stop_reason == "tool_use"


async def test_structured_output(client: AsyncAnthropic, messages_api: MessagesApi) -> None:
    import pydantic

    class Finding(pydantic.BaseModel):
        line: int = pydantic.Field(ge=1)
        title: str = pydantic.Field(max_length=80)

    class Report(pydantic.BaseModel):
        findings: list[Finding]

    messages_api.script(replies.json_findings([{"line": 3, "title": "Off by one"}]), repeat=True)
    parsed = await client.messages.parse(**body(), output_format=Report)
    assert parsed.parsed_output == Report(findings=[Finding(line=3, title="Off by one")])
    text, _ = await streamed(client, output_config=formatted())
    assert json.loads(text) == {"findings": [{"line": 3, "title": "Off by one"}]}
    assert (
        SCHEMA.keys() <= messages_api.requests[1].body["output_config"]["format"]["schema"].keys()
    )
    assert not messages_api.refused


async def test_counts_tokens_and_lists_models(
    client: AsyncAnthropic, messages_api: MessagesApi
) -> None:
    counted = await client.messages.count_tokens(
        model=HAIKU, messages=[{"role": "user", "content": "Hello"}]
    )
    message = await client.messages.create(**body())
    assert counted.input_tokens == message.usage.input_tokens
    assert [model.id async for model in client.models.list(limit=5)] == list(MODELS)
    model = await client.models.retrieve(OPUS)
    assert (model.line, model.max_input_tokens, model.max_tokens) == ("opus", 1_000_000, 128_000)
    assert model.capabilities is not None
    assert model.capabilities.effort.max.supported
    assert not model.capabilities.thinking.types.disabled.supported


async def test_batches(client: AsyncAnthropic, messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("one"), replies.overloaded())
    requests: Any = [{"custom_id": name, "params": body()} for name in ("a", "b")]
    batch = await client.messages.batches.create(requests=requests)
    assert batch.processing_status == "in_progress"
    batch = await client.messages.batches.retrieve(batch.id)
    assert batch.processing_status == "ended"
    results = await client.messages.batches.results(batch.id)
    found = {entry.custom_id: entry.result.type async for entry in results}
    assert found == {"a": "succeeded", "b": "errored"}
    assert [listed.id async for listed in client.messages.batches.list()] == [batch.id]
    await client.messages.batches.delete(batch.id)


@pytest.mark.parametrize(
    ("reply", "name", "kind"),
    [
        (replies.error(400), "BadRequestError", "invalid_request_error"),
        (replies.error(401), "AuthenticationError", "authentication_error"),
        (replies.error(402), "PaymentRequiredError", "billing_error"),
        (replies.error(403), "PermissionDeniedError", "permission_error"),
        (replies.error(404), "NotFoundError", "not_found_error"),
        (replies.html_error(413), "ContentTooLargeError", None),
        (replies.rate_limit(1), "RateLimitError", "rate_limit_error"),
        (replies.spend_cap(), "EnforcedSpendLimitReachedError", "rate_limit_error"),
        (replies.error(500), "InternalServerError", "api_error"),
        (replies.overloaded(), "OverloadedError", "overloaded_error"),
    ],
)
async def test_errors_become_the_classes_of_the_sdk(
    client: AsyncAnthropic, messages_api: MessagesApi, reply: Reply, name: str, kind: str | None
) -> None:
    import anthropic

    messages_api.script(reply)
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**body())
    assert type(caught.value).__name__ == name
    assert caught.value.type == kind
    if kind is not None:
        assert caught.value.request_id is not None


async def test_faults_in_mid_stream(client: AsyncAnthropic, messages_api: MessagesApi) -> None:
    import anthropic
    import httpx2

    cases: list[tuple[Reply, type[Exception]]] = [
        (replies.drop("abc"), httpx2.ReadError),
        (replies.cut("abc"), httpx2.RemoteProtocolError),
        (replies.stream_error("abc"), anthropic.APIStatusError),
        (replies.corrupt_event("abc"), json.JSONDecodeError),
        (replies.invalid_utf8("abc"), ValueError),
    ]
    messages_api.script(*(reply for reply, _ in cases))
    for _, kind in cases:
        with pytest.raises(kind) as caught:
            await streamed(client)
        if isinstance(caught.value, anthropic.APIStatusError):
            assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    messages_api.script(replies.stall("abc"))
    with pytest.raises(httpx2.ReadTimeout):
        await streamed(client.with_options(timeout=0.05))
    await messages_api.requests[-1].wait_disconnected(2)


async def test_endings_that_raise_nothing(
    client: AsyncAnthropic, messages_api: MessagesApi
) -> None:
    messages_api.script(
        replies.end_without_stop("abc"),
        replies.refusal("abc"),
        replies.max_tokens("abc"),
        replies.unknown_events("abc"),
    )
    for reason in (None, "refusal", "max_tokens", "end_turn"):
        text, message = await streamed(client)
        assert (text, message.stop_reason) == ("abc", reason)


async def test_leaving_a_stream_is_noticed(
    client: AsyncAnthropic, messages_api: MessagesApi
) -> None:
    messages_api.script(replies.stall("abc"))
    async with client.messages.stream(**body()) as stream:
        async for _ in stream.text_stream:
            break
    await messages_api.requests[0].wait_disconnected(2)
