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
from claude_lsp.cli.baseline import entries_for
from claude_lsp.cli.common import configure, indexed, refuse, root_for, say
from claude_lsp.cli.output import emit, outputs_of
from claude_lsp.cli.process import DONE, INTERRUPTED
from claude_lsp.findings.report import Coverage, Report, Spend
from claude_lsp.findings.rules import RULES
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.errors import Failure
    from claude_lsp.engine import Engine
    from claude_lsp.findings.baseline import Entry
    from claude_lsp.findings.finding import Finding
    from claude_lsp.review.run import Unit
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
    root: Path
    paths: Sequence[Path]
    workspace: Workspace
    settings: Settings

    @property
    def scope(self) -> str:
        """What is reviewed, in words."""
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        return ", ".join(self.root.name if name == "." else name for name in names)

    def covers(self, path: str) -> bool:
        """Whether a file of the workspace is in scope."""
        limits = [limit.relative_to(self.root).as_posix() for limit in self.paths]
        return any(limit in (".", path) or path.startswith(limit + "/") for limit in limits)


def review(options: argparse.Namespace, deliver: Deliver | None = None) -> int:
    """Review files or folders; return the exit code.

    Args:
        options: the command line.
        deliver: takes the report; by default it is written as asked.
    """
    if deliver is None:
        outputs = outputs_of(options)

        def deliver(report: Report, options: argparse.Namespace, *_: object) -> int:
            return emit(report, options, outputs)

    paths = [_existing(text) for text in options.paths or ["."]]
    root = root_for(options, paths[0])
    for path in paths:
        if not path.is_relative_to(root):
            refuse(f"{path} is not below {root}; review one project at a time")
    given = {
        "review.min_severity": options.min_severity,
        "review.min_confidence": options.min_confidence,
        "review.max_findings": options.max_findings,
    }
    command_line = {key: value for key, value in given.items() if value is not None}
    configuration, workspace = configure(options, root, command_line)
    settings = configuration.settings
    baseline = entries_for(options, root, settings)
    run = _Run(options, deliver, baseline, root, paths, workspace, settings)
    if options.offline:
        return _finish(run, _structure(run))
    units, result = _units(run)
    if not units:
        return _finish(run, result)
    return asyncio.run(_with_model(run, units, result))


async def _with_model(run: _Run, units: Sequence[Unit], result: _Result) -> int:
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.context import tokens
    from claude_lsp.engine import Engine

    ledger = Ledger()
    account = Account(limit_usd=run.options.max_cost)
    client = Client(run.settings, ledger)
    codebase = await indexed(run.workspace)
    engine = Engine(run.settings, run.workspace, client, codebase)
    try:
        if run.options.dry_run:
            await asyncio.to_thread(tokens.warm)
            return await _dry_run(engine, units, result)
        try:
            await asyncio.gather(asyncio.to_thread(tokens.warm), client.check_credentials())
        except ClaudeError as error:
            found = await asyncio.to_thread(_without_model, run, result, error.failure)
            return _finish(run, found)
        await _review(engine, units, account, result, run.options.concurrency)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
    return _finish(run, result, account, {unit.origin: unit.snapshot.index for unit in units})


def _without_model(run: _Run, files: _Result, failure: Failure) -> _Result:
    """Give what needs no model, and say in one line how to get the rest."""
    say(f"{failure} Reviewing the structure only.")
    result = _structure(run)
    # A gate that was asked for can't be answered by half a review, and a connection that was meant
    # to work but does not is no success either.
    gated = run.options.fail_on != "never" and not run.options.skip_without_key
    result.incomplete = gated or failure.kind != "no-credentials"
    result.notices.append(f"No model was asked: {failure.message}.")
    result.skipped += [entry for entry in files.skipped if entry[0] not in result.reviewed]
    return result


async def _review(
    engine: Engine,
    units: Sequence[Unit],
    account: Account,
    result: _Result,
    concurrency: int,
) -> None:
    """Run the review, with a line of progress on a terminal; an interrupt keeps what is there."""
    from claude_lsp.review.run import UnitDone, UnitDropped, UnitFound
    from claude_lsp.review.run import review as run

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if task else None)
    done = 0
    waiting = {unit.origin for unit in units}
    try:
        stream = run(engine, units, account, concurrency=concurrency)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                if isinstance(event, UnitFound):
                    result.findings[event.finding.fingerprint] = event.finding
                elif isinstance(event, UnitDropped):
                    result.dropped[event.reason] += event.count
                elif isinstance(event, UnitDone):
                    done += 1
                    waiting.discard(event.unit.origin)
                    if event.failure is None:
                        result.reviewed.append(event.unit.origin)
                    else:
                        result.failed.append((event.unit.origin, event.failure.message))
                else:
                    result.notices.append(f"{event.unit.origin}: {event.text}")
                    result.incomplete = True
                _progress(done, len(units), result, account)
    except asyncio.CancelledError:
        result.interrupted = True
        result.failed += [(origin, "interrupted") for origin in sorted(waiting)]
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        _progress_end()


async def _dry_run(engine: Engine, units: Sequence[Unit], result: _Result) -> int:
    """Print what would be sent and the most that it could cost."""
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.review.run import prepare_unit

    total_tokens, total = 0, 0.0
    unknown = False
    for unit in units:
        try:
            request = (await prepare_unit(engine, unit)).request
        except ClaudeError as error:
            result.skipped.append((unit.origin, error.failure.message))
            continue
        most = request.most_usd
        unknown = unknown or most is None
        total += most or 0.0
        total_tokens += request.prompt_tokens
        price = "price unknown" if most is None else f"at most ${most:.4f}"
        print(f"{unit.origin}: {request.prompt_tokens:,} tokens to {request.model.id}, {price}")
    for path, reason in result.skipped:
        print(f"{path}: skipped ({reason})")
    price = "an unknown price" if unknown else f"at most ${total:.4f}"
    print(f"{len(units)} files, {total_tokens:,} tokens, {price}. Nothing was sent.")
    return DONE


def _units(run: _Run) -> tuple[list[Unit], _Result]:
    """Read the files to review; what is left out is listed with its reason."""
    from claude_lsp.review.run import Unit
    from claude_lsp.workspace.files import TextFile, list_files, read_text
    from claude_lsp.workspace.languages import language_of

    result = _Result()
    units: list[Unit] = []
    workspace = run.workspace
    rules = workspace.rules_for(run.root)
    listed = list_files(run.root, rules) if rules is not None else []
    # A file that was named is taken even if a listing would not have shown it.
    named = [path for path in run.paths if path.is_file()]
    wanted = named + [
        path
        for path in listed
        if path not in named and run.covers(path.relative_to(run.root).as_posix())
    ]
    for path in wanted:
        origin = workspace.origin_of(path)
        content = read_text(path, 4_000_000)
        if not isinstance(content, TextFile):
            result.skipped.append((origin, content.reason))
            continue
        language = language_of(path, content.text.split("\n", 1)[0])
        snapshot = Snapshot(uri_from_path(path), None, content.text, language)
        reason = workspace.reason_not_to_send(snapshot)
        if reason is None and path not in named and language in _NOT_CODE:
            reason = f"{language} is not reviewed unless named"
        if reason is None and not content.text.strip():
            reason = "empty"
        if reason is not None:
            result.skipped.append((origin, reason))
        else:
            units.append(Unit(origin, snapshot))
    return units, result


_NOT_CODE = frozenset(
    (
        *("plaintext", "markdown", "restructuredtext", "latex", "xml", "ignore"),
        *("json", "jsonc", "jsonl", "toml", "ini", "properties"),
    )
)


def _structure(run: _Run) -> _Result:
    """Review the structure: facts computed from the code, no model asked."""
    from claude_lsp.review.project import survey

    project = survey(run.workspace, run.root)
    found = [finding for finding in project.findings if run.covers(finding.path)]
    result = _Result({finding.fingerprint: finding for finding in found})
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
        status="nothing" if not result.reviewed else "partial" if partial else "complete",
        scope=run.scope,
        notices=tuple(result.notices),
        spend=_spend(account),
        models=tuple(sorted(account.models)) if account is not None else (),
        dropped=dict(result.dropped),
        tool_version=__version__,
        rules=tuple(rule.id for rule in RULES.values() if rule.origin == origin),
        sources=sources,
    )
    today = date.today().isoformat()
    report = settle(report, run.settings, Accepted(today, run.baseline))
    code = run.deliver(report, run.options, run.root, run.settings)
    return INTERRUPTED if result.interrupted else code


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


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        refuse(f"{text}: no such file or folder")
    return path.resolve()


def _progress(done: int, total: int, result: _Result, account: Account) -> None:
    if sys.stderr.isatty():
        cost = "?" if account.cost_usd is None else f"${account.cost_usd:.4f}"
        line = f"{done} of {total} files, {len(result.findings)} findings, {cost}"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def _progress_end() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
