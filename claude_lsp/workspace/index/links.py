"""From names to what they stand for: imports, re-exports, classes and their ancestors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.workspace.index.hashing import folder_of, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.workspace.index.view import View

    FindModule = Callable[[View, str, str, str], int]
    """From view, path of the importing file, its language and the module as written to a file
    number, -1 for a module that is not in the workspace."""

_MOST_HOPS = 6
_MOST_ANCESTORS = 40


class Target(NamedTuple):
    """What an imported name stands for; exactly one of the two is not -1.

    Attributes:
        symbol: a definition.
        file: a module as a whole.
    """

    symbol: int = -1
    file: int = -1


class Links:
    """Answers for one view, kept while it lasts; the same question comes many times a query.

    May be used from several threads: two that ask the same at once get the same answer.
    """

    def __init__(self, view: View, find_module: FindModule) -> None:
        self.view = view
        self._find_module = find_module
        self._modules: dict[tuple[str, str, str], int] = {}
        self._imports: dict[int, dict[str, tuple[str, str | None]]] = {}
        self._classes: dict[tuple[str, int], int] = {}
        self._ancestors: dict[int, list[int]] = {}

    def module(self, path: str, language: str, module: str) -> int:
        """Return the file that a module is in, -1 for one outside the workspace."""
        key = (folder_of(path), language, module)
        found = self._modules.get(key)
        if found is None:
            found = self._modules[key] = self._find_module(self.view, path, language, module)
        return found

    def imports(self, file: int) -> dict[str, tuple[str, str | None]]:
        """Return module and original name of each name that a file imports."""
        found = self._imports.get(file)
        if found is None:
            found = {one.local: (one.module, one.original) for one in self.view.imports(file)}
            self._imports[file] = found
        return found

    def target(
        self, path: str, language: str, module: str, original: str | None, hops: int = 0
    ) -> Target | None:
        """Return what an import leads to, through files that only pass the name on."""
        file = self.module(path, language, module)
        if original is None:
            return Target(file=file) if file >= 0 else None
        if file >= 0:
            symbol = self.view.top(file, original)
            if symbol >= 0:
                return Target(symbol=symbol)
        if language == "python":
            inner = module + original if module.endswith(".") else f"{module}.{original}"
            submodule = self.module(path, language, inner)
            if submodule >= 0:
                return Target(file=submodule)
        if file < 0 or hops == _MOST_HOPS:
            return None
        there = self.view.path(file)
        passed_on = self.imports(file).get(original)
        if passed_on is not None and passed_on != (module, original):
            found = self.target(there, language, *passed_on, hops + 1)
            if found is not None:
                return found
        for star in self.view.stars(file):
            found = self.target(there, language, star, original, hops + 1)
            if found is not None:
                return found
        return None

    def class_named(self, name: str, file: int) -> int:
        """Return the class that a bare name most likely means in a file, -1 for none."""
        key = (name, file)
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = self._class_named(name, file)
        return found

    def _class_named(self, name: str, file: int) -> int:
        view = self.view
        symbol = view.top(file, name)
        if symbol >= 0 and view.is_class(symbol):
            return symbol
        imported = self.imports(file).get(name)
        if imported is not None:
            target = self.target(view.path(file), view.language(file), *imported)
            if target is not None:
                known = target.symbol >= 0 and view.is_class(target.symbol)
                return target.symbol if known else -1
        _, symbols = view.named(np.array([hash_of(name)], np.uint64))
        classes = [symbol for symbol in symbols.tolist()[:50] if view.is_class(symbol)]
        return classes[0] if len(classes) == 1 else -1

    def ancestors(self, symbol: int) -> list[int]:
        """Return the classes that a class derives from, near ones first."""
        found = self._ancestors.get(symbol)
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
            self._ancestors[symbol] = found
        return found
