"""Claims: the schema that a model is asked to fill, and what is made of an object it sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Claim, Severity
from claude_lsp.findings.rules import FALLBACK_RULE, RULES
from claude_lsp.findings.sanitize import cleaned, cleaned_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TITLE_LIMIT = 200
EXPLANATION_LIMIT = 4_000
QUOTE_LIMIT = 8_000
"""Characters; a quote is only needed to find its place, and its beginning does that."""

# Words that other tools use for how much a finding matters, for endpoints that ignore the schema.
_SEVERITIES = {severity.value: severity for severity in Severity} | {
    "blocker": Severity.CRITICAL,
    "error": Severity.MAJOR,
    "high": Severity.MAJOR,
    "warning": Severity.MINOR,
    "medium": Severity.MINOR,
    "low": Severity.INFO,
    "note": Severity.INFO,
    "hint": Severity.INFO,
    "suggestion": Severity.INFO,
}

_MODEL_RULES = {
    name: rule.id
    for rule in reversed(RULES.values())  # on equal short names the first in the list wins
    if rule.origin == "model"
    for name in (rule.id.partition(".")[2], rule.id)
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """An object that is no claim, and why, for the count of what was dropped."""

    reason: str


def claims_from(item: Mapping[str, object], default_path: str) -> Claim | Rejected:
    """Make a claim of one object that a model sent, leniently.

    Only a quote and a title are needed. An unknown severity becomes `minor`, an unknown rule
    `FALLBACK_RULE`; texts are cleaned of whatever could steer a terminal or mislead the reader.

    Args:
        item: the object.
        default_path: the file that was asked about, for an object that names none.
    """
    title = cleaned_line(text_of(item, "title"), TITLE_LIMIT).rstrip(".")
    if not title:
        return Rejected("no title")
    quote = text_of(item, "quote")[:QUOTE_LIMIT]
    if not quote.strip():
        return Rejected("no quote")
    severity = text_of(item, "severity").strip().lower()
    replacement = item.get("replacement")
    return Claim(
        rule=_rule(text_of(item, "rule")),
        severity=_SEVERITIES.get(severity, Severity.MINOR),
        title=title,
        explanation=cleaned(text_of(item, "explanation"), EXPLANATION_LIMIT),
        path=path_of(text_of(item, "path")) or default_path,
        quote=quote,
        line=line_of(item.get("line")),
        confidence=_confidence(item.get("confidence")),
        replacement=replacement if isinstance(replacement, str) else None,
    )


def findings_schema(rule_ids: Iterable[str]) -> dict[str, object]:
    """Return the JSON schema of an answer for `output_config.format`.

    The order of the members is the order in which a model writes them: the place and the quote
    come before the judgement, so that the judgement is made on what is really there. The API
    wants every member required, no others allowed, and takes no bounds on lengths or numbers.

    Args:
        rule_ids: the rules that may be named, such as those of origin `model`.
    """
    members: dict[str, object] = {
        "path": {"type": "string", "description": "The file, exactly as it is headed above."},
        "line": {"type": "integer", "description": "1-based line where the quote begins."},
        "quote": {
            "type": "string",
            "description": "The 1 to 5 lines it is about, copied exactly, without line numbers.",
        },
        "rule": {"type": "string", "enum": list(rule_ids)},
        "severity": {"type": "string", "enum": [severity.value for severity in Severity]},
        "title": {"type": "string", "description": "The problem in one short line."},
        "explanation": {
            "type": "string",
            "description": "Why it is a problem, when it shows, and what to do about it.",
        },
        "confidence": {"type": "number", "description": "From 0 to 1."},
        "replacement": {
            "type": ["string", "null"],
            "description": "Text to put in place of the whole quote, or null.",
        },
    }
    finding = {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"findings": {"type": "array", "items": finding}},
        "required": ["findings"],
        "additionalProperties": False,
    }


def text_of(item: Mapping[str, object], key: str) -> str:
    """Return a member that should be a text, empty where it is none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _rule(name: str) -> str:
    name = name.strip().lower().replace("_", "-").replace(" ", "-")
    return _MODEL_RULES.get(name, FALLBACK_RULE)


def path_of(path: str) -> str:
    """Return a path as a model wrote it, without what only decorates it."""
    path = cleaned_line(path, 1_000).strip("`'\"").replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    return path


def line_of(value: object) -> int | None:
    """Return a line number (1-based) that a model gave in whatever form, None if it is none."""
    if isinstance(value, str):
        value = value.strip().lstrip("Ll").partition("-")[0].strip()
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 1_000_000_000 else None


def _confidence(value: object) -> float:
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            return 0.5
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.5
    if isinstance(value, float) and math.isnan(value):
        return 0.5
    return float(min(max(value, 0.0), 1.0))
