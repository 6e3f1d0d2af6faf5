"""The module graph of a state of the index."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.grammars import GRAMMARS
from claude_lsp.workspace.index.module_names import module_names, with_packages
from claude_lsp.workspace.index.records import EVERYTHING
from claude_lsp.workspace.index.segment import CLASS, KIND_NUMBERS
from claude_lsp.workspace.module_graph import (
    Definition,
    Import,
    Module,
    ModuleGraph,
    Outside,
    is_test_path,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.records import ImportedName
    from claude_lsp.workspace.index.segment import I64, U64
    from claude_lsp.workspace.index.view import View

_FOREIGN_FOLDERS = {"vendor", "_vendor", "vendored", "third_party", "third-party", "node_modules"}
_WITH_LIBRARIES = frozenset(
    ("python", "typescript", "typescriptreact", "javascript", "javascriptreact", "vue", "svelte")
)
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")
_SOURCES = ("ts", "tsx", "mts", "cts")
_METHOD = KIND_NUMBERS["method"]
_HOLDERS = frozenset({CLASS, _METHOD, KIND_NUMBERS["function"]})


def module_graph(links: Links, packages_above: tuple[str, ...] = ()) -> ModuleGraph:
    """Return the graph of the imports between the files of an index.

    Modules are the files of languages whose imports the index reads; Python's stubs are none, and
    copies of other people's code and what a compiler wrote of files here are none either.
    Takes about a tenth of a millisecond a file, so call it in a worker for more than a few.

    Args:
        links: the state of the index.
        packages_above: the Python packages that the workspace itself lies in, outermost first:
            its modules call themselves by these.
    """
    view = links.view
    files = {view.path(file): file for file in view.files().tolist()}
    known = files.keys()
    files = {
        path: file
        for path, file in sorted(files.items())
        if _is_module(view, path, file) and not _is_compiled(path, known)
    }
    imports = {path: _without_parents(view.imports(file)) for path, file in files.items()}
    spoken = with_packages(
        one.module
        for path, found in imports.items()
        if path.endswith(".py")
        for one in found
        if not one.module.startswith(".")
    )
    names = module_names(files, spoken, packages_above)
    edges = _Edges(links, files, packages_above)
    found = tuple(one for path in files for one in _imports(edges, path, imports[path], names))
    modules = dict(_modules(view, files, names, imports))
    return ModuleGraph(
        MappingProxyType(_without_false_tests(modules, found)),
        found,
        tuple(_problems(view, files)),
        tuple(edges.outside(names)),
    )


_ONE_FILE_MODULES = (".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")


def can_change(paths: Iterable[str]) -> bool:
    """Whether `changed_graph` can tell what these files do: each is a module by itself."""
    return all(path.endswith(_ONE_FILE_MODULES) for path in paths)


def changed_graph(
    links: Links, graph: ModuleGraph, changed: Collection[str], packages_above: tuple[str, ...] = ()
) -> ModuleGraph:
    """Return the graph of a state that differs from another in what some files contain.

    Takes time for these alone. No file may have come or gone, and `can_change` must hold.

    Args:
        links: the new state.
        graph: of the old one.
        changed: paths of the files that are not the same.
        packages_above: as for `module_graph`.
    """
    view = links.view
    names = {module.path: name for name, module in graph.modules.items()}
    files = {path: file for file in view.files().tolist() if (path := view.path(file)) in names}
    some = {path: files[path] for path in sorted(changed) if path in files}
    imports = {path: _without_parents(view.imports(file)) for path, file in some.items()}
    edges = _Edges(links, files, packages_above)
    found = [one for path in some for one in _imports(edges, path, imports[path], names)]
    again = {names[path] for path in some}
    modules = dict(graph.modules)
    for name, module in _modules(view, some, names, imports):
        modules[name] = replace(module, is_test=modules[name].is_test)
    paths = {name: module.path for name, module in modules.items()}
    broken = [(path, reason) for path, reason in graph.problems if path not in some]
    return ModuleGraph(
        MappingProxyType(modules),
        tuple(
            sorted(
                [one for one in graph.imports if one.source not in again] + found,
                key=lambda one: paths[one.source],
            )
        ),
        tuple(sorted([*broken, *_problems(view, some)])),
        (
            *(one for one in graph.outside if one.source not in again),
            *edges.outside(names),
        ),
        (graph, frozenset(again)),
    )


def _imports(
    edges: _Edges, path: str, imports: Iterable[ImportedName], names: Mapping[str, str]
) -> Iterator[Import]:
    for one, target, taken, bound in edges.of(path, imports):
        yield Import(
            names[path],
            names[target],
            one.line,
            names=taken,
            deferred=one.deferred,
            # Such a file has nothing but types.
            type_only=one.type_only or path.endswith(_DECLARATIONS),
            bound=bound,
        )


def _problems(view: View, files: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for path, parsed in zip(files, view.parsed(_numbers(files)).tolist(), strict=True):
        if not parsed:
            yield path, "could not be parsed in full"


def _is_module(view: View, path: str, file: int) -> bool:
    foreign = not _FOREIGN_FOLDERS.isdisjoint(path.split("/")[:-1])
    return view.language(file) in GRAMMARS and not path.endswith(".pyi") and not foreign


def _is_compiled(path: str, known: Collection[str]) -> bool:
    """Whether a file was written by a compiler whose source is there: `lib/x.js`, `src/x.ts`."""
    stem, _, ending = path.removesuffix(".map").rpartition(".")
    if ending not in {"js", "mjs", "cjs", "ts", "cts", "mts"} or not stem:
        return False
    if ending.endswith("ts"):
        stem, _, declares = stem.rpartition(".")
        if declares != "d":
            return False
    elif not any(f"{stem}.d.{other}" in known for other in ("ts", "mts", "cts")):
        return False
    *folders, name = stem.split("/")
    for place in range(len(folders)):
        for rest in (folders[place:], folders[place + 1 :]):
            source = "/".join([*folders[:place], "src", *rest, name])
            if source != stem and any(f"{source}.{one}" in known for one in _SOURCES):
                return True
    return False


def _without_false_tests(
    modules: dict[str, Module], imports: Iterable[Import]
) -> dict[str, Module]:
    """Take for no tests what other code needs: a library's `test` package, say."""
    needs: dict[str, set[str]] = {}
    for one in imports:
        if not one.type_only and modules[one.target].is_test:
            needs.setdefault(one.source, set()).add(one.target)
    waiting = [name for name in needs if not modules[name].is_test]
    while waiting:
        name = waiting.pop()
        # With a module, the packages above it are needed too.
        for needed in (*needs.get(name, ()), name.rpartition(".")[0]):
            if needed in modules and modules[needed].is_test:
                modules[needed] = replace(modules[needed], is_test=False)
                waiting.append(needed)
    return modules


def _numbers(files: Mapping[str, int]) -> I64:
    return np.fromiter(files.values(), np.int64, len(files))


def _without_parents(found: Iterable[ImportedName]) -> list[ImportedName]:
    """Leave out that `import a.b` also binds `a`: it is the module `a.b` that it is about."""
    found = list(found)
    inner = {
        (one.line, one.module.partition(".")[0])
        for one in found
        if one.original is None and one.local == one.module and "." in one.module
    }
    return [
        one
        for one in found
        if one.original is not None or (one.line, one.module) not in inner or one.local == ""
    ]


def _modules(
    view: View,
    files: Mapping[str, int],
    names: Mapping[str, str],
    imports: Mapping[str, Iterable[ImportedName]],
) -> Iterator[tuple[str, Module]]:
    numbers = _numbers(files)
    counts = zip(
        view.code_line_counts(numbers).tolist(),
        view.line_counts(numbers).tolist(),
        view.is_empty(numbers).tolist(),
        strict=True,
    )
    for (path, file), (lines, length, is_empty) in zip(files.items(), counts, strict=True):
        definitions, own = _definitions(view, file)
        if path.endswith("__init__.py"):
            # A package's front door offers what it imports from its own modules.
            own += [one.local for one in imports[path] if one.module.startswith(".")]
        public = (name for name in dict.fromkeys(own) if name and not name.startswith("_"))
        yield (
            names[path],
            Module(
                names[path],
                path,
                lines,
                definitions,
                tuple(public),
                is_test_path(path),
                is_empty,
                length,
            ),
        )


def _definitions(view: View, file: int) -> tuple[tuple[Definition, ...], list[str]]:
    """Return a file's functions and classes, and the names of all that stands at its top."""
    every = view.definitions(file)
    members = Counter(parent for _, kind, parent, _, _ in every if kind == _METHOD)
    found: dict[str, Definition] = {}
    own = []
    for place, (name, kind, parent, line, end) in enumerate(every):
        if parent >= 0:
            continue
        own.append(name)
        if kind not in _HOLDERS:
            continue
        known = found.get(name)
        # Overloads and alternatives for several platforms are one definition.
        found[name] = (
            Definition(name, line, end, members[place])
            if known is None
            else Definition(name, known.line, max(known.end, end), known.members + members[place])
        )
    return tuple(found.values()), own


class _Edges:
    """From what a file imports to the modules that it thereby depends on."""

    def __init__(
        self, links: Links, files: Mapping[str, int], packages_above: tuple[str, ...]
    ) -> None:
        self._links, self._view = links, links.view
        self._paths = {file: path for path, file in files.items()}
        self._files = files
        self._above = "".join(f"{name}." for name in packages_above)
        self._tops: dict[int, U64] = {}
        self._outside: list[tuple[str, ImportedName]] = []

    def of(
        self, path: str, imports: Iterable[ImportedName]
    ) -> Iterator[tuple[ImportedName, str, tuple[str, ...], tuple[str, ...]]]:
        """Yield imports, each with the file that it leads to and the names that it takes.

        Last are the names that the file has as a whole.

        The names of one statement that come from the same file are together.
        """
        grouped: dict[tuple[int, str, int], list[ImportedName]] = {}
        whole: dict[tuple[int, str, int], list[str]] = {}
        language = self._view.language(self._files[path])
        for one in imports:
            targets = self._targets(path, language, one)
            if not targets and language in _WITH_LIBRARIES and not one.module.startswith("."):
                self._outside.append((path, one))
            for target, is_whole in targets:
                if target in self._paths and self._paths[target] != path:
                    key = (one.line, one.module, target)
                    grouped.setdefault(key, []).append(one)
                    if is_whole:
                        whole.setdefault(key, []).append(one.local)
        for key, found in sorted(grouped.items(), key=lambda item: item[0][0]):
            first = found[0]._replace(
                deferred=all(one.deferred for one in found),
                type_only=all(one.type_only for one in found),
            )
            taken = () if key in whole else tuple(one.original or "" for one in found)
            bound = tuple(name for name in whole.get(key, ()) if name)
            yield first, self._paths[key[2]], taken, bound

    def outside(self, names: Mapping[str, str]) -> Iterator[Outside]:
        """Yield what the imports seen so far take from libraries, each statement once."""
        seen = set()
        for path, one in self._outside:
            if one.module and (key := (path, one.module, one.line)) not in seen:
                seen.add(key)
                certain = not (one.deferred or one.type_only or one.guarded)
                yield Outside(names[path], one.module, one.line, certain)

    def _targets(self, path: str, language: str, one: ImportedName) -> list[tuple[int, bool]]:
        """Return the files that an import leads to, each with whether it is meant as a whole."""
        if not one.module:
            return []
        origin, module = path, one.module
        if self._above and language == "python" and f"{module}.".startswith(self._above):
            # The workspace lies inside of this package: its modules are named from there.
            origin, module = "", "." + module[len(self._above) :]
        files = self._links.module(origin, language, module)
        if one.original not in {None, EVERYTHING} and self._may_hold_modules(files, language):
            inner = self._links.submodule(origin, language, module, one.original or "")
            if inner:
                return [(inner[0], True)]
        if len(files) > 1:
            files = self._used(self._files[path], files)
        return [(file, one.original is None) for file in files]

    def _may_hold_modules(self, files: tuple[int, ...], language: str) -> bool:
        """Whether a module may have others inside of it: in Python only a folder has."""
        if language != "python" or not files:
            return True
        return self._view.path(files[0]).rpartition("/")[2].startswith("__init__.py")

    def _used(self, file: int, several: tuple[int, ...]) -> tuple[int, ...]:
        """Return those files of a package or namespace of which a file mentions a definition."""
        _, words = self._view.words_of(np.array([file]))
        used = tuple(other for other in several if np.isin(self._top_names(other), words).any())
        return used or several[:1]

    def _top_names(self, file: int) -> U64:
        found = self._tops.get(file)
        if found is None:
            found = self._view.symbols(self._view.tops(file)).names
            self._tops[file] = found
        return found
