"""Pieces of text that may go into a context."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.positions import line_range

if TYPE_CHECKING:
    from claude_lsp.text.positions import Range
    from claude_lsp.text.snapshots import Snapshot


class Style(enum.Enum):
    """How a document is written into the prompt."""

    PLAIN = "plain"
    NUMBERED = "numbered"
    """Every tenth line carries its number: a hint for places at 3 % more tokens, where numbering
    every line costs 29 %."""
    CURSOR = "cursor"
    """The place to fill is marked."""


@dataclass(frozen=True)
class Candidate:
    """One piece of text, with where it is from and why it may help.

    Attributes:
        origin: the file's path in the workspace, or a label such as "diagnostics".
        text: the text, before redaction.
        reason: why it is offered, for `claude-lsp context`.
        score: larger is better; candidates are taken in this order.
        stable: whether it stays the same while the user types, so that a cache can serve it.
        snapshot: the document that `text` is the whole of; findings may then quote it.
        shared: whether it is the same for all files of the project, and so stands first.
    """

    origin: str
    text: str
    reason: str
    score: float = 0.0
    stable: bool = True
    snapshot: Snapshot | None = None
    shared: bool = False


@dataclass(frozen=True)
class Subject:
    """The document that an action is about, and the part of it that must be seen.

    Attributes:
        snapshot: the document.
        origin: its path in the workspace.
        focus: the place that is kept when the document does not fit; an empty range is a cursor.
        style: how it is written.
    """

    snapshot: Snapshot
    origin: str
    focus: Range
    style: Style = Style.PLAIN


class Lines(NamedTuple):
    """A run of lines, 0-based, both included; one that ends before it begins is empty."""

    first: int
    last: int

    def __str__(self) -> str:
        """Return the numbers that a person counts, from 1."""
        first, last = self.first + 1, self.last + 1
        return str(first) if first == last else f"{first}-{last}"

    def meets(self, other: Lines) -> bool:
        """Whether the two have a line in common."""
        return self.first <= other.last and other.first <= self.last


def lines_of(span: Range) -> Lines:
    """Return the lines that a range has text on."""
    ends_before = span.end.column == 0 and span.end.line > span.start.line
    return Lines(span.start.line, span.end.line - ends_before)


class Removed(NamedTuple):
    """Lines that a change took away.

    Attributes:
        at: the line, 0-based, of the text of now in front of which they stood.
        first: the number of the first of them in the text of before, 1-based.
        lines: without line endings.
    """

    at: int
    first: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Excerpt:
    """The part of a document that is to be looked at, and what of it has changed.

    Attributes:
        snapshot: the document as it is now.
        origin: its path in the workspace.
        shown: the lines that are shown, in order, none of them twice.
        change: what happened to it, in a word or two; empty where nothing is known to have.
        added: the changed lines; empty where all of them are, or none.
        removed: the lines that were taken away, in order.
        scope: the lines that findings may be about; None for all.
        outside: why a finding elsewhere is dropped.
        tokens: how many it takes at most, as whoever chose it has counted.
    """

    snapshot: Snapshot
    origin: str
    shown: tuple[Lines, ...]
    change: str = ""
    added: tuple[Lines, ...] = ()
    removed: tuple[Removed, ...] = ()
    scope: tuple[Lines, ...] | None = None
    outside: str = "outside of what was reviewed"
    tokens: int = 0

    @property
    def whole(self) -> bool:
        """Whether it is a document as it is, all of it and without any change marked."""
        everything = (Lines(0, len(self.snapshot.index.lines) - 1),)
        return self.shown == everything and not (self.change or self.removed or self.scope)

    @property
    def main_range(self) -> Range:
        """The longest run of lines that it is about."""
        longest = max(self.scope or self.shown, key=lambda lines: lines.last - lines.first)
        return line_range(longest.first, longest.last)

    def covers(self, lines: Lines) -> bool:
        """Whether a finding at some lines is about what is to be looked at."""
        return self.scope is None or any(each.meets(lines) for each in self.scope)
