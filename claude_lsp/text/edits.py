"""Edits: applying them, making them minimal, and moving ranges through them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import LineIndex, split_lines
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


START = Position(0, 0)


class TextEdit(NamedTuple):
    """Replace the text of `range` by `text`."""

    range: Range
    text: str


class Change(NamedTuple):
    """What an edit did to positions: the text from `start` to `end` now ends at `new_end`."""

    start: Position
    end: Position
    new_end: Position


def end_of(start: Position, text: str) -> Position:
    """Return where `text` ends once it has been inserted at `start`."""
    lines = split_lines(text)
    if not lines:
        return start
    ended = lines[-1][-1] in "\r\n"
    last_line = start.line + len(lines) - (0 if ended else 1)
    if ended:
        return Position(last_line, 0)
    return Position(last_line, len(lines[-1]) + (start.column if len(lines) == 1 else 0))


def change_of(edit: TextEdit) -> Change:
    """Return what an edit does to the positions behind it."""
    return Change(edit.range.start, edit.range.end, end_of(edit.range.start, edit.text))


def move_position(position: Position, change: Change, *, sticky_end: bool = False) -> Position:
    """Move a position through a change that did not touch it.

    Args:
        position: a position in the text before the change.
        change: the change.
        sticky_end: at the very place of an insertion, stay before what was inserted.
    """
    if position < change.start or (sticky_end and position == change.start):
        return position
    if position < change.end:
        return change.start
    line = position.line - change.end.line + change.new_end.line
    if position.line > change.end.line:
        return Position(line, position.column)
    return Position(line, position.column - change.end.column + change.new_end.column)


def move_range(span: Range, changes: Iterable[Change]) -> Range | None:
    """Move a range through later changes, in order.

    Returns:
        the range of the same text after the changes, or None if one of them touched its inside.
    """
    for change in changes:
        inside = change.start < span.end and span.start < change.end
        inserted_inside = change.start == change.end and span.start < change.start < span.end
        if inside or inserted_inside:
            return None
        span = Range(
            move_position(span.start, change),
            # Text typed right behind a range does not belong to it.
            move_position(span.end, change, sticky_end=not span.empty),
        )
    return span


def move_untouched(span: Range, changes: Iterable[Change]) -> Range | None:
    """Move a range through later changes like `move_range`, but none may even border on it."""
    for change in changes:
        if change.start <= span.end and span.start <= change.end:
            return None
        span = Range(move_position(span.start, change), move_position(span.end, change))
    return span


def apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    """Apply edits that all refer to the same original text.

    Raises:
        ValueError: two edits overlap.
    """
    index = LineIndex(text)
    spans = sorted(
        ((index.offset_at(e.range.start), index.offset_at(e.range.end), e.text) for e in edits),
        key=lambda span: (span[0], span[1]),
    )
    parts: list[str] = []
    position = 0
    for start, end, new in spans:
        if start < position:
            raise ValueError("overlapping edits")
        parts += (text[position:start], new)
        position = max(position, end)
    parts.append(text[position:])
    return "".join(parts)


def minimal_edits(old: str, new: str, at: Position = START) -> list[TextEdit]:
    """Return the smallest line-wise edits that turn `old` into `new`.

    Args:
        old: the text that stands there now.
        new: the text that is wanted.
        at: where `old` starts in its document; the edits are in the document's positions.
    """
    if old == new:
        return []
    old_lines, new_lines = split_lines(old), split_lines(new)
    starts = [0]
    for line in old_lines:
        starts.append(starts[-1] + len(line))
    index = LineIndex(old)
    edits = []
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        start, end, text = starts[i1], starts[i2], "".join(new_lines[j1:j2])
        start, end, text = _trim(old, start, end, text)
        edits.append(TextEdit(_shifted(index.range_of(start, end), at), text))
    return edits


def _trim(old: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """Take the common beginning and end out of a replacement, never tearing a CRLF apart."""
    limit = min(end - start, len(new))
    head = 0
    while head < limit and old[start + head] == new[head]:
        head += 1
    if head and old[start + head - 1] == "\r":
        head -= 1
    tail = 0
    while tail < limit - head and old[end - tail - 1] == new[len(new) - tail - 1]:
        tail += 1
    if tail and old[end - tail] == "\n" and end - tail > 0 and old[end - tail - 1] == "\r":
        tail -= 1
    return start + head, end - tail, new[head : len(new) - tail]


def _shifted(span: Range, at: Position) -> Range:
    def shift(position: Position) -> Position:
        column = position.column + (at.column if position.line == 0 else 0)
        return Position(position.line + at.line, column)

    return Range(shift(span.start), shift(span.end))
