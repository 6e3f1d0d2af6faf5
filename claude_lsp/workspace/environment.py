"""The environment of the programs that we start: all they need, and no credentials."""

from __future__ import annotations

import os
import re

_CREDENTIALS = ("ANTHROPIC_", "CLAUDE_LSP_ENDPOINT", "OTEL_EXPORTER_")
"""How the names of variables begin that hold keys, or headers with keys in them."""
_SECRET = re.compile(
    r"(?:TOKEN|(?:^|_)(?:KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|JWT|PAT))(?:_|$)",
    re.IGNORECASE,
)
"""Names of what other programs log in with: forges' tokens in CI jobs, clouds' keys."""


def environment_of_children() -> dict[str, str]:
    """Return this process's environment without what anybody logs in with.

    Git's own settings stay (`GIT_CONFIG_KEY_0`): they may make it work on this machine.
    """
    return {name: value for name, value in os.environ.items() if not _is_credential(name)}


def _is_credential(name: str) -> bool:
    if name.startswith("GIT_CONFIG_"):
        return False
    return name.startswith(_CREDENTIALS) or _SECRET.search(name) is not None
