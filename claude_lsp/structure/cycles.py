"""Dependency cycles: which modules import each other in rings, and the cheapest edge to cut."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import (
    Edge,
    counted,
    degrees,
    edges,
    immediate_edges,
    is_below,
    is_part_of,
    listing,
    neighbours,
    whole_line,
)
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from claude_lsp.workspace.module_graph import Import, ModuleGraph

Edges = dict[Edge, tuple["Import", ...]]

RULE = "arch.cycle"

_MAX_LISTED = 8
_MAX_RELATED = 12
_MAX_CUTS = 4
_WHOLE_MODULE = 3
"""How many names an import of a whole module stands for, where none is given."""

_MAX_STARTS = 200
"""From how many modules the shortest ring is searched; each costs one walk of the component."""


def find_cycles(graph: ModuleGraph) -> list[Finding]:
    """Return one finding for every set of modules that all reach each other at import time.

    Imports that only type checkers see are no dependency; deferred ones cannot fail at import,
    so they close no ring here, but those that would are named.
    """
    immediate = immediate_edges(graph)
    later = edges(graph, lambda one: one.deferred and not one.type_only)
    fan_in, _ = degrees(immediate)
    components = immediate_components(graph)
    home = {member: number for number, group in enumerate(components) for member in group}
    inside: list[Edges] = [{} for _ in components]
    for edge, imports in immediate.items():
        if home[edge[0]] == home[edge[1]]:
            inside[home[edge[0]]][edge] = imports
    return [
        _Cycle(graph, group, inside[number], _within(group, later), fan_in).finding()
        for number, group in enumerate(components)
        if len(group) > 1
    ]


@lru_cache(4)
def immediate_components(graph: ModuleGraph) -> list[tuple[str, ...]]:
    """Return the strongly connected components of imports that run with their modules."""
    return strongly_connected(neighbours(immediate_edges(graph)))


def _within(members: Collection[str], later: Edges) -> int:
    known = set(members)
    return sum(len(imports) for edge, imports in later.items() if known.issuperset(edge))


def strongly_connected(graph: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected components of a directed graph, each sorted by name.

    Tarjan's algorithm (SIAM J. Comput. 1972) with a stack of its own, so a ring may be longer
    than the interpreter's recursion limit.

    Args:
        graph: the targets of each node; a node that is only a target need not be a key.
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: list[str] = []
    is_open: set[str] = set()
    components: list[tuple[str, ...]] = []
    for root in sorted(graph):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        open_nodes.append(root)
        is_open.add(root)
        path = [(root, iter(graph[root]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    open_nodes.append(target)
                    is_open.add(target)
                    path.append((target, iter(graph.get(target, ()))))
                    break
                if target in is_open:
                    low[node] = min(low[node], order[target])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    members = [open_nodes.pop()]
                    while members[-1] != node:
                        members.append(open_nodes.pop())
                    is_open.difference_update(members)
                    components.append(tuple(sorted(members)))
    return sorted(components)


def shortest_ring(members: Sequence[str], graph: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the nodes of a shortest ring, in its order.

    Among rings of one length the one with the first name is taken, and it starts there. In a
    component of more than `_MAX_STARTS` nodes only rings through the first of them by name are
    compared, unless two nodes point at each other.

    Args:
        members: one strongly connected component of at least two nodes, sorted.
        graph: the targets of each node, inside the component.
    """
    targets = {node: set(graph.get(node, ())) for node in members}
    for node in members:
        mutual = [target for target in targets[node] if node in targets[target]]
        if mutual:
            return (node, min(mutual))
    best: tuple[str, ...] = ()
    for start in members[:_MAX_STARTS]:
        ring = _ring_through(start, graph, len(best) - 1 if best else len(members))
        best = ring or best
    return best


def _ring_through(
    start: str, graph: Mapping[str, Sequence[str]], limit: int
) -> tuple[str, ...] | None:
    """Return a shortest ring through `start` of at most `limit` nodes, None if there is none."""
    came_from = {start: start}
    waiting = deque([(start, 1)])
    while waiting:
        node, length = waiting.popleft()
        if length > limit:
            return None
        for target in sorted(graph.get(node, ())):
            if target == start:
                ring = [node]
                while ring[-1] != start:
                    ring.append(came_from[ring[-1]])
                return tuple(reversed(ring))
            if target not in came_from:
                came_from[target] = node
                waiting.append((target, length + 1))
    return None


@dataclass(frozen=True)
class _Cycle:
    """One strongly connected component and everything that is said about it."""

    graph: ModuleGraph
    members: tuple[str, ...]
    inside: Edges
    later: int
    fan_in: Mapping[str, int]

    def finding(self) -> Finding:
        ring = shortest_ring(self.members, neighbours(self.inside))
        cut, left = self.cheapest_cut(_around(ring), self.inside)
        place = self.inside[cut][0]
        return Finding(
            rule=RULE,
            severity=self.severity(),
            title=_title(self.members, ring),
            explanation=self.explanation(ring, cut, left),
            path=self.path(cut[0]),
            range=whole_line(place.line),
            quote="",
            confidence=1.0,
            # The ring, not the edge to cut: which edge is cheapest changes with every imported
            # name. Not all members: a cycle that grows is still the one that was accepted.
            fingerprint=identity(RULE, min(map(self.path, ring)), map(self.path, ring)),
            related=tuple(
                Related(
                    self.path(edge[0]),
                    whole_line(self.inside[edge][0].line),
                    f"{edge[0]} imports {edge[1]}",
                )
                for edge in [one for one in _around(ring) if one != cut][:_MAX_RELATED]
            ),
        )

    def path(self, name: str) -> str:
        return self.graph.modules[name].path

    def severity(self) -> Severity:
        """Rate a ring across packages higher than one inside a package and its subpackages.

        Rings that exist only because modules import their own package are inside of it.
        """
        across = {edge: found for edge, found in self.inside.items() if not _to_own_package(edge)}
        for group in _rings(across):
            folders = sorted({self.graph.modules[member].package for member in group})
            if any(not is_below(one, other) for one, other in combinations(folders, 2)):
                return Severity.MAJOR
        return Severity.MINOR

    def cheapest_cut(self, candidates: Iterable[Edge], inside: Edges) -> tuple[Edge, int]:
        """Return the edge to cut and the size of the largest ring that is left, 0 for none.

        Of equally cheap edges it is the one that leaves the smallest ring, then the one whose
        source more modules rely on: what stands below should not import what stands above.
        """
        ordered = sorted(candidates, key=lambda edge: (self.cost(edge), edge))
        # Trying an edge walks the whole component, so a long ring does not try them all.
        tried = [edge for edge in ordered[:_MAX_LISTED] if self.cost(edge) == self.cost(ordered[0])]
        return min(
            ((edge, _largest(_without(inside, edge))) for edge in tried),
            key=lambda one: (one[1], -self.fan_in.get(one[0][0], 0), one[0]),
        )

    def cost(self, edge: Edge) -> tuple[bool, int, int]:
        """Return what it takes to do without an edge: names first, then statements.

        A package's import of its own modules is what the package is for, so it is cut last.
        How many names are used of a module that is imported as a whole is not known.
        """
        imports = self.inside[edge]
        names = 0
        for one in imports:
            if "*" in one.names:
                names += max(_WHOLE_MODULE, len(self.graph.modules[one.target].public))
            else:
                names += len(one.names) or _WHOLE_MODULE
        return is_part_of(edge[1], edge[0]), names, len(imports)

    def explanation(self, ring: Sequence[str], cut: Edge, left: int) -> str:
        parts = []
        if len(self.members) > 2:
            size = counted(len(self.members), "module")
            edges_inside = counted(len(self.inside), "import edge")
            who = listing(self.members, _MAX_LISTED)
            shown = listing([*ring, ring[0]], _MAX_LISTED, " -> ")
            parts.append(f"{size} reach each other over {edges_inside}: {who}.")
            parts.append(f"The shortest ring has {counted(len(ring), 'module')}: {shown}.")
        parts.append(f"Cheapest edge to cut: {self.described(cut)}.")
        parts.append(self.outcome(cut, left))
        own = [edge for edge in self.inside if _to_own_package(edge)]
        if own:
            rest = _largest({edge: self.inside[edge] for edge in self.inside.keys() - set(own)})
            share = f"{counted(len(own), 'edge')} of {len(self.inside):,}"
            what = "imports a package" if len(own) == 1 else "import a package"
            parts.append(
                f"{share} {what} from a module inside of it, where the module that defines the "
                f"name would do; without that {_ring_of(rest)} is left."
            )
        if self.later:
            were = "runs later and is" if self.later == 1 else "run later and are"
            parts.append(
                f"{counted(self.later, 'further import')} between them {were} not counted."
            )
        return " ".join(parts)

    def described(self, edge: Edge) -> str:
        imports = self.inside[edge]
        names = [name for one in imports for name in one.names]
        what = f"{counted(len(names), 'name')} ({listing(names, 5)})" if names else "as a module"
        several = f", in {len(imports)} statements" if len(imports) > 1 else ""
        where = f"{self.path(edge[0])}:{imports[0].line + 1}"
        return f"{edge[0]} -> {edge[1]}, {what}{several}, {where}"

    def outcome(self, cut: Edge, left: int) -> str:
        """Say what is left after the cut, and which cuts follow, found one by one."""
        if not left:
            return "Without it no ring is left."
        rest = _without(self.inside, cut)
        further: list[str] = []
        size = left
        while size and len(further) < _MAX_CUTS - 1:
            group = max(_rings(rest), key=len)
            known = set(group)
            inner = {edge: found for edge, found in rest.items() if known.issuperset(edge)}
            ring = shortest_ring(group, neighbours(inner))
            edge, _ = self.cheapest_cut(_around(ring), inner)
            further.append(self.described(edge))
            rest = _without(rest, edge)
            size = _largest(rest)
        return (
            f"Without it the largest ring left has {counted(left, 'module')}; cutting also "
            f"{'; '.join(further)} leaves {_ring_of(size)}."
        )


def _around(ring: Sequence[str]) -> list[Edge]:
    return list(zip(ring, (*ring[1:], ring[0]), strict=True))


def _without(inside: Edges, cut: Edge) -> Edges:
    return {edge: imports for edge, imports in inside.items() if edge != cut}


def _rings(inside: Edges) -> list[tuple[str, ...]]:
    return [group for group in strongly_connected(neighbours(sorted(inside))) if len(group) > 1]


def _largest(inside: Edges) -> int:
    return max(map(len, _rings(inside)), default=0)


def _ring_of(size: int) -> str:
    return f"a ring of {counted(size, 'module')}" if size else "no ring"


def _to_own_package(edge: Edge) -> bool:
    return is_part_of(edge[0], edge[1])


def _title(members: Sequence[str], ring: Sequence[str]) -> str:
    if len(members) == 2:
        return f"{members[0]} and {members[1]} import each other"
    if len(members) == len(ring) <= 4:
        return f"Import ring: {' -> '.join([*ring, ring[0]])}"
    return f"{counted(len(members), 'module')} import each other in rings"
