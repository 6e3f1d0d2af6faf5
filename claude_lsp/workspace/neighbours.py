"""Files that probably help with a document: open buffers, what it imports, its siblings.

A first form, to be replaced by the symbol index; only `neighbours` is used from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from claude_lsp.workspace.workspace import Workspace

_MOST_FILES = 12
_LARGEST_BYTES = 200_000

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

    Reads files: call it in a worker. Open buffers win over the disk.
    """
    by_path = {snapshot.path: snapshot for snapshot in open_documents if snapshot.path}
    wanted: dict[Path, tuple[str, float]] = {}
    for rank, path in enumerate(_imported(document, workspace)):
        wanted.setdefault(path, ("imported", 3.0 - rank / 1000))
    for path, opened in by_path.items():
        if opened.language == document.language:
            wanted.setdefault(path, ("open in the editor", 2.0))
    for rank, path in enumerate(_siblings(document)):
        wanted.setdefault(path, ("same folder", 1.0 - rank / 1000))
    if document.path is not None:
        wanted.pop(document.path, None)
    found: list[Neighbour] = []
    refused: list[Refused] = []
    for path, (reason, score) in wanted.items():
        if len(found) >= _MOST_FILES:
            break
        snapshot = by_path[path] if path in by_path else _read(path, workspace)
        if snapshot is None or not snapshot.text.strip():
            continue
        why_not = workspace.reason_not_to_send(snapshot)
        if why_not is None:
            found.append(Neighbour(snapshot, reason, score))
        else:
            refused.append(Refused(workspace.origin_of(path), why_not))
    return found, refused


def _read(path: Path, workspace: Workspace) -> Snapshot | None:
    """Read a file, unless its path alone already forbids that."""
    rules = workspace.rules_for(path)
    if rules is None:
        return None
    if rules.reason(path) is not None:
        # The text is not looked at; an empty one would hide the refusal.
        return Snapshot(uri_from_path(path), None, "(not read)")
    content = read_text(path, _LARGEST_BYTES)
    if not isinstance(content, TextFile):
        return None
    return Snapshot(uri_from_path(path), None, content.text, language_of(path))


def _siblings(document: Snapshot) -> Iterator[Path]:
    path = document.path
    if path is None:
        return
    try:
        names = sorted(p for p in path.parent.iterdir() if p.suffix == path.suffix and p.is_file())
    except OSError:
        return
    # Files with names like the document's come first: its test, its header, its other half.
    stem = path.stem.removeprefix("test_").removesuffix("_test")
    yield from sorted(names, key=lambda p: (stem not in p.stem, p.name))


def _imported(document: Snapshot, workspace: Workspace) -> Iterator[Path]:
    path = document.path
    if path is None:
        return
    if document.language == "python":
        candidates: Iterable[Path] = _python_imports(document.text, path, workspace)
    else:
        candidates = (
            path.parent / (match.group(1) + ending)
            for match in _RELATIVE_IMPORT.finditer(document.text)
            for ending in _SCRIPT_ENDINGS
        )
    seen: set[Path] = set()
    for candidate in candidates:
        resolved = _normalised(candidate)
        if resolved not in seen and resolved.is_file():
            seen.add(resolved)
            yield resolved


def _python_imports(text: str, path: Path, workspace: Workspace) -> Iterator[Path]:
    root = workspace.root_of(path)
    bases = [path.parent] if root is None else [root, root / "src"]
    for match in _PYTHON_IMPORT.finditer(text):
        names = re.findall(r"\w+", match["names"] or "")
        for module in re.split(r"[,\s]+", match["package"] or match["modules"] or ""):
            dots = len(module) - len(module.lstrip("."))
            starts = [path.parents[min(dots, len(path.parents)) - 1]] if dots else bases
            for start in starts:
                place = start.joinpath(*(part for part in module.split(".") if part))
                yield place.with_name(place.name + ".py") if place != start else start
                yield from (place / f"{name}.py" for name in names)
                yield place / "__init__.py"


def _normalised(path: Path) -> Path:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return path.__class__(*parts)
