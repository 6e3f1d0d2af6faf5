"""Definitions as the outline of their files, within a bound of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.context.definitions import Ranking
    from claude_lsp.context.similar import F64
    from claude_lsp.workspace.index.view import View

    Weigh = Callable[[str, str], int]

_CONSTRUCTORS = frozenset({"__init__", "constructor", "__construct", "initialize", "new"})
_SMALLEST_PROBABILITY = 1e-7
# Long signatures are worth less than their probability over their size says: they push out many.
_SIZE_EXPONENT = 0.6
_SIZE_OFFSET = 8
_MOST_TRIED = 4000
_MOST_MISSES = 40
_WORTH_COUNTING = 0.04
"""Share of the budget that is estimated before it is counted again."""
_TOKENS_PER_CHARACTER = 0.3
"""Of signatures, until some were counted."""
_INDENT = "    "
_ENDED = frozenset({"typescript", "typescriptreact", "javascript", "javascriptreact"})
"""Languages in which a semicolon ends a declaration without a body."""


class Outline(NamedTuple):
    """The chosen definitions of one file.

    Attributes:
        path: of the file.
        text: signatures in the order of the file, members under their class.
        probability: of its likeliest definition.
        tokens: of `text`, and of what frames it.
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
    weigh: Weigh,
) -> list[Outline]:
    """Return the outlines that say most for their tokens, best last.

    Args:
        view: the index.
        ranking: the candidates.
        probabilities: that each candidate is needed.
        budget: tokens of all outlines with their frames.
        weigh: returns the tokens that a text takes with its frame, from its file's path and it.
    """
    chosen = _Chosen(view, weigh)
    value = probabilities / (ranking.costs + _SIZE_OFFSET) ** _SIZE_EXPONENT
    order = np.flatnonzero(probabilities >= _SMALLEST_PROBABILITY)
    order = order[np.lexsort((ranking.symbols[order], -value[order]))][:_MOST_TRIED]
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
        # What was estimated is counted now and then: perhaps there is room after all.
        elif not chosen.settle(_WORTH_COUNTING * budget) or not chosen.add(
            symbol, parent, file, probability, budget
        ):
            misses += 1
            if chosen.used > 0.97 * budget or misses > _MOST_MISSES:
                break
    chosen.settle()
    while chosen.used > budget:
        chosen.drop_last()
        chosen.settle()
    return chosen.outlines()


class _Chosen:
    """What was chosen so far, and what it takes.

    Lines are estimated by their length while they are collected, and counted a file at a time:
    counting each by itself takes most of the time of a query.
    """

    def __init__(self, view: View, weigh: Weigh) -> None:
        self.used = 0.0
        self._view, self._weigh = view, weigh
        self._lines: dict[int, dict[int, str]] = {}
        self._best: dict[int, float] = {}
        self._tokens: dict[int, int] = {}
        """Of the lines of each file and its frame, as they were counted last."""
        self._uncounted: dict[int, float] = {}
        """Estimates of what was added to each file since."""
        self._added: list[tuple[int, list[int]]] = []
        self._ended: dict[int, bool] = {}
        self._frames: dict[int, int] = {}
        self._per_character = _TOKENS_PER_CHARACTER

    def add(self, symbol: int, parent: int, file: int, probability: float, budget: int) -> bool:
        """Add a definition with the line of its class; return whether there was room."""
        lines = self._lines.get(file, {})
        if symbol in lines:
            return True
        ended = self._is_ended(file)
        rendered = {}
        if parent >= 0 and parent not in lines:
            rendered[parent] = self._rendered(parent, member=False, ended=ended)
        rendered[symbol] = self._rendered(symbol, member=parent >= 0, ended=ended)
        size = sum(map(len, rendered.values()))
        cost = size * self._per_character + (0 if lines else self._frame_of(file))
        if self.used + cost > budget:
            return False
        if self._view.is_class(symbol):
            constructor = self._constructor(symbol)
            if constructor >= 0 and constructor not in lines:
                line = self._rendered(constructor, member=True, ended=ended)
                further = len(line) * self._per_character
                if self.used + cost + further <= budget:
                    rendered[constructor] = line
                    cost += further
        self.used += cost
        self._uncounted[file] = self._uncounted.get(file, 0.0) + cost
        self._lines.setdefault(file, lines).update(rendered)
        self._added.append((file, list(rendered)))
        self._best[file] = max(probability, self._best.get(file, 0.0))
        return True

    def settle(self, least: float = 0.0) -> bool:
        """Count what was only estimated, if it is at least so much; return whether it was."""
        if not self._uncounted or sum(self._uncounted.values()) < least:
            return False
        characters = 0
        for file in self._uncounted:
            text = self._text(file)
            characters += len(text)
            self._tokens[file] = self._weigh(self._view.path(file), text) if text else 0
        counted = sum(self._tokens[file] - self._frame_of(file) for file in self._uncounted)
        if counted > 0:
            self._per_character = counted / characters
        self._uncounted.clear()
        self.used = float(sum(self._tokens.values()))
        return True

    def drop_last(self) -> None:
        """Take back what was added last."""
        file, symbols = self._added.pop()
        for symbol in symbols:
            del self._lines[file][symbol]
        self._uncounted[file] = 0.0

    def _constructor(self, symbol: int) -> int:
        for member in self._view.members(symbol).tolist():
            if self._view.name(member) in _CONSTRUCTORS:
                return int(member)
        return -1

    def _frame_of(self, file: int) -> int:
        frame = self._frames.get(file)
        if frame is None:
            frame = self._frames[file] = self._weigh(self._view.path(file), "")
        return frame

    def _is_ended(self, file: int) -> bool:
        ended = self._ended.get(file)
        if ended is None:
            ended = self._ended[file] = self._view.language(file) in _ENDED
        return ended

    def _rendered(self, symbol: int, *, member: bool, ended: bool) -> str:
        signature, doc = self._view.detail(symbol)
        if ended and signature[-1:] not in ";,{=":
            signature += ";"
        return f"{_INDENT if member else ''}{signature}{f'  # {doc}' if doc else ''}\n"

    def _text(self, file: int) -> str:
        lines = self._lines[file]
        return "".join(lines[symbol] for symbol in sorted(lines))

    def outlines(self) -> list[Outline]:
        """Return what was chosen, the file with the likeliest definition last."""
        found = [
            Outline(
                self._view.path(file),
                self._text(file),
                self._best[file],
                self._tokens[file],
                len(lines),
            )
            for file, lines in self._lines.items()
            if lines
        ]
        found.sort(key=lambda outline: (outline.probability, outline.path))
        return found
