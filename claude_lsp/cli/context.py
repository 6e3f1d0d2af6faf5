"""`claude-lsp context`: exactly what would be sent, and what was left out and why."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.cli.common import configure, indexed, refuse, root_for, say
from claude_lsp.cli.process import DONE, NOTHING
from claude_lsp.disclosure import as_dict, as_text
from claude_lsp.review.instructions import instructions_from
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.test_files import Refused, destination_of_tests

if TYPE_CHECKING:
    import argparse

    from claude_lsp.engine import Prepared

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?\Z")


def context(options: argparse.Namespace) -> int:
    """Show the request that an action would send; return the exit code. Nothing is sent."""
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.context import tokens
    from claude_lsp.engine import Engine
    from claude_lsp.review.document import Document
    from claude_lsp.review.plan import make_plan
    from claude_lsp.review.run import situation_of
    from claude_lsp.review.scope import Scope

    path, place = _target(options.place)
    configuration, workspace = configure(options, root_for(options, path))
    content = read_text(path, 4_000_000)
    if not isinstance(content, TextFile):
        refuse(f"{path}: {content.reason}")
    language = language_of(path, content.text.split("\n", 1)[0])
    snapshot = Snapshot(uri_from_path(path), None, content.text, language)
    last = len(snapshot.index.lines)
    span = Range(Position(0, 0), Position(last, 0)) if place is None else Range(place, place)
    action = ACTIONS[options.action or ("review" if place is None else "complete")]
    problems = (
        (Problem(span, "(the diagnostic's message)"),) if action.name in {"fix", "fixAll"} else ()
    )
    instructions = instructions_from(workspace, configuration.settings)
    situation = Situation(
        snapshot,
        workspace.origin(snapshot),
        span,
        problems,
        instructions=instructions.for_paths([workspace.origin(snapshot)]),
        multiline=configuration.settings.completion.multiline,
        asked=options.instruction if action.name == "rewrite" else "",
    )
    if action.name == "test":
        destination = destination_of_tests(workspace, snapshot)
        if isinstance(destination, Refused):
            refuse(destination.reason)
        situation = replace(situation, destination=destination)
    tokens.warm()
    if action.name == "review":
        document = Document(situation.origin, snapshot)
        scope = Scope(document.origin, (document,))
        units = make_plan(scope, configuration.settings, instructions).units
        if units:
            situation = situation_of(units[0])
        if len(units) > 1:
            say(f"a review makes {len(units)} calls; this is the first of them")

    async def prepare() -> Prepared:
        codebase = await indexed(workspace, [snapshot])
        client = Client(configuration.settings, Ledger())
        try:
            engine = Engine(configuration.settings, workspace, client, codebase)
            return await engine.prepare(action, situation)
        finally:
            await codebase.close()

    try:
        prepared = asyncio.run(prepare())
    except ClaudeError as error:
        say(str(error.failure))
        return NOTHING
    if options.format == "json":
        print(json.dumps(as_dict(prepared), indent=2, ensure_ascii=False))
    else:
        print(as_text(prepared))
    return DONE


def _target(text: str) -> tuple[Path, Position | None]:
    """Read FILE[:LINE[:COLUMN]], 1-based; a file whose own name ends so is taken as it is."""
    whole = Path(text)
    match = _PLACE.match(text)
    if whole.is_file() or match is None or match["line"] is None:
        file, place = whole, None
    else:
        file = Path(match["file"])
        place = Position(max(int(match["line"]) - 1, 0), max(int(match["column"] or 1) - 1, 0))
    if not file.is_file():
        refuse(f"{text}: no such file")
    return file.resolve(), place
