"""What our own ranking sees at a place: its candidates, and which of them the place needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.context.cases import read_fold
from claude_lsp.workspace.index.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.context.cases import Case, Gold
    from benchmarks.context.serve import Product
    from claude_lsp.context.definitions import Ranking
    from claude_lsp.workspace.index.view import View


class Exported(NamedTuple):
    """The candidates of one case.

    Attributes:
        project: the corpus that the case is from.
        golds: how many definitions the held-out text needs, among the candidates or not.
        features: one row for each of the ranking's features, one column for each candidate.
        needed: for each candidate the number of the definition that it is, -1 for none.
        tokens: about what each would take in a context.
    """

    project: str
    golds: int
    features: NDArray[np.float32]
    needed: NDArray[np.int64]
    tokens: NDArray[np.int64]


def export(product: Product, case: Case) -> Exported:
    """Return the candidates of a case whose project the product has indexed."""
    view, found = product.found(case.root, case.file, case.prefix, case.suffix)
    ranking = found.ranking
    names = view.symbols(ranking.symbols).names
    needed = np.full(len(ranking.symbols), -1)
    for number, gold in enumerate(case.golds):
        named = np.flatnonzero(names == np.uint64(hash_of(gold.name)))
        needed[_places(view, ranking, gold, named)] = number
    features = ranking.features.astype(np.float32)
    return Exported(case.project, len(case.golds), features, needed, ranking.costs)


def export_folds(
    product: Product, folders: Iterable[Path], notice: Callable[[str], None]
) -> Iterator[Exported]:
    """Yield the candidates of every case of some folds; `notice` is told of each fold."""
    for folder in folders:
        cases = read_fold(folder)
        if cases:
            product.index(cases[0].root)
        notice(f"{folder.name}: {len(cases)} cases")
        for case in cases:
            yield export(product, case)


def _places(view: View, ranking: Ranking, gold: Gold, named: NDArray[np.int64]) -> list[int]:
    """Return which candidates of the gold's name are it.

    The line tells, also of overloads which one is meant. It may have moved, if something is held
    out of that file too: then the class around it tells.
    """
    inside = [place for place in named.tolist() if view.path(ranking.files[place]) == gold.file]
    on_line = [place for place in inside if view.lines(ranking.symbols[place])[0] == gold.line - 1]
    return on_line or [
        place
        for place in inside
        if gold.parent
        == (view.name(ranking.parents[place]) if ranking.parents[place] >= 0 else None)
    ]
