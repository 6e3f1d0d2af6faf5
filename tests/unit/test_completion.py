"""What becomes of a model's answer at a cursor: golden cases, and what holds for every answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.completion import filters
from claude_lsp.actions.completion.extent import MOST_LINES, Extent, extent_at
from claude_lsp.actions.completion.filters import Draft
from claude_lsp.actions.completion.place import Place, line_feeds
from claude_lsp.actions.outcomes import Beginning, Drop, Insertion
from claude_lsp.context.assemble import CURSOR_MARK, Context
from claude_lsp.text.lines import line_ending
from claude_lsp.text.positions import Range
from claude_lsp.text.snapshots import Snapshot
from tests import cases_loader

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.actions.outcomes import Outcome

FOLDER = "completion"
CHUNKS = (1, 3, 7, 64, 1_000_000)


@dataclass
class Case:
    """A document with a cursor, and an answer."""

    situation: Situation
    answer: str
    cut: bool

    @classmethod
    def load(cls, path: Path) -> Case:
        sections = cases_loader.load(path).sections
        assert sections.keys() == {"options", "document", "answer", "expected"}, path
        options = sections["options"].split()
        language, *flags = options
        assert not set(flags) - {"crlf", "crlf-answer", "cut", "never", "always"}, path
        document = sections["document"].removesuffix("\n")
        answer = sections["answer"].removesuffix("\n")
        if "crlf" in flags:
            document = document.replace("\n", "\r\n")
        if "crlf-answer" in flags:
            answer = answer.replace("\n", "\r\n")
        multiline = next((flag for flag in flags if flag in ("never", "always")), "auto")
        situation = situation_of(document, language, multiline)
        return cls(situation, answer, "cut" in flags)

    def run(self, chunk: int) -> tuple[list[Outcome], int]:
        """Return the outcomes, and how many characters of the answer were read."""
        reader = ACTIONS["complete"].reader(self.situation, Context())
        outcomes: list[Outcome] = []
        read = 0
        while read < len(self.answer) and not reader.satisfied:
            outcomes += reader.feed(self.answer[read : read + chunk])
            read = min(len(self.answer), read + chunk)
        return [*outcomes, *reader.finish(complete=not self.cut)], read


def situation_of(document: str, language: str, multiline: str = "auto") -> Situation:
    at = document.index(CURSOR_MARK)
    text = document.replace(CURSOR_MARK, "", 1)
    snapshot = Snapshot("file:///w/file", 1, text, language)
    span = snapshot.index.range_of(at, at)
    return Situation(snapshot, "file", span, multiline=multiline)  # type: ignore[arg-type]


def described(case: Case, chunk: int) -> list[str]:
    """Return what the user gets, as it stands in a case."""
    outcomes, _ = case.run(chunk)
    final = [one for one in outcomes if not isinstance(one, Beginning)]
    if not final:
        return ["nothing"]
    *growing, last = final
    assert all(isinstance(one, Insertion) and not one.complete for one in growing)
    if isinstance(last, Drop):
        return [f"dropped: {last.reason}"]
    assert isinstance(last, Insertion)
    assert last.complete
    for one in growing:
        # What is shown while it grows never has to be taken back.
        assert isinstance(one, Insertion)
        assert last.text.startswith(one.text), one
    start, end = last.at, last.until or last.at
    assert start == case.situation.range.start
    assert start.line == end.line, "ranges stay on one line"
    index = case.situation.snapshot.index
    assert end.column <= len(index.line(end.line))
    covered = index.slice(Range(start, end))
    lines = last.text.split(line_ending(case.situation.snapshot.text))
    assert not any(mark in line for mark in "\r\n" for line in lines)
    return [*([f"replaces |{covered}|"] if covered else []), *(f"|{line}|" for line in lines)]


@pytest.mark.parametrize("path", cases_loader.paths(FOLDER), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = Case.load(path)
    situation = case.situation
    place = Place.of(situation.snapshot, situation.range.start)
    extent = extent_at(place, situation.multiline)
    results = {chunk: described(case, chunk) for chunk in CHUNKS}
    whole = results[CHUNKS[-1]]
    for chunk, result in results.items():
        assert result == whole, f"pieces of {chunk} change the result"
    _, read = case.run(1)
    until = "" if read == len(case.answer) else f", closed after {read} of {len(case.answer)}"
    lines = [f"{extent.value}{until}", *whole]
    cases_loader.expect(path, "expected", "\n".join(lines) + "\n")


def test_there_are_enough_cases() -> None:
    cases = [cases_loader.load(path) for path in cases_loader.paths(FOLDER)]
    assert len(cases) >= 60
    languages = {case.sections["options"].split()[0] for case in cases}
    wanted = {"python", "typescript", "go", "rust", "java", "c", "html", "yaml", "markdown"}
    assert wanted <= languages
    dropped = {
        case.sections["expected"] for case in cases if "dropped" in case.sections["expected"]
    }
    assert len(dropped) >= 4


# ----- what holds for every answer

WORDS = st.sampled_from(
    (
        *("x", "self.value", "return", "if", "for", "foo(", ")", "[", "]", "{", "}", ":", ";", ","),
        *('"', "'", "`", '"""', "\n", "\n    ", "\n\t", "\r\n", " ", "  ", "\t", "# why", "// why"),
        *(
            "é",
            "🎉",
            "\U0001d4b3",
            "</",
            "<fill>",
            "</fill>",
            "```\n",
            "Sorry, no.",
            "else",
            "def f():",
            "=> ",
        ),
    )
)
TEXTS = st.lists(WORDS, max_size=25).map("".join)
LANGUAGES = st.sampled_from(
    ("python", "typescript", "go", "rust", "java", "c", "html", "yaml", "markdown", "elm", "ruby")
)


@given(TEXTS, TEXTS, TEXTS, LANGUAGES, st.sampled_from((1, 2, 5, 11)))
@settings(max_examples=300, deadline=None)
def test_pieces_do_not_change_the_result(
    before: str, after: str, answer: str, language: str, chunk: int
) -> None:
    case = Case(situation_of(f"{before}{CURSOR_MARK}{after}", language), f"<fill>{answer}", False)
    pieces, whole = described(case, chunk), described(case, 1_000_000)
    # Which of two filters drops it may depend on the pieces.
    assert pieces == whole or all(lines[0].startswith("dropped") for lines in (pieces, whole))


@given(TEXTS, TEXTS, TEXTS, LANGUAGES)
@settings(max_examples=300, deadline=None)
def test_filters_applied_twice_change_nothing_more(
    before: str, after: str, fill: str, language: str
) -> None:
    situation = situation_of(f"{before}{CURSOR_MARK}{after}", language)
    place = Place.of(situation.snapshot, situation.range.start)
    for each in filters.CUTTING:
        once = each.apply(Draft(fill), place)
        assert each.apply(once, place) == once, each.name
        assert once.text == fill[: len(once.text)], f"{each.name} only cuts at the end"
        assert once.replaces <= len(place.rest)


@given(TEXTS, TEXTS, LANGUAGES)
@settings(max_examples=200, deadline=None)
def test_a_place_holds_the_text_around_the_cursor(before: str, after: str, language: str) -> None:
    situation = situation_of(f"{before}{CURSOR_MARK}{after}", language)
    place = Place.of(situation.snapshot, situation.range.start)
    assert "\r" not in place.before + place.after
    assert place.line + place.rest == line_feeds(
        situation.snapshot.index.line(situation.range.start.line)
    )
    assert isinstance(extent_at(place), Extent)


def test_an_endless_answer_is_left() -> None:
    """Whatever the backend sends, no more is read than can be suggested."""
    for line in ("word ", "a = 1\n", "    x\n", "\n", "no tag at all "):
        case = Case(situation_of(f"def f():\n    {CURSOR_MARK}", "python"), line * 100_000, False)
        for opening in ("<fill>", ""):
            tagged = Case(case.situation, opening + case.answer, False)
            outcomes, read = tagged.run(50)
            assert read < 40_000
            texts = [one.text for one in outcomes if isinstance(one, Insertion) and one.complete]
            assert all(text.count("\n") <= MOST_LINES for text in texts)
