"""What this process says to whoever started it: exit codes, and the standard streams."""

from __future__ import annotations

import logging
import os
import sys

DONE = 0
FOUND = 1
USAGE = 2
INCOMPLETE = 3
NOTHING = 4
INTERRUPTED = 130


def forget_stdout() -> None:
    """Let what is still to be printed go nowhere: the reader of our output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def log_to_stderr(level: str) -> None:
    """Let the log go to stderr, where it can't disturb a report or the protocol."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("claude_lsp").setLevel(level.upper())
