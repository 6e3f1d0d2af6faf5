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
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from claude_lsp.claude import errors
from claude_lsp.claude.catalog import PRICES_AS_OF, Usage, cost_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.claude.request import Request
    from claude_lsp.settings import Spend

_VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        """\
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,          -- seconds since 1970, UTC
    day TEXT NOT NULL,              -- the user's local day, YYYY-MM-DD
    action TEXT NOT NULL,
    tier TEXT NOT NULL,
    model TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    outcome TEXT NOT NULL,          -- pending, ok, cancelled, or a failure's kind
    input INTEGER NOT NULL DEFAULT 0,
    output INTEGER NOT NULL DEFAULT 0,
    cache_write_5m INTEGER NOT NULL DEFAULT 0,
    cache_write_1h INTEGER NOT NULL DEFAULT 0,
    cache_read INTEGER NOT NULL DEFAULT 0,
    thinking INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL,                  -- NULL where the price is unknown
    prices_as_of TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_token_s REAL,
    total_s REAL
)""",
        "CREATE INDEX IF NOT EXISTS requests_by_day ON requests (day, automatic)",
    ),
    (
        # What became of a completion: how many suggestions of it were shown and accepted, and how
        # many characters of those. Counts only, as everywhere here.
        "ALTER TABLE requests ADD COLUMN speculative INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE requests ADD COLUMN shown INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE requests ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE requests ADD COLUMN accepted_characters INTEGER NOT NULL DEFAULT 0",
    ),
)
"""What makes each version of the file from the one before."""

_VERSION = len(_VERSIONS)
_PATIENCE_S = 5.0
STATE_VARIABLE = "CLAUDE_LSP_STATE_DIR"


@dataclass(frozen=True)
class Spent:
    """What a day has cost so far, reservations included.

    Attributes:
        total_usd: of the requests whose price is known.
        automatic_usd: of those among them that nobody asked for.
        requests: how many there were.
        unknown: how many of them have no known price.
        day: the user's local day, YYYY-MM-DD.
    """

    total_usd: float
    automatic_usd: float
    requests: int
    unknown: int
    day: str


Group = Literal["day", "action", "tier", "model"]
"""What requests can be told apart by."""

GROUPS: tuple[Group, ...] = ("day", "action", "tier", "model")


@dataclass(frozen=True)
class Usages:
    """What a group of requests has used.

    Attributes:
        group: what they have in common, by name.
        requests: how many there were, those that failed included.
        input: tokens that were neither written to a cache nor read from one.
        cache_write: tokens written to a cache.
        cache_read: tokens read from it.
        output: tokens, those of thinking included.
        cost_usd: of those whose price is known.
        unknown: how many have no known price.
        completions_usd: that of completions alone.
        speculative: how many asked for what follows a suggestion before it was accepted.
        speculative_usd: the cost of those.
        shown: suggestions that editors were given to show.
        accepted: suggestions that users accepted, as far as their editors tell.
        accepted_characters: characters of those.
    """

    group: Mapping[str, str]
    requests: int
    input: int
    cache_write: int
    cache_read: int
    output: int
    cost_usd: float
    unknown: int
    completions_usd: float
    speculative: int
    speculative_usd: float
    shown: int
    accepted: int
    accepted_characters: int

    @property
    def acceptance(self) -> float | None:
        """The share of the suggestions shown that was accepted; None where none was shown."""
        return self.accepted / self.shown if self.shown else None

    @property
    def usd_per_accepted(self) -> float | None:
        """What an accepted suggestion cost, with all that were not; None where there is none."""
        return self.completions_usd / self.accepted if self.accepted else None


# Ends of a request after which the server may have worked, and so billed, whatever we know of it.
_PERHAPS_BILLED = frozenset(("ok", "cancelled", "interrupted", "timeout", "refused", "truncated"))


def charge(request: Request, usage: Usage, outcome: str, attempts: int) -> float | None:
    """Return what a request that has ended counts as, in US dollars; None for an unknown price.

    Where the counters are missing it counts as the most that it could cost, unless it was never
    sent or was turned away.

    Args:
        request: what was asked.
        usage: the counters, as far as they are known.
        outcome: "ok", "cancelled", or the kind of the failure.
        attempts: how often it was sent.
    """
    if not usage.prompt and attempts and outcome in _PERHAPS_BILLED:
        return request.most_usd
    return cost_usd(request.model, usage, batched=request.batched)


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

    def reserve(self, request: Request, limits: Spend) -> int:
        """Book the most that a request may cost, if the limits allow it.

        Returns:
            the row to settle.

        Raises:
            ClaudeError: a limit would be passed (kind "budget"), or the ledger can't be used.
        """
        cost = request.most_usd
        if cost is None or cost > limits.request_usd:
            raise errors.ClaudeError(errors.budget("spend.request_usd", cost, limits.request_usd))
        day = today()
        with self._lock, _reported():
            connection = self._open()
            with connection:
                # The write lock is taken before the sum is read: no two processes can both see
                # room for the last cent.
                connection.execute("BEGIN IMMEDIATE")
                spent = _spent(connection, day)
                left = limits.day_usd - spent.total_usd
                if cost > left:
                    raise errors.ClaudeError(errors.budget("spend.day_usd", cost, left))
                left = limits.automatic_day_usd - spent.automatic_usd
                if request.automatic and cost > left:
                    raise errors.ClaudeError(errors.budget("spend.automatic_day_usd", cost, left))
                cursor = connection.execute(
                    "INSERT INTO requests (started, day, action, tier, model, automatic,"
                    " speculative, outcome, cost_usd, prices_as_of)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)",
                    (
                        time.time(),
                        day,
                        request.action,
                        request.tier,
                        request.model.id,
                        int(request.automatic),
                        int(request.speculative),
                        cost,
                        PRICES_AS_OF if request.model.known else None,
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
    ) -> float | None:
        """Replace a reservation by what the request really cost; return that in US dollars."""
        cost = charge(request, usage, outcome, attempts)
        with self._lock, _reported():
            connection = self._open()
            with connection:
                connection.execute(
                    "UPDATE requests SET outcome = ?, input = ?, output = ?, cache_write_5m = ?,"
                    " cache_write_1h = ?, cache_read = ?, thinking = ?, attempts = ?,"
                    " first_token_s = ?, total_s = ?, cost_usd = ? WHERE id = ?",
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
        names = [name for name in GROUPS if name in by]
        columns = ", ".join(names)
        groups = f" GROUP BY {columns}" if names else ""
        query = (
            f"SELECT {columns + ', ' if names else ''}"  # noqa: S608 - names out of GROUPS
            "COUNT(*), COALESCE(SUM(input), 0),"
            " COALESCE(SUM(cache_write_5m + cache_write_1h), 0), COALESCE(SUM(cache_read), 0),"
            " COALESCE(SUM(output), 0), COALESCE(SUM(cost_usd), 0),"
            " COALESCE(SUM(cost_usd IS NULL), 0),"
            " COALESCE(SUM(cost_usd * (action = 'complete')), 0),"
            " COALESCE(SUM(speculative), 0), COALESCE(SUM(cost_usd * speculative), 0),"
            " COALESCE(SUM(shown), 0),"
            " COALESCE(SUM(accepted), 0), COALESCE(SUM(accepted_characters), 0)"
            f" FROM requests WHERE day >= ?{groups} ORDER BY SUM(cost_usd) DESC"
        )
        with self._lock, _reported():
            found = self._open().execute(query, (since,)).fetchall()
        count = len(names)
        return [Usages(dict(zip(names, row, strict=False)), *row[count:]) for row in found]

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
        path = self._path or state_directory() / "ledger.sqlite3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # when, how much and with which models is the user's own affair
        connection = sqlite3.connect(
            path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            _use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            _bring_up_to_date(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables what this version needs, whichever wrote them last."""
    if _version(connection) == _VERSION:
        return
    with connection:
        # Another process may be doing the same.
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)
        if version > _VERSION:
            raise sqlite3.DatabaseError("the ledger was written by a newer version")
        for statements in _VERSIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the journal's mode; SQLite does not wait by itself if another process does so too."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class _reported:  # noqa: N801 - reads as a word in `with`
    """Turns what SQLite and the file system raise into a failure that the user can act on."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise errors.ClaudeError(errors.ledger(str(error))) from error


def _spent(connection: sqlite3.Connection, day: str) -> Spent:
    total, automatic, count, unknown = connection.execute(
        "SELECT COALESCE(SUM(cost_usd), 0), COALESCE(SUM(cost_usd * automatic), 0), COUNT(*),"
        " COALESCE(SUM(cost_usd IS NULL), 0) FROM requests WHERE day = ?",
        (day,),
    ).fetchone()
    return Spent(total, automatic, count, unknown, day)


def today() -> str:
    """Return the user's local day, YYYY-MM-DD."""
    return datetime.now().astimezone().date().isoformat()
