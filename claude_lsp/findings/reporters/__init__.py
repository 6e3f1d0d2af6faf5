"""Reports in the formats that people and machines read, one file per format. No I/O."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style

    Render = Callable[[Report, Style], str]


def _from(module: str) -> Render:
    """Return the `render` of a module, which is loaded when it is first called."""

    def render(report: Report, style: Style) -> str:
        its: Render = importlib.import_module(f"{__name__}.{module}").render
        return its(report, style)

    return render


REPORTERS: dict[str, Render] = {
    "concise": _from("concise"),
    "full": _from("full"),
    "json": _from("json_format"),
    "jsonl": _from("jsonl"),
    "sarif": _from("sarif"),
    "github": _from("github"),
    "gitlab": _from("gitlab"),
    "rdjson": _from("rdjson"),
    "junit": _from("junit"),
    "markdown": _from("markdown"),
}
"""Every format by the name that `--format` knows it by. A run needs one or two of them."""
