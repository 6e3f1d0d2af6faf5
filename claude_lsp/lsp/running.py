"""Actions on a document as jobs: asked, prepared, sent, their results shown."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.lsp.again import Done
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.progress import progress
from claude_lsp.text.edits import TextEdit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.handlers.target import Target
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.positions import Range

    Replace = Callable[[Range, str], Awaitable[str | None]]
    """Puts a text in a range's place; returns None, or why it did not, in words for the user."""


@dataclass(frozen=True)
class Work:
    """An action under way on a document, with what it needs to show its results."""

    server: ClaudeServer
    engine: Engine
    action: Action
    situation: Situation
    prepared: Prepared
    key: str
    title: str
    journal: Journal
    report: Callable[[str], None]

    def outcomes(self) -> AsyncGenerator[Outcome]:
        """Send the request and yield what comes of it."""
        return self.engine.run(self.action, self.situation, self.prepared)

    def applier(self) -> Applier:
        """Return what puts edits into the document."""
        return Applier(self.server, self.situation.snapshot, self.journal, self.title)

    @contextlib.contextmanager
    def held(self, *, at_cursor: bool = False) -> Iterator[Replace]:
        """Lend what makes edits wait until the user accepts or discards them."""
        previews, snapshot = self.server.previews, self.situation.snapshot
        with previews.holding(self.key, snapshot.uri, self.title) as held:

            async def hold(span: Range, text: str) -> str | None:
                edit = TextEdit(span, text)
                return previews.add(held, snapshot, self.journal, edit, at_cursor=at_cursor)

            yield hold


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
                await _run(server, engine, chosen, target, carry_out, key=key)

    name = name or ("" if callable(action) else action.name)
    key = f"{name} {target.snapshot.uri}"
    server.work(key, name, work)


async def _run(
    server: ClaudeServer,
    engine: Engine,
    action: Action,
    target: Target,
    carry_out: Callable[[Work], Coroutine[None, None, bool]],
    *,
    key: str,
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
    async with progress(server, title) as report:
        came = await carry_out(
            Work(
                server=server,
                engine=engine,
                action=action,
                situation=situation,
                prepared=prepared,
                key=key,
                title=title,
                journal=target.journal,
                report=report,
            )
        )
    if came:
        done = Done(action, situation, prepared.request.tier, target.arguments)
        server.done.note(done, target.journal.changes)
