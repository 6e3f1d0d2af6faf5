"""Between the client's values and ours: the only place that knows the client's column units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.text.lines import column_from_units, column_to_units
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from claude_lsp.lsp.abilities import Abilities
    from claude_lsp.text.edits import TextEdit
    from claude_lsp.text.lines import Encoding, LineIndex

SOURCE = "claude"
"""The `source` of every diagnostic we publish."""

_SEVERITIES = {
    Severity.CRITICAL: types.DiagnosticSeverity.Error,
    Severity.MAJOR: types.DiagnosticSeverity.Warning,
    Severity.MINOR: types.DiagnosticSeverity.Information,
    Severity.INFO: types.DiagnosticSeverity.Hint,
}


def position_from_client(
    position: types.Position, index: LineIndex, encoding: Encoding
) -> Position:
    """Turn a client's position into ours, clamped into the text."""
    if position.line >= index.line_count:
        return index.position_at(len(index.text))
    line = index.line(position.line)
    return Position(position.line, column_from_units(line, position.character, encoding))


def position_to_client(position: Position, index: LineIndex, encoding: Encoding) -> types.Position:
    """Turn one of our positions into the client's units."""
    column = column_to_units(index.line(position.line), position.column, encoding)
    return types.Position(position.line, column)


def range_from_client(span: types.Range, index: LineIndex, encoding: Encoding) -> Range:
    """Turn a client's range into ours; one with its ends exchanged is put right."""
    start = position_from_client(span.start, index, encoding)
    end = position_from_client(span.end, index, encoding)
    return Range(min(start, end), max(start, end))


def range_to_client(span: Range, index: LineIndex, encoding: Encoding) -> types.Range:
    """Turn one of our ranges into the client's units."""
    return types.Range(
        position_to_client(span.start, index, encoding),
        position_to_client(span.end, index, encoding),
    )


def plain_range(span: types.Range) -> dict[str, Any]:
    """Return a range as it stands in a command's arguments."""
    return {
        name: {"line": at.line, "character": at.character}
        for name, at in (("start", span.start), ("end", span.end))
    }


def edits_to_client(
    edits: Iterable[TextEdit], index: LineIndex, encoding: Encoding
) -> list[types.TextEdit]:
    """Turn edits of the indexed text into the client's."""
    return [types.TextEdit(range_to_client(e.range, index, encoding), e.text) for e in edits]


def severity_to_client(severity: Severity) -> types.DiagnosticSeverity:
    """Return how an editor shows a severity: error, warning, information, hint."""
    return _SEVERITIES[severity]


def diagnostic_of(
    finding: Finding,
    index: LineIndex,
    abilities: Abilities,
    *,
    span: Range | None = None,
    help_uri: str | None = None,
    tags: Iterable[types.DiagnosticTag] = (),
    locate: Callable[[Related], types.Location | None] = lambda _: None,
) -> types.Diagnostic:
    """Show a finding as a diagnostic, as far as the client can show it.

    Args:
        finding: the finding.
        index: the lines of the document as the client has it.
        abilities: the client's.
        span: where the finding is now, if that is no longer where it was found.
        help_uri: a page about the rule.
        tags: tags to add, such as `Unnecessary`.
        locate: gives the address and range of a related place, None to leave it out.
    """
    place = range_to_client(span or finding.range, index, abilities.position_encoding)
    related = None
    if abilities.diagnostic_related:
        located = ((each, locate(each)) for each in finding.related)
        related = [
            types.DiagnosticRelatedInformation(location, each.message)
            for each, location in located
            if location is not None
        ]
    shown_tags = [tag for tag in tags if tag in abilities.diagnostic_tags]
    page = help_uri if abilities.diagnostic_code_description else None
    return types.Diagnostic(
        range=place,
        message="\n\n".join(part for part in (finding.title, finding.explanation) if part),
        severity=severity_to_client(finding.severity),
        code=finding.rule,
        code_description=types.CodeDescription(page) if page else None,
        source=SOURCE,
        tags=shown_tags or None,
        related_information=related or None,
        data={"fingerprint": finding.fingerprint} if abilities.diagnostic_data else None,
    )
