"""What this process says to whoever started it: exit codes, and the standard streams."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from claude_lsp.telemetry import tracing
from claude_lsp.telemetry.logs import TextLines
from claude_lsp.telemetry.observation import Observation

if TYPE_CHECKING:
    import argparse

    from claude_lsp.settings import Settings

DONE = 0
FOUND = 1
USAGE = 2
INCOMPLETE = 3
NOTHING = 4
INTERRUPTED = 130


def forget_stdout() -> None:
    """Let what is still to be printed go nowhere: the reader of our output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def log_to_stderr(level: str, *, fixed: bool = True) -> None:
    """Let the log go to stderr, where it can't disturb a report or the protocol.

    Args:
        level: how much.
        fixed: whether that holds for stderr whatever is logged elsewhere.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines())
    if fixed:
        handler.setLevel(level.upper())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("claude_lsp").setLevel(level.upper())


def observed(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings that the options about logs and traces stand for."""
    given = {
        "log.level": getattr(options, "log_level", None),
        "log.file": getattr(options, "log_file", None),
        "log.trace": getattr(options, "trace", None),
    }
    return {key: value for key, value in given.items() if value is not None}


_observed: list[tuple[Observation, tracing.Span]] = []


def observe(settings: Settings, command: str) -> list[str]:
    """Log and trace this run as its settings say; return what is wrong with them."""
    observation = Observation()
    problems = observation.follow(settings)
    _observed.append((observation, tracing.span(f"claude-lsp {command}").__enter__()))
    return problems


def end_observation() -> None:
    """Write the rest of logs and traces."""
    while _observed:
        observation, whole = _observed.pop()
        whole.__exit__(None, None, None)
        observation.close()
