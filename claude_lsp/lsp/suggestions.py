"""Suggestions while typing: one stream for each document, kept as long as what is typed agrees.

A request is answered from memory if it can be; else by the stream that runs, if what was typed
since it began is what it writes; else, after a pause in typing, by a new stream. A later request
of the same row is a sign that nobody looks at the earlier one: that is answered at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.completion import syntax
from claude_lsp.actions.completion.decide import Keystroke, trigger_for, wanted, worth_asking
from claude_lsp.actions.completion.place import Place
from claude_lsp.actions.completion.recent import (
    Recent,
    Source,
    Suggestion,
    Where,
    agrees,
)
from claude_lsp.actions.completion.rhythm import PerMinute, Rhythm
from claude_lsp.actions.outcomes import Beginning, Drop, Insertion
from claude_lsp.claude.account import Account
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.jobs import cancel_once
from claude_lsp.telemetry import tracing
from claude_lsp.text.edits import TextEdit, apply_edits, end_of
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from claude_lsp.actions.action import Surroundings
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.settings import Completion
    from claude_lsp.text.snapshots import Snapshot

log = logging.getLogger(__name__)

Door = Literal["inline", "popup"]
"""Where suggestions are shown: as ghost text, or in the completion menu."""

GRACE_S = 0.15
"""How long a stream goes on after its request was cancelled: editors that cancel one request for
each key send the next one right behind, and it may want the same stream."""

_IDLE_SHARE = 0.4
"""Of the pause in typing, before its context is looked for: most keys are followed by another."""

LIMIT_S = 60.0
"""How long nothing is asked automatically once a spending limit has been reached."""


@dataclass(eq=False)
class Turn:
    """One request's place in its row: a later one of the same document and door supersedes it.

    Attributes:
        row: the document and the door.
        snapshot: the document when the request came.
        at: the cursor.
        where: the same, to be compared.
        surroundings: what the editor shows beside the document.
        asked: whether the user asked for it, instead of typing.
        deleted: whether text was deleted since the request before.
        suggestions: how many to choose from.
        follows: the suggestion that the document is as if accepted; None for the true one.
        superseded: set when a later request has come.
    """

    row: tuple[str, Door]
    snapshot: Snapshot
    at: Position
    where: Where
    surroundings: Surroundings
    asked: bool = False
    deleted: bool = False
    suggestions: int = 1
    follows: Source | None = None
    superseded: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """A request to the model under way, and the newest turn that wants its answer."""

    def __init__(self, turn: Turn) -> None:
        self.origin = turn
        self.wanted_by = turn
        self.begun = ""
        self.found: Suggestion | None = None
        self.task: asyncio.Task[None] | None = None

    def agrees(self, turn: Turn) -> bool:
        """Return whether what was typed up to a turn may be what this stream writes."""
        if self.task is not None and self.task.cancelling():
            return False  # it is being closed
        if turn.suggestions > self.origin.suggestions:
            return False  # it writes only one
        typed = turn.where.typed_since(self.origin.where)
        return typed is not None and agrees(self.begun, typed)

    def add(self, insertion: Insertion, row: int) -> None:
        """Take a suggestion that is complete: the first one, or another to choose from."""
        until = insertion.until or insertion.at
        covers = until.column - insertion.at.column
        earlier = self.found.all if self.found and self.found.text else ()
        source = Source(row, len(earlier))
        found = (*earlier, Suggestion(insertion.text, covers, source=source))
        others = found[1:] if self.origin.suggestions > 1 else None
        self.found = replace(found[0], others=others)

    def cancel(self) -> None:
        """Close the HTTP stream."""
        if self.task is not None:
            cancel_once(self.task)


class Suggestions:
    """What one session knows of completions while typing.

    Attributes:
        recent: suggestions that can be given again.
        turns: the newest request of each row.
        streams: the stream of each document.
        ahead: the stream of each document that writes what follows the suggestion shown.
    """

    def __init__(self, server: ClaudeServer) -> None:
        self._server = server
        self.recent = Recent()
        self.turns: dict[tuple[str, Door], Turn] = {}
        self.streams: dict[str, Stream] = {}
        self.ahead: dict[str, Stream] = {}
        self._followed: Source | None = None
        self._engine: Engine | None = None
        self._rhythm = Rhythm()
        self._per_minute = PerMinute()
        self._last: tuple[str, int, int] = ("", 0, 0)
        self._limited_until = 0.0
        self._told: set[str] = set()

    def note_key(self, snapshot: Snapshot, at: Position) -> bool:
        """Take note of the key behind a request; return whether it deleted text."""
        uri, offset, length = self._last
        state = snapshot.uri, snapshot.index.offset_at(at), len(snapshot.text)
        if state != self._last:
            self._rhythm.key(_now())
        self._last = state
        return uri == state[0] and state[1] < offset and state[2] < length

    def take_turn(
        self, snapshot: Snapshot, at: Position, door: Door, *, asked: bool, deleted: bool
    ) -> Turn:
        """Enter a row at dispatch; the request before in it is answered at once."""
        row = snapshot.uri, door
        surroundings = self._server.surroundings()
        turn = Turn(row, snapshot, at, Where.of(snapshot, at), surroundings, asked, deleted)
        if (earlier := self.turns.get(row)) is not None:
            earlier.superseded.set()
        self.turns[row] = turn
        return turn

    def cancel(self) -> int:
        """Answer the requests that wait for a pause in typing; return how many there were."""
        waiting = [turn for turn in self.turns.values() if turn.snapshot.uri not in self.streams]
        for turn in waiting:
            turn.superseded.set()
        return len(waiting)

    async def suggest(self, turn: Turn) -> Suggestion | None:
        """Return what to suggest; None if there is nothing, or a later request has come.

        Cancelling this lets the stream go on for a moment, in case the next request wants it.
        """
        try:
            async with self._server.session.engine() as engine:
                found = await self._suggest(engine, turn)
                if found is not None and not turn.superseded.is_set():
                    self._ask_ahead(engine, turn, found)
                return found
        except ClaudeError as error:
            # Nobody wants a pop-up per keystroke; even an asked-for suggestion just does not come.
            self._server.tell(error.failure, asked=False)
            return None
        except asyncio.CancelledError:
            self._let_go(turn)
            raise
        finally:
            if self.turns.get(turn.row) is turn:
                del self.turns[turn.row]

    async def _suggest(self, engine: Engine, turn: Turn) -> Suggestion | None:
        if engine is not self._engine:
            # Settings or folders have changed, and with them what may be suggested where.
            self._engine = engine
            self.recent = Recent()
            self._limited_until = 0.0
            self._told.clear()
        if turn.asked and turn.row[1] == "inline":
            turn.suggestions = engine.settings.completion.suggestions
        origin = engine.workspace.origin(turn.snapshot)
        trigger = trigger_for(turn.snapshot.language, origin, engine.settings.completion)
        decision = wanted(trigger, asked=turn.asked)
        known = self.recent.find(turn.where, _now()) if decision.ask else None
        stream = self.streams.get(turn.snapshot.uri)
        if stream is not None and not stream.agrees(turn):
            stream.cancel()
        ahead = self.ahead.get(turn.snapshot.uri)
        typed_along = (
            known is not None and ahead is not None and known.source == ahead.origin.follows
        )
        if ahead is not None and not (typed_along or ahead.agrees(turn)):
            ahead.cancel()  # the user types something else
        if not decision.ask:
            log.debug("nothing is asked: %s", decision.reason)
            return None
        if known is None or (turn.asked and not known.text):
            return await self._from_stream(engine, turn)
        if turn.suggestions > 1 and known.others is None:
            # The user sees one, and asks for others to choose from.
            found = await self._from_stream(engine, turn)
            if found is not None:
                known = _with_others(known, found)
                self.recent.add(turn.where, known, _now())
        return known

    async def _from_stream(self, engine: Engine, turn: Turn) -> Suggestion | None:
        """Wait for the stream that agrees, or for a new one after a pause."""
        options = engine.settings.completion
        pause_s = 0.0 if turn.asked else self._rhythm.pause(options.debounce_ms / 1000)
        while not turn.superseded.is_set():
            stream = self._agreeing(turn)
            if stream is None:
                with tracing.span("pause"):
                    # The context is looked for while the rest of the pause passes.
                    if await _set_within(turn.superseded, pause_s * _IDLE_SHARE):
                        return None
                    if pause_s > 0:
                        self._gather_ahead(engine, turn)
                    if await _set_within(turn.superseded, pause_s * (1 - _IDLE_SHARE)):
                        return None
                if self._server.workspace.get(turn.snapshot.uri) is None:
                    return None  # closed meanwhile
                pause_s = 0.0
                if not await self._may_send(options, turn):
                    return None
                stream = self._start(turn)
            stream.wanted_by = turn
            await self._ended(stream, turn)
            if stream.task is not None and stream.task.cancelled():
                return None
            found = self.recent.find(turn.where, _now())
            if found is not None or stream.origin is turn or stream.agrees(turn):
                return None if turn.superseded.is_set() else found
        return None

    def _agreeing(self, turn: Turn) -> Stream | None:
        """Return the stream that may write what a turn wants."""
        for streams in (self.streams, self.ahead):
            stream = streams.get(turn.snapshot.uri)
            if stream is not None and stream.agrees(turn):
                return stream
        return None

    def _ask_ahead(self, engine: Engine, turn: Turn, shown: Suggestion) -> None:
        """Ask for what follows a suggestion that is being shown, so that it is there in time.

        Once for each, and within the limits of what nobody has asked for.
        """
        options = engine.settings.completion
        if not (options.speculative and shown.text and shown.source and turn.row[1] == "inline"):
            return
        if shown.source == self._followed:
            return
        self._followed = shown.source
        end = Position(turn.at.line, turn.at.column + shown.covers)
        edit = TextEdit(Range(turn.at, end), shown.text)
        text = apply_edits(turn.snapshot.text, [edit])
        snapshot = replace(turn.snapshot, text=text)
        at = end_of(turn.at, shown.text)
        where = Where.of(snapshot, at)
        next_turn = Turn(turn.row, snapshot, at, where, turn.surroundings, follows=shown.source)
        if self.recent.find(where, _now()) is None and self._within_limits(options):
            stream = Stream(next_turn)
            self.ahead[snapshot.uri] = stream
            key = f"completion ahead {snapshot.uri}"
            stream.task = self._server.jobs.start(key, self._run(stream))

    def cursor_rests(self, snapshot: Snapshot, at: Position) -> None:
        """Look for the context of the place where the cursor rests: typing may go on there."""
        engine = self._server.session.current_engine
        if engine is None:
            return
        origin = engine.workspace.origin(snapshot)
        if trigger_for(snapshot.language, origin, engine.settings.completion)[0] == "automatic":
            surroundings = self._server.surroundings()
            where = Where.of(snapshot, at)
            self._gather_ahead(
                engine, Turn((snapshot.uri, "inline"), snapshot, at, where, surroundings)
            )

    def _gather_ahead(self, engine: Engine, turn: Turn) -> None:
        """Look for the context of a request that is probably sent; it is kept for that."""
        situation = _situation(engine, turn)
        gathering = engine.gather_ahead(ACTIONS["complete"], situation, turn.surroundings)
        self._server.upkeep.start(f"context {turn.snapshot.uri}", gathering)

    def _start(self, turn: Turn) -> Stream:
        stream = Stream(turn)
        uri = turn.snapshot.uri
        self.streams[uri] = stream
        stream.task = self._server.jobs.start(f"completion {uri}", self._run(stream))
        return stream

    async def _run(self, stream: Stream) -> None:
        turn = stream.origin
        began = _now()
        try:
            async with self._server.session.engine() as engine:
                situation = _situation(engine, turn)
                with self._server.working("completing"), tracing.span("suggestion"):
                    await self._stream(engine, situation, stream)
            self._keep(stream)
            if stream.found is not None:
                self._rhythm.answered(_now() - began)
        except ClaudeError as error:
            several = turn.suggestions > 1 or error.failure.kind == "truncated"
            if several and stream.found and stream.found.text:
                self._keep(stream)  # what is whole is as good as any
            else:
                self._failed(error, turn)
        finally:
            for streams in (self.streams, self.ahead):
                if streams.get(turn.snapshot.uri) is stream:
                    del streams[turn.snapshot.uri]

    def _keep(self, stream: Stream) -> None:
        if stream.found is not None:
            self.recent.add(stream.origin.where, stream.found, _now())

    async def _stream(self, engine: Engine, situation: Situation, stream: Stream) -> None:
        action = ACTIONS["complete"]
        account = Account()
        prepared = await engine.prepare(action, situation, stream.origin.surroundings)
        running = engine.run(action, situation, prepared, account)
        async with contextlib.aclosing(running) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Beginning):
                    stream.begun = outcome.text
                    if not stream.agrees(stream.wanted_by):
                        return  # the user types something else
                elif isinstance(outcome, Drop):
                    log.debug("no suggestion: %s", outcome.reason)
                    stream.found = stream.found or Suggestion("")
                elif isinstance(outcome, Insertion) and outcome.complete:
                    stream.add(outcome, account.rows[-1])
                    self._keep(stream)  # known at once, while others to choose from follow

    async def _ended(self, stream: Stream, turn: Turn) -> None:
        """Wait until the stream has ended, or the turn is superseded."""
        if stream.task is None:
            return
        waiting = asyncio.ensure_future(turn.superseded.wait())
        try:
            await asyncio.wait({stream.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    def _let_go(self, turn: Turn) -> None:
        """Close the stream of a cancelled turn: at once if the user had asked, else soon."""
        stream = self._agreeing(turn)
        if stream is None:
            return

        def let_go() -> None:
            if stream.wanted_by is turn:
                stream.cancel()

        if turn.asked:
            let_go()
        else:
            asyncio.get_running_loop().call_later(GRACE_S, let_go)

    # ----- when nothing is asked

    async def _may_send(self, options: Completion, turn: Turn) -> bool:
        """Decide by the place, then by the limits of what nobody has asked for."""
        if turn.asked:
            return True
        read_only = await asyncio.to_thread(_read_only, turn.snapshot)
        place = Place.of(turn.snapshot, turn.at)
        decision = worth_asking(place, Keystroke(turn.asked, turn.deleted, read_only), options)
        if not decision.ask:
            log.debug("nothing is asked: %s", decision.reason)
            return False
        return not turn.superseded.is_set() and self._within_limits(options)

    def _within_limits(self, options: Completion) -> bool:
        """Hold automatic requests to their limits; say so once, since typing now shows nothing."""
        if _now() < self._limited_until:
            log.debug("nothing is asked: a spending limit has been reached")
            return False
        most = options.per_minute
        if self._per_minute.take(_now(), most):
            return True
        self._tell_once(
            "per minute",
            f"{most} suggestions within a minute (completion.per_minute): until it has passed,"
            " suggestions come only when you ask for one.",
        )
        return False

    def _failed(self, error: ClaudeError, turn: Turn) -> None:
        failure = error.failure
        self._server.tell(failure, asked=False)
        if failure.kind == "budget" and not turn.asked:
            self._limited_until = _now() + LIMIT_S
            self._tell_once("budget", f"no suggestions while you type: {failure}")

    def _tell_once(self, cause: str, text: str) -> None:
        log.debug("nothing is asked: %s", text)
        if cause not in self._told:
            self._told.add(cause)
            self._server.notice(text)


def _situation(engine: Engine, turn: Turn) -> Situation:
    return Situation(
        turn.snapshot,
        engine.workspace.origin(turn.snapshot),
        Range(turn.at, turn.at),
        automatic=not turn.asked,
        multiline=engine.settings.completion.multiline,
        suggestions=turn.suggestions,
        speculative=turn.follows is not None,
    )


def _with_others(known: Suggestion, found: Suggestion) -> Suggestion:
    """Put what was found behind what is shown already."""
    return replace(known, others=tuple(one for one in found.all if one.text and one != known))


def _read_only(snapshot: Snapshot) -> bool:
    """Return whether nobody may write the document's file; loads its grammar by the way.

    Both take a worker, and nothing before this one was in a hurry.
    """
    syntax.load(snapshot.language)
    try:
        return snapshot.path is not None and snapshot.path.stat().st_mode & 0o222 == 0
    except (OSError, ValueError):
        return False  # not saved yet, or no name that a file could have


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event at most so long; tell whether it was set."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
    return event.is_set()


def _now() -> float:
    return asyncio.get_running_loop().time()
