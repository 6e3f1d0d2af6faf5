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
from claude_lsp.context.gather import Query, assemble_text
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
    from claude_lsp.workspace.codebase import Folder
    from claude_lsp.workspace.index.links import Links


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
        self._folder(root)

    def update(self, root: str, file: str, text: str) -> None:
        """Take the text of a buffer, as after each edit."""
        folder, _ = self._folder(root)
        folder.links([_document(root, file, text)])

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the context of a completion, without the document itself."""
        return assemble_text(*self.question(root, file, prefix, suffix), budget, tokens.count)

    def question(
        self, root: str, file: str, prefix: str, suffix: str
    ) -> tuple[Links, Query, Lookups]:
        """Return the index, the place in it, and what reads its files, as `find` takes them."""
        folder, lookups = self._folder(root)
        document = _document(root, file, prefix + suffix)
        before = split_lines(prefix)
        ended = not before or before[-1][-1] in "\r\n"
        cursor = Position(len(before), 0) if ended else Position(len(before) - 1, len(before[-1]))
        lines = split_lines(document.text)
        query = Query(file, document.language, lines, Range(cursor, cursor))
        return folder.links([document]), query, lookups

    def _folder(self, root: str) -> tuple[Folder, Lookups]:
        if root not in self._folders:
            path = Path(root)
            folder = asyncio.run(_indexed(path))
            self._folders[root] = folder, Lookups(folder.text)
        return self._folders[root]


async def _indexed(root: Path) -> Folder:
    codebase = Codebase(Workspace([root], Settings()))
    codebase.update()
    await codebase.settled()
    return codebase.folder_of(root / "any")


def _document(root: str, file: str, text: str) -> Snapshot:
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
