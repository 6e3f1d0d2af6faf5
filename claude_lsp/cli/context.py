"""`claude-lsp context`: exactly what would be sent, and what was left out and why."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.cli.common import configure, engine_of, refuse, root_for, say, tell
from claude_lsp.cli.main import CONTEXTS
from claude_lsp.cli.process import DONE, NOTHING
from claude_lsp.disclosure import as_dict, as_text
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.review.instructions import instructions_from
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.destination import Refused
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.test_files import destination_of_tests

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from claude_lsp.actions.action import Action
    from claude_lsp.cli.costs import Cost, Past
    from claude_lsp.engine import Engine, Prepared

T = TypeVar("T")

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?\Z")


def context(options: argparse.Namespace) -> int:
    """Show the request that an action would send; return the exit code. Nothing is sent."""
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.cli.costs import as_dicts, as_table, cost_of, past_of
    from claude_lsp.context import tokens

    path, place = target_of(options.place)
    root = root_for(options, path)
    configuration, workspace = configure(options, root)
    whole = options.action == "architecture" or (path.is_dir() and options.action is None)
    opened = [] if whole else [document_of(path)]
    tokens.warm()

    ledger = Ledger()

    async def prepare(show: Callable[[Engine], Awaitable[T]]) -> T:
        async with engine_of(configuration.settings, workspace, ledger, opened) as engine:
            return await show(engine)

    async def one(engine: Engine) -> Prepared:
        if whole:
            return await _of_project(engine, root)
        name = options.action or ("review" if place is None else "complete")
        action, situation = _asked(options, engine, opened[0], place, name)
        return await engine.prepare(action, situation)

    async def each(engine: Engine) -> list[Cost]:
        try:
            past = await asyncio.to_thread(past_of, ledger)
        except ClaudeError as error:
            say(f"costs are told without those of the past: {error.failure.message}")
            past = {}
        if whole:
            return [cost_of(await _of_project(engine, root), past)]
        return [each async for each in _costs(options, engine, opened[0], place, past)]

    try:
        if options.costs:
            costs = asyncio.run(prepare(each))
            json_text = json.dumps(as_dicts(costs), indent=2)
            tell(json_text if options.format == "json" else as_table(costs))
            return DONE
        prepared = asyncio.run(prepare(one))
    except ClaudeError as error:
        say(str(error.failure))
        return NOTHING
    if options.format == "json":
        print(escaped_json(json.dumps(as_dict(prepared), indent=2, ensure_ascii=False)))
    else:
        tell(as_text(prepared))
    return DONE


async def _of_project(engine: Engine, root: Path) -> Prepared:
    """Return the first request of an architecture review."""
    from claude_lsp.review.judgement import prepare_judgement
    from claude_lsp.review.project import survey

    project = await asyncio.to_thread(survey, engine.workspace, root, engine.settings)
    return (await prepare_judgement(engine, project)).prepared


async def _costs(
    options: argparse.Namespace,
    engine: Engine,
    snapshot: Snapshot,
    place: Position | None,
    past: Mapping[tuple[str, str], Past],
) -> AsyncIterator[Cost]:
    """Yield what each action about a document would cost; of a review, its first call."""
    from claude_lsp.cli.costs import cost_of

    names = CONTEXTS if options.action is None else (options.action,)
    for name in names:
        if name == "test" and isinstance(
            refused := destination_of_tests(engine.workspace, snapshot), Refused
        ):
            say(f"test: {refused.reason}")
            continue
        action, situation = _asked(options, engine, snapshot, place, name)
        yield cost_of(await engine.prepare(action, situation), past)


def _asked(
    options: argparse.Namespace,
    engine: Engine,
    snapshot: Snapshot,
    place: Position | None,
    name: str,
) -> tuple[Action, Situation]:
    """Return what an action is asked about a document."""
    from claude_lsp.review.document import Document
    from claude_lsp.review.plan import make_plan
    from claude_lsp.review.run import situation_of
    from claude_lsp.review.scope import Scope

    settings, origin = engine.settings, engine.workspace.origin(snapshot)
    last = len(snapshot.index.lines)
    span = Range(Position(0, 0), Position(last, 0)) if place is None else Range(place, place)
    action = ACTIONS[name]
    instructions = instructions_from(engine.workspace, settings)
    fixes = action.name in {"fix", "fixAll"}
    problems = (Problem(span, "(the diagnostic's message)"),) if fixes else ()
    situation = Situation(
        snapshot,
        origin,
        span,
        problems,
        instructions=instructions.for_paths([origin]),
        multiline=settings.completion.multiline,
        asked=options.instruction if action.name in {"rewrite", "ask"} else "",
    )
    if action.name == "test":
        destination = destination_of_tests(engine.workspace, snapshot)
        if isinstance(destination, Refused):
            refuse(destination.reason)
        situation = replace(situation, destination=destination)
    if action.name == "review":
        document = Document(origin, snapshot)
        units = make_plan(Scope(origin, (document,)), settings, instructions).units
        if units:
            situation = situation_of(units[0])
        if len(units) > 1:
            say(f"a review makes {len(units)} calls; this is the first of them")
    return action, situation


def document_of(path: Path) -> Snapshot:
    """Read a file as an editor that opens it; one that is no text ends the program."""
    content = read_text(path, 4_000_000)
    if not isinstance(content, TextFile):
        refuse(f"{path}: {content.reason}")
    language = language_of(path, content.text.split("\n", 1)[0])
    return Snapshot(uri_from_path(path), None, content.text, language)


def target_of(text: str) -> tuple[Path, Position | None]:
    """Read FILE[:LINE[:COLUMN]] or FOLDER; a file whose own name ends so is taken as it is."""
    whole = Path(text)
    match = _PLACE.match(text)
    if whole.exists() or match is None or match["line"] is None:
        file, place = whole, None
    else:
        file = Path(match["file"])
        place = Position(max(int(match["line"]) - 1, 0), max(int(match["column"] or 1) - 1, 0))
    if not file.exists():
        refuse(f"{text}: no such file or folder")
    return file.resolve(), place
