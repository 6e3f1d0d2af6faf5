r"""Lines as the Language Server Protocol defines them: ended by \n, \r\n or \r and nothing else.

`str.splitlines` also splits on form feeds, NEL, U+2028 and others, which would put an edit on
the wrong line; it is not used anywhere on document text.
"""

from __future__ import annotations

import bisect
import re
from functools import cached_property
from typing import Literal

from claude_lsp.text.positions import Position, Range

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_ENDINGS = "\r\n"


def split_lines(text: str) -> list[str]:
    """Split a text into its lines, each with its ending; joined they are the text again.

    The empty line after a final line ending is not listed.
    """
    if "\r" not in text:
        lines = text.split("\n")
        last = lines.pop()
        lines = [line + "\n" for line in lines]
        if last:
            lines.append(last)
        return lines
    return _LINE.findall(text)


def without_ending(line: str) -> str:
    """Return a line without its line ending."""
    return line.rstrip(_ENDINGS)


def line_ending(text: str) -> str:
    r"""Return the ending that the text's first line uses, `\n` for a text of one line."""
    match = re.search(r"\r\n|\n|\r", text)
    return match.group() if match else "\n"


def column_from_units(line: str, units: int, encoding: Encoding) -> int:
    """Turn a column counted in the client's units into code points.

    A column inside a character is rounded down to its start, one past the end of the line is
    clamped to the end (before the line ending), as the protocol asks.
    """
    content = without_ending(line)
    if encoding == "utf-32" or content.isascii():
        return max(0, min(units, len(content)))
    width = _utf8_width if encoding == "utf-8" else _utf16_width
    seen = 0
    for column, character in enumerate(content):
        seen += width(character)
        if seen > units:
            return column
    return len(content)


def column_to_units(line: str, column: int, encoding: Encoding) -> int:
    """Turn a column in code points into the client's units."""
    if encoding == "utf-32" or line.isascii():
        return column
    prefix = line[:column]
    if encoding == "utf-8":
        return len(prefix.encode("utf-8", "surrogatepass"))
    return len(prefix) + sum(1 for character in prefix if character > "\uffff")


def _utf8_width(character: str) -> int:
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def _utf16_width(character: str) -> int:
    return 2 if character > "\uffff" else 1


class LineIndex:
    """The lines of one immutable text, and the way between offsets and positions."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        """The lines, each with its ending."""
        return split_lines(self.text)

    @cached_property
    def starts(self) -> list[int]:
        """The offset at which each line starts; the line after a final line ending included."""
        starts = [0]
        offset = 0
        for line in self.lines:
            offset += len(line)
            starts.append(offset)
        if self.lines and self.lines[-1][-1] not in _ENDINGS:
            starts.pop()
        return starts

    @property
    def line_count(self) -> int:
        """How many lines an editor shows: the empty one after a final line ending included."""
        return len(self.starts)

    def line(self, number: int) -> str:
        """Return line `number` without its ending; the empty string outside the text."""
        return without_ending(self.lines[number]) if 0 <= number < len(self.lines) else ""

    def offset_at(self, position: Position) -> int:
        """Return the offset of a position, clamped into the text."""
        line, column = position
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        return self.starts[line] + max(0, min(column, len(self.line(line))))

    def position_at(self, offset: int) -> Position:
        """Return the position of an offset, clamped into the text."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self.starts, offset) - 1
        return Position(line, offset - self.starts[line])

    def slice(self, span: Range) -> str:
        """Return the text of a range."""
        return self.text[self.offset_at(span.start) : self.offset_at(span.end)]

    def range_of(self, start: int, end: int) -> Range:
        """Return the range between two offsets."""
        return Range(self.position_at(start), self.position_at(end))
