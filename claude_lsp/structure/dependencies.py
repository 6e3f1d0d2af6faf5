"""Libraries that are used and not declared, or declared and not used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import FILE_START, counted, whole_line
from claude_lsp.structure.identity import identity
from claude_lsp.workspace.libraries import (
    KNOWN,
    NODE_MODULES,
    PYTHON_MODULES,
    USED_WITHOUT_IMPORT,
)
from claude_lsp.workspace.manifests import normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from claude_lsp.workspace.manifests import Manifest
    from claude_lsp.workspace.module_graph import ModuleGraph, Outside

UNDECLARED = "arch.undeclared"
UNUSED = "arch.unused"

_MAX_RELATED = 5
_NOTHING: Mapping[str, Sequence[str]] = {}


def find_dependencies(
    graph: ModuleGraph,
    manifests: Collection[Manifest],
    mentioned: Callable[[str], bool],
    installed: Callable[[], Mapping[str, Sequence[str]]] = lambda: _NOTHING,
) -> list[Finding]:
    """Return a finding for every library that imports and manifests disagree about.

    Says nothing where it cannot know: of a project without a manifest or with one that a program
    makes, of imports that run later or may fail, of what tests import.

    Args:
        graph: the project, with its imports from outside.
        manifests: of all its folders.
        mentioned: whether a word occurs in any source file.
        installed: returns the distributions that hold a Python module, as far as they are
            installed here; asked only when a finding depends on it.
    """
    own = _own_names(graph, manifests)
    used: dict[str, list[Outside]] = {}
    by_manifest: dict[str, dict[str, list[Outside]]] = {}
    optional: set[str] = set()
    for one in graph.outside:
        path = graph.modules[one.source].path
        kind = "python" if path.endswith(".py") else "javascript"
        library = _library(one.module, kind)
        if not library or library in own:
            continue
        above = _above(path, kind, manifests)
        for manifest in above:
            used.setdefault(manifest.path, []).append(one)
        if not one.certain and not graph.modules[one.source].is_test:
            optional.add(library)
        if (
            one.certain
            and above
            and all(each.is_complete for each in above)
            and any(each.required or each.others for each in above)
            and not graph.modules[one.source].is_test
            and not _is_declared(one.module, library, above, installed)
        ):
            by_manifest.setdefault(above[0].path, {}).setdefault(library, []).append(one)
    findings = [
        _undeclared(graph, manifest, library, found, is_optional=library in optional)
        for manifest, libraries in sorted(by_manifest.items())
        for library, found in sorted(libraries.items())
    ]
    for manifest in manifests:
        if manifest.path in used:
            findings += _unused(manifest, used[manifest.path], mentioned)
    return findings


def _own_names(graph: ModuleGraph, manifests: Iterable[Manifest]) -> set[str]:
    own = {one.name for one in manifests if one.name}
    own |= {name.replace("-", "_") for name in own}
    for name, module in graph.modules.items():
        if module.path.endswith(".py"):
            own.add(name.partition(".")[0])
            own.update(module.path.removesuffix(".py").split("/"))
    return own


def _library(module: str, kind: str) -> str:
    """Return what of a module's name tells its library, empty for one of the language's own."""
    if kind == "python":
        top = module.partition(".")[0]
        return "" if top in PYTHON_MODULES or not top.isidentifier() else top
    if module.startswith((".", "/", "~", "#", "@/", "$", "virtual:", "node:", "bun:")):
        return ""
    if ":" in module or "?" in module or "!" in module:
        return ""
    parts = module.split("/")
    name = "/".join(parts[:2]) if module.startswith("@") else parts[0]
    return "" if name in NODE_MODULES or not re.fullmatch(r"[@\w./-]+", name) else name


def _above(path: str, kind: str, manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the manifests that hold for a file, the nearest first."""
    found = [
        one
        for one in manifests
        if one.kind == kind and (not one.folder or path.startswith(f"{one.folder}/"))
    ]
    return sorted(found, key=lambda one: -len(one.folder))


def _is_declared(
    module: str,
    library: str,
    manifests: Iterable[Manifest],
    installed: Callable[[], Mapping[str, Sequence[str]]],
) -> bool:
    declared = {one.name for each in manifests for one in each.required}
    declared |= {name for each in manifests for name in each.others}
    if any(each.kind == "javascript" for each in manifests):
        return library in declared or f"@types/{library}" in declared
    if any(_offers(name, module) for name in declared):
        return True
    return any(normalised(one) in declared for one in installed().get(library, ()))


def _offers(distribution: str, module: str) -> bool:
    """Whether a distribution may well be what a Python module is from, by their names."""
    top = module.partition(".")[0]
    if distribution in KNOWN.get(top, ()):
        return True
    name, spelled = normalised(module.replace(".", "-")), normalised(top)
    plain = distribution.removeprefix("python-").removeprefix("py").removesuffix("-python")
    plain = plain.removesuffix("-py").removeprefix("types-").removesuffix("-stubs").strip("-")
    bare = distribution.replace("-", "")
    return (
        plain in {spelled, spelled.removeprefix("py")}
        or bare == spelled.replace("-", "")
        or f"{name}-".startswith(f"{distribution}-")
        or distribution.startswith(f"{spelled}-")
        or f"{distribution}-".startswith(f"{name}-")
    )


def _unused(
    manifest: Manifest, used: Sequence[Outside], mentioned: Callable[[str], bool]
) -> list[Finding]:
    findings = []
    modules = {one.module for one in used}
    for requirement in manifest.required:
        name = requirement.name
        if USED_WITHOUT_IMPORT.search(name) or name == manifest.name or name in manifest.text:
            continue
        if manifest.kind == "python":
            is_used = any(_offers(name, module) for module in modules) or any(
                mentioned(word)
                for word in {name.replace("-", "_"), name.replace("-", ""), *name.split("-")}
                if len(word) > 2
            )
        else:
            is_used = any(_library(module, "javascript") == name for module in modules)
            is_used |= any(mentioned(word) for word in re.findall(r"\w+", name)[-1:])
        if is_used:
            continue
        findings.append(
            Finding(
                rule=UNUSED,
                severity=Severity.MINOR,
                title=f"{name} is declared and nothing here uses it",
                explanation=(
                    f"{manifest.path}:{requirement.line + 1} asks for {name}; no file of the "
                    "project imports it or mentions its name. Take it out, or, if a tool needs it, "
                    "declare it where that tool's dependencies stand."
                ),
                path=manifest.path,
                range=whole_line(requirement.line),
                quote="",
                confidence=0.8,
                fingerprint=identity(UNUSED, manifest.path, [name]),
            )
        )
    return findings


def _undeclared(
    graph: ModuleGraph,
    manifest: str,
    library: str,
    found: Sequence[Outside],
    *,
    is_optional: bool,
) -> Finding:
    ordered = sorted(found, key=lambda one: (graph.modules[one.source].path, one.line))
    first = ordered[0]
    path = graph.modules[first.source].path
    return Finding(
        rule=UNDECLARED,
        severity=Severity.INFO if is_optional else Severity.MINOR,
        title=f"{library} is imported and not declared",
        explanation=(
            f"{counted(len(ordered), 'import')} of {library}, first {path}:{first.line + 1}, and "
            f"{manifest} does not name it. "
            + (
                "Elsewhere it may be missing, so it seems to be optional: an extra would tell."
                if is_optional
                else "It is there only as long as something else brings it."
            )
        ),
        path=path,
        range=whole_line(first.line),
        quote="",
        confidence=0.9,
        fingerprint=identity(UNDECLARED, manifest, [library]),
        related=(
            *(
                Related(
                    graph.modules[one.source].path,
                    whole_line(one.line),
                    f"{one.source} imports it too",
                )
                for one in ordered[1 : 1 + _MAX_RELATED]
            ),
            Related(manifest, FILE_START, f"{library} is not declared here"),
        ),
    )
