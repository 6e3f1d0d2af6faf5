"""The commands that change or explain text: each returns at once and leaves its work to a job."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.instruction import find_instruction
from claude_lsp.lsp import carrying_out
from claude_lsp.lsp.apply import CHANGED, Applier
from claude_lsp.lsp.confirm import ask, words_for
from claude_lsp.lsp.convert import SOURCE
from claude_lsp.lsp.handlers.reviews import plan_of, show_architecture
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.present import present_context
from claude_lsp.lsp.running import start
from claude_lsp.review.document import Document
from claude_lsp.review.run import situation_of
from claude_lsp.review.scope import Scope
from claude_lsp.text.positions import Range
from claude_lsp.workspace.destination import Refused
from claude_lsp.workspace.test_files import destination_of_tests

if TYPE_CHECKING:
    from collections.abc import Callable

    from lsprotocol import types

    from claude_lsp.actions.action import Action
    from claude_lsp.lsp.publish import Shown
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.snapshots import Snapshot


def complete(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Put a completion at the cursor, which is the end of the given range."""
    target = Target(server, params, needs_range=True)
    target.range = Range(target.range.end, target.range.end)
    start(server, ACTIONS["complete"], target, carrying_out.insert)


def fix(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Fix the given problems; without any, our own findings at the given place."""
    start(server, ACTIONS["fix"], _with_problems(server, params), carrying_out.edit)


def fix_all(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Fix every problem of the kind of those given, or of our own finding at the given place."""
    target = _with_problems(server, params)
    first = target.problems[0]
    if first.source == SOURCE:
        # Of ours all are known.
        target.problems = findings_like(server, target.snapshot, first)
    else:
        target.problems = tuple(
            each
            for each in target.problems
            if (each.source, each.code) == (first.source, first.code)
        )
    start(server, ACTIONS["fixAll"], target, carrying_out.edit)


def rewrite(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Rewrite the given place as the user says: in the arguments, a comment, or when asked."""
    target = Target(server, params, needs_range=True)
    question = "What should Claude do with the selection?"
    start(
        server,
        ACTIONS["rewrite"],
        target,
        carrying_out.edit,
        ready=lambda: words_for(server, target, question),
    )


def edit(name: str) -> Callable[[ClaudeServer, types.ExecuteCommandParams], None]:
    """Return the command that changes the given place by an action that needs nothing else."""

    def command(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
        target = Target(server, params, needs_range=True)
        start(server, ACTIONS[name], target, carrying_out.edit)

    command.__doc__ = ACTIONS[name].does
    return command


def explain(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Explain the given place, in a document of its own."""
    start(server, ACTIONS["explain"], Target(server, params), carrying_out.prose)


def show_context(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Show what an action would send from here; nothing is sent."""
    name = str(arguments_of(params).get("action") or "complete")
    if name == "architecture":
        server.work("showContext", "looking", lambda: show_architecture(server))
        return
    target = Target(server, params)
    place = Situation(target.snapshot, "", target.range)
    known = [
        each
        for each, action in ACTIONS.items()
        if action.subject(place) is not None or action.conversation is not None
    ]
    if name not in known:
        known.append("architecture")
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


def _with_problems(server: ClaudeServer, params: types.ExecuteCommandParams) -> Target:
    """Return the target of a command with problems; without any, our own findings there count."""
    target = Target(server, params)
    target.problems = target.problems or tuple(
        problem_of_finding(shown)
        for shown in server.published.at(target.snapshot.uri, target.range)
    )
    if not target.problems:
        raise JsonRpcInvalidParams(
            f"{params.command} needs the problems to fix: "
            '{"uri", "range", "problems": [{"range", "message"}]}.'
        )
    return target


def findings_like(
    server: ClaudeServer, snapshot: Snapshot, problem: Problem
) -> tuple[Problem, ...]:
    """Return all our findings in a document of the kind of one of them."""
    index = snapshot.index
    found = server.published.at(snapshot.uri, index.range_of(0, len(index.text)))
    return tuple(problem_of_finding(each) for each in found if each.finding.rule == problem.code)


def problem_of_finding(shown: Shown) -> Problem:
    """Return one of our findings as the problem that an action gets to see."""
    finding = shown.finding
    return Problem(shown.range, f"{finding.title}: {finding.explanation}", SOURCE, finding.rule)


# ----- their work


async def _show_context(server: ClaudeServer, action: Action, target: Target) -> None:
    from claude_lsp.disclosure import as_text

    async with server.session.engine() as engine:
        with target.journal:
            if action.name == "test":
                found = await asyncio.to_thread(
                    destination_of_tests,
                    engine.workspace,
                    target.snapshot,
                    target.surroundings.documents,
                )
                if isinstance(found, Refused):
                    server.notice(found.reason)
                    return
                target.destination = found
            if action.name == "rewrite" and not target.asked:
                written = find_instruction(target.snapshot, target.range)
                target.asked, target.comment = written or ("(your instruction)", None)
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
