"""The finding, the claim it is made from, and the fixed list of rules."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from claude_lsp.text.positions import Range


class Severity(enum.Enum):
    """How much a finding matters, worst first."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst; a smaller rank is at or above a larger one."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of remark. The list is small and fixed, so that gates and baselines can name it.

    Attributes:
        id: stable, dotted, such as `review.correctness`.
        title: a few words.
        help: what it means and what to do about it, for `claude-lsp explain` and SARIF.
        origin: `model` where Claude judged, `graph` where the fact was computed from the code.
        places: how many places a finding of this kind must quote.
    """

    id: str
    title: str
    help: str
    origin: Literal["model", "graph"]
    places: int = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """A remark as a model made it: nothing in it is believed before `anchor` has verified it.

    Attributes:
        rule: the rule's id; an unknown one has been mapped to `review.correctness`.
        severity: how much it matters, in the model's opinion.
        title: one line.
        explanation: why, and what to do.
        path: the file it speaks of, relative to the workspace, "/" between parts.
        quote: text that should stand there, as the model remembers it.
        line: the line it names, 1-based; None if it named none.
        confidence: 0 to 1.
        replacement: text to put in place of the quoted text, None where no fix is offered.
    """

    rule: str
    severity: Severity
    title: str
    explanation: str
    path: str
    quote: str
    line: int | None = None
    confidence: float = 0.5
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a finding points to, such as one edge of a cycle."""

    path: str
    range: Range
    message: str


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What stands around a finding: to know it again, and to place it, without the text.

    Attributes:
        before: what stands before it on its first line.
        symbol: the definitions around it, joined by dots.
        context_key: a weaker identity that survives a rename or a move; empty where the finding
            speaks of files rather than of a line, as structural ones do.
        line_hash: CodeQL's hash of its first line, by which GitHub recognises an alert.
    """

    before: str = ""
    symbol: str = ""
    context_key: str = ""
    line_hash: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One verified review remark.

    Attributes:
        rule: id of one of the rules in `rules.RULES`.
        severity: how much it matters.
        title: one line, no full stop.
        explanation: plain text or Markdown, several sentences.
        path: relative to the workspace, "/" between parts.
        range: the place, in the text that was reviewed.
        quote: the text at that place.
        confidence: 0 to 1; 1 for facts computed from the code.
        fingerprint: 16 hexadecimal digits, the same across runs and line shifts.
        replacement: text to put in place of `range`, None where no fix is offered.
        related: further places.
        landmarks: what stands around it; empty until `fingerprint.with_landmarks` has looked.
    """

    rule: str
    severity: Severity
    title: str
    explanation: str
    path: str
    range: Range
    quote: str
    confidence: float
    fingerprint: str
    replacement: str | None = None
    related: tuple[Related, ...] = ()
    landmarks: Landmarks = Landmarks()
