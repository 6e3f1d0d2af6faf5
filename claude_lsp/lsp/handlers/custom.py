"""The command that runs the actions which users define in their settings."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from typing import TYPE_CHECKING

from claude_lsp.actions.custom import custom_actions, symbol_at
from claude_lsp.actions.outcomes import Drop, Notice
from claude_lsp.context.candidate import lines_of
from claude_lsp.findings.finding import Finding
from claude_lsp.lsp import carrying_out
from claude_lsp.lsp.confirm import choose
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.running import start
from claude_lsp.review.fixes import checked
from claude_lsp.user_actions import placeholders

if TYPE_CHECKING:
    from lsprotocol import types

    from claude_lsp.actions.action import Action
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.running import Work
    from claude_lsp.lsp.server import ClaudeServer


def run(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Run one of the user's own actions at a place; without its name the user chooses."""
    target = Target(server, params)
    given = arguments_of(params).get("action")
    name = given if isinstance(given, str) else ""

    async def find() -> bool:
        nonlocal name
        async with server.session.engine() as engine:
            known = custom_actions(engine.settings)
            if not known:
                server.notice("there are no actions of your own; define them as actions.NAME")
                return False
            if not name:
                titles = {definition.does: each for each, definition in known.items()}
                name = titles.get(await choose(server, "Which action?", list(titles)), "")
            if not name:
                return False
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                server.notice(f"there is no action {name}{hint} (there are {', '.join(known)})")
                return False
            prompt = engine.settings.actions[name].prompt
        target.arguments = {"action": name}
        if "symbol" in placeholders(prompt):
            line = target.range.start.line
            target.symbol = await asyncio.to_thread(symbol_at, target.snapshot, line)
        return True

    def action(engine: Engine) -> Action:
        return custom_actions(engine.settings)[name]

    async def carry_out(work: Work) -> bool:
        output = work.engine.settings.actions[name].output
        if output == "edit":
            return await carrying_out.edit(work)
        return await (_report(work) if output == "findings" else carrying_out.prose(work))

    start(server, action, target, carry_out, ready=find, name="run")


async def _report(work: Work) -> bool:
    """Show findings as diagnostics, each as it comes; those of the last run go at the end."""
    server, snapshot = work.server, work.situation.snapshot
    run = server.published.begin(f"run {work.action.name}")
    found = dropped = 0
    async with contextlib.aclosing(work.outcomes()) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Finding):
                found += 1
                sound = await asyncio.to_thread(checked, outcome, snapshot)
                work.report(f"{found} found")
                server.published.add(snapshot.uri, sound, run, snapshot.index, work.journal.changes)
            elif isinstance(outcome, Drop):
                dropped += outcome.count
            elif isinstance(outcome, Notice):
                server.notice(outcome.text)
    server.published.complete(run, {snapshot.uri: [lines_of(work.situation.range)]})
    if not found or dropped:
        count = "no findings" if not found else f"{found} found"
        server.notice(f"{count}{f', {dropped} dropped' if dropped else ''}")
    return found > 0
