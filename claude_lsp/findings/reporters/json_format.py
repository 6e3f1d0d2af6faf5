r"""The report as JSON, for programs, and back again, to merge and re-render without a model.

The format is stable: members are only added, and `version` grows when one changes its meaning.

    version        1
    tool           {"name": "claude-lsp", "version": text}
    status         "complete", "partial" or "nothing"
    scope          what was asked for, in words
    findings       [{"rule", "severity", "title", "explanation", "path",
                     "line", "column", "end_line", "end_column",
                     "quote", "confidence", "fingerprint", "replacement" (text or null),
                     "related": [{"path", "line", "column", "end_line", "end_column",
                                  "message"}],
                     "before" (the text before it on its first line), "symbol",
                     "context_key" (survives renames), "line_hash" (as CodeQL computes it)}]
    suppressed     [{"by": "comment", "settings" or "baseline", "reason", "in_change", "moved",
                     "finding": as above}]
    coverage       {"reviewed": [path], "skipped": [{"path", "reason"}],
                    "failed": [{"path", "reason"}]}
    spend          {"calls", "tokens": {counter: number}, "usd" (number, null if unknown)}
    models         [id]
    dropped        {reason: number}
    notices        [sentence]
    rules          [id of a rule that was looked for]
    compared       whether there was a baseline
    kind           "review" or "arch", after the command
    overview       text in Markdown; only where a model gave one
    looks          [{"tool", "arguments": {name: text or number}, "tokens",
                     "refused" (text or null)}]; only where a model looked at files on its own

Lines and columns are 1-based; a column counts Unicode code points, and the end is behind the last
character. Characters that could steer a terminal are written as `\uXXXX`.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.finding import Finding, Landmarks, Related, Severity
from claude_lsp.findings.report import (
    Coverage,
    Look,
    Report,
    Spend,
    Suppressed,
    order,
    sorted_findings,
)
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from claude_lsp.findings.reporters.style import Style

VERSION = 1


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - all reporters are called alike
    """Return the report as indented JSON."""
    return escaped_json(json.dumps(as_dict(report), ensure_ascii=False, indent=2)) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """Return the report as plain values."""
    coverage, spend = report.coverage, report.spend
    return {
        "version": VERSION,
        "tool": {"name": "claude-lsp", "version": report.tool_version},
        "status": report.status,
        "scope": report.scope,
        "findings": [finding_as_dict(finding) for finding in sorted_findings(report)],
        "coverage": {
            "reviewed": list(coverage.reviewed),
            "skipped": [{"path": path, "reason": reason} for path, reason in coverage.skipped],
            "failed": [{"path": path, "reason": reason} for path, reason in coverage.failed],
        },
        "spend": {"calls": spend.calls, "tokens": dict(spend.tokens), "usd": spend.usd},
        "models": list(report.models),
        "dropped": dict(report.dropped),
        "notices": list(report.notices),
        "suppressed": [
            suppressed_as_dict(one)
            for one in sorted(report.suppressed, key=lambda one: order(one.finding))
        ],
        "rules": list(report.rules),
        "compared": report.compared,
        "kind": report.kind,
        **({"commit": report.commit, "round": report.round} if report.commit else {}),
        **({"overview": report.overview} if report.overview else {}),
        **({"looks": [_look_as_dict(look) for look in report.looks]} if report.looks else {}),
    }


def _look_as_dict(look: Look) -> dict[str, Any]:
    return {
        "tool": look.tool,
        "arguments": dict(look.arguments),
        "tokens": look.tokens,
        "refused": look.refused,
    }


def suppressed_as_dict(one: Suppressed) -> dict[str, Any]:
    """Return a suppressed finding as plain values."""
    return {
        "by": one.by,
        "reason": one.reason,
        "in_change": one.in_change,
        "moved": one.moved,
        "finding": finding_as_dict(one.finding),
    }


def finding_as_dict(finding: Finding) -> dict[str, Any]:
    """Return one finding as plain values."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "title": finding.title,
        "explanation": finding.explanation,
        "path": finding.path,
        **_range_as_dict(finding.range),
        "quote": finding.quote,
        "confidence": finding.confidence,
        "fingerprint": finding.fingerprint,
        "replacement": finding.replacement,
        "related": [
            {"path": place.path, **_range_as_dict(place.range), "message": place.message}
            for place in finding.related
        ],
        "before": finding.landmarks.before,
        "symbol": finding.landmarks.symbol,
        "context_key": finding.landmarks.context_key,
        "line_hash": finding.landmarks.line_hash,
    }


def read_report(text: str) -> Report:
    """Read a report that `render` wrote.

    Raises:
        ValueError: it is no such report, or one of a later version.
    """
    try:
        value = json.loads(text)
        if isinstance(value, dict) and "runs" in value:
            raise ValueError("this is SARIF; only reports written with --format json are read")
        version = value["version"]
        if version != VERSION:
            raise ValueError(
                f"the report has version {version}; this program reads version {VERSION}"
            )
        _expect(value, _REPORT, "the report")
        rules, compared = value.get("rules", []), value.get("compared", False)
        _expect(rules, [str], "the report: rules")
        _expect(compared, bool, "the report: compared")
        commit, number = value.get("commit", ""), value.get("round", 1)
        _expect(commit, str, "the report: commit")
        _expect(number, int, "the report: round")
        if number < 1:
            raise ValueError(f"there is no round {number}")
        looks, overview = value.get("looks", []), value.get("overview", "")
        _expect(looks, _LOOKS, "the report: looks")
        _expect(overview, str, "the report: overview")
        coverage, spend = value["coverage"], value["spend"]
        if value["status"] not in ("complete", "partial", "nothing"):
            raise ValueError(f"unknown status {value['status']!r}")
        return Report(
            findings=tuple(map(read_finding, value["findings"])),
            coverage=Coverage(
                tuple(coverage["reviewed"]),
                tuple((item["path"], item["reason"]) for item in coverage["skipped"]),
                tuple((item["path"], item["reason"]) for item in coverage["failed"]),
            ),
            status=value["status"],
            scope=value["scope"],
            notices=tuple(value["notices"]),
            spend=Spend(spend["calls"], spend["tokens"], _dollars(spend["usd"])),
            models=tuple(value["models"]),
            dropped=value["dropped"],
            tool_version=value["tool"]["version"],
            suppressed=tuple(map(_suppressed, value.get("suppressed", ()))),
            rules=tuple(rules),
            compared=compared,
            kind="arch" if value.get("kind") == "arch" else "review",
            commit=commit,
            round=number,
            overview=overview,
            looks=tuple(
                Look(each["tool"], each["arguments"], each["tokens"], each["refused"])
                for each in looks
            ),
        )
    except KeyError as error:
        raise ValueError(f"not a report of claude-lsp: it has no {error}") from error
    except (TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"not a report of claude-lsp: {error}") from error


def _dollars(value: float | None) -> float | None:
    return None if value is None else float(value)


_NUMBER = (int, float)
_MAYBE_TEXT = (str, type(None))
_PLACE = dict.fromkeys(("line", "column", "end_line", "end_column"), int)
_FINDING = {
    **dict.fromkeys(("rule", "severity", "title", "explanation", "path", "quote"), str),
    **_PLACE,
    "confidence": _NUMBER,
    "fingerprint": str,
    "replacement": _MAYBE_TEXT,
    "related": [{"path": str, **_PLACE, "message": str}],
}
_LANDMARKS = ("before", "symbol", "context_key", "line_hash")
_FILES = [{"path": str, "reason": str}]
_REPORT = {
    "tool": {"version": str},
    "status": str,
    "scope": str,
    "findings": [_FINDING],
    "coverage": {"reviewed": [str], "skipped": _FILES, "failed": _FILES},
    "spend": {"calls": int, "tokens": {"*": int}, "usd": (*_NUMBER, type(None))},
    "models": [str],
    "dropped": {"*": int},
    "notices": [str],
}
_LOOKS = [
    {"tool": str, "arguments": {"*": (str, int)}, "tokens": int, "refused": _MAYBE_TEXT},
]
_SUPPRESSED = {
    **dict.fromkeys(("by", "reason"), str),
    **dict.fromkeys(("in_change", "moved"), bool),
    "finding": _FINDING,
}
# A shape is a type, several, a list of what is in brackets, or an object: with members of its own
# ("*") or at least the named ones.


def _expect(value: Any, shape: Any, where: str) -> None:
    """Compare a value with a shape.

    Raises:
        TypeError: it is of another.
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise TypeError(f"{where} is no object")
        for name in value if "*" in shape else shape:
            _expect(value[name], shape.get("*", shape.get(name)), f"{where}: {name}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise TypeError(f"{where} is no list")
        for number, item in enumerate(value, 1):
            _expect(item, shape[0], f"{where} {number}")
    elif not isinstance(value, shape) or (isinstance(value, float) and not isfinite(value)):
        raise TypeError(f"{where} can't be {value!r:.80}")


def read_finding(value: dict[str, Any]) -> Finding:
    """Return the finding that `finding_as_dict` has put into plain values.

    Raises:
        KeyError, TypeError, ValueError: they are no such values.
    """
    marks = {name: value.get(name, "") for name in _LANDMARKS}
    _expect(marks, dict.fromkeys(_LANDMARKS, str), "a finding")
    return Finding(
        rule=value["rule"],
        severity=Severity(value["severity"]),
        title=value["title"],
        explanation=value["explanation"],
        path=value["path"],
        range=_range(value),
        quote=value["quote"],
        confidence=value["confidence"],
        fingerprint=value["fingerprint"],
        replacement=value["replacement"],
        related=tuple(
            Related(place["path"], _range(place), place["message"]) for place in value["related"]
        ),
        landmarks=Landmarks(**marks),
    )


def _suppressed(value: dict[str, Any]) -> Suppressed:
    _expect(value, _SUPPRESSED, "what is suppressed")
    if value["by"] not in ("comment", "settings", "baseline"):
        raise ValueError(f"suppressed by {value['by']!r}, which is unknown")
    return Suppressed(
        read_finding(value["finding"]),
        value["by"],
        value["reason"],
        in_change=value["in_change"],
        moved=value["moved"],
    )


def _range_as_dict(span: Range) -> dict[str, int]:
    return {
        "line": span.start.line + 1,
        "column": span.start.column + 1,
        "end_line": span.end.line + 1,
        "end_column": span.end.column + 1,
    }


def _range(value: dict[str, Any]) -> Range:
    start = Position(value["line"] - 1, value["column"] - 1)
    end = Position(value["end_line"] - 1, value["end_column"] - 1)
    if min(*start, *end) < 0 or end < start:
        raise TypeError(f"no place in a text: {start} to {end}")
    return Range(start, end)
