"""What stands beside the product: examples, documentation, scripts. There a fact is only a hint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Severity
from claude_lsp.structure.contracts import FORBIDDEN, LAYER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.manifests import Manifest
    from claude_lsp.workspace.module_graph import ModuleGraph

_FOLDERS = frozenset(
    [
        "doc",
        "docs",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "bench",
        "benchmark",
        "benchmarks",
        "script",
        "scripts",
    ]
)
_ASKED_FOR = frozenset((LAYER, FORBIDDEN))
_MOST = 0.5
"""Share of a project's modules in such folders above which they are the product."""


def less_beside_the_product(
    graph: ModuleGraph, manifests: Iterable[Manifest], findings: Iterable[Finding]
) -> list[Finding]:
    """Return findings, those in folders beside the product as hints.

    Such a folder is at the top, or beside a manifest. What the settings forbid is forbidden there,
    too.
    """
    roots = {""} | {one.folder for one in manifests}
    code = [one.path for one in graph.modules.values() if not one.is_test]
    beside = {path for path in code if _is_beside(path, roots)}
    findings = list(findings)
    if len(beside) > _MOST * len(code):
        return findings
    return [
        replace(one, severity=Severity.INFO)
        if one.path in beside and one.rule not in _ASKED_FOR
        else one
        for one in findings
    ]


def _is_beside(path: str, roots: Iterable[str]) -> bool:
    parts = path.split("/")
    return any(
        part in _FOLDERS and "/".join(parts[:place]) in roots
        for place, part in enumerate(parts[:-1])
    )
