"""A state of the index in which some files are others: of another commit, say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.layers import is_among
from claude_lsp.workspace.index.links import Links
from claude_lsp.workspace.index.making import build
from claude_lsp.workspace.index.resolve import Resolver
from claude_lsp.workspace.index.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from claude_lsp.workspace.index.segment import Entry, Mask, Segment


def overlaid(
    links: Links,
    entries: Sequence[Entry],
    absent: Collection[str],
    read_text: Callable[[str], str | None],
    *,
    same_names: bool,
) -> Links:
    """Return a state like another one, which stays as it is, but for some files.

    Args:
        links: the state.
        entries: the files that are other ones, or that it does not have.
        absent: the files that are not there.
        read_text: returns the text of a configuration file in the new state.
        same_names: whether no file comes or goes and none says how names are resolved, so that
            what they lead to need not be found again.
    """
    segment = build(entries)
    missing = np.array([hash_of(path) for path in absent], np.uint64)
    hidden = np.sort(np.concatenate([missing, segment.path_keys]))
    parts: list[tuple[Segment, Mask | None]] = []
    for layer in links.view.layers:
        live, shadowed = layer.live, is_among(layer.segment.path_keys, hidden)
        if shadowed.any():
            live = np.ones(layer.segment.file_count, np.bool_) if live is None else live.copy()
            live[layer.segment.path_rows[shadowed]] = False
        parts.append((layer.segment, live))
    view = View([*parts, (segment, None)])
    if same_names:
        return links.over(view)
    resolver = Resolver(
        (links.paths() - set(absent)) | {entry.path for entry in entries}, read_text
    )
    for file in view.files().tolist():
        if namespace := view.namespace(file):
            resolver.declare(view.path(file), namespace)
    return Links(view, resolver)
