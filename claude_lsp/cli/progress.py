"""How far a run is, on stderr: a line that changes on a terminal, one now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from claude_lsp.cli.common import say, show_progress

if TYPE_CHECKING:
    from claude_lsp.claude.account import Account

_BAR = 20
_BETWEEN_S = 10.0


class Progress:
    """Tells of one run.

    Args:
        calls: how many there are in all.
    """

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._changes = sys.stderr.isatty()
        self._told_at = time.monotonic()

    def show(self, done: int, findings: int, account: Account) -> None:
        """Tell how many calls are done, what was found, and what it has cost."""
        cost = "?" if account.cost_usd is None else f"${account.cost_usd:.4f}"
        used = account.usage.prompt + account.usage.output
        line = f"{done} of {self._calls} calls, {findings} findings, {used:,} tokens, {cost}"
        if self._changes:
            full = _BAR * done // max(1, self._calls)
            bar = "█" * full + "░" * (_BAR - full)
            show_progress(f"{bar} {line}")
        elif time.monotonic() - self._told_at >= _BETWEEN_S:
            self._told_at = time.monotonic()
            say(line)

    def end(self) -> None:
        """Leave the terminal as it was."""
        show_progress("")
