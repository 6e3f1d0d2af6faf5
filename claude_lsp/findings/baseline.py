"""The baseline: findings that a project lives with, so that only new ones are shown.

A file of one line per finding, in a fixed order, so that a change of it reads well in a diff. What
is accepted is recognised by its fingerprint, through a rename by the fingerprint that it had under
the old path, and where the code has moved by its context key, if that is unique.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.report import Suppressed, order
from claude_lsp.findings.sanitize import escaped_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.text.lines import LineIndex

DEFAULT_NAME = "claude-lsp-baseline.json"
VERSION = 1
_TEXTS = ("fingerprint", "rule", "path", "title")


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding.

    Attributes:
        fingerprint: its identity.
        rule: the rule's id.
        path: the file, relative to the workspace.
        title: what it said, for the reader of the file.
        context_key: its weaker identity; empty where it has none.
        reason: why it is accepted, if somebody wrote that down.
    """

    fingerprint: str
    rule: str
    path: str
    title: str
    context_key: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A finding that a baseline knows; `moved` where it was not the fingerprint that told."""

    finding: Finding
    entry: Entry
    moved: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A baseline held against a run: what it knows, what is new, what matched nothing."""

    known: tuple[Match, ...]
    new: tuple[Finding, ...]
    unmatched: tuple[Entry, ...]

    @property
    def suppressed(self) -> tuple[Suppressed, ...]:
        """What is known, as a report lists it."""
        return tuple(
            Suppressed(one.finding, "baseline", one.entry.reason, moved=one.moved)
            for one in self.known
        )


def render(entries: Iterable[Entry]) -> str:
    """Return the text of a baseline file: the same entries always give the same text."""
    by_key = {entry.fingerprint: entry for entry in entries}
    ordered = sorted(by_key.values(), key=lambda one: (one.path, one.rule, one.fingerprint))
    lines = [escaped_json(json.dumps(_as_dict(entry), ensure_ascii=False)) for entry in ordered]
    inner = "\n" + ",\n".join(lines) + "\n" if lines else ""
    return f'{{"version": {VERSION}, "findings": [{inner}]}}\n'


def read(text: str) -> tuple[Entry, ...]:
    """Read a baseline file.

    Raises:
        ValueError: it is none, or one of a later version.
    """
    try:
        value = json.loads(text)
        version, items = value["version"], list(value["findings"])
        if version != VERSION:
            raise ValueError(f"the baseline has version {version}; this program reads {VERSION}")
        return tuple(map(_entry, items))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a baseline of claude-lsp: {error}") from error


def entry_of(finding: Finding, reason: str = "") -> Entry:
    """Return what a baseline keeps of a finding."""
    return Entry(
        finding.fingerprint,
        finding.rule,
        finding.path,
        finding.title,
        finding.landmarks.context_key,
        reason,
    )


def compare(
    findings: Iterable[Finding],
    entries: Iterable[Entry],
    renamed: Mapping[str, str] | None = None,
    sources: Mapping[str, LineIndex] | None = None,
) -> Comparison:
    """Tell known findings from new ones.

    Args:
        findings: of one run, with their landmarks.
        entries: the baseline.
        renamed: the path that a file had when the baseline was written, by the one it has now.
        sources: the reviewed texts by path, which renames need.
    """
    renamed, sources = renamed or {}, sources or {}
    open_entries = {entry.fingerprint: entry for entry in entries}
    left = sorted(findings, key=order)
    known: list[Match] = []

    def take(identify: Callable[[Finding], str | None], *, moved: bool) -> None:
        still = []
        for finding in left:
            key = identify(finding)
            entry = open_entries.pop(key, None) if key is not None else None
            if entry is None:
                still.append(finding)
            else:
                known.append(Match(finding, entry, moved))
        left[:] = still

    def under_old_path(finding: Finding) -> str | None:
        old, index = renamed.get(finding.path), sources.get(finding.path)
        if old is None or index is None or not finding.landmarks.context_key:
            return None
        return fingerprint(finding.rule, old, index, finding.range.start.line)

    take(lambda finding: finding.fingerprint, moved=False)
    take(under_old_path, moved=True)
    entry_keys = Counter(one.context_key for one in open_entries.values())
    finding_keys = Counter(one.landmarks.context_key for one in left)
    by_context = {one.context_key: one.fingerprint for one in open_entries.values()}

    def by_unique_context(finding: Finding) -> str | None:
        key = finding.landmarks.context_key
        unique = key and entry_keys[key] == 1 and finding_keys[key] == 1
        return by_context[key] if unique else None

    take(by_unique_context, moved=True)
    return Comparison(tuple(known), tuple(left), tuple(open_entries.values()))


def accepted(report: Report) -> tuple[Finding, ...]:
    """Return the findings of a report that a baseline is about: not those judged elsewhere."""
    return (
        *report.findings,
        *(one.finding for one in report.suppressed if one.by == "baseline"),
    )


def rewritten(
    entries: Iterable[Entry], report: Report, exists: Callable[[str], bool], *, add: bool
) -> tuple[Entry, ...]:
    """Return a baseline brought up to date by a report.

    Known findings get the identity that they have now and keep their reason; what the run could
    not have found again stays; the rest goes.

    Args:
        entries: the baseline as it is.
        report: of a run; its own comparison with a baseline does not matter.
        exists: whether a path of the workspace is still there.
        add: whether new findings are accepted too.
    """
    comparison = compare(accepted(report), entries)
    kept = [entry_of(one.finding, one.entry.reason) for one in comparison.known]
    kept += [one for one in comparison.unmatched if not could_be_found(one, report, exists)]
    if add:
        kept += map(entry_of, comparison.new)
    return tuple(kept)


def could_be_found(entry: Entry, report: Report, exists: Callable[[str], bool]) -> bool:
    """Whether a run that did not find an entry again shows that it is gone."""
    if entry.rule not in report.rules:
        return False
    return entry.path in report.coverage.reviewed or not exists(entry.path)


def _as_dict(entry: Entry) -> dict[str, str]:
    names = ("fingerprint", "context_key", "rule", "path", "title", "reason")
    values = {name: getattr(entry, name) for name in names}
    return {name: text for name, text in values.items() if text or name in _TEXTS}


def _entry(value: dict[str, Any]) -> Entry:
    texts = [value[name] for name in _TEXTS]
    texts += [value.get(name, "") for name in ("context_key", "reason")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"an entry holds what is no text: {value!r:.200}")
    return Entry(*texts)
