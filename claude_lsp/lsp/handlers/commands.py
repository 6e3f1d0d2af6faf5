"""The commands: each returns at once and leaves its work to a job."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.outcomes import Drop, Insertion, Notice, Prose, Replacement
from claude_lsp.claude.client import Account
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.context.candidate import Candidate
from claude_lsp.findings.finding import Finding
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.convert import range_from_client
from claude_lsp.lsp.present import present
from claude_lsp.lsp.progress import progress
from claude_lsp.review.project import central_documents, survey
from claude_lsp.review.run import (
    Unit,
    UnitDone,
    UnitDropped,
    UnitFound,
    UnitNotice,
    hidden_reason,
    review_unit,
)
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from claude_lsp.actions.action import Action
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.server import ClaudeServer

log = logging.getLogger(__name__)


# ----- what a command was called with


class _Target:
    """The document and place that a command speaks of, frozen when the command came."""

    def __init__(self, server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
        given = params.arguments[0] if params.arguments else None
        table = given if isinstance(given, dict) else {}
        uri = given if isinstance(given, str) else table.get("uri")
        if not isinstance(uri, str):
            raise JsonRpcInvalidParams(f"{params.command} needs one argument: {{uri, range}}.")
        document = server.workspace.get(uri)
        if document is None:
            raise JsonRpcInvalidParams(f"{params.command}: {uri} is not open in the editor.")
        self.document = document
        self.snapshot = document.snapshot()
        self.others = server.workspace.open_snapshots()
        self.confirm = table.get("confirm") is True
        self._server = server
        self.range = self._range(table.get("range"))
        problems = table.get("problems")
        entries = problems if isinstance(problems, (list, tuple)) else ()
        self.problems = tuple(self._problem(each) for each in entries if isinstance(each, dict))

    def situation(self, engine: Engine) -> Situation:
        """Return what the action is asked about."""
        return Situation(
            self.snapshot,
            engine.workspace.origin(self.snapshot),
            self.range,
            self.problems,
            instructions=engine.settings.review.instructions,
        )

    def _range(self, given: object) -> Range:
        if given is None:
            return Range(Position(0, 0), Position(0, 0))
        try:
            start, end = (given[name] for name in ("start", "end"))  # type: ignore[index]
            span = types.Range(
                types.Position(int(start["line"]), int(start["character"])),
                types.Position(int(end["line"]), int(end["character"])),
            )
        except (TypeError, KeyError, ValueError) as error:
            raise JsonRpcInvalidParams(f"not a range: {given!r}") from error
        encoding = self._server.abilities.position_encoding
        return range_from_client(span, self.snapshot.index, encoding)

    def _problem(self, given: dict[str, Any]) -> Problem:
        return Problem(
            self._range(given.get("range")),
            str(given.get("message") or ""),
            str(given.get("source") or ""),
            str(given.get("code") or ""),
        )


# ----- the commands


def complete(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Put a completion at the cursor."""
    target = _Target(server, params)
    place = Range(target.range.end, target.range.end)
    target.range = place
    _start(server, "complete", target, _insert)


def fix(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Fix the given problems."""
    target = _Target(server, params)
    if not target.problems:
        raise JsonRpcInvalidParams("claude.fix needs the problems to fix.")
    _start(server, "fix", target, _edit)


def explain(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Explain the given place, in a document of its own."""
    _start(server, "explain", _Target(server, params), _explain)


def review(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Review a document; findings appear one by one."""
    target = _Target(server, params)
    _job(server, f"review {target.snapshot.uri}", "Reviewing", _review(server, target))


def review_architecture(server: ClaudeServer, _params: types.ExecuteCommandParams) -> None:
    """Review the whole project's architecture, after asking: it is the dearest action."""
    _job(server, "architecture", "Reviewing the architecture", _architecture(server))


def clear(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Take back the findings of one document, or of all."""
    given = params.arguments[0] if params.arguments else None
    uri = given.get("uri") if isinstance(given, dict) else given
    server.published.clear(uri if isinstance(uri, str) else None)


def cancel(server: ClaudeServer, _params: types.ExecuteCommandParams) -> int:
    """Cancel everything under way; return how much there was."""
    return server.jobs.cancel_all()


# ----- their work


def _job(server: ClaudeServer, key: str, state: str, work: Coroutine[Any, Any, None]) -> None:
    async def guarded() -> None:
        server.forget_told()
        server.status("working", state)
        try:
            await work
        except ClaudeError as error:
            server.tell(error.failure, asked=True)
            return
        except asyncio.CancelledError:
            server.status("idle", "cancelled")
            raise
        server.status("idle")

    server.jobs.start(key, guarded())


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
    target: _Target,
    carry_out: Callable[[_Work], Coroutine[Any, Any, None]],
) -> None:
    """Run an action on a document as a job with progress; a new one supersedes the running one."""
    action = ACTIONS[name]
    key = f"{name} {target.snapshot.uri}"
    applier = Applier(server, target.document, f"Claude: {name}")

    async def work() -> None:
        with applier:
            engine = await server.session.engine()
            situation = target.situation(engine)
            prepared = await engine.prepare(action, situation, target.others)
            if target.confirm and not await _confirmed(server, action, situation, prepared):
                return
            title = f"Claude: {action.title(situation)}"
            async with progress(server, title, lambda: server.jobs.cancel(key)) as report:
                await carry_out(_Work(server, engine, action, situation, prepared, applier, report))

    _job(server, key, name, work())


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
    async with contextlib.aclosing(work.outcomes()) as outcomes:
        async for outcome in outcomes:
            if not isinstance(outcome, Insertion):
                continue
            found = found or outcome.complete
            work.report(f"{outcome.text.count(chr(10)) + 1} lines")
            _preview(work, outcome.text, complete=outcome.complete)
            if not (live or outcome.complete):
                continue
            if not outcome.text.startswith(written):
                # A filter took back what stands in the buffer already; nothing more is added.
                work.server.notice("the completion changed while it grew; what is there was kept")
                return
            more = outcome.text[len(written) :]
            problem = await work.applier.insert(at, more)
            if problem is not None:
                work.server.notice(f"the completion was dropped: {problem}")
                return
            written = outcome.text
    if not found:
        work.server.notice("no completion for this place")


async def _explain(work: _Work) -> None:
    pieces: list[str] = []
    failure: ClaudeError | None = None
    try:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Prose):
                    pieces.append(outcome.text)
                    work.report(f"{sum(map(len, pieces))} characters")
                    _preview(work, "".join(pieces), complete=False)
    except ClaudeError as error:
        failure = error
    if pieces:
        place = f"{work.situation.origin}, line {work.situation.range.start.line + 1}"
        await present(work.server, f"# {place}\n\n{''.join(pieces).strip()}\n")
    if failure is not None:
        raise failure


async def _review(server: ClaudeServer, target: _Target) -> None:
    engine = await server.session.engine()
    uri = target.snapshot.uri
    unit = Unit(engine.workspace.origin(target.snapshot), target.snapshot)
    run = server.published.begin()
    account = Account()
    if target.confirm:
        action, situation = ACTIONS["review"], target.situation(engine)
        prepared = await engine.prepare(action, situation, target.others)
        if not await _confirmed(server, action, situation, prepared):
            return
    title = f"Claude: Review {unit.origin}"
    key = f"review {uri}"
    found = 0
    dropped = 0
    with target.document.journal() as journal:
        async with progress(server, title, lambda: server.jobs.cancel(key)) as report:
            stream = review_unit(engine, unit, target.others, account)
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, UnitFound):
                        found += 1
                        report(f"{found} found")
                        server.published.add(uri, event.finding, run, journal.changes)
                    elif isinstance(event, UnitDropped):
                        dropped += event.count
                    elif isinstance(event, UnitNotice):
                        server.notice(event.text)
                    elif isinstance(event, UnitDone):
                        if event.failure is not None:
                            raise ClaudeError(event.failure)
                        server.published.complete(run, [uri])
    log.info("review of %s: %d findings, %d dropped", unit.origin, found, dropped)
    if not found:
        hidden = f" ({dropped} remarks were dropped or below the limits)" if dropped else ""
        server.notice(f"no findings in {unit.origin}{hidden}")


async def _architecture(server: ClaudeServer) -> None:
    engine = await server.session.engine()
    root = engine.workspace.root
    if root is None:
        server.notice("an architecture review needs a folder; open one first")
        return
    action = ACTIONS["architecture"]
    run = server.published.begin()
    async with progress(
        server, "Claude: Architecture", lambda: server.jobs.cancel("architecture")
    ) as report:
        report("reading the project")
        project = await asyncio.to_thread(survey, engine.workspace, root)
        # The facts need no model: they are shown whether or not the rest goes on.
        for finding in project.findings:
            server.published.add(uri_from_path(root / finding.path), finding, run)
        documents = await asyncio.to_thread(central_documents, project, engine.workspace)
        situation = Situation(
            Snapshot(uri_from_path(root), None, ""),
            root.name,
            Range(Position(0, 0), Position(0, 0)),
            evidence=project.map(),
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
        prepared = await engine.prepare(action, situation, (), candidates)
        if not await _confirmed(server, action, situation, prepared):
            return
        report(f"asking {prepared.request.model.id}")
        found = 0
        async with contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Finding) and hidden_reason(outcome, engine.settings) is None:
                    found += 1
                    report(f"{found} found")
                    server.published.add(uri_from_path(root / outcome.path), outcome, run)
                elif isinstance(outcome, Drop):
                    log.info("%d remarks dropped: %s", outcome.count, outcome.reason)
        server.notice(
            f"architecture: {len(project.findings)} facts and {found} findings of "
            f"{prepared.request.model.id}"
        )


async def _confirmed(
    server: ClaudeServer, action: Action, situation: Situation, prepared: Prepared
) -> bool:
    """Ask before something is sent, with the most that it can cost."""
    request = prepared.request
    most = request.most_usd
    price = "an unknown price" if most is None else f"at most ${most:.2f}"
    question = (
        f"Claude: {action.title(situation)} with {request.model.id} for {price} "
        f"({request.prompt_tokens:,} tokens)?"
    )
    params = types.ShowMessageRequestParams(
        types.MessageType.Info,
        question,
        [types.MessageActionItem("Send"), types.MessageActionItem("Cancel")],
    )
    answer = await server.window_show_message_request_async(params)
    return answer is not None and answer.title == "Send"


def _preview(work: _Work, text: str, *, complete: bool) -> None:
    """Show a growing text in editors that can."""
    if work.server.abilities.preview:
        place = work.situation.range.start
        work.server.protocol.notify(
            "claude/preview",
            {
                "uri": work.situation.snapshot.uri,
                "position": {"line": place.line, "column": place.column},
                "text": text,
                "complete": complete,
            },
        )
