"""Where segments are kept between sessions.

Several servers may work on one folder: each writes files of its own, complete before they get a
name that others look for, and the newest complete one counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FOLDER_VARIABLE = "CLAUDE_LSP_CACHE_DIR"

_STORED = "base-"
_PART = "part-"
_BESIDE = "kept-"
"""What begins so is another's, and not cleared away."""
_ENDING = ".index"
_ABANDONED_SECONDS = 24 * 3600
_GRAMMARS = "tree_sitter"


def open_folder(root: Path, tell: Callable[[str], object]) -> Folder:
    """Return the folder for the index of a workspace, a temporary one if need be."""
    folder = folder_of(root)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed on the next line
        probe.close()
    except OSError as error:
        found = Folder(None, tell)
        found.use_temporary(error.strerror or str(error))
        return found
    return Folder(folder, tell)


def folder_of(root: Path) -> Path:
    """Return where the index of a workspace is kept, whether or not there is one."""
    return _base() / "index" / hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]


def newest(root: Path) -> Path | None:
    """Return the newest index that was kept of a workspace; touches nothing."""
    found: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder_of(root).glob(f"{_STORED}*{_ENDING}"):
            with contextlib.suppress(OSError):  # a server has just replaced it
                found.append((path.stat().st_mtime, path))
    return max(found)[1] if found else None


class Folder:
    """One workspace's folder in the cache."""

    def __init__(self, path: Path | None, tell: Callable[[str], object]) -> None:
        self._path, self._tell = path, tell
        self._temporary: Path | None = None
        self._numbers = itertools.count()

    def stored(self) -> list[Path]:
        """Return what was kept, the newest first; clears away what a killed server left."""
        if self._path is None:
            return []
        found: list[tuple[float, Path]] = []
        with contextlib.suppress(OSError):
            for path in self._path.iterdir():
                try:
                    modified = path.stat().st_mtime
                except OSError:
                    continue  # another server has just cleared it away
                if path.name.startswith(_STORED):
                    found.append((modified, path))
                elif path.name.startswith(_BESIDE):
                    continue
                elif modified < time.time() - _ABANDONED_SECONDS:
                    _remove(path)
        return [path for _, path in sorted(found, reverse=True)]

    def new_part(self) -> Path:
        """Return a path for a segment of this session."""
        folder = self._temporary or self._path
        assert folder is not None  # noqa: S101 - one of them is always there
        return folder / f"{_PART}{os.getpid()}-{id(self):x}-{next(self._numbers)}{_ENDING}"

    def keep(self, part: Path) -> Path:
        """Let a segment be what the next session finds; return its new path.

        Raises:
            OSError: it cannot be renamed.
        """
        if self._path is None or part.parent != self._path:
            return part
        older = self.stored()
        kept = part.with_name(_STORED + part.name.removeprefix(_PART))
        part.replace(kept)
        for path in older:
            _remove(path)
        return kept

    def drop(self, paths: Iterable[Path]) -> None:
        """Delete segments that are not needed any more."""
        for path in paths:
            _remove(path)

    def use_temporary(self, why: str) -> bool:
        """Write to a temporary folder from now on; return whether there is one."""
        if self._temporary is not None:
            return False
        try:
            self._temporary = Path(tempfile.mkdtemp(prefix="claude-lsp-index-"))
        except OSError as error:
            self._tell(f"The index cannot be stored: {why}; nor in a temporary folder: {error}.")
            return False
        self._tell(
            f"The index cannot be stored ({why}) and is built again by each session. "
            f"Set {FOLDER_VARIABLE} to a folder that can be written."
        )
        return True

    def close(self) -> None:
        """Delete what only this session needs."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
        if self._path is not None:
            mine = f"{_PART}{os.getpid()}-{id(self):x}-"
            with contextlib.suppress(OSError):
                self.drop(self._path.glob(f"{mine}*"))
                # What a worker was writing when it was killed.
                self.drop(self._path.glob(f".{mine}*"))


@cache
def version() -> str:
    """Return what changes when the same file would give another record: our code, the grammars."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    for name in distributions(sys.path):
        if name.startswith(_GRAMMARS):
            digest.update(name.encode())
    return digest.hexdigest()[:24]


def distributions(places: Iterable[str]) -> list[str]:
    """Return what is installed in some folders, as their `.dist-info` folders are called.

    `importlib.metadata` tells the same in fifty times the time.
    """
    found = set[str]()
    for place in places:
        with contextlib.suppress(OSError):
            found.update(
                name.replace("-", "_")
                for name in os.listdir(place)  # noqa: PTH208 - names alone
                if name.endswith((".dist-info", ".egg-info"))
            )
    return sorted(found)


def file_of(root: Path, name: str) -> Path:
    """Return where something is kept beside the index of a workspace, under a name of its own."""
    return folder_of(root) / f"{_BESIDE}{name}"


def _base() -> Path:
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("claude-lsp", appauthor=False))


def _remove(path: Path) -> None:
    # On Windows a file that another server has mapped can't be deleted; it is cleared later.
    with contextlib.suppress(OSError):
        path.unlink()
