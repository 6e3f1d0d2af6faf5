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
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_lsp.workspace.files import is_made_by_tools, list_names
from claude_lsp.workspace.ignore import SETTLED_NS
from claude_lsp.workspace.index import cache
from claude_lsp.workspace.index.backlog import Backlog, Listed
from claude_lsp.workspace.index.places import CONFIGURATION_FILES, above, folder_of
from claude_lsp.workspace.index.store import DamagedError, load, save
from claude_lsp.workspace.index.workers import WorkerError, Workers, to_the_end
from claude_lsp.workspace.languages import is_indexed, language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from claude_lsp.workspace.ignore import IgnoreRules
    from claude_lsp.workspace.index.index import Index
    from claude_lsp.workspace.index.segment import Segment

_log = logging.getLogger(__name__)

MOST_FILES = 100_000
"""Files of a workspace that are indexed; of more the first ones in order of their paths."""

_FRONTS = frozenset({"__init__", "index", "mod", "lib"})
"""Names of files that pass on what others define."""
_MANY_FILES = 40
"""Files of which several processes are worth their start."""
_MERGE_ABOVE = 32
"""Segments above which those of a build are merged on the way: each slows every query down."""
_FEW_FILES, _FEW_BYTES = 16, 200_000
"""Up to so many are read in this process: a saved file is not worth the start of another."""
_SMALL_ONES = 6
"""Segments of later changes beyond which they are merged."""
_MANY_FOLDERS = 8
"""Folders that came or went beyond which it is quicker to list all files."""


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

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count files that are left out."""
        self.left_out[reason] = self.left_out.get(reason, 0) + count


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
        tell: Callable[[str], object],
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
        self._configurations: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self._files: dict[int, Path] = {}
        self._kept: set[Path] = set()
        self._backlog: Backlog | None = None
        self._writing = asyncio.Lock()

    async def start(self, opened: Sequence[str] = ()) -> None:
        """Bring the index up to date with the disk.

        Args:
            opened: paths of files that are open in the editor: they and what is near come first.
        """
        await to_the_end(self._recall)
        listed = await asyncio.to_thread(self._list)
        await self._update(listed, opened, complete=True)

    async def refresh(self, paths: Iterable[str]) -> None:
        """Read files again that were created, changed or deleted, and folders of such files."""
        await to_the_end(self._recall)
        listed = await asyncio.to_thread(self._look_at, list(paths))
        if listed is None:
            await self.start()
        else:
            await self._update(listed, (), complete=False)

    async def close(self) -> None:
        """Wait until nothing is being written, and forget temporary files.

        A caller that does not want to wait cancels the task of `start` or `refresh` first.
        """
        async with self._writing:
            if self._folder is not None:
                await asyncio.to_thread(self._folder.close)

    def _recall(self) -> None:
        """Map what was stored the last time, once."""
        if self._folder is not None:
            return
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
        paths = sorted(list_names(self._root, self._rules))
        indexed = [
            (path, language) for path in paths if is_indexed(language := language_of(path), path)
        ]
        self.progress.left_out.pop("too many files", None)
        if len(indexed) > self._most_files:
            left = len(indexed) - self._most_files
            self.progress.leave_out("too many files", left)
            self._tell_once(
                "too many files",
                f"The workspace has {len(indexed)} source files; {left} of them are not indexed. "
                "Open a smaller folder, or exclude files with .claudeignore.",
            )
            del indexed[self._most_files :]
        # Known to the resolver before they are read: what an open file imports is read first.
        self._index.introduce(path for path, _ in indexed)
        configurations = {path for path in paths if _is_configuration(path)}
        self._index.forget(self._configurations - configurations)
        self._index.introduce(configurations)
        self._configurations = frozenset(configurations)
        return [one for path, language in indexed if (one := self._state(path, language))]

    def _look_at(self, paths: Sequence[str]) -> list[Listed] | None:
        """Return what stands at some paths now; None if it is quicker to list everything."""
        found: dict[str, Listed] = {}
        folders: set[str] = set()
        looked_into = 0
        for path in paths:
            mode = self._mode(path)
            if stat.S_ISREG(mode):
                found[path] = self._allowed(path) or _absent(path)
            elif path or not mode:
                # Editors tell of a folder that came or went, but not always of the files in it.
                folders.add(path)
            if stat.S_ISDIR(mode) and path and not self._is_made_by_tools(f"{path}/"):
                looked_into += 1
                if looked_into > _MANY_FOLDERS:
                    return None
                for name in list_names(self._root / path, self._rules):
                    inside = f"{path}/{name}"
                    found[inside] = self._allowed(inside) or _absent(inside)
            self._follow_configuration(path, there=stat.S_ISREG(mode))
        for path in list(self._known) if folders else ():
            if path not in found and not folders.isdisjoint((path, *above(folder_of(path)))):
                found[path] = _absent(path)
        return list(found.values())

    def _mode(self, path: str) -> int:
        try:
            return os.lstat(self._root / path).st_mode
        except (OSError, ValueError):
            return 0

    def _allowed(self, path: str) -> Listed | None:
        """Return a file if a listing of all would have it, too."""
        language = language_of(path)
        if not is_indexed(language, path) or not self._may_be_read(path):
            return None
        return self._state(path, language)

    def _may_be_read(self, path: str) -> bool:
        return self._rules.reason(path) is None and not self._is_made_by_tools(path)

    def _is_made_by_tools(self, path: str) -> bool:
        # Where git lists the files, its ignore files have the say.
        return self._rules.repository is None and is_made_by_tools(self._root, path)

    def _follow_configuration(self, path: str, *, there: bool) -> None:
        if not _is_configuration(path):
            return
        if there and self._may_be_read(path):
            self._configurations |= {path}
            self._index.introduce([path])
        else:
            self._configurations -= {path}
            self._index.forget([path])

    def _state(self, path: str, language: str) -> Listed | None:
        try:
            status = os.lstat(self._root / path)
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Listed(path, language, status.st_mtime_ns, status.st_size)

    def _tell_once(self, cause: str, text: str) -> None:
        if cause in self._told:
            _log.info("%s", text)
        else:
            self._told.add(cause)
            self._tell(text)

    async def _update(
        self, listed: Sequence[Listed], opened: Sequence[str], *, complete: bool
    ) -> None:
        """Read what has changed; with `complete`, what is not listed is gone."""
        async with self._writing:
            # Who names a file that was written just now knows more than its times say.
            since = time.time_ns() - SETTLED_NS
            changed = [
                one
                for one in listed
                if self._known.get(one.path) != (one.modified_ns, one.size)
                or (not complete and one.modified_ns > since)
            ]
            gone = {one.path for one in changed if one.size < 0 and one.path in self._known}
            changed = [one for one in changed if one.size >= 0]
            if complete:
                gone |= self._known.keys() - {one.path for one in listed}
            self.progress.files = len((self._known.keys() | {one.path for one in changed}) - gone)
            self.progress.done = self.progress.files - len(changed)
            if gone:
                # At once: whatever happens to the reading, these are not there any more.
                await asyncio.to_thread(self._index.forget, gone)
                for path in gone:
                    self._known.pop(path, None)
            if changed:
                await self._read(await asyncio.to_thread(self._ordered, changed, opened))

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

    def prefer_imports_of(self, opened: Iterable[str]) -> None:
        """Let files that open buffers import be read next; may be called in a worker."""
        if self._backlog is not None:
            self._backlog.prefer(self._imported(opened))

    def _imported(self, opened: Iterable[str]) -> set[str]:
        """Return the files that open buffers import, directly or through a package's front."""
        found: set[str] = set()
        for path in opened:
            for direct in self._imports_of(path) - found:
                found.add(direct)
                if direct.rpartition("/")[2].partition(".")[0] in _FRONTS:
                    found |= self._imports_of(direct)
        return found

    def _imports_of(self, path: str) -> set[str]:
        links = self._index.links
        file = links.view.find(path)
        if file < 0:
            return set()
        language = links.view.language(file)
        modules = {module for module, _ in links.imports(file).values()}
        modules.update(links.view.stars(file))
        return {
            target
            for module in modules
            for target in self._index.module_files(path, module, language)
        }

    async def _read(self, files: Sequence[Listed]) -> None:
        """Read files in worker processes, and merge what comes of it."""
        assert self._folder is not None  # noqa: S101 - `_recall` comes first
        size = sum(one.size for one in files)
        few = len(files) <= _FEW_FILES and size <= _FEW_BYTES
        count = self._worker_count if len(files) > _MANY_FILES else 1
        waiting = {one.path: one for one in files}
        async with Workers(0 if few or len(files) <= self._most_here else count) as workers:
            while True:
                try:
                    await self._read_all(workers, waiting)
                    await self._tidy(workers)
                except (WorkerError, OSError, DamagedError) as error:
                    no_space = not isinstance(error, WorkerError) or error.no_space
                    # True once at most: the rest is read again, into the temporary folder.
                    if no_space and self._folder.use_temporary(str(error)):
                        continue
                    if waiting:
                        self._tell_once("incomplete", f"The index is incomplete: {error}.")
                    else:
                        _log.warning("the index could not be stored: %s", error)
                return

    async def _read_all(self, workers: Workers, waiting: dict[str, Listed]) -> None:
        """Read files batch by batch, each counting, and waiting no more, as soon as it is there."""
        self._backlog = backlog = Backlog(list(waiting.values()))
        merging = asyncio.Lock()

        async def read() -> None:
            while batch := backlog.take():
                for files, segment, path in await self._read_batch(workers, batch):
                    await self._take_in(files, segment, path)
                    for one in files:
                        waiting.pop(one.path, None)
                if len(self._index.segments) > _MERGE_ABOVE and not merging.locked():
                    async with merging:
                        await self._merge(workers, _newest(self._index.segments))

        # One more than there are workers, so that none waits while a batch is taken in.
        readers = [asyncio.create_task(read()) for _ in range(self._worker_count + 1)]
        try:
            await asyncio.gather(*readers)
        finally:
            self._backlog = None
            for task in readers:
                task.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _take_in(self, files: Sequence[Listed], segment: Segment | None, path: Path) -> None:
        if segment is None:
            self.progress.leave_out("a worker process ended", len(files))
            await asyncio.to_thread(self._index.forget, [one.path for one in files])
        else:
            self._files[id(segment)] = path
            await asyncio.to_thread(self._index.add, segment)
        for one in files:
            self._known[one.path] = (one.modified_ns, one.size)
        self.progress.done += len(files)

    async def _tidy(self, workers: Workers) -> None:
        """Merge what a build left in many segments; rarely all, as that writes everything."""
        if not self._index.segments:
            return
        first, *others = self._index.segments
        added = sum(segment.file_count for segment in others)
        if added > first.file_count // 4 or self._files.get(id(first)) not in self._kept:
            await self._merge(workers, self._index.segments, keep=True)
        elif len(others) > _SMALL_ONES:
            await self._merge(workers, others)

    async def _read_batch(
        self, workers: Workers, batch: Sequence[Listed]
    ) -> list[tuple[Sequence[Listed], Segment | None, Path]]:
        """Let a worker read some files; one that brings it down has no segment."""
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
                return [(batch, None, out)]
            middle = len(batch) // 2
            halves = [
                await self._read_batch(workers, half) for half in (batch[:middle], batch[middle:])
            ]
            return halves[0] + halves[1]
        for reason, count in answer["skipped"].items():
            self.progress.leave_out(reason, count)
        return [(batch, await asyncio.to_thread(load, out, self._version), out)]

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
            parts=[await to_the_end(self._on_disk, segment) for segment in segments],
            gone=sorted(self._index.gone),
            out=str(out),
            version=self._version,
        )
        if keep:
            out = await to_the_end(self._folder.keep, out)
            self._kept.add(out)
        merged = await asyncio.to_thread(load, out, self._version)
        await asyncio.to_thread(self._index.merge, segments, merged)
        old = [self._files.pop(id(segment)) for segment in segments]
        self._files[id(merged)] = out
        await asyncio.to_thread(self._folder.drop, old)

    def _on_disk(self, segment: Segment) -> str:
        """Return the file of a segment."""
        path = self._files[id(segment)]
        if not path.exists():
            # Another server on the same folder has cleared it away. It is still mapped here.
            assert self._folder is not None  # noqa: S101
            path = self._files[id(segment)] = self._folder.new_part()
            save(segment, path, self._version)
        return str(path)


def _absent(path: str) -> Listed:
    return Listed(path, "", 0, -1)


def _is_configuration(path: str) -> bool:
    return path.rpartition("/")[2] in CONFIGURATION_FILES


def _newest(segments: Sequence[Segment]) -> Sequence[Segment]:
    """Return the newest segments, up to a much larger one: so no file is merged again and again."""
    place, total = len(segments) - 2, segments[-1].file_count
    while place > 0 and segments[place].file_count <= 2 * total:
        total += segments[place].file_count
        place -= 1
    return segments[place + 1 :] if place < len(segments) - 2 else segments[-2:]
