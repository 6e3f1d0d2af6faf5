"""Public definitions in modules that no test reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.structure.edges import FILE_START, counted, listing
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.workspace.module_graph import Module, ModuleGraph

RULE = "arch.untested"

_READ = (".py", ".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".go")
"""Of these a test's imports tell what it tests; in other languages it need not have any."""


def find_untested(graph: ModuleGraph, options: StructureOptions) -> list[Finding]:
    """Return a finding for every module with public functions that no test reaches.

    A test reaches what it imports and what that imports. Where tests reach little of a project
    they do not work by importing it, and nothing is said.
    """
    targets: dict[str, list[str]] = {}
    for one in graph.imports:
        if not one.type_only:
            targets.setdefault(one.source, []).append(one.target)
    tests = [one for one in graph.modules.values() if one.is_test]
    reached = {one.name for one in tests}
    go_folders = {one.package for one in tests if one.path.endswith("_test.go")}
    reached |= {
        one.name
        for one in graph.modules.values()
        if one.path.endswith(".go") and one.package in go_folders
    }
    waiting = list(reached)
    while waiting:
        for target in targets.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    judged = [one for one in graph.modules.values() if _can_be_tested(one, options)]
    missed = [one for one in judged if one.name not in reached]
    if not judged or len(missed) > (1 - options.tested_share) * len(judged):
        return []
    return [_finding(one) for one in missed]


def _can_be_tested(module: Module, options: StructureOptions) -> bool:
    return (
        not module.is_test
        and not module.is_generated
        and module.path.endswith(_READ)
        and module.lines >= options.untested_lines
        and bool(_public(module))
        and not module.path.rpartition("/")[2].startswith(("__main__.", "setup.", "conf."))
    )


def _public(module: Module) -> list[str]:
    offered = set(module.public)
    return [one.name for one in module.definitions if one.name in offered]


def _finding(module: Module) -> Finding:
    names = _public(module)
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title=f"No test reaches {module.name}",
        explanation=(
            f"No test imports {module.path}, nor anything that imports it. It offers "
            f"{counted(len(names), 'definition')} ({listing(names, 5)}) in "
            f"{counted(module.lines, 'code line')}."
        ),
        path=module.path,
        range=FILE_START,
        quote="",
        confidence=1.0,
        fingerprint=identity(RULE, module.path),
    )
