"""Each finding with the source it is about, why it matters, and the fix as a diff."""

from __future__ import annotations

import difflib
import textwrap
import unicodedata
from typing import TYPE_CHECKING

from claude_lsp.findings.report import sorted_findings
from claude_lsp.findings.reporters.concise import heading
from claude_lsp.findings.reporters.style import SEVERITY_COLOURS, closing_lines
from claude_lsp.text.lines import split_lines, without_ending
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Colour, Style
    from claude_lsp.text.lines import LineIndex

_EXCERPT_LINES = 8
"""Lines of source shown of one finding; the first ones say enough."""

_TAB = 4
_DIFF_COLOURS: dict[str, Colour] = {"-": "red", "+": "green"}
_INDENT = "    "


def render(report: Report, style: Style) -> str:
    """Return the findings at length, then the summary."""
    blocks = [
        detail(finding, report.sources.get(finding.path), style)
        for finding in sorted_findings(report)
    ]
    blocks.append("\n".join(closing_lines(report, style)))
    return "\n\n".join(blocks) + "\n"


def detail(finding: Finding, source: LineIndex | None, style: Style) -> str:
    """Return all that is known of one finding.

    Args:
        finding: any.
        source: the text that it is about, None if it is not at hand.
        style: colours and width.
    """
    return "\n".join(_block(finding, source, style))


def _block(finding: Finding, source: LineIndex | None, style: Style) -> Iterator[str]:
    yield heading(finding, style)
    lines = _source_lines(finding, source)
    yield from _excerpt(finding, lines, style)
    if finding.explanation:
        yield ""
        yield from _wrapped(finding.explanation, style)
    if finding.replacement is not None:
        yield ""
        yield from _fix(finding, lines, style)
    for related in finding.related:
        line, column = related.range.start
        place = f"{visible(related.path)}:{line + 1}:{column + 1}"
        yield f"{_INDENT}see {place}: {visible(related.message)}"
    yield style.paint(f"{_INDENT}id {finding.fingerprint}", "dim")


def _source_lines(finding: Finding, source: LineIndex | None) -> list[str]:
    """Return the whole lines of a finding; from its quote if the text is not at hand."""
    start, end = finding.range
    if source is not None and end.line < source.line_count:
        return [source.line(number) for number in range(start.line, end.line + 1)]
    lines = [without_ending(line) for line in split_lines(finding.quote)] or [""]
    before = finding.landmarks.before or " " * start.column
    return [before + lines[0], *lines[1:]]


def _excerpt(finding: Finding, lines: list[str], style: Style) -> Iterator[str]:
    start, end = finding.range
    shown = lines[:_EXCERPT_LINES]
    gutter = len(str(start.line + len(shown)))
    colour = SEVERITY_COLOURS[finding.severity]
    for offset, line in enumerate(shown):
        number = style.paint(f"{start.line + offset + 1:>{gutter}} |", "dim")
        yield f"  {number} {_shown(line)}".rstrip()
        first = start.column if offset == 0 else len(line) - len(line.lstrip())
        last = end.column if start.line + offset == end.line else len(line.rstrip())
        if line.strip() and last > first:
            before = " " * _columns(_shown(line[:first]))
            # Tabs are as wide as where they stand makes them, so the widths are subtracted.
            marks = "^" * (_columns(_shown(line[:last])) - len(before))
            bar = style.paint(f"{'':>{gutter}} |", "dim")
            yield f"  {bar} {before}{style.paint(marks, colour)}"
    if len(lines) > len(shown):
        yield f"  {'':>{gutter}}   ... {len(lines) - len(shown)} more lines"


def _shown(line: str) -> str:
    return visible(line.expandtabs(_TAB))


def _columns(text: str) -> int:
    """Return how many terminal columns a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _wrapped(text: str, style: Style) -> Iterator[str]:
    """Yield prose wrapped; lines that are indented, as code is, stay as they are."""
    for line in text.strip("\n").split("\n"):
        if line.startswith(("    ", "\t")):
            yield _INDENT + _shown(line)
            continue
        yield from textwrap.wrap(
            visible(line),
            max(style.width, 40),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]


def _fix(finding: Finding, lines: list[str], style: Style) -> Iterator[str]:
    start, end = finding.range
    new = lines[0][: start.column] + (finding.replacement or "") + lines[-1][end.column :]
    new_lines = [without_ending(line) for line in split_lines(new)]
    if not finding.replacement and not new.strip():
        new_lines = []
    yield f"{_INDENT}suggested fix:"
    for line in difflib.ndiff(lines, new_lines):
        if line[0] == "?":
            continue
        shown = f"{line[0]} {_shown(line[2:])}".rstrip()
        colour = _DIFF_COLOURS.get(line[0])
        yield _INDENT + (style.paint(shown, colour) if colour else shown)
