"""Views of a module graph that several fact families share."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claude_lsp.workspace.module_graph import Import, ModuleGraph

Edge = tuple[str, str]
"""The names of an importing and of an imported module."""

FILE_START = Range(Position(0, 0), Position(0, 0))
"""The place of a finding about a module as a whole."""


def edges(graph: ModuleGraph, wanted: Callable[[Import], bool]) -> dict[Edge, tuple[Import, ...]]:
    """Group the wanted imports by edge, edges by name and imports by line.

    A module's import of itself is no edge.
    """
    return _grouped(graph.imports, wanted)


def _grouped(
    imports: Iterable[Import], wanted: Callable[[Import], bool]
) -> dict[Edge, tuple[Import, ...]]:
    grouped: dict[Edge, list[Import]] = {}
    for one in imports:
        if one.source != one.target and wanted(one):
            grouped.setdefault((one.source, one.target), []).append(one)
    return {
        edge: tuple(found if len(found) == 1 else sorted(found, key=_by_line))
        for edge, found in sorted(grouped.items(), key=itemgetter(0))
    }


def _like(
    graph: ModuleGraph,
    of: Callable[[ModuleGraph], Mapping[Edge, tuple[Import, ...]]],
    wanted: Callable[[Import], bool],
) -> Mapping[Edge, tuple[Import, ...]]:
    """Return the edges of a graph, from those of the graph that it was made of, if it was."""
    if graph.like is None:
        return edges(graph, wanted)
    other, again = graph.like
    found = {edge: imports for edge, imports in of(other).items() if edge[0] not in again}
    found |= _grouped((one for one in graph.imports if one.source in again), wanted)
    return dict(sorted(found.items(), key=itemgetter(0)))


def _by_line(one: Import) -> tuple[int, tuple[str, ...]]:
    return one.line, one.names


@lru_cache(4)
def immediate_edges(graph: ModuleGraph) -> Mapping[Edge, tuple[Import, ...]]:
    """Return the edges of imports that run with their modules; remembered as those below."""
    return _like(graph, immediate_edges, lambda one: not one.type_only and not one.deferred)


@lru_cache(4)
def production_edges(graph: ModuleGraph) -> Mapping[Edge, tuple[Import, ...]]:
    """Return the edges at run time, deferred ones included, between modules that are no tests.

    They are remembered for the graphs of last: nearly every fact rests on them.
    """
    modules = graph.modules
    return _like(
        graph,
        production_edges,
        lambda one: (
            not one.type_only
            and not modules[one.source].is_test
            and not modules[one.target].is_test
        ),
    )


def neighbours(pairs: Iterable[Edge]) -> dict[str, list[str]]:
    """Return the modules that each module imports; those that import nothing are left out."""
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        found.setdefault(source, []).append(target)
    return found


def is_part_of(name: str, package: str) -> bool:
    """Return whether a module lies somewhere below the package of the given name."""
    # Most names do not even begin alike.
    return name.startswith(package) and name.startswith("/" if "/" in name else ".", len(package))


def whole_line(line: int) -> Range:
    """Return the range of a line with its ending, until `places.located` has seen its text."""
    return Range(Position(line, 0), Position(line + 1, 0))


def percentile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that `share` percent of the values do not exceed; 0 for none.

    This is the nearest-rank percentile: with few values a high one is their maximum.
    """
    ordered = sorted(values)
    if not ordered:
        return 0
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]


def listing(items: Sequence[str], limit: int, joint: str = ", ") -> str:
    """Join at most `limit` items, and say how many were left out."""
    text = joint.join(items[:limit])
    return text if len(items) <= limit else f"{text}{joint}and {len(items) - limit:,} more"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, such as `1 module` or `2,000 modules`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def is_below(folder: str, other: str) -> bool:
    """Return whether one of two folders holds the other, or they are the same one."""
    first, second = (() if name == "." else tuple(name.split("/")) for name in (folder, other))
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def degrees(pairs: Iterable[Edge]) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many modules import each module, and how many each imports."""
    fan_in: dict[str, int] = {}
    fan_out: dict[str, int] = {}
    for source, target in pairs:
        fan_out[source] = fan_out.get(source, 0) + 1
        fan_in[target] = fan_in.get(target, 0) + 1
    return fan_in, fan_out
