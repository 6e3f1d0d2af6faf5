"""Definitions and look-alikes for the place at the cursor, within a bound of tokens.

Definitions say what can be called, look-alikes how it is written here; the share of the latter
grows with the budget. Pure: texts come through a callback, the index through its view.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from claude_lsp.context import definitions, skeleton, windows
from claude_lsp.context.candidate import Candidate
from claude_lsp.context.features import probabilities
from claude_lsp.context.sight import KEYWORDS, WORD, look
from claude_lsp.context.similar import hashes_of, locate, rarity, similar_files
from claude_lsp.context.uses import uses
from claude_lsp.context.windows import WINDOW, Lookup, Window
from claude_lsp.workspace.languages import family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from claude_lsp.context.definitions import Ranking
    from claude_lsp.context.recipes import Recipe
    from claude_lsp.context.sight import Sight
    from claude_lsp.context.similar import F64, Place, SimilarFiles
    from claude_lsp.text.positions import Range
    from claude_lsp.workspace.index.links import Links

    Weigh = Callable[[str, str], int]
    """Tokens of a text with its frame, from its file's path and the text."""

_WINDOW_FILES = 12
_WINDOWS_READ = 30
_WINDOWS_KEPT = 90
_SMALLEST_WINDOW = 5
_WORTH_ANOTHER_ROUND = 100
_MOST_COMPARED = 250
_AROUND_SPOT = 8
_MOST_EXAMPLES = 6
_EXAMPLES_OF_FILE = 2
_NAMED = 50.0
"""How much likelier a definition is needed whose name stands in the selection, if no other has the
name. Weights are fitted to code that is still to be written; what changes code needs what it uses.
"""
_EXAMPLE_LINES = 14


class ReadsTexts(Protocol):
    """Where the texts of other files come from."""

    def lookup(self, path: str) -> Lookup | None:
        """Return a file's text cut for finding windows, None if it cannot or must not be read."""
        ...


class Spot(NamedTuple):
    """A line of a document: its path as the index knows it, and the line, 0-based."""

    path: str
    line: int


class Query(NamedTuple):
    """A place in a document of the workspace.

    Attributes:
        path: of the document, as the index knows it.
        language: its LSP language identifier.
        lines: its lines, with their endings.
        focus: the cursor, or a selection.
        mentioned: words that the question is about besides those of the document, such as what a
            diagnostic says.
        shown: the first and last line that the reader sees of the document anyway; None for all.
        related: places that diagnostics point to.
        recent: places that were edited a moment ago, the newest first.
    """

    path: str
    language: str
    lines: Sequence[str]
    focus: Range
    mentioned: str = ""
    shown: tuple[int, int] | None = None
    related: Sequence[Spot] = ()
    recent: Sequence[Spot] = ()


class Found(NamedTuple):
    """What was found for one place, before any of it is chosen."""

    place: Place
    sight: Sight
    similar: SimilarFiles
    windows: Sequence[Window]
    texts: Mapping[int, Lookup]
    ranking: Ranking


def find(links: Links, query: Query, texts: ReadsTexts) -> Found:
    """Return the candidates for a place, ranked by nothing yet."""
    view = links.view
    place = locate(links, query.path, query.language, query.focus.start.line)
    signatures = [view.detail(symbol)[0] for symbol in place.enclosing_functions]
    sight = look(query.lines, query.focus, query.language, [*signatures, query.mentioned])
    similar = similar_files(links, place, sight)
    lookups: dict[int, Lookup] = {}
    for file in similar.files[:_WINDOW_FILES].tolist():
        lookup = texts.lookup(view.path(file))
        if lookup is not None:
            lookups[file] = lookup
    words = list(sight.lookalike)
    counts, _ = view.counts(hashes_of(words))
    says = rarity(counts, view.file_count)
    wanted = {
        word: sight.lookalike[word] * rare
        for word, rare, count in zip(words, says.tolist(), counts.tolist(), strict=True)
        if count
    }
    best = windows.alike(lookups.items(), wanted, _WINDOWS_KEPT)
    ranking = definitions.candidates(
        links,
        place,
        sight,
        similar,
        window_words=_words_of_windows(best[:_WINDOWS_READ], lookups),
        following_words=_words_after_alike_lines(best, lookups, query, wanted),
        shown=query.shown,
    )
    return Found(place, sight, similar, best, lookups, ranking)


def _words_of_windows(best: Sequence[Window], lookups: Mapping[int, Lookup]) -> dict[str, float]:
    """Return the share of the best windows, by their scores, that each word occurs in."""
    total = sum(window.score for window in best) or 1.0
    shares: dict[str, float] = {}
    for window in best:
        blocks = lookups[window.file].blocks
        first = window.first // windows.BLOCK
        words: frozenset[str] = frozenset().union(*blocks[first : first + 3])
        for word in words:
            shares[word] = shares.get(word, 0.0) + window.score / total
    return {word: share for word, share in shares.items() if word not in KEYWORDS}


def _words_after_alike_lines(
    best: Sequence[Window],
    lookups: Mapping[int, Lookup],
    query: Query,
    wanted: Mapping[str, float],
) -> dict[str, float]:
    """Return the words that follow lines like those just above the cursor, and how alike."""
    row, column = query.focus.start
    above = [line for line in query.lines[max(0, row - 6) : row] if line.strip()][-2:]
    above += [query.lines[row][:column]] if row < len(query.lines) else []
    model = {word for line in above[-2:] for word in WORD.findall(line)} & wanted.keys()
    total = sum(wanted[word] for word in model)
    found: dict[str, float] = {}
    if not total:
        return found
    for file, first in dict.fromkeys((window.file, window.first) for window in best[:12]):
        lines = lookups[file].lines[first : first + WINDOW + 3]
        words = [frozenset(WORD.findall(line)) for line in lines]
        for number, here in enumerate(words):
            alike = sum(wanted[word] for word in model & here) / total
            if alike < 0.25:
                continue
            for distance, following in enumerate(words[number : number + 4]):
                value = alike * (1.0, 1.0, 0.7, 0.5)[distance]
                for word in following:
                    if value > found.get(word, 0.0):
                        found[word] = value
    return {word: value for word, value in found.items() if word not in KEYWORDS}


class Packed(NamedTuple):
    """What was chosen for a place.

    Attributes:
        candidates: what goes into its context.
        crowded_out: how many of each kind there was no room for.
    """

    candidates: tuple[Candidate, ...]
    crowded_out: Mapping[str, int]


def gather(
    links: Links,
    query: Query,
    texts: ReadsTexts,
    recipe: Recipe,
    *,
    room: int,
    weigh: Weigh,
) -> Packed:
    """Return what helps with a place, by a recipe, within a bound of tokens.

    Args:
        links: the index.
        query: the place.
        texts: reads other files; the text of the document itself is never returned.
        recipe: what to look for, and its shares.
        room: tokens of all texts, frames included.
        weigh: returns an upper bound of the tokens that a text takes with its frame.
    """
    packer = _Packer(texts, room, weigh)
    packer.add_spots(query, query.related, "a diagnostic points here", recipe.related)
    packer.add_spots(query, query.recent, "edited a moment ago", recipe.recent)
    if recipe.examples:
        packer.begin(recipe.examples)
        for path, first, end, name in _documented(links, query, texts):
            packer.add(path, first, end, f"documentation of {name}")
    found = find(links, query, texts) if recipe.definitions or recipe.lookalikes else None
    if recipe.uses:
        place = (
            found.place
            if found
            else locate(links, query.path, query.language, query.focus.start.line)
        )
        packer.begin(recipe.uses)
        for use in uses(links, place, query, texts):
            what = "tests" if use.in_test else "uses"
            packer.add(use.path, use.first, use.end, f"{what} {use.name} (line {use.first + 1})")
    chosen = packer.candidates
    if found is not None and packer.left > 0:
        share = min(recipe.lookalikes, window_share(packer.left))
        chosen = [
            *_ranked(links, found, packer, share, definitions=recipe.definitions),
            *chosen,
        ]
    return Packed(tuple(chosen), dict(packer.crowded_out))


def _documented(
    links: Links, query: Query, texts: ReadsTexts
) -> Iterator[tuple[str, int, int, str]]:
    """Yield where the documented definitions of neighbouring files begin: path, lines, name."""
    view = links.view
    family = family_of(query.language)
    shown = 0
    for file in view.siblings(query.path).tolist():
        path = view.path(file)
        if path == query.path or view.language(file) not in family or shown == _MOST_EXAMPLES:
            continue
        lookup = texts.lookup(path)
        for symbol in view.symbols_of(file) if lookup is not None else ():
            line, end = view.lines(symbol)
            if lookup is None or end == line or not view.detail(symbol)[1]:
                continue
            if line >= len(lookup.lines):
                break  # the file has become shorter than the index knows
            first = line
            while first and line - first < _EXAMPLE_LINES and lookup.lines[first - 1].strip():
                first -= 1
            yield path, first, min(end + 1, line + _EXAMPLE_LINES), view.name(symbol)
            shown += 1
            if shown % _EXAMPLES_OF_FILE == 0:
                break


class _Packer:
    """Takes stretches of files until there is no more room, none twice."""

    def __init__(self, texts: ReadsTexts, room: int, weigh: Weigh) -> None:
        self.left = room
        self.candidates: list[Candidate] = []
        self.crowded_out: Counter[str] = Counter()
        self.taken: dict[str, list[tuple[int, int]]] = {}
        self.weigh = weigh
        self._texts = texts
        self._share = 0

    def begin(self, share: float) -> None:
        """Begin with another source: it may take this share of what is left."""
        self._share = int(self.left * share)

    def add_spots(self, query: Query, spots: Sequence[Spot], why: str, share: float) -> None:
        """Add what stands around some places outside of the document."""
        self.begin(share)
        for spot in spots:
            if spot.path != query.path:
                first = max(0, spot.line - _AROUND_SPOT)
                self.add(
                    spot.path, first, spot.line + _AROUND_SPOT + 1, f"{why} (line {spot.line + 1})"
                )

    def add(self, path: str, first: int, end: int, reason: str) -> None:
        """Add some lines of a file if there is room for them."""
        if not self.is_free(path, first, end):
            return
        lookup = self._texts.lookup(path)
        text = _ended("".join(lookup.lines[first:end])) if lookup is not None else ""
        if not text.strip():
            return
        tokens = self.weigh(path, text)
        if tokens <= self._share:
            self._share -= tokens
            self.left -= tokens
            self.taken.setdefault(path, []).append((first, end))
            # Later ones come from sources that say more; between the definitions and the document.
            score = 3.0 - len(self.candidates) / 1000
            self.candidates.append(Candidate(path, text, reason, score, stable=False))
        else:
            self.crowded_out["stretches of code that use it or were edited"] += 1

    def is_free(self, path: str, first: int, end: int) -> bool:
        """Whether nothing of some lines was taken yet."""
        return all(stop <= first or end <= start for start, stop in self.taken.get(path, ()))


def definitions_and_windows(
    links: Links,
    query: Query,
    texts: ReadsTexts,
    budget: int,
    weigh: Weigh,
) -> list[Candidate]:
    """Return definitions, then windows of similar code, best last, within a bound of tokens."""
    packer = _Packer(texts, budget, weigh)
    return _ranked(links, find(links, query, texts), packer, window_share(budget))


def _ranked(
    links: Links, found: Found, packer: _Packer, share: float, *, definitions: bool = True
) -> list[Candidate]:
    """Return the definitions and windows that fit in what a packer has left, best last."""
    budget, weigh = packer.left, packer.weigh
    chances = probabilities(found.ranking.features)
    if found.sight.selected:
        chances = _selected(links, found.ranking, chances, found.sight.selected)
    if query_word := found.sight.partial:
        chances = _favoured(links, found.ranking, chances, query_word)
    room = budget - int(budget * share) if definitions else 0
    outlines = skeleton.outlines(links.view, found.ranking, chances, room, weigh)
    left = budget - sum(outline.tokens for outline in outlines)
    windows_room = left if share else 0
    chosen, unused = _chosen_windows(links, found, windows_room, packer)
    left -= windows_room - unused
    if definitions and left > _WORTH_ANOTHER_ROUND:
        # What windows could not use goes to definitions after all.
        room = sum(outline.tokens for outline in outlines) + left
        outlines = skeleton.outlines(links.view, found.ranking, chances, room, weigh)
        left = budget - sum(outline.tokens for outline in outlines) - (windows_room - unused)
    packer.left = left
    if definitions:
        shown = sum(outline.definitions for outline in outlines)
        packer.crowded_out["less likely definitions"] += len(found.ranking.symbols) - shown
    if share:
        packer.crowded_out["stretches that look alike"] += len(found.windows) - len(chosen)
    pieces = [
        Candidate(
            outline.path,
            outline.text,
            f"definitions ({outline.definitions})",
            2.0 + outline.probability,
        )
        for outline in outlines
    ]
    top = found.windows[0].score if found.windows else 1.0
    for window, text in reversed(chosen):
        path = links.view.path(window.file)
        reason = f"looks alike (line {window.first + 1})"
        pieces.append(Candidate(path, text, reason, window.score / top, stable=False))
    return pieces


def _selected(links: Links, ranking: Ranking, chances: F64, words: Collection[str]) -> F64:
    """Return the probabilities, higher where a selection has the name and few others have it."""
    names = links.view.symbols(ranking.symbols).names
    _, name_of, counts = np.unique(names, return_inverse=True, return_counts=True)
    likelier = 1.0 + _NAMED / counts[name_of]
    favoured: F64 = np.where(
        np.isin(names, hashes_of(words)), chances / (chances + (1 - chances) / likelier), chances
    )
    return favoured


def _favoured(links: Links, ranking: Ranking, chances: F64, beginning: str) -> F64:
    """Return the probabilities with names that begin as typed ahead of all others."""
    favoured = chances.copy()
    lowered = beginning.lower()
    best = np.argsort(-chances, kind="stable")[:_MOST_COMPARED]
    for place in best.tolist():
        name = links.view.name(int(ranking.symbols[place])).lower()
        if name.startswith(lowered):
            favoured[place] = chances[place] / (chances[place] + (1 - chances[place]) / 20)
    return favoured


def window_share(budget: int) -> float:
    """Return the part of a budget that look-alikes get: small budgets are for definitions."""
    return 0.2 if budget <= 1200 else 0.35 if budget <= 2500 else 0.54


def _chosen_windows(
    links: Links, found: Found, room: int, packer: _Packer
) -> tuple[list[tuple[Window, str]], int]:
    """Return windows that fit, best first, none overlapping another, and the room that is left."""
    chosen: list[tuple[Window, str]] = []
    for window in found.windows if room > 0 else ():
        path = links.view.path(window.file)
        if not packer.is_free(path, window.first, window.first + WINDOW):
            continue
        lines = found.texts[window.file].lines[window.first : window.first + WINDOW]
        text = _ended("".join(lines))
        tokens = packer.weigh(path, text)
        full = tokens > room
        if full:
            # As much of it as fits, by the tokens that its lines take.
            kept = int(len(lines) * room / tokens)
            text = _ended("".join(lines[:kept]))
            tokens = packer.weigh(path, text)
            if kept < _SMALLEST_WINDOW or tokens > room:
                break
        packer.taken.setdefault(path, []).append((window.first, window.first + WINDOW))
        chosen.append((window, text))
        room -= tokens
        if full:
            break
    return chosen, room


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"
