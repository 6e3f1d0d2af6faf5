"""How long an answer is waited for, and when a request is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
