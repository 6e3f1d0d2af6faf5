"""The services that servers ask: ours, and the ones that a peer was made for.

Both run on the client's own event loop, so that all times are of one clock, and both give the same
answers after the same time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, Self

from tests.messages_api import Finish, Gate, MessagesApi, Reply, Wait, replies
from tests.messages_api.connection import Connection, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tests.messages_api import ReceivedRequest

MARK = "<CURSOR/>"
CHUNK = 16


class Stamp(Gate):
    """A step of a reply that takes the time and lets it go on."""

    def __init__(self, times: list[float]) -> None:
        super().__init__()
        self._times = times

    async def wait(self) -> None:
        self._times.append(time.monotonic())


class Backend(Protocol):
    """A service for completions.

    Attributes:
        write: makes the answer to what stands before the cursor.
        delay_s: from a request to its answer.
        answered: when the last byte of each answer was about to be written.
    """

    write: Callable[[str], str]
    delay_s: float
    answered: list[float]

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests for a completion."""

    def environment(self) -> dict[str, str]:
        """The environment of a server that shall use it."""

    def reset(self) -> None:
        """Forget what came."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class MessagesBackend:
    """The Messages API, streaming."""

    def __init__(self) -> None:
        self.api = MessagesApi()
        self.write: Callable[[str], str] = lambda _before: ""
        self.delay_s = 0.02
        self.answered: list[float] = []
        self.api.respond(self.reply)

    @property
    def requests(self) -> list[ReceivedRequest]:
        return self.api.messages

    def environment(self) -> dict[str, str]:
        return self.api.environment()

    def reset(self) -> None:
        self.api.reset()
        self.api.respond(self.reply)
        self.answered.clear()

    def reply(self, request: ReceivedRequest) -> Reply:
        text = self.write(before_cursor(request))
        ours = "<fill>" in request.text
        body = replies.partial(f"<fill>{text}" if ours else text, chunk=CHUNK, delay_s=0.002)
        last = Finish("stop_sequence", "</fill>") if ours else Finish()
        return Reply((Wait(self.delay_s),)) + body + Stamp(self.answered) + last

    async def __aenter__(self) -> Self:
        await self.api.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.api.__aexit__(kind, error, traceback)


def before_cursor(request: ReceivedRequest) -> str:
    """Return the text before the cursor in a request of ours; all of another one."""
    # The mark stands in the document, and once more in the question behind it.
    return request.text.rsplit(MARK, 2)[0]


class TabbyBackend:
    """The part of a Tabby server that its agent asks for completions."""

    def __init__(self) -> None:
        self.write: Callable[[str], str] = lambda _before: ""
        self.delay_s = 0.02
        self.answered: list[float] = []
        self.requests: list[ReceivedRequest] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._accepted = 0

    def environment(self) -> dict[str, str]:
        return {}

    def reset(self) -> None:
        self.requests.clear()
        self.answered.clear()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*(connection.stop() for connection in tuple(self._connections)))

    def _accept(self) -> Connection:
        self._accepted += 1
        connection = Connection(
            self._accepted, self._serve, lambda _request: None, self._connections.discard
        )
        self._connections.add(connection)
        return connection

    async def _serve(self, request: ReceivedRequest, connection: Connection) -> None:
        exchange = Exchange(request, connection, 0)
        if request.path == "/v1/completions":
            import json

            self.requests.append(request)
            request.body = json.loads(request.raw)
            await asyncio.sleep(self.delay_s)
            text = self.write(request.body["segments"]["prefix"])
            self.answered.append(time.monotonic())
            await exchange.send_json(200, {"id": "1", "choices": [{"index": 0, "text": text}]})
        elif request.path == "/v1/health":
            health = {"model": "m", "device": "cpu", "arch": "", "cpu_info": "", "cpu_count": 1}
            await exchange.send_json(200, health | {"cuda_devices": [], "version": {}})
        else:
            await exchange.send_json(404, {})
