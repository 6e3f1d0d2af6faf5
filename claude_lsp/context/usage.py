"""How names are used in code like the document's: in what files, windows, imports and chains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.context.sight import SELVES
from claude_lsp.context.similar import hashes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_lsp.context.sight import Sight
    from claude_lsp.context.similar import F64, Place, SimilarFiles
    from claude_lsp.workspace.index.segment import I64, U64
    from claude_lsp.workspace.index.view import View

_MOST_USES = 10_000
"""Uses of a receiver, such as `self`, beyond which its attributes say nothing."""

_LEAST_NEAR = 0.12
_MOST_ALIKE_USERS = 60
_MOST_BESIDE = 100
_MIXER = np.uint64(0x9E3779B97F4A7C15)
"""Keeps hashes of one name apart for different modules."""


class Weighted(NamedTuple):
    """Names with values.

    Attributes:
        names: hashes, ascending.
        values: one for each.
    """

    names: U64
    values: F64

    def of(self, names: U64) -> F64:
        """Return the values of some names, 0 for one that is not here."""
        if not len(self.names):
            return np.zeros(len(names))
        places = np.minimum(self.names.searchsorted(names), len(self.names) - 1)
        return np.where(self.names[places] == names, self.values[places], 0.0)


class Pairs(NamedTuple):
    """Attributes that receivers near the cursor have elsewhere.

    Attributes:
        spread: by in how many files, and how near the receiver is.
        alike: by how similar those files are.
        receiver: for the receiver before the cursor alone.
    """

    spread: Weighted
    alike: Weighted
    receiver: Weighted


def from_words(words: Mapping[str, float]) -> Weighted:
    """Return words with their values."""
    hashes = hashes_of(words)
    values = np.fromiter(words.values(), np.float64, len(words))
    order = np.argsort(hashes)
    return Weighted(hashes[order], values[order])


def in_imports(view: View, similar: SimilarFiles) -> Weighted:
    """Return the names that similar files import with the share of their weights."""
    which, hashes = view.imported_by(similar.files)
    names, places = np.unique(hashes, return_inverse=True)
    values = _sums(places, similar.weights[which], len(names))
    return Weighted(names, values / max(1.0, float(similar.weights.sum())))


def in_imports_beside(view: View, place: Place) -> Weighted:
    """Return the names that files of the same folder import with the share of those files."""
    others = place.folder_files[place.folder_files != place.file][:_MOST_BESIDE]
    _, hashes = view.imported_by(others)
    names, counts = np.unique(hashes, return_counts=True)
    return Weighted(names, counts / max(1, len(others)))


def in_pairs(view: View, place: Place, sight: Sight, similar: SimilarFiles, receiver: str) -> Pairs:
    """Return the attributes that receivers near the cursor have in other files.

    Args:
        view: the index.
        place: where the cursor is.
        sight: what it sees.
        similar: the files like the document.
        receiver: the last name before the dot at the cursor, empty for none.
    """
    near = [*sight.near.items(), *((word, 0.3) for word in sorted(SELVES))]
    receivers = [
        (word, min(weight, 0.5) if word in SELVES else weight)
        for word, weight in near
        if weight >= _LEAST_NEAR
    ]
    receivers.append((receiver, 0.0))
    weights = np.array([weight for _, weight in receivers])
    which, attributes, files = view.pairs_of(hashes_of(word for word, _ in receivers), _MOST_USES)
    kept = np.bincount(which, minlength=len(receivers))[which] < _MOST_USES
    if place.file >= 0:
        kept &= files != place.file
    which, attributes, files = which[kept], attributes[kept], files[kept]
    firsts, users, run_of = _runs(which, attributes)
    owners = which[firsts]
    names, places = np.unique(attributes[firsts], return_inverse=True)
    logarithms = np.log1p(users) / math.log1p(view.file_count or 1)
    similarity = np.zeros(view.file_range)
    similarity[similar.files] = similar.weights
    alike = _sums(run_of, similarity[files], len(firsts)) * weights[owners]
    alike[users > _MOST_ALIKE_USERS] = 0.0
    best_alike = _best(places, alike, len(names))
    best_alike /= max(1e-9, float(best_alike.max(initial=0.0)))
    of_receiver = np.where((owners == len(receivers) - 1) & bool(receiver), 0.3 + logarithms, 0.0)
    return Pairs(
        Weighted(names, _best(places, weights[owners] * logarithms, len(names))),
        Weighted(names, best_alike),
        Weighted(names, _best(places, of_receiver, len(names))),
    )


def taken(
    view: View,
    place: Place,
    similar: SimilarFiles,
    *,
    modules: Sequence[str],
    owners: I64,
    names: U64,
) -> tuple[F64, F64]:
    """Return how often other files take names from modules, and how alike those files are.

    Unlike `in_pairs` it keeps the receivers apart: that `mail.send` is common says nothing of
    `web.send`. Values are shares of the largest of the same module.

    Args:
        view: the index.
        place: where the cursor is.
        similar: the files like the document.
        modules: what the document calls them.
        owners: for each name the number of its module among them.
        names: hashes.
    """
    which, attributes, files = view.pairs_of(hashes_of(modules))
    kept = files != place.file
    which, attributes, files = which[kept], attributes[kept], files[kept]
    firsts, users, run_of = _runs(which, attributes)
    similarity = np.zeros(view.file_range)
    similarity[similar.files] = similar.weights
    alike = _sums(run_of, similarity[files], len(firsts))
    apart = np.arange(len(modules), dtype=np.uint64) * _MIXER
    keys, first, places = np.unique(
        attributes[firsts] + apart[which[firsts]], return_index=True, return_inverse=True
    )
    modules_of = which[firsts][first]
    shares = []
    for values in (np.log1p(_sums(places, users, len(keys))), _sums(places, alike, len(keys))):
        most = _best(modules_of, values, len(modules))
        share = Weighted(keys, values / np.maximum(1e-9, most)[modules_of])
        shares.append(share.of(names + apart[owners]))
    return shares[0], shares[1]


def _runs(which: I64, attributes: U64) -> tuple[I64, F64, I64]:
    """Return where runs of one receiver's attribute begin, how long they are, the run of each row.

    In each layer all rows of a receiver's attribute stand together.
    """
    new = np.ones(len(which), np.bool_)
    new[1:] = (which[1:] != which[:-1]) | (attributes[1:] != attributes[:-1])
    firsts = np.flatnonzero(new)
    return firsts, np.diff(np.append(firsts, len(which))).astype(np.float64), np.cumsum(new) - 1


def _sums(places: I64, values: F64, count: int) -> F64:
    return np.bincount(places, values, count).astype(np.float64)


def _best(places: I64, values: F64, count: int) -> F64:
    best = np.zeros(count)
    np.maximum.at(best, places, values)
    return best
