"""Suggested fixes are offered only where they leave code that still parses and can be seen."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.text.unseen import UNSEEN, brought
from claude_lsp.workspace.index.grammars import parse

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.snapshots import Snapshot

BROKEN = "a fix that would break the syntax"
HIDING = f"a fix that would bring {UNSEEN}"


def checked(finding: Finding, document: Snapshot) -> Finding:
    """Return a finding, without its fix if there is a reason against that. Parses, as below."""
    return finding if reason_against(finding, document) is None else without_fix(finding)


def without_fix(finding: Finding) -> Finding:
    """Return a finding with no fix."""
    return replace(finding, replacement=None)


def reason_against(finding: Finding, document: Snapshot) -> str | None:
    """Return why a finding's fix is not offered, None if it is, or if there is none.

    A fix for a text that does not parse may leave its errors, but make no new ones. Where there
    is no grammar for the language there is nothing to tell by. Parses: call it in a worker.
    """
    index, text = document.index, finding.replacement
    if text is None:
        return None
    start, end = map(index.offset_at, finding.range)
    if index.text[start:end] != finding.quote:
        return BROKEN
    if brought(text, finding.quote):
        return HIDING
    before = _faults_before(index.text, document.language)
    after = _faults(index.text[:start] + text + index.text[end:], document.language)
    return None if before is None or after is None or after <= before else BROKEN


@lru_cache(maxsize=4)
def _faults_before(text: str, language: str) -> int | None:
    """Count once for the many findings of one answer."""
    return _faults(text, language)


def _faults(text: str, language: str) -> int | None:
    """Count what a parser stumbles over; None if there is no telling."""
    root = parse(text.encode("utf-8", "surrogatepass"), language)
    if root is None:
        return None
    count = 0
    waiting: list[Node] = [root]
    while waiting:
        node = waiting.pop()
        count += node.is_error or node.is_missing
        if node.has_error:
            waiting.extend(node.children)
    return count
