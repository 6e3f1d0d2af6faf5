"""Findings looked up by their identifiers, in reports that are given and in the last ones."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.cli.main import run
from claude_lsp.cli.process import DONE, USAGE
from claude_lsp.findings.baseline import Entry
from claude_lsp.findings.finding import Claim, Finding, Severity
from claude_lsp.findings.report import Coverage, Report, Suppressed
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.verify import verify
from claude_lsp.review import last_report
from claude_lsp.review.dismissals import Dismissals
from claude_lsp.text.lines import LineIndex

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "def ratio(a, b):\n    return a / b\n\n\ndef half(a):\n    return a / 2\n"


def finding(quote: str, key: str) -> Finding:
    claim = Claim(
        "review.correctness",
        Severity.MAJOR,
        f"About {quote}",
        "It divides by zero.",
        "ratio.py",
        quote,
        None,
        0.9,
        None,
    )
    found = verify(claim, LineIndex(SOURCE), "ratio.py")
    assert isinstance(found, Finding)
    return replace(found, fingerprint=key)


FIRST = finding("return a / b", "abcd000000000001")
SECOND = finding("return a / 2", "abcd000000000002")
ACCEPTED = finding("def half(a):", "beef000000000003")
REPORT = Report(
    findings=(FIRST, SECOND),
    coverage=Coverage(("ratio.py",)),
    status="complete",
    suppressed=(Suppressed(ACCEPTED, "baseline", "known since 1999"),),
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ratio.py").write_text(SOURCE, "utf-8")
    last_report.keep(tmp_path, REPORT)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(["explain", *arguments])
    assert ended.value.code == USAGE
    return capsys.readouterr().err


@pytest.mark.usefixtures("root")
def test_the_beginning_of_an_id_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "ABCD000000000001"]) == DONE
    shown = capsys.readouterr().out
    assert "ratio.py:2:5: major review.correctness About return a / b" in shown
    assert "2 |     return a / b" in shown
    assert "It divides by zero." in shown
    assert "id abcd000000000001" in shown
    assert "review.correctness: Wrong result (judged by Claude)" in shown
    assert "changed since" not in shown


@pytest.mark.usefixtures("root")
def test_one_that_is_not_shown_is_found_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "beef"]) == DONE
    assert "suppressed by the baseline: known since 1999" in capsys.readouterr().out


@pytest.mark.usefixtures("root")
def test_what_begins_several_ids_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "abcd")
    assert "abcd000000000001  ratio.py:2:5" in told
    assert "abcd000000000002  ratio.py:6:5" in told


@pytest.mark.usefixtures("root")
def test_what_is_in_no_report_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such finding in the last reports" in refused(capsys, "0123")


def test_without_any_report_it_says_where_one_could_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = refused(capsys, "abcd")
    assert "none about" in told
    assert "--report FILE" in told


def test_a_given_report_counts_instead(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(REPORT, findings=(finding("def ratio(a, b):", "abcd000000000009"),))
    (root / "ci.json").write_text(REPORTERS["json"](other, Style()), "utf-8")
    assert run(["explain", "abcd", "--report", "ci.json"]) == DONE
    assert "ratio.py:1:1" in capsys.readouterr().out


def test_what_has_changed_or_was_dismissed_since_is_told(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "ratio.py").write_text("# new\n" + SOURCE, "utf-8")
    Dismissals(root).dismiss([Entry(FIRST.fingerprint, FIRST.rule, FIRST.path, FIRST.title)])
    assert run(["explain", FIRST.fingerprint]) == DONE
    shown = capsys.readouterr().out
    assert "2 |     return a / b" in shown
    assert "The file has changed since" in shown
    assert "You have dismissed it" in shown


def test_a_kept_report_is_for_its_user_alone(root: Path) -> None:
    path = last_report.path_for(root, "review")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]
