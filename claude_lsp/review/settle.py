"""From what a run found to what its report shows: suppressed, known, and too much is told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.findings.baseline import compare
from claude_lsp.findings.fingerprint import with_landmarks
from claude_lsp.findings.report import worst_first
from claude_lsp.findings.suppression import MARK, Terms, judge
from claude_lsp.text.lines import LineIndex
from claude_lsp.workspace.files import TextFile, read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from claude_lsp.findings.baseline import Entry
    from claude_lsp.findings.report import Report
    from claude_lsp.settings import Settings

_LARGEST_BYTES = 2_000_000


@dataclass(frozen=True)
class Accepted:
    """What is accepted already, and what is known of the change under review.

    Attributes:
        today: the day as YYYY-MM-DD.
        baseline: accepted findings; None where no baseline is used.
        renamed: the path that a file had before, by the one it has now.
        added: the lines that the change adds, 0-based, by path; None where all of the files is
            under review.
    """

    today: str
    baseline: Sequence[Entry] | None = None
    renamed: Mapping[str, str] | None = None
    added: Mapping[str, Collection[int]] | None = None


def settle(report: Report, settings: Settings, accepted: Accepted) -> Report:
    """Return a report as it is shown.

    Findings get their landmarks; what comments, settings or the baseline suppress goes, then what
    is over `review.max_findings`, the worst staying.

    Args:
        report: with all that was found, and the texts that were reviewed.
        settings: the project's.
        accepted: what is accepted already.
    """
    sources = report.sources
    found = [
        with_landmarks(finding, sources[finding.path]) if finding.path in sources else finding
        for finding in report.findings
    ]
    terms = Terms(
        settings.suppress,
        accepted.today,
        settings.review.suppression_reason,
        accepted.added,
        report.rules,
        # In a change only some lines of a file are reviewed.
        report.coverage.reviewed if accepted.added is None else (),
    )
    judged = judge(found, sources, terms)
    left, suppressed = judged.findings, judged.suppressed
    if accepted.baseline is not None:
        comparison = compare(left, accepted.baseline, accepted.renamed, sources)
        left, suppressed = comparison.new, (*suppressed, *comparison.suppressed)
    most = settings.review.max_findings
    dropped = dict(report.dropped)
    if len(left) > most:
        key = "over review.max_findings"
        dropped[key] = dropped.get(key, 0) + len(left) - most
    return replace(
        report,
        findings=tuple(worst_first(left)[:most]),
        suppressed=suppressed,
        notices=(*report.notices, *judged.notices),
        compared=accepted.baseline is not None,
        dropped=dropped,
    )


def sources_with_comments(root: Path, paths: Iterable[str]) -> dict[str, LineIndex]:
    """Read the files that hold a suppressing comment, for a run that has not read them itself."""
    sources = {}
    for path in paths:
        content = read_text(root / path, _LARGEST_BYTES)
        if isinstance(content, TextFile) and MARK in content.text:
            sources[path] = LineIndex(content.text)
    return sources
