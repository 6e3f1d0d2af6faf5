"""Work that goes on after a message was answered: every task has its owner here."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = logging.getLogger(__name__)


class Jobs:
    """The running jobs by key; a new job under a key that runs takes its place."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}

    def start(self, key: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a job, cancelling the one that runs under the same key."""
        self.cancel(key)
        task = asyncio.create_task(work, name=key)
        self._running[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def cancel(self, key: str) -> bool:
        """Cancel a job; tell whether one was running."""
        task = self._running.get(key)
        return task.cancel() if task is not None else False

    def cancel_all(self) -> int:
        """Cancel every job; return how many there were."""
        return sum(task.cancel() for task in list(self._running.values()))

    @property
    def busy(self) -> bool:
        """Whether anything is running."""
        return bool(self._running)

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        tasks = list(self._running.values())
        self.cancel_all()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: str, task: asyncio.Task[Any]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("the job %s failed", key, exc_info=bug)
