"""SARIF 2.1.0, as GitHub's code scanning and other viewers read it.

The region of a result is its focus line: GitHub shows an alert on a change only if all of its lines
are in it. What is quoted around it is the context region. Nothing in the rules comes from a model.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.report import (
    order,
    spend_sentence,
    suppressed_in_change,
    suppression_sentence,
    worst_first,
)
from claude_lsp.findings.reporters.places import (
    LEVELS,
    PROJECT_PAGE,
    RULES_PAGE,
    elsewhere,
    focus,
    quoted_path,
    whole,
)
from claude_lsp.findings.rules import RULES
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.text.lines import split_lines, without_ending
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from claude_lsp.findings.finding import Finding, Rule
    from claude_lsp.findings.report import Report, Suppressed
    from claude_lsp.findings.reporters.places import Place
    from claude_lsp.findings.reporters.style import Style

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT, CONTEXT_KEY = "claudeLspAnchor/v1", "claudeLspContext/v1"
LINE_HASH = "primaryLocationLineHash"
_ROOT = "SRCROOT"
_MOST_RESULTS = 25_000
"""GitHub refuses a run with more."""

_LINK = re.compile(r"\](?=\()")
_PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}
_USUAL_LEVEL = {"review.security": "error", "arch.unstable": "note"}


def render(report: Report, style: Style) -> str:
    """Return the log, with one run."""
    findings = worst_first(report.findings)
    notices = list(report.notices)
    notices += [
        f"{one.finding.path}:{one.finding.range.start.line + 1}: {suppression_sentence(one)}"
        for one in suppressed_in_change(report)
    ]
    if len(findings) > _MOST_RESULTS:
        notices.append(f"{len(findings) - _MOST_RESULTS} findings over GitHub's limit are left out")
    results = [_result(one, report) for one in sorted(findings[:_MOST_RESULTS], key=order)]
    if style.show_suppressed:
        suppressed = sorted(report.suppressed, key=lambda one: order(one.finding))
        results += [_suppressed(one, report) for one in suppressed]
    run: dict[str, Any] = {
        "tool": {"driver": _driver(report)},
        "automationDetails": {"id": f"claude-lsp/{report.kind}/"},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The folder that was reviewed."}},
        },
        "invocations": [_invocation(report, notices)],
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return escaped_json(json.dumps(log, ensure_ascii=False, indent=2)) + "\n"


def _driver(report: Report) -> dict[str, Any]:
    driver: dict[str, Any] = {
        "name": "claude-lsp",
        "fullName": "claude-lsp: review by Claude and by computed facts",
        "informationUri": PROJECT_PAGE,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    if report.tool_version:
        driver["version"] = visible(report.tool_version)
    return driver


def _rule(rule: Rule) -> dict[str, Any]:
    level = _USUAL_LEVEL.get(rule.id, "warning")
    properties: dict[str, Any] = {
        "tags": ["review" if rule.id.startswith("review.") else "architecture"],
        # What is computed is as it says; what is judged may be wrong.
        "precision": "very-high" if rule.origin == "graph" else "medium",
        "problem.severity": _PROBLEM[level],
    }
    if rule.id == "review.security":
        properties["tags"].append("security")
        properties["security-severity"] = "7.0"
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in re.split(r"\W+", rule.id)),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help, "markdown": f"**{rule.title}.** {rule.help}"},
        "helpUri": RULES_PAGE,
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


def _result(finding: Finding, report: Report) -> dict[str, Any]:
    value: dict[str, Any] = {"ruleId": finding.rule}
    if finding.rule in RULES:
        value["ruleIndex"] = list(RULES).index(finding.rule)
    message = f"{finding.title.rstrip('.')}. {finding.explanation}".strip()
    message = _LINK.sub("] ", message)
    related = [
        _related(number, place.path, place.message, elsewhere(place.range, index, "utf-16"))
        for number, place in enumerate(finding.related, 1)
        for index in (report.sources.get(place.path),)
    ]
    if related:
        names = (_name(place.path, place.range.start.line) for place in finding.related)
        links = ", ".join(f"[{name}]({number})" for number, name in enumerate(names, 1))
        message += f"\n\nSee {links}."
    value |= {
        "level": LEVELS[finding.severity],
        "rank": round(finding.confidence * 100, 1),
        "message": {"text": message},
        "locations": [_location(finding)],
        "partialFingerprints": _fingerprints(finding),
        "properties": {"severity": finding.severity.value, "title": finding.title},
    }
    if related:
        value["relatedLocations"] = related
    if finding.replacement is not None:
        value["fixes"] = [_fix(finding)]
    if report.compared:
        value["baselineState"] = "new"
    return value


def _suppressed(one: Suppressed, report: Report) -> dict[str, Any]:
    value = _result(one.finding, report)
    suppression = {
        "kind": "inSource" if one.by == "comment" else "external",
        "status": "accepted",
    }
    if one.reason:
        suppression["justification"] = one.reason
    value["suppressions"] = [suppression]
    if one.by == "baseline":
        value["baselineState"] = "updated" if one.moved else "unchanged"
    return value


def _location(finding: Finding) -> dict[str, Any]:
    place = focus(finding, "utf-16")
    first = without_ending(next(iter(split_lines(finding.quote)), ""))
    physical: dict[str, Any] = {
        "artifactLocation": _artifact(finding.path),
        "region": _region(place, first),
    }
    everything = whole(finding, "utf-16")
    if everything != place:
        physical["contextRegion"] = _region(everything, finding.quote)
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.landmarks.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.landmarks.symbol}]
    return location


def _fingerprints(finding: Finding) -> dict[str, str]:
    keys = {
        LINE_HASH: finding.landmarks.line_hash,
        FINGERPRINT: finding.fingerprint,
        CONTEXT_KEY: finding.landmarks.context_key,
    }
    return {name: key for name, key in keys.items() if key}


def _fix(finding: Finding) -> dict[str, Any]:
    return {
        "description": {"text": "Suggested fix."},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(finding.path),
                "replacements": [
                    {
                        "deletedRegion": _region(whole(finding, "utf-16")),
                        "insertedContent": {"text": finding.replacement},
                    }
                ],
            }
        ],
    }


def _related(number: int, path: str, message: str, place: Place) -> dict[str, Any]:
    return {
        "id": number,
        "message": {"text": _LINK.sub("] ", message)},
        "physicalLocation": {"artifactLocation": _artifact(path), "region": _region(place)},
    }


def _name(path: str, line: int) -> str:
    """Return a place's name as the text of a link."""
    return re.sub(r"[\[\]\\]", "", f"{path}:{line + 1}")


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quoted_path(path), "uriBaseId": _ROOT}


def _region(place: Place, snippet: str = "") -> dict[str, Any]:
    region: dict[str, Any] = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    if snippet:
        region["snippet"] = {"text": snippet}
    return region


def _invocation(report: Report, notices: list[str]) -> dict[str, Any]:
    coverage, spend = report.coverage, report.spend
    files = [("skipped", "note", *one) for one in coverage.skipped]
    files += [("failed", "error", *one) for one in coverage.failed]
    notifications: list[dict[str, Any]] = [
        {
            "descriptor": {"id": kind},
            "level": level,
            "message": {"text": f"Not reviewed: {reason or 'no reason given'}."},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}],
        }
        for kind, level, path, reason in files
    ]
    notifications += [
        {"descriptor": {"id": "notice"}, "level": "note", "message": {"text": text}}
        for text in notices
        if text
    ]
    return {
        "executionSuccessful": report.status == "complete",
        "toolExecutionNotifications": notifications,
        "properties": {
            "status": report.status,
            "scope": report.scope,
            "coverage": {
                "reviewed": len(coverage.reviewed),
                "skipped": len(coverage.skipped),
                "failed": len(coverage.failed),
                "total": coverage.total,
            },
            "usage": {
                "calls": spend.calls,
                "tokens": dict(spend.tokens),
                "usd": spend.usd,
                "summary": spend_sentence(report),
            },
            "models": list(report.models),
            "dropped": dict(report.dropped),
            "suppressed": len(report.suppressed),
        },
    }
