"""A project's structure in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.structure.cycles import RULE as CYCLE
from claude_lsp.structure.edges import degrees, production_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.module_graph import ModuleGraph

_TOP = 8


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


def _top(figures: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(figures.items(), key=lambda one: (-one[1], one[0]))[:_TOP])
