"""What `make bench-index` measures: the one place that knows how the index is called."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from benchmarks.context.serve import context_of, document_of
from claude_lsp.context.lookups import Lookups
from claude_lsp.settings import Settings
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


class IndexUnderTest(Protocol):
    """An index of one folder, on the running event loop."""

    async def start(self) -> None:
        """Begin to read; what is ready is used from then on."""

    async def complete(self) -> None:
        """Wait until every file is known."""

    async def context(self, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the context of a place from what is ready; `budget` in o200k tokens."""

    async def update(self, file: str, text: str) -> None:
        """Take the text of a buffer; return when answers know it."""

    async def stop(self) -> None:
        """End the workers and keep what a warm start needs."""


def make_index(root: Path, cache: Path) -> IndexUnderTest:
    """Return an index that nothing has started yet.

    Args:
        root: the folder.
        cache: where the index may keep what a warm start needs.
    """
    return Product(root, cache)


class Product:
    """The server's own index, with the buffer that is asked about as its only open one."""

    def __init__(self, root: Path, cache: Path) -> None:
        os.environ[FOLDER_VARIABLE] = str(cache)
        self._root = root
        self._codebase = Codebase(Workspace([root], Settings()))
        (self._folder,) = self._codebase.folders
        self._lookups = Lookups(self._folder.text)

    async def start(self) -> None:
        """Begin to read."""
        self._codebase.update()

    async def complete(self) -> None:
        """Wait for all files."""
        await self._codebase.settled()

    async def context(self, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return what the server would send beside the document."""
        document = document_of(str(self._root), file, prefix + suffix)
        return await asyncio.to_thread(
            context_of, self._folder, self._lookups, document, prefix, budget
        )

    async def update(self, file: str, text: str) -> None:
        """Take in one buffer."""
        document = document_of(str(self._root), file, text)
        await asyncio.to_thread(self._folder.links, [document])

    async def stop(self) -> None:
        """End what is under way."""
        await self._codebase.close()
