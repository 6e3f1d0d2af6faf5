"""The structural review: every fact family over one module graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.structure.beside import less_beside_the_product
from claude_lsp.structure.contracts import check_contracts
from claude_lsp.structure.coupling import find_change_coupling
from claude_lsp.structure.cycles import find_cycles
from claude_lsp.structure.dependencies import find_dependencies
from claude_lsp.structure.duplicates import find_duplicates
from claude_lsp.structure.evidence import Evidence
from claude_lsp.structure.hubs import find_hubs, find_unstable_dependencies
from claude_lsp.structure.options import StructureOptions
from claude_lsp.structure.privacy import find_private_access
from claude_lsp.structure.sizes import find_god_modules
from claude_lsp.structure.untested import find_untested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.module_graph import ModuleGraph

_DEFAULTS = StructureOptions()
_NOTHING = Evidence()


def review_structure(
    graph: ModuleGraph, options: StructureOptions = _DEFAULTS, evidence: Evidence = _NOTHING
) -> list[Finding]:
    """Return what the code alone shows to be wrong, worst first, then by path.

    The same graph and evidence give the same findings, whatever the order of modules and imports.
    Each explanation holds the figures that it rests on. Facts are never critical.
    """
    contracts, _ = check_contracts(graph, evidence.contracts)
    found = [
        *contracts,
        *find_cycles(graph),
        *find_god_modules(graph, options),
        *find_hubs(graph, options),
        *find_unstable_dependencies(graph, options),
        *find_private_access(graph, evidence.private_uses),
        *find_duplicates(graph, evidence.copies, options),
        *find_change_coupling(graph, evidence.commits, options),
        *find_untested(graph, options),
        *find_dependencies(graph, evidence.manifests, evidence.mentioned, evidence.installed),
    ]
    return worst_first(less_beside_the_product(graph, evidence.manifests, found))


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which they are told."""
    return sorted(
        findings,
        key=lambda one: (one.severity.rank, one.path, one.range.start, one.rule, one.title),
    )
