"""Our own context, as a program for the benchmark: `python -m benchmarks.context.serve`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context import tokens
from claude_lsp.context.gather import Query, definitions_and_windows, find
from claude_lsp.context.lookups import Lookups
from claude_lsp.settings import Settings
from claude_lsp.text.lines import split_lines
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from benchmarks.context.assembler import Assembler
    from claude_lsp.context.gather import Found
    from claude_lsp.workspace.codebase import Folder
    from claude_lsp.workspace.index.view import View


_CLOSE = 8


def make() -> Product:
    """Return what the server would send beside the document."""
    # What is measured is this version's index, not one that an editor has left behind.
    os.environ.setdefault(FOLDER_VARIABLE, tempfile.mkdtemp(prefix="claude-lsp-benchmark-"))
    return Product()


class Product:
    """The index and the ranking of the server, with budgets in the benchmark's tokens."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[Folder, Lookups]] = {}

    def index(self, root: str) -> None:
        """Index the project."""
        self.folder(root)

    def update(self, root: str, file: str, text: str) -> None:
        """Take the text of a buffer, as after each edit."""
        folder, _ = self.folder(root)
        folder.links([document_of(root, file, text)])

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the context of a completion, without the document itself."""
        folder, lookups = self.folder(root)
        return context_of(folder, lookups, document_of(root, file, prefix + suffix), prefix, budget)

    def found(self, root: str, file: str, prefix: str, suffix: str) -> tuple[View, Found]:
        """Return the index and what the ranking has to choose from."""
        folder, lookups = self.folder(root)
        document = document_of(root, file, prefix + suffix)
        links = folder.links([document])
        return links.view, find(links, _query(folder, document, prefix), lookups)

    def folder(self, root: str) -> tuple[Folder, Lookups]:
        """Return the index of a project, made the first time, and what reads its files."""
        if root not in self._folders:
            path = Path(root)
            folder = asyncio.run(_indexed(path))
            self._folders[root] = folder, Lookups(folder.text)
        return self._folders[root]


def context_of(
    folder: Folder, lookups: Lookups, document: Snapshot, prefix: str, budget: int
) -> str:
    """Return the context of a completion behind a prefix, without the document itself."""
    query = _query(folder, document, prefix)
    sizes: dict[str, int] = {}

    def weigh(path: str, text: str) -> int:
        block = _block(path, text)
        if block not in sizes:
            sizes[block] = tokens.count(block)
        return sizes[block]

    pieces = definitions_and_windows(folder.links([document]), query, lookups, budget, weigh)
    pieces.sort(key=lambda piece: piece.stable)
    blocks = [_block(piece.origin, piece.text) for piece in pieces]
    # A block begins and ends where no token goes on, so sizes add up; near the bound that is
    # looked at once more.
    if sum(sizes[block] for block in blocks) > budget - _CLOSE:
        while blocks and tokens.count("".join(blocks)) > budget:
            del blocks[0]
    return "".join(blocks)


def _query(folder: Folder, document: Snapshot, prefix: str) -> Query:
    """Return the place behind a prefix of a document."""
    before = split_lines(prefix)
    ended = not before or before[-1][-1] in "\r\n"
    cursor = Position(len(before), 0) if ended else Position(len(before) - 1, len(before[-1]))
    assert document.path is not None
    name = folder.name_of(document.path)
    return Query(name, document.language, document.index.lines, Range(cursor, cursor))


def _block(path: str, text: str) -> str:
    return f"# {path}\n{text}"


async def _indexed(root: Path) -> Folder:
    codebase = Codebase(Workspace([root], Settings()))
    codebase.update()
    await codebase.settled()
    return codebase.folder_of(root / "any")


def document_of(root: str, file: str, text: str) -> Snapshot:
    """Return a buffer of an editor."""
    path = Path(root, file)
    return Snapshot(uri_from_path(path), 1, text, language_of(path))


def answer(assembler: Assembler, question: dict[str, Any]) -> dict[str, Any]:
    """Answer one line of the protocol (see assembler.py)."""
    root = question["root"]
    match question.get("op", "assemble"):
        case "index":
            assembler.index(root)
        case "update":
            assembler.update(root, question["file"], question["text"])
        case "assemble":
            place = (question["file"], question["prefix"], question["suffix"])
            return {"context_text": assembler.assemble(root, *place, question["budget"])}
        case other:
            return {"error": f"unknown op: {other}"}
    return {"ok": True}


def main() -> None:
    """Answer until the input ends."""
    assembler = make()
    for line in sys.stdin:
        print(json.dumps(answer(assembler, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
