"""The last report of each workspace, kept so that a finding can be looked up by its identifier.

For the user alone, like dismissals: a finding quotes the source.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from claude_lsp.claude.ledger import state_directory
from claude_lsp.review.dismissals import name_for

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.findings.report import Kind, Report

log = logging.getLogger(__name__)

_LARGEST = 20_000_000
"""Bytes; a report of more is somebody's who keeps it in a file."""


def path_for(root: Path, kind: Kind) -> Path:
    """Return where the last report of a kind about a workspace is."""
    return state_directory() / "reports" / f"{name_for(root)}-{kind}.json"


def keep(root: Path, report: Report) -> None:
    """Replace the last report; one that can't be kept is told in the log only."""
    from claude_lsp.findings.reporters import REPORTERS
    from claude_lsp.findings.reporters.style import Style

    content = REPORTERS["json"](report, Style()).encode("utf-8", "backslashreplace")
    if len(content) > _LARGEST:
        return
    path = path_for(root, report.kind)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.touch(mode=0o600)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        log.warning("the report can't be kept for `explain`: %s", error)
