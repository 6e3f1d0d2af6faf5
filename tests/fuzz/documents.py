"""Targets that read what stands in a project: diffs, reports, comments, patterns, manifests."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from claude_lsp.actions.instruction import find_instruction, without_instruction
from claude_lsp.findings import baseline
from claude_lsp.findings.again import found_again
from claude_lsp.findings.report import Coverage, Report
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.json_format import read_report
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.sarif_reader import read_sarif
from claude_lsp.findings.suppression import Terms, comment_line, comments_in, judge
from claude_lsp.text import conversation
from claude_lsp.text.diffs import DiffError, FileChange, Hunk, parse_diff
from claude_lsp.text.lines import LineIndex, split_lines
from claude_lsp.text.positions import Range
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.manifests import read_manifests
from claude_lsp.workspace.patterns import Patterns, as_bytes, matches_glob
from tests.fuzz.inputs import chosen, pieces, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.findings.finding import Finding

NAMES = ("a.py", "b.ts", "c.html", "d.sql", "e.lua", "f.md", "g.unknown", "Dockerfile", "h.hs")
MANIFESTS = ("pyproject.toml", "setup.cfg", "setup.py", "package.json", "requirements.txt")


def diffs(data: bytes) -> None:
    """A diff is read to the last line number, and what was read says the same when written."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        changes = parse_diff(text)
    except DiffError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        return
    assert len(changes) <= text.count("\n") + 1
    for change in changes:
        assert change.path or change.hunks
        for hunk in change.hunks:
            _assert_counted(hunk, change.parents)
        if change.parents == 1 and change.hunks:
            (again,) = parse_diff(_written(change))
            assert [each.lines for each in again.hunks] == [each.lines for each in change.hunks]


def _assert_counted(hunk: Hunk, parents: int) -> None:
    new = [line.new for line in hunk.lines if line.new is not None]
    first = hunk.new_start if hunk.new_count else hunk.new_start + 1
    assert new == list(range(first, first + hunk.new_count))
    if parents == 1:
        old = [line.old for line in hunk.lines if line.old is not None]
        first = hunk.old_start if hunk.old_count else hunk.old_start + 1
        assert old == list(range(first, first + hunk.old_count))
    for line in hunk.lines:
        assert "\n" not in line.text
        assert (line.mark == "-") == (line.new is None)


def _written(change: FileChange) -> str:
    lines = ["--- a/x", "+++ b/x"]
    for hunk in change.hunks:
        sides = f"-{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count}"
        lines += [f"@@ {sides} @@", *(line.mark + line.text for line in hunk.lines)]
    return "".join(f"{line}\n" for line in lines)


def sarif(data: bytes) -> None:
    """A SARIF log is refused as one, or its findings can be placed and written in any format."""
    document, text = texts(data, 2)
    try:
        findings = read_sarif(text)
    except ValueError as error:
        assert str(error)
        return
    index = LineIndex(document)
    for finding in findings:
        _assert_placed(finding)
        found = found_again(finding, index)
        if found is not None:
            _assert_placed(found)
            assert index.slice(found.range) == found.quote
    _assert_written(Report(tuple(findings), Coverage(("code.py",)), "complete"))


def reports(data: bytes) -> None:
    """A report is refused as one, or reads the same when it is written again."""
    (text,) = texts(data, 1)
    try:
        report = read_report(text)
    except ValueError as error:
        assert str(error)
        return
    assert read_report(REPORTERS["json"](report, Style())) == report
    _assert_written(report)


def _assert_written(report: Report) -> None:
    for name, render in REPORTERS.items():
        written = render(report, Style(show_suppressed=True))
        assert "\x1b" not in written, name
        written.encode()
        if name in ("json", "sarif", "gitlab"):
            json.loads(written, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def _assert_placed(finding: Finding) -> None:
    start, end = finding.range
    assert start <= end
    numbers: tuple[object, ...] = (*start, *end)
    assert all(isinstance(number, int) and number >= 0 for number in numbers)
    assert 0 <= finding.confidence <= 1


def baselines(data: bytes) -> None:
    """A baseline is refused as one, or is the same when it is written again."""
    (text,) = texts(data, 1)
    try:
        entries = baseline.read(text)
    except ValueError as error:
        assert str(error)
        return
    written = baseline.render(entries)
    assert baseline.render(baseline.read(written)) == written
    assert {one.fingerprint for one in baseline.read(written)} == {
        one.fingerprint for one in entries
    }


def suppressions(data: bytes) -> None:
    """Comments that suppress speak of a line that is there, or of the one behind the last."""
    text, reason = texts(data, 2)
    path = chosen(text[:4].encode(), NAMES)
    index = LineIndex(text)
    for comment in comments_in(path, index.lines):
        assert 0 <= comment.line <= comment.target <= len(index.lines)
        assert all(rule and rule == rule.strip() for rule in comment.rules)
        assert "\n" not in comment.reason
    judged = judge((), {path: index}, Terms())
    assert not judged.findings
    assert not judged.suppressed
    # And a comment that we write ourselves is one that we understand.
    language = language_of(path)
    line = comment_line("review.security", reason, language, "  ")
    if line is not None and len(split_lines(line)) == 1:
        (comment,) = comments_in(path, [line, "code"])
        assert comment.covers("review.security")
        assert comment.stands_at(range(1, 2))


def instructions(data: bytes) -> None:
    """An instruction in a comment lies in the text, and is gone once it was taken away."""
    (text,) = texts(data, 1)
    language = language_of(chosen(text[:4].encode(), NAMES))
    snapshot = Snapshot("file:///w/x", 1, text, language)
    index = snapshot.index
    whole = index.range_of(0, len(text))
    found = find_instruction(snapshot, whole)
    if found is not None:
        start, end = found.range
        assert found.text.strip()
        assert whole.start <= start <= end <= Range(*whole).end
        assert found.text in index.slice(found.range)
    left = without_instruction(text, language)
    assert len(left) <= len(text)


def patterns(data: bytes) -> None:
    """Ignore patterns of any kind compile, and match by their last word however they are asked."""
    lines, paths = texts(data, 2)
    written = lines.split("\n")[:200]
    rules = Patterns(written, fold_case=False)
    folded = Patterns(written, fold_case=True)
    single = [Patterns([line], fold_case=False) for line in written]
    for path in paths.split("\n")[:20]:
        parts = [part for part in as_bytes(path).split("/") if part]
        if not parts:
            continue
        for directory in (False, True):
            decided = rules.match(parts, directory=directory)
            assert rules.match(parts, directory=directory) is decided
            assert decided is None or not decided.directories_only or directory
            one_by_one = [alone.match(parts, directory=directory) for alone in single]
            assert next(filter(None, reversed(one_by_one)), None) == decided
            folded.match(parts, directory=directory)
        assert isinstance(matches_glob(path, written[0]), bool)


def manifests(data: bytes) -> None:
    """A manifest says what a project needs, on lines that it has, or nothing."""
    (text,) = texts(data, 1)
    for name in MANIFESTS:
        for manifest in read_manifests([name], lambda _: text):
            for requirement in manifest.required:
                assert requirement.name
                assert 0 <= requirement.line <= text.count("\n")


def conversations(data: bytes) -> None:
    """Any text is a conversation of two sides in turn, and no answer can speak for the user."""
    text, answer = texts(data, 2)
    read = conversation.parse(text)
    roles = [turn.role for turn in read.turns]
    assert all(first != second for first, second in pairwise(roles))
    assert all(turn.text.strip() for turn in read.turns)
    lines = len(split_lines(text))
    assert read.waiting is None or 0 <= read.waiting < lines
    assert read.answer is None or 0 <= read.answer < lines
    for turn in read.turns:
        for reference in turn.references:
            assert turn.role == "user"
            assert reference.kind
            assert reference.first <= reference.last
            assert str(reference).startswith(f"@{reference.kind}")
        assert all(turn.images)
    written = _answered([answer])
    assert _answered(pieces(answer, data)) == written
    parts = (conversation.USER_HEADING, "q", conversation.ANSWER_HEADING, written)
    again = conversation.parse("\n\n".join([*parts, conversation.USER_HEADING, "next"]))
    said = [(turn.role, turn.text) for turn in again.turns]
    assert said[0][0] == "user"
    assert said[-1][0] == "user"
    assert len(said) in (1, 3), "an answer has said something as the user"
    assert said[-1][1].endswith("next")
    assert len(said) == 1 or (said[0][1], said[2][1]) == ("q", "next")


def _answered(parts: Iterable[str]) -> str:
    answer = conversation.AnswerText()
    return "".join([*(answer.feed(part) for part in parts), answer.close()])
