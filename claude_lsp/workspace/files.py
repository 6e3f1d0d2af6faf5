"""The files of a workspace: which there are, and their text. Safe to call in a worker thread."""

# Paths are joined by the ten thousand here, and pathlib is ten times slower than os.path.
# ruff: noqa: PTH118

from __future__ import annotations

import codecs
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from claude_lsp.reading import read_regular
from claude_lsp.workspace import git
from claude_lsp.workspace.ignore import is_binary

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.workspace.ignore import IgnoreRules

Encoding = Literal["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]

# Made by tools and often huge; where git lists the files, its own ignore files say this.
_MADE_BY_TOOLS = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "__pycache__"),
        *(".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
        *(".gradle", ".terraform", ".next", ".nuxt", ".svelte-kit", ".parcel-cache", ".cache"),
    }
)
_ENVIRONMENT = "pyvenv.cfg"
"""Marks the folder of a virtual environment, whatever its name."""
_BYTE_ORDER_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """The text of one file, without a byte order mark.

    Attributes:
        text: the text, line endings as they are.
        encoding: how it stands on disk, as `str.encode` names it.
        size: in bytes, on disk.
        modified_ns: the file's modification time when it was read, in ns since the epoch.
    """

    text: str
    encoding: Encoding
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file whose text cannot be had, and why, in a few words."""

    reason: str


def list_files(root: Path, ignore: IgnoreRules, *, limit: int | None = None) -> list[Path]:
    """Return the files below `root` that may be sent as far as their paths tell, sorted.

    Args:
        root: a directory of the workspace.
        ignore: the workspace's rules.
        limit: stop after about so many files; None for all.

    Returns:
        absolute paths.
    """
    names = list_names(root, ignore, limit=limit)
    names.sort(key=lambda name: name.split("/"))
    return [root / name for name in (names if limit is None else names[:limit])]


def list_names(root: Path, ignore: IgnoreRules, *, limit: int | None = None) -> list[str]:
    """Return what `list_files` does as paths below `root`, "/" between parts, in no order.

    Inside a git repository git is asked, which is many times faster; elsewhere, and where git
    is absent or refuses, the directories are walked. Links are neither listed nor followed.
    """
    with ignore.walking():
        found = _listed_by_git(root, ignore) if ignore.repository else None
        return _walked(root, ignore, limit) if found is None else found


def is_made_by_tools(root: Path, path: str) -> bool:
    """Whether a walk below `root` would leave out a file for a folder that it is in.

    Args:
        root: where the walk starts.
        path: relative to it, "/" between parts; the file need not exist.
    """
    folder = root
    for part in path.split("/")[:-1]:
        folder /= part
        if part in _MADE_BY_TOOLS or (folder / _ENVIRONMENT).is_file():
            return True
    return False


def read_text(path: Path, limit_bytes: int) -> TextFile | Unreadable:
    """Read a text file of at most `limit_bytes` bytes.

    UTF-8 is understood, and UTF-16 with a byte order mark. Nothing else is guessed: a text in
    the wrong encoding would be sent, and written back, damaged.
    """
    try:
        content, modified_ns = read_regular(path, limit_bytes)
    except OSError as error:
        return Unreadable(_why(error))
    decoded = decode(content)
    if isinstance(decoded, Unreadable):
        return decoded
    text, encoding = decoded
    return TextFile(text, encoding, len(content), modified_ns)


def decode(content: bytes) -> tuple[str, Encoding] | Unreadable:
    """Return the text of a file's content and how it is encoded, or why there is none."""
    encoding: Encoding = "utf-8"
    for mark, marked in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            encoding, content = marked, content[len(mark) :]
            break
    if encoding.startswith("utf-8") and is_binary(content):
        return Unreadable("binary")
    try:
        text = content.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError as error:
        place = f"byte {error.start}"
        return Unreadable(f"not {encoding.removesuffix('-sig').upper()} text (at {place})")
    return Unreadable("binary") if is_binary(text) else (text, encoding)


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no longer there"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, IsADirectoryError):
        return "not a regular file"
    return error.strerror or str(error)


def _listed_by_git(root: Path, ignore: IgnoreRules) -> list[str] | None:
    """Ask git for the files; None if it cannot tell."""
    try:
        paths = git.tracked_and_untracked(root)
    except git.GitError:
        return None
    folders: dict[str, list[str]] = {}
    for listed in paths:
        parent, _, name = listed.rpartition("/")
        folders.setdefault(parent, []).append(name)
    found: list[str] = []
    for folder, names in folders.items():
        below = f"{folder}/" if folder else ""
        place = os.path.join(root, folder)
        for name in ignore.allowed_names(place, names):
            path = os.path.join(place, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue  # deleted, but not yet so in the index
            if stat.S_ISREG(mode):
                found.append(below + name)
            elif stat.S_ISDIR(mode) and not ignore.directory_reason(path):
                # A submodule, or another repository: git lists its files only from within.
                inside = root / folder / name
                inner = _listed_by_git(inside, ignore) if git.git_directory(inside) else None
                inner = _walked(inside, ignore, None) if inner is None else inner
                found += [f"{below}{name}/{one}" for one in inner]
    return found


def _walked(root: Path, ignore: IgnoreRules, limit: int | None) -> list[str]:
    found: list[str] = []
    waiting = [""]
    while waiting and (limit is None or len(found) < limit):
        below = waiting.pop()
        folder = os.path.join(root, below)
        if ignore.directory_reason(folder):
            continue
        names: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        names.append(entry.name)
                    elif entry.is_dir(follow_symlinks=False) and entry.name not in _MADE_BY_TOOLS:
                        folders.append(entry.name)
        except OSError:
            continue  # vanished meanwhile, or not ours to read
        if _ENVIRONMENT in names and below:
            continue  # a virtual environment under a name of its own
        found += [below + name for name in ignore.allowed_names(folder, names)]
        waiting += [f"{below}{name}/" for name in sorted(folders, reverse=True)]
    return found
