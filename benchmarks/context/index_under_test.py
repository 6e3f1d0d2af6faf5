"""What `make bench-index` measures: the one place that knows how the index is called.

Until the index answers by itself, this is the plainest thing that could: all files are extracted
in worker processes, nothing is kept on disk, and a context is the files near the document.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.context.serve import make as make_assembler
from claude_lsp.workspace.files import TextFile, list_files, read_text
from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from claude_lsp.workspace.index.records import FileRecord

_LARGEST_BYTES = 1_500_000
_CHUNK = 32


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


def make_index(root: Path, cache: Path, workers: int) -> IndexUnderTest:
    """Return an index that nothing has started yet.

    Args:
        root: the folder.
        cache: where the index may keep what a warm start needs.
        workers: how many processes may read at a time.
    """
    return PlainIndex(root, cache, workers)


class PlainIndex:
    """Records of all files in a dictionary."""

    def __init__(self, root: Path, _cache: Path, workers: int) -> None:
        self._root = root
        self._pool = ProcessPoolExecutor(workers)
        self._records: dict[str, FileRecord] = {}
        self._assembler = make_assembler()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read."""
        self._reading = asyncio.create_task(self._read())

    async def complete(self) -> None:
        """Wait for all files."""
        if self._reading is not None:
            await self._reading

    async def context(self, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the files near the document."""
        place = (str(self._root), file, prefix, suffix, budget)
        return await asyncio.to_thread(self._assembler.assemble, *place)

    async def update(self, file: str, text: str) -> None:
        """Extract one file."""
        self._records[file] = await asyncio.to_thread(extract, text, language_of(Path(file)))

    async def stop(self) -> None:
        """End the workers."""
        if self._reading is not None:
            self._reading.cancel()
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    async def _read(self) -> None:
        paths = await asyncio.to_thread(list_files, self._root, IgnoreRules(self._root))
        loop = asyncio.get_running_loop()
        chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
        reading = [loop.run_in_executor(self._pool, _records_of, chunk) for chunk in chunks]
        for done in asyncio.as_completed(reading):
            for path, record in await done:
                self._records[path.relative_to(self._root).as_posix()] = record


def _records_of(paths: list[Path]) -> list[tuple[Path, FileRecord]]:
    records = []
    for path in paths:
        content = read_text(path, _LARGEST_BYTES)
        if isinstance(content, TextFile):
            records.append((path, extract(content.text, language_of(path))))
    return records
