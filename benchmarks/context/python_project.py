"""A Python project as the case maker sees it: its files, and where its names are defined."""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context.cases import Gold, header_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_FIELDS = 12
_KINDS_OF_JEDI = frozenset({"function", "class", "statement", "property"})
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign


class PythonProject:
    """The files below one folder of the import path.

    Attributes:
        source: the folder, resolved.
        files: absolute paths, sorted.
        failures: how many names jedi failed on.
    """

    def __init__(self, source: Path) -> None:
        self.source = source.resolve()
        self.files = sorted(
            path for path in self.source.rglob("*.py") if "dist-info" not in str(path)
        )
        self.failures = 0
        self._texts: dict[Path, str] = {}
        self._trees: dict[Path, ast.Module | None] = {}

    def text(self, path: Path) -> str:
        """Return the text of a file, line endings as they are."""
        if path not in self._texts:
            self._texts[path] = path.read_bytes().decode("utf-8", "replace")
        return self._texts[path]

    def lines(self, path: Path) -> list[str]:
        """Return the lines of a file, without their ends."""
        return self.text(path).split("\n")

    def tree(self, path: Path) -> ast.Module | None:
        """Return the syntax tree of a file, None if it does not parse."""
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.text(path))
            except (SyntaxError, ValueError):
                self._trees[path] = None
        return self._trees[path]

    @cached_property
    def header_counts(self) -> Mapping[str, int]:
        """How many lines of the project read the same, by their header."""
        counts: Counter[str] = Counter()
        for path in self.files:
            if self.tree(path) is not None:
                counts.update(map(header_of, self.lines(path)))
        return counts

    def defined_elsewhere(self, name: str, path: Path) -> bool:
        """Whether a file other than `path` defines something of this name."""
        return any(definer != path for definer in self._definers.get(name, ()))

    def script(self, path: Path) -> Any:
        """Return jedi's view of a file."""
        import jedi

        return jedi.Script(code=self.text(path), path=str(path), project=self._jedi_project)

    def gold_at(self, script: Any, path: Path, line: int, column: int, use: str) -> Gold | None:
        """Return the definition in another file that a name at a place denotes, None without one.

        Args:
            script: what `script` returned for the file.
            path: the file.
            line: 1-based.
            column: 0-based, in characters.
            use: how the name is used.
        """
        try:
            found = script.goto(line, column, follow_imports=True, follow_builtin_imports=False)
        except Exception:  # noqa: BLE001  (jedi fails on some code, in any way; it is counted)
            self.failures += 1
            return None
        if any(str(name.module_path) == str(path) for name in found):
            return None
        # Of several definitions the first by place: jedi's own order changes from run to run.
        for name in sorted(found, key=lambda each: (str(each.module_path), each.line or 0)):
            if name.module_path is None or name.type not in _KINDS_OF_JEDI or not name.line:
                continue
            place = Path(name.module_path).resolve()
            if place.is_relative_to(self.source):
                gold = self._gold(place, name.line, name.name, use)
                if gold is not None:
                    return gold
        return None

    @cached_property
    def _jedi_project(self) -> Any:
        import jedi

        # The same package may be installed here too; jedi must find the copy that is measured.
        standard = [entry for entry in sys.path if entry and "site-packages" not in entry]
        return jedi.Project(
            path=str(self.source), sys_path=[str(self.source), *standard], smart_sys_path=False
        )

    @cached_property
    def _definers(self) -> Mapping[str, set[Path]]:
        definers: defaultdict[str, set[Path]] = defaultdict(set)
        for path in self.files:
            tree = self.tree(path)
            for node in ast.walk(tree) if tree is not None else ():
                for name in _names_defined_by(node):
                    definers[name].add(path)
        return definers

    def _gold(self, path: Path, line: int, name: str, use: str) -> Gold | None:
        tree = self.tree(path)
        found = None if tree is None else _definition_at(tree, line, name, None)
        if found is None:
            return None
        node, parent = found
        header = header_of(self.lines(path)[node.lineno - 1])
        if isinstance(node, ast.ClassDef):
            kind, params = "class", _class_parameters(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kind, params = "method" if parent else "function", _parameters(node)
        else:
            kind, params = "field" if parent else "variable", ()
        return Gold(
            name=name,
            file=path.relative_to(self.source).as_posix(),
            line=node.lineno,
            end=node.end_lineno or node.lineno,
            header=header,
            header_count=self.header_counts.get(header, 0),
            parent=parent,
            params=params,
            kind=kind,
            use=use,
            visible=False,
        )


def _names_defined_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, _Definition):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id
            elif isinstance(target, ast.Attribute):
                yield target.attr


def _definition_at(
    node: ast.AST, line: int, name: str, parent: str | None
) -> tuple[_Definition | _Assignment, str | None] | None:
    """Return the definition of `name` that holds a line, and the class around it."""
    for child in ast.iter_child_nodes(node):
        found = None
        if isinstance(child, _Definition):
            first = min(each.lineno for each in (child, *child.decorator_list))
            if child.name == name and first <= line <= child.body[0].lineno:
                return child, parent
            inner = child.name if isinstance(child, ast.ClassDef) else parent
            found = _definition_at(child, line, name, inner)
        elif isinstance(child, _Assignment):
            if child.lineno <= line <= (child.end_lineno or child.lineno):
                return child, parent
        else:
            found = _definition_at(child, line, name, parent)
        if found is not None:
            return found
    return None


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return tuple(each.arg for each in named if each.arg not in {"self", "cls"})


def _class_parameters(node: ast.ClassDef) -> tuple[str, ...]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            return _parameters(child)
    fields = [
        child.target.id
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    ]
    return tuple(fields[:_MOST_FIELDS])
