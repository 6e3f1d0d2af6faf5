"""A project's structure in figures, and as a text sheet for a prompt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.structure.cycles import RULE as CYCLE
from claude_lsp.structure.edges import counted, degrees, production_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.module_graph import ModuleGraph

_TOP = 8
_MAX_PACKAGES = 30


@dataclass(frozen=True, slots=True)
class StructureSummary:
    """A project in figures, for the head of a report.

    Attributes:
        modules: how many modules there are, tests included.
        tests: how many of them are tests.
        imports: import edges between different modules, each counted once.
        packages: folders that hold modules.
        cycles: findings about cycles.
        lines: code lines of all modules.
        largest: (path, code lines) of the largest modules that are no tests.
        most_imported: (path, importers) of the modules that most others import, without tests.
        problems: files that could not be read or parsed in full.
    """

    modules: int
    tests: int
    imports: int
    packages: int
    cycles: int
    lines: int
    largest: tuple[tuple[str, int], ...]
    most_imported: tuple[tuple[str, int], ...]
    problems: int


def summarise(graph: ModuleGraph, findings: Iterable[Finding]) -> StructureSummary:
    """Return a module graph in figures."""
    modules = graph.modules.values()
    fan_in, _ = degrees(production_edges(graph))
    paths = {name: module.path for name, module in graph.modules.items()}
    return StructureSummary(
        modules=len(modules),
        tests=sum(one.is_test for one in modules),
        imports=len({(i.source, i.target) for i in graph.imports if i.source != i.target}),
        packages=len({one.package for one in modules}),
        cycles=sum(one.rule == CYCLE for one in findings),
        lines=sum(one.lines for one in modules),
        largest=_top({one.path: one.lines for one in modules if not one.is_test}),
        most_imported=_top({paths[name]: count for name, count in fan_in.items()}),
        problems=len(graph.problems),
    )


def render_map(graph: ModuleGraph, findings: Sequence[Finding], limit_lines: int = 120) -> str:
    """Return a compact sheet of a project's structure, at most `limit_lines` lines (8 or more).

    Tests are counted and otherwise left out. Packages are folders, split where the modules
    are, so that a project of any shape gives about thirty. `(!)` marks a package edge against
    which the other direction has more imports.
    """
    summary = summarise(graph, findings)
    pairs = production_edges(graph)
    fan_in, fan_out = degrees(pairs)
    production = [one for one in graph.modules.values() if not one.is_test]
    group = package_groups(Counter(one.package for one in production), _MAX_PACKAGES)
    home = {one.name: group[one.package] for one in production}
    weights = Counter(
        (home[source], home[target]) for source, target in pairs if home[source] != home[target]
    )
    header = (
        f"{counted(summary.modules, 'module')} ({summary.tests:,} of them tests), "
        f"{summary.lines:,} code lines, {counted(summary.imports, 'import edge')}, "
        f"{counted(summary.packages, 'folder')}, {counted(summary.cycles, 'cycle')}, "
        f"{counted(summary.problems, 'file')} not read in full"
    )
    sections = [
        ("Packages: modules, code lines, edges in / out", _package_rows(graph, home, weights)),
        ("Package edges: imports, (!) = against the main direction", _edge_rows(weights)),
        (
            "Findings",
            [f"{one.severity.value} {one.rule} {one.path}: {one.title}" for one in findings],
        ),
        ("Most imported", _rows(fan_in, "importers")),
        ("Imports most", _rows(fan_out, "imported")),
        ("Largest", _rows({one.name: one.lines for one in production}, "lines")),
    ]
    return "\n".join([header, *_within(sections, max(8, limit_lines) - 1)]) + "\n"


def package_groups(folders: Mapping[str, int], most: int) -> dict[str, str]:
    """Return for each folder the package that it is shown as, at most `most` different ones.

    The group with most modules is split into its subfolders until another split would give
    too many; a fixed depth would show one project as one package and another as hundreds.

    Args:
        folders: how many modules each folder holds itself, by path; "." is the workspace.
        most: how many groups there may be.
    """
    groups: dict[str, list[str]] = {".": sorted(folders)}
    while True:
        able = [name for name, inside in groups.items() if inside != [name] and inside]
        for name in sorted(
            able, key=lambda name: (-sum(map(folders.__getitem__, groups[name])), name)
        ):
            parts: dict[str, list[str]] = {}
            for folder in groups[name]:
                parts.setdefault(_child(name, folder), []).append(folder)
            if len(groups) - 1 + len(parts) <= most:
                del groups[name]
                groups.update(parts)
                break
        else:
            return {folder: name for name, inside in groups.items() for folder in inside}


def _child(group: str, folder: str) -> str:
    """Return the folder directly below `group` that holds `folder`, or the group itself."""
    if folder == group:
        return group
    above = "" if group == "." else f"{group}/"
    return above + folder.removeprefix(above).split("/", 1)[0]


def _package_rows(
    graph: ModuleGraph, home: Mapping[str, str], weights: Mapping[tuple[str, str], int]
) -> list[str]:
    modules = Counter(home.values())
    lines: Counter[str] = Counter()
    for name, package in home.items():
        lines[package] += graph.modules[name].lines
    into: Counter[str] = Counter()
    out: Counter[str] = Counter()
    for (source, target), weight in weights.items():
        out[source] += weight
        into[target] += weight
    return [
        f"{package}: {modules[package]:,}, {lines[package]:,}, {into[package]:,} / {out[package]:,}"
        for package in sorted(modules, key=lambda package: (-lines[package], package))
    ]


def _edge_rows(weights: Mapping[tuple[str, str], int]) -> list[str]:
    return [
        f"{source} -> {target}: {weight:,}"
        + (" (!)" if weights.get((target, source), 0) > weight else "")
        for (source, target), weight in sorted(
            weights.items(),
            # An edge against the stream says more than its weight does.
            key=lambda one: (weights.get((one[0][1], one[0][0]), 0) <= one[1], -one[1], one[0]),
        )
    ]


def _rows(figures: Mapping[str, int], unit: str) -> list[str]:
    ordered = sorted(figures.items(), key=lambda one: (-one[1], one[0]))
    return [f"{name}: {figure:,} {unit}" for name, figure in ordered if figure]


def _top(figures: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(figures.items(), key=lambda one: (-one[1], one[0]))[:_TOP])


def _within(sections: Sequence[tuple[str, Sequence[str]]], limit: int) -> list[str]:
    """Cut the sections to `limit` lines in all; what a short one leaves goes to the others."""
    filled = [(title, rows) for title, rows in sections if rows]
    left = limit
    shares: dict[str, int] = {}
    for number, (title, rows) in enumerate(sorted(filled, key=lambda one: len(one[1]))):
        shares[title] = min(len(rows) + 1, left // (len(filled) - number))
        left -= shares[title]
    text: list[str] = []
    for title, rows in filled:
        room = shares[title] - 1
        if room < 1:
            continue
        text.append(f"# {title}")
        if len(rows) <= room:
            text.extend(rows)
        else:
            text.extend([*rows[: room - 1], f"... and {len(rows) - room + 1:,} more"])
    return text
