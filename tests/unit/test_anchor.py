"""Where quotes are found, and that invented ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.review.anchors import measure
from claude_lsp.findings.anchor import exact, locate, reindented
from claude_lsp.findings.finding import Claim, Finding, Severity
from claude_lsp.findings.verify import QUOTE_NOT_FOUND, Dropped, Seen, verify
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from tests.unit.finding_cases import case_paths, sections

if TYPE_CHECKING:
    from pathlib import Path


def shown(span: Range | None) -> str:
    if span is None:
        return "none"
    (line, column), (end_line, end_column) = span
    return f"{line + 1}:{column + 1}-{end_line + 1}:{end_column + 1}"


@pytest.mark.parametrize("path", case_paths("anchor_*.txt"), ids=lambda path: path.stem)
def test_a_quote_is_found_where_it_stands(path: Path) -> None:
    case = sections(path)
    hint = None if case["line"] == "none" else int(case["line"])
    for text in (case["text"], case["text"].replace("\n", "\r\n")):
        found = locate(case["quote"], hint, text)
        assert (f"{shown(found.range)} {found.how}" if found else "none") == case["expected"]
        assert locate(case["quote"], hint, LineIndex(text)) == found


LINES = st.lists(st.text(alphabet="ab (){}=.\t", max_size=12), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(LINES, st.integers(0, 40), st.integers(1, 4), st.integers(-60, 60))
def test_a_place_lies_in_the_text_and_says_what_was_quoted(
    lines: list[str], first: int, count: int, hint: int
) -> None:
    index = LineIndex("\n".join(lines))
    quote = "\n".join(lines[first : first + count])
    found = locate(quote, hint, index)
    if found and found.how in ("exact", "inline"):
        assert "".join(index.slice(found.range).split()) == "".join(quote.split())
    if found:
        assert index.slice(found.range).strip() == index.slice(found.range) != ""


def test_the_benchmark_keeps_its_thresholds() -> None:
    rates = measure(file_count=25, claims=50, seed=7)
    assert rates["hit"] >= 95
    assert rates["wrong"] <= 4
    assert rates["hit, drift"] >= 95
    assert rates["hit, drift and edited"] >= 95
    assert rates["invented quote accepted"] == 0


TEXT = "def f():\n    if a:\n        x = 1\n        y = 2\n    x = 1\n\tz = 3  \n"


@pytest.mark.parametrize(
    ("quote", "hint", "expected"),
    [
        ("    if a:\n        x = 1", None, "2:5-3:14"),
        ("if a:\n    x = 1", None, "2:5-3:14"),
        ("if a:\n        x = 1", None, "2:5-3:14"),
        ("if a:\r\n    x = 1  \r\n", None, "2:5-3:14"),
        ("if a:\n  x = 1", None, "none"),
        ("if  a:", None, "none"),
        ("x = 1", None, "none"),
        ("x = 1", 3, "3:9-3:14"),
        ("x = 1", 4, "none"),
        ("x = 1", 9, "5:5-5:10"),
        ("y = 2\n    x = 1", None, "4:9-5:10"),
        ("a:\n        x = 1", None, "2:8-3:14"),
        ("z = 3", None, "6:2-6:7"),
        ("= 3", None, "6:4-6:7"),
        ("x = 2", 3, "none"),
        ("```python\ny = 2\n```", None, "4:9-4:14"),
        ("", 1, "none"),
    ],
)
def test_an_edit_needs_the_very_text_and_no_doubt(
    quote: str, hint: int | None, expected: str
) -> None:
    assert shown(exact(quote, hint, TEXT)) == expected
    assert shown(exact(quote, hint, LineIndex(TEXT))) == expected


@pytest.mark.parametrize(
    ("replacement", "quote", "line", "expected"),
    [
        ("x = 2", "x = 1", 2, "x = 2"),
        ("        x = 2", "        x = 1", 2, "x = 2"),
        ("if b:\n    x = 2", "x = 1", 2, "if b:\n            x = 2"),
        ("x = 2\n        w = 3", "x = 1", 2, "x = 2\n        w = 3"),
        ("if b:\n            x = 2", "x = 1", 2, "if b:\n            x = 2"),
        ("if b:\n    x = 2", "if a:\n    x = 1\n    y = 2", 1, "if b:\n        x = 2"),
        ("if b:\n        x = 2", "if a:\n        x = 1\n        y = 2", 1, "if b:\n        x = 2"),
        ("x = 2\n\ny = 4", "x = 1\ny = 2", 2, "x = 2\n\n        y = 4"),
        ("```\nx = 2\n```\n", "x = 1", 2, "x = 2"),
        ("\n", "x = 1", 2, ""),
    ],
)
def test_a_replacement_takes_its_indentation_from_its_place(
    replacement: str, quote: str, line: int, expected: str
) -> None:
    index = LineIndex(TEXT)
    span = exact(quote, line + 1, index)
    assert span is not None
    assert reindented(replacement, quote, span, index) == expected
    windows = LineIndex(TEXT.replace("\n", "\r\n"))
    assert reindented(replacement, quote, span, windows) == expected.replace("\n", "\r\n")


def claim(quote: str, line: int | None = None, replacement: str | None = None) -> Claim:
    return Claim(
        "review.correctness", Severity.MINOR, "t", "e", "f.py", quote, line, 0.5, replacement
    )


def test_a_verified_claim_carries_the_text_that_stands_there() -> None:
    finding = verify(claim("if a:\nx = 1", 2, "if b:\n    x = 1"), LineIndex(TEXT), "src/f.py")
    assert isinstance(finding, Finding)
    assert finding.path == "src/f.py"
    assert finding.range == Range(Position(1, 4), Position(2, 13))
    assert finding.quote == "if a:\n        x = 1"
    assert finding.replacement == "if b:\n        x = 1"
    assert len(finding.fingerprint) == 16


def test_a_claim_about_text_that_is_not_there_is_dropped() -> None:
    found = verify(claim("raise NotImplementedError", 2), LineIndex(TEXT), "f.py")
    assert found == Dropped(QUOTE_NOT_FOUND)


@pytest.mark.parametrize(
    ("quote", "replacement"),
    [
        ("        y = 2", "y = 2"),  # Nothing would change.
        ("def f():\n...\ny = 2", "pass"),  # The middle was not quoted.
    ],
)
def test_a_fix_without_firm_ground_is_not_offered(quote: str, replacement: str) -> None:
    finding = verify(claim(quote, 2, replacement), LineIndex(TEXT), "f.py")
    assert isinstance(finding, Finding)
    assert finding.replacement is None


def found(rule: str, severity: Severity, lines: tuple[int, int], key: str) -> Finding:
    span = Range(Position(lines[0], 0), Position(lines[1], 5))
    return Finding(rule, severity, "t", "e", "f.py", span, "q", 0.5, key)


def test_what_is_said_twice_is_kept_once_with_the_worse_severity() -> None:
    seen = Seen()
    first = found("r", Severity.MINOR, (1, 3), "a")
    assert seen.add(first) is first
    assert seen.add(found("r", Severity.MINOR, (2, 4), "b")) is None
    raised = seen.add(found("r", Severity.CRITICAL, (3, 3), "c"))
    assert raised is not None
    assert (raised.fingerprint, raised.severity, raised.range) == (
        "a",
        Severity.CRITICAL,
        first.range,
    )
    assert seen.add(found("r", Severity.INFO, (9, 9), "a")) is None
    other_rule = found("s", Severity.INFO, (1, 3), "d")
    other_place = found("r", Severity.INFO, (4, 4), "e")
    assert seen.add(other_rule) is other_rule
    assert seen.add(other_place) is other_place
    assert seen.findings == [raised, other_rule, other_place]
