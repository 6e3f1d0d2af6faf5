"""Where the user has been typing: what is worked on now says much about what comes next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from claude_lsp.actions.action import Place

if TYPE_CHECKING:
    from claude_lsp.lsp.documents import LiveDocument
    from claude_lsp.text.edits import Change

_MOST = 8
_SAME_PLACE = 12
"""Lines; edits that are nearer than this are of one place."""


class RecentEdits:
    """The places that were edited last. Lines are those of the time of the edit."""

    def __init__(self) -> None:
        self._places: deque[Place] = deque(maxlen=_MOST)

    def on_edit(self, document: LiveDocument, changes: list[Change]) -> None:
        """Take in an edit."""
        here = Place(document.uri, changes[-1].start.line)
        places = self._places
        if places and _same(places[0], here):
            places[0] = here
            return
        for place in places:
            if _same(place, here):
                places.remove(place)
                break
        places.appendleft(here)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places, the newest first."""
        return tuple(self._places)


def _same(one: Place, other: Place) -> bool:
    return one.uri == other.uri and abs(one.line - other.line) < _SAME_PLACE
