"""From a run to its reports and its exit code; what `review` and `arch` have in common."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp import __version__
from claude_lsp.cli.common import configure, refuse, root_for, say
from claude_lsp.cli.process import DONE, FOUND, INCOMPLETE, INTERRUPTED, NOTHING, forget_stdout
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.report import Coverage, Look, Report, Spend
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.style import Style

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.claude.account import Account
    from claude_lsp.findings.report import Status
    from claude_lsp.review.project import Project
    from claude_lsp.settings import Settings
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.workspace.workspace import Workspace

    Reporters = Mapping[str, Callable[[Report, Style], str]]


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
    """What was asked for."""

    options: argparse.Namespace
    outputs: Sequence[tuple[str, Path]]
    root: Path
    paths: Sequence[Path]
    workspace: Workspace
    settings: Settings

    @property
    def words(self) -> str:
        """What is reviewed, in words."""
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        return ", ".join(self.root.name if name == "." else name for name in names)

    @property
    def may_be_empty(self) -> bool:
        """Whether it is no failure if nothing is reviewed."""
        return False

    def covers(self, path: str) -> bool:
        """Whether a file of the workspace is in scope."""
        limits = [limit.relative_to(self.root).as_posix() for limit in self.paths]
        return any(limit in (".", path) or path.startswith(limit + "/") for limit in limits)


def run_of(options: argparse.Namespace, formats: Sequence[str] = tuple(REPORTERS)) -> Run:
    """Read what was asked for; wrong usage and broken settings end the program.

    Args:
        options: of the command line.
        formats: that the command can write.
    """
    outputs = [output(text, formats) for text in options.output]
    paths = [_existing(text) for text in options.paths or ["."]]
    root = root_for(options, paths[0])
    for path in paths:
        if not path.is_relative_to(root):
            refuse(f"{path} is not below {root}; review one project at a time")
    configuration, workspace = configure(options, root, limits(options))
    return Run(options, outputs, root, paths, workspace, configuration.settings)


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

    result = result or Result()
    for finding in project.findings:
        if not run.covers(finding.path):
            continue
        reason = hidden_reason(finding, run.settings)
        if reason is None:
            result.findings[finding.fingerprint] = finding
        else:
            result.dropped[reason] += 1
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


def finish(
    run: Run,
    result: Result,
    account: Account | None = None,
    sources: Mapping[str, LineIndex] | None = None,
    reporters: Reporters = REPORTERS,
) -> int:
    """Write the reports and return the exit code."""
    from claude_lsp.review.project import sources_of, text_reader

    worst_first = sorted(result.findings.values(), key=lambda f: (f.severity.rank, f.path, f.range))
    shown = worst_first[: run.settings.review.max_findings]
    if len(shown) < len(worst_first):
        result.dropped["over review.max_findings"] += len(worst_first) - len(shown)
    partial = bool(result.failed) or result.incomplete or result.interrupted
    report = Report(
        findings=tuple(shown),
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
        sources=sources_of(text_reader(run.root), shown) if sources is None else sources,
    )
    for name, path in run.outputs:
        try:
            path.write_text(reporters[name](report, Style()), encoding="utf-8")
        except OSError as error:
            say(f"the report could not be written to {path}: {error.strerror}")
            report = replace(report, status="partial")
    try:
        sys.stdout.write(reporters[run.options.format or "concise"](report, _style()))
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()  # whoever read only the beginning still gets the right exit code
    return INTERRUPTED if result.interrupted else _exit_code(run.options.fail_on, report)


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


def _exit_code(fail_on: str, report: Report) -> int:
    if fail_on != "never":
        limit = Severity.INFO if fail_on == "any" else Severity(fail_on)
        if any(finding.severity.rank <= limit.rank for finding in report.findings):
            return FOUND
    return {"nothing": NOTHING, "partial": INCOMPLETE, "complete": DONE}[report.status]


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        refuse(f"{text}: no such file or folder")
    return path.resolve()


def output(text: str, formats: Sequence[str] = tuple(REPORTERS)) -> tuple[str, Path]:
    """Read where a report goes, and in which format."""
    name, _, path = text.partition(":")
    if name not in formats or not path:
        refuse(f"-o {text}: expected FORMAT:FILE with one of {', '.join(formats)}")
    return name, Path(path)


def _style() -> Style:
    """Colours and the terminal's width on a terminal, neither otherwise."""
    import os
    import shutil

    if not sys.stdout.isatty():
        return Style()
    return Style(colour="NO_COLOR" not in os.environ, width=shutil.get_terminal_size().columns)
