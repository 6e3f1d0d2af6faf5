"""God modules: far larger than the others, and holding many things."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.structure.edges import FILE_START, counted, listing, percentile
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.workspace.module_graph import Module, ModuleGraph

RULE = "arch.size"

_MAX_GROUPS = 4
_MIN_GROUP_SHARE = 0.1
"""A group with less of the module's lines is an odd helper, no responsibility of its own."""


_SYNCHRONY = re.compile(r"_?a?sync_?", re.IGNORECASE)


def find_god_modules(graph: ModuleGraph, options: StructureOptions) -> list[Finding]:
    """Return a finding for every module that is an outlier in size, by floor and percentile.

    What its definitions use of each other must be known (see `module_graph.with_uses`).
    """
    found, median, count = _outliers(graph, options)
    return [_finding(one, median, count) for one in found]


def god_modules(graph: ModuleGraph, options: StructureOptions) -> list[str]:
    """Return the names of the modules that `find_god_modules` speaks of."""
    return [one.name for one in _outliers(graph, options)[0]]


def _outliers(graph: ModuleGraph, options: StructureOptions) -> tuple[list[Module], float, int]:
    """Return outliers, the median size and the number of modules.

    Nobody splits what a program wrote, so generated modules count on neither side.
    """
    modules = [
        one
        for one in graph.modules.values()
        if one.lines and not one.is_test and not one.is_generated
    ]
    if not modules:
        return [], 0, 0
    sizes = [one.lines for one in modules]
    median = statistics.median(sizes)
    floor = max(
        options.size_lines,
        percentile(sizes, options.size_percentile),
        options.size_ratio * median,
    )
    found = [one for one in modules if one.lines >= floor and held(one) >= options.size_definitions]
    return found, median, len(modules)


def held(module: Module) -> int:
    """Return how many functions, classes and methods a module holds."""
    return sum(1 + definition.members for definition in module.definitions)


def definition_groups(module: Module) -> list[tuple[str, ...]]:
    """Return the groups of definitions that use each other, the one with most lines first.

    Two definitions are in one group when a chain of uses, in either direction, joins them.
    Groups with few of the module's lines are left out, and so is the second of two groups that
    do the same, one synchronously and one asynchronously.
    """
    names = {one.name for one in module.definitions}
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for one in module.definitions:
        for used in one.uses:
            if used in names:
                leader[find(used)] = find(one.name)
    groups: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for one in module.definitions:
        groups.setdefault(find(one.name), []).append(one.name)
        lines[find(one.name)] = lines.get(find(one.name), 0) + one.end - one.line + 1
    least = _MIN_GROUP_SHARE * sum(lines.values())
    large = [key for key in groups if lines[key] >= least]
    ordered = sorted(large, key=lambda key: (-lines[key], groups[key]))
    different: dict[tuple[str, ...], tuple[str, ...]] = {}
    for key in ordered:
        twin = tuple(sorted(_SYNCHRONY.sub("", name) for name in groups[key]))
        different.setdefault(twin, tuple(groups[key]))
    return list(different.values())


def _finding(module: Module, median: float, count: int) -> Finding:
    groups = definition_groups(module)
    largest = max(module.definitions, key=lambda one: (one.end - one.line, one.name))
    what = counted(held(module), "function, class or method", "functions, classes and methods")
    usual = f"the median of the project's {counted(count, 'module')} is {median:,.0f} lines"
    lines = counted(module.lines, "code line")
    parts = [f"{module.name} has {lines} and holds {what}; {usual}."]
    if len(groups) > 1:
        shown = "; ".join(f"({listing(group, 4)})" for group in groups[:_MAX_GROUPS])
        more = f"; and {len(groups) - _MAX_GROUPS} more" if len(groups) > _MAX_GROUPS else ""
        apart = f"Its definitions fall into {len(groups)} groups that do not use each other"
        parts.append(f"{apart}, so it can be split along them: {shown}{more}.")
    else:
        parts.append(
            f"The largest definition is {largest.name} with "
            f"{counted(largest.end - largest.line + 1, 'line')}."
        )
    title = f"{module.name} is far larger than the other modules ({module.lines:,} lines)"
    return Finding(
        rule=RULE,
        severity=Severity.MINOR if len(groups) > 1 else Severity.INFO,
        title=title,
        explanation=" ".join(parts),
        path=module.path,
        range=FILE_START,
        quote="",
        confidence=1.0,
        fingerprint=identity(RULE, module.path),
    )
