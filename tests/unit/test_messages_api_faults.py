"""The loopback Messages API fails on the wire as its replies say, and sees its clients leave."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.messages_api import Gate, Hang, MessagesApi, Reply, StreamError, replies
from tests.messages_api.examples import ask, body
from tests.messages_api.fixtures import messages_api
from tests.messages_api.raw_client import HEADERS, RawClient

__all__ = ["messages_api"]  # The fixture of this module.

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


async def test_large_answer_waits_for_a_slow_reader(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("y" * 300_000, chunk=100_000), repeat=True)
    async with RawClient(messages_api.base_url) as client:
        for _ in range(80):  # 24 MB: more than the buffers of both sockets hold.
            await client.send(body(stream=True, max_tokens=128_000))
        await asyncio.sleep(0.05)
        assert not all(request.finished_at for request in messages_api.requests)
        for _ in range(80):
            assert len((await client.receive()).text()) == 300_000


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
