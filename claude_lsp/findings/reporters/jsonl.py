"""One JSON object per line: each finding, each suppressed one, and last what the run came to.

Every object has a "kind": "finding" and "suppressed" hold what `json` lists, "run" the rest of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from claude_lsp.findings.reporters.json_format import as_dict
from claude_lsp.findings.sanitize import escaped_json

if TYPE_CHECKING:
    from claude_lsp.findings.report import Report
    from claude_lsp.findings.reporters.style import Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - all reporters are called alike
    """Return the lines."""
    run = as_dict(report)
    lines = [{"kind": "finding", **finding} for finding in run.pop("findings")]
    lines += [{"kind": "suppressed", **one} for one in run.pop("suppressed")]
    lines.append({"kind": "run", **run})
    return "".join(
        escaped_json(json.dumps(line, ensure_ascii=False, separators=(",", ":"))) + "\n"
        for line in lines
    )
