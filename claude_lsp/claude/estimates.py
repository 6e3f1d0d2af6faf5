"""What prompts really took, kept on disk, so that the next estimate is better.

A small SQLite file beside the ledger, shared by every process of the user. Each request adds a row,
so no process overwrites what another has learnt; only the newest of a kind count. It holds numbers
alone, and nothing rests on it: a file that can't be used is told once and begun anew, and until
then the careful bounds of `context.tokens` hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.claude import ledger_file
from claude_lsp.claude.request import MESSAGE_TOKENS, Block
from claude_lsp.context import tokens
from claude_lsp.context.calibration import (
    ENOUGH,
    KEPT,
    NOTHING_KNOWN,
    Correction,
    Measure,
    Observation,
    correction,
    is_plausible,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from claude_lsp.claude.catalog import Usage
    from claude_lsp.claude.request import Request

_VERSIONS = (
    (
        """\
CREATE TABLE observations (
    id INTEGER PRIMARY KEY,
    place TEXT NOT NULL,            -- a hash of the endpoint, and the tokenizer or model
    action TEXT NOT NULL,
    language TEXT NOT NULL,
    fixed INTEGER NOT NULL,         -- estimated tokens, as in `Observation`
    varying INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    real INTEGER NOT NULL
)""",
        "CREATE INDEX observations_by_kind ON observations (place, action, language, id)",
    ),
)
_PATIENCE_S = 1.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TIDY_EVERY = 512
"""Own rows after which those that do not count any more are dropped."""


class _Kind(NamedTuple):
    """What requests have in common; an empty text stands for any."""

    place: str
    action: str = ""
    language: str = ""


class Estimates:
    """What is known of the prompts of one endpoint. Safe to use from several threads.

    Reads and writes a file: call its methods in a worker.

    Args:
        path: the file.
        base_url: of the endpoint; empty for Anthropic's own.
        tell: called with a sentence for the user, once for each cause.
    """

    def __init__(self, path: Path, base_url: str, tell: Callable[[str], object]) -> None:
        self._path = path
        self._own = not base_url
        self._endpoint = hashlib.sha256(base_url.encode()).hexdigest()[:16]
        self._tell = tell
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._broken = False
        self._known: dict[_Kind, deque[Observation]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._read: set[str] = set()
        self._since_tidied = 0

    def measured(self, request: Request) -> Request:
        """Return a request with what its prompt is expected to take."""
        family = request.model.tokenizer
        fixed = tokens.estimate(request.system, family) + request.overhead
        fixed += sum(
            tokens.estimate(f"{tool.name} {tool.description} {tool.schema}", family)
            for tool in request.tools
        )
        varying = sum(
            tokens.estimate(block.text, family) if isinstance(block, Block) else block.tokens
            for block in request.blocks
        )
        varying += sum(
            MESSAGE_TOKENS + sum(tokens.estimate(said.text, family) for said in message.blocks)
            for message in request.earlier
        )
        return replace(request, measure=Measure(fixed, varying, self._correction(request)))

    def observe(self, request: Request, usage: Usage) -> None:
        """Learn what a request has taken; what can't be so is told once and changes nothing."""
        measure = request.measure
        pictures = not all(isinstance(block, Block) for block in request.blocks)
        if measure is None or pictures or not usage.prompt:
            return
        varying = measure.varying + sum(turn.tokens for turn in request.turns)
        estimated = measure.fixed + varying
        if not is_plausible(estimated, usage.prompt):
            self._tell_once(
                "implausible",
                f"the endpoint counts {usage.prompt:,} tokens for a prompt of about "
                f"{estimated:,}: its figures are booked as the ledger's rules say, and estimates "
                "do not follow them",
            )
            return
        # What the endpoint had counted beforehand says nothing of the estimate.
        expected = measure.correction.expected(measure.fixed, varying)
        seen = Observation(measure.fixed, varying, expected, usage.prompt)
        kind = self._kind(request)
        with self._lock:
            self._load(kind.place)
            self._note(kind, seen)
            self._write(kind, seen)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _correction(self, request: Request) -> Correction:
        kind = self._kind(request)
        with self._lock:
            self._load(kind.place)
            for each in (kind, kind._replace(action=""), _Kind(kind.place)):
                seen = self._known.get(each)
                if seen and (len(seen) >= ENOUGH or each == _Kind(kind.place)):
                    return correction(tuple(seen))
        return NOTHING_KNOWN

    def _kind(self, request: Request) -> _Kind:
        # Whatever a gateway serves under a known name need not have that model's tokenizer.
        known = self._own and request.model.known
        place = f"{self._endpoint} {request.model.tokenizer if known else request.model.id}"
        return _Kind(place, request.action, request.language)

    def _note(self, kind: _Kind, seen: Observation) -> None:
        for each in dict.fromkeys((kind, kind._replace(action=""), _Kind(kind.place))):
            self._known[each].append(seen)

    def _load(self, place: str) -> None:
        """Read what earlier sessions and other processes have learnt, once for each place."""
        if place in self._read:
            return
        self._read.add(place)
        try:
            rows = self._open().execute(
                "SELECT action, language, fixed, varying, expected, real FROM"
                " (SELECT *, ROW_NUMBER() OVER (PARTITION BY action, language ORDER BY id DESC)"
                " AS age FROM observations WHERE place = ?) WHERE age <= ? ORDER BY id",
                (place, KEPT),
            )
            for action, language, *numbers in rows:
                if all(isinstance(number, int) for number in numbers):
                    self._note(_Kind(place, action, language), Observation(*numbers))
        except (sqlite3.Error, OSError) as error:
            self._unusable(error)

    def _write(self, kind: _Kind, seen: Observation) -> None:
        if self._broken:
            return
        try:
            connection = self._open()
            connection.execute(
                "INSERT INTO observations"
                " (place, action, language, fixed, varying, expected, real)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*kind, *seen),
            )
            self._since_tidied += 1
            if self._since_tidied >= _TIDY_EVERY:
                self._since_tidied = 0
                connection.execute(
                    "DELETE FROM observations WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER()"
                    " OVER (PARTITION BY place, action, language ORDER BY id DESC) AS age"
                    " FROM observations) WHERE age > ?)",
                    (KEPT,),
                )
        except (sqlite3.Error, OSError) as error:
            self._unusable(error)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = ledger_file.opened(self._path, _PATIENCE_S, _VERSIONS)
        return self._connection

    def _unusable(self, error: Exception) -> None:
        """Go on with what this process learns; a damaged file is begun anew, as nothing is lost."""
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            with contextlib.suppress(OSError):
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._tell_once("damaged", f"{self._path} is damaged and begun anew: {error}")
            return
        self._broken = True
        self._tell_once(
            "file",
            f"what requests take can't be kept in {self._path} ({error}): estimates begin anew "
            "with each session",
        )

    def _tell_once(self, cause: str, text: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            self._tell(text)


def endpoint_of(base_url: str) -> str:
    """Return the address that requests go to; empty for Anthropic's own."""
    return base_url or os.environ.get("ANTHROPIC_BASE_URL") or ""
