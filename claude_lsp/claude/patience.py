"""How long an answer is waited for, and when a request is sent again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from types import TracebackType

    from claude_lsp.claude.errors import Failure

_LONGEST_WAIT_S = 60


@dataclass(frozen=True)
class Patience:
    """How long and how often a request is tried.

    Attributes:
        deadline_s: total time for the answer, every attempt included.
        retries: further attempts after a failure that may pass, before anything has arrived.
        silence_s: longest pause between two pieces of a stream.
    """

    deadline_s: float
    retries: int = 0
    silence_s: float = 60

    def wait_before_retry(self, failure: Failure, attempts: int, elapsed_s: float) -> float | None:
        """Return how long to wait before the next attempt, None if there should be none.

        Args:
            failure: of the last attempt.
            attempts: how many there have been.
            elapsed_s: since the first one began.
        """
        if failure.kind == "connection" and attempts == 1:
            # A kept-alive connection may have been closed by the other side meanwhile.
            return 0.0
        if not failure.retryable or attempts > self.retries:
            return None
        backoff = min(8.0, 0.5 * 2 ** (attempts - 1)) * random.uniform(0.75, 1.0)  # noqa: S311
        wait = max(backoff, failure.retry_after_s or 0.0)
        return wait if wait <= min(_LONGEST_WAIT_S, self.deadline_s - elapsed_s) else None


class Deadline:
    """The end of many waits, by one timer; `async with` a timer for each costs more than a wait.

        with deadline:
            data = await anext(chunks)

    It strikes only within such a block, as `TimeoutError`, and never while whoever got something
    is at work with it. `close` it in the end.
    """

    def __init__(self, seconds: float) -> None:
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._has_passed = self._has_struck = False
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._pass)

    def close(self) -> None:
        """Forget it."""
        self._timer.cancel()

    def __enter__(self) -> None:
        if self._has_passed:
            raise TimeoutError
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a deadline for something that is no task")
        self._cancelling = self._task.cancelling()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        task, self._task = self._task, None
        if self._has_struck and task is not None:
            self._has_struck = False
            # Somebody else may want the task to end too.
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error
        return False

    def _pass(self) -> None:
        self._has_passed = True
        if self._task is not None:
            self._has_struck = True
            self._task.cancel()
