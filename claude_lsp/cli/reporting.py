"""From a run to its report and what becomes of it; what `review` and `arch` have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from claude_lsp import __version__
from claude_lsp.cli.process import INTERRUPTED
from claude_lsp.findings.report import Coverage, Look, Report, Spend
from claude_lsp.findings.rules import RULES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from claude_lsp.claude.account import Account
    from claude_lsp.claude.errors import Failure
    from claude_lsp.findings.baseline import Entry
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Kind, Status
    from claude_lsp.review.project import Project
    from claude_lsp.settings import Settings
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.workspace.workspace import Workspace

    Deliver = Callable[[Report, argparse.Namespace, Path, Settings], int]
    """Takes a report with its options, root and settings, and gives the exit code."""


@dataclass
class Result:
    """What a run has come to so far.

    Attributes:
        findings: by fingerprint; a later one with the same replaces the earlier.
        reviewed: paths that were reviewed in full.
        skipped: paths that were left out on purpose, with the reason.
        failed: paths that could not be reviewed, with the reason.
        dropped: remarks that are not shown, by reason.
        notices: sentences for the user.
        overview: what a model says of the whole.
        looks: what it looked at on its own.
    """

    findings: dict[str, Finding] = field(default_factory=dict)
    reviewed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)
    overview: str = ""
    looks: list[Look] = field(default_factory=list)
    incomplete: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class Run:
    """What was asked for.

    Attributes:
        options: the command line.
        deliver: gets the report, and gives the exit code.
        root: the workspace's folder.
        paths: what the report is limited to.
        workspace: says what may be read.
        settings: the resolved options.
        baseline: what is accepted already; None where no baseline is used.
    """

    options: argparse.Namespace
    deliver: Deliver
    root: Path
    paths: Sequence[Path]
    workspace: Workspace
    settings: Settings
    baseline: Sequence[Entry] | None

    @property
    def kind(self) -> Kind:
        """Which command's report it is."""
        return "review"

    @property
    def words(self) -> str:
        """What is reviewed, in words."""
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        return ", ".join(self.root.name if name == "." else name for name in names)

    @property
    def commit(self) -> str:
        """The commit that is reviewed, in full; empty where it is none."""
        return ""

    @property
    def round(self) -> int:
        """How often the change has been reviewed, this time included."""
        return 1

    @property
    def may_be_empty(self) -> bool:
        """Whether it is no failure if nothing is reviewed."""
        return False

    @property
    def renamed(self) -> Mapping[str, str]:
        """Where files were before the change under review, by the path that they have now."""
        return {}

    @property
    def added(self) -> Mapping[str, Collection[int]] | None:
        """The lines that the change under review adds, 0-based, by path; None without a change."""
        return None

    def is_half_without_model(self, failure: Failure) -> bool:
        """Whether a report is not complete because no model could be asked.

        A gate that was asked for can't be answered by half a review, and a connection that was
        meant to work but does not is no success either.
        """
        gated = self.options.fail_on != "never" and not self.options.skip_without_key
        return gated or failure.kind != "no-credentials"

    def covers(self, path: str) -> bool:
        """Whether a file of the workspace is in scope."""
        return any(limit in (".", path) or path.startswith(f"{limit}/") for limit in self._limits)

    @cached_property
    def _limits(self) -> list[str]:
        return [limit.relative_to(self.root).as_posix() for limit in self.paths]


def limits(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the command line gives of what is shown."""
    given = {
        "review.min_severity": options.min_severity,
        "review.min_confidence": options.min_confidence,
        "review.max_findings": options.max_findings,
    }
    return {key: value for key, value in given.items() if value is not None}


def structure_of(run: Run, project: Project, result: Result | None = None) -> Result:
    """Return what the structure of a project comes to: facts, no model asked.

    Args:
        run: what was asked for.
        project: its facts.
        result: what they join; empty by default.
    """
    from claude_lsp.findings.hidden import hidden_reason
    from claude_lsp.structure.edges import counted, listing

    result = result or Result()
    for finding in project.findings:
        if not run.covers(finding.path):
            continue
        reason = hidden_reason(finding, run.settings)
        if reason is None:
            result.findings[finding.fingerprint] = finding
        else:
            result.dropped[reason] += 1
    modules = project.graph.modules.values()
    result.reviewed += [module.path for module in modules if run.covers(module.path)]
    # What can be read of them counts: mostly a grammar does not know a new form of its language.
    partly = sorted(path for path, _ in project.graph.problems if run.covers(path))
    if partly:
        result.notices.append(
            f"{counted(len(partly), 'file')} could not be parsed in full, so facts about "
            f"{'it' if len(partly) == 1 else 'them'} may be missing: {listing(partly, 5)}."
        )
    summary = project.summary
    result.notices.append(
        f"Structure of {summary.modules} modules in {summary.packages} folders with "
        f"{summary.imports} imports between them."
    )
    result.notices += project.notices
    return result


def finish(
    run: Run,
    result: Result,
    account: Account | None = None,
    sources: Mapping[str, LineIndex] | None = None,
    *,
    origins: Collection[str] = ("graph",),
) -> int:
    """Make the report, deliver it, and return the exit code.

    Args:
        run: what was asked for.
        result: what it came to.
        account: what it cost; None where no model was asked.
        sources: the texts that were reviewed; read from the disk by default.
        origins: where the rules that were looked for come from: "graph", "model" or both.
    """
    from datetime import date

    from claude_lsp.review import last_report
    from claude_lsp.review.project import sources_of, text_reader
    from claude_lsp.review.settle import Accepted, settle, sources_with_comments

    found = tuple(result.findings.values())
    if sources is None:
        commented = sources_with_comments(run.root, result.reviewed)
        sources = {**commented, **sources_of(text_reader(run.root), found)}
    partial = bool(result.failed) or result.incomplete or result.interrupted
    report = Report(
        findings=found,
        coverage=Coverage(tuple(result.reviewed), tuple(result.skipped), tuple(result.failed)),
        status=_status(run, result, partial=partial),
        scope=run.words,
        notices=tuple(result.notices),
        spend=_spend(account),
        models=tuple(sorted(account.models)) if account is not None else (),
        dropped=dict(result.dropped),
        tool_version=__version__,
        overview=result.overview,
        looks=tuple(result.looks),
        rules=tuple(rule.id for rule in RULES.values() if rule.origin in origins),
        kind=run.kind,
        commit=run.commit,
        round=run.round,
        sources=sources,
    )
    accepted = Accepted(date.today().isoformat(), run.baseline, run.renamed, run.added)
    report = settle(report, run.settings, accepted)
    if report.status != "nothing":
        last_report.keep(run.root, report)
    code = run.deliver(report, run.options, run.root, run.settings)
    return INTERRUPTED if result.interrupted else code


def _status(run: Run, result: Result, *, partial: bool) -> Status:
    """Say how the review ended; a change with nothing in it to review is reviewed to the end."""
    if result.reviewed:
        return "partial" if partial else "complete"
    return "complete" if run.may_be_empty and not partial else "nothing"


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
