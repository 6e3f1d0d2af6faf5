"""`claude-lsp complete`: one completion at a place of a file, on stdout."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.outcomes import Insertion
from claude_lsp.cli.common import configure, engine_of, refuse, root_for, say, tell
from claude_lsp.cli.context import document_of, target_of
from claude_lsp.cli.process import DONE, NOTHING
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    import argparse


def complete(options: argparse.Namespace) -> int:
    """Ask for a completion and print it; return the exit code.

    It is what ghost text would be: 0 also where there is nothing to suggest, which stderr says, and
    4 where nothing was answered.
    """
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.context import tokens

    path, place = target_of(options.place)
    if place is None:
        refuse(f"{options.place}: say where: FILE:LINE:COLUMN, both from 1")
    snapshot = document_of(path)
    if place.line >= snapshot.index.line_count:
        refuse(f"{options.place}: the file has {snapshot.index.line_count} lines")
    configuration, workspace = configure(options, root_for(options, path))
    tokens.warm()
    ledger = Ledger()

    # As far as the line goes: an editor's cursor can't be behind its end either.
    at = place._replace(column=min(place.column, len(snapshot.index.line(place.line))))
    situation = Situation(
        snapshot,
        workspace.origin(snapshot),
        Range(at, at),
        multiline=configuration.settings.completion.multiline,
    )

    async def ask() -> Insertion | None:
        action, suggested = ACTIONS["complete"], None
        async with engine_of(configuration.settings, workspace, ledger, [snapshot]) as engine:
            prepared = await engine.prepare(action, situation)
            async with contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Insertion):
                        suggested = outcome
        return suggested

    try:
        suggested = asyncio.run(ask())
    except ClaudeError as error:
        say(str(error.failure))
        return NOTHING
    text = "" if suggested is None else suggested.text
    if not text:
        say("nothing to suggest there")
    if options.format == "json":
        print(escaped_json(json.dumps({"text": text}, ensure_ascii=False)))
    elif text:
        tell(text)
    return DONE
