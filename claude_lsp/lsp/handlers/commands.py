"""The commands that change or explain text: each returns at once and leaves its work to a job."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem
from claude_lsp.actions.outcomes import Insertion, Notice, Prose, Replacement
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.apply import CHANGED, Applier
from claude_lsp.lsp.confirm import ask, may_send
from claude_lsp.lsp.convert import SOURCE, position_to_client
from claude_lsp.lsp.handlers.reviews import plan_of
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.present import present
from claude_lsp.lsp.progress import progress
from claude_lsp.review.run import situation_of
from claude_lsp.review.scope import Document, Scope
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator

    from lsprotocol import types

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.engine import Engine, Prepared
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
    target = Target(server, params)
    name = str(arguments_of(params).get("action") or "complete")
    known = [each for each in ACTIONS if each != "architecture"]
    if name not in known:
        raise JsonRpcInvalidParams(f"claude.showContext needs an action: {', '.join(known)}.")
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


def cancel(server: ClaudeServer, _params: types.ExecuteCommandParams) -> int:
    """Cancel everything under way; return how much there was."""
    return server.suggestions.cancel() + server.jobs.cancel_all()


def problem_of_finding(shown: Shown) -> Problem:
    """Return one of our findings as the problem that an action gets to see."""
    finding = shown.finding
    return Problem(shown.range, f"{finding.title}: {finding.explanation}", SOURCE, finding.rule)


# ----- their work


@dataclass(frozen=True)
class _Work:
    """An action under way on a document, with what it needs to show its results."""

    server: ClaudeServer
    engine: Engine
    action: Action
    situation: Situation
    prepared: Prepared
    applier: Applier
    report: Callable[[str], None]

    def outcomes(self) -> AsyncGenerator[Outcome]:
        return self.engine.run(self.action, self.situation, self.prepared)


def _start(
    server: ClaudeServer,
    name: str,
    target: Target,
    carry_out: Callable[[_Work], Coroutine[None, None, None]],
) -> None:
    """Run an action on a document as a job with progress; a new one supersedes the running one."""
    action = ACTIONS[name]

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
                applier = Applier(server, target.snapshot, target.journal, title)
                async with progress(server, title) as report:
                    await carry_out(
                        _Work(server, engine, action, situation, prepared, applier, report)
                    )

    server.work(f"{name} {target.snapshot.uri}", name, work)


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
            # A fence longer than any in the text keeps it one block.
            text = as_text(prepared)
            fence = "`" * (max(map(len, re.findall("`+", text)), default=2) + 1)
            await present(server, f"# {action.name}: what is sent\n\n{fence}\n{text}\n{fence}\n")


async def _edit(work: _Work) -> None:
    """Apply independent edits one by one, each as soon as it is complete."""
    applied = 0
    async with contextlib.aclosing(work.outcomes()) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Replacement):
                problem = await work.applier.replace(outcome.range, outcome.text)
                if problem is None:
                    applied += 1
                    work.report(f"{applied} applied")
                else:
                    work.server.notice(f"an edit was dropped: {problem}")
            elif isinstance(outcome, Notice):
                work.server.notice(outcome.text)


async def _insert(work: _Work) -> None:
    """Put one insertion into the buffer: at its end as one undo step, or line by line."""
    live = work.engine.settings.edits.live == "line"
    written = ""
    at = work.situation.range.start
    found = False
    with _preview(work) as preview:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, Insertion):
                    continue
                found = found or outcome.complete
                work.report(f"{outcome.text.count(chr(10)) + 1} lines")
                preview(outcome.text)
                if not (live or outcome.complete):
                    continue
                # A last line ending may still be taken back, so it waits for the line behind it.
                text = outcome.text if outcome.complete else outcome.text.rstrip()
                if not text.startswith(written):
                    # A filter took back what stands in the buffer already; nothing more is added.
                    work.server.notice("the completion changed as it grew; what is there was kept")
                    return
                if outcome.until is None:
                    problem = await work.applier.insert(at, text[len(written) :])
                else:
                    problem = await work.applier.replace(Range(at, outcome.until), text)
                if problem is not None:
                    work.server.notice(f"the completion was dropped: {problem}")
                    return
                written = text
    if not found:
        work.server.notice("no completion for this place")


async def _explain(work: _Work) -> None:
    """Collect the explanation and open it; what has arrived is shown also if the rest fails."""
    answer = ""
    failure: ClaudeError | None = None
    with _preview(work) as preview:
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


@contextlib.contextmanager
def _preview(work: _Work) -> Iterator[Callable[[str], None]]:
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
