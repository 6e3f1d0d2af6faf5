"""Where a finding stands, in the units and with the limits of the format that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from claude_lsp.findings.finding import Severity
from claude_lsp.text.lines import column_to_units, split_lines, without_ending

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.text.lines import Encoding, LineIndex
    from claude_lsp.text.positions import Position, Range

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.MAJOR: "warning",
    Severity.MINOR: "note",
    Severity.INFO: "note",
}
"""What tools that know three levels call a severity; editors show it alike."""

RULES_PAGE = "https://github.com/claude-lsp/claude-lsp/blob/main/docs/reference.md#rules"
PROJECT_PAGE = "https://github.com/claude-lsp/claude-lsp"


class Place(NamedTuple):
    """A stretch of text; lines and columns are 1-based, the end is behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def whole(finding: Finding, encoding: Encoding) -> Place:
    """Return all that a finding quotes, columns in the units of an encoding."""
    start, end = finding.range
    lines = [without_ending(line) for line in split_lines(finding.quote)] or [""]
    before = finding.landmarks.before
    first = before + lines[0]
    offset = end.line - start.line
    last = first if offset == 0 else lines[offset] if offset < len(lines) else ""
    return Place(
        start.line + 1,
        1 + _units(before, start.column, encoding),
        end.line + 1,
        1 + _units(last, end.column, encoding),
    )


def focus(finding: Finding, encoding: Encoding) -> Place:
    """Return what a finding quotes of its first line, which identifies it."""
    place = whole(finding, encoding)
    if place.end_line == place.line:
        return place
    first = without_ending(next(iter(split_lines(finding.quote)), ""))
    length = _units(first, len(first), encoding)
    return place._replace(end_line=place.line, end_column=place.column + length)


def elsewhere(span: Range, index: LineIndex | None, encoding: Encoding) -> Place:
    """Return a place of which only the range is known, and perhaps the text."""

    def column(position: Position) -> int:
        line = index.line(position.line) if index is not None else ""
        return 1 + _units(line, position.column, encoding)

    return Place(span.start.line + 1, column(span.start), span.end.line + 1, column(span.end))


def quoted_path(path: str) -> str:
    """Return a path as a relative address."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="/-._~!$&'()*+,;=@")


def incomplete_at(report: Report) -> str:
    """Return the file that a format without room for a summary speaks of an incomplete run at."""
    coverage = report.coverage
    files = (*coverage.failed, *coverage.skipped, *((path, "") for path in coverage.reviewed))
    return next((path for path, _ in files), ".")


def _units(line: str, column: int, encoding: Encoding) -> int:
    """Count the units before a column; what is not known of the line counts one each."""
    known = min(column, len(line))
    return column_to_units(line, known, encoding) + column - known
