"""A few worker processes (see `work`), and the requests that wait for one of them.

For little work there may be none: starting one takes as long as reading a hundred files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any, Self

from claude_lsp.workspace.environment import environment_of_children
from claude_lsp.workspace.index import work

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

_MODULE = work.__name__
_LONGEST_ANSWER = 1 << 20
_SECONDS_TO_END = 2.0
_MOST_ENDED = 50
"""Workers that end over their work until none is started any more: a file or two may be to blame
for one of them, but not for so many."""
_MOST_ENDED_AT_FIRST = 4
"""The same while none has ever answered: then the fault is in what they are started with."""


class WorkerError(Exception):
    """A request failed.

    Attributes:
        no_space: whether the reason is that nothing can be written where it should be.
        ended: whether the worker ended over it.
    """

    def __init__(self, message: str, *, no_space: bool = False, ended: bool = False) -> None:
        super().__init__(message)
        self.no_space, self.ended = no_space, ended


class Workers:
    """Worker processes for the time of a `with` block; none is left after it.

    Args:
        count: how many; with 0 a thread of this process does the work.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._started: list[Process] = []
        self._answers = self._ended = 0
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            self._idle.put_nowait(None)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._started:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        if self._started:
            waits = [asyncio.ensure_future(process.wait()) for process in self._started]
            ended = asyncio.ensure_future(asyncio.wait(waits, timeout=_SECONDS_TO_END))
            try:
                await asyncio.shield(ended)
            except asyncio.CancelledError:
                await ended  # however often that is asked for, none is left behind
                raise

    async def ask(self, **request: Any) -> dict[str, Any]:
        """Let the next idle worker do something.

        Raises:
            WorkerError: it could not be done, or no worker can be started.
        """
        if self._count == 0:
            return _checked(await to_the_end(work.answer, request))
        process = await self._idle.get()
        try:
            if process is None:
                process = await self._start()
            answer = await self._exchange(process, request)
        except BaseException:
            # In the middle of an answer it is of no more use; the next request starts another.
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            self._idle.put_nowait(None)
            raise
        self._idle.put_nowait(process)
        self._answers += 1
        return _checked(answer)

    async def _start(self) -> Process:
        if self._ended >= (_MOST_ENDED if self._answers else _MOST_ENDED_AT_FIRST):
            raise WorkerError("worker processes keep ending unexpectedly")
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # Nothing may be imported from the current folder: it is the user's project.
                "-P",
                "-m",
                _MODULE,
                env=environment_of_children(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_ANSWER,
            )
        except OSError as error:
            raise WorkerError(f"no process can be started: {error}") from error
        self._started.append(process)
        return process

    async def _exchange(self, process: Process, request: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None  # noqa: S101 - asked for as a pipe
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            # Nothing, or only a part of an answer, if it was killed meanwhile.
            answer: dict[str, Any] = json.loads(line)
        except (ConnectionError, ValueError) as error:
            self._ended += 1
            raise WorkerError("a worker process ended unexpectedly", ended=True) from error
        return answer


async def to_the_end(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run something that writes files in a thread; when cancelled, wait for it all the same.

    A thread cannot be stopped, and whoever clears up must not do so before it has ended.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise WorkerError(answer["error"], no_space=answer.get("no_space", False))
    return answer
