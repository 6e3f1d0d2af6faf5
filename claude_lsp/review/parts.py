"""Which lines of a document one call looks at: around changes, or piece by piece."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.context import tokens
from claude_lsp.context.assemble import excerpt_tokens
from claude_lsp.context.candidate import Lines
from claude_lsp.workspace.index.extract import extract

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from claude_lsp.context.candidate import Excerpt
    from claude_lsp.context.tokens import Family
    from claude_lsp.review.document import Document
    from claude_lsp.text.lines import LineIndex

_WHOLE_DEFINITION = 50
"""Lines of a definition that is shown whole where something in it has changed."""
_AROUND = 5
"""Lines that are shown before and behind a hunk in a larger one, or in none."""
_SMALL_GAP = 2
_LONGEST_TOKEN = 8
"""Characters; more of them per token of room can't fit."""
_ABOVE = ("@", "#", "//", "/*", "*", "[")
"""What stands above a definition and belongs to it."""
_MOST_ABOVE = 12
_BOUND = 1.15
"""By how much an upper bound exceeds the expected number of tokens, with room for the frame."""


class Definition(NamedTuple):
    """A definition of a file: where it begins, with what stands above it, its head and its end."""

    first: int
    head: int
    last: int
    nested: bool


class Parts(NamedTuple):
    """A document cut to size.

    Attributes:
        excerpts: each fits a call.
        too_long: lines of which not even one fits.
    """

    excerpts: tuple[Excerpt, ...]
    too_long: tuple[Lines, ...] = ()


def parts_of(document: Document, room: int, family: Family) -> Parts:
    """Return a document as excerpts of at most `room` tokens each.

    By what is there, from the largest to the smallest that fits: the document, the definitions
    around its hunks, the hunks, pieces that end between definitions, pieces.
    """
    index = document.snapshot.index
    last = len(index.lines) - 1
    if document.hunks is None:
        whole = _counted(document, [Lines(0, last)], family, room)
        if whole is not None:
            return Parts((whole,))
    definitions = definitions_of(document)
    if document.hunks is None:
        windows = [Lines(0, last)]
    else:
        windows = _merged(
            itertools.chain.from_iterable(
                _around(document, hunk, definitions) for hunk in document.hunks
            )
        )
        together = _counted(document, windows, family, room)
        if together is not None:
            return Parts((together,))
    excerpts: list[Excerpt] = []
    too_long: list[Lines] = []
    waiting: list[Lines] = []

    def finish() -> None:
        if waiting and (made := _counted(document, waiting, family, room)) is not None:
            excerpts.append(made)
        waiting.clear()

    for window in windows:
        if _counted(document, [*waiting, window], family, room) is not None:
            waiting.append(window)
            continue
        finish()
        if _counted(document, [window], family, room) is not None:
            waiting.append(window)
            continue
        for piece, fits in _pieces(document, window, definitions, room, family):
            if fits is None:
                too_long.append(piece)
            else:
                excerpts.append(fits)
    finish()
    asked = [each for each in excerpts if each.scope != ()]
    return Parts(tuple(asked), tuple(_merged(too_long, gap=0)))


def _counted(
    document: Document, shown: Sequence[Lines], family: Family, room: int
) -> Excerpt | None:
    """Return some lines as an excerpt with its tokens counted, None if there are too many."""
    index = document.snapshot.index
    size = sum(_offset(index, run.last + 1) - _offset(index, run.first) for run in shown)
    if size > room * _LONGEST_TOKEN:
        return None
    excerpt = document.excerpt(shown)
    if sum(len(line) for run in excerpt.removed for line in run.lines) > room * _LONGEST_TOKEN:
        return None
    count = excerpt_tokens(excerpt, family)
    return document.excerpt(shown, count) if count <= room else None


def _offset(index: LineIndex, line: int) -> int:
    return index.starts[line] if 0 <= line < len(index.starts) else len(index.text)


def definitions_of(document: Document) -> list[Definition]:
    """Return the definitions of a document, in order; found by its grammar, or by its lines."""
    index = document.snapshot.index
    record = extract(document.snapshot.text, document.snapshot.language)
    found = []
    for symbol in record.symbols:
        if symbol.kind in ("class", "function", "method") and symbol.end >= symbol.line:
            first = symbol.line
            while first > 0 and symbol.line - first < _MOST_ABOVE:
                above = index.line(first - 1).strip()
                if not above.startswith(_ABOVE):
                    break
                first -= 1
            found.append(Definition(first, symbol.line, symbol.end, symbol.parent >= 0))
    return sorted(found)


def _around(document: Document, hunk: Lines, definitions: Sequence[Definition]) -> Iterator[Lines]:
    """Yield what is shown for a hunk: it, the definition around it, the heads of outer ones."""
    last = len(document.snapshot.index.lines) - 1
    touched = [each for each in (*document.added, *_places(document)) if each.meets(hunk)]
    focus = Lines(
        min((each.first for each in touched), default=hunk.first),
        max((each.last for each in touched), default=hunk.last),
    )
    outer = [d for d in definitions if d.first <= focus.first and focus.last <= d.last]
    inner = max(outer, default=None)
    if inner is not None and inner.last - inner.first < _WHOLE_DEFINITION:
        shown = Lines(min(hunk.first, inner.first), max(hunk.last, inner.last))
    else:
        shown = Lines(hunk.first - _AROUND, hunk.last + _AROUND)
    shown = Lines(max(shown.first, 0), min(shown.last, last))
    yield shown
    for definition in outer:
        if definition.head < shown.first:
            yield Lines(definition.head, definition.head)


def _places(document: Document) -> Iterator[Lines]:
    """Yield the lines next to what was removed."""
    for removed in document.removed:
        yield Lines(max(removed.at - 1, 0), removed.at)


def _merged(runs: Iterable[Lines], gap: int = _SMALL_GAP) -> list[Lines]:
    """Return runs of lines in order, those that nearly touch as one."""
    merged: list[Lines] = []
    for run in sorted(runs):
        if merged and run.first <= merged[-1].last + 1 + gap:
            merged[-1] = Lines(merged[-1].first, max(merged[-1].last, run.last))
        else:
            merged.append(run)
    return merged


def _pieces(
    document: Document,
    window: Lines,
    definitions: Sequence[Definition],
    room: int,
    family: Family,
) -> Iterator[tuple[Lines, Excerpt | None]]:
    """Yield a run of lines in pieces that fit, with None for a line that does not."""
    index = document.snapshot.index
    costs = [
        _cost(index.lines[number], room, family) for number in range(window.first, window.last + 1)
    ]
    for removed in document.removed:
        place = min(max(removed.at, window.first), window.last)
        if window.first <= removed.at <= window.last + 1:
            costs[place - window.first] += sum(_cost(line, room, family) for line in removed.lines)
    sums = list(itertools.accumulate(costs, initial=0))
    ranks = _cuts(index, definitions)
    first = window.first
    while first <= window.last:
        heads = [
            Lines(each.head, each.head) for each in definitions if each.head < first <= each.last
        ]
        share = 1.0
        while True:
            limit = sums[first - window.first] + room * share / _BOUND
            most = window.first + bisect_right(sums, limit) - 2
            end = _best_end(first, min(most, window.last), window.last, ranks)
            piece = Lines(first, max(end, first))
            shown = _merged([*heads, piece]) if share > 0.3 else [piece]
            made = _counted(document, shown, family, room)
            if made is not None or (piece.last == first and share <= 0.3):
                break
            share *= 0.8
        yield piece, made
        first = piece.last + 1


def _cost(line: str, room: int, family: Family) -> float:
    """Return about how many tokens a line takes; of a very long one only that it is too long."""
    if len(line) > room * _LONGEST_TOKEN:
        return float(len(line))
    return tokens.estimate(line, family)


def _cuts(index: LineIndex, definitions: Sequence[Definition]) -> dict[int, int]:
    """Return lines that a piece had better begin with; the larger number the better."""
    ranks: dict[int, int] = {}
    for number, line in enumerate(index.lines):
        if number and line.strip() and not index.lines[number - 1].strip():
            ranks[number] = 1
    for definition in definitions:
        ranks[definition.first] = 2 if definition.nested else 3
    return ranks


def _best_end(first: int, most: int, last: int, ranks: dict[int, int]) -> int:
    """Return the best last line of a piece that may reach as far as `most`."""
    if most >= last:
        return last
    earliest = first + max(1, int((most - first) * 0.6))
    candidates = range(most + 1, earliest, -1)
    best = max(candidates, key=lambda begin: ranks.get(begin, 0), default=most + 1)
    return (best if ranks.get(best) else most + 1) - 1
