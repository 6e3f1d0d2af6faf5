"""The commands that review: findings appear one by one as diagnostics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.outcomes import Drop, Looked, Prose
from claude_lsp.claude import errors
from claude_lsp.claude.account import Account
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.context import tokens
from claude_lsp.context.candidate import lines_of
from claude_lsp.findings.finding import Finding
from claude_lsp.findings.hidden import hidden_reason
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.present import present, present_context
from claude_lsp.lsp.progress import progress
from claude_lsp.lsp.publish import Other
from claude_lsp.review import sides
from claude_lsp.review.document import Document, selected
from claude_lsp.review.judgement import prepare_judgement
from claude_lsp.review.project import sources_of, survey
from claude_lsp.review.run import (
    UnitDropped,
    UnitFound,
    UnitNotice,
    prepare_unit,
    situation_of,
)
from claude_lsp.review.run import review as review_units
from claude_lsp.review.scope import Scope, changes
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import path_from_uri, uri_from_path
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

log = logging.getLogger(__name__)

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


def review_saved(server: ClaudeServer, uri: str) -> None:
    """Review what has changed in a file that was saved, if the user wants that."""
    engine, path = server.session.current_engine, path_from_uri(uri)
    if engine is not None and engine.settings.review.on_save and path is not None:
        server.jobs.start(f"review {uri}", _review_saved(server, path))


async def _review_saved(server: ClaudeServer, path: Path) -> None:
    """Nobody asked, so nothing pops up; what was reviewed already is not sent again."""
    try:
        with server.working("reviewing what was saved"):
            async with server.session.engine() as engine:
                repository = git.root_of(path.parent)
                if repository is None:
                    return
                found = await asyncio.to_thread(
                    changes, engine.workspace, repository, sides.worktree(), paths=[path]
                )
                if not found.documents:
                    return
                plan = await plan_of(engine, found)
                new = tuple(unit for unit in plan.units if unit.id not in server.reviewed_saves)
                if not new:
                    return
                await server.verdicts.refresh()
                run = _Run(server, engine, server.surroundings(), {}, log.debug, asked=False)
                await run.carry_out(replace(plan, units=new), found.documents)
                server.reviewed_saves.update(unit.id for unit in new)
    except ClaudeError as error:
        server.tell(error.failure, asked=False)
    except git.GitError as error:
        log.info("nothing is reviewed on saving %s: %s", path, error)


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
        asked: whether the user asked for it.
    """

    def __init__(
        self,
        server: ClaudeServer,
        engine: Engine,
        surroundings: Surroundings,
        journals: Mapping[str, Journal],
        report: Callable[[str], None],
        *,
        asked: bool = True,
    ) -> None:
        self._server, self._engine, self._surroundings = server, engine, surroundings
        self._journals, self._report, self._asked = journals, report, asked
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
        stream = review_units(
            self._engine,
            plan.units,
            Account(),
            surroundings=self._surroundings,
            automatic=not self._asked,
        )
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    self._show(event.finding, by_origin[event.finding.path], run)
                elif isinstance(event, UnitDropped):
                    self._dropped[event.reason] += event.count
                elif isinstance(event, UnitNotice):
                    self._tell(event.text)
                else:
                    failure = failure or event.failure
                    problem = None if event.failure is None else event.failure.message
                    tally.finish(event.unit, problem)
        for origin, reason in plan.left_out:
            self._tell(f"{origin} was not reviewed in full: {reason}")
        reviewed = (by_origin[origin] for origin in tally.reviewed)
        self._server.published.complete(run, {each.snapshot.uri: each.scope for each in reviewed})
        if failure is not None:
            raise ClaudeError(failure)

    def _tell(self, text: str) -> None:
        if self._asked:
            self._server.notice(text)
        else:
            log.info("%s", text)

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
    async with (
        server.session.engine() as engine,
        progress(server, "Claude: Architecture") as report,
    ):
        report("reading the project")
        await server.verdicts.refresh()
        project = await _surveyed(server, engine)
        if project is not None:
            for notice in project.notices:
                server.notice(notice)
            await _show_facts(server, project)
            await _judge(server, engine, project, report)


async def show_architecture(server: ClaudeServer) -> None:
    """Show the first request of an architecture review; nothing is sent."""
    from claude_lsp.disclosure import as_text

    async with server.session.engine() as engine:
        project = await _surveyed(server, engine)
        if project is not None:
            judgement = await prepare_judgement(engine, project, server.surroundings())
            await present_context(server, "architecture", as_text(judgement.prepared))


async def _surveyed(server: ClaudeServer, engine: Engine) -> Project | None:
    """Compute the structure of the first folder, as it is in the editor; None without a folder."""
    root = engine.workspace.root
    if root is None:
        server.notice("an architecture review needs a folder; open one first")
        return None
    folder = engine.codebase.folders[0]
    links = text_of = None
    if folder.progress is not None:
        folder.update()  # not every editor tells of files that change
        await folder.settled()
        links = await asyncio.to_thread(folder.links, server.workspace.open_snapshots())
        text_of = folder.text
    return await asyncio.to_thread(
        survey, engine.workspace, root, engine.settings, links, text_of=text_of
    )


async def _show_facts(server: ClaudeServer, project: Project) -> None:
    """Show what needs no model, whether or not the rest goes on."""
    settings = server.session.configuration.settings
    shown = [one for one in project.findings if hidden_reason(one, settings) is None]
    sources = await asyncio.to_thread(sources_of, project.text_of, shown)
    run = server.published.begin("structure")
    for finding in shown:
        index = sources.get(finding.path, LineIndex(""))
        others = _others(project.root, finding, sources)
        server.published.add(_uri(project.root, finding.path), finding, run, index, others=others)
    server.published.complete(run)


async def _judge(
    server: ClaudeServer, engine: Engine, project: Project, report: Callable[[str], None]
) -> None:
    action = ACTIONS["architecture"]
    root = project.root
    judgement = await prepare_judgement(engine, project, server.surroundings())
    situation, prepared = judgement.situation, judgement.prepared
    facts = f"{_count(len(project.findings), 'fact')} about the architecture"
    try:
        sent = await may_send(server, engine, action, situation, prepared)
    except ClaudeError:
        server.notice(f"{facts}, computed from the code; no model was asked")
        raise
    if not sent:
        server.notice(f"{facts}; nothing was sent")
        return
    report(f"asking {prepared.request.model.id}")
    texts = dict(judgement.texts)
    run = server.published.begin("architecture")
    found: set[str] = set()
    dropped: Counter[str] = Counter()
    overview = ""
    async with contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Drop):
                dropped[outcome.reason] += outcome.count
            elif isinstance(outcome, Looked):
                texts |= outcome.texts
                report(
                    f"{outcome.look.tool}: {', '.join(map(str, outcome.look.arguments.values()))}"
                )
            elif isinstance(outcome, Prose):
                overview += outcome.text
            elif isinstance(outcome, Finding):
                if (reason := hidden_reason(outcome, engine.settings)) is not None:
                    dropped[reason] += 1
                    continue
                found.add(outcome.fingerprint)
                report(f"{len(found)} found")
                uri, others = _uri(root, outcome.path), _others(root, outcome, texts)
                server.published.add(uri, outcome, run, texts[outcome.path], others=others)
    server.published.complete(run)
    reasons = "".join(f", {number} dropped: {reason}" for reason, number in dropped.items())
    server.notice(
        f"{facts}, {_count(len(found), 'finding')} of {prepared.request.model.id}{reasons}"
    )
    if overview:
        await present(server, overview, f"Architecture of {root.name}")


def _others(root: Path, finding: Finding, texts: Mapping[str, LineIndex]) -> list[Other | None]:
    """Return the files of the places that a finding relates to, as far as they are known."""
    return [
        Other(_uri(root, place.path), texts[place.path]) if place.path in texts else None
        for place in finding.related
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _uri(root: Path, path: str) -> str:
    return uri_from_path(root / path)
