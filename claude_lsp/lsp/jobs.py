"""Work that goes on after a message was answered: every task has its owner here."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = logging.getLogger(__name__)


class Jobs:
    """The running jobs by key; a new job under a key that runs takes its place."""

    def __init__(self) -> None:
        self._newest: dict[str, asyncio.Task[Any]] = {}
        # Also those that were superseded and still clean up behind themselves.
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, key: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a job, cancelling the one that runs under the same key."""
        self.cancel(key)
        task = asyncio.create_task(work, name=key)
        self._newest[key] = task
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, key))
        return task

    def runs(self, key: str) -> bool:
        """Whether a job is under way."""
        return key in self._newest

    def cancel(self, key: str) -> bool:
        """Cancel a job; tell whether one was running."""
        task = self._newest.get(key)
        return task is not None and cancel_once(task)

    def cancel_all(self) -> int:
        """Cancel every job; return how many there were."""
        return sum(cancel_once(task) for task in tuple(self._tasks))

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self.cancel_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, key: str, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self._newest.get(key) is task:
            del self._newest[key]
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("the job %s failed", key, exc_info=bug)


def cancel_once(task: asyncio.Task[Any]) -> bool:
    """Cancel a task that nobody has cancelled yet; tell whether it was one.

    A second cancel would strike the task while it closes its HTTP stream.
    """
    return not task.cancelling() and task.cancel()
