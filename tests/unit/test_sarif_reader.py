"""Reading reports again: ours as they were, others as far as they go, broken ones not at all."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.findings.again import found_again
from claude_lsp.findings.baseline import entry_of
from claude_lsp.findings.baseline import read as read_baseline
from claude_lsp.findings.baseline import render as render_baseline
from claude_lsp.findings.reporters import REPORTERS
from claude_lsp.findings.reporters.json_format import read_report
from claude_lsp.findings.reporters.style import Style
from claude_lsp.findings.sarif_reader import read_sarif
from claude_lsp.text.lines import LineIndex
from tests.unit.finding_cases import case_paths, sections
from tests.unit.test_formats import found, report_with
from tests.unit.test_reporters import report_of

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "def one():\n    return call(1)\n\n\ndef two():\n    return call(1)\n"
SECOND = LineIndex(TEXT).offset_at((5, 4))  # type: ignore[arg-type]
(PARTIAL,) = case_paths("report_partial.txt")


def sarif(*findings: Any) -> str:
    return REPORTERS["sarif"](report_with(*findings), Style())


def test_ours_come_back_as_they_were() -> None:
    finding = found(
        TEXT, "return call(1)", title="Ends. Early", replacement="return 1", explanation="Why so."
    )
    (again,) = (found_again(one, LineIndex(TEXT)) for one in read_sarif(sarif(finding)))
    assert again is not None
    for name in ("rule", "title", "explanation", "path", "range", "quote", "replacement"):
        assert getattr(again, name) == getattr(finding, name), name
    assert (again.fingerprint, again.severity) == (finding.fingerprint, finding.severity)


def test_of_equal_lines_the_fingerprint_tells() -> None:
    index = LineIndex(TEXT)
    first = found(TEXT, "return call(1)")
    inserted = LineIndex("def zero():\n    return call(1)\n\n\n" + TEXT)
    again = found_again(first, inserted)
    assert again is not None
    assert again.range.start.line == 5
    assert index.line(1) == inserted.line(5)


def test_without_a_quote_the_hash_of_the_line_tells() -> None:
    log = json.loads(sarif(found(TEXT, "return call(1)")))
    (result,) = log["runs"][0]["results"]
    del result["locations"][0]["physicalLocation"]["region"]["snippet"]
    (finding,) = read_sarif(json.dumps(log))
    again = found_again(finding, LineIndex("import os\n" + TEXT))
    assert again is not None
    assert again.range.start.line == 2
    assert found_again(finding, LineIndex("import os\n")) is None


def test_suppressed_and_absent_results_are_left_out() -> None:
    log = json.loads(sarif(found(TEXT, "return call(1)"), found(TEXT, "def two")))
    log["runs"][0]["results"][0]["suppressions"] = [{"kind": "external"}]
    log["runs"][0]["results"][1]["baselineState"] = "absent"
    assert read_sarif(json.dumps(log)) == []


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value within a value."""
    if not isinstance(value, dict | list):
        return [path]
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    return [path, *(spot for key in keys for spot in spots(value[key], (*path, key)))]


REPORT = report_of(sections(PARTIAL))
READERS: list[tuple[Callable[[str], Any], Any]] = [
    (read_sarif, json.loads(REPORTERS["sarif"](REPORT, Style()))),
    (read_report, json.loads(REPORTERS["json"](REPORT, Style()))),
    (read_baseline, json.loads(render_baseline(map(entry_of, REPORT.findings)))),
]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 2.5, 10**400, float("nan"), "", "x", [], [1], {}]
)


@settings(max_examples=400)
@given(st.data())
def test_a_broken_file_is_refused_or_can_be_shown(data: st.DataObject) -> None:
    reader, whole = data.draw(st.sampled_from(READERS))
    way = data.draw(st.sampled_from([spot for spot in spots(whole) if spot]))
    broken = copy.deepcopy(whole)
    place = broken
    for key in way[:-1]:
        place = place[key]
    if data.draw(st.booleans()) or isinstance(place, list):
        place[way[-1]] = data.draw(ODD)
    else:
        del place[way[-1]]
    try:
        value = reader(json.dumps(broken))
    except ValueError:
        return
    if reader is read_report:
        for render in REPORTERS.values():
            render(value, Style(show_suppressed=True))
    elif reader is read_sarif:
        for finding in value:
            found_again(finding, LineIndex(TEXT))


@pytest.mark.parametrize("reader", [read_sarif, read_report, read_baseline])
def test_a_file_that_is_nested_too_deeply_is_refused(reader: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match=r"not a|version"):
        reader('{"version": 1, "runs": ' + "[" * 100_000)


def test_an_amount_that_is_no_number_of_dollars_is_refused() -> None:
    _, whole = next(pair for pair in READERS if pair[0] is read_report)
    broken = copy.deepcopy(whole)
    broken["spend"]["usd"] = 10**400
    with pytest.raises(ValueError, match="not a report"):
        read_report(json.dumps(broken))
