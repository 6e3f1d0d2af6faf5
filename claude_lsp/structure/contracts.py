"""Contracts of a project with itself, in import-linter's terms: layers, independence, forbidden."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import FILE_START, is_part_of, listing, neighbours, whole_line
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from claude_lsp.structure.edges import Edge
    from claude_lsp.workspace.module_graph import Import, ModuleGraph

LAYER = "arch.layer"
FORBIDDEN = "arch.forbidden"

_MAX_RELATED = 12


@dataclass(frozen=True, slots=True)
class Contracts:
    """What may not import what. Names are dotted modules in Python, folders elsewhere.

    Attributes:
        layers: from the highest to the lowest; a layer may import those below it only. Several
            in one, `a | b`, must not import each other, `a : b` may. In brackets, `(a)`, it need
            not be there.
        independent: sets of modules that must not import each other.
        forbidden: pairs of an importing and an imported module.
        allowed: imports that count for no contract, as `a.b -> c.d`; `*` stands for one part of
            a name, `**` for any.
    """

    layers: tuple[str, ...] = ()
    independent: tuple[str, ...] = ()
    forbidden: tuple[tuple[str, str], ...] = ()
    allowed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.layers or self.independent or self.forbidden)


class _Rule(NamedTuple):
    """One thing that may not reach another one."""

    rule: str
    source: str
    target: str
    why: str


@dataclass
class _Checked:
    findings: list[Finding] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def check_contracts(graph: ModuleGraph, contracts: Contracts) -> tuple[list[Finding], list[str]]:
    """Return what breaks the contracts, and what in them does not fit the project.

    Imports that only type checkers see do not count, those inside of functions do. A chain over
    modules that are in neither of the two breaks a contract as an import does. Tests keep none.
    """
    if not contracts:
        return [], []
    checked = _Checked()
    edges = _edges(graph, contracts.allowed, checked.notices)
    members = _Members(graph)
    rules = [
        *_layer_rules(contracts.layers, members, checked.notices),
        *_independence_rules(contracts.independent),
        *(
            _Rule(FORBIDDEN, source, target, f"{source} must not import {target}")
            for source, target in contracts.forbidden
        ),
    ]
    missing = dict.fromkeys(
        name for rule in rules for name in (rule.source, rule.target) if not members.of(name)
    )
    checked.notices += [f"arch: no module is called {name}, and none is in it" for name in missing]
    seen: set[tuple[str, Edge]] = set()
    layers = [name for entry in contracts.layers for name in _names(entry)]
    for rule in rules:
        sources, targets = members.of(rule.source), members.of(rule.target)
        direct = [edge for edge in edges if edge[0] in sources and edge[1] in targets]
        for edge in direct:
            if (rule.rule, edge) not in seen:
                seen.add((rule.rule, edge))
                checked.findings.append(_direct(graph, rule, edge, edges[edge]))
        if not direct:
            others = set[str]().union(*(members.of(name) for name in layers))
            between = others if rule.rule == LAYER else set[str]()
            chain = _chain(neighbours(edges), sources, targets, between)
            if chain:
                checked.findings.append(_indirect(graph, rule, chain, edges))
    return checked.findings, checked.notices


def _edges(
    graph: ModuleGraph, allowed: Sequence[str], notices: list[str]
) -> dict[Edge, list[Import]]:
    patterns = {one: _pattern(one) for one in allowed}
    used: set[str] = set()
    found: dict[Edge, list[Import]] = {}
    modules = graph.modules
    for one in graph.imports:
        if one.type_only or one.source == one.target or modules[one.source].is_test:
            continue
        edge = f"{one.source} -> {one.target}"
        excused = [text for text, pattern in patterns.items() if pattern.fullmatch(edge)]
        used.update(excused)
        if not excused:
            found.setdefault((one.source, one.target), []).append(one)
    notices += [
        f"arch.allow: no import matches '{one}' (any more); take it out"
        for one in allowed
        if one not in used
    ]
    return dict(sorted(found.items()))


def _pattern(allowed: str) -> re.Pattern[str]:
    source, _, target = (part.strip() for part in allowed.partition("->"))
    sides = []
    for side in (source, target):
        parts = re.split(r"(\*\*|\*)", side)
        sides.append(
            "".join({"**": ".+", "*": r"[^./]+"}.get(part, re.escape(part)) for part in parts)
        )
    return re.compile(" -> ".join(sides))


class _Members:
    """Which modules are in what a contract names."""

    def __init__(self, graph: ModuleGraph) -> None:
        self._modules = graph.modules
        self._known: dict[str, set[str]] = {}

    def of(self, name: str) -> set[str]:
        """Return a module with all below it; by its dotted name, or by its path or folder."""
        found = self._known.get(name)
        if found is None:
            folder = name.strip("/")
            found = self._known[name] = {
                module
                for module, one in self._modules.items()
                if not one.is_test
                and (
                    module == name
                    or is_part_of(module, name)
                    or one.path == folder
                    or one.path.startswith(f"{folder}/")
                )
            }
        return found


def _names(layer: str) -> list[str]:
    return [name.strip(" ()") for name in re.split(r"[|:]", layer)]


def _layer_rules(layers: Sequence[str], members: _Members, notices: list[str]) -> Iterable[_Rule]:
    """Yield that no layer reaches a higher one, nor one beside it that is independent."""
    rows = []
    for layer in layers:
        optional = {part.strip(" ()") for part in re.split(r"[|:]", layer) if "(" in part}
        rows.append([name for name in _names(layer) if name not in optional or members.of(name)])
    for place, row in enumerate(rows):
        for source in row:
            for higher in rows[:place]:
                for target in higher:
                    why = f"{target} is a layer above {source}"
                    yield _Rule(LAYER, source, target, why)
            if "|" in layers[place] and ":" not in layers[place]:
                for target in row:
                    if target != source:
                        yield _Rule(LAYER, source, target, f"{source} and {target} are independent")
    if any("|" in layer and ":" in layer for layer in layers):
        notices.append("arch.layers: one layer has both | and :, which contradict each other")


def _independence_rules(sets: Sequence[str]) -> Iterable[_Rule]:
    for one in sets:
        names = _names(one)
        for source in names:
            for target in names:
                if source != target:
                    why = f"{source} and {target} are independent"
                    yield _Rule(FORBIDDEN, source, target, why)


def _chain(
    graph: Mapping[str, Sequence[str]], sources: set[str], targets: set[str], without: set[str]
) -> list[str]:
    """Return the shortest chain from one set to another over neither, empty if there is none."""
    came_from: dict[str, str] = {}
    waiting = deque(sorted(sources))
    while waiting:
        node = waiting.popleft()
        for target in graph.get(node, ()):
            if target in targets:
                chain = [target, node]
                while chain[-1] not in sources:
                    chain.append(came_from[chain[-1]])
                return chain[::-1]
            if target not in came_from and target not in sources and target not in without:
                came_from[target] = node
                waiting.append(target)
    return []


def _direct(graph: ModuleGraph, rule: _Rule, edge: Edge, imports: Sequence[Import]) -> Finding:
    first, *others = imports
    path, other = graph.modules[edge[0]].path, graph.modules[edge[1]].path
    taken = [name for one in imports for name in one.names]
    what = f" ({listing(taken, 5)})" if taken else ""
    return Finding(
        rule=rule.rule,
        severity=Severity.MAJOR,
        title=f"{edge[0]} imports {edge[1]}: {rule.why}",
        explanation=(
            f"{path}:{first.line + 1} imports {edge[1]}{what}, and {rule.why}, as the settings "
            "say. Move what is needed below both, or let the caller hand it in; where this one "
            f'import is meant, add "{edge[0]} -> {edge[1]}" to arch.allow.'
        ),
        path=path,
        range=whole_line(first.line),
        quote="",
        confidence=1.0,
        fingerprint=identity(rule.rule, path, [path, other]),
        related=(
            *(
                Related(path, whole_line(one.line), f"{edge[0]} imports {edge[1]}")
                for one in others[:_MAX_RELATED]
            ),
            _whole(graph, edge[1]),
        ),
    )


def _indirect(
    graph: ModuleGraph, rule: _Rule, chain: Sequence[str], edges: Mapping[Edge, Sequence[Import]]
) -> Finding:
    steps = [edges[edge][0] for edge in pairwise(chain)]
    path = graph.modules[chain[0]].path
    return Finding(
        rule=rule.rule,
        severity=Severity.MAJOR,
        title=f"{rule.source} reaches {rule.target} over {listing(chain[1:-1], 3)}: {rule.why}",
        explanation=(
            f"The shortest chain is {' -> '.join(chain)}, from {path}:"
            f"{steps[0].line + 1} on. {rule.why}, as the settings say, and what is in neither "
            "carries the dependency on. Cut one of its imports, or give the modules between a "
            "place in the contract."
        ),
        path=path,
        range=whole_line(steps[0].line),
        quote="",
        confidence=1.0,
        fingerprint=identity(rule.rule, path, [rule.source, rule.target]),
        related=tuple(
            Related(
                graph.modules[one.source].path,
                whole_line(one.line),
                f"{one.source} imports {one.target}",
            )
            for one in steps[1 : 1 + _MAX_RELATED]
        ),
    )


def _whole(graph: ModuleGraph, name: str) -> Related:
    return Related(graph.modules[name].path, FILE_START, f"{name} is imported")
