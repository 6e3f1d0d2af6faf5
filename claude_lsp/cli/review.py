"""`claude-lsp review`: findings on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.answers import answers_of
from claude_lsp.cli.asked import asked
from claude_lsp.cli.baseline import entries_for
from claude_lsp.cli.common import (
    configure,
    indexed,
    interruptible,
    refuse,
    refuse_outside,
    root_for,
    say,
    tell,
)
from claude_lsp.cli.output import delivery, outputs_of
from claude_lsp.cli.process import DONE
from claude_lsp.cli.progress import Progress
from claude_lsp.cli.reporting import Result, Run, finish, limits, structure_of
from claude_lsp.text.unseen import visible
from claude_lsp.workspace import git, git_diff

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.batch import Batch
    from claude_lsp.claude.errors import Failure
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.cli.answers import Answers
    from claude_lsp.cli.asked import Asked
    from claude_lsp.cli.reporting import Deliver
    from claude_lsp.engine import Engine
    from claude_lsp.findings.report import Report
    from claude_lsp.review.plan import Plan
    from claude_lsp.review.scope import Scope
    from claude_lsp.text.lines import LineIndex


@dataclass(frozen=True)
class _Run(Run):
    """What was asked for, as documents."""

    asked: Asked
    scope: Scope
    answers: Answers
    earlier: Report | None = None

    @property
    def commit(self) -> str:
        """The commit that is reviewed, in full; empty where it is none."""
        sides = self.asked.sides
        return sides.arguments[1] if sides is not None and sides.kind == "base" else ""

    @property
    def round(self) -> int:
        """How often the change has been reviewed, this time included."""
        return 1 if self.earlier is None else self.earlier.round + 1

    @property
    def words(self) -> str:
        """What is reviewed, in words."""
        return self.asked.words

    @property
    def may_be_empty(self) -> bool:
        """Whether it is no failure if nothing is reviewed: there may be nothing for it."""
        return self.scope.changes or self.options.shard is not None

    @property
    def renamed(self) -> Mapping[str, str]:
        """Where files were before the change under review, by the path that they have now."""
        was = "renamed from "
        return {
            document.origin: document.change.removeprefix(was)
            for document in self.scope.documents
            if document.change.startswith(was)
        }

    @property
    def added(self) -> Mapping[str, Collection[int]] | None:
        """The lines that the change under review adds, 0-based, by path; None without a change."""
        if not self.scope.changes:
            return None
        added = {}
        for document in self.scope.documents:
            lines = {line for run in document.added for line in range(run.first, run.last + 1)}
            if not document.added and document.change.startswith("added"):
                lines = set(range(document.snapshot.index.line_count))
            added[document.origin] = lines
        return added

    def covers(self, path: str) -> bool:
        """Whether a file of the workspace is in scope."""
        if self.scope.changes:
            return any(document.origin == path for document in self.scope.documents)
        return super().covers(path)


def review(options: argparse.Namespace, deliver: Deliver | None = None) -> int:
    """Review files, folders or a change; return the exit code.

    Args:
        options: the command line.
        deliver: takes the report; by default it is written as asked.
    """
    deliver = deliver or delivery(outputs_of(options))
    paths = [Path(text).resolve() for text in options.paths]
    root = root_for(options, paths[0] if paths else Path.cwd())
    refuse_outside(root, paths)
    for path, text in zip(paths, options.paths, strict=True):
        if not path.exists() and not (options.base or options.commit or options.staged):
            refuse(f"{text}: no such file or folder")
    whole = asked(options, root, paths)
    earlier, what, notices = _since(options, whole)
    configuration, workspace = configure(
        options, root, limits(options), what.read, what.ignore_rules
    )
    scope = what.scope(workspace)
    if what is not whole:
        from claude_lsp.review.rounds import within

        scope = within(scope, whole.scope(workspace))
    scope = _sharded(scope, options.shard)
    answers = answers_of(options)
    settings = configuration.settings
    if earlier is not None:
        from claude_lsp.review.rounds import least_severity

        least = least_severity(settings.review.min_severity, earlier.round + 1)
        settings = replace(settings, review=replace(settings.review, min_severity=least))
    baseline = entries_for(options, root, settings, what.read)
    run = _Run(
        options,
        deliver,
        root,
        what.paths,
        workspace,
        settings,
        baseline,
        what,
        scope,
        answers,
        earlier,
    )
    result = Result(skipped=list(scope.skipped))
    result.notices += [*notices, *what.steering.notices(), *scope.notices]
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


def _since(
    options: argparse.Namespace, whole: Asked
) -> tuple[Report | None, Asked, tuple[str, ...]]:
    """Return the report of the round before, what is to be reviewed after it, and what to say."""
    if options.previous is None:
        return None, whole, ()
    from claude_lsp.cli.report import load
    from claude_lsp.review import rounds

    earlier = load(Path(options.previous))
    if whole.sides is None or whole.sides.kind != "base":
        refuse("--previous needs a change: --base REF, or a CI job that is for one")
    repository = git.root_of(whole.root) or whole.root
    try:
        sides = rounds.since(repository, whole.sides, earlier)
    except git.GitError as error:
        refuse(str(error))
    if sides is None:
        gone = "What was reviewed before is no part of this branch: all of it is reviewed again."
        return earlier, whole, (gone,)
    return earlier, replace(whole, sides=sides), ()


def _finish(
    run: _Run,
    result: Result,
    account: Account | None = None,
    sources: Mapping[str, LineIndex] | None = None,
    *,
    origins: Collection[str] = ("graph",),
) -> int:
    """Add what the round before has found and still stands; then as any run ends."""
    if run.earlier is None:
        return finish(run, result, account, sources, origins=origins)
    from claude_lsp.review import rounds

    repository, below = git.root_of(run.root) or run.root, run.root

    def text_of(path: str) -> str | None:
        name = (below / path).relative_to(repository).as_posix()
        content = git_diff.file_at(repository, run.commit, name)
        return None if content is None else content.decode("utf-8", "replace")

    kept = dict(sources or {})
    for finding, index in rounds.still_there(run.earlier.findings, text_of):
        result.findings.setdefault(finding.fingerprint, finding)
        kept.setdefault(finding.path, index)
    least = rounds.least_severity("info", run.round)
    result.notices.append(
        f"Round {run.round}: what is new is reported from {least} on; what was found before and "
        "still stands is kept."
    )
    return finish(run, result, account, kept, origins=origins)


def _sharded(scope: Scope, shard: tuple[int, int] | None) -> Scope:
    """Return the part of a scope that falls to a shard: every file is in exactly one."""
    if shard is None:
        return scope
    part, parts = shard

    def ours(path: str) -> bool:
        return int.from_bytes(sha256(path.encode()).digest()[:8]) % parts == part - 1

    return replace(
        scope,
        documents=tuple(each for each in scope.documents if ours(each.origin)),
        skipped=tuple(entry for entry in scope.skipped if ours(entry[0])),
    )


def _plan(run: _Run) -> Plan:
    from claude_lsp.context import tokens
    from claude_lsp.review.instructions import instructions_from
    from claude_lsp.review.plan import Limits, make_plan

    tokens.warm()
    said = instructions_from(run.workspace, run.settings, run.asked.read)
    most = Limits(run.options.max_calls, run.options.max_tokens)
    return make_plan(run.scope, run.settings, said, most)


async def _with_model(run: _Run, plan: Plan, result: Result) -> int:
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.engine import Engine

    ledger = Ledger()
    account = Account(limit_usd=run.options.max_cost)
    client = Client(run.settings, ledger, run.answers.recording)
    codebase = await indexed(run.workspace)
    engine = Engine(run.settings, run.workspace, client, codebase)
    try:
        if run.options.dry_run:
            return await _dry_run(engine, plan, result)
        try:
            if not run.answers.replayed:
                await client.check_credentials()
        except ClaudeError as error:
            found = await asyncio.to_thread(_without_model, run, result, error.failure)
            return _finish(run, found)
        if run.answers.batched:
            batch = await _batch(run, engine, plan, ledger)
            await _review(engine, plan, account, result, run.options, batch=batch)
        else:
            await _review(engine, plan, account, result, run.options)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()
    if run.answers.replayed:
        result.notices.append(f"Replayed from {run.options.replay}: nothing was sent or spent.")
    complete = not (result.failed or result.incomplete or result.interrupted)
    if (how := run.answers.end(complete=complete)) is not None:
        result.notices.append(how)
    documents = run.scope.documents
    sources = {each.origin: each.snapshot.index for each in documents}
    return _finish(run, result, account, sources, origins=("model",))


def _without_model(run: _Run, files: Result, failure: Failure) -> Result:
    """Give what needs no model, and say in one line how to get the rest."""
    say(f"{failure} Reviewing the structure only.")
    result = _structure(run, Result(notices=list(files.notices)))
    result.incomplete = run.is_half_without_model(failure)
    result.notices.append(f"No model was asked: {failure.message}.")
    result.skipped += [entry for entry in files.skipped if entry[0] not in result.reviewed]
    return result


async def _review(
    engine: Engine,
    plan: Plan,
    account: Account,
    result: Result,
    options: argparse.Namespace,
    *,
    batch: Batch | None = None,
) -> None:
    """Run the review, telling how far it is; an interrupt or a deadline keeps what is there."""
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.review.run import UnitDone, UnitDropped, UnitFound
    from claude_lsp.review.run import review as run
    from claude_lsp.review.tally import Tally

    tally = Tally(plan)
    progress = Progress(len(plan.units))
    try:
        async with asyncio.timeout(options.timeout), contextlib.AsyncExitStack() as stack:
            stack.enter_context(interruptible())
            if batch is not None:
                await batch.fill(account, say)
            stream = run(engine, plan.units, account, concurrency=options.concurrency)
            async for event in await stack.enter_async_context(contextlib.aclosing(stream)):
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
                progress.show(tally.done, len(result.findings), account)
    except asyncio.CancelledError:
        result.interrupted = True
        tally.give_up("interrupted")
    except TimeoutError:
        tally.give_up("over --timeout")
    except ClaudeError as error:
        tally.give_up(error.failure.message)
    finally:
        progress.end()
    result.reviewed, result.failed = tally.reviewed, tally.failed


async def _batch(run: _Run, engine: Engine, plan: Plan, ledger: Ledger) -> Batch:
    """Return all calls of a plan as one batch; one that must not be sent fails when it is read."""
    from claude_lsp.claude.batch import Batch
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.review.run import prepare_unit

    requests = []
    for unit in plan.units:
        with contextlib.suppress(ClaudeError):
            requests.append((await prepare_unit(engine, unit)).request)
    limits = run.settings.spend
    return Batch(engine.client, ledger, limits, run.answers.recording, requests)


async def _dry_run(engine: Engine, plan: Plan, result: Result) -> int:
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
        tell(f"{visible(what)}: {request.prompt_tokens:,} tokens to {request.model.id}, {price}")
    for path, reason in result.skipped:
        tell(f"{visible(path)}: skipped ({reason})")
    for path, reason in plan.left_out:
        tell(f"{visible(path)}: not reviewed ({reason})")
    price = "an unknown price" if unknown else f"at most ${total:.4f}"
    files = len({origin for unit in plan.units for origin in unit.origins})
    counts = f"{_count(files, 'file')}, {_count(calls, 'call')}, {total_tokens:,} tokens"
    tell(f"{counts}, {price}. Nothing was sent.")
    return DONE


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _structure(run: _Run, result: Result) -> Result:
    """Review the structure: facts computed from the code, no model asked."""
    from claude_lsp.review.project import survey

    result.skipped = []
    return structure_of(run, survey(run.workspace, run.root, run.settings), result)
