"""The commands that review: findings appear one by one as diagnostics."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.architecture import MAP_SHARE
from claude_lsp.actions.outcomes import Drop
from claude_lsp.claude.account import Account
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate
from claude_lsp.findings.finding import Finding
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.progress import progress
from claude_lsp.review.project import central_documents, sources_of, survey
from claude_lsp.review.run import (
    Unit,
    UnitDropped,
    UnitFound,
    UnitNotice,
    hidden_reason,
    prepare_unit,
    review_unit,
    situation_of,
)
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lsprotocol import types

    from claude_lsp.engine import Engine
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.review.project import Project


def review(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Review a document; findings appear one by one."""
    target = Target(server, params)
    uri = target.snapshot.uri
    server.work(f"review {uri}", "reviewing", lambda: _review(server, target))


def review_architecture(server: ClaudeServer, _params: types.ExecuteCommandParams) -> None:
    """Review the whole project's architecture, after asking: it is the dearest action."""
    server.work("architecture", "reviewing the architecture", lambda: _architecture(server))


def clear(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Take back the findings of one document, or of all; or those whose fingerprints are given."""
    table = arguments_of(params)
    uri, given = table.get("uri"), table.get("fingerprints")
    fingerprints = frozenset(map(str, given)) if isinstance(given, list | tuple) else None
    server.published.clear(uri if isinstance(uri, str) else None, fingerprints)


async def _review(server: ClaudeServer, target: Target) -> None:
    async with server.session.engine() as engine:
        await server.verdicts.refresh()
        with target.journal:
            unit = Unit(engine.workspace.origin(target.snapshot), target.snapshot)
            if target.confirm:
                prepared = await prepare_unit(engine, unit, target.surroundings)
                situation = situation_of(unit, engine.settings)
                action = ACTIONS["review"]
                if not await may_send(server, engine, action, situation, prepared):
                    return
            async with progress(server, f"Claude: Review {unit.origin}") as report:
                await _review_unit(server, engine, target, unit, report)


async def _review_unit(
    server: ClaudeServer,
    engine: Engine,
    target: Target,
    unit: Unit,
    report: Callable[[str], None],
) -> None:
    uri, index = unit.snapshot.uri, unit.snapshot.index
    run = server.published.begin("review")
    found: set[str] = set()
    dropped: Counter[str] = Counter()
    stream = review_unit(engine, unit, target.surroundings, Account())
    async with contextlib.aclosing(stream) as events:
        async for event in events:
            if isinstance(event, UnitFound):
                found.add(event.finding.fingerprint)
                report(f"{len(found)} found")
                server.published.add(uri, event.finding, run, index, target.journal.changes)
            elif isinstance(event, UnitDropped):
                dropped[event.reason] += event.count
            elif isinstance(event, UnitNotice):
                server.notice(event.text)
            elif event.failure is not None:
                raise ClaudeError(event.failure)
    server.published.complete(run, [uri])
    if hidden := len(server.published.hidden(found, uri)):
        dropped["dismissed or suppressed"] = hidden
    _tell_result(server, unit.origin, len(found) - hidden, dropped)


def _tell_result(server: ClaudeServer, origin: str, found: int, dropped: Counter[str]) -> None:
    """Tell what the diagnostics do not show."""
    limit = server.session.configuration.settings.review.max_findings
    if found > limit:
        dropped["over review.max_findings"] += found - limit
    if found and not dropped:
        return
    count = _count(found, "finding") if found else "no findings"
    reasons = ", ".join(f"{number} dropped: {reason}" for reason, number in dropped.items())
    server.notice(f"{count} in {origin}" + (f" ({reasons})" if reasons else ""))


async def _architecture(server: ClaudeServer) -> None:
    async with server.session.engine() as engine:
        root = engine.workspace.root
        if root is None:
            server.notice("an architecture review needs a folder; open one first")
            return
        async with progress(server, "Claude: Architecture") as report:
            report("reading the project")
            await server.verdicts.refresh()
            folder = engine.codebase.folders[0]
            links = None
            if folder.progress is not None:
                folder.update()  # not every editor tells of files that change
                await folder.settled()
                links = await asyncio.to_thread(folder.links, server.workspace.open_snapshots())
            project = await asyncio.to_thread(survey, engine.workspace, root, links)
            for notice in project.notices:
                server.notice(notice)
            await _show_facts(server, project)
            await _judge(server, engine, project, report)


async def _show_facts(server: ClaudeServer, project: Project) -> None:
    """Show what needs no model, whether or not the rest goes on."""
    sources = await asyncio.to_thread(sources_of, project.root, project.findings)
    run = server.published.begin("structure")
    for finding in project.findings:
        index = sources.get(finding.path, LineIndex(""))
        server.published.add(_uri(project.root, finding), finding, run, index)
    server.published.complete(run)


async def _judge(
    server: ClaudeServer, engine: Engine, project: Project, report: Callable[[str], None]
) -> None:
    action = ACTIONS["architecture"]
    root = project.root
    documents = await asyncio.to_thread(central_documents, project, engine.workspace)
    family = route(action.name, action.tier, engine.settings).model.tokenizer
    budget = int(MAP_SHARE * action.recipe.budget(engine.settings))
    evidence = await asyncio.to_thread(
        project.map, budget, functools.partial(tokens.upper_bound, family=family)
    )
    situation = Situation(
        Snapshot(uri_from_path(root), None, ""),
        root.name,
        Range(Position(0, 0), Position(0, 0)),
        evidence=evidence,
    )
    candidates = [
        Candidate(
            engine.workspace.origin(document),
            document.text,
            "central in the project",
            score=100 - rank,
            snapshot=document,
        )
        for rank, document in enumerate(documents)
    ]
    prepared = await engine.prepare(action, situation, extras=candidates)
    facts = f"{_count(len(project.findings), 'fact')} about the architecture"
    if not await may_send(server, engine, action, situation, prepared):
        server.notice(f"{facts}; nothing was sent")
        return
    report(f"asking {prepared.request.model.id}")
    texts = {engine.workspace.origin(document): document.index for document in documents}
    run = server.published.begin("architecture")
    found: set[str] = set()
    dropped: Counter[str] = Counter()
    async with contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Drop):
                dropped[outcome.reason] += outcome.count
            elif isinstance(outcome, Finding):
                if (reason := hidden_reason(outcome, engine.settings)) is not None:
                    dropped[reason] += 1
                    continue
                found.add(outcome.fingerprint)
                report(f"{len(found)} found")
                uri = _uri(root, outcome)
                server.published.add(uri, outcome, run, texts[outcome.path])
    server.published.complete(run)
    reasons = "".join(f", {number} dropped: {reason}" for reason, number in dropped.items())
    server.notice(
        f"{facts}, {_count(len(found), 'finding')} of {prepared.request.model.id}{reasons}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _uri(root: Path, finding: Finding) -> str:
    return uri_from_path(root / finding.path)
