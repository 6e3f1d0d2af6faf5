"""How far a plan has been carried out, by document: the coverage of a report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from claude_lsp.review.plan import lines_of

if TYPE_CHECKING:
    from claude_lsp.context.candidate import Excerpt
    from claude_lsp.review.plan import Plan, Unit


class Tally:
    """Which documents of a plan have been reviewed to the end, and what is missing of the others.

    Attributes:
        done: how many of the calls are.
    """

    def __init__(self, plan: Plan) -> None:
        self.done = 0
        self._waiting = dict.fromkeys(plan.units)
        self._calls = Counter(origin for unit in plan.units for origin in unit.origins)
        self._left = Counter(self._calls)
        self._problems: dict[str, list[str]] = {}
        for origin, reason in plan.left_out:
            self._problems.setdefault(origin, []).append(reason)

    def finish(self, unit: Unit, problem: str | None) -> None:
        """Note that a call has ended, and what went wrong with it."""
        del self._waiting[unit]
        self.done += 1
        for excerpt in unit.excerpts:
            self._left[excerpt.origin] -= 1
            if problem is not None:
                where = self._where(excerpt)
                self._problems.setdefault(excerpt.origin, []).append(where + problem)

    def give_up(self, reason: str) -> None:
        """Note why the calls that have not ended never will."""
        for unit in list(self._waiting):
            self.finish(unit, reason)

    @property
    def reviewed(self) -> list[str]:
        """The documents of which every part has been reviewed, in the order of the plan."""
        return [
            origin
            for origin in self._calls
            if not self._left[origin] and origin not in self._problems
        ]

    @property
    def failed(self) -> list[tuple[str, str]]:
        """The documents of which something has not been reviewed, with the reason."""
        return [
            (origin, "; ".join(dict.fromkeys(reasons)))
            for origin, reasons in self._problems.items()
        ]

    def _where(self, excerpt: Excerpt) -> str:
        return lines_of(excerpt) if self._calls[excerpt.origin] > 1 else ""
