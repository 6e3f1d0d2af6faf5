"""Which findings are shown: the user's lower bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Severity

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.settings import Settings


def hidden_reason(finding: Finding, settings: Settings) -> str | None:
    """Return why a finding is not shown, None if it is."""
    if finding.severity.rank > Severity(settings.review.min_severity).rank:
        return "below review.min_severity"
    if finding.confidence < settings.review.min_confidence:
        return "below review.min_confidence"
    return None
