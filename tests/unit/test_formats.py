"""What other programs demand of a report: their schemas, their limits, their escapes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from claude_lsp.cli.output import emit
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.fingerprint import fingerprint, with_landmarks
from claude_lsp.findings.line_hash import line_hashes
from claude_lsp.findings.report import Coverage, Report, Suppressed
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.rules import RULES
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from tests.unit.finding_cases import case_paths, sections
from tests.unit.test_reporters import REPORTS, report_of

SCHEMAS = Path(__file__).parent.parent / "schemas"
CASES = pytest.mark.parametrize("path", case_paths("report_*.txt"), ids=lambda path: path.stem)


@cache
def validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def rendered(name: str, report: Report) -> str:
    return REPORTERS[name](report, Style(show_suppressed=True))


def found(
    text: str, quote: str, path: str = "a.py", severity: Severity = Severity.MINOR, **more: Any
) -> Finding:
    """Return a finding about a quote in a text, with its landmarks."""
    index = LineIndex(text)
    start = text.index(quote)
    span = index.range_of(start, start + len(quote))
    rule = more.pop("rule", "review.correctness")
    finding = Finding(
        rule=rule,
        severity=severity,
        title=more.pop("title", "Wrong"),
        explanation=more.pop("explanation", "It is wrong."),
        path=path,
        range=span,
        quote=quote,
        confidence=0.9,
        fingerprint=fingerprint(rule, path, index, span.start.line),
        **more,
    )
    return with_landmarks(finding, index)


def report_with(*findings: Finding, **more: Any) -> Report:
    paths = tuple(dict.fromkeys(finding.path for finding in findings))
    given = {"coverage": Coverage(paths or ("a.py",)), "status": "complete", **more}
    return Report(findings=findings, **given)


# ----- SARIF


@CASES
def test_sarif_keeps_the_schema_and_githubs_rules(path: Path) -> None:
    check_sarif(report_of(sections(path)))


@settings(max_examples=25)
@given(REPORTS)
def test_any_report_is_valid_sarif(report: Report) -> None:
    check_sarif(report)


def check_sarif(report: Report) -> None:
    text = rendered("sarif", report)
    log = json.loads(text)
    validator("sarif-2.1.0").validate(log)
    (run,) = log["runs"]
    assert len(text.encode()) < 10_000_000
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    # GitHub asks for a help text of whatever the driver describes, so it describes rules alone.
    assert "notifications" not in run["tool"]["driver"]
    for rule in run["tool"]["driver"]["rules"]:
        for part in ("shortDescription", "fullDescription", "help"):
            assert 0 < len(rule[part]["text"]) <= 1024
        assert len(rule["properties"]["tags"]) <= 20
        assert ("security-severity" in rule["properties"]) == (rule["id"] == "review.security")
    assert run["automationDetails"]["id"] == f"claude-lsp/{report.kind}/"
    assert len(run["results"]) == len(report.findings) + len(report.suppressed)
    for result in run["results"]:
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] == region["endLine"]
        assert 1 <= region["startColumn"] <= region["endColumn"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w./~!$&'()*+,;=@%-]*", uri)
        assert len(result["partialFingerprints"]["claudeLspAnchor/v1"]) == 16
    assert run["invocations"][0]["executionSuccessful"] == (report.status == "complete")
    told = run["invocations"][0]["toolExecutionNotifications"]
    files = len(report.coverage.skipped) + len(report.coverage.failed)
    assert sum("locations" in each for each in told) == files


def test_sarif_columns_are_utf_16_and_the_region_is_the_focus_line() -> None:
    text = 'x = "😀"; bad(\n    1)\n'
    finding = found(text, "bad(\n    1)", replacement="good(1)")
    log = json.loads(rendered("sarif", report_with(finding)))
    (result,) = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {
        "startLine": 1,
        "startColumn": 11,
        "endLine": 1,
        "endColumn": 15,
        "snippet": {"text": "bad("},
    }
    assert place["contextRegion"]["endLine"] == 2
    assert place["contextRegion"]["endColumn"] == 7
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"]["endColumn"] == 7
    assert result["partialFingerprints"]["primaryLocationLineHash"] == line_hashes(text)[0]


def test_a_model_makes_no_links_in_sarif() -> None:
    finding = found("x = 1\n", "x = 1", explanation="See [this](https://example.com) now.")
    log = json.loads(rendered("sarif", report_with(finding)))
    assert "](" not in log["runs"][0]["results"][0]["message"]["text"]


# The vectors are those by which the uploader itself is tested.
SENTENCES = " hello; \t{0}world!!!{0}{0}{0}  \t\tGreetings{0} End{0}"
ENDED = (
    *("e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1"),
    *("b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1"),
)


@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        ("", ("c129715d7a2bc9a3:1",)),
        (
            " a\nb\n  \t\tc\n d",
            ("271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"),
        ),
        (
            SENTENCES.format("\n").removesuffix("\n"),
            (
                *("8b7cf3e952e7aeb2:1", "b1ae1287ec4718d9:1", "bff680108adb0fcc:1"),
                *("c6805c5e1288b612:1", "b86d3392aea1be30:1", "e6ceba753e1a442:1"),
            ),
        ),
        (SENTENCES.format("\n"), ENDED),
        (SENTENCES.format("\r"), ENDED),
        (SENTENCES.format("\r\n"), ENDED),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", ENDED),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            (
                *(f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)),
                *("a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1"),
                *("cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1"),
            ),
        ),
    ],
)
def test_line_hashes_are_codeqls(text: str, hashes: tuple[str, ...]) -> None:
    assert line_hashes(text) == hashes


# ----- GitHub


def test_github_gets_the_worst_ten_of_a_level_and_the_number_of_the_others() -> None:
    text = "".join(f"x{number} = {number}\n" for number in range(25))
    findings = [found(text, f"x{number} = {number}") for number in range(24)]
    worse = found(text, "x24 = 24", severity=Severity.CRITICAL)
    lines = rendered("github", report_with(*findings, worse)).splitlines()
    assert sum(line.startswith("::notice ") for line in lines) == 10
    assert lines[0].startswith("::error ")
    assert "14 more than GitHub shows as annotations:" in lines
    assert sum(line.startswith("a.py:") for line in lines) == 14
    assert any("25 findings" in line and "Reviewed 1 of 1 file" in line for line in lines)


def test_github_keeps_a_place_for_the_warning_that_the_review_is_incomplete() -> None:
    text = "".join(f"x{number} = {number}\n" for number in range(15))
    findings = [
        found(text, f"x{number} = {number}", severity=Severity.MAJOR) for number in range(15)
    ]
    lines = rendered("github", report_with(*findings, status="partial")).splitlines()
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert lines[0].startswith("::warning title=Review incomplete::")


def test_nothing_that_is_reviewed_gives_github_commands() -> None:
    text = "y = 1\n"
    finding = found(
        text,
        "y = 1",
        path="::error::a,b:c.py",
        title="50% off, now: \n::set-output name=x::y",
        explanation="1\n::add-mask::x\r\n##[error]z",
    )
    report = report_with(finding, notices=("::stop-commands::x", "##[group]x"))
    for line in rendered("github", report).splitlines():
        assert "##[" not in line or line.startswith("::notice ")
        if line.lstrip().startswith("::"):
            command, _, message = line[2:].partition("::")
            name, _, properties = command.partition(" ")
            assert name == "notice"
            assert "%0A" in message
            assert len(properties.split(",")) == 6
            assert "50%25 off%2C now%3A" in properties


def test_in_a_log_of_github_no_other_format_gives_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = found("y = 1\n", "y = 1", path="::x.py", explanation="a\n  ::add-mask::b\n##[c]")
    options = argparse.Namespace(
        format="full",
        patch=None,
        show_suppressed=False,
        fail_on="never",
        require_complete=True,
    )
    for inside in (False, True):
        if inside:
            monkeypatch.setenv("GITHUB_ACTIONS", "true")
        emit(report_with(finding), options, [])
        text = capsys.readouterr().out
        commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert (commands == []) == inside
        assert ("##[" in text) != inside


# ----- GitLab, rdjson, JUnit, Markdown


@settings(max_examples=30)
@given(REPORTS)
def test_gitlab_gets_unique_fingerprints_and_what_it_requires(report: Report) -> None:
    issues = json.loads(rendered("gitlab", report))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1
        assert {"description", "check_name", "fingerprint"} <= issue.keys()
    names = [issue["check_name"] for issue in issues]
    assert (report.status == "complete") == ("claude-lsp.incomplete" not in names)


@settings(max_examples=30)
@given(REPORTS)
def test_any_report_is_valid_rdjson(report: Report) -> None:
    result = json.loads(rendered("rdjson", report))
    validator("rdjson").validate(result)
    extra = (report.status != "complete") + sum(one.in_change for one in report.suppressed)
    assert len(result["diagnostics"]) == len(report.findings) + extra


def test_rdjson_columns_are_bytes() -> None:
    finding = found('x = "😀é"; bad = 1\n', "bad = 1", replacement="bad = 2")
    (diagnostic,) = json.loads(rendered("rdjson", report_with(finding)))["diagnostics"]
    place = {"start": {"line": 1, "column": 15}, "end": {"line": 1, "column": 22}}
    assert diagnostic["location"]["range"] == place
    assert diagnostic["suggestions"] == [{"range": place, "text": "bad = 2"}]


@settings(max_examples=30)
@given(REPORTS)
def test_any_report_is_well_formed_junit(report: Report) -> None:
    root = ET.fromstring(rendered("junit", report))
    assert len(root.findall(".//failure")) == len(report.findings) == int(root.attrib["failures"])
    assert len(root.findall(".//testcase")) == int(root.attrib["tests"])
    assert len(root.findall(".//error")) == int(root.attrib["errors"])
    assert len(root.findall(".//skipped")) == int(root.attrib["skipped"])
    if report.status != "complete":
        assert root.findall(".//error")
    assert "Reviewed " in (root.findtext(".//system-out") or "")


def test_markdown_shows_words_not_links_pictures_or_mentions() -> None:
    finding = found(
        "x = 1\n",
        "x = 1",
        title="Ask @admin about #1 <img src=x>",
        explanation="![p](http://evil.example/?x) [l](https://a.example) www.b.example `a_b`",
    )
    text = rendered("markdown", report_with(finding)).replace("<!-- -->", "\0")
    assert not re.search(r"(?<!\\)\[|(?<!\\)!|@admin|#1|(?<!\\)<img|https?://|www\.", text)
    assert "`a_b`" in text


def test_markdown_stays_below_what_github_takes() -> None:
    text = "x = 1\n"
    finding = found(text, "x = 1", explanation="word " * 5000)
    findings = [dataclasses.replace(finding, fingerprint=f"{number:016x}") for number in range(80)]
    shown = rendered("markdown", report_with(*findings))
    assert len(shown.encode()) < 2**20
    assert re.search(r"\d+ more findings have no room here", shown)


@settings(max_examples=40)
@given(REPORTS)
def test_every_format_tells_an_incomplete_review(report: Report) -> None:
    report = dataclasses.replace(report, findings=(), suppressed=(), status="partial")
    for name in REPORTERS:
        assert re.search(
            r"incomplete|Nothing was reviewed|\"partial\"|\"executionSuccessful\": false",
            rendered(name, report),
            re.IGNORECASE,
        ), name


@pytest.mark.parametrize("name", REPORTERS)
def test_every_format_tells_what_the_change_suppresses_itself(name: str) -> None:
    finding = found("x = 1\n", "x = 1", title="Looks odd")
    brought = Suppressed(finding, "comment", "it is not", in_change=True)
    earlier = dataclasses.replace(brought, in_change=False)
    text = REPORTERS[name](report_with(suppressed=(brought,)), Style())
    assert "Looks odd" in text
    assert "it is not" in text
    quiet = REPORTERS[name](report_with(suppressed=(earlier,)), Style())
    assert ("Looks odd" in quiet) == (name in ("json", "jsonl"))


def test_a_finding_without_a_quote_has_a_place_in_every_format() -> None:
    place = Range(Position(0, 0), Position(0, 0))
    rule = next(iter(RULES))
    bare = Finding(rule, Severity.INFO, "T", "", "a.py", place, "", 1.0, "0" * 16)
    for name in REPORTERS:
        assert rendered(name, report_with(bare))
