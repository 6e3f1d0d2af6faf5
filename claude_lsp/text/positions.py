"""Positions and ranges in a text.

Everywhere inside the project a column counts Unicode code points (Python string indexes).
Only `lsp/convert.py` knows the unit that a client negotiated.
"""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A place between two characters: 0-based line, 0-based column in code points."""

    line: int
    column: int


class Range(NamedTuple):
    """A half-open stretch of text, `start` included and `end` excluded."""

    start: Position
    end: Position

    @property
    def empty(self) -> bool:
        """Whether the range holds no text (it is a mere place)."""
        return self.start == self.end

    def contains(self, other: Range) -> bool:
        """Whether `other` lies within this range; touching ends count."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Range) -> bool:
        """Whether the two ranges share text; ranges that merely touch do not."""
        return self.start < other.end and other.start < self.end

    def touches(self, other: Range) -> bool:
        """Whether the two ranges share text or a place: what an editor calls "at the cursor"."""
        return self.start <= other.end and other.start <= self.end


def line_range(first: int, last: int) -> Range:
    """Return the range of the whole lines `first` to `last` (0-based, both included)."""
    return Range(Position(first, 0), Position(last + 1, 0))
