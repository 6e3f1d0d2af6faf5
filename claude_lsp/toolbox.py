"""The tools of one dialogue: what they may still show, what they have shown, and what was refused.

The bounds are told to the model, and kept here and in the engine whatever it does.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Looked
from claude_lsp.claude.dialogue import MOST_CALLS, Result
from claude_lsp.context import tokens, tools
from claude_lsp.context.redact import Redactor
from claude_lsp.findings.report import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.claude.dialogue import Bounds, ToolCall
    from claude_lsp.context.sent import Sent
    from claude_lsp.context.tokens import Family
    from claude_lsp.context.tools import Lens, Project, Use

log = logging.getLogger(__name__)

_LARGEST_SHARE = 0.25
"""Of all that tools may show, how much one call may."""


class Toolbox:
    """Carries out calls, each thing once.

    Args:
        project: called once, in a worker, for what the tools may look into.
        bounds: what they may show.
        family: the model's tokenizer generation.
    """

    def __init__(self, project: Callable[[], Project], bounds: Bounds, family: Family) -> None:
        self.left = bounds.tokens
        """Tokens that may still be shown."""
        self.shown: list[Sent] = []
        """The pieces of files that were shown."""
        self._most = int(bounds.tokens * _LARGEST_SHARE)
        self._make_project = project
        self._lens: Lens | None = None
        self._family = family
        self._known: dict[tuple[str, str], Use] = {}

    async def answer(self, calls: Sequence[ToolCall]) -> tuple[list[Result], list[Looked]]:
        """Carry out the calls of one answer; there is a result for each, whatever it asks for."""
        return await asyncio.to_thread(self._answer, calls)

    def _answer(self, calls: Sequence[ToolCall]) -> tuple[list[Result], list[Looked]]:
        results, looked = [], []
        for number, call in enumerate(calls):
            found = self._refused(call, number) or self._use(call)
            self.left -= found.tokens
            if found.refused is not None:
                log.info("tool %s refused: %s", call.name[:60], found.refused)
            spelled = tools.spelled(call.name, call.arguments)
            summary = f"[{spelled} gave {found.tokens:,} tokens, left out here to save room]"
            results.append(
                Result(
                    call.id,
                    found.text,
                    found.tokens,
                    summary,
                    tokens.upper_bound(summary, self._family),
                    refused=found.refused is not None,
                )
            )
            texts = {piece.origin: piece.original for piece in found.shown}
            look = Look(call.name[:60], _written(call), found.tokens, found.refused)
            looked.append(Looked(look, texts))
        return results, looked

    def _refused(self, call: ToolCall, number: int) -> Use | None:
        if number >= MOST_CALLS:
            reason = f"only {MOST_CALLS} calls of one answer are carried out"
            return tools.refusal(reason, self._family)
        return None if call.problem is None else tools.refusal(call.problem, self._family)

    def _use(self, call: ToolCall) -> Use:
        key = call.name, json.dumps(dict(call.arguments), sort_keys=True, default=str)
        known = self._known.get(key)
        if known is not None and known.tokens <= self.left:
            return known
        if self._lens is None:
            self._lens = tools.Lens(self._make_project(), Redactor(), self._family)
        budget = min(self._most, self.left)
        found = tools.use(self._lens, call.name, call.arguments, budget)
        self._known[key] = found
        self.shown += found.shown
        return found


def _written(call: ToolCall) -> dict[str, str | int]:
    """Return the arguments of a call for a transcript: short, and nothing but texts and numbers."""
    return {
        str(name)[:60]: value
        if isinstance(value, int)
        else str(value)[:200].encode("utf-8", "replace").decode()
        for name, value in list(call.arguments.items())[:10]
    }
