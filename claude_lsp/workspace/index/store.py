"""Segments on disk: written whole or not at all, checked before they are believed."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import struct
import tempfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from claude_lsp.workspace.index.segment import COLUMNS, Segment

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 3
"""Changes with the columns and with what their values mean."""

_MAGIC = b"claude-lsp index\n"
_HEAD = struct.Struct("<IQI")
"""Bytes of the header, bytes of the columns, checksum of both."""
_ALIGNMENT = 64
_CHUNK = 1 << 20


class DamagedError(Exception):
    """A file is no segment of this version, or not a whole one; says why."""


def save(segment: Segment, path: Path, version: str) -> None:
    """Write a segment to a file that appears under its name only when it is complete.

    Args:
        segment: what to write.
        path: where; what stands there is replaced. Its folder must exist.
        version: of whatever made the records; a reader with another one refuses the file.

    Raises:
        OSError: it could not be written, and nothing is left behind.
    """
    columns = [np.ascontiguousarray(getattr(segment, name)) for name in COLUMNS]
    table, offset = [], 0
    for name, column in zip(COLUMNS, columns, strict=True):
        table.append([name, column.dtype.str, offset, len(column)])
        offset += column.nbytes + -column.nbytes % _ALIGNMENT
    header = json.dumps({"format": FORMAT, "version": version, "columns": table}).encode()
    start = len(_MAGIC) + _HEAD.size + len(header)
    header += b" " * (-start % _ALIGNMENT)
    checksum = zlib.crc32(header)
    for column in columns:
        checksum = zlib.crc32(bytes(-column.nbytes % _ALIGNMENT), zlib.crc32(column.data, checksum))
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + _HEAD.pack(len(header), offset, checksum) + header)
            for column in columns:
                file.write(column.data)
                file.write(bytes(-column.nbytes % _ALIGNMENT))
        os.replace(temporary, path)  # noqa: PTH105 - both are plain names here
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def load(path: Path, version: str) -> Segment:
    """Map a segment from a file; the file may be replaced or deleted afterwards.

    Reads the whole file once to check it, but keeps none of it in memory.

    Raises:
        DamagedError: it is cut, damaged, or of another version.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC) + _HEAD.size)
        if len(start) < len(_MAGIC) + _HEAD.size or not start.startswith(_MAGIC):
            raise DamagedError("not an index")
        header_size, columns_size, checksum = _HEAD.unpack(start[len(_MAGIC) :])
        if os.fstat(file.fileno()).st_size != len(start) + header_size + columns_size:
            raise DamagedError("cut off")
        seen, header = 0, file.read(header_size)
        seen = zlib.crc32(header)
        while chunk := file.read(_CHUNK):
            seen = zlib.crc32(chunk, seen)
        if seen != checksum:
            raise DamagedError("damaged")
        described: Any = json.loads(header)
        # Another version may write its header in any way.
        known = isinstance(described, dict) and described.get("format") == FORMAT
        if not known or described.get("version") != version:
            raise DamagedError("of another version")
        if columns_size == 0:
            raise DamagedError("empty")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    base = len(start) + header_size
    columns: dict[str, Any] = {
        name: np.frombuffer(mapped, dtype, count, base + offset)
        for name, dtype, offset, count in described["columns"]
    }
    return Segment(**columns)
