"""GitLab's Code Quality report.

It is a bare list of issues and has no room for a summary, so that a run that is not complete is an
issue of its own. GitLab drops issues whose fingerprint it has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.report import coverage_sentence, result_sentence, sorted_findings
from claude_lsp.findings.reporters.places import incomplete_at
from claude_lsp.findings.sanitize import escaped_json

if TYPE_CHECKING:
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - all reporters are called alike
    """Return the list."""
    seen: Counter[str] = Counter()
    issues: list[dict[str, Any]] = []
    for finding in sorted_findings(report):
        seen[finding.fingerprint] += 1
        number = seen[finding.fingerprint]
        issues.append(
            {
                "description": ": ".join(filter(None, (finding.title, finding.explanation))),
                "check_name": finding.rule,
                "fingerprint": finding.fingerprint + (f"-{number}" if number > 1 else ""),
                "severity": finding.severity.value,
                "location": {
                    "path": finding.path.removeprefix("./"),
                    "lines": {
                        "begin": finding.range.start.line + 1,
                        "end": finding.range.end.line + 1,
                    },
                },
            }
        )
    if report.status != "complete":
        issues.append(
            {
                "description": f"{result_sentence(report)} {coverage_sentence(report)}",
                "check_name": "claude-lsp.incomplete",
                "fingerprint": "claude-lsp-incomplete",
                "severity": "info",
                "location": {"path": incomplete_at(report), "lines": {"begin": 1}},
            }
        )
    return escaped_json(json.dumps(issues, ensure_ascii=False, indent=2)) + "\n"
