"""Recent suggestions, so that typing along, going back and coming again cost nothing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.actions.completion.place import line_feeds

if TYPE_CHECKING:
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

_BEFORE, _AFTER = 1500, 500
_FARTHEST_BACK = 100
_PUT_BY_EDITORS = frozenset(")]}\"'`>")


@dataclass(frozen=True)
class Where:
    """A cursor in a text, comparable with another one.

    Attributes:
        uri: the document.
        offset: of the cursor, in characters.
        before: the text before it, as far as it tells places apart.
        after: the text behind it, likewise.
    """

    uri: str
    offset: int
    before: str
    after: str

    @classmethod
    def of(cls, snapshot: Snapshot, at: Position) -> Where:
        """Take the surroundings of a position."""
        offset, text = snapshot.index.offset_at(at), snapshot.text
        before = text[max(0, offset - _BEFORE) : offset]
        return cls(snapshot.uri, offset, before, text[offset : offset + _AFTER])

    def typed_since(self, earlier: Where) -> str | None:
        r"""Return what was typed at an earlier place to get here, None if anything else changed.

        A closer that the editor has put behind the cursor meanwhile is no other change.
        """
        count = self.offset - earlier.offset
        if self.uri != earlier.uri or not 0 <= count <= len(self.before):
            return None
        common = len(self.before) - count
        if common and not earlier.before.endswith(self.before[:common]):
            return None
        if self.added_behind(earlier) is None:
            return None
        return self.before[common:]

    def deleted_since(self, earlier: Where) -> str | None:
        """Return what was deleted before the cursor to get here, None if anything else changed."""
        count = earlier.offset - self.offset
        if self.uri != earlier.uri or not 0 < count <= min(_FARTHEST_BACK, len(earlier.before)):
            return None
        deleted = earlier.before[-count:]
        kept = earlier.before[:-count]
        same = self.before.endswith(kept) and self.after == earlier.after
        return deleted if same and "\n" not in deleted else None

    def added_behind(self, earlier: Where) -> int | None:
        """Return how many closers stand behind the cursor that did not, None if more changed."""
        if self.after == earlier.after:
            return 0
        put = self.after[:1] in _PUT_BY_EDITORS
        rest = self.after[1:]
        return 1 if put and earlier.after[: len(rest)] == rest else None


@dataclass(frozen=True)
class Suggestion:
    """What is suggested at a place.

    Attributes:
        text: what to put there, in the document's line endings; "" if nothing belongs there.
        covers: how many characters behind the cursor, on its line, it takes the place of.
    """

    text: str
    covers: int = 0


def agrees(begun: str, typed: str) -> bool:
    r"""Return whether what was typed may still become what is being streamed.

    Args:
        begun: the beginning of the suggestion, with `\n` line endings.
        typed: what was typed since it was asked for, in any line endings.
    """
    typed = line_feeds(typed)
    return begun.startswith(typed) or typed.startswith(begun)


class Recent:
    """The last suggestions: at most so many, none older than its time.

    Args:
        most: how many are kept.
        seconds: how long each is good for.
    """

    def __init__(self, most: int = 100, seconds: float = 300) -> None:
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[tuple[str, str, str], tuple[Where, Suggestion, float]] = (
            OrderedDict()
        )

    def add(self, where: Where, suggestion: Suggestion, now: float) -> None:
        """Keep a suggestion, also that there is none."""
        key = where.uri, where.before, where.after
        self._kept[key] = where, suggestion, now
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, where: Where, now: float) -> Suggestion | None:
        """Return what is known for a place: asked for there, typed up to, or gone back to.

        Returns:
            None if nothing is known; a suggestion without text if there is nothing to suggest.
        """
        exact = self._kept.get((where.uri, where.before, where.after))
        if exact is not None and now - exact[2] < self._seconds:
            return exact[1]
        for earlier, suggestion, kept in reversed(self._kept.values()):
            if now - kept >= self._seconds:
                break
            if suggestion.text and (found := _moved(suggestion, earlier, where)):
                return found
        return None


def _moved(suggestion: Suggestion, earlier: Where, where: Where) -> Suggestion | None:
    """Return what of a suggestion is still to be typed at another place."""
    deleted = where.deleted_since(earlier)
    if deleted is not None:
        return replace(suggestion, text=deleted + suggestion.text)
    typed = where.typed_since(earlier)
    if not typed or not suggestion.text.startswith(typed):
        return None
    rest = suggestion.text[len(typed) :]
    added = where.added_behind(earlier) or 0
    if added and where.after[0] not in rest:
        return None
    if not rest.strip():
        return None
    return Suggestion(rest, suggestion.covers + added)
