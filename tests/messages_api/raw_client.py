"""A bare HTTP/1.1 client, to see on the wire what the server sends."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from tests.messages_api.server import KEY

HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"}


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as it came.

    Attributes:
        status: of the response.
        headers: by lower-case name.
        body: without the framing of chunks.
        end: how it ended: `complete`, `cut` (in order but too early) or `reset`.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    end: Literal["complete", "cut", "reset"]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The names and data of the server-sent events."""
        found = []
        for part in self.body.decode().split("\n\n"):
            if part.startswith("event: "):
                name, _, data = part.removeprefix("event: ").partition("\ndata: ")
                found.append((name, json.loads(data)))
        return found

    def text(self) -> str:
        """All text of the text deltas."""
        deltas = [data["delta"] for name, data in self.events() if name == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas)


class RawClient:
    """One connection: `async with RawClient(base_url) as client`."""

    def __init__(self, base_url: str) -> None:
        self._address = urlsplit(base_url)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            self._address.hostname, self._address.port
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, whatever is under way."""
        self._writer.close()

    async def ask(
        self, body: Any = None, path: str = "/v1/messages", *, headers: Any = None, method: str = ""
    ) -> RawResponse:
        """Send a request and read the whole response."""
        await self.send(body, path, headers=headers, method=method)
        return await self.receive()

    async def send(
        self, body: Any = None, path: str = "/v1/messages", *, headers: Any = None, method: str = ""
    ) -> None:
        """Send a request; GET without a body, POST with one, unless `method` says otherwise."""
        data = body if isinstance(body, bytes) else b"" if body is None else _encoded(body)
        fields = HEADERS if headers is None else headers
        lines = [f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1", "host: test"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        lines += [f"content-length: {len(data)}", "", ""]
        self._writer.write("\r\n".join(lines).encode() + data)
        await self._writer.drain()

    async def receive(self) -> RawResponse:
        """Read a whole response.

        Raises:
            ConnectionError: the connection ended before the head was complete.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("closed before the head") from error
        lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = bytearray()
        end: Literal["complete", "cut", "reset"] = "complete"
        try:
            if headers.get("transfer-encoding") == "chunked":
                while chunk := await self.receive_chunk():
                    body += chunk
            else:
                body += await self._reader.readexactly(int(headers["content-length"]))
        except asyncio.IncompleteReadError:
            end = "cut"
        except ConnectionResetError:
            end = "reset"
        return RawResponse(int(lines[0].split(" ")[1]), headers, bytes(body), end)

    async def receive_chunk(self) -> bytes:
        """Read one chunk of a stream; empty at its end."""
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        data = await self._reader.readexactly(size + 2)
        return data[:-2]

    async def receive_head(self) -> bytes:
        """Read the head of a response only."""
        return await self._reader.readuntil(b"\r\n\r\n")


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
