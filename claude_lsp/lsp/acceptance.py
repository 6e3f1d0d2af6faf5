"""What becomes of suggestions: which were shown, and which of them were accepted.

An item carries a command with a number, which clients run when the user accepts it. The ledger
counts; what a suggestion said is known nowhere but in the editor.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.claude.errors import ClaudeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.actions.completion.recent import Source, Suggestion
    from claude_lsp.lsp.server import ClaudeServer

log = logging.getLogger(__name__)

COMMAND = "claude.accepted"
_KEPT = 200


class Acceptance:
    """Counts for one session.

    Args:
        server: whose ledger counts.
    """

    def __init__(self, server: ClaudeServer) -> None:
        self._server = server
        self._numbers, self._counts = itertools.count(1), itertools.count()
        self._offered: OrderedDict[int, Suggestion] = OrderedDict()
        self._shown: OrderedDict[Source, None] = OrderedDict()

    def offer(self, suggestion: Suggestion) -> types.Command | None:
        """Note that an editor gets a suggestion to show; return the command for its acceptance.

        What is left of a suggestion that is typed along counts as the same one.
        """
        source = suggestion.source
        if source is None:
            return None
        if source not in self._shown:
            self._shown[source] = None
            self._count(lambda: self._server.session.ledger.note_shown(source.row))
        number = next(self._numbers)
        self._offered[number] = suggestion
        for kept in (self._shown, self._offered):
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return types.Command("Accepted", COMMAND, arguments=[{"number": number}])

    def accept(self, number: int) -> None:
        """Note that the user accepted a suggestion; a second time counts no more."""
        suggestion = self._offered.pop(number, None)
        if suggestion is None or suggestion.source is None:
            return
        row, characters = suggestion.source.row, len(suggestion.text)
        for other, offered in [*self._offered.items()]:
            # The same suggestion, shown when less of it was typed.
            if offered.source == suggestion.source:
                del self._offered[other]
        self._count(lambda: self._server.session.ledger.note_accepted(row, characters))

    def _count(self, count: Callable[[], None]) -> None:
        self._server.upkeep.start(f"count {next(self._counts)}", _counted(count))


async def _counted(count: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(count)
    except ClaudeError as error:
        log.debug("not counted: %s", error)
