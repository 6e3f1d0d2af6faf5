"""A language server as a child process, and the smallest client that can measure it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil  # type: ignore[import-untyped,unused-ignore]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Message = dict[str, Any]

LONGEST_WAIT_S = 60
_SEPARATOR = b"\r\n\r\n"
_LANGUAGES = {".py": "python"}


class Answer(NamedTuple):
    """A server's answer, and when its last byte had been read (seconds, `time.monotonic`)."""

    message: Message
    at: float


class Sent(NamedTuple):
    """A request under way, and when it began to be written (seconds, `time.monotonic`)."""

    id: int
    at: float
    answer: asyncio.Future[Answer]


class ServerProcess(asyncio.SubprocessProtocol):
    """One server over pipes, driven from the running event loop.

    A protocol rather than streams: the time of an answer is taken where its bytes arrive.

    Attributes:
        name: for error messages.
        spawned_at: right before the process was started.
        asked: the requests of the server, and when each had been read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.spawned_at = time.monotonic()
        self._transport: asyncio.SubprocessTransport | None = None
        self._input: Any = None
        self._buffer = bytearray()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._last_id = 0
        self.asked: asyncio.Queue[tuple[Message, float]] = asyncio.Queue()
        self._exited = asyncio.Event()
        self._process: psutil.Process | None = None

    @classmethod
    async def spawn(
        cls, name: str, command: Sequence[str], environment: dict[str, str], folder: Path
    ) -> ServerProcess:
        """Start a server; nothing is sent yet."""
        loop = asyncio.get_running_loop()
        _, server = await loop.subprocess_exec(
            lambda: cls(name),
            *command,
            env=environment,
            cwd=folder,
            stderr=None,  # what a server complains of is seen
        )
        return server

    async def initialize(self, folder: Path, options: Message | None = None) -> Answer:
        """Send `initialize` and wait for its answer."""
        params = {
            "processId": None,
            "rootUri": folder.as_uri(),
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
            "capabilities": {
                "textDocument": {"inlineCompletion": {}, "publishDiagnostics": {}},
                "general": {"positionEncodings": ["utf-16"]},
            },
            "initializationOptions": options,
        }
        return await self.request("initialize", params)

    async def request(self, method: str, params: Any) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: it was answered with an error, or the server ended.
        """
        answer = await self.wait(self.send(method, params))
        if "error" in answer.message:
            raise RuntimeError(f"{self.name} answered {method} with {answer.message['error']}")
        return answer

    def send(self, method: str, params: Any) -> Sent:
        """Send a request, without waiting."""
        self._last_id += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = future
        at = self._write({"id": self._last_id, "method": method, "params": params})
        return Sent(self._last_id, at, future)

    async def wait(self, sent: Sent) -> Answer:
        """Wait for the answer to a request."""
        async with asyncio.timeout(LONGEST_WAIT_S):
            return await sent.answer

    def notify(self, method: str, params: Any) -> float:
        """Send a notification; return when that began."""
        return self._write({"method": method, "params": params})

    def open(self, path: Path, text: str) -> None:
        """Open a document."""
        item = {
            "uri": path.as_uri(),
            "languageId": _LANGUAGES.get(path.suffix, "plaintext"),
            "version": 1,
            "text": text,
        }
        self.notify("textDocument/didOpen", {"textDocument": item})

    def memory(self) -> int:
        """Return the resident memory in bytes."""
        return int(self.process.memory_info().rss)

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def cpu_seconds_of_all(self) -> float:
        """Return the processor time used so far by the server and the processes it has started."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(sum(_times(process)) for process in processes)

    async def stop(self) -> None:
        """End the server as an editor does."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        async with asyncio.timeout(5):
            await self._exited.wait()
        self.kill()

    def kill(self) -> None:
        """End the server if it still runs."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        self._input = transport.get_pipe_transport(0)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        at = time.monotonic()
        if fd != 1:
            return
        self._buffer += data
        while (end := self._buffer.find(_SEPARATOR)) >= 0:
            start = end + len(_SEPARATOR)
            stop = start + _content_length(self._buffer[:end])
            if len(self._buffer) < stop:
                return
            message = json.loads(self._buffer[start:stop])
            del self._buffer[:stop]
            self._take(message, at)

    def process_exited(self) -> None:
        self._exited.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RuntimeError(f"{self.name} has ended"))

    def _take(self, message: Message, at: float) -> None:
        if "method" not in message:
            self._waiting.pop(message["id"]).set_result(Answer(message, at))
        elif "id" in message:
            # Nothing is done here of what a server asks for, edits included.
            edit = message["method"] == "workspace/applyEdit"
            self._write({"id": message["id"], "result": {"applied": False} if edit else None})
            self.asked.put_nowait((message, at))

    def _write(self, message: Message) -> float:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        data = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        at = time.monotonic()
        self._input.write(data)
        return at

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        if self._process is None:
            assert self._transport is not None
            self._process = psutil.Process(self._transport.get_pid())
        return self._process


def _times(process: psutil.Process) -> tuple[float, float]:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0, 0.0  # it has ended meanwhile
    return float(times.user), float(times.system)


def _content_length(header: bytes | bytearray) -> int:
    for line in bytes(header).split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"a message without a length: {bytes(header)!r}")
