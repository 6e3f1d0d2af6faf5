"""Our server with its memory of suggestions and the use of running streams switched off.

It is what the replayed session is compared with; no setting does this.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from claude_lsp.__main__ import main
from claude_lsp.actions.completion.recent import Recent
from claude_lsp.lsp.suggestions import Stream, Turn

if TYPE_CHECKING:
    from claude_lsp.actions.completion.recent import Suggestion, Where


def _find_once(self: Recent, where: Where, _now: float) -> Suggestion | None:
    """Give an answer to the very request that it is for, and once."""
    found = self._kept.pop((where.uri, where.before, where.after), None)
    return found[1] if found is not None else None


def _only_for_its_origin(self: Stream, turn: Turn) -> bool:
    return turn is self.origin


if __name__ == "__main__":
    Recent.find = _find_once  # type: ignore[method-assign,assignment]
    Stream.agrees = _only_for_its_origin  # type: ignore[method-assign]
    sys.exit(main())
