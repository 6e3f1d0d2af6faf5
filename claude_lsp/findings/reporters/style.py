"""How a report may look on the terminal or in the file that it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from claude_lsp.findings.finding import Severity
from claude_lsp.findings.report import (
    Report,
    coverage_sentence,
    dropped_sentence,
    looks_sentence,
    order,
    result_sentence,
    spend_sentence,
    suppressed_in_change,
    suppressed_sentence,
    suppression_sentence,
)
from claude_lsp.text.unseen import visible

Colour = Literal["bold", "dim", "red", "green", "yellow", "blue", "magenta"]

_CODES: dict[Colour, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
}

SEVERITY_COLOURS: dict[Severity, Colour] = {
    Severity.CRITICAL: "magenta",
    Severity.MAJOR: "red",
    Severity.MINOR: "yellow",
    Severity.INFO: "blue",
}


@dataclass(frozen=True, slots=True)
class Style:
    """What the reader of a report can show.

    Attributes:
        colour: whether ANSI colours may be used.
        width: columns to wrap prose at.
        show_suppressed: whether suppressed findings are listed, not only counted.
    """

    colour: bool = False
    width: int = 100
    show_suppressed: bool = False

    def paint(self, text: str, *colours: Colour) -> str:
        """Colour a text that is already safe to show."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[colour] for colour in colours)}m{text}\x1b[0m"


def closing_lines(report: Report, style: Style) -> list[str]:
    """Return what every report for people ends with: the result, the coverage, what to know."""
    worst = min((finding.severity.rank for finding in report.findings), default=None)
    colour: Colour = "green" if worst is None and report.status == "complete" else "yellow"
    result = f"{visible(result_sentence(report))} {visible(coverage_sentence(report))}"
    lines = [style.paint(result, "bold", colour)]
    if report.status != "complete":
        if report.findings or report.coverage.reviewed:
            lines = [style.paint("INCOMPLETE:", "bold", "red") + " " + lines[0]]
        lines += [
            f"failed: {visible(path)}: {visible(why)}" for path, why in report.coverage.failed
        ]
    lines += suppressed_lines(report, style)
    lines += [f"note: {visible(notice)}" for notice in report.notices]
    if report.overview:
        lines += ["", *map(visible, report.overview.strip().split("\n")), ""]
    details = (
        suppressed_sentence(report),
        dropped_sentence(report),
        looks_sentence(report),
        spend_sentence(report),
    )
    lines += [style.paint(visible(text), "dim") for text in details if text]
    return lines


def suppressed_lines(report: Report, style: Style) -> list[str]:
    """Return a line for each suppressed finding that is to be seen.

    Those that the change under review suppresses itself always are: whoever reads the report of a
    change should see what it takes out of sight.
    """
    shown = report.suppressed if style.show_suppressed else suppressed_in_change(report)
    return [
        style.paint(
            visible(
                f"{one.finding.path}:{one.finding.range.start.line + 1}: "
                f"{suppression_sentence(one)}"
            ),
            "dim",
        )
        for one in sorted(shown, key=lambda one: order(one.finding))
    ]
