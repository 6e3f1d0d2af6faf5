"""`claude-lsp arch`: what a project's structure shows, what a change did to it, and a judgement."""

from __future__ import annotations

import contextlib
import gc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.answers import named_answers
from claude_lsp.cli.asked import sides_of_arch
from claude_lsp.cli.baseline import entries_for
from claude_lsp.cli.common import (
    configure,
    indexed,
    interruptible,
    refuse,
    refuse_outside,
    root_for,
    say,
    show_progress,
)
from claude_lsp.cli.output import delivery, outputs_of
from claude_lsp.cli.process import DONE
from claude_lsp.cli.reporting import Result, Run, finish, limits, structure_of
from claude_lsp.findings.reporters import REPORTERS

if TYPE_CHECKING:
    import argparse

    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.claude.account import Account
    from claude_lsp.cli.answers import Answers
    from claude_lsp.cli.asked import Trusted
    from claude_lsp.cli.output import Outputs, Reporters
    from claude_lsp.engine import Engine
    from claude_lsp.findings.report import Kind, Report
    from claude_lsp.review.project import Project
    from claude_lsp.review.sides import Sides


@dataclass(frozen=True)
class _Run(Run):
    """What was asked for, and where reports and drawings go."""

    outputs: Outputs
    sides: Sides | None
    trusted: Trusted
    answers: Answers | None

    @property
    def kind(self) -> Kind:
        """Which command's report it is."""
        return "arch"


def arch(options: argparse.Namespace) -> int:
    """Review the architecture; return the exit code."""
    if options.head and not options.base:
        refuse("--head needs --base: a change is compared with something")
    from claude_lsp.cli.main import DRAWINGS

    outputs = outputs_of(options, (*REPORTERS, *DRAWINGS))
    paths = [_existing(text) for text in options.paths or ["."]]
    root = root_for(options, paths[0])
    refuse_outside(root, paths)
    if options.facts_only and (options.record or options.replay):
        refuse("--facts-only asks no model: leave out --record and --replay")
    answers = named_answers(options)
    sides, trusted = sides_of_arch(options, root)
    configuration, workspace = configure(options, root, limits(options), trusted.read)
    settings = configuration.settings
    baseline = entries_for(options, root, settings, trusted.read)
    run = _Run(
        options,
        delivery(outputs),
        root,
        paths,
        workspace,
        settings,
        baseline,
        outputs,
        sides,
        trusted,
        answers,
    )
    if options.facts_only:
        project, result = _facts(run)
        return _finish(run, project, result)
    import asyncio  # facts need none, and are there sooner without

    return asyncio.run(_with_model(run))


def _facts(run: _Run) -> tuple[Project, Result]:
    """Compute what needs no model."""
    # A graph is many small objects that stay: looking for rings among them takes a tenth of it.
    gc.set_threshold(200_000)
    from claude_lsp.review.project import survey

    project = survey(run.workspace, run.root, run.settings, history=not run.options.base)
    if run.sides is None:
        result = structure_of(run, project)
        result.notices += run.trusted.notices()
        return project, result
    from claude_lsp.review.deltas import compared
    from claude_lsp.workspace.git import GitError

    try:
        project, delta = compared(
            run.workspace, project, run.settings, run.sides.arguments[0], run.options.head
        )
    except GitError as error:
        refuse(str(error))
    result = structure_of(run, project)
    result.notices.append(
        f"Only what is new since {run.options.base}: {_facts_of(delta.known)} there before, "
        f"{_facts_of(delta.gone)} there no more."
    )
    if delta.elsewhere:
        result.notices.append(
            f"{_facts_of(delta.elsewhere)} new only by the figures of the whole project; no file "
            "that changed has a part in it."
        )
    result.notices += run.trusted.notices()
    return project, result


def _facts_of(count: int) -> str:
    return "1 fact is" if count == 1 else f"{count:,} facts are"


async def _with_model(run: _Run) -> int:
    import asyncio

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.errors import ClaudeError
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.context import tokens
    from claude_lsp.engine import Engine

    project, result = await asyncio.to_thread(_facts, run)
    ledger = Ledger()
    account = Account(limit_usd=run.options.max_cost)
    replayed = run.answers is not None and run.answers.replayed
    client = Client(run.settings, ledger, None if run.answers is None else run.answers.recording)
    try:
        await asyncio.to_thread(tokens.warm)
        if not run.options.dry_run and not replayed:
            await client.check_credentials()
        if not project.graph.modules:
            return _finish(run, project, result)
        codebase = await indexed(run.workspace)
        try:
            engine = Engine(run.settings, run.workspace, client, codebase)
            if run.options.dry_run:
                return await _dry_run(run, engine, project)
            await _judge(run, engine, project, account, result)
        finally:
            await codebase.close()
    except ClaudeError as error:
        say(f"{error.failure} Reporting facts only.")
        result.incomplete = run.is_half_without_model(error.failure)
        asked = "No model was asked" if not account.calls else "The model's answer is not complete"
        result.notices.append(f"{asked}: {error.failure.message}.")
    finally:
        await client.close()
        ledger.close()
    if replayed:
        result.notices.append(f"Replayed from {run.options.replay}: nothing was sent or spent.")
    return _finish(run, project, result, account)


async def _judge(
    run: _Run, engine: Engine, project: Project, account: Account, result: Result
) -> None:
    """Have the model judge; what it finds joins the facts as it comes, what it looks at is noted.

    Raises:
        ClaudeError: it failed; what arrived before is kept.
    """
    import asyncio

    from claude_lsp.actions import ACTIONS
    from claude_lsp.review.judgement import prepare_judgement

    judgement = await prepare_judgement(engine, project, trusted=run.trusted.read)
    action = ACTIONS["architecture"]
    stream = engine.run(action, judgement.situation, judgement.prepared, account)
    try:
        with interruptible():
            async with contextlib.aclosing(stream) as outcomes:
                async for outcome in outcomes:
                    _take(outcome, run, result)
                    looks = f"{len(result.looks)} looks into the project"
                    show_progress(f"{len(result.findings)} findings, {looks}")
    except asyncio.CancelledError:
        result.interrupted = True
        result.notices.append("The model was interrupted.")
    finally:
        show_progress("")


def _take(outcome: Outcome, run: _Run, result: Result) -> None:
    """Put what came of the model's answer where it belongs."""
    from claude_lsp.actions.outcomes import Drop, Looked, Notice, Prose
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.hidden import hidden_reason

    if isinstance(outcome, Drop):
        result.dropped[outcome.reason] += outcome.count
    elif isinstance(outcome, Notice):
        result.notices.append(outcome.text)
        result.incomplete = True
    elif isinstance(outcome, Prose):
        result.overview += outcome.text
    elif isinstance(outcome, Looked):
        result.looks.append(outcome.look)
    elif isinstance(outcome, Finding):
        reason = hidden_reason(outcome, run.settings)
        if reason is None and not run.covers(outcome.path):
            reason = "not about what was asked for"
        if reason is None:
            result.findings[outcome.fingerprint] = outcome
        else:
            result.dropped[reason] += 1


async def _dry_run(run: _Run, engine: Engine, project: Project) -> int:
    """Print what would be sent and the most that it could cost."""
    from claude_lsp.review.judgement import prepare_judgement

    prepared = (await prepare_judgement(engine, project, trusted=run.trusted.read)).prepared
    request, most = prepared.request, prepared.most_usd
    price = "price unknown" if most is None else f"at most ${most:.4f}"
    rounds = 0 if prepared.bounds is None else prepared.bounds.rounds
    looks = f", then up to {rounds} looks into the project" if rounds else ""
    print(
        f"{request.prompt_tokens:,} tokens to {request.model.id}{looks}, {price}. Nothing was sent."
    )
    return DONE


def _finish(run: _Run, project: Project, result: Result, account: Account | None = None) -> int:
    from claude_lsp.review.project import sources_of
    from claude_lsp.structure.diagrams import dot, mermaid

    def page(report: Report) -> str:
        from claude_lsp.cli.arch_page import render

        return render(project, report)

    reporters: Reporters = {
        **REPORTERS,
        "html": lambda report, _style: page(report),
        "mermaid": lambda report, _style: mermaid(project.graph, report.findings),
        "dot": lambda report, _style: dot(project.graph, report.findings),
    }
    asked = account is not None and account.calls
    return finish(
        replace(run, deliver=delivery(run.outputs, reporters)),
        result,
        account,
        sources_of(project.text_of, result.findings.values()),
        origins=("graph", "model") if asked else ("graph",),
    )


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        refuse(f"{text}: no such file or folder")
    return path.resolve()
