"""The reader of a completion: from pieces of an answer to an insertion, closed at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.completion import filters
from claude_lsp.actions.completion.answer import LONGEST, Answer
from claude_lsp.actions.completion.extent import Ending, Extent
from claude_lsp.actions.completion.filters import CUTTING, LONGEST_CYCLE, PREPARING, Draft, Filtered
from claude_lsp.actions.outcomes import Beginning, Drop, Insertion
from claude_lsp.text.lines import line_ending
from claude_lsp.text.positions import Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.completion.place import Place
    from claude_lsp.actions.outcomes import Outcome


class CompletionReader:
    """Collects the completion until it is complete.

    Attributes:
        satisfied: whether it is, so that the stream can be closed.

    Args:
        place: what stands around the cursor.
        at: the cursor, in the document's positions.
        extent: how far the completion may go.
        document: the document's text, for its line endings.
    """

    def __init__(self, place: Place, at: Position, extent: Extent, document: str) -> None:
        self.satisfied = False
        self._place = place
        self._at = at
        self._document = document
        self._answer = Answer()
        self._ending = Ending(place, extent)
        self._shown = ""
        self._may_be_echo = True
        self._lines = 0
        self._grown = 0

    def feed(self, text: str) -> Sequence[Outcome]:
        """Add a piece; yield what there is so far whenever a line is complete."""
        if self.satisfied:
            return ()
        fill = self._answer.add(text)
        if fill is None:
            if self._answer.closed:
                return self._complete("")
            return ()
        if self._answer.closed or len(fill) > LONGEST:
            return self._complete(fill)
        # What is not the beginning of an echo now does not become one.
        self._may_be_echo = self._may_be_echo and filters.may_be_echo(fill, self._place)
        if self._may_be_echo:
            return ()
        prepared = filters.apply(PREPARING, Draft(fill), self._place).draft.text
        if self._is_hopeless(fill, prepared):
            return self._complete(fill)
        if not prepared.strip():
            return ()
        end = self._ending.of(prepared)
        if end is not None:
            return self._complete(fill, end)
        return (Beginning(prepared), *self._growing(prepared))

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Yield what there is; a line that was cut in the middle is left out."""
        if self.satisfied:
            return ()
        fill = self._answer.end()
        if fill is None:
            return self._complete("")
        if not complete:
            fill = fill[: fill.rfind("\n") + 1]
        return self._complete(fill)

    def _is_hopeless(self, fill: str, prepared: str) -> bool:
        """Return whether nothing good will follow: prose, the file again, circles."""
        lines = fill.count("\n")
        if lines == self._lines:
            return False
        self._lines = lines
        if not prepared.strip():
            whole = Draft(fill[: fill.rfind("\n")])
            return filters.apply(PREPARING, whole, self._place).dropped_by in (
                "prose",
                "whole file",
            )
        return filters.goes_in_circles(prepared[: prepared.rfind("\n")])

    def _growing(self, prepared: str) -> Sequence[Outcome]:
        """Show whole lines, as soon as each is complete."""
        lines = prepared.count("\n")
        if lines == self._grown:
            return ()
        self._grown = lines
        whole = prepared[: prepared.rfind("\n")]
        *earlier, newest = (line.strip() for line in whole.split("\n"))
        if newest in earlier[-LONGEST_CYCLE:]:
            return ()  # perhaps it has begun to go in circles
        text = filters.apply(CUTTING, Draft(whole), self._place).draft.text
        if len(text) <= len(self._shown) or not text.startswith(self._shown):
            return ()
        self._shown = text
        return (Insertion(self._at, self._in_document(text), complete=False),)

    def _complete(self, fill: str, end: int | None = None) -> Sequence[Outcome]:
        self.satisfied = True
        found = completed(fill, self._place, self._ending, end)
        if found.dropped_by:
            return (Drop(found.dropped_by, 1),)
        covered = found.draft.replaces
        until = Position(self._at.line, self._at.column + covered) if covered else None
        text = self._in_document(found.draft.text)
        return (Insertion(self._at, text, complete=True, until=until),)

    def _in_document(self, text: str) -> str:
        return text.replace("\n", line_ending(self._document))


def completed(fill: str, place: Place, ending: Ending, end: int | None = None) -> Filtered:
    """Return the suggestion that a whole text for the cursor makes.

    Args:
        fill: the text.
        place: where it stands.
        ending: finds where it ends.
        end: where it ends in the prepared text, if that is known already.
    """
    prepared = filters.apply(PREPARING, Draft(fill), place)
    if prepared.dropped_by:
        return prepared
    text = prepared.draft.text
    if end is None:
        end = ending.of(text, ended=True)
    text = text if end is None else text[:end]
    if not text.strip():
        return Filtered(Draft(""), "extent")
    return filters.apply(CUTTING, Draft(text), place)
