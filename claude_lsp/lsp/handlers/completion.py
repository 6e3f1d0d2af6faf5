"""Ghost text: `textDocument/inlineCompletion`."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.outcomes import Insertion
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.gathering import Surroundings
from claude_lsp.lsp.convert import position_from_client, range_to_client
from claude_lsp.lsp.jobs import cancel_once
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

_NOTHING = types.InlineCompletionList([])


@dataclass
class Turn:
    """One request's place in the row of its document: a later one supersedes it.

    Attributes:
        snapshot: the document when the request came; None for one that is not open.
        at: the cursor.
        others: what the editor shows beside it.
        superseded: set when a later request of the same document has come.
    """

    snapshot: Snapshot | None
    at: Position | None = None
    others: Surroundings = field(default_factory=Surroundings)
    superseded: asyncio.Event = field(default_factory=asyncio.Event)


def take_turn(server: ClaudeServer, params: types.InlineCompletionParams) -> Turn:
    """Take the snapshot, and supersede the document's earlier request: it is answered at once."""
    document = server.workspace.get(params.text_document.uri)
    if document is None:
        return Turn(None)
    snapshot = document.snapshot()
    at = position_from_client(params.position, snapshot.index, server.abilities.position_encoding)
    turn = Turn(snapshot, at, server.surroundings())
    earlier = server.completion_turns.get(snapshot.uri)
    if earlier is not None:
        earlier.superseded.set()
    server.completion_turns[snapshot.uri] = turn
    return turn


async def inline_completion(
    server: ClaudeServer, params: types.InlineCompletionParams, turn: Turn
) -> types.InlineCompletionList:
    """Answer with at most one suggestion; with none as soon as a later request has come."""
    snapshot, at = turn.snapshot, turn.at
    if snapshot is None or at is None:
        return _NOTHING
    asked = params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked
    suggestion = _suggestion(server, snapshot, at, turn.others, asked=asked)
    work = server.jobs.start(f"completion {snapshot.uri}", suggestion)
    waiting = asyncio.ensure_future(turn.superseded.wait())
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if turn.superseded.is_set() or not work.done() or work.cancelled():
            return _NOTHING
        text = work.result()
    finally:
        # Also when the client cancels: the work ends, and with it its HTTP stream.
        waiting.cancel()
        cancel_once(work)
        if server.completion_turns.get(snapshot.uri) is turn:
            del server.completion_turns[snapshot.uri]
    if not text:
        return _NOTHING
    place = range_to_client(Range(at, at), snapshot.index, server.abilities.position_encoding)
    return types.InlineCompletionList([types.InlineCompletionItem(text, range=place)])


async def _suggestion(
    server: ClaudeServer, snapshot: Snapshot, at: Position, others: Surroundings, *, asked: bool
) -> str:
    """Wait for a pause in typing, ask, and return the suggestion; empty if there is none."""
    try:
        async with server.session.engine() as engine:
            options = engine.settings.completion
            if options.trigger == "off" or (options.trigger == "manual" and not asked):
                return ""
            if not asked:
                await asyncio.sleep(options.debounce_ms / 1000)
            origin = engine.workspace.origin(snapshot)
            situation = Situation(snapshot, origin, Range(at, at), automatic=not asked)
            with server.working("completing"):
                return await _complete(engine, situation, others)
    except ClaudeError as error:
        # Nobody wants a pop-up per keystroke; even an asked-for suggestion just does not come.
        server.tell(error.failure, asked=False)
        return ""


async def _complete(engine: Engine, situation: Situation, others: Surroundings) -> str:
    action = ACTIONS["complete"]
    prepared = await engine.prepare(action, situation, others)
    text = ""
    async with contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Insertion) and outcome.complete:
                text = outcome.text
    return text
