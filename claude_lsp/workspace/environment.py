"""The environment of the programs that we start: all they need, and no credentials."""

from __future__ import annotations

import os

_CREDENTIALS = ("ANTHROPIC_", "CLAUDE_LSP_ENDPOINT", "OTEL_EXPORTER_")
"""How the names of variables begin that hold keys, or headers with keys in them."""


def environment_of_children() -> dict[str, str]:
    """Return this process's environment without what only a connection needs."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_CREDENTIALS)}
