"""GitLab's Code Quality report.

It is a bare list of issues and has no room for a summary, so that a run that is not complete is an
issue of its own, as is what a change suppresses itself. GitLab drops issues whose fingerprint it
has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.report import (
    coverage_sentence,
    result_sentence,
    sorted_findings,
    suppressed_in_change,
    suppression_sentence,
)
from claude_lsp.findings.reporters.places import incomplete_at
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style

_START = Range(Position(0, 0), Position(0, 0))


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - all reporters are called alike
    """Return the list."""
    seen: Counter[str] = Counter()

    def issue(
        path: str, text: str, rule: str, *, key: str, severity: str = "info", span: Range = _START
    ) -> dict[str, Any]:
        seen[key] += 1
        lines = {"begin": span.start.line + 1, "end": span.end.line + 1}
        return {
            "description": text,
            "check_name": rule,
            "fingerprint": key if seen[key] == 1 else f"{key}-{seen[key]}",
            "severity": severity,
            "location": {"path": path.removeprefix("./"), "lines": lines},
        }

    issues = [
        issue(
            finding.path,
            ": ".join(filter(None, (finding.title, finding.explanation))),
            finding.rule,
            key=finding.fingerprint,
            severity=finding.severity.value,
            span=finding.range,
        )
        for finding in sorted_findings(report)
    ]
    issues += [
        issue(
            one.finding.path,
            f"This change {suppression_sentence(one)}",
            "claude-lsp.suppressed",
            key=one.finding.fingerprint,
            span=one.finding.range,
        )
        for one in suppressed_in_change(report)
    ]
    if report.status != "complete":
        text = f"{result_sentence(report)} {coverage_sentence(report)}"
        rule = "claude-lsp.incomplete"
        issues.append(issue(incomplete_at(report), text, rule, key="claude-lsp-incomplete"))
    return escaped_json(json.dumps(issues, ensure_ascii=False, indent=2)) + "\n"
