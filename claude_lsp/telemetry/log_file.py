"""The log's file: it begins anew at its size, and is shared by several processes."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING

from claude_lsp.telemetry.logs import JsonLines

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 3
"""Files of before that are kept beside the one that is written."""


class LogFile(logging.handlers.RotatingFileHandler):
    """The log's file, which begins anew at its size; several processes may write to it.

    Args:
        path: the file.
        max_bytes: its size at most; those before it are called PATH.1 and so on.

    Raises:
        OSError: it can't be written.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(
            path, maxBytes=max_bytes, backupCount=KEPT, encoding="utf-8", errors="backslashreplace"
        )
        self.setFormatter(JsonLines())
        self._failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own
        """Say once that nothing can be written; logging itself would print what a record holds."""
        if not self._failed:
            self._failed = True
            error = sys.exc_info()[1]
            sys.stderr.write(f"claude-lsp: {self.baseFilename} can't be written: {error}\n")

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's own name
        """Return whether the file is full, once the one that has the name is looked at."""
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802 - logging's own name
        """Begin the file anew; where that can't be done, it grows on rather than losing a line."""
        try:
            super().doRollover()
        except OSError:
            if self.stream is None:
                self.stream = self._open()

    def _follow(self) -> None:
        """Go on in the file of this name, if another process has begun it anew."""
        if self.stream is None:
            return
        try:
            named = os.stat(self.baseFilename)  # noqa: PTH116
            known = os.fstat(self.stream.fileno())
        except OSError:
            same = False
        else:
            same = (named.st_dev, named.st_ino) == (known.st_dev, known.st_ino)
        if not same:
            self.stream.close()
            self.stream = self._open()
