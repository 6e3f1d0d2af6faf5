"""The code of a workspace: an index for each folder, texts of files, open buffers over both.

The index is built and updated by tasks that a folder owns and `close` ends; everything else may be
called in worker threads, and should be, as it reads files. Making a `Codebase` loads numpy.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.workspace import git
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.ignore import content_reason, is_settled
from claude_lsp.workspace.index.builder import Builder
from claude_lsp.workspace.index.index import Index
from claude_lsp.workspace.languages import is_indexed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.index.builder import Progress
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.workspace import Workspace

_log = logging.getLogger(__name__)

_TEXTS_KEPT = 48
_PAUSE_S = 0.1
_CHANGE_MUCH = frozenset({".gitignore", ".claudeignore", "HEAD", "index", "exclude"})
"""Names of files that tell which others there are: ignore rules, and git's own state."""


class Folder:
    """A folder of the workspace and what is known of the code in it.

    Args:
        root: the folder; None for the documents that are in none, of which only buffers are known.
        workspace: tells what may be read.
        tell: called with a sentence for the user when something limits the index.
    """

    def __init__(
        self, root: Path | None, workspace: Workspace, tell: Callable[[str], object]
    ) -> None:
        self.root = root
        self._workspace = workspace
        self._prefix = "" if root is None else os.path.join(root, "")  # noqa: PTH118 - kept as text
        self._index = Index(self._configuration)
        self._builder: Builder | None = None
        self._closed = False
        rules = None if root is None else workspace.rules_for(root)
        self._repository = None if rules is None else rules.repository
        if root is not None and rules is not None and workspace.indexed:
            self._builder = Builder(self._index, root, rules, tell)
        self._buffers: Mapping[str, Snapshot] = {}
        self._opened: Mapping[str, Snapshot] = {}
        self._lock = threading.Lock()
        self._git_state = self._state_of_git()
        self._wanted: set[str] = set()
        self._all_wanted = False
        self._updating: asyncio.Task[None] | None = None

    @property
    def progress(self) -> Progress | None:
        """How far the index is; None where the files of the folder are not indexed."""
        return None if self._builder is None else self._builder.progress

    def holds(self, path: Path) -> bool:
        """Whether a file lies in the folder, or would."""
        name = os.path.join(os.path.normcase(path), "")  # noqa: PTH118 - asked for each event
        return self.root is not None and name.startswith(os.path.normcase(self._prefix))

    def may_follow(self, rules: Path) -> bool:
        """Whether a file with rules may bear on the folder: it is in it, or above it."""
        return self.holds(rules) or (self.root is not None and rules.parent in self.root.parents)

    def name_of(self, path: Path) -> str:
        """Return how the index calls a file: relative to the folder, "/" between parts."""
        return str(path)[len(self._prefix) :].replace(os.sep, "/")

    def path_of(self, name: str) -> Path:
        """Return the file that the index calls by a name."""
        return Path(self._prefix + name)

    def links(self, buffers: Iterable[Snapshot]) -> Links:
        """Return the state of the index in which open buffers stand for their files.

        A buffer that has changed since the last call is read: some milliseconds for each 100 kB.

        Args:
            buffers: the open documents. One that comes from the disk itself (without a version)
                counts only if the index does not know the file.
        """
        named = {self.name_of(one.path): one for one in buffers if one.path is not None}
        with self._lock:
            known = self._index.links.view
            wanted = {
                name: one
                for name, one in named.items()
                if is_indexed(one.language, name)
                and (one.version is not None or name in self._opened or known.find(name) < 0)
            }
            for name in self._opened.keys() - wanted.keys():
                self._index.close(name)
            for name, snapshot in wanted.items():
                old = self._opened.get(name)
                if old is None or (old.text, old.language) != (snapshot.text, snapshot.language):
                    self._index.open(name, snapshot.text, snapshot.language)
            self._buffers, self._opened = named, wanted
            if self._builder is not None:
                self._builder.prefer_imports_of(wanted)
            return self._index.links

    def text(self, name: str) -> str | None:
        """Return a file's text as it is now, None if it cannot be read or must not be sent."""
        buffer = self._buffers.get(name)
        if buffer is not None:
            return None if self._workspace.reason_not_to_send(buffer) else buffer.text
        if self.root is None or self._workspace.reason_against_path(self.root / name):
            return None
        return _current_text(self._prefix + name, self._workspace.limit_kb)

    def _configuration(self, name: str) -> str | None:
        content = None if self.root is None else read_text(self.root / name, 1 << 20)
        return content.text if isinstance(content, TextFile) else None

    # On the event loop

    def update(self, paths: Iterable[str] | None = None, opened: Sequence[Snapshot] = ()) -> None:
        """Begin to bring the index up to date with the disk.

        Args:
            paths: of files that were created, changed or deleted; None for all that there are.
            opened: documents that are open in the editor; what is near them comes first.
        """
        if self._builder is None or self._closed:
            return
        if paths is None:
            self._all_wanted = True
        else:
            self._wanted.update(paths)
        if self._updating is None or self._updating.done():
            self._updating = asyncio.create_task(self._update(self._builder, opened))

    async def _update(self, builder: Builder, opened: Sequence[Snapshot]) -> None:
        while self._all_wanted or self._wanted:
            everything, self._all_wanted = self._all_wanted, False
            try:
                if everything:
                    self._wanted.clear()
                    self._git_state = await asyncio.to_thread(self._state_of_git)
                    # Read before the rest: what they import comes next.
                    await asyncio.to_thread(self.links, opened)
                    names = [self.name_of(one.path) for one in opened if one.path is not None]
                    await builder.start(names)
                else:
                    # What changes rarely changes alone: a build, a checkout, a save of all files.
                    await asyncio.sleep(_PAUSE_S)
                    paths, self._wanted = sorted(self._wanted), set()
                    await builder.refresh(paths)
            except Exception:  # noqa: BLE001 - a bug of ours; work goes on with what is known
                _log.exception("the index of %s could not be updated", self.root)

    async def settled(self) -> None:
        """Wait until every update that was begun is done."""
        while self._updating is not None and not self._updating.done():
            await asyncio.wait({self._updating})

    def git_has_moved(self) -> bool:
        """Whether git has written files since the last call, found by two looks at its own.

        Editors that watch no files tell nothing of a checkout. Call it in a worker.
        """
        state = self._state_of_git()
        moved, self._git_state = state != self._git_state, state
        return moved

    def _state_of_git(self) -> tuple[int, ...]:
        directory = None if self._repository is None else git.git_directory(self._repository)
        if directory is None:
            return ()
        return tuple(_modified_ns(directory / name) for name in ("HEAD", "index"))

    async def close(self) -> None:
        """End the update under way, and forget what only this session needs; no other begins."""
        self._closed = True
        self._all_wanted, self._wanted = False, set()
        if self._updating is not None:
            self._updating.cancel()
            await asyncio.wait({self._updating})
        if self._builder is not None:
            await self._builder.close()


class Codebase:
    """The folders of a workspace and what is known of the code in them.

    Args:
        workspace: the folders, and what may be read.
        tell: called with a sentence for the user when something limits an index.
        earlier: what there was before the settings changed; folders for which nothing changed are
            shared with it.
    """

    def __init__(
        self,
        workspace: Workspace,
        tell: Callable[[str], object] = _log.warning,
        earlier: Codebase | None = None,
    ) -> None:
        self._workspace = workspace
        self._folders: dict[Path | None, Folder] = {}
        for root in (*workspace.roots, None):
            kept = None if earlier is None else earlier.shared(root, workspace)
            self._folders[root] = kept or Folder(root, workspace, tell)

    def shared(self, root: Path | None, workspace: Workspace) -> Folder | None:
        """Return a folder if another workspace may go on with it, None otherwise."""
        return self._folders.get(root) if self._workspace.same_rules(workspace) else None

    @property
    def folders(self) -> tuple[Folder, ...]:
        """The folders of the workspace, in its order."""
        return tuple(self._folders[root] for root in self._workspace.roots)

    def folder_of(self, path: Path | None) -> Folder:
        """Return the folder that a file belongs to, or the one of files that are in none."""
        return self._folders[None if path is None else self._workspace.root_of(path)]

    def update(self, opened: Iterable[Snapshot] = ()) -> None:
        """Begin to bring every index up to date with the disk, what is near open files first."""
        opened = [one for one in opened if self._workspace.reason_not_to_send(one) is None]
        for folder in self.folders:
            folder.update(opened=[one for one in opened if self.folder_of(one.path) is folder])

    def changed(self, paths: Iterable[Path]) -> None:
        """Begin to take in files that were created, changed or deleted."""
        names: dict[Folder, list[str]] = {}
        for path in paths:
            for folder in self.folders:
                # A folder of the workspace may lie in another, whose index has its files, too.
                if folder.holds(path):
                    names.setdefault(folder, []).append(folder.name_of(path))
                if path.name in _CHANGE_MUCH and folder.may_follow(path):
                    folder.update()
        for folder, inside in names.items():
            folder.update(inside)

    async def settled(self) -> None:
        """Wait until every update that was begun is done."""
        for folder in self._folders.values():
            await folder.settled()

    async def close(self, keeping: Codebase | None = None) -> None:
        """End what is under way, except in folders that another codebase goes on with."""
        for root, folder in self._folders.items():
            if keeping is None or keeping.shared(root, self._workspace) is not folder:
                await folder.close()


def _current_text(name: str, limit_kb: int) -> str | None:
    """Return the text of a file as it is now, None for one whose text must not be sent."""
    try:
        status = os.stat(name)  # noqa: PTH116 - for each window of each completion
    except OSError:
        return None
    read = _read_once if is_settled(status) else _read
    return read(name, limit_kb, status.st_mtime_ns, status.st_size, status.st_ino)


def _read(name: str, limit_kb: int, *_state: int) -> str | None:
    content = read_text(Path(name), limit_kb * 1024)
    if not isinstance(content, TextFile) or content_reason(name, content.text, limit_kb):
        return None
    return content.text


_read_once = lru_cache(_TEXTS_KEPT)(_read)


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
