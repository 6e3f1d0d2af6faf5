"""The report: what a review found, what it covered, what it cost, and what it could not do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from claude_lsp.findings.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.lines import LineIndex

Status = Literal["complete", "partial", "nothing"]
Kind = Literal["review", "arch"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which files were looked at, and why the others were not.

    Attributes:
        reviewed: paths that were reviewed to the end.
        skipped: paths that were left out on purpose, each with the reason in a few words.
        failed: paths whose review did not end well, each with the reason.
    """

    reviewed: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def total(self) -> int:
        """How many files were in scope."""
        return len(self.reviewed) + len(self.skipped) + len(self.failed)


@dataclass(frozen=True, slots=True)
class Spend:
    """What the review cost.

    Attributes:
        calls: how many requests were sent.
        tokens: the API's token counters by name, such as `input_tokens`.
        usd: dollars, None if a price is unknown.
    """

    calls: int = 0
    tokens: Mapping[str, int] = field(default_factory=dict)
    usd: float | None = 0.0


SUPPRESSED_BY = {"comment": "a comment", "settings": "the settings", "baseline": "the baseline"}
"""Where it is said that a finding is not to be shown, in words."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that is not shown because somebody said so.

    Attributes:
        finding: the finding.
        by: where it was said: a comment in the source, the project's settings, or the baseline.
        reason: why, in their words; may be empty for a baseline.
        in_change: whether the comment came with the change under review.
        moved: whether a baseline's entry was recognised although the code had moved.
    """

    finding: Finding
    by: Literal["comment", "settings", "baseline"]
    reason: str = ""
    in_change: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One look into the project that a model asked for; what it was shown is not kept.

    Attributes:
        tool: the name of the tool.
        arguments: as the model wrote them, shortened.
        tokens: upper bound on what it was shown.
        refused: why it was not carried out, None if it was.
    """

    tool: str
    arguments: Mapping[str, str | int]
    tokens: int
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a reporter may show of one review.

    Attributes:
        findings: what was found and not suppressed.
        coverage: the files.
        status: `complete`, `partial` if something in scope could not be reviewed, `nothing` if
            all of it could not.
        scope: what was asked for, in words, such as "main...HEAD".
        notices: sentences for the user.
        spend: what it cost.
        models: ids of the models that answered.
        dropped: how many claims were dropped, by reason.
        tool_version: the version of this program.
        suppressed: what was found and is not shown because somebody said so.
        rules: ids of the rules that were looked for.
        compared: whether a baseline said what is known already.
        kind: which command made it; GitHub keeps the alerts of each apart.
        overview: what the model says of the whole, as Markdown.
        looks: what it looked at on its own, in order.
        commit: the commit that was reviewed, in full; empty where it was none.
        round: how often the change has been reviewed, this time included.
        sources: the reviewed texts by path, for excerpts; where one is missing the finding's own
            quote is shown.
    """

    findings: tuple[Finding, ...]
    coverage: Coverage
    status: Status
    scope: str = ""
    notices: tuple[str, ...] = ()
    spend: Spend = field(default_factory=Spend)
    models: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    tool_version: str = ""
    suppressed: tuple[Suppressed, ...] = ()
    rules: tuple[str, ...] = ()
    compared: bool = False
    kind: Kind = "review"
    overview: str = ""
    looks: tuple[Look, ...] = ()
    commit: str = ""
    round: int = 1
    sources: Mapping[str, LineIndex] = field(default_factory=dict, compare=False, repr=False)


def sorted_findings(report: Report) -> list[Finding]:
    """Return the findings by path and place, the worse first at the same place."""
    return sorted(report.findings, key=order)


def order(finding: Finding) -> tuple[object, ...]:
    """Return the key that puts findings in the order of their places, the worse first."""
    return finding.path, finding.range, finding.severity.rank, finding.rule, finding.fingerprint


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which they are kept where only some can be."""
    return sorted(findings, key=lambda f: (f.severity.rank, -f.confidence, order(f)))


def result_sentence(report: Report) -> str:
    """Say what was found; never "no findings" where nothing was reviewed."""
    if report.findings:
        counts = Counter(finding.severity for finding in report.findings)
        parts = [
            f"{counts[severity]} {severity.value}" for severity in Severity if counts[severity]
        ]
        files = len({finding.path for finding in report.findings})
        return (
            f"{_count(len(report.findings), 'finding')} ({', '.join(parts)})"
            f" in {_count(files, 'file')}."
        )
    if not report.coverage.reviewed:
        nothing = report.status == "complete"
        return "There was nothing to review." if nothing else "Nothing was reviewed."
    if report.status != "complete":
        return "No findings in what was reviewed, but the review is incomplete."
    return "No findings."


def coverage_sentence(report: Report) -> str:
    """Say how many files were reviewed, and why the others were not."""
    coverage = report.coverage
    parts = [f"Reviewed {len(coverage.reviewed)} of {_count(coverage.total, 'file')}"]
    for files, word in ((coverage.skipped, "skipped"), (coverage.failed, "failed")):
        if files:
            reasons = Counter(reason for _, reason in files)
            why = ", ".join(
                reason if count == len(files) else f"{count} {reason}"
                for reason, count in reasons.most_common()
            )
            parts.append(f"{len(files)} {word} ({why})")
    return ", ".join(parts) + "."


def spend_sentence(report: Report) -> str:
    """Say what it cost; empty where nothing was sent."""
    spend = report.spend
    if not spend.calls:
        return ""
    tokens = sum(spend.tokens.values())
    cost = "cost unknown" if spend.usd is None else f"${spend.usd:.4f}"
    models = f" to {', '.join(report.models)}" if report.models else ""
    return f"{_count(spend.calls, 'call')}{models}, {tokens:,} tokens, {cost}."


def looks_sentence(report: Report) -> str:
    """Say how often the model looked into the project on its own; empty if it did not."""
    if not report.looks:
        return ""
    refused = sum(look.refused is not None for look in report.looks)
    tokens = sum(look.tokens for look in report.looks)
    return (
        f"It looked into the project {_count(len(report.looks), 'time')}"
        f"{f' ({refused} refused)' if refused else ''}, {tokens:,} tokens."
    )


def dropped_sentence(report: Report) -> str:
    """Say which claims of the model, or facts, are not shown and why; empty if none."""
    if not any(report.dropped.values()):
        return ""
    reasons = "; ".join(f"{reason}: {count}" for reason, count in report.dropped.items())
    if report.kind == "arch" and not report.models:
        return f"Not shown: {_count(sum(report.dropped.values()), 'fact')} ({reasons})."
    return f"Dropped {_count(sum(report.dropped.values()), 'claim')} ({reasons})."


def suppressed_in_change(report: Report) -> list[Suppressed]:
    """Return what the change under review suppresses itself, which every format tells."""
    brought = (one for one in report.suppressed if one.in_change)
    return sorted(brought, key=lambda one: order(one.finding))


def suppression_sentence(one: Suppressed) -> str:
    """Say what is suppressed, where and why."""
    where = SUPPRESSED_BY[one.by] + (" in this change" if one.in_change else "")
    reason = f": {one.reason}" if one.reason else ""
    return f"suppressed {one.finding.rule} {one.finding.title} (by {where}{reason})"


def suppressed_sentence(report: Report) -> str:
    """Say how many findings were suppressed and where; empty if none was."""
    if not report.suppressed:
        return ""
    counts: Counter[str] = Counter(one.by for one in report.suppressed)
    # In the order of the table: findings come in that of the answers.
    parts = [f"{counts[by]} by {where}" for by, where in SUPPRESSED_BY.items() if by in counts]
    brought = sum(one.in_change for one in report.suppressed)
    if brought:
        parts.append(f"{brought} in this change")
    return f"Suppressed {_count(len(report.suppressed), 'finding')} ({', '.join(parts)})."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
