"""Packages as a map shows them: a cut through the tree of folders, and what passes between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.structure.edges import Edge
    from claude_lsp.workspace.module_graph import Module

_LEAST_SHARE = 0.01
"""A folder with less of its parent's lines is shown as a part of it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A folder with what is in it, except for what other packages hold.

    Attributes:
        path: the folder, "." for the workspace.
        modules: how many modules it holds.
        lines: lines of these.
        incoming: imports from modules of other packages.
        outgoing: imports of modules of other packages.
    """

    path: str
    modules: int
    lines: int
    incoming: int
    outgoing: int

    @property
    def instability(self) -> float:
        """Ce / (Ca + Ce) of the imports, 0 for a package that has none."""
        return self.outgoing / (self.incoming + self.outgoing or 1)


def package_groups(folders: Mapping[str, int], most: int) -> dict[str, str]:
    """Return for each folder the package that it is shown as, at most `most` different ones.

    The package with the most lines of its own gives away its largest subfolders, until there
    are enough; a fixed depth would show one project as one package and another as hundreds.

    Args:
        folders: how many lines each folder holds itself, by path; "." is the workspace.
        most: how many packages there may be.
    """
    whole: Counter[str] = Counter()
    inside: dict[str, set[str]] = {}
    for folder, counted in folders.items():
        lines = max(counted, 1)  # a folder of empty files is one too
        whole[folder] += lines
        while folder != ".":
            above = _parent(folder)
            inside.setdefault(above, set()).add(folder)
            whole[above] += lines
            folder = above  # noqa: PLW2901 - climbs
    own = Counter({".": whole["."]})
    chosen = {"."}
    done: set[str] = set()
    while len(chosen) < most and (able := [one for one in chosen - done if one in inside]):
        group = min(able, key=lambda one: (-own[one], one))
        done.add(group)
        for part in sorted(inside[group], key=lambda one: (-whole[one], one)):
            if len(chosen) == most or whole[part] < _LEAST_SHARE * whole[group]:
                break
            chosen.add(part)
            own[part] = whole[part]
            own[group] -= whole[part]
        if group not in folders and not own[group]:
            # Nothing is left that would be shown under its name.
            chosen.discard(group)
    return {folder: _nearest(folder, chosen) for folder in folders}


def packages(
    modules: Iterable[Module], edges: Iterable[Edge], most: int
) -> tuple[list[Package], dict[Edge, int]]:
    """Return the packages, the largest first, and how many imports pass between two of them.

    Args:
        modules: what they are made of.
        edges: between names of these modules.
        most: how many packages there may be.
    """
    modules = list(modules)
    sizes: Counter[str] = Counter()
    for one in modules:
        sizes[one.package] += one.length
    groups = package_groups(sizes, most)
    home = {one.name: groups[one.package] for one in modules}
    weights = Counter(
        (home[source], home[target]) for source, target in edges if home[source] != home[target]
    )
    counts = Counter(home.values())
    lines: Counter[str] = Counter()
    for one in modules:
        lines[home[one.name]] += one.length
    incoming: Counter[str] = Counter()
    outgoing: Counter[str] = Counter()
    for (source, target), weight in weights.items():
        outgoing[source] += weight
        incoming[target] += weight
    found = [
        Package(path, counts[path], lines[path], incoming[path], outgoing[path]) for path in counts
    ]
    return sorted(found, key=lambda one: (-one.lines, one.path)), dict(weights)


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0] or "."


def _nearest(folder: str, chosen: set[str]) -> str:
    while folder not in chosen and folder != ".":
        folder = _parent(folder)
    return folder
