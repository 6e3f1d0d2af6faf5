"""Comments and settings that suppress findings; `tests/cases/suppression` has one file per case.

A case's source has findings where its lines hold a rule in double angle brackets, which is taken
out before it is looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.rules import RULES
from claude_lsp.findings.suppression import Terms, comment_line, comments_in, judge
from claude_lsp.text.lines import LineIndex, split_lines
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace.languages import LANGUAGES
from tests.cases_loader import expect, load, paths

if TYPE_CHECKING:
    from pathlib import Path

MARKER = re.compile(r"<<(.*?)>>")


def findings_in(path: str, text: str) -> tuple[list[Finding], LineIndex]:
    marks = [
        (number, match[1])
        for number, line in enumerate(split_lines(text))
        for match in MARKER.finditer(line)
    ]
    index = LineIndex(MARKER.sub("", text))
    found = []
    for number, rule in marks:
        span = Range(Position(number, 0), Position(number, len(index.line(number))))
        key = fingerprint(rule, path, index, number)
        title = index.line(number).strip()
        found.append(
            Finding(rule, Severity.MINOR, title, "", path, span, index.slice(span), 1.0, key)
        )
    return found, index


@pytest.mark.parametrize("path", paths("suppression"), ids=lambda path: path.stem)
def test_comments_suppress_as_in_the_cases(path: Path) -> None:
    case = load(path)
    (name, source), *_ = case.sections.items()
    findings, index = findings_in(name, source)
    terms = Terms(
        added={name: {number for number, line in enumerate(index.lines) if "(new)" in line}},
        rules=set(RULES),
        whole={name},
    )
    judged = judge(findings, {name: index}, terms)
    lines = [f"shown {one.range.start.line + 1}: {one.rule}" for one in judged.findings]
    lines += [
        f"suppressed {one.finding.range.start.line + 1}: {one.finding.rule}: {one.reason}"
        + (" [in this change]" if one.in_change else "")
        for one in judged.suppressed
    ]
    lines += judged.notices
    expect(path, "judged", "".join(f"{line}\n" for line in lines))


def judged_with(today: str = "2026-05-01", **entry: str) -> tuple[int, tuple[str, ...]]:
    findings, index = findings_in("a.py", "x = 1  <<review.correctness>>\n")
    terms = Terms({findings[0].fingerprint: entry}, today)
    judged = judge(findings, {"a.py": index}, terms)
    return len(judged.suppressed), judged.notices


def test_the_table_suppresses_until_its_last_day() -> None:
    assert judged_with(reason="trusted") == (1, ())
    assert judged_with(reason="trusted", until="2026-05-01") == (1, ())
    count, (notice,) = judged_with(reason="trusted", until="2026-04-30")
    assert count == 0
    assert "ended on 2026-04-30" in notice


def test_without_the_reasons_being_required_a_bare_comment_counts() -> None:
    findings, index = findings_in(
        "a.py", "# claude-lsp: ignore[correctness]\nx  <<review.correctness>>\n"
    )
    sources = {"a.py": index}
    assert judge(findings, sources, Terms()).findings
    assert not judge(findings, sources, Terms(reason_required=False)).findings


def test_a_rule_that_was_not_looked_for_is_not_called_unused() -> None:
    text = "# claude-lsp: ignore[correctness] why\nx = 1\n"
    sources = {"a.py": LineIndex(text)}
    assert judge([], sources, Terms(rules={"arch.cycle"}, whole={"a.py"})).notices == ()
    assert judge([], sources, Terms(rules=set(RULES), whole=())).notices == ()
    assert judge([], sources, Terms(rules=set(RULES), whole={"a.py"})).notices


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_the_comment_we_write_is_one_that_we_read(language: object) -> None:
    line = comment_line("review.correctness", "we know\n", language.id, "    ")  # type: ignore[attr-defined]
    if line is None:
        return
    names = (*language.names, *(f"a.{end}" for end in language.extensions))  # type: ignore[attr-defined]
    (comment,) = comments_in(names[0], [f"{line}\n", "    code\n"])
    assert (comment.target, comment.rules, comment.reason) == (1, ("correctness",), "we know")


@given(st.text(), st.sampled_from(["a.py", "a.html", "a.unknown", "Makefile"]))
def test_any_text_can_be_searched(text: str, path: str) -> None:
    comments_in(path, LineIndex(f"# claude-lsp: ignore[{text}\n{text}").lines)
