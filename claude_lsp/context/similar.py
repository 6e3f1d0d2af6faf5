"""Where the cursor stands in the workspace, and the files most like the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.workspace.index.hashing import folder_of, hash_of
from claude_lsp.workspace.languages import family_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from claude_lsp.context.sight import Sight
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.segment import I64, U64
    from claude_lsp.workspace.index.view import View

    F64 = NDArray[np.float64]

SIMILAR = 25
"""Files that count as similar."""

_RAREST_WORDS = 40
_MOST_COMPARED = 300
_USUAL_WORDS = 150.0
"""Different words of a usual file: a large one holds many words of any other."""


class Place(NamedTuple):
    """The cursor in terms of the index.

    Attributes:
        path: of the document.
        file: its number in the index, -1 for none.
        language: its LSP language identifier.
        folder_files: the files in the same folder.
        enclosing_class: symbol number of the innermost class around the cursor, -1 for none.
        enclosing_functions: symbol numbers of the functions around the cursor.
    """

    path: str
    file: int
    language: str
    folder_files: I64
    enclosing_class: int
    enclosing_functions: tuple[int, ...]


class SimilarFiles(NamedTuple):
    """The files most like the document, best first, with weights from 1 downwards."""

    files: I64
    weights: F64


def locate(links: Links, path: str, language: str, line: int) -> Place:
    """Return where a cursor stands."""
    view = links.view
    file = view.find(path)
    enclosing, functions = -1, []
    if file >= 0:
        first_line = -1
        for symbol in view.enclosing(file, line):
            if view.is_class(symbol):
                start, _ = view.lines(symbol)
                if start > first_line:
                    enclosing, first_line = symbol, start
            else:
                functions.append(symbol)
    return Place(path, file, language, view.siblings(path), enclosing, tuple(functions))


def hashes_of(words: Iterable[str]) -> U64:
    """Return the hashes of words."""
    return np.array([hash_of(word) for word in words], np.uint64)


def rarity(counts: I64 | F64, files: int) -> F64:
    """Return how much the occurrence of a word says, from the number of files that hold it."""
    return np.log1p(files / (1.0 + counts))


def similar_files(links: Links, place: Place, sight: Sight) -> SimilarFiles:
    """Return the files that share most rare words with what the cursor sees."""
    view = links.view
    words = list(sight.near)
    weights = np.fromiter(sight.near.values(), np.float64, len(words))
    keys = hashes_of(words)
    counts, _ = view.counts(keys)
    known = np.flatnonzero((counts > 0) & (counts < 0.3 * view.file_count + 3))
    says = weights[known] * rarity(counts[known], view.file_count)
    chosen = known[np.argsort(-says, kind="stable")[:_RAREST_WORDS]]
    says = weights[chosen] * rarity(counts[chosen], view.file_count)
    imported = hashes_of(links.imports(place.file)) if place.file >= 0 else keys[:0]
    import_counts, _ = view.counts(imported)
    import_known = np.flatnonzero(import_counts > 0)[:_RAREST_WORDS]
    keys = np.concatenate([keys[chosen], imported[import_known]])
    says = np.concatenate([says, 0.6 * rarity(import_counts[import_known], view.file_count)])
    which, files = view.files_with(keys)
    scores = np.bincount(files, says[which], view.file_range)
    if place.file >= 0:
        scores[place.file] = 0.0
    # What other languages have in common with this one are the words of their comments.
    scores[~view.in_languages(family_of(place.language))[:-1]] = 0.0
    best = np.flatnonzero(scores)
    if len(best) > _MOST_COMPARED:
        best = best[np.argpartition(-scores[best], _MOST_COMPARED)[:_MOST_COMPARED]]
    sizes = view.word_counts(best)
    values = scores[best] / (1.0 + 0.5 * sizes / _USUAL_WORDS)
    values *= np.where(np.isin(best, place.folder_files), 1.3, 1.0)
    order = np.lexsort((best, -values))[:SIMILAR]
    top = values[order[0]] if len(order) else 1.0
    return SimilarFiles(best[order], values[order] / top)


_nearness_known: dict[tuple[str, int], float] = {}
_MOST_KNOWN = 1 << 14


def path_nearness(path: str, folder: int, view: View, file: int) -> float:
    """Return the share of parts that a file's folder and that of a path have in common.

    Args:
        path: the path.
        folder: the hash of the other folder, by which the answer is remembered: to read the path
            of a file takes longer than to compare it.
        view: the index.
        file: one of the folder's files.
    """
    key = folder_of(path), folder
    known = _nearness_known.get(key)
    if known is None:
        if len(_nearness_known) > _MOST_KNOWN:
            _nearness_known.clear()
        known = _nearness_known[key] = _shared_parts(key[0], folder_of(view.path(file)))
    return known


def _shared_parts(folder: str, other: str) -> float:
    """Return the share of parts that two folders have in common from the top."""
    if folder == other:
        return 1.0
    parts, others = folder.split("/"), other.split("/")
    shared = 0
    for mine, theirs in zip(parts, others, strict=False):
        if mine != theirs:
            break
        shared += 1
    return (shared + 1) / (max(len(parts) if folder else 0, len(others) if other else 0) + 1)
