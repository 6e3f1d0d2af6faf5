"""What is observed of this process, as the settings say: log, trace file, OpenTelemetry."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.telemetry import tracing

if TYPE_CHECKING:
    from claude_lsp.settings import Settings
    from claude_lsp.telemetry.log_file import LogFile
    from claude_lsp.telemetry.otel import OpenTelemetry
    from claude_lsp.telemetry.trace_file import TraceFile


class Observation:
    """Follows the settings; nothing is open until they name something."""

    def __init__(self) -> None:
        self._log_file: LogFile | None = None
        self._trace: TraceFile | None = None
        self._otel: OpenTelemetry | None = None

    def follow(self, settings: Settings) -> list[str]:
        """Observe as much and where as the settings say; return what the user should know.

        Opens files and may load packages: call it in a worker.
        """
        logging.getLogger("claude_lsp").setLevel(settings.log.level.upper())
        return [
            *self._follow_log(settings.log.file, settings.log.max_mb),
            *self._follow_trace(settings.log.trace),
            *self._follow_otel(wanted=settings.telemetry.otel),
        ]

    def close(self) -> None:
        """End all of it."""
        self._close_log()
        self._close_trace()
        self._close_otel()

    def _follow_log(self, name: str, max_mb: int) -> list[str]:
        path = _path(name)
        size = max_mb * 1_000_000
        known = self._log_file
        if known is not None:
            if path is not None and known.baseFilename == str(path) and known.maxBytes == size:
                return []
            self._close_log()
        if path is None:
            return []
        from claude_lsp.telemetry.log_file import LogFile

        try:
            self._log_file = LogFile(path, size)
        except OSError as error:
            return [f"log.file can't be written: {error}"]
        logging.getLogger("claude_lsp").addHandler(self._log_file)
        return []

    def _follow_trace(self, name: str) -> list[str]:
        path = _path(name.replace("{pid}", str(os.getpid())))
        if self._trace is not None:
            if self._trace.path == path:
                return []
            self._close_trace()
        if path is None:
            return []
        from claude_lsp.telemetry.trace_file import TraceFile

        try:
            self._trace = TraceFile(path)
        except OSError as error:
            return [f"log.trace can't be written: {error}"]
        tracing.add(self._trace)
        return []

    def _follow_otel(self, *, wanted: bool) -> list[str]:
        if not wanted:
            self._close_otel()
        if not wanted or self._otel is not None:
            return []
        from claude_lsp.telemetry import otel

        try:
            self._otel = otel.connect()
        except otel.UnavailableError as error:
            return [str(error)]
        tracing.add(self._otel)
        return []

    def _close_log(self) -> None:
        if self._log_file is not None:
            logging.getLogger("claude_lsp").removeHandler(self._log_file)
            self._log_file.close()
            self._log_file = None

    def _close_trace(self) -> None:
        if self._trace is not None:
            tracing.remove(self._trace)
            self._trace = None

    def _close_otel(self) -> None:
        if self._otel is not None:
            tracing.remove(self._otel)
            self._otel = None


def _path(name: str) -> Path | None:
    return Path(name).expanduser().absolute() if name else None
