"""A document as the model saw it, and the way from there back to the document."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.text.lines import LineIndex

if TYPE_CHECKING:
    from claude_lsp.context.candidate import Removed
    from claude_lsp.context.redact import Redacted
    from claude_lsp.text.positions import Range


@dataclass(frozen=True)
class Sent:
    """The subject's text as the model sees it, and the way back to the document.

    Attributes:
        origin: the document's path in the workspace.
        redacted: the whole document with secrets replaced; the line numbers are the document's.
        start: offset in the redacted text of the first character that was sent.
        end: offset behind the last one.
        original: the document's own lines.
        removed: lines that a change took away here, as they were shown.
    """

    origin: str
    redacted: Redacted
    start: int
    end: int
    original: LineIndex
    removed: tuple[Removed, ...] = ()

    @cached_property
    def index(self) -> LineIndex:
        """The lines that were sent; its line 0 is the document's `first_line`."""
        return LineIndex(self.redacted.text[self.start : self.end])

    @property
    def first_line(self) -> int:
        """The first line that was sent, perhaps not from its beginning; 0-based."""
        return self._redacted_index.position_at(self.start).line

    @property
    def last_line(self) -> int:
        """The last line that was sent, perhaps not to its end; 0-based, included."""
        return self._redacted_index.position_at(max(self.start, self.end - 1)).line

    @property
    def whole(self) -> bool:
        """Whether the whole document was sent."""
        return self.start == 0 and self.end == len(self.redacted.text)

    def line_hint(self, line: int | None) -> int | None:
        """Turn a line number that the model gave (1-based, the document's) into one of `index`."""
        return None if line is None else line - self.first_line

    def to_document(self, span: Range) -> Range:
        """Turn a range of `index` into the document's range of the same text."""
        start, end = (self.start + self.index.offset_at(place) for place in span)
        to_original = self.redacted.to_original
        return self.original.range_of(to_original(start), to_original(end))

    @cached_property
    def _redacted_index(self) -> LineIndex:
        return LineIndex(self.redacted.text)
