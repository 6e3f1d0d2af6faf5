"""What was done last in each document, so that it can be done again by the next higher tier.

A tier never changes by itself: the user is offered the dearer one where the cheaper has answered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_lsp.lsp.convert import plain_range, range_to_client
from claude_lsp.routing import TIERS
from claude_lsp.text.edits import move_position
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.lsp.documents import LiveDocument
    from claude_lsp.routing import Tier
    from claude_lsp.text.edits import Change
    from claude_lsp.text.lines import Encoding
    from claude_lsp.text.snapshots import Snapshot


@dataclass(frozen=True)
class Done:
    """An action that came to something.

    Attributes:
        action: what was done.
        situation: what it was asked about; its range is kept up to date.
        tier: which tier answered.
        arguments: further arguments of its command.
    """

    action: Action
    situation: Situation
    tier: Tier
    arguments: Mapping[str, Any]

    @property
    def next_tier(self) -> Tier | None:
        """The tier above the one that answered, None above the highest."""
        above = TIERS[TIERS.index(self.tier) + 1 :]
        return above[0] if above else None

    def arguments_for(self, tier: Tier, live: Snapshot, encoding: Encoding) -> dict[str, Any]:
        """Return the arguments that repeat it on the text of now.

        Args:
            tier: the tier to ask.
            live: the document as it is.
            encoding: of the client's columns.
        """
        place = plain_range(range_to_client(self.situation.range, live.index, encoding))
        arguments = {**self.arguments, "uri": live.uri, "range": place, "tier": tier}
        if self.situation.asked:
            arguments["instruction"] = self.situation.asked
        if self.situation.problems:
            arguments["problems"] = [
                {"range": place, "message": each.message, "source": each.source, "code": each.code}
                for each in self.situation.problems
            ]
        return arguments


class LastDone:
    """The last thing done in each document; it moves with the text and ends with the document."""

    def __init__(self) -> None:
        self._done: dict[str, Done] = {}

    def note(self, done: Done, changes: Iterable[Change]) -> None:
        """Keep what was done, moved through what has changed since its snapshot."""
        self._done[done.situation.snapshot.uri] = _moved(done, changes)

    def at(self, uri: str, span: Range) -> Done | None:
        """Return what was done at a place of a document."""
        done = self._done.get(uri)
        return done if done is not None and _lines(done.situation.range).touches(span) else None

    def forget(self, uri: str) -> None:
        """Forget what was done in a document."""
        self._done.pop(uri, None)

    def on_edit(self, document: LiveDocument, changes: Iterable[Change]) -> None:
        """Move with an edit."""
        done = self._done.get(document.uri)
        if done is not None:
            self._done[document.uri] = _moved(done, changes)


def _moved(done: Done, changes: Iterable[Change]) -> Done:
    start, end = done.situation.range
    for change in changes:
        start = move_position(start, change, sticky_end=True)
        end = max(start, move_position(end, change))
    return replace(done, situation=replace(done.situation, range=Range(start, end)))


def _lines(span: Range) -> Range:
    """Return the whole lines of a range."""
    return Range(span.start._replace(column=0), span.end._replace(line=span.end.line + 1, column=0))
