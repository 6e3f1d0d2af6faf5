"""What edits would do to a document, tried on a copy before they are sent."""

from __future__ import annotations

import bisect
import threading
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.edits import apply_edits
from claude_lsp.text.unseen import brought

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Tree

    from claude_lsp.text.edits import TextEdit
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot


_LARGEST_PART = 50_000
"""Bytes of a part that is worth parsing by itself: some milliseconds."""


class _Edit(NamedTuple):
    """What takes the place of some bytes."""

    start: int
    end: int
    text: bytes


class _Top(NamedTuple):
    """What stands at the top level: its bytes, and what the grammar calls it."""

    start: int
    end: int
    kind: str


class Trial:
    """The edits of one answer, all made for the same text.

    Args:
        snapshot: that text.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._accepted: list[TextEdit] = []
        self._lock = threading.Lock()
        self._tried = False
        self._tree: Tree | None = None
        self._source = b""
        self._faults = 0
        self._top: list[_Top] = []

    def accept(self, edit: TextEdit) -> None:
        """Take an edit as made."""
        self._accepted.append(edit)

    def unseen_in(self, edits: Sequence[TextEdit]) -> str:
        """Return what edits bring that a reader can't see, in words; "" for nothing."""
        old = "\n".join(self._snapshot.index.slice(edit.range) for edit in edits)
        return brought("\n".join(edit.text for edit in edits), old)

    def prepare(self) -> None:
        """Parse the text as it is, so that this need not be waited for later. Call it in a worker.

        A tree is kept as long as the trial: what edits leave of it is not parsed again.
        """
        from claude_lsp.workspace.index.grammars import faults_below, parse_tree

        with self._lock:
            if not self._tried:
                self._source = _encoded(self._snapshot.text)
                self._tree = parse_tree(self._source, self._snapshot.language)
                if self._tree is not None:
                    root = self._tree.root_node
                    self._faults = faults_below(root)
                    self._top = [_Top(e.start_byte, e.end_byte, e.type) for e in root.children]
                self._tried = True

    def parses_with(self, edits: Sequence[TextEdit]) -> bool:
        """Whether the text has no more faults after some further edits than it had before.

        True where no grammar can tell. Parses, so call it in a worker.
        """
        from claude_lsp.workspace.index.grammars import faults, faults_below, parse_tree

        self.prepare()
        language, wanted = self._snapshot.language, [*self._accepted, *edits]
        if self._tree is None or not wanted:
            return True
        made = self._in_bytes(wanted)
        if not self._faults and self._parse_alone(made):
            return True
        text = apply_edits(self._snapshot.text, wanted)
        after = parse_tree(_encoded(text), language, self._edited(self._tree.copy(), made))
        if after is None or faults_below(after.root_node) <= self._faults:
            return True
        # Of a text with faults what was kept of another tree may tell more than there are.
        whole = faults(text, language)
        return whole is None or whole <= self._faults

    def _in_bytes(self, edits: Sequence[TextEdit]) -> list[_Edit]:
        """Return edits by their offsets in the encoded text, the last one first."""
        text, index = self._snapshot.text, self._snapshot.index
        ascii_only = len(self._source) == len(text)

        def offset(place: Position) -> int:
            at = index.offset_at(place)
            return at if ascii_only else len(_encoded(text[:at]))

        made = [_Edit(offset(one.start), offset(one.end), _encoded(new)) for one, new in edits]
        return sorted(made, reverse=True)

    def _parse_alone(self, edits: Sequence[_Edit]) -> bool:
        """Whether what stands at the top level around some edits still parses by itself.

        With it the whole does, since all around it did. Some grammars read everything behind an
        edit again, so this is much quicker. False where that can't be told in this way.
        """
        from claude_lsp.workspace.index.grammars import parse

        source, language = self._source, self._snapshot.language
        ends = [one.end for one in self._top]
        first, last = (bisect.bisect_right(ends, at) for at in (edits[-1].start, edits[0].end))
        if first and (first == len(ends) or edits[-1].start < self._top[first].start):
            first -= 1  # It begins between two, and may belong to the one before.
        if not ends or edits[-1].start < self._top[first].start:
            return False
        start, end = self._top[first].start, ends[last] if last < len(ends) else len(source)
        if end - start > _LARGEST_PART or source[start - 1 : start] not in (b"", b"\n"):
            return False
        run = [one.kind for one in self._top[first : last + 1]]
        old = parse(source[start:end], language)
        # What reads differently by itself, such as PHP without its tag, tells nothing.
        if old is None or old.has_error or [each.type for each in old.children] != run:
            return False
        text = source[start:end]
        for each in edits:
            text = text[: each.start - start] + each.text + text[each.end - start :]
        new = parse(text, language)
        return new is not None and not new.has_error and not text[:1].isspace()

    def _edited(self, tree: Tree, edits: Sequence[_Edit]) -> Tree:
        """Tell a tree of edits; from the last to the first, as all are of the same text."""
        source = self._source
        for start, end, added in edits:
            row, column = source.count(b"\n", 0, start), start - source.rfind(b"\n", 0, start) - 1
            tree.edit(
                start_byte=start,
                old_end_byte=end,
                new_end_byte=start + len(added),
                start_point=(row, column),
                old_end_point=_behind(row, column, source[start:end]),
                new_end_point=_behind(row, column, added),
            )
        return tree


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _behind(row: int, column: int, text: bytes) -> tuple[int, int]:
    """Return row and column, as the grammars count them, behind a text that begins there."""
    lines = text.count(b"\n")
    return (row + lines, len(text) - text.rfind(b"\n") - 1) if lines else (row, column + len(text))
