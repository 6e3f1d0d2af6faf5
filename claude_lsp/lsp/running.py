"""Actions on a document as jobs: asked, prepared, sent, their results shown."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.lsp.again import Done
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.convert import position_to_client
from claude_lsp.lsp.progress import progress

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.handlers.target import Target
    from claude_lsp.lsp.server import ClaudeServer


@dataclass(frozen=True)
class Work:
    """An action under way on a document, with what it needs to show its results."""

    server: ClaudeServer
    engine: Engine
    action: Action
    situation: Situation
    prepared: Prepared
    applier: Applier
    report: Callable[[str], None]

    def outcomes(self) -> AsyncGenerator[Outcome]:
        """Send the request and yield what comes of it."""
        return self.engine.run(self.action, self.situation, self.prepared)


def start(
    server: ClaudeServer,
    action: Action | Callable[[Engine], Action],
    target: Target,
    carry_out: Callable[[Work], Coroutine[None, None, bool]],
    *,
    ready: Callable[[], Awaitable[bool]] | None = None,
    name: str = "",
) -> None:
    """Run an action on a document as a job with progress; a new one supersedes the running one.

    Args:
        server: the server.
        action: what to do, or what finds it in the settings.
        target: the place; its journal is closed at the end.
        carry_out: shows the outcomes; tells whether anything came of it.
        ready: completes the target before anything is prepared, such as by asking the user; False
            ends the job.
        name: the action's, where it has to be found.
    """

    async def work() -> None:
        async with server.session.engine() as engine:
            with target.journal:
                if ready is not None and not await ready():
                    return
                chosen = action(engine) if callable(action) else action
                await _run(server, engine, chosen, target, carry_out)

    name = name or ("" if callable(action) else action.name)
    server.work(f"{name} {target.snapshot.uri}", name, work)


async def _run(
    server: ClaudeServer,
    engine: Engine,
    action: Action,
    target: Target,
    carry_out: Callable[[Work], Coroutine[None, None, bool]],
) -> None:
    situation = target.situation(engine)
    prepared = await engine.prepare(
        action, situation, target.surroundings, target.extras, target.tier
    )
    if (target.confirm or action.confirm) and not await may_send(
        server, engine, action, situation, prepared
    ):
        return
    title = f"Claude: {action.title(situation)}"
    applier = Applier(server, target.snapshot, target.journal, title)
    async with progress(server, title) as report:
        work = Work(server, engine, action, situation, prepared, applier, report)
        came = await carry_out(work)
    if came:
        done = Done(action, situation, prepared.request.tier, target.arguments)
        server.done.note(done, target.journal.changes)


@contextlib.contextmanager
def preview(work: Work) -> Iterator[Callable[[str], None]]:
    """Show a growing text in editors that can, until the end of the block takes it back."""
    if not work.server.abilities.preview:
        yield lambda _text: None
        return
    snapshot, place = work.situation.snapshot, work.situation.range.start
    position = position_to_client(place, snapshot.index, work.server.abilities.position_encoding)
    last = ""

    def show(text: str, *, complete: bool = False) -> None:
        nonlocal last
        last = text
        work.server.protocol.notify(
            "claude/preview",
            {
                "uri": snapshot.uri,
                "position": {"line": position.line, "character": position.character},
                "text": text,
                "complete": complete,
            },
        )

    try:
        yield show
    finally:
        if last:
            show(last, complete=True)
