"""The log: one line a record, as text or as JSON, without keys and, above debug, without content.

What the messages of exceptions say may be a piece of what is worked on, so only their types stand
in the log unless everything is asked for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import traceback

from claude_lsp.text.unseen import visible

OURS = "claude_lsp"

_SECRET = re.compile(r"\b(?:sk|pk)-[\w-]{8,}|(?<=Bearer )[^\s\"']+", re.IGNORECASE)
_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_SHORTEST = 8


def without_keys(text: str) -> str:
    """Return a text in which everything that is, or looks like, a key is replaced."""
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST:
            text = text.replace(value, "(a key)")
    return _SECRET.sub("(a key)", text)


class _Careful(logging.Formatter):
    """What both forms have in common."""

    def message(self, record: logging.LogRecord) -> str:
        return without_keys(record.getMessage())

    def failure(self, record: logging.LogRecord) -> str:
        """Return where a failure came from; its message only in a log of everything."""
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        if logging.getLogger(OURS).isEnabledFor(logging.DEBUG):
            return without_keys("".join(traceback.format_exception(*record.exc_info)).rstrip())
        kind, _, trace = record.exc_info
        frames = "".join(traceback.format_tb(trace))
        return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}"


class TextLines(_Careful):
    """For stderr, which editors show: level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text; a failure's trace follows on lines of its own."""
        message = visible(self.message(record))
        lines = [f"{record.levelname} {record.name}: {message}", self.failure(record)]
        return "\n".join(filter(None, lines))


class JsonLines(_Careful):
    """For files: one object a line, with time (UTC), level, logger, process and message."""

    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(datefmt=None)
        self.default_time_format = "%Y-%m-%dT%H:%M:%S"
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        members = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": self.message(record),
        }
        if failure := self.failure(record):
            members["failure"] = failure
        return json.dumps(members, ensure_ascii=False)
