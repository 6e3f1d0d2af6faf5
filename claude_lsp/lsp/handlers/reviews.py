"""The commands that review: findings appear one by one as diagnostics."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.architecture import MAP_SHARE
from claude_lsp.actions.outcomes import Drop
from claude_lsp.claude import errors
from claude_lsp.claude.account import Account
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate, lines_of
from claude_lsp.findings.finding import Finding
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.progress import progress
from claude_lsp.review import sides
from claude_lsp.review.document import Document, selected
from claude_lsp.review.project import central_documents, sources_of, survey
from claude_lsp.review.run import (
    UnitDropped,
    UnitFound,
    UnitNotice,
    hidden_reason,
    prepare_unit,
    situation_of,
)
from claude_lsp.review.run import review as review_units
from claude_lsp.review.scope import Scope, changes
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, path_from_uri, uri_from_path
from claude_lsp.workspace import git

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lsprotocol import types

    from claude_lsp.actions.action import Surroundings
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.publish import Run
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.review.plan import Plan
    from claude_lsp.review.project import Project

CHANGES = ("changes", "staged")
"""The scopes that speak of no single document."""

_MANY_CALLS = 5
"""More than this are not made without asking, with the price of all of them."""


def review(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Review a document, a selection of it, or what has changed; findings appear one by one."""
    table = arguments_of(params)
    scope = table.get("scope", "file")
    if scope in CHANGES:
        folder = _folder(server, table.get("uri"))
        confirm = table.get("confirm") is True
        server.work(
            f"review {scope}",
            "reviewing",
            lambda: _review_changes(server, folder, scope, confirm=confirm),
        )
        return
    if scope not in ("file", "selection"):
        raise JsonRpcInvalidParams(
            f"{params.command}: scope is file, selection, changes or staged, not {scope!r:.40}."
        )
    target = Target(server, params, needs_range=scope == "selection")
    uri = target.snapshot.uri
    server.work(
        f"review {uri}",
        "reviewing",
        lambda: _review(server, target, selection=scope == "selection"),
    )


def review_architecture(server: ClaudeServer, _params: types.ExecuteCommandParams) -> None:
    """Review the whole project's architecture, after asking: it is the dearest action."""
    server.work("architecture", "reviewing the architecture", lambda: _architecture(server))


def clear(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Take back the findings of one document, or of all; or those whose fingerprints are given."""
    table = arguments_of(params)
    uri, given = table.get("uri"), table.get("fingerprints")
    fingerprints = frozenset(map(str, given)) if isinstance(given, list | tuple) else None
    server.published.clear(uri if isinstance(uri, str) else None, fingerprints)


async def _review(server: ClaudeServer, target: Target, *, selection: bool) -> None:
    async with server.session.engine() as engine:
        await server.verdicts.refresh()
        with target.journal:
            document = Document(engine.workspace.origin(target.snapshot), target.snapshot)
            if selection:
                document = selected(document, lines_of(target.range))
            plan = await plan_of(engine, Scope(document.origin, (document,)))
            if not await _may_review(
                server, engine, plan, target.surroundings, confirm=target.confirm
            ):
                return
            async with progress(server, f"Claude: Review {document.origin}") as report:
                changes = {target.snapshot.uri: target.journal}
                run = _Run(server, engine, target.surroundings, changes, report)
                await run.carry_out(plan, (document,))
                run.tell(document.origin)


async def _review_changes(server: ClaudeServer, folder: Path, scope: str, *, confirm: bool) -> None:
    async with server.session.engine() as engine:
        repository = git.root_of(folder)
        if repository is None:
            server.notice(f"{folder} is in no git repository, so it can't be told what has changed")
            return
        await server.verdicts.refresh()
        compared = sides.staged() if scope == "staged" else sides.worktree()
        async with progress(server, f"Claude: Review {compared.words}") as report:
            report("looking for changes")
            try:
                found = await asyncio.to_thread(changes, engine.workspace, repository, compared)
            except git.GitError as error:
                server.notice(str(error))
                return
            if found.nothing:
                server.notice(found.nothing)
                return
            plan = await plan_of(engine, found)
            surroundings = server.surroundings()
            many = len(plan.units) > _MANY_CALLS
            if not await _may_review(server, engine, plan, surroundings, confirm=confirm or many):
                return
            run = _Run(server, engine, surroundings, {}, report)
            await run.carry_out(plan, found.documents)
            reasons = Counter(reason for _, reason in found.skipped)
            skipped = ", ".join(f"{number} skipped: {why}" for why, number in reasons.items())
            files = _count(len(found.documents), "changed file")
            run.tell(f"{files} ({skipped})" if skipped else files)


async def plan_of(engine: Engine, scope: Scope) -> Plan:
    """Return the calls that review a scope.

    Raises:
        ClaudeError: none, because the only document must not be sent.
    """
    if len(scope.documents) == 1:
        (document,) = scope.documents
        reason = engine.workspace.reason_not_to_send(document.snapshot)
        if reason is not None:
            raise ClaudeError(errors.ignored(document.origin, reason))
    return await asyncio.to_thread(_plan, engine, scope)


def _plan(engine: Engine, scope: Scope) -> Plan:
    # What this loads a server that starts does not need.
    from claude_lsp.review.instructions import instructions_from
    from claude_lsp.review.plan import make_plan

    tokens.warm()
    said = instructions_from(engine.workspace, engine.settings)
    return make_plan(scope, engine.settings, said)


async def _may_review(
    server: ClaudeServer, engine: Engine, plan: Plan, surroundings: Surroundings, *, confirm: bool
) -> bool:
    """Ask before anything is sent, where that is wanted."""
    if not confirm or not plan.units:
        return True
    prepared = [await prepare_unit(engine, unit, surroundings) for unit in plan.units]
    situation = situation_of(plan.units[0])
    return await may_send(server, engine, ACTIONS["review"], situation, *prepared)


class _Run:
    """A review under way, with what it needs to show its findings.

    Args:
        server: where they are shown.
        engine: makes the calls.
        surroundings: what the editor shows beside the documents.
        journals: what happens to the open documents meanwhile, by their addresses.
        report: shows progress.
    """

    def __init__(
        self,
        server: ClaudeServer,
        engine: Engine,
        surroundings: Surroundings,
        journals: Mapping[str, Journal],
        report: Callable[[str], None],
    ) -> None:
        self._server, self._engine, self._surroundings = server, engine, surroundings
        self._journals, self._report = journals, report
        self._found: set[str] = set()
        self._dropped: Counter[str] = Counter()

    async def carry_out(self, plan: Plan, documents: Sequence[Document]) -> None:
        """Make the calls; show each finding as it comes.

        Raises:
            ClaudeError: one of them failed; the others were made all the same.
        """
        from claude_lsp.review.tally import Tally

        run = self._server.published.begin("review")
        tally, failure = Tally(plan), None
        by_origin = {document.origin: document for document in documents}
        stream = review_units(self._engine, plan.units, Account(), surroundings=self._surroundings)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    self._show(event.finding, by_origin[event.finding.path], run)
                elif isinstance(event, UnitDropped):
                    self._dropped[event.reason] += event.count
                elif isinstance(event, UnitNotice):
                    self._server.notice(event.text)
                else:
                    failure = failure or event.failure
                    problem = None if event.failure is None else event.failure.message
                    tally.finish(event.unit, problem)
        for origin, reason in plan.left_out:
            self._server.notice(f"{origin} was not reviewed in full: {reason}")
        reviewed = (by_origin[origin] for origin in tally.reviewed)
        self._server.published.complete(run, {each.snapshot.uri: each.scope for each in reviewed})
        if failure is not None:
            raise ClaudeError(failure)

    def _show(self, finding: Finding, document: Document, run: Run) -> None:
        self._found.add(finding.fingerprint)
        self._report(f"{len(self._found)} found")
        uri = document.snapshot.uri
        journal = self._journals.get(uri)
        edits = journal.changes if journal is not None else ()
        self._server.published.add(uri, finding, run, document.snapshot.index, edits)

    def tell(self, what: str) -> None:
        """Tell what the diagnostics do not show."""
        limit = self._server.session.configuration.settings.review.max_findings
        hidden = self._server.published.hidden(self._found)
        found, dropped = len(self._found) - len(hidden), self._dropped
        if hidden:
            dropped["dismissed or suppressed"] = len(hidden)
        if found > limit:
            dropped["over review.max_findings"] += found - limit
        if found and not dropped:
            return
        count = _count(found, "finding") if found else "no findings"
        reasons = ", ".join(f"{number} dropped: {reason}" for reason, number in dropped.items())
        self._server.notice(f"{count} in {what}" + (f" ({reasons})" if reasons else ""))


def _folder(server: ClaudeServer, uri: object) -> Path:
    """Return where to look for changes: at a document, or in the first folder."""
    path = path_from_uri(uri) if isinstance(uri, str) else None
    folders = server.session.roots
    found = path.parent if path is not None else folders[0] if folders else None
    if found is None:
        raise JsonRpcInvalidParams(
            'claude.review needs an open folder, or the uri of a file: {"scope", "uri"}.'
        )
    return found


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
