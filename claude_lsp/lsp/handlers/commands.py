"""The commands that change or explain text: each returns at once and leaves its work to a job."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem
from claude_lsp.actions.outcomes import Insertion, Notice, Prose, Replacement
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.apply import CHANGED, Applier
from claude_lsp.lsp.confirm import ask, may_send
from claude_lsp.lsp.convert import SOURCE
from claude_lsp.lsp.handlers.reviews import plan_of, show_architecture
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.present import present, present_context
from claude_lsp.lsp.previews import growing
from claude_lsp.lsp.progress import progress
from claude_lsp.review.document import Document
from claude_lsp.review.run import situation_of
from claude_lsp.review.scope import Scope
from claude_lsp.text.edits import TextEdit
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterator

    from lsprotocol import types

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer


def complete(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Put a completion at the cursor, which is the end of the given range."""
    target = Target(server, params, needs_range=True)
    target.range = Range(target.range.end, target.range.end)
    _start(server, "complete", target, _insert)


def fix(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Fix the given problems; without any, our own findings at the given place."""
    target = Target(server, params)
    target.problems = target.problems or tuple(
        problem_of_finding(shown)
        for shown in server.published.at(target.snapshot.uri, target.range)
    )
    if not target.problems:
        raise JsonRpcInvalidParams(
            "claude.fix needs the problems to fix: "
            '{"uri", "range", "problems": [{"range", "message"}]}.'
        )
    _start(server, "fix", target, _edit)


def explain(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Explain the given place, in a document of its own."""
    _start(server, "explain", Target(server, params), _explain)


def show_context(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Show what an action would send from here; nothing is sent."""
    name = str(arguments_of(params).get("action") or "complete")
    if name not in ACTIONS:
        raise JsonRpcInvalidParams(f"claude.showContext needs an action: {', '.join(ACTIONS)}.")
    if name == "architecture":
        server.work("showContext", "looking", lambda: show_architecture(server))
        return
    target = Target(server, params)
    if name == "complete":
        target.range = Range(target.range.end, target.range.end)
    key = f"showContext {target.snapshot.uri}"
    server.work(key, "looking", lambda: _show_context(server, ACTIONS[name], target))


def apply_fix(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Apply the edit that came with a finding; it is known already, so nothing is sent."""
    target = Target(server, params)
    fingerprint = arguments_of(params).get("fingerprint")
    shown = server.published.find(target.snapshot.uri, str(fingerprint))
    if shown is None or shown.finding.replacement is None:
        raise JsonRpcInvalidParams("claude.applyFix needs the fingerprint of a finding with a fix.")
    key = f"applyFix {target.snapshot.uri}"
    server.work(key, "applying", lambda: _apply_fix(server, target, shown))


def accepted(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Count a suggestion that the user accepted, or the beginning of one.

    Editors run this by themselves; those that accept parts add how many `characters` it was.
    """
    table = arguments_of(params)
    number, characters = table.get("number"), table.get("characters")
    if isinstance(number, int):
        server.acceptance.accept(number, characters if isinstance(characters, int) else None)


def accept_preview(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Apply edits that wait, as one step to undo."""
    number = arguments_of(params).get("id")
    held = server.previews.take(number)
    document = None if held is None else server.workspace.get(held.uri)
    if held is None or document is None:
        raise JsonRpcInvalidParams(f"{params.command}: no edits are ready under the id {number!r}.")
    snapshot, journal = document.snapshot(), document.journal()

    async def work() -> None:
        with journal:
            problem: str | None = CHANGED
            if held.stands(snapshot):
                applier = Applier(server, snapshot, journal, held.title)
                problem = await applier.replace_all(held.text_edits)
        if problem is not None:
            server.notice(f"what you accepted was not applied: {problem}")

    server.work(f"accept {held.number}", "applying", work)


def discard_preview(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Take back edits that wait; those that are still being written are cancelled."""
    held = server.previews.discard(arguments_of(params).get("id"))
    if held is not None and not held.ready:
        server.jobs.cancel(held.key)


def cancel(server: ClaudeServer, _params: types.ExecuteCommandParams) -> int:
    """Cancel everything under way and take back what waits; return how much there was."""
    return server.suggestions.cancel() + server.jobs.cancel_all() + server.previews.discard_all()


def problem_of_finding(shown: Shown) -> Problem:
    """Return one of our findings as the problem that an action gets to see."""
    finding = shown.finding
    return Problem(shown.range, f"{finding.title}: {finding.explanation}", SOURCE, finding.rule)


# ----- their work


Replace = Callable[[Range, str], Awaitable["str | None"]]
"""Puts a text in a range's place; returns None, or why it did not, in words for the user."""


@dataclass(frozen=True)
class _Work:
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
        return self.engine.run(self.action, self.situation, self.prepared)

    def applier(self) -> Applier:
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


def _start(
    server: ClaudeServer,
    name: str,
    target: Target,
    carry_out: Callable[[_Work], Coroutine[None, None, None]],
) -> None:
    """Run an action on a document as a job with progress; a new one supersedes the running one."""
    action = ACTIONS[name]
    key = f"{name} {target.snapshot.uri}"

    async def work() -> None:
        async with server.session.engine() as engine:
            with target.journal:
                situation = target.situation(engine)
                prepared = await engine.prepare(action, situation, target.surroundings)
                if target.confirm and not await may_send(
                    server, engine, action, situation, prepared
                ):
                    return
                title = f"Claude: {action.title(situation)}"
                async with progress(server, title) as report:
                    await carry_out(
                        _Work(
                            server,
                            engine,
                            action,
                            situation,
                            prepared,
                            key,
                            title,
                            target.journal,
                            report,
                        )
                    )

    server.work(key, name, work)


async def _show_context(server: ClaudeServer, action: Action, target: Target) -> None:
    from claude_lsp.disclosure import as_text

    async with server.session.engine() as engine:
        with target.journal:
            situation, calls = target.situation(engine), 1
            if action.name == "review":
                document = Document(situation.origin, target.snapshot)
                units = (await plan_of(engine, Scope(document.origin, (document,)))).units
                if units:
                    situation, calls = situation_of(units[0]), len(units)
            prepared = await engine.prepare(action, situation, target.surroundings)
            if calls > 1:
                server.notice(f"{action.name} makes {calls} calls; this is the first of them")
            await present_context(server, action.name, as_text(prepared))


async def _edit(work: _Work) -> None:
    """Apply independent edits one by one, each as soon as it is complete; or let them wait."""
    if not work.server.abilities.accepts_previews:
        await _edit_with(work, work.applier().replace, "applied")
        return
    with work.held() as hold:
        await _edit_with(work, hold, "ready")


async def _edit_with(work: _Work, replace: Replace, done: str) -> None:
    count = 0
    async with contextlib.aclosing(work.outcomes()) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Replacement):
                problem = await replace(outcome.range, outcome.text)
                if problem is None:
                    count += 1
                    work.report(f"{count} {done}")
                else:
                    work.server.notice(f"an edit was dropped: {problem}")
            elif isinstance(outcome, Notice):
                work.server.notice(outcome.text)


async def _insert(work: _Work) -> None:
    """Put one insertion into the buffer: at its end as one undo step, or line by line.

    At its end it waits for the user's word where the client wants that.
    """
    if work.engine.settings.edits.live == "line":
        await _insert_lines(work)
    elif work.server.abilities.accepts_previews:
        with work.held(at_cursor=True) as hold:
            await _insert_whole(work, hold)
    else:
        await _insert_whole(work, None)


async def _insert_whole(work: _Work, hold: Replace | None) -> None:
    at = work.situation.range.start
    async with contextlib.aclosing(_insertions(work)) as insertions:
        async for insertion in insertions:
            if not insertion.complete:
                continue
            span = Range(at, insertion.until or at)
            if hold is not None:
                problem = await hold(span, insertion.text)
            elif span.empty:
                problem = await work.applier().insert(at, insertion.text)
            else:
                problem = await work.applier().replace(span, insertion.text)
            if problem is not None:
                work.server.notice(f"the completion was dropped: {problem}")
                return


async def _insert_lines(work: _Work) -> None:
    at, applier, written = work.situation.range.start, work.applier(), ""
    async with contextlib.aclosing(_insertions(work)) as insertions:
        async for insertion in insertions:
            # A last line ending may still be taken back, so it waits for the line behind it.
            text = insertion.text if insertion.complete else insertion.text.rstrip()
            if not text.startswith(written):
                # A filter took back what stands in the buffer already; nothing more is added.
                work.server.notice("the completion changed as it grew; what is there was kept")
                return
            if insertion.until is None:
                problem = await applier.insert(at, text[len(written) :])
            else:
                problem = await applier.replace(Range(at, insertion.until), text)
            if problem is not None:
                work.server.notice(f"the completion was dropped: {problem}")
                return
            written = text


async def _insertions(work: _Work) -> AsyncGenerator[Insertion]:
    """Yield an insertion as it grows, shown meanwhile; tell the user if there is none."""
    found = False
    with growing(work.server, work.situation.snapshot, work.situation.range.start) as preview:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Insertion):
                    found = found or outcome.complete
                    lines = outcome.text.count("\n") + 1
                    work.report(f"{lines} lines" if lines > 1 else "1 line")
                    preview(outcome.text)
                    yield outcome
    if not found:
        work.server.notice("no completion for this place")


async def _explain(work: _Work) -> None:
    """Collect the explanation and open it; what has arrived is shown also if the rest fails."""
    answer = ""
    failure: ClaudeError | None = None
    with growing(work.server, work.situation.snapshot, work.situation.range.start) as preview:
        try:
            async with contextlib.aclosing(work.outcomes()) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Prose):
                        answer += outcome.text
                        work.report(f"{len(answer)} characters")
                        preview(answer)
        except ClaudeError as error:
            failure = error
    if answer.strip():
        place = f"{work.situation.origin}, line {work.situation.range.start.line + 1}"
        await present(work.server, f"# {place}\n\n{answer.strip()}\n")
    elif failure is None:
        work.server.notice("no explanation came back")
    if failure is not None:
        raise failure


async def _apply_fix(server: ClaudeServer, target: Target, shown: Shown) -> None:
    text = shown.finding.replacement or ""
    place = shown.range
    with target.journal:
        if not shown.stands(target.snapshot.index):
            server.notice(f"the suggestion was not applied: {CHANGED}")
            return
        question = f"Apply the suggestion for: {shown.finding.title}?"
        if target.confirm and not await ask(server, question, "Apply"):
            return
        label = f"Claude: {shown.finding.title}"
        applier = Applier(server, target.snapshot, target.journal, label)
        problem = await applier.replace(place, text)
    if problem is not None:
        server.notice(f"the suggestion was not applied: {problem}")
