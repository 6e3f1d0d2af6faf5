"""Which files of segments laid over each other count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claude_lsp.workspace.index.segment import U64, Mask, Segment


def live_masks(
    segments: Sequence[Segment], gone: Iterable[str] = (), above: Sequence[Segment] = ()
) -> list[Mask | None]:
    """Return which files of each segment no newer one replaces; None for all.

    Args:
        segments: the newest last.
        gone: paths that are in none of them any more.
        above: segments that lie over all of them.
    """
    missing = np.sort(np.array([hash_of(path) for path in gone], np.uint64))
    hidden = np.sort(np.concatenate([missing, *(one.path_keys for one in above)]))
    masks: list[Mask | None] = []
    for older, segment in zip(range(len(segments) - 1, -1, -1), reversed(segments), strict=True):
        shadowed = is_among(segment.path_keys, hidden)
        if shadowed.any():
            mask = np.ones(segment.file_count, np.bool_)
            mask[segment.path_rows[shadowed]] = False
            masks.append(mask)
        else:
            masks.append(None)
        if older:
            hidden = np.union1d(hidden, segment.path_keys)
    masks.reverse()
    return masks


def is_among(keys: U64, others: U64) -> Mask:
    """Return which of some hashes are among others, which are in ascending order."""
    if not len(others):
        return np.zeros(len(keys), np.bool_)
    places = np.minimum(others.searchsorted(keys), len(others) - 1)
    return np.equal(others[places], keys)
