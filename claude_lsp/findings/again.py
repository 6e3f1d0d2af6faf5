"""A finding of an earlier run, found again in the text of now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from claude_lsp.findings.anchor import locate
from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.line_hash import line_hashes
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.lines import LineIndex

_MOST_PLACES = 40
"""Places of a quote that are looked at: one character may stand in a file a million times."""


def found_again(finding: Finding, index: LineIndex) -> Finding | None:
    """Return a finding where it stands now, None if what it speaks of is gone.

    Told by its quote where that gives its fingerprint, then by the quote nearest to its line, then
    by the line's hash. A finding that has neither, since it speaks of a file, keeps its line. The
    fix stays only if exactly the text stands there that it replaces.

    Args:
        finding: its range need only be right in its first line.
        index: the text of now.
    """
    span = _place(finding, index)
    if span is None:
        return None
    quote = index.slice(span)
    key = finding.fingerprint or fingerprint(finding.rule, finding.path, index, span.start.line)
    kept = finding.replacement if quote == finding.quote else None
    return replace(finding, range=span, quote=quote, fingerprint=key, replacement=kept)


def _place(finding: Finding, index: LineIndex) -> Range | None:
    line = finding.range.start.line
    if finding.quote.strip():
        spans = sorted(_exact(finding.quote, index), key=lambda span: abs(span.start.line - line))
        for span in spans[:_MOST_PLACES]:
            here = fingerprint(finding.rule, finding.path, index, span.start.line)
            if here == finding.fingerprint:
                return span
        located = locate(finding.quote, line + 1, index)
        return located.range if located is not None else None
    wanted = finding.landmarks.line_hash
    if wanted and (hashes := line_hashes(index.text)):
        line = hashes.index(wanted) if wanted in hashes else -1
    if not 0 <= line < index.line_count:
        return None
    text = index.line(line)
    return Range(Position(line, len(text) - len(text.lstrip())), Position(line, len(text)))


def _exact(quote: str, index: LineIndex) -> Iterator[Range]:
    start = index.text.find(quote)
    while start >= 0:
        yield index.range_of(start, start + len(quote))
        start = index.text.find(quote, start + 1)
