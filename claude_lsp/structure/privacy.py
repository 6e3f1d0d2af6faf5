"""Private things that are used from another package."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import FILE_START, counted, listing, whole_line
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.structure.edges import Edge
    from claude_lsp.workspace.module_graph import Import, Module, ModuleGraph

RULE = "arch.private"

_MAX_RELATED = 8
_FEW_USERS = 3
_USUAL, _USUAL_SHARE = 10, 0.02
"""Pairs of modules above which a project does not mean its own modules by such names."""
_INTERNAL = "internal"
_WITH_INTERNAL = (".go", ".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs")


def find_private_access(graph: ModuleGraph, uses: Iterable[Import] = ()) -> list[Finding]:
    """Return a finding for every pair of modules of which one uses what the other keeps private.

    In Python a leading underscore says so: of a module or package for what lies beside it, of a
    name for the package that its module is in. In Go and TypeScript a folder `internal` says it,
    for what lies beside that. Tests may look inside, and a type that only a checker sees hides
    nothing. What many use all the same is only a hint, and so is everything in a project that
    plainly means its users by "others".

    Args:
        graph: the modules.
        uses: what is used by way of a module, as imports of these names.
    """
    found: dict[Edge, list[tuple[Import, tuple[str, ...], str]]] = {}
    for one in (*graph.imports, *uses):
        source, target = graph.modules[one.source], graph.modules[one.target]
        if not _may_be_private(target, one):
            continue
        if one.type_only or source.is_test or target.is_test or one.source == one.target:
            continue
        private, owner = _private(source, target, one)
        if private:
            found.setdefault((one.source, one.target), []).append((one, private, owner))
    users = Counter(
        (target, name)
        for (_, target), uses in found.items()
        for name in {name for _, taken, _ in uses for name in taken}
    )
    return [
        _finding(
            graph,
            edge,
            uses,
            min(users[edge[1], name] for _, taken, _ in uses for name in taken),
            is_usual=len(found) > max(_USUAL, _USUAL_SHARE * len(graph.modules)),
        )
        for edge, uses in sorted(found.items())
    ]


def _may_be_private(target: Module, one: Import) -> bool:
    """Whether anything is private at all, told quickly: most imports take nothing of the kind."""
    name = target.name
    return (
        "._" in name
        or name[:1] == "_"
        or "internal/" in target.path
        or any(taken[:1] == "_" for taken in one.names)
    )


def _private(source: Module, target: Module, one: Import) -> tuple[tuple[str, ...], str]:
    """Return what an import takes that is private to something it is no part of, and to what."""
    if target.path.endswith(".py"):
        return _private_in_python(source, target, one)
    if target.path.endswith(_WITH_INTERNAL):
        folders = target.path.split("/")[:-1]
        if _INTERNAL in folders:
            place = len(folders) - 1 - folders[::-1].index(_INTERNAL)
            owner = "/".join(folders[:place])
            inside = not owner or source.path.startswith(f"{owner}/")
            # Its front door, a file beside a folder of the same name, passes on what it likes.
            if not inside and source.path.rpartition(".")[0] != owner:
                return one.names or (target.name,), owner
    return (), ""


def _private_in_python(source: Module, target: Module, one: Import) -> tuple[tuple[str, ...], str]:
    parts = target.name.split(".")
    importer = source.name.split(".")
    for place, part in enumerate(parts):
        if _is_private(part):
            if importer[:place] != parts[:place]:
                return (".".join(parts[: place + 1]),), ".".join(parts[:place])
            break  # whoever may use the module may use what it passes on
    if source.package == target.package or source.name.startswith(f"{target.name}."):
        return (), ""
    home = parts if target.path.endswith("__init__.py") else parts[:-1]
    if importer[: len(home)] == home and home:
        return (), ""
    taken = tuple(name for name in one.names if _is_private(name))
    return taken, target.name if taken else ""


def _why(target: Module) -> str:
    return "the underscore" if target.path.endswith(".py") else "its folder"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and len(name) > 1


def _finding(
    graph: ModuleGraph,
    edge: Edge,
    uses: list[tuple[Import, tuple[str, ...], str]],
    users: int,
    *,
    is_usual: bool,
) -> Finding:
    first, private, owner = uses[0]
    path, other = graph.modules[edge[0]].path, graph.modules[edge[1]].path
    names = list(dict.fromkeys(name for _, taken, _ in uses for name in taken))
    whose = f"private to {owner}" if owner else "private"
    return Finding(
        rule=RULE,
        severity=Severity.INFO if is_usual or users > _FEW_USERS else Severity.MINOR,
        title=f"{edge[0]} uses {listing(names, 3)}, "
        f"which {'is' if len(names) == 1 else 'are'} {whose}",
        explanation=(
            f"{path}:{first.line + 1} takes {listing(names, 6)} from {edge[1]}, though "
            f"{_why(graph.modules[edge[1]])} says that it is meant for "
            f"{owner or 'its own package'} alone: whoever changes it there will not look here. "
            f"Use what {owner or 'the package'} offers, or let it offer this."
            + (f" {users} modules do so." if users > _FEW_USERS else "")
            + (f" In {counted(len(uses), 'statement')}." if len(uses) > 1 else "")
        ),
        path=path,
        range=whole_line(first.line),
        quote="",
        confidence=1.0,
        fingerprint=identity(RULE, path, [path, other]),
        related=(
            *(
                Related(path, whole_line(one.line), f"uses {listing(taken, 3)}")
                for one, taken, _ in uses[1:_MAX_RELATED]
            ),
            Related(other, FILE_START, f"{listing(list(private), 3)} is from here"),
        ),
    )
