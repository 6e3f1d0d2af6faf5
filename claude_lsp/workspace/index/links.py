"""From names to what they stand for: imports, re-exports, classes and their ancestors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from claude_lsp.workspace.index.hashing import folder_of, hash_of
from claude_lsp.workspace.index.records import EVERYTHING

if TYPE_CHECKING:
    from claude_lsp.workspace.index.view import View


class FindsModules(Protocol):
    """What is asked of a `Resolver`."""

    def module_files(self, importer: str, module: str, language: str) -> tuple[str, ...]:
        """Return the files that a module consists of."""
        ...

    def submodule_files(
        self, importer: str, module: str, name: str, language: str
    ) -> tuple[str, ...]:
        """Return the files of the module `name` inside of a module."""
        ...

    def paths(self) -> frozenset[str]:
        """Return every path that modules are looked for among."""
        ...


_MOST_HOPS = 6
_MOST_FILES = 50
_MOST_ANCESTORS = 40


class Target(NamedTuple):
    """What an imported name stands for; exactly one of the two is not -1.

    Attributes:
        symbol: a definition.
        file: a module as a whole.
    """

    symbol: int = -1
    file: int = -1


@dataclass(frozen=True)
class Known:
    """What was answered already, by what was asked."""

    modules: dict[tuple[str, str, str], tuple[int, ...]] = field(default_factory=dict)
    imports: dict[int, dict[str, tuple[str, str | None]]] = field(default_factory=dict)
    classes: dict[tuple[int, int], int] = field(default_factory=dict)
    ancestors: dict[int, list[int]] = field(default_factory=dict)


class Links:
    """Answers for one view, kept while it lasts; the same question comes many times a query.

    May be used from several threads: two that ask the same at once get the same answer.
    """

    def __init__(self, view: View, resolver: FindsModules, known: Known | None = None) -> None:
        """Answer for a view; `known` is from one in which every name means the same."""
        self.view = view
        self.known = Known() if known is None else known
        self._resolver = resolver

    def over(self, view: View) -> Links:
        """Return the answers for a view of the same paths, in which names lead to the same."""
        return Links(view, self._resolver)

    def paths(self) -> frozenset[str]:
        """Return every path that modules are looked for among, indexed or not."""
        return self._resolver.paths()

    def module(self, path: str, language: str, module: str) -> tuple[int, ...]:
        """Return the files that a module consists of, none for one outside the workspace."""
        # Rust and TypeScript resolve by the very file; others may ask once for each folder.
        key = (folder_of(path) if language == "python" else path, language, module)
        found = self.known.modules.get(key)
        if found is None:
            paths = self._resolver.module_files(path, module, language)
            found = self.known.modules[key] = self._known(paths)
        return found

    def submodule(self, path: str, language: str, module: str, name: str) -> tuple[int, ...]:
        """Return the files of the module `name` inside of a module, where there is such a thing."""
        return self._known(self._resolver.submodule_files(path, module, name, language))

    def _known(self, paths: tuple[str, ...]) -> tuple[int, ...]:
        numbers = (self.view.find(path) for path in paths[:_MOST_FILES])
        return tuple(number for number in numbers if number >= 0)

    def imports(self, file: int) -> dict[str, tuple[str, str | None]]:
        """Return module and original name of each name that a file imports."""
        found = self.known.imports.get(file)
        if found is None:
            found = {
                one.local: (one.module, one.original)
                for one in self.view.imports(file)
                if one.original != EVERYTHING
            }
            self.known.imports[file] = found
        return found

    def target(
        self, path: str, language: str, module: str, original: str | None, hops: int = 0
    ) -> Target | None:
        """Return what an import leads to, through files that only pass the name on."""
        files = self.module(path, language, module)
        if original is None:
            return Target(file=files[0]) if files else None
        key = hash_of(original)
        for file in files:
            symbol = self.view.top(file, key)
            if symbol >= 0:
                return Target(symbol=symbol)
        inner = self._known(self._resolver.submodule_files(path, module, original, language))
        if inner:
            return Target(file=inner[0])
        if hops == _MOST_HOPS:
            return None
        for file in files:
            there = self.view.path(file)
            passed_on = self.view.imported(file, key)
            if passed_on is not None and passed_on != (module, original):
                found = self.target(there, language, *passed_on, hops + 1)
                if found is not None:
                    return found
            for star in self.view.stars(file):
                found = self.target(there, language, star, original, hops + 1)
                if found is not None:
                    return found
        return None

    def class_named(self, key: int, file: int) -> int:
        """Return the class that a bare name (its hash) most likely means in a file, -1 for none."""
        found = self.known.classes.get((key, file))
        if found is None:
            found = self.known.classes[key, file] = self._class_named(key, file)
        return found

    def _class_named(self, key: int, file: int) -> int:
        view = self.view
        symbol = view.top(file, key)
        if symbol >= 0 and view.is_class(symbol):
            return symbol
        imported = view.imported(file, key)
        if imported is not None:
            target = self.target(view.path(file), view.language(file), *imported)
            if target is not None:
                known = target.symbol >= 0 and view.is_class(target.symbol)
                return target.symbol if known else -1
        return view.only_class(key)

    def ancestors(self, symbol: int) -> list[int]:
        """Return the classes that a class derives from, near ones first."""
        found = self.known.ancestors.get(symbol)
        if found is None:
            found = []
            waiting = [symbol]
            while waiting and len(found) < _MOST_ANCESTORS:
                one = waiting.pop(0)
                file = self.view.file_of(one)
                for base in self.view.bases(one):
                    above = self.class_named(base, file)
                    if above >= 0 and above != symbol and above not in found:
                        found.append(above)
                        waiting.append(above)
            self.known.ancestors[symbol] = found
        return found
