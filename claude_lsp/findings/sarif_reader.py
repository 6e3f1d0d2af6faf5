"""Findings out of a SARIF log, ours or another tool's, to be shown in an editor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from claude_lsp.findings.finding import Finding, Landmarks, Severity
from claude_lsp.findings.reporters.sarif import CONTEXT_KEY, FINGERPRINT, LINE_HASH
from claude_lsp.findings.sanitize import cleaned, cleaned_line
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LEVELS = {"error": Severity.MAJOR, "warning": Severity.MINOR}
_TITLE, _EXPLANATION = 300, 8000
_FURTHEST = 2**31


def read_sarif(text: str) -> list[Finding]:
    """Read the results that are not suppressed.

    A finding's range is exact only in its lines, and its fingerprint is empty where the log has
    none of ours: both are for `claude_lsp.findings.again` to settle.

    Raises:
        ValueError: it is no SARIF log.
    """
    try:
        value = json.loads(text)
        return [
            finding
            for run in value["runs"]
            for result in run.get("results") or ()
            if not result.get("suppressions") and result.get("baselineState") != "absent"
            for finding in _findings(result, run)
        ]
    except (
        *(KeyError, TypeError, AttributeError, IndexError),
        *(OverflowError, RecursionError),
    ) as error:
        raise ValueError(f"not a SARIF log: {error!r}") from error


def _findings(result: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[Finding]:
    locations = result.get("locations") or ()
    if not locations:
        return
    physical = locations[0]["physicalLocation"]
    region = physical.get("region") or {"startLine": 1}
    context = physical.get("contextRegion")
    # Ours quote in the context region what they replace; another tool's may be lines around it.
    ours = FINGERPRINT in (result.get("partialFingerprints") or {})
    quoted = context if ours and context else region
    keys = result.get("partialFingerprints") or {}
    message = str(result["message"].get("text") or result["message"].get("markdown") or "")
    properties = result.get("properties") or {}
    title, explanation = _parts(message, properties.get("title") if ours else None)
    severity = properties.get("severity") if ours else None
    first = _place(quoted["startLine"])
    last = max(first, _place(quoted.get("endLine", 1)))
    start = Position(first, _place(quoted.get("startColumn", 1)))
    yield Finding(
        rule=cleaned_line(_rule(result, run), _TITLE),
        severity=Severity(severity)
        if severity in {each.value for each in Severity}
        else _LEVELS.get(str(result.get("level", "warning")), Severity.INFO),
        title=title,
        explanation=explanation,
        path=_path(physical["artifactLocation"], run),
        range=Range(start, max(start, Position(last, 0))),
        quote=str((quoted.get("snippet") or {}).get("text") or ""),
        confidence=min(max(float(result.get("rank", -1)) / 100, 0.0), 1.0),
        fingerprint=str(keys.get(FINGERPRINT, "")),
        replacement=_replacement(result) if ours else None,
        landmarks=Landmarks(
            context_key=str(keys.get(CONTEXT_KEY, "")), line_hash=str(keys.get(LINE_HASH, ""))
        ),
    )


def _parts(message: str, title: object) -> tuple[str, str]:
    """Return a message's title, by itself or as its first sentence, and the rest."""
    if isinstance(title, str) and message.startswith(title.rstrip(".")):
        rest = message[len(title.rstrip(".")) :].removeprefix(".")
    else:
        title, _, rest = message.partition(". ")
        if len(title) > 120 or "\n" in title:
            title, _, rest = message.partition("\n")
    return cleaned_line(str(title), _TITLE).rstrip("."), cleaned(rest, _EXPLANATION)


def _rule(result: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    rule = result.get("ruleId") or (result.get("rule") or {}).get("id")
    if rule:
        return str(rule)
    index = result.get("ruleIndex", (result.get("rule") or {}).get("index"))
    rules = run["tool"]["driver"].get("rules") or ()
    return str(rules[index]["id"]) if isinstance(index, int) and index < len(rules) else ""


def _path(location: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Return the path of a file, relative, or as a `file:` address if the log has it so."""
    uri = location.get("uri")
    if uri is None:
        return _path(run["artifacts"][location["index"]]["location"], run)
    return str(uri) if str(uri).startswith("file:") else unquote(str(uri)).removeprefix("./")


def _place(number: Any) -> int:
    """Return a line or a column, counted from 0; what is none is the first."""
    return number - 1 if isinstance(number, int) and 0 < number < _FURTHEST else 0


def _replacement(result: Mapping[str, Any]) -> str | None:
    for fix in result.get("fixes") or ():
        for change in fix["artifactChanges"]:
            for replacement in change["replacements"]:
                return str((replacement.get("insertedContent") or {}).get("text", ""))
    return None
