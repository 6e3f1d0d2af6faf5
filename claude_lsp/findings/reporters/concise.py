"""One line per finding, in the form that editors and terminals turn into links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.report import sorted_findings
from claude_lsp.findings.reporters.style import SEVERITY_COLOURS, closing_lines
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style


def render(report: Report, style: Style) -> str:
    """Return `path:line:column: severity rule title` per finding, then the summary."""
    lines = [heading(finding, style) for finding in sorted_findings(report)]
    return "\n".join([*lines, *closing_lines(report, style)]) + "\n"


def heading(finding: Finding, style: Style) -> str:
    """Return one finding's line; line and column are 1-based, the column in code points."""
    line, column = finding.range.start
    place = style.paint(f"{visible(finding.path)}:{line + 1}:{column + 1}:", "bold")
    severity = style.paint(finding.severity.value, SEVERITY_COLOURS[finding.severity])
    return f"{place} {severity} {visible(finding.rule)} {visible(finding.title)}"
