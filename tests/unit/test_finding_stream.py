"""The scanner of streamed answers, and what is made of the objects it finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.findings.claims import (
    EXPLANATION_LIMIT,
    TITLE_LIMIT,
    Rejected,
    claims_from,
    findings_schema,
)
from claude_lsp.findings.finding import Claim, Severity
from claude_lsp.findings.rules import FALLBACK_RULE, RULES
from claude_lsp.findings.sanitize import cleaned, escaped_json
from claude_lsp.findings.stream import OBJECT_LIMIT, ObjectStream, StreamEnd
from claude_lsp.text.unseen import visible
from tests.unit.finding_cases import case_paths, sections

if TYPE_CHECKING:
    from pathlib import Path


def scan(text: str, sizes: list[int], key: str = "findings") -> tuple[list[Any], StreamEnd]:
    """Feed a text in pieces of the given sizes, over and over."""
    stream, found, position, turn = ObjectStream(key), [], 0, 0
    while position < len(text):
        size = sizes[turn % len(sizes)]
        found += stream.feed(text[position : position + size])
        position, turn = position + size, turn + 1
    return found, stream.finish()


@pytest.mark.parametrize("path", case_paths("stream_*.txt"), ids=lambda path: path.stem)
def test_answers_of_every_shape_are_read_alike_in_any_pieces(path: Path) -> None:
    case = sections(path)
    for sizes in ([10**9], [1], [2], [3], [7], [20], [1, 13, 4]):
        found, end = scan(case["input"], sizes)
        assert found == json.loads(case["objects"])
        assert str(end.complete).lower() == case["complete"]
        if case["problem"]:
            assert case["problem"] in (end.problem or "")
        else:
            assert end.problem is None
        if case["leftover"]:
            assert case["leftover"] in end.leftover


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), max_size=4)
OTHER_MEMBERS = st.dictionaries(st.text(max_size=8).filter(lambda k: k != "findings"), VALUES)


@settings(max_examples=150, deadline=None)
@given(
    before=OTHER_MEMBERS,
    objects=OBJECTS,
    after=OTHER_MEMBERS,
    form=st.fixed_dictionaries(
        {"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 3])}
    ),
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6),
)
def test_any_chunking_gives_what_a_parser_gives_of_the_whole(
    before: dict[str, Any],
    objects: list[Any],
    after: dict[str, Any],
    form: dict[str, Any],
    sizes: list[int],
) -> None:
    members = {**before, "findings": objects}
    members.update({key: value for key, value in after.items() if key not in members})
    text = json.dumps(members, **form)
    found, end = scan(text, sizes)
    assert found == json.loads(text)["findings"]
    assert end == StreamEnd(True, "", None)


@settings(max_examples=60, deadline=None)
@given(objects=OBJECTS, data=st.data())
def test_a_prefix_gives_only_whole_objects_and_is_not_complete(
    objects: list[Any], data: st.DataObject
) -> None:
    text = json.dumps({"findings": objects})
    cut = data.draw(st.integers(0, len(text) - 2))
    found, end = scan(text[:cut], [5])
    assert found == objects[: len(found)]
    assert end.complete == (text[:cut] == text[:-1])


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet='{}[]",:\\ \nfindings1`', max_size=120))
def test_whatever_comes_the_pieces_do_not_matter(text: str) -> None:
    whole, whole_end = scan('{"findings":[' + text, [10**9])
    pieces, pieces_end = scan('{"findings":[' + text, [1])
    assert (pieces, pieces_end.complete) == (whole, whole_end.complete)
    assert scan(text, [10**9])[0] == scan(text, [3])[0]


def test_an_object_comes_out_with_its_last_character() -> None:
    stream = ObjectStream("edits")
    assert stream.feed('{"edits":[{"a":1') == []
    assert stream.feed("2}") == [{"a": 12}]


def test_an_endless_object_is_a_problem_and_is_not_kept() -> None:
    text = json.dumps({"findings": [{"a": "x" * OBJECT_LIMIT}, {"b": 1}]})
    found, end = scan(text, [1000])
    assert found == [{"b": 1}]
    assert "longer than" in (end.problem or "")
    unfinished = ObjectStream("findings")
    unfinished.feed('{"findings": [{"a": "')
    for _ in range(600):
        unfinished.feed("x" * 1000)
    assert len(unfinished.finish().leftover) <= OBJECT_LIMIT


def test_nesting_without_an_end_is_a_problem_and_not_a_crash() -> None:
    found, end = scan('{"findings": [{"a": ' + "[" * 5000, [50])
    assert found == []
    assert end.complete is False


GOOD: dict[str, object] = {"title": "Off by one", "quote": "x[1]", "line": 3}


def claim(**members: object) -> Claim:
    made = claims_from({**GOOD, **members}, "a.py")
    assert isinstance(made, Claim)
    return made


def test_a_full_object_becomes_a_claim_as_it_is() -> None:
    item: dict[str, object] = {
        "path": "src/a.py",
        "line": 3,
        "quote": "  x[1]\n",
        "rule": "review.security",
        "severity": "major",
        "title": "Off by one",
        "explanation": "First.\nSecond.",
        "confidence": 0.75,
        "replacement": "  x[0]",
    }
    assert claims_from(item, "b.py") == Claim(
        "review.security",
        Severity.MAJOR,
        "Off by one",
        "First.\nSecond.",
        "src/a.py",
        "  x[1]\n",
        3,
        0.75,
        "  x[0]",
    )


@pytest.mark.parametrize(
    ("given_rule", "rule"),
    [
        ("review.security", "review.security"),
        ("REVIEW.Security", "review.security"),
        ("security", "review.security"),
        ("error_handling", "review.error-handling"),
        ("arch.boundary", "arch.boundary"),
        ("arch.cycle", FALLBACK_RULE),  # Only the module graph may claim a cycle.
        ("style", FALLBACK_RULE),
        (7, FALLBACK_RULE),
    ],
)
def test_rules_are_mapped_to_the_fixed_list(given_rule: object, rule: str) -> None:
    assert claim(rule=given_rule).rule == rule


@pytest.mark.parametrize(
    ("given_severity", "severity"),
    [
        ("CRITICAL", Severity.CRITICAL),
        (" info ", Severity.INFO),
        ("error", Severity.MAJOR),
        ("warning", Severity.MINOR),
        ("dreadful", Severity.MINOR),
        (None, Severity.MINOR),
    ],
)
def test_an_unknown_severity_is_minor(given_severity: object, severity: Severity) -> None:
    assert claim(severity=given_severity).severity is severity


@pytest.mark.parametrize(
    ("given_line", "line"),
    [
        *((12, 12), ("12", 12), ("L12-L14", 12), (12.0, 12)),
        *((given, None) for given in (0, -3, True, None, "soon", 1.5, [1], "9" * 5000)),
    ],
    ids=lambda value: repr(value)[:9],
)
def test_a_line_is_a_positive_number_or_nothing(given_line: object, line: int | None) -> None:
    assert claim(line=given_line).line == line


@pytest.mark.parametrize(
    ("given_confidence", "confidence"),
    [
        *((0.3, 0.3), ("80%", 0.8), ("0.4", 0.4)),
        *((7, 1.0), (-1, 0.0), (float("inf"), 1.0), (10**400, 1.0)),
        *(("high", 0.5), (None, 0.5), (float("nan"), 0.5), (True, 0.5)),
    ],
    ids=lambda value: repr(value)[:9],
)
def test_confidence_is_clamped(given_confidence: object, confidence: float) -> None:
    assert claim(confidence=given_confidence).confidence == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"quote": "x"}, "no title"),
        ({"title": " \x00\u200b ", "quote": "x"}, "no title"),
        ({"title": "t"}, "no quote"),
        ({"title": "t", "quote": " \n"}, "no quote"),
        ({"title": "t", "quote": ["x"]}, "no quote"),
    ],
)
def test_without_a_title_or_a_quote_there_is_no_claim(item: Any, reason: str) -> None:
    assert claims_from(item, "a.py") == Rejected(reason)


def test_texts_are_bounded_and_freed_of_what_nobody_should_see() -> None:
    made = claim(
        title="A\x1b[31m red\x1b[0m\n\u202etitle\u202c\x07.",
        explanation="one\x1b]8;;http://x\x07link\r\n\u2066two\U000e0041\ud800\x9b2J",
    )
    assert made.title == "A red title"
    assert made.explanation == "onelink\ntwo"
    assert len(claim(title="t" * 999).title) == TITLE_LIMIT
    assert len(claim(explanation="e " * 9999).explanation) <= EXPLANATION_LIMIT


def test_a_missing_path_is_the_default_and_others_are_made_posix() -> None:
    assert claim().path == "a.py"
    assert claim(path=".\\src\\b.py").path == "src/b.py"


@given(st.text())
def test_what_is_shown_can_never_steer_a_terminal(text: str) -> None:
    assert "\x1b" not in cleaned(text, 100)
    assert visible(text).isprintable() or not any(c in visible(text) for c in "\x1b\x9b\r\n\t\x07")
    assert json.loads(escaped_json(json.dumps(text, ensure_ascii=False))) == text


def test_the_schema_keeps_to_what_the_api_accepts() -> None:
    rules = [rule.id for rule in RULES.values() if rule.origin == "model"]
    schema: Any = findings_schema(rules)
    item = schema["properties"]["findings"]["items"]
    assert list(item["properties"]) == [
        "path",
        "line",
        "quote",
        "rule",
        "severity",
        "title",
        "explanation",
        "confidence",
        "replacement",
    ]
    assert item["required"] == list(item["properties"])
    assert item["properties"]["rule"]["enum"] == rules
    assert schema["additionalProperties"] is item["additionalProperties"] is False
    unsupported = ("minimum", "maximum", "minLength", "maxLength", "pattern", "maxItems", "$ref")
    assert not any(f'"{word}"' in json.dumps(schema) for word in unsupported)
