"""Reports in the formats that people and machines read, one file per format. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.reporters import (
    concise,
    full,
    github,
    gitlab,
    json_format,
    jsonl,
    junit,
    markdown,
    rdjson,
    sarif,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style

REPORTERS: dict[str, Callable[[Report, Style], str]] = {
    "concise": concise.render,
    "full": full.render,
    "json": json_format.render,
    "jsonl": jsonl.render,
    "sarif": sarif.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "rdjson": rdjson.render,
    "junit": junit.render,
    "markdown": markdown.render,
}
"""Every format by the name that `--format` knows it by."""
