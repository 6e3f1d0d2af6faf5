"""The module graph: which modules a project has and which import which.

The types are language-neutral; the builder here reads Python. Nothing of the sources is kept
but the import lines, so a graph may live as long as anybody likes.
"""

from __future__ import annotations

import io
import sys
import tokenize
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from claude_lsp.workspace.python_source import (
    Definition,
    ImportStatement,
    ParsedModule,
    parse_by_lines,
    parse_module,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_FILE_BYTES = 2_000_000
"""A larger file is generated or data; it is recorded as a problem and not parsed."""

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SOURCE_FOLDERS = ("src", "lib", "python")
_TEST_FOLDERS = {"test", "tests"}


@dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    Attributes:
        name: its dotted name, unique in the graph.
        path: relative to the workspace, "/" between parts.
        lines: lines that hold code: not blank, not a comment, not a docstring.
        definitions: its top-level definitions, in order.
        public: the names it offers: what it declares, else what has no leading underscore.
        is_test: whether it is a test or serves tests only.
        is_generated: whether a comment at its head says that a program wrote it.
    """

    name: str
    path: str
    lines: int
    definitions: tuple[Definition, ...] = ()
    public: tuple[str, ...] = ()
    is_test: bool = False
    is_generated: bool = False

    @property
    def package(self) -> str:
        """The folder that holds the module, relative to the workspace; "." at its top."""
        return str(PurePosixPath(self.path).parent)


@dataclass(frozen=True, slots=True)
class Import:
    """One module's import of another one, at one place.

    Attributes:
        source: name of the importing module.
        target: name of the imported module.
        line: 0-based line on which the statement starts.
        text: that line without its ending, at most 200 characters.
        names: what is taken from the target; empty where it is the module as a whole.
        deferred: whether it runs later than the module itself (inside a function, or only when
            the module is run as a program).
        type_only: whether only type checkers see it.
    """

    source: str
    target: str
    line: int
    text: str
    names: tuple[str, ...] = ()
    deferred: bool = False
    type_only: bool = False


@dataclass(frozen=True, slots=True)
class ModuleGraph:
    """The modules of a workspace and the imports between them.

    Attributes:
        modules: every module by its name, in the order of paths.
        imports: every import whose target is in `modules`, ordered by path and line.
        problems: (path, reason) of every file that could not be read or parsed in full.
    """

    modules: Mapping[str, Module]
    imports: tuple[Import, ...]
    problems: tuple[tuple[str, str], ...] = ()


def build_python_graph(root: Path, files: Sequence[Path]) -> ModuleGraph:
    """Read Python files and return the graph of the imports between them.

    This takes from a third of a millisecond to several a file, so call it in a worker. A file
    that cannot be read or parsed never stops it; it ends up in `problems`.

    Args:
        root: the workspace folder.
        files: the files to read, absolute or relative to `root`; what is not `*.py` is skipped.
    """
    root = root.resolve()
    problems: list[tuple[str, str]] = []
    parsed: dict[str, ParsedModule] = {}
    for file in sorted(set(files)):
        if file.suffix != ".py":
            continue
        try:
            path = (root / file).relative_to(root).as_posix()
        except ValueError:
            problems.append((file.as_posix(), "outside the workspace"))
            continue
        parsed[path] = _read(root / file)
        if (problem := parsed[path].problem) is not None:
            problems.append((path, problem))
    parsed = dict(sorted(parsed.items()))
    places = _Places.find(root, parsed)
    names = places.names()
    modules = {names[path]: _module(names[path], path, parsed[path]) for path in parsed}
    imports = [
        Import(
            names[path], names[target], statement.line, statement.text, taken,
            statement.deferred, statement.type_only,
        )
        for path, module in parsed.items()
        for statement in module.statements
        for target, taken in places.targets(path, statement)
        if target != path
    ]  # fmt: skip
    return ModuleGraph(MappingProxyType(modules), tuple(imports), tuple(sorted(problems)))


def is_test_path(path: str) -> bool:
    """Return whether a Python file is a test or serves tests only, by the usual names."""
    *folders, name = path.split("/")
    return (
        not _TEST_FOLDERS.isdisjoint(folders)
        or name == "conftest.py"
        or name.startswith("test_")
        or name.endswith("_test.py")
    )


def _read(file: Path) -> ParsedModule:
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            return ParsedModule(
                problem=f"not read: {size:,} bytes, the limit is {MAX_FILE_BYTES:,}"
            )
        data = file.read_bytes()
    except OSError as error:
        return ParsedModule(problem=f"cannot be read: {error.strerror or error}")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return parse_module(data.decode(encoding))
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        reason = f"not in the encoding that it declares: {error}"
        return replace(parse_by_lines(data.decode("latin-1")), problem=reason)


def _module(name: str, path: str, parsed: ParsedModule) -> Module:
    public = parsed.public
    if public is None:
        own = [definition.name for definition in parsed.definitions]
        offered = [exported for one in parsed.statements for exported in one.exported]
        if path.endswith("__init__.py"):
            # A package's front door offers what it imports from its own modules.
            offered += [n for one in parsed.statements if one.level for n in one.names or ()]
        names = dict.fromkeys([*own, *parsed.variables, *offered])
        public = tuple(n for n in names if not n.startswith("_") and n != "*")
    return Module(
        name,
        path,
        parsed.lines,
        parsed.definitions,
        public,
        is_test_path(path),
        parsed.is_generated,
    )


# --- Where modules stand and what an import statement means --------------------------------


@dataclass(frozen=True)
class _Places:
    """The files, the folders that absolute imports start from, and the way between them.

    Everything is resolved by path: a dotted name below a folder is a path below it. So two
    projects of one workspace may use the same module names.

    Attributes:
        paths: every file.
        prefix: packages above the workspace, where it is opened inside of one.
        declared: folders known to be on the import path, by project files and custom.
        found: further folders that hold top-level packages.
    """

    paths: Mapping[str, ParsedModule]
    prefix: tuple[str, ...]
    declared: frozenset[str]
    found: frozenset[str]
    cache: dict[tuple[str, str], str | None] = field(default_factory=dict)

    @classmethod
    def find(cls, root: Path, parsed: Mapping[str, ParsedModule]) -> _Places:
        prefix: list[str] = []
        above = root
        while (above / "__init__.py").is_file() and above != above.parent:
            prefix.insert(0, above.name)
            above = above.parent
        folders = {""}
        for path in parsed:
            folders.update(_above(path))
        declared = {""}
        for folder in folders:
            if folder and (
                f"{folder}/__init__.py" in parsed
                or not any((root / folder / name).is_file() for name in _PROJECT_FILES)
            ):
                continue
            sources = (f"{folder}/{name}".lstrip("/") for name in _SOURCE_FOLDERS)
            declared.add(folder)
            declared.update(name for name in sources if f"{name}/__init__.py" not in parsed)
        declared &= folders
        places = cls(parsed, tuple(prefix), frozenset(declared), frozenset())
        return replace(places, found=places._undeclared())

    def _undeclared(self) -> frozenset[str]:
        """Return the folders that code imports from although no project file says so.

        A folder without `__init__.py` above a package is either a namespace package or on the
        import path; which one, only the imports tell.
        """
        spoken: set[str] = set()
        for module in self.paths.values():
            for one in module.statements:
                if one.level == 0:
                    parts = one.module.split(".")
                    spoken.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
        found = set()
        for path in self.paths:
            holder = self._holder(path)
            if holder in self.declared or holder == _folder(path) or is_test_path(path):
                continue
            top = path.removeprefix(holder + "/").split("/", 1)[0]
            below = holder.removeprefix(self._declared_above(holder)).strip("/")
            if f"{below}/{top}".replace("/", ".") not in spoken and top in spoken:
                found.add(holder)
        return frozenset(found)

    def names(self) -> dict[str, str]:
        """Return the dotted name of every path, each one different."""
        names: dict[str, str] = {}
        taken: set[str] = set()
        roots = self.declared | self.found
        # Packages come before a module of the same name, which they shadow.
        for path in sorted(self.paths, key=lambda path: (not path.endswith("/__init__.py"), path)):
            root = next(folder for folder in _above(path) if folder in roots)
            short, long = (_dotted(path.removeprefix(root).lstrip("/")), _dotted(path))
            choices = [".".join(filter(None, [*self.prefix, name])) for name in (short, long)]
            name = next((choice for choice in choices if choice and choice not in taken), path)
            taken.add(name)
            names[path] = name
        return names

    def targets(self, path: str, statement: ImportStatement) -> list[tuple[str, tuple[str, ...]]]:
        """Return the files that a statement imports, each with the names it takes from it."""
        base = tuple(statement.module.split(".")) if statement.module else ()
        if statement.names is None:
            target = self._locate(path, statement.level, base)
            return [] if target is None else [(target, ())]
        found: list[tuple[str, tuple[str, ...]]] = []
        rest: list[str] = []
        for name in statement.names:
            inner = None if name == "*" else self._locate(path, statement.level, (*base, name))
            if inner is not None:
                found.append((inner, ()))
            else:
                rest.append(name)
        if rest and (outer := self._locate(path, statement.level, base)) is not None:
            found.append((outer, tuple(rest)))
        return found

    def _locate(self, path: str, level: int, parts: tuple[str, ...]) -> str | None:
        if level:
            folder = PurePosixPath(_folder(path))
            if level - 1 > len(folder.parts):
                return None
            above = folder.parts[: len(folder.parts) - level + 1]
            return self._file("/".join(above), parts)
        key = (self._holder(path), ".".join(parts))
        if key not in self.cache:
            self.cache[key] = self._locate_absolute(path, parts)
        return self.cache[key]

    def _locate_absolute(self, path: str, parts: tuple[str, ...]) -> str | None:
        if parts[0] in sys.stdlib_module_names:
            return None
        if self.prefix and parts[: len(self.prefix)] == self.prefix:
            return self._file("", parts[len(self.prefix) :])
        holder = self._holder(path)
        for folder in (holder, self._declared_above(path)):
            if (near := self._file(folder, parts)) is not None:
                return near
        others = {self._file(folder, parts) for folder in self.declared | self.found} - {None}
        # A name that several projects of the workspace have is nobody's in particular.
        return others.pop() if len(others) == 1 else None

    def _file(self, folder: str, parts: tuple[str, ...]) -> str | None:
        stem = "/".join([folder, *parts] if folder else parts)
        for candidate in (f"{stem}/__init__.py".lstrip("/"), f"{stem}.py"):
            if candidate in self.paths:
                return candidate
        return None

    def _holder(self, path: str) -> str:
        """Return the nearest folder above a file that is no package: where Python would start."""
        return next((folder for folder in _above(path) if not self._is_package(folder)), "")

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py".lstrip("/") in self.paths

    def _declared_above(self, path: str) -> str:
        return next(folder for folder in _above(path + "/") if folder in self.declared)


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a file, nearest first, "" (the workspace) last."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _dotted(path: str) -> str:
    stem = path.removesuffix(".py")
    stem = "" if stem == "__init__" else stem.removesuffix("/__init__")
    return stem.replace("/", ".")
