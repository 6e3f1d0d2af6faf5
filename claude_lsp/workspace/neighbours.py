"""Files that probably help with a document: open buffers, what it imports, its siblings.

A first form, to be replaced by the symbol index; only `neighbours` is used from outside.
"""

# This runs for every completion, and pathlib is ten times slower than os.path.
# ruff: noqa: PTH112, PTH113, PTH116, PTH118, PTH122

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from claude_lsp.workspace.workspace import Workspace

_MOST_FILES = 12
_LARGEST_BYTES = 200_000
_FILES_KEPT = 64
# A file system's clock may be this coarse: within it, an edit need not show in the file's times.
_SETTLED_NS = 2_000_000_000

_PYTHON_IMPORT = re.compile(
    r"^\s*(?:from\s+(?P<package>\.*[\w.]*)\s+import\s+(?P<names>[\w ,*()]+)"
    r"|import\s+(?P<modules>[\w., ]+))",
    re.MULTILINE,
)
_RELATIVE_IMPORT = re.compile(
    r"""(?:from|import|require|include)\s*\(?\s*["'](\.{1,2}/[^"']+|[\w./-]+\.h(?:pp)?)["']"""
)
_SCRIPT_ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", "/index.ts", "/index.tsx", "/index.js")


@dataclass(frozen=True)
class Neighbour:
    """A file beside the document: what it is, and why it may help.

    Attributes:
        snapshot: its text, from the editor where it is open.
        reason: "imported", "open in the editor" or "same folder".
        score: larger is more likely to help.
    """

    snapshot: Snapshot
    reason: str
    score: float


@dataclass(frozen=True)
class Refused:
    """A file that would have helped but must not be sent."""

    origin: str
    reason: str


def neighbours(
    document: Snapshot, workspace: Workspace, open_documents: Sequence[Snapshot]
) -> tuple[list[Neighbour], list[Refused]]:
    """Return the files that help most, best first, and those that must not be sent.

    Reads files: call it in a worker. Open buffers win over the disk, and a file that has not
    changed is not read again.
    """
    opened = {_key(snapshot.path): snapshot for snapshot in open_documents if snapshot.path}
    seen = {_key(document.path)} if document.path else set()
    found: list[Neighbour] = []
    refused: list[Refused] = []
    for name, reason, score in _wanted(document, workspace, open_documents):
        key = _key(name)
        if key in seen:
            continue
        seen.add(key)
        path = Path(name)
        if key not in opened and workspace.root_of(path) is None:
            continue
        if why_not := workspace.reason_against_path(path):
            # Its text is not looked at.
            refused.append(Refused(workspace.origin_of(path), why_not))
            continue
        snapshot = opened.get(key) or _on_disk(name)
        if snapshot is None or not snapshot.text.strip():
            continue
        if why_not := workspace.reason_against_text(snapshot):
            refused.append(Refused(workspace.origin_of(path), why_not))
            continue
        found.append(Neighbour(snapshot, reason, score))
        if len(found) == _MOST_FILES:
            break
    return found, refused


def _wanted(
    document: Snapshot, workspace: Workspace, open_documents: Sequence[Snapshot]
) -> Iterator[tuple[str, str, float]]:
    """Yield path, reason and score, best first; a path may come more than once."""
    path = document.path
    if path is not None:
        for rank, name in enumerate(_imported(document, path, workspace)):
            yield name, "imported", 3.0 - rank / 1000
    for snapshot in open_documents:
        if snapshot.path is not None and snapshot.language == document.language:
            yield str(snapshot.path), "open in the editor", 2.0
    if path is not None:
        for rank, name in enumerate(_siblings(path)):
            yield name, "same folder", 1.0 - rank / 1000


def _key(path: Path | str) -> str:
    """Return the same text for each way to write a path, where a system knows several."""
    return os.path.normcase(path)


def _on_disk(name: str) -> Snapshot | None:
    """Return a file as it is now, None for what is not a text file of a moderate size."""
    try:
        status = os.stat(name)
    except OSError:
        return None
    settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
    read = _read_once if settled else _read
    return read(name, status.st_mtime_ns, status.st_size, status.st_ino)


def _read(name: str, *_state: int) -> Snapshot | None:
    path = Path(name)
    content = read_text(path, _LARGEST_BYTES)
    if not isinstance(content, TextFile):
        return None
    return Snapshot(uri_from_path(path), None, content.text, language_of(path))


_read_once = lru_cache(_FILES_KEPT)(_read)


def _siblings(path: Path) -> list[str]:
    try:
        with os.scandir(path.parent) as entries:
            files = [
                entry
                for entry in entries
                if os.path.splitext(entry.name)[1] == path.suffix and entry.is_file()
            ]
    except OSError:
        return []
    # Files with names like the document's come first: its test, its header, its other half.
    stem = path.stem.removeprefix("test_").removesuffix("_test")
    files.sort(key=lambda file: (stem not in os.path.splitext(file.name)[0], file.name))
    return [file.path for file in files]


def _imported(document: Snapshot, path: Path, workspace: Workspace) -> Iterator[str]:
    if document.language == "python":
        candidates: Iterable[str] = _python_imports(document.text, path, workspace)
    else:
        folder = str(path.parent)
        candidates = (
            os.path.join(folder, match[1] + ending)
            for match in _RELATIVE_IMPORT.finditer(document.text)
            for ending in _SCRIPT_ENDINGS
        )
    seen: set[str] = set()
    for candidate in candidates:
        name = os.path.normpath(candidate)
        if name not in seen and os.path.isfile(name):
            seen.add(name)
            yield name


def _python_imports(text: str, path: Path, workspace: Workspace) -> Iterator[str]:
    root = workspace.root_of(path)
    sources = [path.parent] if root is None else [root, root / "src"]
    bases = [str(folder) for folder in sources if os.path.isdir(folder)]
    for match in _PYTHON_IMPORT.finditer(text):
        names = re.findall(r"\w+", match["names"] or "")
        for module in re.split(r"[,\s]+", match["package"] or match["modules"] or ""):
            dots = len(module) - len(module.lstrip("."))
            starts = [str(path.parents[min(dots, len(path.parents)) - 1])] if dots else bases
            for start in starts:
                place = os.path.join(start, *filter(None, module.split(".")))
                if place != start:
                    yield place + ".py"
                if os.path.isdir(place):
                    yield from (os.path.join(place, f"{name}.py") for name in names)
                    yield os.path.join(place, "__init__.py")
