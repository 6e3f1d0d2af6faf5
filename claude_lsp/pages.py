"""Pages that are one file: no network, no external script, nothing but themselves."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a page with its values, and with a policy that lets it run and load nothing else.

    Args:
        template: has {{NAME}} for each value, which is markup, and {{POLICY}}.
        values: by name.
    """
    known = {**values, "POLICY": html.escape(_policy(template), quote=False)}
    # One pass: what a value holds is never taken for a placeholder.
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda match: known[match[1]], template)


def _policy(template: str) -> str:
    parts = ["default-src 'none'"]
    for name, block in (("script-src", _SCRIPT), ("style-src", _STYLE)):
        if (match := block.search(template)) is not None:
            digest = base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
            parts.append(f"{name} 'sha256-{digest}'")
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])
