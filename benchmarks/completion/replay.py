"""A typing session, replayed: what is suggested, taken and paid for."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.changes import place
from benchmarks.completion.subjects import suggestions_of
from benchmarks.completion.typist import Typist, held_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.completion.subjects import Running
    from benchmarks.completion.typist import HeldOut
    from benchmarks.server_process import Sent

FIRST_WORD_S = 0.4
"""From a request to its answer's first word, as services usually take."""

_KNOWN_BY = 80
"""Characters before the cursor by which the backend knows where it is asked to go on."""


class Trace(NamedTuple):
    """How a session is typed: so many keys, so many times faster than people do, by which seed."""

    keys: int
    speed: float
    seed: int = 5


@dataclass
class Session:
    """What came of a session.

    Attributes:
        keys: pressed, a suggestion that was taken being one.
        shown: suggestions that appeared; one that is typed along is the same.
        taken: suggestions that were taken.
        characters: of those.
        requests: HTTP requests.
        input: tokens, cached ones included.
        output: tokens.
        cost_usd: what the ledger says.
    """

    keys: int = 0
    shown: int = 0
    taken: int = 0
    characters: int = 0
    requests: int = 0
    input: int = 0
    output: int = 0
    cost_usd: float = 0.0

    @property
    def cents_per_thousand(self) -> float:
        """US cents for each 1,000 characters that were taken."""
        return self.cost_usd * 100 * 1000 / self.characters if self.characters else 0.0


def functions(paths: Sequence[Path], chance: random.Random) -> Iterator[tuple[Path, HeldOut]]:
    """Yield one function of each file, for ever."""
    while True:
        for path in paths:
            found = list(held_out(path.read_text("utf-8")))
            if found:
                yield path, chance.choice(found)


async def replay(running: Running, work: Iterator[tuple[Path, HeldOut]], trace: Trace) -> Session:
    """Type so many keys, with a request for each, as an editor does that never cancels."""
    found = Session()
    backend = running.backend
    rests: dict[str, str] = {}
    backend.reset()
    backend.write = lambda before: rests.get(before[-_KNOWN_BY:], "")
    backend.delay_s = FIRST_WORD_S / trace.speed
    for number, (path, function) in enumerate(work):
        chance = random.Random(trace.seed + number)
        await _Buffer(running, path, function, rests, found).fill(chance, trace)
        if found.keys >= trace.keys:
            break
    # What was asked for last may still be on its way.
    await asyncio.sleep(2)
    found.requests = len(backend.requests)
    return found


class _Buffer:
    """One file whose function is being typed."""

    def __init__(
        self,
        running: Running,
        path: Path,
        function: HeldOut,
        rests: dict[str, str],
        found: Session,
    ) -> None:
        self._running, self._path, self._function = running, path, function
        self._rests, self._found = rests, found
        self._shown = self._earlier = ""
        self._version = 1
        self._newest: Sent | None = None
        self._showing: set[asyncio.Task[None]] = set()

    async def fill(self, chance: random.Random, trace: Trace) -> None:
        document = {"uri": self._path.as_uri()}
        self._running.server.open(self._path, self._function.before + self._function.after)
        typist = Typist(self._function.body, chance)
        while not typist.done and self._found.keys < trace.keys:
            await asyncio.sleep(typist.pause() / trace.speed)
            before, shown = typist.typed, self._shown
            key = typist.key(shown)
            self._found.keys += 1
            if key.kind == "take":
                self._found.taken += 1
                self._found.characters += len(key.text)
            self._earlier, self._shown = shown, ""
            self._change(before, typist.typed)
            text = self._function.before + typist.typed
            self._rests[text[-_KNOWN_BY:]] = typist.rest or ""
            self._ask(_end_of(text))
        self._newest = None
        self._running.server.notify("textDocument/didClose", {"textDocument": document})
        await asyncio.gather(*self._showing)

    def _change(self, before: str, after: str) -> None:
        start = _end_of(self._function.before + before)
        added = after[len(before) :]
        if not added:
            start, end = _end_of(self._function.before + after), start
        else:
            end = start
        self._version += 1
        change: dict[str, Any] = {
            "textDocument": {"uri": self._path.as_uri(), "version": self._version},
            "contentChanges": [{"range": {"start": start, "end": end}, "text": added}],
        }
        self._running.change(change)

    def _ask(self, at: dict[str, int]) -> None:
        sent = self._running.ask(self._path, at)
        self._newest = sent
        task = asyncio.ensure_future(self._show(sent, at))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)

    async def _show(self, sent: Sent, at: dict[str, int]) -> None:
        answer = await self._running.server.wait(sent)
        texts = suggestions_of(answer, at)
        if sent is not self._newest or not texts:
            return
        self._shown = texts[0]
        if not (self._earlier and self._earlier.endswith(self._shown)):
            self._found.shown += 1


def _end_of(text: str) -> dict[str, int]:
    """Return where a text of ASCII ends."""
    return place(text.count("\n"), len(text) - text.rfind("\n") - 1)


def paid(session: Session, ledger: Path) -> None:
    """Fill in what our ledger says of a session."""
    with closing(sqlite3.connect(ledger)) as connection:
        row = connection.execute(
            "SELECT SUM(input + cache_read + cache_write_5m), SUM(output), SUM(cost_usd)"
            " FROM requests"
        ).fetchone()
    session.input, session.output, session.cost_usd = (value or 0 for value in row)
