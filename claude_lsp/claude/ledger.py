"""What was spent, per request, on disk; and the limits that are kept with it.

One SQLite file shared by every process of the user: editors and CI jobs reserve the most that a
request may cost before it is sent and settle the true cost afterwards, so that a daily limit holds
for all of them together. A reservation whose process died stays counted: limits fail closed.
No prompt, source or key is ever written here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.claude import budgets, errors, ledger_file, usages
from claude_lsp.claude.budgets import Share, Spent
from claude_lsp.claude.catalog import Usage, cost_usd
from claude_lsp.context.calibration import PLAUSIBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.claude.request import Request
    from claude_lsp.claude.usages import Group, Latency, Usages
    from claude_lsp.settings import Spend

_PATIENCE_S = 5.0
_AHEAD = timedelta(days=2)
"""Requests dated so much after today count as today's; those of a clock that went wrong do not."""
STATE_VARIABLE = "CLAUDE_LSP_STATE_DIR"


# Ends of a request after which the server may have worked, and so billed, whatever we know of it.
_PERHAPS_BILLED = frozenset(
    ("ok", "cancelled", "interrupted", "timeout", "refused", "truncated", "unusable")
)


def charge(request: Request, usage: Usage, outcome: str, attempts: int) -> float | None:
    """Return what a request that has ended counts as, in US dollars; None for an unknown price.

    Where the counters are missing, or far too low to be true, it counts as the most that it could
    cost, unless it was never sent or was turned away.

    Args:
        request: what was asked.
        usage: the counters, as far as they are known.
        outcome: "ok", "cancelled", or the kind of the failure.
        attempts: how often it was sent.
    """
    if _is_unknown(request, usage, outcome, attempts):
        return request.most_usd
    return cost_usd(request.model, usage, batched=request.batched)


def _is_unknown(request: Request, usage: Usage, outcome: str, attempts: int) -> bool:
    """Whether a request that may have been billed has no counters, or some that can't be true."""
    if not attempts or outcome not in _PERHAPS_BILLED:
        return False
    measure = request.measure
    expected = 0 if measure is None else measure.fixed + measure.varying
    return usage.prompt <= expected * PLAUSIBLE[0]


def state_directory() -> Path:
    """Return the folder for what must outlive a session."""
    chosen = os.environ.get(STATE_VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_state_dir("claude-lsp", appauthor=False))


class Ledger:
    """The ledger file. Safe to use from several threads and processes.

    Args:
        path: the file; None for the user's own.
        settled: told what the day has cost whenever a request has ended, from its thread.

    Raises:
        ClaudeError: from every method, when the file can't be used (kind "ledger").
    """

    def __init__(
        self, path: Path | None = None, settled: Callable[[Spent], object] | None = None
    ) -> None:
        self._path = path
        self._settled = settled
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._tidied = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self._path or state_directory() / "ledger.sqlite3"

    def reserve(self, request: Request, limits: Spend) -> int:
        """Book the most that a request may cost, if the limits allow it.

        Returns:
            the row to settle.

        Raises:
            ClaudeError: a limit would be passed (kind "budget"), or the ledger can't be used.
        """
        budgets.check(request, budgets.limits_of_one(request, limits))
        day = today()
        with self._lock, _reported():
            connection = self._open()
            with connection:
                # The write lock is taken before the sum is read: no two processes can both see
                # room for the last cent.
                connection.execute("BEGIN IMMEDIATE")
                spent = _spent(connection, day)
                budgets.check(request, budgets.limits_of_day(request, limits, spent))
                if day != self._tidied:
                    ledger_file.drop_old(connection, day, limits.keep_days)
                    self._tidied = day
                price = request.model.price_for(request.prompt_tokens)
                cursor = connection.execute(
                    "INSERT INTO requests (started, day, action, tier, model, automatic,"
                    " speculative, batched, outcome, cost_usd, tokens, prices_as_of, price_row)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
                    (
                        time.time(),
                        day,
                        request.action,
                        request.tier,
                        request.model.id,
                        int(request.automatic),
                        int(request.speculative),
                        int(request.batched),
                        request.most_usd,
                        request.most_tokens,
                        None if price is None else price.as_of,
                        None if price is None else price.name,
                    ),
                )
                return cursor.lastrowid or 0

    def settle(
        self,
        row: int,
        request: Request,
        usage: Usage,
        outcome: str,
        *,
        attempts: int,
        first_token_s: float | None,
        total_s: float,
        cache_miss: str | None = None,
    ) -> float | None:
        """Replace a reservation by what the request really cost; return that in US dollars.

        Args:
            row: what `reserve` returned.
            request: what was asked.
            usage: the counters, as far as they are known.
            outcome: "ok", "cancelled", or the kind of the failure.
            attempts: how often it was sent.
            first_token_s: seconds until the first piece of the answer's text.
            total_s: seconds until the end.
            cache_miss: why a cache did not serve the prompt, by the service's word for it.
        """
        cost = charge(request, usage, outcome, attempts)
        known = not _is_unknown(request, usage, outcome, attempts)
        # Which band it was is known only now; where the counters are missing, the booked one holds.
        price = request.model.price_for(usage.prompt or request.prompt_tokens)
        with self._lock, _reported():
            connection = self._open()
            with connection:
                connection.execute(
                    "UPDATE requests SET outcome = ?, input = ?, output = ?, cache_write_5m = ?,"
                    " cache_write_1h = ?, cache_read = ?, thinking = ?, attempts = ?,"
                    " first_token_s = ?, total_s = ?, cost_usd = ?, tokens = ?, price_row = ?,"
                    " cache_miss = ? WHERE id = ?",
                    (
                        outcome,
                        usage.input,
                        usage.output,
                        usage.cache_write_5m,
                        usage.cache_write_1h,
                        usage.cache_read,
                        usage.thinking,
                        attempts,
                        first_token_s,
                        total_s,
                        cost,
                        usage.prompt + usage.output if known else request.most_tokens,
                        None if price is None else price.name,
                        cache_miss,
                        row,
                    ),
                )
            spent = None if self._settled is None else _spent(connection, today())
        if self._settled is not None and spent is not None:
            self._settled(spent)
        return cost

    def spent_today(self) -> Spent:
        """Return what today has cost so far."""
        with self._lock, _reported():
            return _spent(self._open(), today())

    def newest_day(self) -> str:
        """Return the latest day that a request is dated, YYYY-MM-DD; empty where there is none."""
        with self._lock, _reported():
            found = self._open().execute("SELECT MAX(day) FROM spent").fetchone()
        return found[0] or ""

    def note_shown(self, row: int) -> None:
        """Count one suggestion of a request that an editor was given to show."""
        self._count("shown = shown + 1", row)

    def note_accepted(self, row: int, characters: int, *, first: bool = True) -> None:
        """Count one suggestion of a request that the user accepted, or a further part of it.

        Args:
            row: the request's.
            characters: how many were accepted.
            first: False for a further part of a suggestion that was counted already.
        """
        self._count(
            "accepted = accepted + ?, accepted_characters = accepted_characters + ?",
            int(first),
            characters,
            row,
        )

    def usage(self, by: Sequence[Group], since: str = "") -> list[Usages]:
        """Return what requests have used, the dearest group first.

        Args:
            by: what requests are told apart by.
            since: the first day, YYYY-MM-DD; "" for all that is known.
        """
        with self._lock, _reported():
            return usages.usage(self._open(), by, since)

    def latencies(self, since: str = "") -> list[Latency]:
        """Return how quickly requests were answered since a day, by action."""
        with self._lock, _reported():
            return usages.latencies(self._open(), since)

    def cache_misses(self, since: str = "") -> dict[str, int]:
        """Return how often caches did not serve since a day, by reason; only traces ask for it."""
        with self._lock, _reported():
            return usages.cache_misses(self._open(), since)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _count(self, change: str, *values: int) -> None:
        with self._lock, _reported():
            connection = self._open()
            with connection:
                connection.execute(f"UPDATE requests SET {change} WHERE id = ?", values)  # noqa: S608

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        connection = ledger_file.opened(self.path, _PATIENCE_S)
        self._connection = connection
        return connection


class _reported:  # noqa: N801 - reads as a word in `with`
    """Turns what SQLite and the file system raise into a failure that the user can act on."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise errors.ClaudeError(errors.ledger(str(error))) from error


def _spent(connection: sqlite3.Connection, day: str) -> Spent:
    """Return what a day has cost.

    What is dated a little later counts too: the clock was set back, or the user has travelled west.
    """
    last = (date.fromisoformat(day) + _AHEAD).isoformat()
    found = connection.execute(
        "SELECT action, automatic, SUM(requests), SUM(unknown), SUM(usd), SUM(tokens) FROM spent"
        " WHERE day BETWEEN ? AND ? GROUP BY action, automatic",
        (day, last),
    )
    return Spent(day, tuple(Share(name, bool(auto), *sums) for name, auto, *sums in found))


def today() -> str:
    """Return the user's local day, YYYY-MM-DD."""
    return datetime.now().astimezone().date().isoformat()
