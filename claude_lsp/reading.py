"""Reads files that somebody else may have put there: regular ones only, bounded, never waiting."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that nobody writes to must not be waited for."""


class Content(NamedTuple):
    """A file's bytes, and when it was changed, in ns since the epoch."""

    data: bytes
    modified_ns: int


def read_regular(path: Path | str, limit: int) -> Content:
    """Return what is in a regular file of at most `limit` bytes.

    Raises:
        OSError: it is not there, can't be read, is a folder, a pipe or a device, or is larger
            (EFBIG).
    """
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        # It may have grown since, and files such as those in /proc claim to be empty.
        data = file.read(limit + 1) if status.st_size <= limit else b""
    if status.st_size > limit or len(data) > limit:
        raise OSError(errno.EFBIG, _too_large(limit))
    return Content(data, status.st_mtime_ns)


def _too_large(limit: int) -> str:
    return f"over {limit // 1024} kB" if limit >= 1024 else f"over {limit} bytes"
