"""The structural review: every fact family over one module graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.structure.cycles import find_cycles
from claude_lsp.structure.hubs import find_hubs, find_unstable_dependencies
from claude_lsp.structure.options import StructureOptions
from claude_lsp.structure.sizes import find_god_modules

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.module_graph import ModuleGraph

_DEFAULTS = StructureOptions()


def review_structure(graph: ModuleGraph, options: StructureOptions = _DEFAULTS) -> list[Finding]:
    """Return what the module graph alone shows to be wrong, worst first, then by path.

    The same graph gives the same findings, whatever the order of its modules and imports.
    Each explanation holds the figures that it rests on. Facts are never critical.
    """
    findings = [
        *find_cycles(graph),
        *find_god_modules(graph, options),
        *find_hubs(graph, options),
        *find_unstable_dependencies(graph, options),
    ]
    return sorted(
        findings,
        key=lambda one: (one.severity.rank, one.path, one.range.start, one.rule, one.title),
    )
