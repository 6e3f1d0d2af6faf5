"""What a reviewer should be told of a project, and whether a text tells it.

The facts come from files, from an import graph that is not ours, and from Python's own parser.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import neighbours

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.architecture.peers import Edges

Key = TypeVar("Key", str, tuple[str, str])

_TOP = 20
_CYCLES = 20
_PACKAGES = 30
_PACKAGE_SHARE = 0.01
_PACKAGE_EDGES = 40
_SIGNATURES = 50
_HOPS = 4
_TEST_FOLDERS = {"tests", "__tests__"}

_NAME = re.compile(r"[\w./$@-]+")
_NUMBER = re.compile(r"\d[\d,]*")


class Fact(NamedTuple):
    """One thing that is true of a project.

    Attributes:
        kind: what sort of thing.
        names: the files, folders or definitions that it is about.
        number: its figure; 0 where it has none.
    """

    kind: str
    names: tuple[str, ...]
    number: int = 0


def facts_of(root: Path, files: Iterable[str], edges: Edges) -> list[Fact]:
    """Return the facts of a project.

    Args:
        root: its folder.
        files: the paths of its modules; tests among them are no part of an architecture.
        edges: between these.
    """
    paths = sorted(path for path in files if _TEST_FOLDERS.isdisjoint(path.split("/")))
    texts = {path: (root / path).read_text("utf-8", "replace") for path in paths}
    edges = {edge for edge in edges if texts.keys() >= set(edge)}
    lines = {path: text.count("\n") + 1 for path, text in texts.items()}
    fan_in = Counter(target for _, target in edges)
    fan_out = Counter(source for source, _ in edges)
    facts = [Fact("cycle", cycle) for cycle in _cycles(edges)[:_CYCLES]]
    for kind, scale in (("imported", fan_in), ("importing", fan_out), ("size", lines)):
        facts += [Fact(kind, (path,), number) for path, number in _highest(scale, _TOP)]
    folders = _packages(lines)
    between = Counter(
        (one, other)
        for source, target in edges
        if (one := _home(source, folders)) and (other := _home(target, folders)) and one != other
    )
    facts += [Fact("package", (folder,)) for folder in sorted(folders)]
    facts += [Fact("edge", pair) for pair, _ in _highest(between, _PACKAGE_EDGES)]
    facts += [
        Fact("signature", (path, *head)) for path, head in _most_imported(texts)[:_SIGNATURES]
    ]
    return facts


def told(fact: Fact, text: Text) -> bool:
    """Return whether a text tells a fact.

    A figure must follow its name, before the next one, and may be off by a tenth or by 2: tools
    differ in what they count. A cycle is told by two of its members on a line about cycles.
    """
    if fact.kind in {"imported", "importing", "size"}:
        slack = max(2, fact.number / 10)
        return any(abs(number - fact.number) <= slack for number in text.numbers_of(fact.names[0]))
    if fact.kind == "cycle":
        places = Counter(line for name in fact.names for line in text.lines_of(name))
        return any(number > 1 and text.is_about_cycles(line) for line, number in places.items())
    if fact.kind == "package":
        return bool(text.lines_of(fact.names[0]))
    if fact.kind == "edge":
        return not text.lines_of(fact.names[0]).isdisjoint(text.lines_of(fact.names[1]))
    return text.has_signature(*fact.names[1:])


class Text:
    """A map that was written by somebody, ready to be asked.

    Args:
        text: the map.
        files: all files of the project: a number belongs to the last one that was named.
    """

    def __init__(self, text: str, files: Iterable[str]) -> None:
        known = {name for path in files for name in _spellings(path)}
        self._lines = text.split("\n")
        self._places: dict[str, set[int]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._titles: list[str] = []
        title = ""
        for place, line in enumerate(self._lines):
            if line.startswith("#"):
                title = line
            self._titles.append(title)
            name = ""
            for word in _NAME.findall(line):
                bare = word.strip(".,:")
                if _NUMBER.fullmatch(bare):
                    self._numbers.setdefault(name, []).append(int(bare.replace(",", "")))
                elif bare in known:
                    name = bare
                self._places.setdefault(bare, set()).add(place)

    def lines_of(self, path: str) -> set[int]:
        """Return the lines that name a file or a folder."""
        return set().union(*(self._places.get(name, ()) for name in _spellings(path)))

    def numbers_of(self, path: str) -> list[int]:
        """Return the numbers that follow the name of a file."""
        return [one for name in _spellings(path) for one in self._numbers.get(name, ())]

    def is_about_cycles(self, line: int) -> bool:
        """Return whether a line, or the title above it, speaks of cycles."""
        return "cycl" in f"{self._titles[line]} {self._lines[line]}".lower()

    def has_signature(self, name: str, *parameters: str) -> bool:
        """Return whether some line heads a definition and has most of its parameters."""
        head = re.compile(rf"\s*(?:async )?(?:class|def) {re.escape(name)}\b")
        return any(
            sum(parameter in line for parameter in parameters) >= 0.8 * len(parameters)
            for line in self._lines
            if head.match(line)
        )


def _spellings(path: str) -> set[str]:
    stem = re.sub(r"\.\w+$", "", path)
    short = stem.removesuffix("/__init__")
    return {path, stem, stem.replace("/", "."), short.replace("/", ".")}


def _highest(scale: Mapping[Key, int], most: int) -> list[tuple[Key, int]]:
    return sorted(scale.items(), key=lambda one: (-one[1], str(one[0])))[:most]


def _packages(lines: Mapping[str, int]) -> set[str]:
    """Return the largest folders, with all that is in them."""
    whole: Counter[str] = Counter()
    for path, number in lines.items():
        while "/" in path:
            path = path.rpartition("/")[0]  # noqa: PLW2901 - climbs
            whole[path] += number
    least = _PACKAGE_SHARE * sum(lines.values())
    return {folder for folder, number in _highest(whole, _PACKAGES) if number >= least}


def _home(path: str, folders: set[str]) -> str:
    """Return the innermost of some folders that holds a file, empty for none."""
    while path and path not in folders:
        path = path.rpartition("/")[0]
    return path


def _cycles(edges: Edges) -> list[tuple[str, ...]]:
    """Return the sets of files that reach each other, the largest first."""
    groups = strongly_connected(neighbours(sorted(edges)))
    return sorted((one for one in groups if len(one) > 1), key=lambda one: (-len(one), one))


# --- Definitions of Python ------------------------------------------------------------------


class _Source(NamedTuple):
    """What Python's parser says of a file.

    Attributes:
        heads: name and parameters of each class and function at its top.
        imported: module (a path without ending) and name for each imported name, by local name.
    """

    heads: dict[str, tuple[str, ...]]
    imported: dict[str, tuple[str, str]]


def _most_imported(texts: Mapping[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the classes and functions that most files import, as path and head."""
    sources: dict[str, _Source] = {}
    for path, text in texts.items():
        if path.endswith(".py"):
            stem = path.removesuffix(".py").removesuffix("/__init__")
            sources[stem] = _source(text, stem if path.endswith("/__init__.py") else _above(stem))
    users: Counter[tuple[str, str]] = Counter()
    for stem, source in sources.items():
        found = {_origin(sources, *one) for one in source.imported.values()}
        users.update(one for one in found if one is not None and one[0] != stem)
    return [
        (stem, (name, *sources[stem].heads[name]))
        for (stem, name), number in _highest(users, len(users))
        if number > 1
    ]


def _source(text: str, package: str) -> _Source:
    found = _Source({}, {})
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return found
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found.heads.setdefault(node.name, ())
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            found.heads.setdefault(node.name, tuple(one.arg for one in parameters))
    for inner in ast.walk(tree):
        if isinstance(inner, ast.ImportFrom):
            above = package
            for _ in range(inner.level - 1):
                above = _above(above)
            parts = [above] if inner.level else []
            if inner.module:
                parts.append(inner.module.replace(".", "/"))
            for alias in inner.names:
                found.imported[alias.asname or alias.name] = ("/".join(parts), alias.name)
    return found


def _origin(sources: Mapping[str, _Source], stem: str, name: str) -> tuple[str, str] | None:
    """Return where an imported name is defined, through files that pass it on."""
    for _ in range(_HOPS):
        source = sources.get(stem)
        if source is None:
            return None
        if name in source.heads:
            return stem, name
        if name not in source.imported:
            return None
        stem, name = source.imported[name]
    return None


def _above(stem: str) -> str:
    return stem.rpartition("/")[0]
