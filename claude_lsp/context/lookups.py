"""Texts of other files, cut for finding windows in them; the last ones used are kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from claude_lsp.context.redact import without_torn
from claude_lsp.context.windows import Lookup, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_CHARACTERS = 600_000
"""Kept at most; cut and with the words of their blocks texts take about eight times as much."""


class Lookups:
    """Cut texts of files, by path; for one thread at a time.

    Args:
        read: returns the text of a file as it is now, None if it cannot or must not be sent.
            Called each time: it should remember what has not changed.
        most: characters of the texts that are kept.
    """

    def __init__(self, read: Callable[[str], str | None], most: int = _MOST_CHARACTERS) -> None:
        self._read, self._most = read, most
        self._kept: OrderedDict[str, tuple[str, Lookup]] = OrderedDict()
        self._characters = 0

    def lookup(self, path: str) -> Lookup | None:
        """Return a file's text cut for finding windows, None if it cannot or must not be sent."""
        text = self._read(path)
        known = self._kept.pop(path, None)
        if known is not None:
            self._characters -= len(known[0])
        if text is None:
            return None
        same = known is not None and known[0] == text
        found = known[1] if known is not None and same else prepare(without_torn(text))
        self._kept[path] = (text, found)
        self._characters += len(text)
        while self._characters > self._most and len(self._kept) > 1:
            _, (old, _) = self._kept.popitem(last=False)
            self._characters -= len(old)
        return found
