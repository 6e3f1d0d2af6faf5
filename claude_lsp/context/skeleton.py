"""Definitions as the outline of their files, within a bound of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.context.definitions import Ranking
    from claude_lsp.context.similar import F64
    from claude_lsp.workspace.index.view import View

    Count = Callable[[str], int]

_CONSTRUCTORS = frozenset({"__init__", "constructor", "__construct", "initialize", "new"})
_SMALLEST_PROBABILITY = 1e-7
# Long signatures are worth less than their probability over their size says: they push out many.
_SIZE_EXPONENT = 0.6
_SIZE_OFFSET = 8
_MOST_TRIED = 4000
_INDENT = "    "
_ENDED = frozenset({"typescript", "typescriptreact", "javascript", "javascriptreact"})
"""Languages in which a semicolon ends a declaration without a body."""


class Outline(NamedTuple):
    """The chosen definitions of one file.

    Attributes:
        path: of the file.
        text: signatures in the order of the file, members under their class.
        probability: of its likeliest definition.
        tokens: of `text`, summed by lines.
        definitions: how many it shows.
    """

    path: str
    text: str
    probability: float
    tokens: int
    definitions: int


def outlines(
    view: View,
    ranking: Ranking,
    probabilities: F64,
    budget: int,
    count: Count,
    *,
    frame: Count | None = None,
) -> list[Outline]:
    """Return the outlines that say most for their tokens, best last.

    Args:
        view: the index.
        ranking: the candidates.
        probabilities: that each candidate is needed.
        budget: tokens of all outlines with their frames.
        count: returns the tokens of a line.
        frame: returns the tokens that a file takes besides its lines, from its path.
    """
    chosen = _Chosen(view, count, frame)
    value = probabilities / (ranking.costs + _SIZE_OFFSET) ** _SIZE_EXPONENT
    order = np.lexsort((ranking.symbols, -value))[:_MOST_TRIED]
    order = order[probabilities[order] >= _SMALLEST_PROBABILITY]
    misses = 0
    for symbol, parent, file, probability in zip(
        ranking.symbols[order].tolist(),
        ranking.parents[order].tolist(),
        ranking.files[order].tolist(),
        probabilities[order].tolist(),
        strict=True,
    ):
        if chosen.add(symbol, parent, file, probability, budget):
            misses = 0
        else:
            misses += 1
            if chosen.used > 0.97 * budget or misses > 40:
                break
    return chosen.outlines()


class _Chosen:
    """What was chosen so far, and what it takes."""

    def __init__(self, view: View, count: Count, frame: Count | None) -> None:
        self.used = 0
        self._view, self._count, self._frame = view, count, frame
        self._lines: dict[int, dict[int, tuple[str, int]]] = {}
        self._best: dict[int, float] = {}
        self._ended: dict[int, bool] = {}

    def add(self, symbol: int, parent: int, file: int, probability: float, budget: int) -> bool:
        """Add a definition with the line of its class; return whether there was room."""
        lines = self._lines.get(file, {})
        if symbol in lines:
            return True
        wanted = [symbol] if parent < 0 or parent in lines else [parent, symbol]
        ended = self._is_ended(file)
        rendered = {
            one: self._rendered(one, member=one != parent and parent >= 0, ended=ended)
            for one in wanted
        }
        cost = sum(tokens for _, tokens in rendered.values()) + (
            0 if lines else self._frame_of(file)
        )
        if self.used + cost > budget:
            return False
        self.used += cost
        self._lines.setdefault(file, lines).update(rendered)
        self._best[file] = max(probability, self._best.get(file, 0.0))
        if self._view.is_class(symbol):
            self._add_constructor(symbol, lines, budget, ended=ended)
        return True

    def _add_constructor(
        self, symbol: int, lines: dict[int, tuple[str, int]], budget: int, *, ended: bool
    ) -> None:
        for member in self._view.members(symbol).tolist():
            if member not in lines and self._view.name(member) in _CONSTRUCTORS:
                rendered = self._rendered(member, member=True, ended=ended)
                if self.used + rendered[1] <= budget:
                    self.used += rendered[1]
                    lines[member] = rendered
                return

    def _frame_of(self, file: int) -> int:
        return 0 if self._frame is None else self._frame(self._view.path(file))

    def _is_ended(self, file: int) -> bool:
        ended = self._ended.get(file)
        if ended is None:
            ended = self._ended[file] = self._view.language(file) in _ENDED
        return ended

    def _rendered(self, symbol: int, *, member: bool, ended: bool) -> tuple[str, int]:
        signature, doc = self._view.detail(symbol)
        if ended and signature[-1:] not in ";,{=":
            signature += ";"
        line = f"{_INDENT if member else ''}{signature}{f'  # {doc}' if doc else ''}\n"
        return line, self._count(line)

    def outlines(self) -> list[Outline]:
        """Return what was chosen, the file with the likeliest definition last."""
        found = []
        for file, lines in self._lines.items():
            ordered = [lines[symbol] for symbol in sorted(lines)]
            text = "".join(line for line, _ in ordered)
            tokens = sum(tokens for _, tokens in ordered) + self._frame_of(file)
            path = self._view.path(file)
            found.append(Outline(path, text, self._best[file], tokens, len(lines)))
        found.sort(key=lambda outline: (outline.probability, outline.path))
        return found
