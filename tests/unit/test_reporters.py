"""Reports for people and programs, compared with golden files.

`CLAUDE_LSP_UPDATE_CASES=1 pytest tests/unit/test_reporters.py` writes them anew, to be reviewed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.findings.finding import Finding, Landmarks, Related, Severity
from claude_lsp.findings.report import Coverage, Report, Spend, Suppressed
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.json_format import read_report
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.sanitize import escaped_json
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from tests.unit.finding_cases import case_paths, sections

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN = ("concise", "full", "github", "gitlab", "rdjson", "junit", "markdown", "jsonl")

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


def report_of(case: dict[str, str]) -> Report:
    report = read_report(case["report"])
    sources = {"store.py": LineIndex(case["source"] + "\n")} if case["source"] else {}
    return dataclasses.replace(report, sources=sources)


def without_rules(text: str) -> str:
    """Return a SARIF log without the rules, which are the same in every one."""
    log = json.loads(text)
    del log["runs"][0]["tool"]["driver"]["rules"]
    return escaped_json(json.dumps(log, ensure_ascii=False, indent=1))


@pytest.mark.parametrize("path", case_paths("report_*.txt"), ids=lambda path: path.stem)
def test_reports_look_as_in_the_golden_files(path: Path) -> None:
    case = sections(path)
    report = report_of(case)
    style = Style(width=80, show_suppressed=True)
    rendered = {
        name: REPORTERS[name](report, style).removesuffix("\n") for name in GOLDEN if name in case
    }
    if "sarif" in case:
        rendered["sarif"] = without_rules(REPORTERS["sarif"](report, style))
    if os.environ.get("CLAUDE_LSP_UPDATE_CASES"):
        parts = {"report": case["report"], "source": case["source"], **rendered}
        path.write_text("".join(f"=== {k}\n{v}\n" for k, v in parts.items()), "utf-8")
    else:
        assert rendered == {name: case[name] for name in rendered}


@pytest.mark.parametrize("path", case_paths("report_*.txt"), ids=lambda path: path.stem)
def test_json_is_the_documented_form_and_reads_back(path: Path) -> None:
    case = sections(path)
    report = report_of(case)
    text = REPORTERS["json"](report, Style())
    written = json.loads(text)
    expected = json.loads(case["report"])
    expected["findings"].sort(key=lambda finding: (finding["path"], finding["line"]))
    assert written == expected
    assert REPORTERS["json"](read_report(text), Style()) == text


@pytest.mark.parametrize("path", case_paths("report_*.txt"), ids=lambda path: path.stem)
def test_colours_come_only_when_told_and_change_nothing_else(path: Path) -> None:
    report = report_of(sections(path))
    for name in ("concise", "full"):
        plain = REPORTERS[name](report, Style(width=80))
        colourful = REPORTERS[name](report, Style(colour=True, width=80))
        assert "\x1b" not in plain
        assert "\x1b" in colourful
        assert re.sub(r"\x1b\[[0-9;]+m", "", colourful) == plain


TEXTS = st.text(max_size=30) | st.sampled_from(["\x1b[2J", "\x1b]0;x\x07", "\u202eabc", "a\r\nb"])
SPANS = st.builds(
    lambda a, b, c, d: Range(Position(a, b), Position(a + c, b + d)),
    *(st.integers(0, 12) for _ in range(4)),
)
FINDINGS = st.builds(
    Finding,
    rule=TEXTS,
    severity=st.sampled_from(Severity),
    title=TEXTS,
    explanation=TEXTS,
    path=TEXTS,
    range=SPANS,
    quote=TEXTS,
    confidence=st.floats(0, 1),
    fingerprint=st.just("0" * 16),
    replacement=st.none() | TEXTS,
    related=st.lists(st.builds(Related, TEXTS, SPANS, TEXTS), max_size=1).map(tuple),
    landmarks=st.builds(Landmarks, TEXTS, TEXTS, TEXTS, TEXTS),
)
PLACES = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
REPORTS = st.builds(
    Report,
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    coverage=st.builds(Coverage, st.lists(TEXTS, max_size=3).map(tuple), PLACES, PLACES),
    status=st.sampled_from(["complete", "partial", "nothing"]),
    scope=TEXTS,
    notices=st.lists(TEXTS, max_size=2).map(tuple),
    spend=st.builds(
        Spend,
        st.integers(0, 9),
        st.dictionaries(TEXTS, st.integers(0, 99), max_size=2),
        st.none() | st.floats(0, 9),
    ),
    models=st.lists(TEXTS, max_size=2).map(tuple),
    dropped=st.dictionaries(TEXTS, st.integers(0, 9), max_size=2),
    suppressed=st.lists(
        st.builds(
            Suppressed,
            FINDINGS,
            st.sampled_from(["comment", "settings", "baseline"]),
            TEXTS,
            in_change=st.booleans(),
            moved=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    rules=st.lists(TEXTS, max_size=2).map(tuple),
    compared=st.booleans(),
    kind=st.sampled_from(["review", "arch"]),
)


@settings(max_examples=120, deadline=None)
@given(REPORTS, st.booleans())
def test_nothing_in_a_report_reaches_the_terminal_raw(report: Report, with_source: bool) -> None:
    if with_source:
        sources = {f.path: LineIndex(f.quote * 3) for f in report.findings}
        report = dataclasses.replace(report, sources=sources)
    for render in REPORTERS.values():
        text = render(report, Style(show_suppressed=True))
        assert not STEERING.search(text)
        assert text.encode("utf-8")
        assert text.endswith("\n")


@settings(max_examples=80, deadline=None)
@given(REPORTS)
def test_any_report_reads_back_as_it_was(report: Report) -> None:
    again = read_report(REPORTERS["json"](report, Style()))
    assert {repr(f) for f in again.findings} == {repr(f) for f in report.findings}
    assert {repr(one) for one in again.suppressed} == {repr(one) for one in report.suppressed}
    assert dataclasses.replace(again, findings=(), suppressed=()) == dataclasses.replace(
        report, findings=(), suppressed=()
    )


@settings(max_examples=80, deadline=None)
@given(REPORTS)
def test_no_findings_is_never_said_without_the_coverage(report: Report) -> None:
    report = dataclasses.replace(report, findings=(), notices=(), models=(), dropped={})
    coverage = report.coverage
    total = len(coverage.reviewed) + len(coverage.skipped) + len(coverage.failed)
    for name in ("concise", "full"):
        text = REPORTERS[name](report, Style())
        assert f"Reviewed {len(coverage.reviewed)} of {total} file" in text
        if coverage.skipped:
            assert f"{len(coverage.skipped)} skipped (" in text
        if not coverage.reviewed:
            assert "No findings" not in text
        if report.status != "complete":
            assert "No findings." not in text
            assert text.startswith(("INCOMPLETE: No findings in", "Nothing was reviewed."))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "not a report"),
        ("{}", "not a report"),
        ('{"version": 2}', "version 2"),
        ('{"runs": []}', "this is SARIF"),
        ("nonsense", "Expecting value"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_report(text)
