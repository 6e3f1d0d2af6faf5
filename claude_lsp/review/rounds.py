"""A change that was reviewed before: only what is new is looked at, and ever less is reported.

A review of a change that is reviewed again and again has to come to an end. What was found and
still stands is kept, what has come since is reviewed, and a later round reports only what matters
more. All of it is done here, in code: a model that is asked to be brief is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from claude_lsp.context.candidate import Lines
from claude_lsp.findings.again import found_again
from claude_lsp.findings.finding import Severity
from claude_lsp.review.sides import Sides
from claude_lsp.text.lines import LineIndex
from claude_lsp.workspace import git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from claude_lsp.findings.finding import Finding
    from claude_lsp.findings.report import Report
    from claude_lsp.review.scope import Scope

Named = Literal["critical", "major", "minor", "info"]

_LEAST = (Severity.INFO, Severity.MAJOR, Severity.CRITICAL)
"""What a finding must be at least, by round; the last one holds for all that follow."""


def since(root: Path, whole: Sides, earlier: Report) -> Sides | None:
    """Return what a change has got since it was reviewed; None where its history was rewritten.

    Args:
        root: the root of the working tree.
        whole: the change, base and head.
        earlier: the report of the round before.

    Raises:
        GitError: git can't tell.
    """
    before, head = earlier.commit, whole.arguments[1]
    if not before or git.commit_of(root, before) is None:
        return None
    if git.merge_base(root, before, head) != before:
        return None
    return Sides(
        "base",
        (before, head),
        f"{whole.words} since {before[:12]}",
        f"Nothing changed since {before[:12]}.",
        whole.trusted,
    )


def within(new: Scope, whole: Scope) -> Scope:
    """Return what is new of a change: what came by merging its base is no part of it."""
    lines = {document.origin: document.scope for document in whole.documents}
    documents = []
    for document in new.documents:
        if document.origin in lines:
            common = _common(document.scope, lines[document.origin])
            if common is None or common:
                documents.append(replace(document, scope=common))
    return replace(new, documents=tuple(documents))


def _common(
    some: Sequence[Lines] | None, others: Sequence[Lines] | None
) -> tuple[Lines, ...] | None:
    """Return the lines that are in both; None is all lines."""
    if some is None:
        return None if others is None else tuple(others)
    if others is None:
        return tuple(some)
    return tuple(
        Lines(max(one.first, other.first), min(one.last, other.last))
        for one in some
        for other in others
        if one.meets(other)
    )


def least_severity(setting: Named, number: int) -> Named:
    """Return the severity below which a round reports nothing, from the setting and the round."""
    floor = _LEAST[min(number, len(_LEAST)) - 1]
    least = min(Severity(setting), floor, key=lambda severity: severity.rank)
    return least.value


def still_there(
    findings: Sequence[Finding], text_of: Callable[[str], str | None]
) -> Iterator[tuple[Finding, LineIndex]]:
    """Yield the findings of an earlier round whose text still stands, with the text of now.

    Args:
        findings: of the earlier report.
        text_of: returns a file's text of now by its path, None if there is none.
    """
    texts: dict[str, LineIndex | None] = {}
    for finding in findings:
        if finding.path not in texts:
            text = text_of(finding.path)
            texts[finding.path] = None if text is None else LineIndex(text)
        index = texts[finding.path]
        again = None if index is None else found_again(finding, index)
        if again is not None and index is not None:
            yield again, index
