"""The figures of one server: how soon it asks and answers, and what it asks for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.changes import Typing, place
from benchmarks.completion.backends import MessagesBackend, Stamp
from benchmarks.completion.subjects import suggestions_of
from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.completion.rhythm import Rhythm
from claude_lsp.context.assemble import Context
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from tests.messages_api import Finish, Reply, Wait
from tests.messages_api.steps import Text

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.completion.subjects import Running
    from benchmarks.server_process import Answer, Sent

SUGGESTION = "measured(context, budget)"
LINES = 4
"""Typed one below the other before going elsewhere."""
KEYS = 6
BETWEEN_KEYS_S = 0.1
"""Nobody types faster for long, and a server may use the time."""

BURST, BURST_S, BACKEND_S = 15, 0.08, 0.6
USUAL_S = 0.15
_PATIENCE_S, _POLL_S = 4.0, 0.002
_CHUNK_S = 0.01


@dataclass(frozen=True)
class Counts:
    """How often each thing is measured."""

    lines: int = 120
    bursts: int = 10
    cancels: int = 20
    ends: int = 10


@dataclass
class Times:
    """What one server took, in milliseconds.

    Attributes:
        elsewhere: change and request to HTTP request, at a place far from those before.
        typing: the same, for the keys and lines that follow there.
        back: HTTP answer to answer.
        unasked: keys for which no HTTP request was made.
    """

    elsewhere: list[float] = field(default_factory=list)
    typing: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    unasked: int = 0


@dataclass
class Bursts:
    """What bursts of keys led to.

    Attributes:
        requests: HTTP requests of each burst.
        answered: answers of each burst.
        late: milliseconds from the last key to its answer, without those of the backend.
        over: the same, without the pause that the rhythm of the keys asks for.
    """

    requests: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    over: list[float] = field(default_factory=list)


class Document:
    """A file of the workspace that is open, and grows."""

    def __init__(self, running: Running, path: Path) -> None:
        self.path = path
        self._running = running
        self._typing = Typing(path)
        self._lines = path.read_text("utf-8").split("\n")
        self._line = self._column = 0
        running.server.open(path, "\n".join(self._lines))

    @property
    def place(self) -> dict[str, int]:
        return place(self._line, self._column)

    def new_line(self, chance: random.Random) -> tuple[float, str]:
        """Begin a line somewhere; return when that was sent, and what to type there."""
        return self._line_below(chance.choice(self._usable()), chance)

    def next_line(self, chance: random.Random) -> tuple[float, str]:
        """Begin a line below the one that was typed last."""
        return self._line_below(self._line, chance)

    def _usable(self) -> list[int]:
        return [number for number, line in enumerate(self._lines) if _usable(line)]

    def _line_below(self, above: int, chance: random.Random) -> tuple[float, str]:
        line = self._lines[above]
        indentation = line[: len(line) - len(line.lstrip())]
        statement = self._lines[chance.choice(self._usable())].strip()
        began = self._running.change(self._typing.insert(above, len(line), "\n" + indentation))
        self._lines.insert(above + 1, indentation)
        self._line, self._column = above + 1, len(indentation)
        return began, statement

    def key(self, letter: str) -> float:
        """Type one letter; return when that was sent."""
        began = self._running.change(self._typing.insert(self._line, self._column, letter))
        line = self._lines[self._line]
        self._lines[self._line] = line[: self._column] + letter + line[self._column :]
        self._column += 1
        return began


def _usable(line: str) -> bool:
    return line.isascii() and len(line.strip()) >= BURST and not line.rstrip().endswith("\\")


def documents(running: Running, paths: list[Path]) -> list[Document]:
    """Open files."""
    return [Document(running, path) for path in paths]


async def warm_up(running: Running, opened: list[Document], chance: random.Random) -> None:
    """Let the server read the workspace and load what it needs."""
    running.backend.write = lambda _before: SUGGESTION
    for document in opened:
        document.new_line(chance)
        await _answered(running.ask(document.path, document.place, asked=True))
    await running.settled()


async def typing(
    running: Running, opened: list[Document], count: int, chance: random.Random
) -> Times:
    """Type the beginnings of some lines at a few places, with a request for each key.

    No pause in typing is waited for: each request is sent as soon as it can be.
    """
    backend = running.backend
    backend.reset()
    backend.write = lambda _before: SUGGESTION
    backend.delay_s = 0.02
    found = Times()
    for number in range(count):
        document = opened[number // LINES % len(opened)]
        elsewhere = number % LINES == 0
        began, statement = (document.new_line if elsewhere else document.next_line)(chance)
        for nth, letter in enumerate(["", *statement[:KEYS]]):
            if letter:
                began = document.key(letter)
            already = len(backend.requests)
            answer = await _answered(running.ask(document.path, document.place))
            if len(backend.requests) == already or answer is None:
                found.unasked += 1
            else:
                waited = (backend.requests[already].received_at - began) * 1e3
                (found.elsewhere if elsewhere and not nth else found.typing).append(waited)
                if suggestions_of(answer, document.place):
                    found.back.append((answer.at - backend.answered[-1]) * 1e3)
            await asyncio.sleep(BETWEEN_KEYS_S)
    return found


async def bursts(
    running: Running, opened: list[Document], count: int, chance: random.Random
) -> Bursts:
    """Type without waiting for answers and without taking requests back."""
    backend = running.backend
    backend.write = lambda _before: SUGGESTION
    backend.delay_s = BACKEND_S
    found = Bursts()
    rhythm = Rhythm()
    for number in range(count):
        backend.reset()
        document = opened[number % len(opened)]
        _, statement = document.new_line(chance)
        asked: list[Sent] = []
        for letter in statement[:BURST]:
            document.key(letter)
            asked.append(running.ask(document.path, document.place))
            rhythm.key(asked[-1].at)
            if len(asked) < BURST:
                await asyncio.sleep(BURST_S)
        waiting = [asyncio.ensure_future(_answered(sent)) for sent in asked]
        answers = await asyncio.gather(*waiting)
        found.requests.append(len(backend.requests))
        found.answered.append(sum(answer is not None for answer in answers))
        last = answers[-1]
        if last is not None and suggestions_of(last, document.place):
            # Of the backend's time what it really took, in a loop that others share.
            backend_s = backend.answered[-1] - backend.requests[-1].received_at
            late = last.at - asked[-1].at - backend_s
            found.late.append(late * 1e3)
            found.over.append((late - rhythm.pause(USUAL_S)) * 1e3)
            rhythm.answered(last.at - asked[-1].at - rhythm.pause(USUAL_S))
        await asyncio.sleep(1)
    return found


async def cancels(
    running: Running, opened: list[Document], count: int, chance: random.Random
) -> list[float | None]:
    """Take requests back; return the milliseconds to the end of the HTTP stream, None for never."""
    backend = running.backend
    backend.write = lambda _before: SUGGESTION
    backend.delay_s = BACKEND_S
    found: list[float | None] = []
    for number in range(count):
        backend.reset()
        document = opened[number % len(opened)]
        document.new_line(chance)
        sent = running.ask(document.path, document.place, asked=True)
        for _ in range(round(_PATIENCE_S / _POLL_S)):
            if backend.requests:
                break
            await asyncio.sleep(_POLL_S)
        if not backend.requests:
            found.append(None)
            continue
        await asyncio.sleep(0.03)
        at = running.server.notify("$/cancelRequest", {"id": sent.id})
        await _answered(sent)
        request = backend.requests[0]
        await request.wait_finished()
        closed = request.disconnected and request.finished_at is not None
        found.append((request.finished_at - at) * 1e3 if closed and request.finished_at else None)
    return found


BLOCK = "    total = 0\n    for value in values:\n        total += value\n    return total\n"
BEYOND = "\n\ndef another(values):\n    return [value * 2 for value in values]\n" * 12
_HEAD = "def add_up(values):\n"


async def block_ends(running: Running, opened: list[Document], count: int) -> list[int]:
    """Return how many pieces of an answer were written after the end of the block was known."""
    backend = running.backend
    if not isinstance(backend, MessagesBackend):
        return []
    pieces = [*_pieces("<fill>" + BLOCK.lstrip() + BEYOND)]
    known = end_known_at(pieces)
    written: list[float] = []

    def reply(_request: object) -> Reply:
        steps: list[Text | Stamp | Wait | Finish] = []
        for piece in pieces:
            steps += [Text(piece), Stamp(written), Wait(_CHUNK_S)]
        return Reply((*steps, Finish("max_tokens")))

    found = []
    for number in range(count):
        backend.reset()
        backend.api.respond(reply)
        written.clear()
        path = opened[number % len(opened)].path.with_name(f"not_saved_{number}.py")
        running.server.open(path, f"{_HEAD}    ")
        answer = await _answered(running.ask(path, place(1, 4)))
        await backend.requests[0].wait_finished()
        if answer is not None and suggestions_of(answer, place(1, 4)):
            found.append(len(written) - known)
    return found


def _pieces(text: str, size: int = 4) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def end_known_at(pieces: list[str]) -> int:
    """Return after how many pieces a reader knows that the block has ended."""
    at = Position(1, 4)
    snapshot = Snapshot("file:///a.py", 1, f"{_HEAD}    ", "python")
    situation = Situation(snapshot, "a.py", Range(at, at))
    reader = ACTIONS["complete"].reader(situation, Context())
    for count, piece in enumerate(pieces, 1):
        reader.feed(piece)
        if reader.satisfied:
            return count
    raise ValueError("no end is known")


async def _answered(sent: Sent) -> Answer | None:
    """Wait for an answer; None if none comes."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asyncio.shield(sent.answer)
    except TimeoutError:
        return None
