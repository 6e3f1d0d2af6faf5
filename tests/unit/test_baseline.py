"""The baseline: what is known, what is new, what has moved, what is gone."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.cli.baseline import entries_for
from claude_lsp.findings.baseline import (
    Entry,
    accepted,
    compare,
    could_be_found,
    entry_of,
    read,
    render,
    rewritten,
)
from claude_lsp.findings.finding import Severity
from claude_lsp.findings.merge import merge
from claude_lsp.findings.report import Coverage, Spend, Suppressed
from claude_lsp.settings import Settings
from claude_lsp.structure.identity import identity
from claude_lsp.text.lines import LineIndex
from tests.unit.test_formats import found, report_with

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
def first(path):
    return open(path).read()


def second(path):
    value = open(path).read()
    return value
"""
ENTRIES = st.builds(
    Entry, *(st.text(max_size=20) for _ in range(4)), st.text(max_size=9), st.text(max_size=9)
)


@given(st.lists(ENTRIES, max_size=5, unique_by=lambda entry: entry.fingerprint))
def test_a_baseline_reads_back_and_has_one_form(entries: list[Entry]) -> None:
    text = render(entries)
    assert sorted(read(text), key=repr) == sorted(entries, key=repr)
    assert render(reversed(entries)) == text
    assert text.count("\n") == (len(entries) + 2 if entries else 1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}',
     '{"version": 1, "findings": [{"fingerprint": 1}]}', '{"version": 1, "findings": 3}'],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"baseline|Expecting"):
        read(text)


def test_what_is_known_is_suppressed_and_what_is_new_is_not() -> None:
    known = found(CODE, "return open(path).read()")
    new = found(CODE, "value = open(path).read()")
    comparison = compare([known, new], [entry_of(known, "reviewed in May")])
    assert comparison.new == (new,)
    assert comparison.suppressed == (Suppressed(known, "baseline", "reviewed in May"),)
    assert not comparison.unmatched


def test_lines_above_and_another_severity_or_wording_change_nothing() -> None:
    known = entry_of(found(CODE, "return open(path).read()"))
    later = found(
        "import os\n\n" + CODE,
        "return open(path).read()",
        severity=Severity.CRITICAL,
        title="Reworded",
    )
    assert not compare([later], [known]).new


def test_a_rename_is_followed_through_the_mapping() -> None:
    # Two of the same context key: only the mapping tells which is which.
    text = (
        CODE.replace("second", "first")
        .replace("value = ", "return ")
        .replace("    return value\n", "")
    )
    before = [found(text, "return open(path).read()", path="old.py")]
    twin = replace(before[0], fingerprint="f" * 16, path="other.py")
    after = found(text, "return open(path).read()", path="new.py")
    entries = [entry_of(before[0]), entry_of(twin)]
    assert compare([after], entries).new == (after,)
    sources = {"new.py": LineIndex(text)}
    comparison = compare([after], entries, {"new.py": "old.py"}, sources)
    assert [match.entry.path for match in comparison.known] == ["old.py"]
    assert comparison.known[0].moved


def test_moved_code_is_known_by_its_context_if_that_is_unique() -> None:
    entry = entry_of(found(CODE, "value = open(path).read()", path="old.py"))
    moved = found(CODE, "value = open(path).read()", path="new.py")
    assert compare([moved], [entry]).known[0].moved
    copied = replace(moved, path="copy.py", fingerprint="c" * 16)
    assert set(compare([moved, copied], [entry]).new) == {moved, copied}


def test_structural_facts_freeze_by_what_they_connect() -> None:
    cycle = replace(
        found(CODE, "def first", rule="arch.cycle"),
        fingerprint=identity("arch.cycle", "a.py", ["a.py", "b.py"]),
    )
    cycle = replace(cycle, landmarks=replace(cycle.landmarks, context_key=""))
    shown_elsewhere = replace(cycle, path="b.py", range=found(CODE, "value").range)
    assert not compare([shown_elsewhere], [entry_of(cycle)]).new
    grown = replace(cycle, fingerprint=identity("arch.cycle", "a.py", ["a.py", "b.py", "c.py"]))
    assert compare([grown], [entry_of(cycle)]).new


def run_of(*findings: object, reviewed: tuple[str, ...] = ("a.py",), **more: object):  # type: ignore[no-untyped-def]
    given = {"rules": ("review.correctness",), "coverage": Coverage(reviewed), **more}
    return report_with(*findings, **given)  # type: ignore[arg-type]


def test_write_keeps_reasons_and_what_the_run_could_not_see() -> None:
    stays = found(CODE, "return open(path).read()")
    gone = entry_of(found(CODE, "return value"))
    elsewhere = Entry("e" * 16, "review.correctness", "not_reviewed.py", "t")
    other_rule = Entry("d" * 16, "arch.cycle", "a.py", "t")
    entries = (entry_of(stays, "known"), gone, elsewhere, other_rule)
    new = found(CODE, "value = open(path).read()")
    report = run_of(stays, new)
    written = rewritten(entries, report, lambda _: True, add=True)
    assert set(written) == {entry_of(stays, "known"), entry_of(new), elsewhere, other_rule}
    pruned = rewritten(entries, report, lambda _: True, add=False)
    assert set(pruned) == {entry_of(stays, "known"), elsewhere, other_rule}
    # A file that is no longer there takes its entries with it.
    pruned = rewritten(entries, report, lambda path: path == "a.py", add=False)
    assert set(pruned) == {entry_of(stays, "known"), other_rule}


def test_what_the_baseline_suppressed_stays_accepted_and_what_a_comment_did_does_not() -> None:
    one, two = found(CODE, "return open(path).read()"), found(CODE, "value = open(path).read()")
    report = run_of(suppressed=(Suppressed(one, "baseline"), Suppressed(two, "comment", "why")))
    assert accepted(report) == (one,)


def test_a_failed_file_shows_nothing_to_be_gone() -> None:
    entry = entry_of(found(CODE, "return value"))
    report = run_of(coverage=Coverage(("b.py",), (), (("a.py", "timeout"),)))
    assert not could_be_found(entry, report, lambda _: True)


# ----- merging


def test_shards_merge_to_one_report() -> None:
    first = found(CODE, "return open(path).read()")
    second = found(CODE, "value = open(path).read()", path="b.py")
    worse = replace(first, severity=Severity.CRITICAL)
    one = report_with(
        first,
        coverage=Coverage(("a.py",), (("b.py", "another shard"),)),
        spend=Spend(1, {"input_tokens": 5}, 0.25),
        dropped={"x": 1},
        notices=("n",),
    )
    two = report_with(
        worse,
        second,
        coverage=Coverage(("b.py",), (("a.py", "another shard"),), (("c.py", "timeout"),)),
        status="partial",
        spend=Spend(2, {"input_tokens": 7, "output_tokens": 1}, 0.5),
        dropped={"x": 2},
        notices=("n",),
    )
    both = merge([one, two])
    assert both.findings == (worse, second)
    assert both.coverage == Coverage(("a.py", "b.py"), (), (("c.py", "timeout"),))
    assert both.status == "partial"
    assert both.spend == Spend(3, {"input_tokens": 12, "output_tokens": 1}, 0.75)
    assert both.dropped == {"x": 3}
    assert both.notices == ("n",)
    unknown = merge([one, replace(two, spend=Spend(1, {}, None))])
    assert unknown.spend.usd is None


def test_what_one_report_shows_is_not_suppressed_by_another() -> None:
    finding = found(CODE, "return open(path).read()")
    hidden = report_with(suppressed=(Suppressed(finding, "baseline"),))
    assert merge([hidden, report_with(finding)]).suppressed == ()
    assert merge([hidden, hidden]).suppressed == (Suppressed(finding, "baseline"),)


def test_nothing_reviewed_anywhere_is_nothing() -> None:
    nothing = report_with(coverage=Coverage(), status="nothing")
    assert merge([nothing, nothing]).status == "nothing"
    assert merge([nothing, report_with()]).status == "partial"


def test_in_a_change_the_baseline_is_that_of_the_base(tmp_path: Path) -> None:
    known, added = found(CODE, "return open(path).read()"), found(CODE, "return value")
    (tmp_path / "base.json").write_text(render([entry_of(known), entry_of(added)]), "utf-8")
    options = argparse.Namespace(command="review", baseline=str(tmp_path / "base.json"))
    before = {"base.json": render([entry_of(known)])}
    at_base = entries_for(options, tmp_path, Settings(), before.get)
    assert at_base == [entry_of(known)]
    on_disk = entries_for(options, tmp_path, Settings())
    assert on_disk is not None
    assert len(on_disk) == 2
    with pytest.raises(SystemExit):
        entries_for(options, tmp_path, Settings(), lambda _path: None)
