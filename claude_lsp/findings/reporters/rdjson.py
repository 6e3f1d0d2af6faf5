"""Reviewdog's diagnostic format; its columns count UTF-8 bytes.

Like GitLab's it has no room for a summary: a run that is not complete is a diagnostic of its own,
as is what a change suppresses itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.report import (
    coverage_sentence,
    result_sentence,
    sorted_findings,
    suppressed_in_change,
    suppression_sentence,
)
from claude_lsp.findings.reporters.places import (
    LEVELS,
    PROJECT_PAGE,
    RULES_PAGE,
    elsewhere,
    focus,
    incomplete_at,
    whole,
)
from claude_lsp.findings.sanitize import escaped_json

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.places import Place
    from claude_lsp.findings.reporters.style import Style

_SEVERITIES = {"error": "ERROR", "warning": "WARNING", "note": "INFO"}


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - all reporters are called alike
    """Return the diagnostics."""
    diagnostics = [_diagnostic(finding, report) for finding in sorted_findings(report)]
    diagnostics += [
        {
            "message": f"This change {suppression_sentence(one)}",
            "location": {
                "path": one.finding.path,
                "range": _range(focus(one.finding, "utf-8")),
            },
            "severity": "INFO",
            "code": {"value": "claude-lsp.suppressed"},
        }
        for one in suppressed_in_change(report)
    ]
    if report.status != "complete":
        diagnostics.append(
            {
                "message": f"{result_sentence(report)} {coverage_sentence(report)}",
                "location": {"path": incomplete_at(report)},
                "severity": "WARNING",
                "code": {"value": "claude-lsp.incomplete"},
            }
        )
    result = {"source": {"name": "claude-lsp", "url": PROJECT_PAGE}, "diagnostics": diagnostics}
    return escaped_json(json.dumps(result, ensure_ascii=False, indent=2)) + "\n"


def _diagnostic(finding: Finding, report: Report) -> dict[str, Any]:
    value: dict[str, Any] = {
        "message": "\n\n".join(filter(None, (finding.title, finding.explanation))),
        "location": {"path": finding.path, "range": _range(focus(finding, "utf-8"))},
        "severity": _SEVERITIES[LEVELS[finding.severity]],
        "code": {"value": finding.rule, "url": RULES_PAGE},
    }
    if finding.replacement is not None:
        value["suggestions"] = [
            {"range": _range(whole(finding, "utf-8")), "text": finding.replacement}
        ]
    if finding.related:
        value["related_locations"] = [
            {
                "message": place.message,
                "location": {
                    "path": place.path,
                    "range": _range(
                        elsewhere(place.range, report.sources.get(place.path), "utf-8")
                    ),
                },
            }
            for place in finding.related
        ]
    return value


def _range(place: Place) -> dict[str, Any]:
    return {
        "start": {"line": place.line, "column": place.column},
        "end": {"line": place.end_line, "column": place.end_column},
    }
