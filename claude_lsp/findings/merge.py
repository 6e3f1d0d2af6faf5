"""Several reports as one: the shards of a run, or a review and its structural part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from claude_lsp.findings.report import Coverage, Report, Spend, Suppressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Status


def merge(reports: Sequence[Report]) -> Report:
    """Return one report of several.

    A finding is listed once, with its worst severity; one that any report shows is shown. A file
    counts as reviewed if one of them reviewed it. The worst status wins: unless all are complete,
    the whole is not.

    Args:
        reports: at least one.
    """
    findings: dict[str, Finding] = {}
    suppressed: dict[str, Suppressed] = {}
    for report in reports:
        for finding in report.findings:
            known = findings.setdefault(finding.fingerprint, finding)
            if finding.severity.rank < known.severity.rank:
                findings[finding.fingerprint] = finding
        for one in report.suppressed:
            suppressed.setdefault(one.finding.fingerprint, one)
    dropped: Counter[str] = Counter()
    for report in reports:
        dropped.update(report.dropped)
    versions = _unique(report.tool_version for report in reports)
    notices = _unique(notice for report in reports for notice in report.notices)
    if len(versions) > 1:
        notices = (*notices, f"These reports are of different versions: {', '.join(versions)}.")
    coverage = _coverage(reports)
    return Report(
        findings=tuple(findings.values()),
        coverage=coverage,
        status=_status(reports, coverage),
        scope=", ".join(_unique(report.scope for report in reports if report.scope)),
        notices=notices,
        spend=_spend(reports),
        models=tuple(sorted({model for report in reports for model in report.models})),
        dropped=dict(dropped),
        tool_version=versions[-1],
        suppressed=tuple(one for key, one in suppressed.items() if key not in findings),
        rules=_unique(rule for report in reports for rule in report.rules),
        compared=all(report.compared for report in reports),
        kind="arch" if all(report.kind == "arch" for report in reports) else "review",
        commit=reports[0].commit if len({report.commit for report in reports}) == 1 else "",
        round=max(report.round for report in reports),
        sources={path: index for report in reports for path, index in report.sources.items()},
    )


def without_stale_sources(report: Report) -> Report:
    """Return a report without the texts in which its findings no longer stand."""
    stale = {
        finding.path
        for finding in report.findings
        if finding.path in report.sources
        and report.sources[finding.path].slice(finding.range).strip() != finding.quote.strip()
    }
    sources = {path: index for path, index in report.sources.items() if path not in stale}
    return replace(report, sources=sources)


def _coverage(reports: Iterable[Report]) -> Coverage:
    reviewed: dict[str, None] = {}
    failed: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for report in reports:
        reviewed.update(dict.fromkeys(report.coverage.reviewed))
        failed.update(report.coverage.failed)
        skipped.update(report.coverage.skipped)
    return Coverage(
        tuple(reviewed),
        tuple((path, why) for path, why in skipped.items() if path not in {*reviewed, *failed}),
        tuple((path, why) for path, why in failed.items() if path not in reviewed),
    )


def _status(reports: Iterable[Report], coverage: Coverage) -> Status:
    if all(one.status == "complete" for one in reports):
        return "complete"
    return "partial" if coverage.reviewed else "nothing"


def _spend(reports: Iterable[Report]) -> Spend:
    calls, tokens, usd = 0, Counter[str](), 0.0
    known = True
    for report in reports:
        calls += report.spend.calls
        tokens.update(report.spend.tokens)
        known = known and report.spend.usd is not None
        usd += report.spend.usd or 0.0
    return Spend(calls, dict(tokens), usd if known else None)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
