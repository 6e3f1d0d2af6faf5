"""A project's structure as a text sheet for a prompt, within a budget of tokens.

What is said first is what costs least for what it tells: packages and what passes between them,
then cycles and the modules at the ends of each scale, then signatures, which take what is left.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.structure.cycles import RULE as CYCLE
from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import counted, degrees, edges, neighbours
from claude_lsp.structure.packages import packages
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.structure.edges import Edge
    from claude_lsp.structure.packages import Package
    from claude_lsp.workspace.module_graph import Module, ModuleGraph

_MAX_PACKAGES = 30
_MAX_CYCLES = 40
_MAX_MEMBERS = 6
_FEW_MEMBERS = 2
_EDGES_PER_FIGURE = 4
_TOP = 30
_MAX_ENTRIES = 20
_MAX_SIGNATURE = 200
_MAX_EVIDENCE = 400
_LEAST_TOKENS = 6
"""No line of the sheet has less, so a budget bounds how many are looked at."""

_ENTRY_STEMS = {"__main__", "main", "cli", "manage", "wsgi", "asgi", "server", "app", "Main"}


class Signature(NamedTuple):
    """A definition that other files import.

    Attributes:
        path: its file.
        text: its head on one line.
        users: how many other files import it.
    """

    path: str
    text: str
    users: int


class Section(NamedTuple):
    """A part of the sheet that can be cut.

    Attributes:
        weight: its part of the budget, relative to the other sections.
        most: how many items it has.
        render: returns its text with so many items, the most telling ones.
    """

    weight: float
    most: int
    render: Callable[[int], str]


def render_map(
    graph: ModuleGraph,
    findings: Sequence[Finding],
    budget: int,
    count: Callable[[str], int],
    signatures: Sequence[Signature] = (),
) -> str:
    """Return a sheet of a project's structure that takes at most `budget` tokens.

    Tests are counted and otherwise left out. What one section does not need goes to the others,
    so a small project is shown in full by any budget, and the rest of a large one is signatures.

    Args:
        graph: the modules and imports.
        findings: structural facts that are worth a remark.
        budget: the bound in tokens.
        count: returns how many tokens a text takes; the bound holds in its measure.
        signatures: the definitions that most other files import, these first.
    """
    modules = {name: one for name, one in graph.modules.items() if not one.is_test}
    pairs = list(
        edges(graph, lambda one: one.source in modules and one.target in modules),
    )
    found, weights = packages(modules.values(), pairs, _MAX_PACKAGES)
    cycles = [one for one in strongly_connected(neighbours(pairs)) if len(one) > 1]
    header = _header(graph, pairs, cycles)
    sections = [
        _package_section(found, weights),
        _module_section(modules, pairs),
        _cycle_section(modules, pairs, cycles, graph),
        _list_section(0.02, "## Also found", _remarks(findings)),
        _list_section(0.02, "## Entry points", _entry_points(modules, pairs)),
        _signature_section(signatures[: budget // _LEAST_TOKENS]),
    ]
    return _within(header, [one for one in sections if one.most], budget, count)


def render_facts(findings: Iterable[Finding]) -> str:
    """Return structural facts with their evidence, one a line, the worst first."""
    worst_first = sorted(findings, key=lambda one: (one.severity.rank, one.rule, one.path))
    return "".join(
        f"{one.rule} {one.severity.value} {visible(one.path)}:{one.range.start.line + 1} "
        f"{one.title}. "
        f"{_shortened(one.explanation)}\n"
        for one in worst_first
    )


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _MAX_EVIDENCE else f"{words[:_MAX_EVIDENCE]} ..."


def _within(
    header: str, sections: Sequence[Section], budget: int, count: Callable[[str], int]
) -> str:
    """Cut the sections so that all together keep to the budget."""
    texts = [one.render(one.most) for one in sections]
    needs = [count(text) for text in texts]
    kept = [one.most for one in sections]
    left = budget - count(header)
    while left > 0:
        rooms = _rooms(needs, [one.weight for one in sections], left)
        spare = 0
        for place, section in enumerate(sections):
            room = rooms[place] + spare
            if needs[place] > room:
                kept[place] = _largest(section, room, count)
                texts[place] = section.render(kept[place])
                spare = room - count(texts[place])
            else:
                texts[place], kept[place] = section.render(section.most), section.most
                spare = room - needs[place]
        whole = "".join([header, *(text for text, n in zip(texts, kept, strict=True) if n)])
        if (size := count(whole)) <= budget:
            return whole
        # Parts may take less by themselves than together.
        left -= size - budget
    return header if count(header) <= budget else ""


def _rooms(needs: Sequence[int], weights: Sequence[float], budget: int) -> list[int]:
    """Divide a budget by weights; what one does not need goes to those that need more."""
    rooms = [0] * len(needs)
    waiting = list(range(len(needs)))
    while waiting:
        total = sum(weights[one] for one in waiting)
        modest = [one for one in waiting if needs[one] <= budget * weights[one] / total]
        for one in modest or waiting:
            rooms[one] = needs[one] if modest else int(budget * weights[one] / total)
        if not modest:
            break
        budget -= sum(needs[one] for one in modest)
        waiting = [one for one in waiting if one not in modest]
    return rooms


def _largest(section: Section, room: int, count: Callable[[str], int]) -> int:
    """Return how many items of a section fit into a room."""
    low, high = 0, section.most
    while low < high:
        middle = (low + high + 1) // 2
        if count(section.render(middle)) <= room:
            low = middle
        else:
            high = middle - 1
    return low


# --- The sections ---------------------------------------------------------------------------


def _header(graph: ModuleGraph, pairs: Sequence[Edge], cycles: Sequence[Sequence[str]]) -> str:
    modules = graph.modules.values()
    tests = sum(one.is_test for one in modules)
    parts = [
        f"{counted(len(modules), 'module')} ({counted(tests, 'test')}, not shown)",
        counted(sum(one.length for one in modules), "line"),
        counted(len(pairs), "import"),
        counted(len(cycles), "cycle"),
    ]
    if graph.problems:
        parts.append(f"{counted(len(graph.problems), 'file')} not parsed in full")
    return f"# {', '.join(parts)}\n"


def _package_section(found: Sequence[Package], weights: Mapping[Edge, int]) -> Section:
    """Return a row for each package: its figures, and the packages that it imports.

    Items are edges, the heaviest first, and the figures of packages, the largest first.
    """
    ranked = sorted(weights.items(), key=lambda one: (-one[1], one[0]))
    edges_left, figures_left = iter(edge for edge, _ in ranked), iter(one.path for one in found)
    order: list[Edge | str] = []
    while len(order) < len(ranked) + len(found):
        order += islice(edges_left, _EDGES_PER_FIGURE)
        order += islice(figures_left, 1)

    def render(most: int) -> str:
        shown = set(order[:most])
        targets: dict[str, list[str]] = {}
        for edge, weight in ranked:
            if edge in shown:
                mark = "!" if weights.get(edge[::-1], 0) > weight else ""
                targets.setdefault(edge[0], []).append(f"{_folder(edge[1])} {weight}{mark}")
        rows = ["## Packages: lines, imports in/out, instability -> imported (! = more come back)"]
        for one in found:
            figures = f" {one.lines} {one.incoming}/{one.outgoing} {_share(one.instability)}"
            imported = f" -> {', '.join(targets[one.path])}" if one.path in targets else ""
            if one.path in shown or imported:
                rows.append(f"{_folder(one.path)}{figures if one.path in shown else ''}{imported}")
        named = shown | targets.keys()
        left = [_folder(one.path) for one in found if one.path not in named]
        if left:
            # Each is named, whatever the budget: what has no name can't be asked about.
            rows.append(f"and {counted(len(left), 'more package')}: {', '.join(left)}")
        return "\n".join(rows) + "\n"

    return Section(0.45, len(order), render)


def _module_section(modules: Mapping[str, Module], pairs: Sequence[Edge]) -> Section:
    """Return the upper ends of three scales, as many of each."""
    fan_in, fan_out = degrees(pairs)
    scales = [
        ("Most imported", fan_in),
        ("Importing most", fan_out),
        ("Largest (lines)", {name: one.length for name, one in modules.items()}),
    ]
    tops = [
        (title, [f"{label(modules[name])} {number}" for name, number in _ordered(scale)[:_TOP]])
        for title, scale in scales
    ]

    def render(most: int) -> str:
        return "".join(f"## {title}\n{', '.join(rows[:most])}\n" for title, rows in tops if rows)

    return Section(0.37, max(len(rows) for _, rows in tops), render)


def _cycle_section(
    modules: Mapping[str, Module],
    pairs: Sequence[Edge],
    cycles: Sequence[tuple[str, ...]],
    graph: ModuleGraph,
) -> Section:
    """Return a row for each cycle; items are first two members of each, then further ones."""
    fan_in, _ = degrees(pairs)
    now = edges(graph, lambda one: not one.deferred and not one.type_only)
    rings = [set(one) for one in strongly_connected(neighbours(now)) if len(one) > 1]
    heads, members = [], []
    for cycle in sorted(cycles, key=lambda one: (-len(one), one))[:_MAX_CYCLES]:
        at_import = max((len(ring) for ring in rings if not ring.isdisjoint(cycle)), default=0)
        heads.append(f"cycle of {len(cycle)} ({at_import} at import): ")
        ordered = sorted(cycle, key=lambda name: (-fan_in.get(name, 0), name))
        members.append([label(modules[name]) for name in ordered])

    def render(most: int) -> str:
        rows = ["## Cycles, most imported members first"]
        for place, (head, names) in enumerate(zip(heads[:most], members, strict=False)):
            shown = names[: _MAX_MEMBERS if most - len(heads) > place else _FEW_MEMBERS]
            rows.append(head + ", ".join(shown) + (", ..." if len(names) > len(shown) else ""))
        left = len(cycles) - len(rows) + 1
        return "\n".join([*rows, f"and {left:,} more"] if left else rows) + "\n"

    return Section(0.1, 2 * len(heads), render)


def _list_section(weight: float, title: str, rows: Sequence[str]) -> Section:
    def render(most: int) -> str:
        left = len(rows) - most
        more = [f"and {left:,} more"] if left else []
        return "\n".join([title, *rows[:most], *more]) + "\n"

    return Section(weight, len(rows), render)


def _remarks(findings: Iterable[Finding]) -> list[str]:
    return [one.title for one in findings if one.rule != CYCLE]


def _entry_points(modules: Mapping[str, Module], pairs: Sequence[Edge]) -> list[str]:
    """Return the modules that are started rather than imported, by their usual names."""
    imported = {target for _, target in pairs}
    found = [
        one.path
        for name, one in modules.items()
        if (stem := one.path.rpartition("/")[2].partition(".")[0]) in _ENTRY_STEMS
        and (name not in imported or stem in {"__main__", "main"})
    ]
    return sorted(found, key=lambda path: (path.count("/"), path))[:_MAX_ENTRIES]


def _signature_section(signatures: Sequence[Signature]) -> Section:
    def render(most: int) -> str:
        files: dict[str, list[str]] = {}
        for one in signatures[:most]:
            text = one.text[:_MAX_SIGNATURE]
            files.setdefault(one.path, []).append(f"  {text}  # used by {one.users}")
        rows = ["## Most used definitions"]
        for path, lines in files.items():
            rows += [f"{visible(path)}:", *lines]
        return "\n".join(rows) + "\n"

    return Section(0.05, len(signatures), render)


def label(module: Module) -> str:
    """Return what a module is called: its dotted name, or its path without its ending."""
    if module.path.endswith(".py"):
        return module.name
    return module.path.rpartition(".")[0] or module.path


def _folder(path: str) -> str:
    return "_root_" if path == "." else path


def _share(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _ordered(figures: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(figures.items(), key=lambda one: (-one[1], one[0]))
