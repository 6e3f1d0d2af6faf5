"""Runs only when an editor's suite was named, and says at the end what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs an editor unless it is asked for."""
    named = [config.invocation_params.dir / arg.partition("::")[0] for arg in config.args]
    asked_for = any(path.is_relative_to(HERE) for path in named)
    return None if asked_for else collection_path.is_relative_to(HERE) or None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line that is the same for every editor, whatever its suite is written in."""
    stats = terminalreporter.stats
    failed = len(stats.get("failed", ())) + len(stats.get("error", ()))
    terminalreporter.write_line(f"{len(stats.get('passed', ()))} passed, {failed} failed")
