"""The files of a workspace, by folder and by name, and its projects' configuration files."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    ReadText = Callable[[str], str | None]

CONFIGURATION_FILES = frozenset(
    {"tsconfig.json", "jsconfig.json", "package.json", "go.mod", "Cargo.toml", "composer.json"}
)
"""Files that say how imports are resolved; a change of one forgets what was resolved."""

_JSON_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


class Places:
    """Where things are; an added or removed path costs the depth of its folder.

    Attributes:
        files: every path, relative to the workspace, "/" between parts.
        folders: the names in each folder that holds something, files and folders.
        memo: what finders remember between calls; emptied by every change of paths.
        settings: what they read from configuration files; emptied when one of these changes.
    """

    def __init__(self, paths: Collection[str], read_text: ReadText | None) -> None:
        self.files: set[str] = set()
        self.folders: dict[str, set[str]] = {}
        self.memo: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.settings: dict[tuple[str, str], Any] = {}
        self._by_name: dict[str, set[str]] = {}
        self._folders_by_name: dict[str, set[str]] = {}
        self._namespaces: dict[str, set[str]] = {}
        self._namespace_of: dict[str, str] = {}
        self._read_text = read_text
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        """Add a file, or say that its text has changed."""
        folder, _, name = path.rpartition("/")
        if name in CONFIGURATION_FILES or (name.endswith(".json") and "tsconfig" in name):
            self.settings.clear()
            self.memo.clear()
        if path in self.files:
            return
        self.memo.clear()
        self.files.add(path)
        self._by_name.setdefault(name, set()).add(path)
        while name not in (names := self.folders.setdefault(folder, set())):
            names.add(name)
            if not folder:
                break
            folder_name = folder.rpartition("/")[2]
            self._folders_by_name.setdefault(folder_name, set()).add(folder)
            folder, _, name = folder.rpartition("/")

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that are empty then."""
        if path not in self.files:
            return
        self.declare(path, "")
        folder, _, name = path.rpartition("/")
        if name in CONFIGURATION_FILES or (name.endswith(".json") and "tsconfig" in name):
            self.settings.clear()
        self.memo.clear()
        self.files.discard(path)
        _discard(self._by_name, name, path)
        while True:
            _discard(self.folders, folder, name)
            if folder in self.folders or not folder:
                break
            _discard(self._folders_by_name, folder.rpartition("/")[2], folder)
            folder, _, name = folder.rpartition("/")

    def declare(self, path: str, namespace: str) -> None:
        """Say which namespace a file belongs to; the empty string for none."""
        old = self._namespace_of.get(path, "")
        if old == namespace:
            return
        self.memo.clear()
        if old:
            _discard(self._namespaces, old, path)
            del self._namespace_of[path]
        if namespace:
            self._namespaces.setdefault(namespace, set()).add(path)
            self._namespace_of[path] = namespace

    def in_namespace(self, namespace: str) -> tuple[str, ...]:
        """Return the files that declare a namespace."""
        return tuple(sorted(self._namespaces.get(namespace, ())))

    def namespace_of(self, path: str) -> str:
        """Return the namespace that a file declares, the empty string for none."""
        return self._namespace_of.get(path, "")

    def named(self, name: str) -> Iterable[str]:
        """Return the paths of all files with a name."""
        return self._by_name.get(name, ())

    def first(self, candidates: Iterable[str]) -> tuple[str, ...]:
        """Return the first candidate that exists, alone, or nothing."""
        for candidate in candidates:
            if candidate in self.files:
                return (candidate,)
        return ()

    def ending_with(self, suffix: str, importer: str) -> tuple[str, ...]:
        """Return the files whose path ends with whole parts, the nearest to `importer` first."""
        head, _, name = suffix.rpartition("/")
        found: Collection[str] = self._by_name.get(name, ())
        if head:
            # Half of a project's files may be called `__init__.py`; few folders share a name.
            folders = self._folders_by_name.get(head.rpartition("/")[2], ())
            if len(folders) < len(found):
                paths = (f"{folder}/{name}" for folder in folders)
                found = [path for path in paths if path in self.files]
        ending = f"/{suffix}"
        matches = [path for path in found if path == suffix or path.endswith(ending)]
        matches.sort(key=lambda path: (-_shared(path, importer), len(path), path))
        return tuple(matches)

    def folders_ending_with(self, suffix: str) -> list[str]:
        """Return the folders whose path ends with whole parts."""
        found = self._folders_by_name.get(suffix.rpartition("/")[2], ())
        ending = f"/{suffix}"
        return sorted(path for path in found if path == suffix or path.endswith(ending))

    def files_in(self, folder: str, extension: str) -> tuple[str, ...]:
        """Return the files of a folder with an extension, in order; none of its subfolders."""
        names = sorted(name for name in self.folders.get(folder, ()) if name.endswith(extension))
        paths = (join(folder, name) for name in names)
        return tuple(path for path in paths if path in self.files)

    def read(self, path: str) -> str:
        """Return the text of a configuration file, empty if there is none."""
        if self._read_text is None or path not in self.files:
            return ""
        return self._read_text(path) or ""

    def json(self, path: str) -> dict[str, Any]:
        """Return a JSON file's object; comments and trailing commas are let through."""
        key = ("json", path)
        if key not in self.settings:
            self.settings[key] = _parse_json(self.read(path))
        found: dict[str, Any] = self.settings[key]
        return found


def _parse_json(text: str) -> dict[str, Any]:
    plain = _JSON_COMMENT.sub(lambda match: match[1] or " ", text.lstrip("\ufeff"))
    try:
        found = json.loads(_TRAILING_COMMA.sub(lambda match: match[1] or "", plain))
    except (ValueError, RecursionError):
        # A file that is being written: nothing is known until it is whole again.
        return {}
    return found if isinstance(found, dict) else {}


def _discard(index: dict[str, set[str]], key: str, value: str) -> None:
    values = index.get(key)
    if values is not None:
        values.discard(value)
        if not values:
            del index[key]


def _shared(path: str, other: str) -> int:
    """Return how many folders two paths have in common from the top."""
    count = 0
    for mine, theirs in zip(path.split("/")[:-1], other.split("/")[:-1], strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def folder_of(path: str) -> str:
    """Return the folder that holds a path, the empty string for the workspace."""
    return path.rpartition("/")[0]


def above(folder: str) -> Iterator[str]:
    """Yield a folder and those above it, the workspace (the empty string) last."""
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def join(folder: str, *parts: str) -> str:
    """Return a normal path below a folder; one outside of the workspace starts with `..`."""
    path = posixpath.normpath(posixpath.join(folder, *parts))
    return "" if path == "." else path
