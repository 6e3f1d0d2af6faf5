"""The files that a build has still to read, and which of them come next."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The first batches are small, so that something is there soon; later ones are read faster.
_FIRST = 40
_LARGEST = 400


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


class Backlog:
    """Files in the order in which they matter; what turns out to matter more can go ahead.

    `prefer` may be called from any thread, everything else from one.
    """

    def __init__(self, files: Sequence[Listed]) -> None:
        self._waiting = {one.path: one for one in files}
        self._preferred: dict[str, None] = {}
        self._size = _FIRST
        self._lock = threading.Lock()

    def prefer(self, paths: Iterable[str]) -> None:
        """Let some files be read next, if they still wait."""
        with self._lock:
            self._preferred.update(dict.fromkeys(path for path in paths if path in self._waiting))

    def take(self) -> list[Listed]:
        """Return the files to read next; none when all were taken."""
        with self._lock:
            chosen = list(islice(self._preferred, _LARGEST))
            for path in chosen:
                del self._preferred[path]
            chosen = [path for path in chosen if path in self._waiting]
            if not chosen:
                chosen = list(islice(self._waiting, self._size))
                self._size = min(_LARGEST, self._size * 2)
            return [self._waiting.pop(path) for path in chosen]
