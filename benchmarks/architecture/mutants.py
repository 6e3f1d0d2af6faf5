"""Faults that are put into real projects, each by a change that does nothing else."""

from __future__ import annotations

import ast
import random
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import edges, neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claude_lsp.workspace.module_graph import Module, ModuleGraph

KINDS = ("cycle", "layer", "private", "duplicate")
_LEAST_LINES = 7


class Mutant(NamedTuple):
    """One fault.

    Attributes:
        kind: what it is; the rule that must find it is `arch.KIND`.
        path: the file that changes.
        addition: what is written at its end.
        other: the file that the finding must name beside it.
        layers: the contract that it breaks.
    """

    kind: str
    path: str
    addition: str
    other: str
    layers: tuple[str, ...] = ()


def mutants(graph: ModuleGraph, root: Path, seed: int, most: int) -> list[Mutant]:
    """Return at most `most` faults of each kind for a Python project, the same for one seed."""
    chance = random.Random(seed)
    found = []
    for make in (_back_edges, _skipped_layers, _private_imports, _copies):
        every = sorted(make(graph, root))
        found += chance.sample(every, min(most, len(every)))
    return found


def _modules(graph: ModuleGraph) -> list[Module]:
    return [
        one
        for one in graph.modules.values()
        if one.path.endswith(".py") and not one.is_test and one.definitions and one.lines > 20
    ]


def _back_edges(graph: ModuleGraph, _root: Path) -> Iterator[Mutant]:
    now = edges(graph, lambda one: not one.type_only and not one.deferred)
    home = {
        name: number
        for number, group in enumerate(strongly_connected(neighbours(now)))
        for name in group
    }
    useful = {one.name for one in _modules(graph)}
    for source, target in now:
        if {source, target} <= useful and home[source] != home[target]:
            path, other = graph.modules[target].path, graph.modules[source].path
            yield Mutant("cycle", path, f"import {source}\n", other)


def _skipped_layers(graph: ModuleGraph, _root: Path) -> Iterator[Mutant]:
    """Of two packages of which only one reaches the other, let the lower import the higher."""
    package = {one.name: one.name.rpartition(".")[0] for one in _modules(graph)}
    pairs = {
        (package[a], package[b])
        for a, b in edges(graph, lambda one: not one.type_only)
        if a in package and b in package and package[a] != package[b]
    }
    targets = neighbours(sorted(pairs))
    for high, low in sorted(pairs):
        nested = f"{high}.".startswith(f"{low}.") or f"{low}.".startswith(f"{high}.")
        if nested or not high or not low or high in _reached(low, targets):
            continue
        inside = [one for one in _modules(graph) if package[one.name] == low]
        above = [one for one in _modules(graph) if package[one.name] == high]
        yield Mutant(
            "layer", inside[0].path, f"import {above[0].name}\n", above[0].path, (high, low)
        )


def _reached(start: str, targets: dict[str, list[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for one in targets.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


def _private_imports(graph: ModuleGraph, _root: Path) -> Iterator[Mutant]:
    joined = {(one.source, one.target) for one in graph.imports}
    modules = _modules(graph)
    for target in modules:
        private = [
            one.name
            for one in target.definitions
            if one.name.startswith("_") and not one.name.startswith("__")
        ]
        home = (
            target.name if target.path.endswith("__init__.py") else target.name.rpartition(".")[0]
        )
        if not private or any(part.startswith("_") for part in target.name.split(".")):
            continue
        for source in modules:
            outside = (
                not f"{source.name}.".startswith(f"{home}.") and source.package != target.package
            )
            if outside and home and (source.name, target.name) not in joined:
                for text in (
                    f"from {target.name} import {private[0]}\n",
                    f"import {target.name} as its_module\n\nits_module.{private[0]}\n",
                ):
                    yield Mutant("private", source.path, text, target.path)


def _copies(graph: ModuleGraph, root: Path) -> Iterator[Mutant]:
    modules = _modules(graph)
    for place, module in enumerate(modules):
        target = modules[(place + 1) % len(modules)]
        if target.path == module.path:
            continue
        tree = ast.parse((root / module.path).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                text = _renamed(node)
                if text:
                    yield Mutant("duplicate", target.path, text, module.path)


def _renamed(node: ast.FunctionDef) -> str:
    """Return a copy of a function with other names for itself and its variables, if long enough."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    length = sum((one.end_lineno or one.lineno) - one.lineno + 1 for one in body)
    if length < _LEAST_LINES or any(
        isinstance(one, ast.Global | ast.Nonlocal) for one in ast.walk(node)
    ):
        return ""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    own = {one.arg for one in arguments}
    own |= {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    names = {name: f"{name}_2" for name in own if name != "self"}
    copy = _Renaming(names).visit(ast.parse(ast.unparse(node)).body[0])
    copy.name = f"{node.name}_copy"
    text = ast.unparse(copy)
    return f"\n\n{text}\n" if text.count("\n") >= _LEAST_LINES - 1 else ""


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._names.get(node.arg, node.arg)
        return node
