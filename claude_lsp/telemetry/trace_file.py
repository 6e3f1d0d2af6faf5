"""One session as a trace that Perfetto and chrome://tracing open.

The file is a JSON array of events, one a line, each written when its span ends. A process that dies
leaves the array open, which its readers allow; a proper end closes it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.telemetry.tracing import Span

log = logging.getLogger(__name__)

_LARGEST_BYTES = 200_000_000


class TraceFile:
    """Writes spans; what goes on at the same time is drawn in lanes, each part below its whole.

    Args:
        path: the file, which is written anew.

    Raises:
        OSError: it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._open: dict[int, Span] = {}
        self._lanes: dict[int, int] = {}
        self._tops: dict[int, list[int]] = {}
        self._size = 0
        self._process = os.getpid()
        self._file.write("[\n")
        self._event("process_name", "M", args={"name": "claude-lsp"})

    def began(self, span: Span) -> None:
        """Give a span its lane: its parent's, if nothing else of that is going on there."""
        with self._lock:
            parent = span.parent.number if span.parent is not None else 0
            lane = self._lanes.get(parent)
            if lane is None or self._tops[lane][-1] != parent:
                lane = next((n for n, tops in self._tops.items() if not tops), len(self._tops) + 1)
                if lane not in self._tops:
                    self._tops[lane] = []
                    self._event("thread_name", "M", tid=lane, args={"name": f"lane {lane}"})
            self._tops[lane].append(span.number)
            self._lanes[span.number] = lane
            self._open[span.number] = span

    def ended(self, span: Span) -> None:
        """Write a span."""
        with self._lock:
            if self._open.pop(span.number, None) is not None:
                self._write(span, span.end_ns, span.attributes)

    def close(self) -> None:
        """Write what has not ended, as such, and close the array."""
        from claude_lsp.telemetry.tracing import now_ns

        with self._lock:
            for span in list(self._open.values()):
                self._write(span, now_ns(), {**span.attributes, "unfinished": True})
            self._open.clear()
            if self._file.closed:
                return
            try:
                self._file.write(json.dumps({"name": "end", "ph": "M", "pid": self._process}))
                self._file.write("\n]\n")
                self._file.close()
            except OSError as error:
                self._give_up(error)

    def _write(self, span: Span, end_ns: int, attributes: dict[str, Any]) -> None:
        lane = self._lanes.pop(span.number)
        self._tops[lane].remove(span.number)
        start = span.start_ns // 1000
        args = dict(attributes)
        if span.parent is not None:
            args["part of"] = span.parent.name
        self._event(
            span.name, "X", tid=lane, ts=start, dur=end_ns // 1000 - start, cat=span.kind, args=args
        )
        for name, moment in span.marks.items():
            self._event(name, "i", tid=lane, ts=moment // 1000, s="t")
        self._flush()

    def _event(self, name: str, phase: str, **members: Any) -> None:
        if self._file.closed:
            return
        line = json.dumps({"name": name, "ph": phase, "pid": self._process, **members}) + ",\n"
        self._size += len(line)
        try:
            self._file.write(line)
        except OSError as error:
            self._give_up(error)
        if self._size > _LARGEST_BYTES:
            log.warning("the trace %s has reached %d MB: no more is written", self.path, 200)
            self._file.close()

    def _flush(self) -> None:
        """Let go of each event: a process that dies must not take them along."""
        try:
            if not self._file.closed:
                self._file.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Write no more: a full disk must not disturb what is traced."""
        log.warning("the trace %s can't be written any more: %s", self.path, error)
        self._file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        self._file.close()
