"""`claude-lsp review`: findings on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp import __version__
from claude_lsp.cli.asked import asked
from claude_lsp.cli.baseline import entries_for
from claude_lsp.cli.common import configure, indexed, refuse, root_for, say
from claude_lsp.cli.output import emit, outputs_of
from claude_lsp.cli.process import DONE, INTERRUPTED
from claude_lsp.findings.report import Coverage, Report, Spend
from claude_lsp.findings.rules import RULES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.errors import Failure
    from claude_lsp.cli.asked import Asked
    from claude_lsp.engine import Engine
    from claude_lsp.findings.baseline import Entry
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Status
    from claude_lsp.review.plan import Plan
    from claude_lsp.review.scope import Scope
    from claude_lsp.settings import Settings
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.workspace.workspace import Workspace

    Deliver = Callable[[Report, argparse.Namespace, Path, Settings], int]


@dataclass
class _Result:
    """What a run has come to so far.

    Attributes:
        findings: by fingerprint; a later one with the same replaces the earlier.
        reviewed: paths that were reviewed in full.
        skipped: paths that were left out on purpose, with the reason.
        failed: paths that could not be reviewed, with the reason.
        dropped: remarks that are not shown, by reason.
        notices: sentences for the user.
    """

    findings: dict[str, Finding] = field(default_factory=dict)
    reviewed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)
    incomplete: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class _Run:
    """What was asked for.

    Attributes:
        deliver: gets the report, and gives the exit code.
        baseline: what is accepted already; None where no baseline is used.
    """

    options: argparse.Namespace
    deliver: Deliver
    baseline: Sequence[Entry] | None
    asked: Asked
    workspace: Workspace
    settings: Settings
    scope: Scope

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.asked.root

    def covers(self, path: str) -> bool:
        """Whether a file of the workspace is in scope."""
        if self.scope.changes:
            return any(document.origin == path for document in self.scope.documents)
        limits = [limit.relative_to(self.root).as_posix() for limit in self.asked.paths]
        return any(limit in (".", path) or path.startswith(limit + "/") for limit in limits)


def review(options: argparse.Namespace, deliver: Deliver | None = None) -> int:
    """Review files, folders or a change; return the exit code.

    Args:
        options: the command line.
        deliver: takes the report; by default it is written as asked.
    """
    if deliver is None:
        outputs = outputs_of(options)

        def deliver(report: Report, options: argparse.Namespace, *_: object) -> int:
            return emit(report, options, outputs)

    paths = [Path(text).resolve() for text in options.paths]
    root = root_for(options, paths[0] if paths else Path.cwd())
    for path, text in zip(paths, options.paths, strict=True):
        if not path.is_relative_to(root):
            refuse(f"{path} is not below {root}; review one project at a time")
        if not path.exists() and not (options.base or options.commit or options.staged):
            refuse(f"{text}: no such file or folder")
    what = asked(options, root, paths)
    given = {
        "review.min_severity": options.min_severity,
        "review.min_confidence": options.min_confidence,
        "review.max_findings": options.max_findings,
    }
    command_line = {key: value for key, value in given.items() if value is not None}
    configuration, workspace = configure(options, root, command_line, what.read)
    scope = what.scope(workspace)
    settings = configuration.settings
    baseline = entries_for(options, root, settings, what.read)
    run = _Run(options, deliver, baseline, what, workspace, settings, scope)
    result = _Result(skipped=list(scope.skipped))
    result.notices += [*what.settings_notices(), *scope.notices]
    if scope.nothing:
        result.notices.append(scope.nothing)
        return _finish(run, result)
    if options.offline:
        return _finish(run, _structure(run, result))
    plan = _plan(run)
    result.failed += plan.left_out
    if not plan.units:
        return _finish(run, result)
    return asyncio.run(_with_model(run, plan, result))


def _plan(run: _Run) -> Plan:
    from claude_lsp.context import tokens
    from claude_lsp.review.instructions import instructions_from
    from claude_lsp.review.plan import Limits, make_plan

    tokens.warm()
    said = instructions_from(run.workspace, run.settings, run.asked.read)
    limits = Limits(run.options.max_calls, run.options.max_tokens)
    return make_plan(run.scope, run.settings, said, limits)


async def _with_model(run: _Run, plan: Plan, result: _Result) -> int:
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.engine import Engine

    ledger = Ledger()
    account = Account(limit_usd=run.options.max_cost)
    client = Client(run.settings, ledger)
    codebase = await indexed(run.workspace)
    engine = Engine(run.settings, run.workspace, client, codebase)
    try:
        if run.options.dry_run:
            return await _dry_run(engine, plan, result)
        try:
            await client.check_credentials()
        except ClaudeError as error:
            found = await asyncio.to_thread(_without_model, run, result, error.failure)
            return _finish(run, found)
        await _review(engine, plan, account, result, run.options.concurrency)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
    documents = run.scope.documents
    return _finish(run, result, account, {each.origin: each.snapshot.index for each in documents})


def _without_model(run: _Run, files: _Result, failure: Failure) -> _Result:
    """Give what needs no model, and say in one line how to get the rest."""
    say(f"{failure} Reviewing the structure only.")
    result = _structure(run, _Result(notices=list(files.notices)))
    # A gate that was asked for can't be answered by half a review, and a connection that was meant
    # to work but does not is no success either.
    gated = run.options.fail_on != "never" and not run.options.skip_without_key
    result.incomplete = gated or failure.kind != "no-credentials"
    result.notices.append(f"No model was asked: {failure.message}.")
    result.skipped += [entry for entry in files.skipped if entry[0] not in result.reviewed]
    return result


async def _review(
    engine: Engine,
    plan: Plan,
    account: Account,
    result: _Result,
    concurrency: int,
) -> None:
    """Run the review, with a line of progress on a terminal; an interrupt keeps what is there."""
    from claude_lsp.review.run import UnitDone, UnitDropped, UnitFound
    from claude_lsp.review.run import review as run
    from claude_lsp.review.tally import Tally

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if task else None)
    tally = Tally(plan)
    try:
        stream = run(engine, plan.units, account, concurrency=concurrency)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    result.findings[event.finding.fingerprint] = event.finding
                elif isinstance(event, UnitDropped):
                    result.dropped[event.reason] += event.count
                elif isinstance(event, UnitDone):
                    failure = event.failure
                    tally.finish(event.unit, None if failure is None else failure.message)
                else:
                    result.notices.append(f"{event.unit.origin}: {event.text}")
                    result.incomplete = True
                _progress(tally.done, len(plan.units), result, account)
    except asyncio.CancelledError:
        result.interrupted = True
        tally.give_up("interrupted")
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        _progress_end()
    result.reviewed, result.failed = tally.reviewed, tally.failed


async def _dry_run(engine: Engine, plan: Plan, result: _Result) -> int:
    """Print what would be sent, call by call, and the most that it could cost."""
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.review.plan import place_of
    from claude_lsp.review.run import prepare_unit

    total_tokens, total, calls = 0, 0.0, 0
    unknown = False
    for unit in plan.units:
        try:
            request = (await prepare_unit(engine, unit)).request
        except ClaudeError as error:
            result.skipped.append((unit.origin, error.failure.message))
            continue
        most = request.most_usd
        unknown = unknown or most is None
        total += most or 0.0
        total_tokens += request.prompt_tokens
        calls += 1
        price = "price unknown" if most is None else f"at most ${most:.4f}"
        what = ", ".join(map(place_of, unit.excerpts))
        print(f"{what}: {request.prompt_tokens:,} tokens to {request.model.id}, {price}")
    for path, reason in result.skipped:
        print(f"{path}: skipped ({reason})")
    for path, reason in plan.left_out:
        print(f"{path}: not reviewed ({reason})")
    price = "an unknown price" if unknown else f"at most ${total:.4f}"
    files = len({origin for unit in plan.units for origin in unit.origins})
    counts = f"{_count(files, 'file')}, {_count(calls, 'call')}, {total_tokens:,} tokens"
    print(f"{counts}, {price}. Nothing was sent.")
    return DONE


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _structure(run: _Run, result: _Result) -> _Result:
    """Review the structure: facts computed from the code, no model asked."""
    from claude_lsp.review.project import survey

    project = survey(run.workspace, run.root)
    found = [finding for finding in project.findings if run.covers(finding.path)]
    result.findings = {finding.fingerprint: finding for finding in found}
    result.skipped = []
    problems = dict(project.graph.problems)
    modules = [module.path for module in project.graph.modules.values() if run.covers(module.path)]
    result.reviewed += [path for path in modules if path not in problems]
    result.failed += sorted((path, why) for path, why in problems.items() if run.covers(path))
    summary = project.summary
    result.notices.append(
        f"Structure of {summary.modules} modules in {summary.packages} folders with "
        f"{summary.imports} imports between them."
    )
    result.notices += project.notices
    return result


def _finish(
    run: _Run,
    result: _Result,
    account: Account | None = None,
    sources: Mapping[str, LineIndex] | None = None,
) -> int:
    """Write the reports and return the exit code."""
    from datetime import date

    from claude_lsp.review.project import sources_of
    from claude_lsp.review.settle import Accepted, settle, sources_with_comments

    found = tuple(result.findings.values())
    if sources is None:
        commented = sources_with_comments(run.root, result.reviewed)
        sources = {**commented, **sources_of(run.root, found)}
    partial = bool(result.failed) or result.incomplete or result.interrupted
    origin = "graph" if account is None else "model"
    report = Report(
        findings=found,
        coverage=Coverage(tuple(result.reviewed), tuple(result.skipped), tuple(result.failed)),
        status=_status(run, result, partial=partial),
        scope=run.asked.words,
        notices=tuple(result.notices),
        spend=_spend(account),
        models=tuple(sorted(account.models)) if account is not None else (),
        dropped=dict(result.dropped),
        tool_version=__version__,
        rules=tuple(rule.id for rule in RULES.values() if rule.origin == origin),
        sources=sources,
    )
    today = date.today().isoformat()
    accepted = Accepted(today, run.baseline, _renamed(run.scope), _added(run.scope))
    report = settle(report, run.settings, accepted)
    code = run.deliver(report, run.options, run.root, run.settings)
    return INTERRUPTED if result.interrupted else code


def _renamed(scope: Scope) -> dict[str, str]:
    """Return where files were before the change under review, by the path that they have now."""
    was = "renamed from "
    return {
        document.origin: document.change.removeprefix(was)
        for document in scope.documents
        if document.change.startswith(was)
    }


def _added(scope: Scope) -> dict[str, set[int]] | None:
    """Return the lines that the change under review adds, by path; None without a change."""
    if not scope.changes:
        return None
    added = {}
    for document in scope.documents:
        lines = {line for run in document.added for line in range(run.first, run.last + 1)}
        if not document.added and document.change.startswith("added"):
            lines = set(range(document.snapshot.index.line_count))
        added[document.origin] = lines
    return added


def _status(run: _Run, result: _Result, *, partial: bool) -> Status:
    """Say how the review ended; a change with nothing in it to review is reviewed to the end."""
    if result.reviewed:
        return "partial" if partial else "complete"
    return "complete" if run.scope.changes and not partial else "nothing"


def _spend(account: Account | None) -> Spend:
    if account is None:
        return Spend()
    usage = account.usage
    counters = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
    }
    return Spend(account.calls, counters, account.cost_usd)


def _progress(done: int, total: int, result: _Result, account: Account) -> None:
    if sys.stderr.isatty():
        cost = "?" if account.cost_usd is None else f"${account.cost_usd:.4f}"
        line = f"{done} of {total} calls, {len(result.findings)} findings, {cost}"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _progress_end() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
