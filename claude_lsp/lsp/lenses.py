"""What stands above definitions: what can be asked about each, and about what it would cost."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.claude.catalog import Usage, cost_usd
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.engine import room_beside
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.settings import Settings
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.index.records import Symbol

_VERBS = {"review": "Review", "explain": "Explain", "test": "Write tests"}
_ANSWERS: dict[str, Callable[[int], int]] = {
    "review": lambda definition: 200 + definition // 4,
    "explain": lambda _definition: 500,
    "test": lambda definition: 600 + 2 * definition,
}
"""Tokens of a usual answer, by those of the definition that it is about."""
_MOST = 1000
"""Lenses of one document; what has more definitions was hardly written by hand."""


class Lens(NamedTuple):
    """One action above a definition.

    Attributes:
        range: the definition, in whole lines.
        action: the action's name.
        title: what the editor shows, with the estimated cost where the price is known.
    """

    range: Range
    action: str
    title: str


def lenses(snapshot: Snapshot, origin: str, settings: Settings) -> list[Lens]:
    """Return what stands above the definitions of a document.

    Nothing is gathered or sent for it: the cost is that of a usual request for a text so long, at
    list prices and without caches. Parses and counts, so call it in a worker.

    Args:
        snapshot: the document.
        origin: its path in the workspace; tests get no offer to write tests.
        settings: the resolved options.
    """
    found = extract(snapshot.text, snapshot.language).symbols
    definitions = [one for one in found if one.kind in ("class", "function", "method")]
    if not definitions:
        return []
    before = _Before(snapshot.index)
    offers = [
        _Offer(name, snapshot, before, settings)
        for name in _VERBS
        if name != "test" or not is_test_path(origin)
    ]
    return [
        Lens(
            Range(Position(one.line, 0), Position(one.end + 1, 0)),
            offer.name,
            _VERBS[offer.name] + _figure(offer.usual_usd(one)),
        )
        for one in itertools.islice(definitions, _MOST // len(offers))
        for offer in offers
    ]


class _Before:
    """How many tokens stand before each line of a document, and in all of it; counted once."""

    def __init__(self, index: LineIndex) -> None:
        self._index = index
        self._counts: dict[tokens.Family, list[int]] = {}

    def of(self, family: tokens.Family) -> list[int]:
        """Return them as a family of models counts."""
        if family not in self._counts:
            lines = (self._index.line(line) for line in range(self._index.line_count))
            counts = (tokens.estimate(line, family) for line in lines)
            self._counts[family] = list(itertools.accumulate(counts, initial=0))
        return self._counts[family]


class _Offer:
    """An action on any definition of a document."""

    def __init__(self, name: str, snapshot: Snapshot, before: _Before, settings: Settings) -> None:
        self.name = name
        action = ACTIONS[name]
        self._model = route(name, action.tier, settings).model
        whole = Situation(snapshot, "", snapshot.index.range_of(0, len(snapshot.text)))
        family = self._model.tokenizer
        self._system = tokens.estimate(action.prompt(whole, settings).system, family)
        self._budget = action.recipe.budget(settings)
        self._before = before.of(family)

    def usual_usd(self, definition: Symbol) -> float | None:
        """Return what a request about it usually costs; None where the price is unknown."""
        end = min(definition.end + 1, len(self._before) - 1)
        lines = self._before[end] - self._before[definition.line]
        # A review sees the definition and what helps with it; the others see the document, and
        # fill their room with what helps.
        wanted = lines + room_beside(lines) if self.name == "review" else self._budget
        prompt = self._system + min(self._budget, wanted)
        return cost_usd(self._model, Usage(input=prompt, output=_ANSWERS[self.name](lines)))


def _figure(usd: float | None) -> str:
    if usd is None:
        return ""
    return f" ≈ ${usd:.2f}" if usd >= 0.005 else " < $0.01"
