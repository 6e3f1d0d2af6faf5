"""From the lines that facts name to the text that stands there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from claude_lsp.structure.edges import whole_line
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from claude_lsp.findings.finding import Finding

_MAX_QUOTE = 200


def located(
    findings: Iterable[Finding], text_of: Callable[[str], str | None]
) -> tuple[Finding, ...]:
    """Return findings whose whole lines are narrowed to what stands on them, which is quoted.

    A file that cannot be read (any more) leaves the start of its line.

    Args:
        findings: as the rules make them.
        text_of: returns the text of a file by its path.
    """
    known: dict[str, LineIndex | None] = {}

    def index_of(path: str) -> LineIndex | None:
        if path not in known:
            text = text_of(path)
            known[path] = None if text is None else LineIndex(text)
        return known[path]

    def narrowed(path: str, span: Range) -> tuple[Range, str]:
        line = span.start.line
        if span != whole_line(line):
            return span, ""
        index = index_of(path)
        if index is None or line >= index.line_count:
            return Range(Position(line, 0), Position(line, 0)), ""
        text = index.line(line)[:_MAX_QUOTE].rstrip()
        quote = text.lstrip()
        start = Position(line, len(text) - len(quote))
        return Range(start, Position(line, len(text))), quote

    found = []
    for one in findings:
        span, quote = narrowed(one.path, one.range)
        related = tuple(
            replace(place, range=narrowed(place.path, place.range)[0]) for place in one.related
        )
        found.append(replace(one, range=span, quote=quote or one.quote, related=related))
    return tuple(found)
