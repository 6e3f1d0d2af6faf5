"""The ledger's file: its tables by version, how it is opened, and what is dropped of it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    (
        # The price list and band that the cost was computed by, whether at the price of batches,
        # and why a cache did not serve a prompt, where the service tells: a word, never a text.
        "ALTER TABLE requests ADD COLUMN price_row TEXT",
        "ALTER TABLE requests ADD COLUMN batched INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE requests ADD COLUMN cache_miss TEXT",
    ),
    (
        # What a day has cost is asked before every request, so it is kept as it changes instead of
        # being added up each time; triggers keep it, whoever writes a request.
        "ALTER TABLE requests ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0",
        """\
UPDATE requests SET tokens = input + cache_write_5m + cache_write_1h + cache_read + output""",
        """\
CREATE TABLE spent (
    day TEXT NOT NULL,
    action TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    unknown INTEGER NOT NULL,       -- requests whose price is unknown
    usd REAL NOT NULL,              -- reservations included
    tokens INTEGER NOT NULL,        -- the same
    PRIMARY KEY (day, action, automatic)
) WITHOUT ROWID""",
        """\
INSERT INTO spent SELECT day, action, automatic, COUNT(*), SUM(cost_usd IS NULL),
    COALESCE(SUM(cost_usd), 0), SUM(tokens) FROM requests GROUP BY day, action, automatic""",
        """\
CREATE TRIGGER request_booked AFTER INSERT ON requests BEGIN
    INSERT INTO spent VALUES (NEW.day, NEW.action, NEW.automatic, 1, NEW.cost_usd IS NULL,
        COALESCE(NEW.cost_usd, 0), NEW.tokens)
    ON CONFLICT DO UPDATE SET requests = requests + 1, unknown = unknown + excluded.unknown,
        usd = usd + excluded.usd, tokens = tokens + excluded.tokens;
END""",
        """\
CREATE TRIGGER request_settled AFTER UPDATE OF cost_usd, tokens ON requests BEGIN
    UPDATE spent SET
        unknown = unknown + (NEW.cost_usd IS NULL) - (OLD.cost_usd IS NULL),
        usd = usd + COALESCE(NEW.cost_usd, 0) - COALESCE(OLD.cost_usd, 0),
        tokens = tokens + NEW.tokens - OLD.tokens
    WHERE day = NEW.day AND action = NEW.action AND automatic = NEW.automatic;
END""",
        """\
CREATE TRIGGER request_dropped AFTER DELETE ON requests BEGIN
    UPDATE spent SET requests = requests - 1, unknown = unknown - (OLD.cost_usd IS NULL),
        usd = usd - COALESCE(OLD.cost_usd, 0), tokens = tokens - OLD.tokens
    WHERE day = OLD.day AND action = OLD.action AND automatic = OLD.automatic;
    DELETE FROM spent WHERE day = OLD.day AND requests = 0;
END""",
    ),
)
"""What makes each version of the file from the one before."""


def opened(
    path: Path, patience_s: float, versions: Sequence[Sequence[str]] = _VERSIONS
) -> sqlite3.Connection:
    """Open the file, made or brought up to date where that is needed.

    Args:
        path: of the file; its folder is made too.
        patience_s: how long to wait for other processes.
        versions: the statements that make each version of its tables from the one before.

    Raises:
        OSError: the file or its folder can't be made.
        sqlite3.Error: it is no such file, one of a newer version, or stays locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # when, how much and with which models is the user's own affair
    connection = sqlite3.connect(
        path, timeout=patience_s, isolation_level=None, check_same_thread=False
    )
    try:
        _use_write_ahead_log(connection, patience_s)
        connection.execute("PRAGMA synchronous = NORMAL")
        _bring_up_to_date(connection, versions)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def drop_old(connection: sqlite3.Connection, day: str, keep_days: int) -> int:
    """Drop the requests of more than so many days ago; return how many there were.

    Nothing is dropped while all that is newer is of a single day: a clock that has jumped must not
    empty the ledger.
    """
    last = (date.fromisoformat(day) - timedelta(days=keep_days)).isoformat()
    first_kept, newest = connection.execute(
        "SELECT MIN(day), MAX(day) FROM requests WHERE day > ?", (last,)
    ).fetchone()
    if first_kept == newest:
        return 0
    return connection.execute("DELETE FROM requests WHERE day <= ?", (last,)).rowcount


def _bring_up_to_date(connection: sqlite3.Connection, versions: Sequence[Sequence[str]]) -> None:
    """Make the tables what this version needs, whichever wrote them last."""
    newest = len(versions)
    if _version(connection) == newest:
        return
    with connection:
        # Another process may be doing the same.
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)
        if version > newest:
            raise sqlite3.DatabaseError("the file was written by a newer version")
        for statements in versions[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")


def _version(connection: sqlite3.Connection) -> int:
    with closing(connection.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])


def _use_write_ahead_log(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch the journal's mode; SQLite does not wait by itself if another process does so too."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
