"""What changes together without a dependency that says why."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import FILE_START, is_below
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.workspace.module_graph import ModuleGraph

RULE = "arch.coupling"


def find_change_coupling(
    graph: ModuleGraph, commits: Iterable[Sequence[str]], options: StructureOptions
) -> list[Finding]:
    """Return a finding for every pair of modules of different packages that change together.

    Modules of which one imports the other, or that both import a third one that changed as often
    with them, need no explanation.

    Args:
        graph: the modules of now.
        commits: the paths that each commit changed; big ones left out.
        options: from how often on it counts.
    """
    home = {one.path: name for name, one in graph.modules.items() if not one.is_test}
    joined = {frozenset((one.source, one.target)) for one in graph.imports}
    changes: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for commit in commits:
        known = sorted({home[path] for path in commit if path in home})
        changes.update(known)
        together.update(combinations(known, 2))
    findings = []
    for (one, other), count in sorted(together.items()):
        first, second = graph.modules[one], graph.modules[other]
        share = count / max(changes[one], changes[other])
        if (
            count < options.coupling_commits
            or share < options.coupling_share
            or frozenset((one, other)) in joined
            or is_below(first.package, second.package)
            or first.path.rpartition(".")[2] != second.path.rpartition(".")[2]
        ):
            continue
        findings.append(
            Finding(
                rule=RULE,
                severity=Severity.INFO,
                title=f"{one} and {other} change together, and neither imports the other",
                explanation=(
                    f"{count} commits changed both, of {changes[one]} that changed {one} and "
                    f"{changes[other]} that changed {other}. So they share knowledge that no "
                    "import shows: a format, a protocol, an order of steps. Give it one place."
                ),
                path=first.path,
                range=FILE_START,
                quote="",
                confidence=1.0,
                fingerprint=identity(RULE, first.path, [first.path, second.path]),
                related=(Related(second.path, FILE_START, f"{other} changes with it"),),
            )
        )
    return findings
