"""From an import to the file, and to the definition, that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace.index.finders import by_path, go, javascript, python, rust
from claude_lsp.workspace.index.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from claude_lsp.workspace.index.places import ReadText
    from claude_lsp.workspace.index.records import FileRecord

    Finder = Callable[[Places, str, str], tuple[str, ...]]
    RecordOf = Callable[[str], FileRecord | None]

MAX_DEPTH = 6
"""Re-exports that are followed from one file to the next."""

_MAX_VISITED = 200

_MEMBERS_ARE_IMPORTED = {"java", "csharp"}

_FAMILY: dict[str, tuple[str, Finder]] = {
    "python": ("python", python.find),
    **dict.fromkeys(
        ("typescript", "typescriptreact", "javascript", "javascriptreact", "vue", "svelte"),
        ("javascript", javascript.find),
    ),
    "go": ("go", go.find),
    "rust": ("rust", rust.find),
    "java": ("java", by_path.find_java),
    **dict.fromkeys(
        ("c", "cpp", "objective-c", "objective-cpp", "cuda-cpp"), ("c", by_path.find_include)
    ),
    "csharp": ("csharp", by_path.find_csharp),
    "php": ("php", by_path.find_php),
    "ruby": ("ruby", by_path.find_ruby),
    "shellscript": ("shell", by_path.find_beside),
}


class Resolver:
    """Finds the files that imports name among the files of a workspace.

    Answers are remembered until a path comes or goes; an update costs nothing else.
    """

    def __init__(self, paths: Collection[str], read_text: ReadText | None = None) -> None:
        """Start with the files of a workspace.

        Args:
            paths: relative to the workspace, "/" between parts; configuration files
                (`places.CONFIGURATION_FILES`) among them.
            read_text: returns the text of a configuration file, None if it cannot be read;
                without it none is consulted.
        """
        self._places = Places(paths, read_text)

    def add(self, path: str) -> None:
        """Add a file, or say that a configuration file has changed."""
        self._places.add(path)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._places.remove(path)

    def paths(self) -> frozenset[str]:
        """Return every path that it knows."""
        return frozenset(self._places.files)

    def declare(self, path: str, namespace: str) -> None:
        """Say which namespace a file's record declares: C# and PHP are resolved by it."""
        self._places.declare(path, namespace)

    def module_files(self, importer: str, module: str, language: str) -> tuple[str, ...]:
        """Return the files that a module consists of.

        Args:
            importer: path of the importing file.
            module: the module as its record has it.
            language: the importing file's language identifier.

        Returns:
            one path, several where a module is a folder or a namespace; none for a module from
            outside of the workspace.
        """
        known = _FAMILY.get(language)
        if known is None or not module:
            return ()
        family, finder = known
        places = self._places
        # Rust's paths start from the very file, the others' from its folder.
        origin = importer if family == "rust" else importer.rpartition("/")[0]
        key = (family, origin, module)
        found = places.memo.get(key)
        if found is None:
            found = places.memo[key] = finder(places, importer, module)
        return found

    def submodule_files(
        self, importer: str, module: str, name: str, language: str
    ) -> tuple[str, ...]:
        """Return the files of the module `name` inside of a module, where there is such a thing."""
        if language == "python":
            dot = "" if module.endswith(".") else "."
            return self.module_files(importer, f"{module}{dot}{name}", language)
        if language == "rust":
            return rust.find_exactly(self._places, importer, f"{module}::{name}")
        return ()


class Resolution(NamedTuple):
    """What an import names.

    Attributes:
        path: the file.
        symbol: position of the definition in its record; None for the module itself.
    """

    path: str
    symbol: int | None


def resolve_name(
    resolver: Resolver,
    record_of: RecordOf,
    importer: str,
    module: str,
    original: str | None,
) -> Resolution | None:
    """Return what a name imported from a module is, through any re-exports.

    Args:
        resolver: finds the files of modules.
        record_of: returns what is known of a file, None for nothing.
        importer: path of the importing file.
        module: the module as it is written; empty for the file itself.
        original: the name in the module; None for the module itself.

    Returns:
        None for what lies outside of the workspace or is not found.
    """
    record = record_of(importer)
    if record is None:
        return None
    visited: set[tuple[str, str, str | None]] = set()
    # Breadth first: the shortest way to a name is the one that its authors mean.
    waiting: list[tuple[str, str, str | None, int]] = [(importer, module, original, 0)]
    fallback: Resolution | None = None
    while waiting and len(visited) < _MAX_VISITED:
        origin, module, name, depth = waiting.pop(0)
        if (origin, module, name) in visited:
            continue
        visited.add((origin, module, name))
        record = record_of(origin)
        if record is None:
            continue
        language = record.language
        files = resolver.module_files(origin, module, language) if module else (origin,)
        if name is None:
            if files:
                return Resolution(files[0], None)
            continue
        records = [(path, found) for path in files if (found := record_of(path)) is not None]
        for path, found in records:
            if (position := _position(found, name)) is not None:
                return Resolution(path, position)
        if inner := resolver.submodule_files(origin, module, name, language) if module else ():
            return Resolution(inner[0], None)
        if name == "default" and files and fallback is None:
            # CommonJS: the module is what it exports.
            fallback = Resolution(files[0], None)
        if depth == MAX_DEPTH:
            continue
        for path, found in records:
            waiting += [
                (path, one.module, one.original, depth + 1)
                for one in found.imports
                if one.local == name
            ]
        # `export *` passes on everything but the default.
        for path, found in records if name != "default" else ():
            waiting += [(path, star, name, depth + 1) for star in found.stars]
    return fallback


def _position(record: FileRecord, name: str) -> int | None:
    """Return the position of a top-level definition, or else of one that imports reach, too."""
    nested = None
    for position, symbol in enumerate(record.symbols):
        if symbol.name == name:
            if symbol.parent < 0:
                return position
            reached = symbol.kind == "class" or record.language in _MEMBERS_ARE_IMPORTED
            if nested is None and reached:
                nested = position
    return nested
