"""Gathers what the structural review rests on: manifests, copies, history, the settings."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.structure.contracts import Contracts
from claude_lsp.structure.evidence import Evidence
from claude_lsp.workspace import git, history
from claude_lsp.workspace.index.copies import near_copies
from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.places import above, folder_of
from claude_lsp.workspace.index.private_uses import private_uses
from claude_lsp.workspace.manifests import MANIFEST, read_manifests
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from claude_lsp.settings import Settings
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.module_graph import ModuleGraph

    TextOf = Callable[[str], str | None]

_REQUIREMENTS = "requirements"


def contracts_of(settings: Settings) -> Contracts:
    """Return what the settings say may not import what."""
    arch = settings.arch
    return Contracts(
        arch.layers,
        arch.independent,
        tuple((one["from"], one["to"]) for one in arch.forbid),
        arch.allow,
    )


def evidence_of(
    links: Links,
    graph: ModuleGraph,
    contracts: Contracts,
    manifests: Iterable[str],
    text_of: TextOf,
    *,
    commits: Sequence[Sequence[str]] = (),
    among: Collection[str] | None = None,
) -> Evidence:
    """Return the evidence about one state of a project.

    Args:
        links: the state of its index.
        graph: its modules.
        contracts: what its settings say.
        manifests: paths of its manifests.
        text_of: returns the text of a file in that state.
        commits: what its last commits changed.
        among: if given, only what has a part in one of these files is of interest.
    """
    view = links.view

    def mentioned(word: str) -> bool:
        _, files = view.files_with(np.array([hash_of(word)], np.uint64))
        return any(_may_use(view.path(file)) for file in files.tolist())

    known = {one.path for one in graph.modules.values()}
    some = None if among is None else known.intersection(among)
    return Evidence(
        contracts,
        near_copies(links, text_of, some),
        private_uses(links, graph, text_of, some),
        read_manifests(manifests, text_of),
        commits,
        mentioned,
        _installed,
    )


def _may_use(path: str) -> bool:
    """Whether a library that a file mentions may be used by it: not by a manifest or a text."""
    return MANIFEST.fullmatch(path) is None and not path.endswith((".md", ".rst", ".txt", ".lock"))


def manifest_paths(root: Path, graph: ModuleGraph, allowed: Callable[[Path], bool]) -> list[str]:
    """Return the paths of the manifests in the folders that hold modules, and above these.

    Args:
        root: the project.
        graph: its modules; manifests of tests' own projects are left out.
        allowed: whether a file may be read.
    """
    folders = {
        folder
        for one in graph.modules.values()
        if not is_test_path(one.path)
        for folder in above(folder_of(one.path))
    }
    folders.add("")
    found = []
    for folder in sorted(folders):
        names = _names(root, folder)
        if _REQUIREMENTS in names:
            inner = f"{folder}/{_REQUIREMENTS}".lstrip("/")
            found += [f"{inner}/{name}" for name in _names(root, inner)]
        found += [f"{folder}/{name}".lstrip("/") for name in names]
    return [path for path in found if MANIFEST.fullmatch(path) and allowed(root / path)]


def commits_of(root: Path) -> list[tuple[str, ...]]:
    """Return what the last commits changed; nothing where git cannot tell, as it is only a hint."""
    if git.root_of(root) is None:
        return []
    try:
        return history.commits_of(root)
    except git.GitError:
        return []


def _names(root: Path, folder: str) -> list[str]:
    try:
        return sorted(os.listdir(root / folder))  # noqa: PTH208 - many folders, names alone
    except OSError:
        return []


@functools.cache
def _installed() -> Mapping[str, Sequence[str]]:
    from importlib import metadata

    return metadata.packages_distributions()
