"""Values between the client and us: positions in its units, findings as diagnostics."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.lsp.abilities import Abilities
from claude_lsp.lsp.convert import (
    diagnostic_of,
    edits_to_client,
    position_from_client,
    position_to_client,
    range_from_client,
    severity_to_client,
)
from claude_lsp.text.edits import TextEdit
from claude_lsp.text.lines import Encoding, LineIndex
from claude_lsp.text.positions import Position, Range
from tests.lsp.pair import offset_of

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
ALL = Abilities(
    diagnostic_tags=frozenset({types.DiagnosticTag.Unnecessary}),
    diagnostic_code_description=True,
    diagnostic_related=True,
    diagnostic_data=True,
)
PLACE = Range(Position(0, 1), Position(0, 2))
FINDING = Finding(
    "review.correctness",
    Severity.MAJOR,
    "Off by one",
    "The last element is left out.",
    "a.py",
    PLACE,
    "x",
    0.9,
    "0123456789abcdef",
    related=(Related("b.py", PLACE, "here too"), Related("gone.py", PLACE, "nowhere")),
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(
    text=st.text(st.sampled_from("a\n\r\f\u2028é\U0001f600"), max_size=12),
    line=st.integers(0, 5),
    units=st.integers(0, 9),
)
def test_positions_of_the_client_are_found_and_given_back(
    encoding: Encoding, text: str, line: int, units: int
) -> None:
    index = LineIndex(text)
    ours = position_from_client(types.Position(line, units), index, encoding)
    assert index.offset_at(ours) == offset_of(text, (line, units), encoding)
    theirs = position_to_client(ours, index, encoding)
    assert (theirs.line, theirs.character) <= (line, units)
    assert position_from_client(theirs, index, encoding) == ours


def test_ranges_with_exchanged_ends_are_put_right() -> None:
    index = LineIndex("abc\n")
    exchanged = types.Range(types.Position(1, 0), types.Position(0, 1))
    assert range_from_client(exchanged, index, "utf-16") == Range(Position(0, 1), Position(1, 0))


def test_edits_are_given_in_the_client_s_units() -> None:
    edit = TextEdit(Range(Position(0, 1), Position(0, 2)), "é")
    (theirs,) = edits_to_client([edit], LineIndex("\U0001f600x"), "utf-16")
    assert theirs == types.TextEdit(types.Range(types.Position(0, 2), types.Position(0, 3)), "é")


def test_severities_keep_their_order() -> None:
    assert [severity_to_client(each) for each in Severity] == list(types.DiagnosticSeverity)


def test_finding_is_shown_with_all_that_the_client_can_show() -> None:
    location = types.Location(
        "file:///b.py", types.Range(types.Position(0, 0), types.Position(0, 1))
    )
    shown = diagnostic_of(
        FINDING,
        LineIndex("\U0001f600x"),
        ALL,
        help_uri="https://example.org/rule",
        tags=[types.DiagnosticTag.Unnecessary, types.DiagnosticTag.Deprecated],
        locate=lambda related: location if related.path == "b.py" else None,
    )
    assert shown == types.Diagnostic(
        range=types.Range(types.Position(0, 2), types.Position(0, 3)),
        message="Off by one\n\nThe last element is left out.",
        severity=types.DiagnosticSeverity.Warning,
        code="review.correctness",
        code_description=types.CodeDescription("https://example.org/rule"),
        source="claude",
        tags=[types.DiagnosticTag.Unnecessary],
        related_information=[types.DiagnosticRelatedInformation(location, "here too")],
        data={"fingerprint": "0123456789abcdef"},
    )


def test_finding_is_shown_plainly_where_it_has_moved_to() -> None:
    moved = Range(Position(1, 0), Position(1, 1))
    shown = diagnostic_of(
        replace(FINDING, explanation=""),
        LineIndex("a\nb\n"),
        Abilities(),
        span=moved,
        help_uri="https://example.org/rule",
        tags=[types.DiagnosticTag.Unnecessary],
    )
    assert shown.range.start == types.Position(1, 0)
    assert shown.message == "Off by one"
    plain = (shown.code_description, shown.tags, shown.related_information, shown.data)
    assert plain == (None, None, None, None)
