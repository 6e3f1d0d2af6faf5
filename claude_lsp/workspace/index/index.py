"""The index of one workspace while it changes: files on disk below, open buffers above.

Writers take a lock for the moment in which one state replaces another; readers take the state of
now and keep it, however long they need it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.layers import live_masks
from claude_lsp.workspace.index.links import Links
from claude_lsp.workspace.index.making import build, merged
from claude_lsp.workspace.index.resolve import Resolver
from claude_lsp.workspace.index.segment import Entry, Mask, Segment
from claude_lsp.workspace.index.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from claude_lsp.workspace.index.records import FileRecord


class Index:
    """Everything that is known of a workspace's files.

    Args:
        read_text: returns the text of a configuration file (`tsconfig.json` and its like) by its
            path in the workspace, None if it cannot be read.
    """

    def __init__(self, read_text: Callable[[str], str | None] | None = None) -> None:
        self._lock = threading.Lock()
        self._resolver = _SharedResolver(Resolver((), read_text))
        self._disk: tuple[Segment, ...] = ()
        self._gone: frozenset[str] = frozenset()
        self._open: dict[str, Segment] = {}
        self._newest: str | None = None
        self._others: Segment | None = None
        self._masks: list[Mask | None] = []
        self._links = Links(View(), self._resolver)
        self._published = self._resolver.version

    @property
    def links(self) -> Links:
        """The state of now, which does not change any more."""
        return self._links

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What stands for the files on disk, the newest last."""
        return self._disk

    @property
    def gone(self) -> frozenset[str]:
        """Files that are in some segment but not on disk any more."""
        return self._gone

    def module_files(self, importer: str, module: str, language: str) -> tuple[str, ...]:
        """Return the files that a module consists of, indexed or not."""
        return self._resolver.module_files(importer, module, language)

    def open(self, path: str, text: str, language: str) -> FileRecord:
        """Let a buffer's text stand for its file; call it in a worker thread.

        Takes some milliseconds for each 100 kB, most of them without the lock.
        """
        record = extract(text, language)
        one = build([Entry(path, 0, len(text), record)])
        with self._lock:
            old = self._open.get(path)
            self._open[path] = one
            # Most keys change nothing that is defined: what names lead to need not be found again.
            same = self._newest == path and old is not None and _same_names(old, one)
            if self._newest != path:
                self._newest = path
                self._join_others()
            if old is None:
                self._resolver.add(path)
                self._mask()
            self._publish(same=same and self._resolver.version == self._published)
        self._resolver.declare(path, record.namespace)
        return record

    def close(self, path: str) -> None:
        """Let the file on disk stand for itself again."""
        with self._lock:
            if self._open.pop(path, None) is None:
                return
            if self._newest == path:
                self._newest = None
            self._join_others()
            self._mask()
            self._publish()
            namespace = self._namespace_on_disk(path)
            if namespace is None:
                self._resolver.remove(path)
            else:
                self._resolver.declare(path, namespace)

    def add(self, segment: Segment, gone: Collection[str] = ()) -> None:
        """Lay newly read files over the older ones, and drop files that are not there any more."""
        paths = [segment.path(file) for file in range(segment.file_count)]
        with self._lock:
            if segment.file_count:
                self._disk = (*self._disk, segment)
            self._gone = self._gone.difference(paths).union(gone)
            self._mask()
            self._publish()
        for path in gone:
            if path not in self._open:
                self._resolver.remove(path)
        self._introduce([segment])

    def forget(self, gone: Collection[str]) -> None:
        """Drop files that are not there any more."""
        if gone:
            self.add(build([]), gone)

    def replace(self, segments: Sequence[Segment], gone: Collection[str] = ()) -> None:
        """Let segments stand for all files on disk; those of before are forgotten."""
        with self._lock:
            self._disk = tuple(segments)
            self._gone = frozenset(gone)
            self._mask()
            self._publish()
        self._introduce(segments)

    def merge(self, merged_ones: Sequence[Segment], into: Segment) -> None:
        """Put one segment in the place of those that it was made of; files added since stay."""
        with self._lock:
            old = {id(one) for one in merged_ones}
            place = next(n for n, one in enumerate(self._disk) if id(one) in old)
            kept = [one for one in self._disk if id(one) not in old]
            self._disk = (*kept[:place], into, *kept[place:])
            if len(self._disk) == 1:
                self._gone = frozenset()
            self._mask()
            self._publish()

    def introduce(self, paths: Iterable[str]) -> None:
        """Tell of files that are there but not indexed yet, or never: imports may lead to them."""
        for path in paths:
            self._resolver.add(path)

    def _introduce(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            numbers = segment.namespaces.tolist()
            namespaces = {number: segment.string(number) for number in set(numbers)}
            for file, number in enumerate(numbers):
                path = segment.path(file)
                if path in self._gone:
                    continue
                self._resolver.add(path)
                if path not in self._open:
                    self._resolver.declare(path, namespaces[number])

    def _namespace_on_disk(self, path: str) -> str | None:
        """Return the namespace that a file on disk declares, None if no such file is known."""
        key = hash_of(path)
        for segment in reversed(self._disk) if path not in self._gone else ():
            place = int(segment.path_keys.searchsorted(np.uint64(key)))
            if place < segment.file_count and int(segment.path_keys[place]) == key:
                return segment.string(int(segment.namespaces[segment.path_rows[place]]))
        return None

    def _join_others(self) -> None:
        """Make one segment of all open buffers but the one that is being edited."""
        others = [(one, None) for path, one in self._open.items() if path != self._newest]
        self._others = merged(others) if others else None

    def _mask(self) -> None:
        self._masks = live_masks(self._disk, self._gone, list(self._open.values()))

    def _publish(self, *, same: bool = False) -> None:
        """Make the state of now the one that is asked; `same` if every name means the same."""
        parts: list[tuple[Segment, Mask | None]] = list(zip(self._disk, self._masks, strict=True))
        if self._others is not None:
            parts.append((self._others, None))
        if self._newest is not None:
            parts.append((self._open[self._newest], None))
        self._published = self._resolver.version
        self._links = Links(View(parts), self._resolver, self._links.known if same else None)


def _same_names(one: Segment, other: Segment) -> bool:
    """Whether two states of a file define and import the same, in the same order."""
    columns: tuple[tuple[str, str], ...] = (("names", ""), ("bases", "base_starts"))
    for column, starts in columns:
        mine, others = (part.hashes[getattr(part, column)] for part in (one, other))
        if not np.array_equal(mine, others):
            return False
        if starts and not np.array_equal(getattr(one, starts), getattr(other, starts)):
            return False
    return (
        np.array_equal(one.kinds, other.kinds)
        and np.array_equal(one.parents, other.parents)
        and _imported(one) == _imported(other)
    )


def _imported(segment: Segment) -> list[tuple[str, str, str | None]]:
    return [(name.local, name.module, name.original) for name in segment.imports(0)]


class _SharedResolver:
    """A resolver that several threads use."""

    def __init__(self, resolver: Resolver) -> None:
        self._lock = threading.Lock()
        self._resolver = resolver
        self._declared: dict[str, str] = {}
        self.version = 0
        """Changes with whatever may lead an import elsewhere."""

    def module_files(self, importer: str, module: str, language: str) -> tuple[str, ...]:
        """Return the files that a module consists of."""
        with self._lock:
            return self._resolver.module_files(importer, module, language)

    def submodule_files(
        self, importer: str, module: str, name: str, language: str
    ) -> tuple[str, ...]:
        """Return the files of the module `name` inside of a module."""
        with self._lock:
            return self._resolver.submodule_files(importer, module, name, language)

    def paths(self) -> frozenset[str]:
        """Return every path that it knows."""
        with self._lock:
            return self._resolver.paths()

    def add(self, path: str) -> None:
        """Add a file."""
        with self._lock:
            self._resolver.add(path)
            self.version += 1

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self._lock:
            self._resolver.remove(path)
            self._declared.pop(path, None)
            self.version += 1

    def declare(self, path: str, namespace: str) -> None:
        """Say which namespace a file declares."""
        with self._lock:
            if self._declared.get(path, "") != namespace:
                self._declared[path] = namespace
                self._resolver.declare(path, namespace)
                self.version += 1
