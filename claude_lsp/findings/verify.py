"""From claims to findings: only what stands in the text that was sent, and each thing once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.findings.anchor import locate, reindented
from claude_lsp.findings.finding import Finding
from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.searched_text import indentation
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Claim
    from claude_lsp.text.lines import LineIndex

QUOTE_NOT_FOUND = "the quoted text is not in the file"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A claim that is not believed, and why, for the count of what was dropped."""

    reason: str


def verify(claim: Claim, index: LineIndex, path: str) -> Finding | Dropped:
    """Make a finding of a claim if what it quotes is there.

    Args:
        claim: what the model said.
        index: the lines of the text that the model was sent, as it was sent.
        path: the file of that text, relative to the workspace.

    Returns:
        the finding, its range in that text; or why there is none.
    """
    located = locate(claim.quote, claim.line, index)
    if located is None:
        return Dropped(QUOTE_NOT_FOUND)
    span = located.range
    quote = index.slice(span)
    replacement = None
    # Lines that only resemble the quote, or a middle that was left out, are no safe ground for an
    # edit: what the model meant to replace is not what stands there.
    if claim.replacement is not None and located.how in ("exact", "inline"):
        replacement = reindented(claim.replacement, claim.quote, span, index)
        if replacement == quote:
            replacement = None
    return Finding(
        rule=claim.rule,
        severity=claim.severity,
        title=claim.title,
        explanation=claim.explanation,
        path=path,
        range=span,
        quote=quote,
        confidence=claim.confidence,
        fingerprint=fingerprint(claim.rule, path, index, span.start.line),
        replacement=replacement,
    )


def narrowed(finding: Finding, index: LineIndex, line: int) -> Finding:
    """Let a finding begin at a later one of its lines; as it is, if its fix begins before that.

    Args:
        finding: with its range in the document.
        index: the lines of the document.
        line: the 0-based line that matters, not blank; in the range.
    """
    start, end = finding.range
    indent = Position(line, len(indentation(index.line(line))))
    before = index.slice(Range(start, indent))
    replacement = finding.replacement
    if replacement is not None:
        if not replacement.startswith(before):
            return finding
        replacement = replacement[len(before) :]
    span = Range(indent, end)
    return replace(
        finding,
        range=span,
        quote=index.slice(span),
        fingerprint=fingerprint(finding.rule, finding.path, index, line),
        replacement=replacement,
    )


class Seen:
    """The findings of a review so far, with what was said twice said once.

    Two are the same if their fingerprints are equal, or if they name the same rule for places in
    one file that share text.
    """

    def __init__(self) -> None:
        self._findings: dict[str, Finding] = {}
        self._same_rule: dict[tuple[str, str], list[str]] = {}

    @property
    def findings(self) -> list[Finding]:
        """What is known, in the order in which it came."""
        return list(self._findings.values())

    def add(self, finding: Finding) -> Finding | None:
        """Take one more finding.

        Returns:
            what is to be published: the finding; or an earlier one, recognisable by its
            fingerprint, whose severity has become worse; or None if there is nothing new.
        """
        known = self._known(finding)
        if known is None:
            self._findings[finding.fingerprint] = finding
            same_rule = self._same_rule.setdefault((finding.path, finding.rule), [])
            same_rule.append(finding.fingerprint)
            return finding
        if finding.severity.rank >= known.severity.rank:
            return None
        worse = replace(
            known,
            severity=finding.severity,
            confidence=max(known.confidence, finding.confidence),
        )
        self._findings[known.fingerprint] = worse
        return worse

    def _known(self, finding: Finding) -> Finding | None:
        if finding.fingerprint in self._findings:
            return self._findings[finding.fingerprint]
        for key in self._same_rule.get((finding.path, finding.rule), ()):
            known = self._findings[key]
            if known.range.overlaps(finding.range) or known.range == finding.range:
                return known
        return None
