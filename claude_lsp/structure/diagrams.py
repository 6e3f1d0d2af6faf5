"""The module graph as text that other programs draw: Mermaid and Graphviz."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import neighbours, production_edges
from claude_lsp.structure.packages import package_groups

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.findings.finding import Finding
    from claude_lsp.structure.edges import Edge
    from claude_lsp.workspace.module_graph import ModuleGraph

MOST_NODES = 60
"""Modules that can still be read as a picture; above, packages stand for them."""


def mermaid(graph: ModuleGraph, findings: Iterable[Finding]) -> str:
    """Return a Mermaid flowchart; what lies in a cycle or has a finding is marked."""
    names, edges = _shown(graph)
    numbers = {name: f"n{place}" for place, name in enumerate(names)}
    inside = _in_cycles(edges)
    lines = ["flowchart TD"]
    lines += [f'    {numbers[name]}["{_mermaid(label)}"]' for name, label in names.items()]
    for place, ((source, target), weight) in enumerate(edges.items()):
        text = f"|{weight}|" if weight > 1 else ""
        lines.append(f"    {numbers[source]} -->{text} {numbers[target]}")
        if (source, target) in inside:
            lines.append(f"    linkStyle {place} stroke:#c62828,stroke-width:2px")
    marked = [numbers[name] for name in names if name in _found(graph, findings, names)]
    if marked:
        lines.append("    classDef found stroke:#c62828,stroke-width:2px")
        lines.append(f"    class {','.join(marked)} found")
    return "\n".join(lines) + "\n"


def dot(graph: ModuleGraph, findings: Iterable[Finding]) -> str:
    """Return a Graphviz digraph; what lies in a cycle or has a finding is marked."""
    names, edges = _shown(graph)
    inside = _in_cycles(edges)
    marked = _found(graph, findings, names)
    lines = ["digraph modules {", '    node [shape=box, fontname="sans-serif"];']
    for name, label in names.items():
        colour = ", color=red" if name in marked else ""
        lines.append(f"    {_quoted(name)} [label={_quoted(label)}{colour}];")
    for edge, weight in edges.items():
        parts = [f"label={weight}"] if weight > 1 else []
        parts += ["color=red"] if edge in inside else []
        style = f" [{', '.join(parts)}]" if parts else ""
        lines.append(f"    {_quoted(edge[0])} -> {_quoted(edge[1])}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _shown(graph: ModuleGraph) -> tuple[dict[str, str], dict[Edge, int]]:
    """Return the nodes with their labels, and the edges with their weights."""
    modules = {name: one for name, one in graph.modules.items() if not one.is_test}
    pairs = list(production_edges(graph))
    if len(modules) <= MOST_NODES:
        return {name: name for name in modules}, dict.fromkeys(pairs, 1)
    sizes: Counter[str] = Counter()
    for one in modules.values():
        sizes[one.package] += one.length
    home = package_groups(sizes, MOST_NODES)
    group = {name: home[one.package] for name, one in modules.items()}
    weights = Counter((group[a], group[b]) for a, b in pairs if group[a] != group[b])
    counts = Counter(group.values())
    return (
        {name: f"{name} ({counts[name]})" for name in sorted(counts)},
        dict(sorted(weights.items())),
    )


def _in_cycles(edges: Iterable[Edge]) -> set[Edge]:
    edges = list(edges)
    home = {
        name: number
        for number, group in enumerate(strongly_connected(neighbours(edges)))
        for name in group
    }
    return {edge for edge in edges if home[edge[0]] == home[edge[1]]}


def _found(graph: ModuleGraph, findings: Iterable[Finding], names: dict[str, str]) -> set[str]:
    """Return which nodes have a finding: modules by their names, or the folders above them."""
    by_path = {one.path: name for name, one in graph.modules.items()}
    found = set()
    for one in findings:
        name = by_path.get(one.path, "")
        folder = one.path
        while name not in names and folder:
            folder = folder.rpartition("/")[0]
            name = folder or "."
        found.add(name)
    return found


def _mermaid(text: str) -> str:
    return "".join(one if one.isalnum() or one in " ./_-()" else f"#{ord(one)};" for one in text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
