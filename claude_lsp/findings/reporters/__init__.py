"""Reports in the formats that people and machines read, one file per format. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.reporters import concise, full, json_format

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style

REPORTERS: dict[str, Callable[[Report, Style], str]] = {
    "concise": concise.render,
    "full": full.render,
    "json": json_format.render,
}
"""Every format by the name that `--format` knows it by."""
