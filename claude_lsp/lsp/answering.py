"""An answer on its way into a conversation: piece by piece, and never over what the user types.

Each piece is an insertion of its own, behind the one before and in front of whatever the user
types at the end meanwhile, which so becomes the beginning of their next turn. What has arrived of
an answer that ends early stays, and says so; nothing is written before anything has arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.actions.outcomes import Prose
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.apply import CLOSED
from claude_lsp.lsp.present import present
from claude_lsp.text.conversation import (
    ANSWER_HEADING,
    BROKE_OFF,
    CANCELLED,
    USER_HEADING,
    AnswerText,
    notice,
    parse,
)
from claude_lsp.text.lines import split_lines
from claude_lsp.text.positions import Position
from claude_lsp.text.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from claude_lsp.lsp.documents import LiveDocument
    from claude_lsp.lsp.running import Work
    from claude_lsp.routing import Tier
    from claude_lsp.text.edits import Change

LINES_S = 0.1
"""How long after a piece the next whole lines are written."""
WORDS_S = 0.4
"""How long after a piece the next words are, if the line has no end yet."""
_QUIET_S = 0.3
"""A client that does not look at versions gets nothing for so long after a change by the user,
since it may hold the next one back."""
_LONGEST_QUIET_S = 3.0
_LAST_WORDS_S = 2.0

NOTHING_ASKED = f"write your question under the last heading '{USER_HEADING}', and continue then"


class Spot(NamedTuple):
    """Where an answer goes, and what it answers.

    Attributes:
        asked: the document up to the end of the question.
        at: the place of the answer.
        before: what stands between the question and the heading of the answer.
        heading: the heading of the answer.
        behind: what follows the answer.
    """

    asked: Snapshot
    at: Position
    before: str
    heading: str
    behind: str


def spot_for(snapshot: Snapshot, tier: Tier | None) -> Spot | None:
    """Return where the answer to a conversation goes; None where nothing is asked.

    With a tier and no new question, the last question is answered once more. Parses the whole
    text, so call it in a worker.
    """
    text = snapshot.text
    conversation = parse(text)
    end = snapshot.index.position_at(len(text))
    turn = f"\n\n{USER_HEADING}\n\n"
    if conversation.asks:
        before = end_of_turn(text, conversation.open_fence)
        heading = ANSWER_HEADING if tier is None else f"{ANSWER_HEADING} ({tier})"
        return Spot(snapshot, end, before, heading, turn)
    if tier is None or conversation.answer is None:
        return None
    cut = snapshot.index.offset_at(Position(conversation.answer, 0))
    asked = Snapshot(snapshot.uri, snapshot.version, text[:cut], snapshot.language)
    heading = f"{ANSWER_HEADING} ({tier})"
    if conversation.waiting is not None:
        return Spot(asked, Position(conversation.waiting, 0), "", heading, "\n\n")
    return Spot(asked, end, end_of_turn(text, conversation.open_fence), heading, turn)


def end_of_turn(text: str, open_fence: str) -> str:
    """Return what must stand behind a text so that a heading can follow."""
    if not text:
        return ""
    ended = text.endswith(("\n", "\r"))
    if open_fence:
        return ("" if ended else "\n") + f"{open_fence}\n\n"
    if not ended:
        return "\n\n"
    return "\n" if split_lines(text)[-1].strip() else ""


async def answer(work: Work, spot: Spot) -> bool:
    """Write the answer as it streams in; tell whether anything came of it.

    Raises:
        ClaudeError: the request failed; what had arrived before is written, and marked.
    """
    writer = _Writer(work, spot)
    try:
        async with (
            writer.writing(),
            contextlib.aclosing(work.outcomes()) as outcomes,
        ):
            async for outcome in outcomes:
                if isinstance(outcome, Prose):
                    writer.take(outcome.text)
                    work.report(f"{writer.count} characters")
    except asyncio.CancelledError:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await writer.end(CANCELLED)
        raise
    except ClaudeError:
        await writer.end(BROKE_OFF)
        raise
    if not writer.count:
        work.server.notice("no answer came back")
    await writer.end()
    return writer.count > 0


class _Writer:
    """Writes one answer.

    Attributes:
        count: the characters of the answer that have arrived.
    """

    def __init__(self, work: Work, spot: Spot) -> None:
        self.count = 0
        self._work = work
        self._spot = spot
        self._applier = work.applier()
        self._text = AnswerText()
        self._pieces: list[str] = []
        self._waiting = ""
        self._begun = False
        self._problem: str | None = None
        self._under_way: asyncio.Task[str | None] | None = None
        self._news = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._last = self._typed = -math.inf

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write what is taken as soon as it is due, until the end of the block."""
        remove = self._work.server.workspace.on_edit(self._heard)
        pump = asyncio.create_task(self._pump())
        try:
            yield
        finally:
            remove()
            pump.cancel()
            await asyncio.wait([pump])
        if not pump.cancelled():
            pump.result()

    def take(self, piece: str) -> None:
        """Take the next piece of the answer."""
        self.count += len(piece if self.count else piece.lstrip())
        self._pieces.append(piece)
        self._waiting += self._text.feed(piece)
        self._news.set()

    async def end(self, mark: str = "") -> None:
        """Write the rest, with a mark if there should be more, and what follows an answer."""
        protocol = self._work.server.protocol
        if self._under_way is not None:
            if protocol.ending:
                self._under_way.cancel()
                return
            self._note(await self._under_way)
        rest = self._waiting + self._text.close()
        if not (self._begun or rest.strip()) or protocol.ending:
            return
        if self._problem is None:
            marked = f"\n\n{mark}" if mark else ""
            await self._write(f"{rest}{marked}{self._spot.behind}")
        if self._problem is not None and self._problem != CLOSED:
            # What was paid for is shown all the same.
            self._work.server.notice(f"the answer was not written to its end: {self._problem}")
            await present(self._work.server, "".join(self._pieces).strip() + "\n")

    def _heard(self, document: LiveDocument, _changes: list[Change]) -> None:
        # While a piece is under way, the change is most likely the piece.
        if document.uri == self._spot.asked.uri and self._under_way is None:
            self._typed = self._clock()

    async def _pump(self) -> None:
        while self._problem is None:
            self._news.clear()
            # Whole words, so that no line is rewrapped at every letter.
            cut = max(self._waiting.rfind("\n"), self._waiting.rfind(" ")) + 1
            text = self._waiting[:cut]
            wait = self._due(text) - self._clock() if text.strip() else None
            if wait is None or wait > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._news.wait()
                continue
            self._waiting = self._waiting[cut:]
            await self._write(text)

    def _due(self, text: str) -> float:
        """Return when a text is to be written."""
        due = self._last + (LINES_S if "\n" in text else WORDS_S)
        if not self._work.server.abilities.checks_versions:
            due = max(due, min(self._typed + _QUIET_S, self._last + _LONGEST_QUIET_S))
        return due

    async def _write(self, text: str) -> None:
        if not self._begun:
            text = self._head() + text
            self._begun = True
        # A cancel must not leave open whether and where the piece stands.
        writing = self._applier.append(self._spot.at, text)
        self._under_way = asyncio.create_task(writing)
        self._note(await asyncio.shield(self._under_way))

    def _note(self, problem: str | None) -> None:
        self._under_way = None
        self._problem = self._problem or problem
        self._last = self._clock()

    def _head(self) -> str:
        """Return what stands in front of the answer, with what was not sent."""
        left_out = self._work.prepared.context.left_out
        told = "".join(
            notice(f"not sent: {each.origin}; {each.reason}") + "\n\n" for each in left_out
        )
        return f"{self._spot.before}{self._spot.heading}\n\n{told}"
