"""Where reports go, and the exit code that a report is worth."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.common import refuse, say
from claude_lsp.cli.process import DONE, FOUND, INCOMPLETE, NOTHING, forget_stdout
from claude_lsp.findings.finding import Severity
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.sanitize import without_commands
from claude_lsp.workspace import git

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping, Sequence

    from claude_lsp.cli.reporting import Deliver
    from claude_lsp.findings.report import Report

    Reporters = Mapping[str, Callable[[Report, Style], str]]

Outputs = list[tuple[str, Path]]


def outputs_of(options: argparse.Namespace, formats: Collection[str] = tuple(REPORTERS)) -> Outputs:
    """Read the values of `-o`, before anything is spent."""
    return [_output(text, formats) for text in options.output]


def emit(
    report: Report,
    options: argparse.Namespace,
    outputs: Sequence[tuple[str, Path]],
    reporters: Reporters = REPORTERS,
) -> int:
    """Write a report wherever it was asked for; return the exit code."""
    plain = Style(show_suppressed=options.show_suppressed)
    for name, path in outputs:
        if not _written(path, reporters[name](report, plain)):
            report = replace(report, status="partial")
    if options.patch and not _write_patch(report, Path(options.patch)):
        report = replace(report, status="partial")
    try:
        style = replace(_terminal(), show_suppressed=options.show_suppressed)
        name = options.format or "concise"
        text = reporters[name](report, style)
        if "GITHUB_ACTIONS" in os.environ and name in ("concise", "full", "markdown"):
            text = without_commands(text)
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()  # whoever read only the beginning still gets the right exit code
    return exit_code(report, options)


def delivery(outputs: Outputs, reporters: Reporters = REPORTERS) -> Deliver:
    """Return what writes a report wherever it was asked for."""

    def deliver(report: Report, options: argparse.Namespace, *_: object) -> int:
        return emit(report, options, outputs, reporters)

    return deliver


def exit_code(report: Report, options: argparse.Namespace) -> int:
    """Return what a report is worth: the gate first, then whether all was reviewed."""
    if options.fail_on != "never":
        limit = Severity.INFO if options.fail_on == "any" else Severity(options.fail_on)
        if any(finding.severity.rank <= limit.rank for finding in report.findings):
            return FOUND
    if report.status == "nothing":
        return NOTHING
    return INCOMPLETE if report.status == "partial" and options.require_complete else DONE


def _write_patch(report: Report, path: Path) -> bool:
    from claude_lsp.findings.patch import render

    patch, taken = render(report.findings, report.sources)
    offered = sum(finding.replacement is not None for finding in report.findings)
    if offered > len(taken):
        say(f"{offered - len(taken)} of {offered} fixes are not in {path}: their text has changed")
    return _written(path, patch)


def _written(path: Path, text: str) -> bool:
    try:
        if _leads_out(path):
            say(f"the report was not written to {path}: it is a link out of the project")
            return False
        # As bytes: a patch holds the line endings of the files that it is for.
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        say(f"the report could not be written to {path}: {error.strerror}")
        return False
    return True


def _leads_out(path: Path) -> bool:
    """Whether a path in a project is a link to elsewhere, which a change could have brought."""
    root = git.root_of(path.parent)
    if root is None or not path.absolute().is_relative_to(root):
        return False
    return not path.resolve().is_relative_to(root.resolve())


def _output(text: str, formats: Collection[str]) -> tuple[str, Path]:
    name, _, path = text.partition(":")
    if name not in formats or not path:
        refuse(f"-o {text}: expected FORMAT:FILE with one of {', '.join(formats)}")
    return name, Path(path)


def _terminal() -> Style:
    """Colours and the terminal's width on a terminal, neither otherwise."""
    if not sys.stdout.isatty():
        return Style()
    return Style(colour="NO_COLOR" not in os.environ, width=shutil.get_terminal_size().columns)
