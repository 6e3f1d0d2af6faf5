"""Answers that are texts to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context


class ProseReader:
    """Passes a text on as it comes, and marks one that broke off."""

    satisfied = False

    def __init__(self, _situation: Situation, _context: Context) -> None:
        self._begun = False

    def feed(self, text: str) -> Sequence[Outcome]:
        """Return the piece."""
        self._begun = self._begun or bool(text.strip())
        return (Prose(text),)

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Say so where the text broke off."""
        if complete or not self._begun:
            return ()
        return (Prose("\n\n*(the answer broke off here)*\n"),)
