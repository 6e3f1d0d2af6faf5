"""HTTP/1.1 on one connection: requests in, responses out, and what the client does meanwhile."""

from __future__ import annotations

import asyncio
import functools
import http
import json
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests import evidence
from tests.messages_api.rules import MOST_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MOST_HEAD_BYTES = 64 * 1024


@dataclass(eq=False)
class ReceivedRequest:
    """A request as it came, and what became of it. Times are seconds of `time.monotonic`.

    Attributes:
        method: such as `POST`.
        path: without the query.
        query: its last value for each name.
        headers: by lower-case name.
        raw: the bytes of the body; empty where it was over the limit.
        body: the body as JSON, None where it is not.
        connection: counts the connections of the server from 1.
        received_at: when the last byte of the body was there.
        first_byte_at: right before the first byte of the response was written.
        finished_at: when the response was written or given up.
        status: of the response, None before it starts.
        usage: what the response says about tokens; None if it does not.
        disconnected: whether the client went away before the response was complete.
        refused: the rule that the request breaks, None if it breaks none.
        batch_id: of the batch that it is a part of, None for a request of its own.
        oversized: whether the body was over the limit.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes = b""
    body: Any = None
    connection: int = 0
    received_at: float = 0.0
    first_byte_at: float | None = None
    finished_at: float | None = None
    status: int | None = None
    usage: dict[str, Any] | None = None
    disconnected: bool = False
    refused: str | None = None
    batch_id: str | None = None
    oversized: bool = False
    _disconnection: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _finish: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def model(self) -> str:
        """The model it names; empty if none."""
        return str(self.body.get("model", "")) if isinstance(self.body, dict) else ""

    @property
    def text(self) -> str:
        """The text of the system prompt and of all messages, one block a line, for assertions."""
        body = self.body if isinstance(self.body, dict) else {}
        contents = [body.get("system"), *(m.get("content") for m in body.get("messages") or ())]
        return "\n".join(part for content in contents for part in _texts(content))

    async def wait_disconnected(self, timeout_s: float = 10) -> None:
        """Wait until the client has gone away in mid-response.

        Raises:
            TimeoutError: it has not.
        """
        await asyncio.wait_for(self._disconnection.wait(), timeout_s)

    async def wait_finished(self, timeout_s: float = 10) -> None:
        """Wait until the response is written or given up.

        Raises:
            TimeoutError: it is neither.
        """
        await asyncio.wait_for(self._finish.wait(), timeout_s)

    def _note_disconnection(self) -> None:
        self.disconnected = True
        self._disconnection.set()

    def _note_finish(self) -> None:
        self.finished_at = time.monotonic()
        self._finish.set()


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    blocks = content if isinstance(content, list) else []
    found: list[str] = []
    for block in blocks:
        if isinstance(block, dict):
            found += [block["text"]] if isinstance(block.get("text"), str) else []
            found += _texts(block.get("content"))
    return found


class Exchange:
    """One request and the response to it."""

    def __init__(self, request: ReceivedRequest, connection: Connection, number: int) -> None:
        self.request = request
        self.request_id = f"req_{number:024d}"
        self._connection = connection
        self._chunked = False

    @property
    def started(self) -> bool:
        """Whether the response's first byte has been written."""
        return self.request.first_byte_at is not None

    async def send(
        self, status: int, body: bytes, headers: dict[str, str], *, request_id: bool = True
    ) -> None:
        """Write a whole response."""
        fields = headers | {"content-length": str(len(body))}
        content = b"" if self.request.method == "HEAD" else body
        await self._write(self._head(status, fields, request_id=request_id) + content, last=True)

    async def send_json(
        self, status: int, value: Any, headers: dict[str, str] | None = None
    ) -> None:
        """Write a whole response of JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        await self.send(status, body, {"content-type": "application/json"} | (headers or {}))

    async def stream(self, data: bytes) -> None:
        """Write one chunk of an event stream; the first one brings the head."""
        if not data:
            return
        head = b""
        if not self._chunked:
            self._chunked = True
            fields = {
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
                "transfer-encoding": "chunked",
            }
            head = self._head(200, fields)
        await self._write(head + b"%x\r\n%b\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        """Write the end of an event stream."""
        await self._write(b"0\r\n\r\n", last=True)

    def disconnect(self, *, reset: bool) -> None:
        """Close the connection as it is."""
        self._connection.disconnect(reset=reset)

    def _head(self, status: int, fields: dict[str, str], *, request_id: bool = True) -> bytes:
        self.request.status = status
        reason = http.HTTPStatus(status).phrase if status in _STATUSES else "Overloaded"
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{k}: {v}" for k, v in fields.items())]
        if request_id:
            lines.append(f"request-id: {self.request_id}")
        if not self._connection.keeps_alive:
            lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def _write(self, data: bytes, *, last: bool = False) -> None:
        if self.request.first_byte_at is None:
            self.request.first_byte_at = time.monotonic()
        await self._connection.write(data, last=last)


_STATUSES = {status.value for status in http.HTTPStatus}


class Connection(asyncio.Protocol):
    """One client connection: one request at a time, the next ones wait in the buffer.

    A protocol rather than streams, because it is told at once that the client went away, and can
    take the times of a request where they happen. (asyncio sets TCP_NODELAY by itself.)
    """

    def __init__(
        self,
        number: int,
        serve: Callable[[ReceivedRequest, Connection], Coroutine[None, None, None]],
        finished: Callable[[ReceivedRequest], None],
        closed: Callable[[Connection], None],
    ) -> None:
        self.keeps_alive = True
        self._number = number
        self._recorded_as = evidence.connection_number()
        self._serve = serve
        self._finished = finished
        self._closed = closed
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head: ReceivedRequest | None = None
        self._missing = 0
        self._task: asyncio.Task[None] | None = None
        self._current: ReceivedRequest | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    async def write(self, data: bytes, *, last: bool) -> None:
        """Write, and wait while the client does not read; gives way to the loop once."""
        if last:
            # From here on the client has all it asked for, and may leave when it likes.
            self._current = None
        if self._transport is not None:
            self._transport.write(data)
        await asyncio.sleep(0)
        await self._writable.wait()

    def disconnect(self, *, reset: bool) -> None:
        """Close now, with a TCP reset or in order."""
        self._current = None  # It is the server that goes away, not the client.
        if self._transport is None:
            return
        if reset:
            endpoint = self._transport.get_extra_info("socket")
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    async def stop(self) -> None:
        """Cancel what is under way and close."""
        task = self._task
        self.disconnect(reset=True)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=0)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._writable.set()
        self._client_left()
        self._closed(self)

    def eof_received(self) -> bool:
        self._client_left()
        return False

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        evidence.record(self._recorded_as, data)
        self._buffer += data
        self._advance()

    def _client_left(self) -> None:
        if self._current is not None:
            self._current._note_disconnection()
            self._current = None
            if self._task is not None:
                self._task.cancel()

    def _advance(self) -> None:
        """Take from the buffer what can be taken; start on a request when it is complete."""
        if self._task is not None:
            return
        if self._head is None:
            self._take_head()
        if self._head is None:
            return
        if self._head.oversized:
            taken = min(len(self._buffer), self._missing)
            del self._buffer[:taken]
            self._missing -= taken
            if self._missing:
                return
        elif len(self._buffer) < self._missing:
            return
        request, self._head = self._head, None
        request.received_at = time.monotonic()
        request.raw = bytes(self._buffer[: self._missing])
        del self._buffer[: self._missing]
        self._current = request
        self._task = asyncio.create_task(self._serve(request, self))
        # A callback, because a task that is cancelled before it runs never gets to a `finally`.
        self._task.add_done_callback(functools.partial(self._finish, request))

    def _take_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MOST_HEAD_BYTES:
                self._reject(431, "the head of the request is too large")
            return
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        fields = [line.partition(":") for line in lines[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        length = headers.get("content-length", "0")
        if len(words) != 3 or not length.isdecimal():
            self._reject(400, "not an HTTP request")
            return
        if "transfer-encoding" in headers:
            self._reject(411, "content-length is required")
            return
        target = urlsplit(words[1])
        self.keeps_alive = headers.get("connection", "").lower() != "close"
        self._missing = int(length)
        self._head = ReceivedRequest(
            method=words[0],
            path=unquote(target.path),
            query=dict(parse_qsl(target.query)),
            headers=headers,
            connection=self._number,
            oversized=self._missing > MOST_BODY_BYTES,
        )
        if headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _reject(self, status: int, message: str) -> None:
        if self._transport is not None:
            body = json.dumps(
                {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
            )
            self._transport.write(
                f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
                "content-type: application/json\r\nconnection: close\r\n"
                f"content-length: {len(body)}\r\n\r\n{body}".encode()
            )
            self._transport.close()

    def _finish(self, request: ReceivedRequest, task: asyncio.Task[None]) -> None:
        self._task = None
        self._current = None
        request._note_finish()
        self._finished(request)
        if self._transport is None:
            return
        if self.keeps_alive:
            self._advance()
        else:
            self._transport.close()
