"""The reader of several completions in one answer: the first as it grows, then each other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.completion.answer import CLOSE, OPEN
from claude_lsp.actions.outcomes import Drop, Insertion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.actions.completion.reader import CompletionReader
    from claude_lsp.actions.outcomes import Outcome

OVERRUN = 200
"""Characters behind the end of a completion after which its model is taken to have lost its way;
what it would write after them is not worth the wait and the price."""


class AlternativesReader:
    """Reads up to so many completions, one behind the other.

    Attributes:
        satisfied: whether all are there, or no more good ones will come.

    Args:
        most: how many.
        reader: makes the reader of one.
    """

    def __init__(self, most: int, reader: Callable[[], CompletionReader]) -> None:
        self.satisfied = False
        self._left = most
        self._make = reader
        self._reader = reader()
        self._read = ""
        self._overrun = 0
        self._found: set[str] = set()

    def feed(self, text: str) -> Sequence[Outcome]:
        """Add a piece; yield what there is of the first, and each other one when it is complete."""
        outcomes: list[Outcome] = []
        while text and not self.satisfied:
            piece, text = self._until_end(text)
            outcomes += self._kept(self._reader.feed(piece))
            if self._read.endswith(CLOSE):
                outcomes += self._kept(self._reader.finish(complete=True))
                self._next()
            elif self._reader.satisfied:
                self._overrun += len(piece)
                self.satisfied = self._overrun > OVERRUN
        return outcomes

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Yield what there is of the last one."""
        if self.satisfied or (self._found and OPEN not in self._read):
            return ()  # words behind the last completion are none
        return self._kept(self._reader.finish(complete=complete))

    def _until_end(self, text: str) -> tuple[str, str]:
        """Take what belongs to the completion that is being read; return it, and the rest."""
        before = len(self._read)
        self._read += text
        end = self._read.find(CLOSE, max(0, before - len(CLOSE)))
        if end < 0:
            return text, ""
        self._read = self._read[: end + len(CLOSE)]
        taken = len(self._read) - before
        return text[:taken], text[taken:]

    def _next(self) -> None:
        self._left -= 1
        self.satisfied = self._left <= 0
        self._reader, self._read, self._overrun = self._make(), "", 0

    def _kept(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Leave out what was there before and, behind the first, what is not complete."""
        kept: list[Outcome] = []
        for outcome in outcomes:
            if isinstance(outcome, Insertion) and outcome.complete:
                if outcome.text in self._found:
                    continue
                self._found.add(outcome.text)
            elif self._found and not isinstance(outcome, Drop):
                continue
            kept.append(outcome)
        return kept
