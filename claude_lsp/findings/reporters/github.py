"""GitHub's workflow commands: annotations on the lines of a pull request, and a log to read.

GitHub keeps ten annotations of a level per step and drops the others without a word, so the worst
ten are made annotations and the others are lines of the log, with their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.report import coverage_sentence, result_sentence, worst_first
from claude_lsp.findings.reporters.concise import heading
from claude_lsp.findings.reporters.places import LEVELS, focus
from claude_lsp.findings.reporters.style import Style, closing_lines
from claude_lsp.findings.sanitize import without_commands
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report

_PER_LEVEL = 10
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, style: Style) -> str:
    """Return the commands, the findings that had no room, and the summary."""
    lines: list[str] = []
    room = dict.fromkeys(_COMMANDS, _PER_LEVEL)
    if report.status != "complete":
        text = f"{result_sentence(report)} {coverage_sentence(report)}"
        lines.append(f"::warning title=Review incomplete::{_data(text)}")
        room["warning"] -= 1
    left: list[Finding] = []
    for finding in worst_first(report.findings):
        level = LEVELS[finding.severity]
        if room[level]:
            room[level] -= 1
            lines.append(_command(finding, _COMMANDS[level]))
        else:
            left.append(finding)
    if left:
        lines.append(f"{len(left)} more than GitHub shows as annotations:")
        lines += [without_commands(heading(finding, Style())) for finding in left]
    plain = Style(show_suppressed=style.show_suppressed)  # a log has no colours
    lines += map(without_commands, closing_lines(report, plain))
    return "\n".join(lines) + "\n"


def _command(finding: Finding, command: str) -> str:
    place = focus(finding, "utf-16")
    properties = {
        "title": f"{finding.rule}: {finding.title}",
        "file": finding.path,
        "line": str(place.line),
        "endLine": str(place.end_line),
        "col": str(place.column),
        "endColumn": str(place.end_column),
    }
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = finding.explanation or finding.title
    if finding.replacement is not None:
        text += f"\n\nSuggested fix:\n{finding.replacement}"
    return f"::{command} {given}::{_data(text)}"


def _data(text: str) -> str:
    r"""Return a text as a command's message, in which line breaks are `%0A`."""
    lines = [visible(line.expandtabs(4)) for line in text.replace("%", "%25").split("\n")]
    return "%0A".join(lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
