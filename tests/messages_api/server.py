"""The loopback Messages API as tests hold it: on the test's own loop, or in a thread."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tests.messages_api.connection import Connection
from tests.messages_api.script import MESSAGES
from tests.messages_api.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from types import TracebackType

    from tests.messages_api.connection import ReceivedRequest
    from tests.messages_api.models import Model
    from tests.messages_api.script import Handler, Matcher
    from tests.messages_api.steps import Reply

KEY = "-".join(("loopback", "test", "key"))
"""The API key that is valid unless a test says otherwise. It stands in no source: whatever holds
it after a run (an index of this project, a log) had it from a request or an environment."""

_Result = TypeVar("_Result")


class _Api:
    """What both forms share: scripting, looking back, starting and stopping."""

    def __init__(
        self,
        *,
        port: int = 0,
        keys: Iterable[str] = (KEY,),
        clock: Callable[[], float] = time.monotonic,
        finished: Callable[[ReceivedRequest], None] | None = None,
    ) -> None:
        """Make a server that does not listen yet.

        Args:
            port: to listen on; 0 for any free one.
            keys: the valid API keys; the first one goes into `environment`.
            clock: seconds, for the lifetimes of cached prompts.
            finished: called with each request that is over, on the server's loop.
        """
        self._port = port
        self._key = next(iter(keys), KEY)
        self._service = Service(keys, clock)
        self._finished = finished or (lambda request: None)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._accepted = 0

    @property
    def base_url(self) -> str:
        """Such as `http://127.0.0.1:54321`."""
        return self._service.base_url

    @property
    def requests(self) -> list[ReceivedRequest]:
        """All requests, in the order in which they came."""
        return self._service.requests

    @property
    def messages(self) -> list[ReceivedRequest]:
        """The requests for a message."""
        return [request for request in self.requests if request.path == MESSAGES]

    @property
    def refused(self) -> list[ReceivedRequest]:
        """The requests that broke a rule of the API; `refused` of each says which."""
        return [request for request in self.requests if request.refused is not None]

    @property
    def keys(self) -> set[str]:
        """The valid API keys; may be changed."""
        return self._service.keys

    @property
    def models(self) -> dict[str, Model]:
        """The models served, by id; may be changed."""
        return self._service.models

    @property
    def batch_polls(self) -> int:
        """How many times a new batch is shown as unfinished when it is asked for."""
        return self._service.batch_polls

    @batch_polls.setter
    def batch_polls(self, count: int) -> None:
        self._service.batch_polls = count

    @property
    def answer(self) -> Reply:
        """The reply to messages that nothing else answers; may be set."""
        return self._service.script.answer

    @answer.setter
    def answer(self, reply: Reply) -> None:
        self._service.script.answer = reply

    @property
    def unused(self) -> int:
        """How many scripted replies nothing has asked for."""
        return self._service.script.unused

    def script(
        self,
        *replies: Reply,
        when: Matcher | None = None,
        path: str = MESSAGES,
        repeat: bool = False,
    ) -> None:
        """Queue replies. A request takes the first one that is meant for it.

        Args:
            replies: in the order in which they are given.
            when: which requests they are meant for; None for all with this path. A pre-warm
                (`max_tokens` of 0) takes only replies with a `when`.
            path: the endpoint. Elsewhere than at the messages, a reply that only waits is
                followed by the endpoint's own answer.
            repeat: whether a reply that was taken goes to the end of the queue again.
        """
        self._service.script.add(replies, when, path, repeat)

    def respond(self, handler: Handler | None) -> None:
        """Ask a function, plain or async, for each reply that the queue does not give.

        If it returns None, `answer` is the reply. It runs on the server's loop; what it raises
        is answered with 500 and raised again when the test leaves the server.
        """
        self._service.script.handler = handler

    def reset(self) -> None:
        """Forget the requests, the queue and the handler; cached prompts stay."""
        self._service.requests.clear()
        self._service.script.clear()

    def environment(self, **extra: str) -> dict[str, str]:
        """The whole environment of a child process that shall use this server.

        It has this process's variables, but of `ANTHROPIC_*` only what leads here, and a
        configuration folder that does not exist, so that nobody's real profile is found.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ANTHROPIC_")}
        nowhere = Path(tempfile.gettempdir()) / f"no-anthropic-profile-{os.getpid()}"
        return inherited | {
            "ANTHROPIC_BASE_URL": self.base_url,
            "ANTHROPIC_API_KEY": self._key,
            "ANTHROPIC_CONFIG_DIR": str(nowhere),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            **extra,
        }

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self._port)
        port = self._server.sockets[0].getsockname()[1]
        self._service.base_url = f"http://127.0.0.1:{port}"

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*(connection.stop() for connection in tuple(self._connections)))
            await self._server.wait_closed()
            self._server = None

    def _accept(self) -> Connection:
        self._accepted += 1
        connection = Connection(
            self._accepted, self._service.serve, self._finished, self._connections.discard
        )
        self._connections.add(connection)
        return connection

    def _raise_failures(self, error: BaseException | None) -> None:
        """Raise what went wrong in handlers and server, unless the test fails by itself."""
        if error is None and self._service.failures:
            raise self._service.failures[0]

    async def _wait_for(
        self, count: int, path: str | None, timeout_s: float
    ) -> list[ReceivedRequest]:
        def found() -> list[ReceivedRequest]:
            return [request for request in self.requests if path in (None, request.path)]

        async def enough() -> None:
            while len(found()) < count:
                self._service.arrived.clear()
                await self._service.arrived.wait()

        try:
            await asyncio.wait_for(enough(), timeout_s)
        except TimeoutError:
            came = ", ".join(f"{r.method} {r.path}" for r in self.requests) or "none"
            message = f"{count} requests wanted within {timeout_s} s; came: {came}"
            raise TimeoutError(message) from None
        return found()


class MessagesApi(_Api):
    """The server on the running event loop: `async with MessagesApi() as api`."""

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()
        self._raise_failures(error)

    async def wait_for(
        self, count: int = 1, *, path: str | None = None, timeout_s: float = 10
    ) -> list[ReceivedRequest]:
        """Wait until so many requests (with this path) have come, and return them.

        Raises:
            TimeoutError: they have not.
        """
        return await self._wait_for(count, path, timeout_s)


class ThreadedMessagesApi(_Api):
    """The server on a loop of its own in a thread: `with ThreadedMessagesApi() as api`.

    Everything may be called from the thread of the test. The `wait_` methods block.
    """

    def __init__(self, **options: Any) -> None:
        """Make a server that does not listen yet; the options are those of `MessagesApi`."""
        super().__init__(**options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="messages-api", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._raise_failures(error)

    def wait_for(
        self, count: int = 1, *, path: str | None = None, timeout_s: float = 10
    ) -> list[ReceivedRequest]:
        """Wait until so many requests (with this path) have come, and return them.

        Raises:
            TimeoutError: they have not.
        """
        return self._run(self._wait_for(count, path, timeout_s))

    def wait_disconnected(self, request: ReceivedRequest, timeout_s: float = 10) -> None:
        """Wait until the client has gone away in mid-response.

        Raises:
            TimeoutError: it has not.
        """
        self._run(request.wait_disconnected(timeout_s))

    def wait_finished(self, request: ReceivedRequest, timeout_s: float = 10) -> None:
        """Wait until the response is written or given up.

        Raises:
            TimeoutError: it is neither.
        """
        self._run(request.wait_finished(timeout_s))

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
