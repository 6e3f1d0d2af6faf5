"""`claude-lsp explain`: what a rule or a finding means."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.cli.common import refuse
from claude_lsp.cli.process import DONE
from claude_lsp.findings.rules import RULES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from claude_lsp.findings.finding import Finding, Rule
    from claude_lsp.findings.report import Report

_ORIGIN = {"model": "judged by Claude", "graph": "computed from the code"}
_ID = re.compile(r"[0-9a-f]{4,16}")


def explain(options: argparse.Namespace) -> int:
    """Print one rule, one finding with its rule, or the list of all rules."""
    what: str | None = options.what
    if what is None:
        for rule in RULES.values():
            print(f"{rule.id}: {rule.title}")
    elif what in RULES:
        _print_rule(RULES[what])
    elif _ID.fullmatch(what.lower()):
        _explain_finding(options, what.lower())
    else:
        near = difflib.get_close_matches(what, RULES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        refuse(f"{what}: no such rule{hint}")
    return DONE


def _print_rule(rule: Rule) -> None:
    print(f"{rule.id}: {rule.title} ({_ORIGIN[rule.origin]})\n")
    print(rule.help)


def _explain_finding(options: argparse.Namespace, beginning: str) -> None:
    """Print the finding whose fingerprint begins so, and what its rule means."""
    from claude_lsp.cli.common import root_for
    from claude_lsp.findings.reporters.concise import heading
    from claude_lsp.findings.reporters.full import detail
    from claude_lsp.findings.reporters.style import Style
    from claude_lsp.review.dismissals import Dismissals
    from claude_lsp.review.project import sources_of, text_reader
    from claude_lsp.text.unseen import visible

    root = root_for(options, Path.cwd())
    known: dict[str, tuple[Finding, str]] = {}
    looked_at = 0
    for report in _reports(options, root):
        looked_at += 1
        known.update(_matches(report, beginning))
    if not known:
        where = "the given reports" if options.report else "the last reports about this workspace"
        if not looked_at:
            where = f"any report, since none about {root} is kept"
        refuse(f"{beginning}: no such finding in {where}; --report FILE names another one")
    if len(known) > 1:
        each = "\n".join(f"  {key}  {heading(one, Style())}" for key, (one, _) in known.items())
        refuse(f"{beginning}: several findings begin so; give more of one of these:\n{each}")
    finding, fate = next(iter(known.values()))
    sources = sources_of(text_reader(root), [finding])
    source = sources.get(finding.path)
    # Lines are those of the report; the file may have gone on.
    still_there = source is not None and source.slice(finding.range) == finding.quote
    print(detail(finding, source if still_there else None, Style()))
    print()
    if finding.quote and not still_there:
        print("The file has changed since, or is not here.\n")
    if finding.fingerprint in Dismissals(root).read():
        print("You have dismissed it in the editor.\n")
    if fate:
        print(f"{visible(fate)}\n")
    rule = RULES.get(finding.rule)
    if rule is not None:
        _print_rule(rule)


def _reports(options: argparse.Namespace, root: Path) -> Iterator[Report]:
    from claude_lsp.cli.report import load
    from claude_lsp.review.last_report import path_for

    if options.report:
        yield from map(load, map(Path, options.report))
        return
    for path in (path_for(root, "review"), path_for(root, "arch")):
        if path.is_file():
            yield load(path)


def _matches(report: Report, beginning: str) -> Iterator[tuple[str, tuple[Finding, str]]]:
    """Yield findings by their fingerprint, and what became of each that is not shown."""
    from claude_lsp.findings.report import SUPPRESSED_BY

    for finding in report.findings:
        if finding.fingerprint.startswith(beginning):
            yield finding.fingerprint, (finding, "")
    for one in report.suppressed:
        if one.finding.fingerprint.startswith(beginning):
            reason = f": {one.reason}" if one.reason else ""
            fate = f"It is suppressed by {SUPPRESSED_BY[one.by]}{reason}."
            yield one.finding.fingerprint, (one.finding, fate)
