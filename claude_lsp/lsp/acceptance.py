"""What becomes of suggestions: which were shown, and which of them were accepted.

An item carries a command with a number, which clients run when the user accepts it. The ledger
counts; what a suggestion said is known nowhere but in the editor.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from dataclasses import replace
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
        self._taken_in_part: OrderedDict[Source, None] = OrderedDict()

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

    def accept(self, number: int, characters: int | None = None) -> None:
        """Note that the user accepted a suggestion; a second time counts no more.

        Args:
            number: as it was offered.
            characters: how many of its characters, if only its beginning was accepted; what is
                left of it may be accepted later, and counts as the same suggestion.
        """
        suggestion = self._offered.get(number)
        if suggestion is None or suggestion.source is None:
            return
        source, text = suggestion.source, suggestion.text
        part = len(text) if characters is None else max(0, characters)
        first = source not in self._taken_in_part
        if part < len(text):
            self._taken_in_part[source] = None
            self._offered[number] = replace(suggestion, text=text[part:])
            while len(self._taken_in_part) > _KEPT:
                self._taken_in_part.popitem(last=False)
        else:
            part = len(text)
            self._taken_in_part.pop(source, None)
            for other, offered in [*self._offered.items()]:
                # The same suggestion, shown when less of it was typed.
                if offered.source == source:
                    del self._offered[other]
        ledger = self._server.session.ledger
        self._count(lambda: ledger.note_accepted(source.row, part, first=first))

    def _count(self, count: Callable[[], None]) -> None:
        self._server.upkeep.start(f"count {next(self._counts)}", _counted(count))


async def _counted(count: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(count)
    except ClaudeError as error:
        log.debug("not counted: %s", error)
