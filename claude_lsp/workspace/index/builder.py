"""Keeps an index in step with the files on disk.

At the start the index of the last time is mapped, the files are listed, and what is new or has
changed is read by worker processes, the files that matter most first. Each batch counts as soon
as it is there. At the end all is merged into one file for the next time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace.files import list_files
from claude_lsp.workspace.index import cache
from claude_lsp.workspace.index.places import CONFIGURATION_FILES
from claude_lsp.workspace.index.store import DamagedError, load
from claude_lsp.workspace.index.workers import WorkerError, Workers
from claude_lsp.workspace.languages import PLAIN_TEXT, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from claude_lsp.workspace.ignore import IgnoreRules
    from claude_lsp.workspace.index.index import Index
    from claude_lsp.workspace.index.segment import Segment

_log = logging.getLogger(__name__)

MOST_FILES = 100_000
"""Files of a workspace that are indexed; of more the first ones in order of their paths."""

# The first batches are small, so that something is there soon; later ones are read faster.
_FIRST_BATCH = 40
_BATCH = 400
_MERGE_ABOVE = 16
"""Segments above which those of a build are merged on the way."""
_SMALL_ONES = 6
"""Segments of later changes beyond which they are merged."""

_DATA = frozenset(
    {
        *("plaintext", "markdown", "restructuredtext", "latex", "tex", "html", "xml", "css"),
        *("scss", "less", "json", "jsonc", "json5", "yaml", "toml", "ini", "properties", "dotenv"),
        *("makefile", "dockerfile", "diff", "git-commit", "git-rebase", "ignore"),
    }
)
"""Languages without definitions that code refers to."""


class Listed(NamedTuple):
    """A file that can be indexed.

    Attributes:
        path: in the workspace, "/" between parts.
        language: its LSP language identifier.
        modified_ns: its modification time.
        size: in bytes.
    """

    path: str
    language: str
    modified_ns: int
    size: int


@dataclass
class Progress:
    """What a build has done.

    Attributes:
        files: that the index covers when it is done.
        done: of those, how many are covered by now.
        left_out: why files are not in it, and how many for each reason.
    """

    files: int = 0
    done: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


class Builder:
    """Builds the index of one workspace folder; owned by a session, which closes it.

    Args:
        index: what is built.
        root: the workspace folder.
        rules: its ignore rules; what they refuse is not read.
        tell: called with a sentence for the user when something limits the index.
        worker_count: processes that read files.
        most_here: so few files are read by this process itself.
        most_files: so many files are indexed at most.
    """

    def __init__(
        self,
        index: Index,
        root: Path,
        rules: IgnoreRules,
        tell: Callable[[str], None],
        *,
        worker_count: int = 2,
        most_here: int = 0,
        most_files: int = MOST_FILES,
    ) -> None:
        self.progress = Progress()
        self._index, self._root, self._rules, self._tell = index, root, rules, tell
        self._worker_count, self._most_here, self._most_files = worker_count, most_here, most_files
        self._folder: cache.Folder | None = None
        self._version = ""
        self._known: dict[str, tuple[int, int]] = {}
        self._files: dict[int, Path] = {}
        self._kept: set[Path] = set()
        self._writing = asyncio.Lock()

    async def start(self, opened: Sequence[str] = ()) -> None:
        """Bring the index up to date with the disk.

        Args:
            opened: paths of files that are open in the editor: they and what is near come first.
        """
        await asyncio.to_thread(self._recall)
        listed = await asyncio.to_thread(self._list)
        await self._update(listed, opened, complete=True)

    async def refresh(self, paths: Iterable[str]) -> None:
        """Read files again that were created, changed or deleted."""
        listed = await asyncio.to_thread(self._look_at, list(paths))
        await self._update(listed, (), complete=False)

    async def close(self) -> None:
        """Wait until nothing is being written, and forget temporary files.

        A caller that does not want to wait cancels the task of `start` or `refresh` first.
        """
        async with self._writing:
            if self._folder is not None:
                await asyncio.to_thread(self._folder.close)

    def _recall(self) -> None:
        """Map what was stored the last time."""
        self._folder = cache.open_folder(self._root, self._tell)
        self._version = cache.version()
        for path in self._folder.stored():
            try:
                segment = load(path, self._version)
            except DamagedError as error:
                _log.info("the stored index is built again: it is %s", error)
            except OSError as error:
                _log.info("the stored index cannot be read: %s", error)
            else:
                self._adopt(segment, path)
                self._kept.add(path)
                self._index.replace([segment])
                return
            with contextlib.suppress(OSError):
                path.unlink()

    def _adopt(self, segment: Segment, path: Path) -> None:
        self._files[id(segment)] = path
        for file, state in enumerate(
            zip(segment.modified_ns.tolist(), segment.sizes.tolist(), strict=True)
        ):
            self._known[segment.path(file)] = state

    def _list(self) -> list[Listed]:
        """Return the files of the workspace that can be indexed."""
        start = len(str(self._root)) + 1
        found = list_files(self._root, self._rules)
        paths = [str(path)[start:].replace(os.sep, "/") for path in found]
        self._index.configure(
            path for path in paths if path.rpartition("/")[2] in CONFIGURATION_FILES
        )
        indexed = [(path, language) for path in paths if (language := _language(path))]
        if len(indexed) > self._most_files:
            left = len(indexed) - self._most_files
            self.progress.left_out["too many files"] = left
            self._tell(
                f"The workspace has {len(indexed)} source files; {left} of them are not indexed. "
                "Open a smaller folder, or exclude files with .claudeignore."
            )
            del indexed[self._most_files :]
        return [one for path, language in indexed if (one := self._state(path, language))]

    def _look_at(self, paths: Sequence[str]) -> list[Listed]:
        """Return what stands at some paths now."""
        found = []
        for path in paths:
            if path.rpartition("/")[2] in CONFIGURATION_FILES:
                self._index.configure([path])
            language = _language(path)
            if language and self._rules.reason(path) is None:
                found.append(self._state(path, language) or Listed(path, language, 0, -1))
            elif path in self._known:
                found.append(Listed(path, "", 0, -1))
        return found

    def _state(self, path: str, language: str) -> Listed | None:
        try:
            status = os.stat(self._root / path)  # noqa: PTH116 - asked for each file
        except OSError:
            return None
        return Listed(path, language, status.st_mtime_ns, status.st_size)

    async def _update(
        self, listed: Sequence[Listed], opened: Sequence[str], *, complete: bool
    ) -> None:
        """Read what has changed; with `complete`, what is not listed is gone."""
        async with self._writing:
            changed = [
                one for one in listed if self._known.get(one.path) != (one.modified_ns, one.size)
            ]
            gone = {one.path for one in changed if one.size < 0 and one.path in self._known}
            changed = [one for one in changed if one.size >= 0]
            if complete:
                gone |= self._known.keys() - {one.path for one in listed}
            self.progress.files = len(self._known.keys() | {one.path for one in listed} - gone)
            self.progress.done = self.progress.files - len(changed)
            if not changed and not gone:
                return
            for path in gone:
                self._known.pop(path, None)
            ordered = await asyncio.to_thread(self._ordered, changed, opened)
            await self._read(ordered, gone)

    def _ordered(self, changed: Sequence[Listed], opened: Sequence[str]) -> list[Listed]:
        """Return files in the order in which they matter: near the open ones, then new ones."""
        folders = {path.rpartition("/")[0] for path in opened}
        first = set(opened) | self._imported(opened)
        return sorted(
            changed,
            key=lambda one: (
                one.path not in first,
                one.path.rpartition("/")[0] not in folders,
                -one.modified_ns,
                one.path,
            ),
        )

    def _imported(self, opened: Sequence[str]) -> set[str]:
        """Return the files that open buffers import, as far as their records are known."""
        links = self._index.links
        view = links.view
        found: set[str] = set()
        for path in opened:
            file = view.find(path)
            if file >= 0:
                language = view.language(file)
                for module, _ in links.imports(file).values():
                    found.update(self._index.module_files(path, module, language))
        return found

    async def _read(self, files: Sequence[Listed], gone: Collection[str]) -> None:
        """Read files in worker processes, and merge what comes of it."""
        assert self._folder is not None  # noqa: S101 - `_recall` comes first
        if not files:
            await asyncio.to_thread(self._index.forget, gone)
            return
        count = self._worker_count if len(files) > _FIRST_BATCH else 1
        async with Workers(count if len(files) > self._most_here else 0) as workers:
            try:
                await self._read_batches(workers, files, gone)
                await self._tidy(workers)
            except (WorkerError, OSError, DamagedError) as error:
                no_space = not isinstance(error, WorkerError) or error.no_space
                if not no_space or not self._folder.use_temporary(str(error)):
                    self._tell(f"The index is incomplete: {error}.")
                    return
        if self._folder.is_temporary:
            await self._read([one for one in files if not self._is_known(one)], ())

    async def _read_batches(
        self, workers: Workers, files: Sequence[Listed], gone: Collection[str]
    ) -> None:
        missing = gone
        tasks = [
            asyncio.ensure_future(self._read_batch(workers, batch)) for batch in _batches(files)
        ]
        try:
            for task in asyncio.as_completed(tasks):
                for batch, segment, path in await task:
                    self._files[id(segment)] = path
                    for one in batch:
                        self._known[one.path] = (one.modified_ns, one.size)
                    await asyncio.to_thread(self._index.add, segment, missing)
                    self.progress.done += len(batch)
                    missing = ()
                if len(self._index.segments) > _MERGE_ABOVE:
                    await self._merge(workers, self._index.segments[1:])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tidy(self, workers: Workers) -> None:
        """Merge what a build left in many segments; rarely all, as that writes everything."""
        first, *others = self._index.segments
        added = sum(segment.file_count for segment in others)
        if added > first.file_count // 4 or self._files.get(id(first)) not in self._kept:
            await self._merge(workers, self._index.segments, keep=True)
        elif len(others) > _SMALL_ONES:
            await self._merge(workers, others)

    def _is_known(self, one: Listed) -> bool:
        return self._known.get(one.path) == (one.modified_ns, one.size)

    async def _read_batch(
        self, workers: Workers, batch: Sequence[Listed]
    ) -> list[tuple[Sequence[Listed], Segment, Path]]:
        """Let a worker read some files; one that brings it down is left out."""
        assert self._folder is not None  # noqa: S101
        out = self._folder.new_part()
        try:
            answer = await workers.ask(
                root=str(self._root),
                files=[[one.path, one.language] for one in batch],
                out=str(out),
                version=self._version,
            )
        except WorkerError as error:
            if error.no_space or not error.ended:
                raise
            if len(batch) == 1:
                _log.warning("%s cannot be indexed: %s", batch[0].path, error)
                self._leave_out("a worker process ended", 1)
                return []
            middle = len(batch) // 2
            halves = [
                await self._read_batch(workers, half) for half in (batch[:middle], batch[middle:])
            ]
            return halves[0] + halves[1]
        for reason, count in answer["skipped"].items():
            self._leave_out(reason, count)
        return [(batch, await asyncio.to_thread(load, out, self._version), out)]

    def _leave_out(self, reason: str, count: int) -> None:
        left_out = self.progress.left_out
        left_out[reason] = left_out.get(reason, 0) + count

    async def _merge(
        self, workers: Workers, segments: Sequence[Segment], *, keep: bool = False
    ) -> None:
        """Put one segment in the place of several; the index keeps answering meanwhile.

        Args:
            workers: one of them does it.
            segments: neighbours in the index.
            keep: whether the result is what the next start maps.
        """
        assert self._folder is not None  # noqa: S101
        out = self._folder.new_part()
        await workers.ask(
            parts=[str(self._files[id(segment)]) for segment in segments],
            gone=sorted(self._index.gone),
            out=str(out),
            version=self._version,
        )
        if keep:
            out = await asyncio.to_thread(self._folder.keep, out)
            self._kept.add(out)
        merged = await asyncio.to_thread(load, out, self._version)
        await asyncio.to_thread(self._index.merge, segments, merged)
        old = [self._files.pop(id(segment)) for segment in segments]
        self._files[id(merged)] = out
        await asyncio.to_thread(self._folder.drop, old)


def _language(path: str) -> str:
    """Return the language of a file that can be indexed, empty for any other."""
    language = language_of(path)
    return "" if language == PLAIN_TEXT or language in _DATA else language


def _batches(files: Sequence[Listed]) -> list[Sequence[Listed]]:
    batches, start, size = [], 0, _FIRST_BATCH
    while start < len(files):
        batches.append(files[start : start + size])
        start += size
        size = min(_BATCH, size * 2)
    return batches
