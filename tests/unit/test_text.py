"""Properties of `claude_lsp.text`: lines, positions, edits, and moving through them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from claude_lsp.text.edits import (
    TextEdit,
    apply_edits,
    change_of,
    end_of,
    minimal_edits,
    move_position,
    move_range,
)
from claude_lsp.text.lines import (
    Encoding,
    LineIndex,
    column_from_units,
    column_to_units,
    line_ending,
    split_lines,
    without_ending,
)
from claude_lsp.text.positions import Position, Range, line_range
from claude_lsp.text.snapshots import Snapshot, path_from_uri, uri_from_path

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}

characters = st.sampled_from("ab\n\r\f\x0b\x1c\x85\u2028é中\U0001f600")
texts = st.text(characters, max_size=25)
lines = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).filter(
    lambda text: "\n" not in text and "\r" not in text
)
positions = st.builds(Position, st.integers(0, 8), st.integers(0, 10))


def units(text: str, encoding: Encoding) -> int:
    codec = encoding if encoding == "utf-8" else f"{encoding}-le"
    return len(text.encode(codec)) // UNIT_BYTES[encoding]


# ----- lines


@given(texts)
def test_lines_join_to_the_text_and_end_only_at_line_endings(text: str) -> None:
    parts = split_lines(text)
    assert "".join(parts) == text
    for number, part in enumerate(parts):
        content = without_ending(part)
        assert "\n" not in content
        assert "\r" not in content
        assert part[len(content) :] in {"\n", "\r\n", "\r"} or number == len(parts) - 1
    assert all(
        not (first.endswith("\r") and second.startswith("\n"))
        for first, second in itertools.pairwise(parts)
    )


@pytest.mark.parametrize(
    ("text", "ending"), [("", "\n"), ("a", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb", "\r")]
)
def test_line_ending_of_a_text_is_that_of_its_first_line(text: str, ending: str) -> None:
    assert line_ending(text) == ending


@given(texts)
def test_every_offset_has_a_position_and_goes_back(text: str) -> None:
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        inside = text[offset - 1 : offset + 1] == "\r\n" and offset > 0
        back = index.offset_at(index.position_at(offset))
        assert back == (offset - 1 if inside else offset)
    assert index.position_at(len(text)).line == index.line_count - 1


@given(texts, positions)
def test_positions_outside_are_clamped_into_the_text(text: str, position: Position) -> None:
    index = LineIndex(text)
    offset = index.offset_at(position)
    assert 0 <= offset <= len(text)
    clamped = index.position_at(offset)
    assert clamped <= position
    assert index.offset_at(clamped) == offset


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(line=lines, ending=st.sampled_from(["", "\n", "\r\n", "\r"]))
def test_columns_go_to_units_and_back(encoding: Encoding, line: str, ending: str) -> None:
    for column in range(len(line) + 1):
        counted = column_to_units(line + ending, column, encoding)
        assert counted == units(line[:column], encoding)
        assert column_from_units(line + ending, counted, encoding) == column


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(line=lines, count=st.integers(0, 60))
def test_columns_inside_a_character_or_past_the_end_are_rounded_down(
    encoding: Encoding, line: str, count: int
) -> None:
    column = column_from_units(line + "\r\n", count, encoding)
    assert units(line[:column], encoding) <= count
    assert column == len(line) or units(line[: column + 1], encoding) > count


# ----- edits


@given(texts, st.data())
def test_a_single_edit_replaces_the_slice(text: str, data: st.DataObject) -> None:
    index = LineIndex(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = index.range_of(start, end)
    start, end = index.offset_at(span.start), index.offset_at(span.end)
    new = data.draw(texts)
    assert index.slice(span) == text[start:end]
    assert apply_edits(text, [TextEdit(span, new)]) == text[:start] + new + text[end:]


def test_overlapping_edits_are_refused_and_touching_ones_are_not() -> None:
    first = TextEdit(Range(Position(0, 0), Position(0, 2)), "x")
    second = TextEdit(Range(Position(0, 1), Position(0, 3)), "y")
    third = TextEdit(Range(Position(0, 2), Position(0, 3)), "z")
    with pytest.raises(ValueError, match="overlapping"):
        apply_edits("abcd", [first, second])
    assert apply_edits("abcd", [third, first]) == "xzd"


def test_insertions_at_one_place_stay_in_their_order() -> None:
    place = Range(Position(0, 1), Position(0, 1))
    assert apply_edits("ab", [TextEdit(place, "1"), TextEdit(place, "2")]) == "a12b"


@given(texts, texts)
def test_minimal_edits_lead_from_one_text_to_the_other(old: str, new: str) -> None:
    edits = minimal_edits(old, new)
    assert apply_edits(old, edits) == new
    assert bool(edits) == (old != new)


@given(st.lists(lines.filter(bool), min_size=2, max_size=6), st.data())
def test_minimal_edits_leave_equal_lines_alone(parts: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(parts) - 1))
    changed = [*parts[:number], parts[number] + "!", *parts[number + 1 :]]
    for edit in minimal_edits("\n".join(parts), "\n".join(changed)):
        assert edit.range.empty
        assert edit.text.strip("\n").endswith("!") or parts.count(parts[number]) > 1


@given(texts, texts)
def test_minimal_edits_can_be_placed_inside_a_document(old: str, new: str) -> None:
    head = "one\ntw"
    assume(not old.startswith("\n"))
    edits = minimal_edits(old, new, Position(1, 2))
    assert apply_edits(head + old, edits) == head + new


@given(texts)
def test_end_of_an_inserted_text_is_its_last_place(text: str) -> None:
    start = Position(1, 2)
    assert end_of(start, text) == LineIndex("one\ntw" + text).position_at(6 + len(text))


# ----- moving through edits


@given(st.text(st.sampled_from("ab\n"), max_size=20), st.data())
def test_positions_behind_an_edit_keep_their_character(text: str, data: st.DataObject) -> None:
    index = LineIndex(text)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    new = data.draw(st.text(st.sampled_from("cd\n"), max_size=6))
    edit = TextEdit(index.range_of(start, end), new)
    after = LineIndex(apply_edits(text, [edit]))
    change = change_of(edit)
    for offset in range(len(text) + 1):
        moved = after.offset_at(move_position(index.position_at(offset), change))
        if offset >= end:
            assert moved == offset - (end - start) + len(new)
        elif offset < start:
            assert moved == offset
        else:
            assert moved == start


@given(st.text(st.sampled_from("ab\n"), max_size=20), st.data())
def test_ranges_that_survive_an_edit_hold_the_same_text(text: str, data: st.DataObject) -> None:
    index = LineIndex(text)

    def draw_range() -> Range:
        start = data.draw(st.integers(0, len(text)))
        return index.range_of(start, data.draw(st.integers(start, len(text))))

    watched, edited = draw_range(), draw_range()
    edit = TextEdit(edited, data.draw(st.text(st.sampled_from("cd\n"), max_size=6)))
    after = LineIndex(apply_edits(text, [edit]))
    moved = move_range(watched, [change_of(edit)])
    if moved is None:
        assert edited.overlaps(watched) or watched.start < edited.start < watched.end
    else:
        assert after.slice(moved) == index.slice(watched)


def test_text_typed_right_behind_a_range_does_not_belong_to_it() -> None:
    watched = Range(Position(0, 0), Position(0, 3))
    typed = change_of(TextEdit(Range(Position(0, 3), Position(0, 3)), "xy"))
    assert move_range(watched, [typed]) == watched


# ----- ranges, snapshots, addresses


def test_ranges_that_touch_do_not_overlap() -> None:
    first, second = line_range(0, 1), line_range(2, 2)
    assert first.touches(second)
    assert not first.overlaps(second)
    assert line_range(0, 5).contains(second)
    assert not first.contains(second)


@pytest.mark.skipif(os.name == "nt", reason="paths of another system")
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_paths_go_to_addresses_and_back(name: str) -> None:
    assume("/" not in name)
    path = Path("/work dir") / name
    assert path_from_uri(uri_from_path(path)) == path
    assert uri_from_path(path).isascii()


def test_snapshots_of_what_is_not_a_file_have_no_path() -> None:
    assert Snapshot("untitled:Untitled-1", 1, "").path is None
    assert Snapshot("file:///a%20b.py", 1, "").path == Path("/a b.py")


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are text")
@given(st.binary(min_size=1, max_size=20).filter(lambda name: not {0, 47} & {*name}))
def test_any_name_on_disk_has_an_address(name: bytes) -> None:
    path = Path("/folder") / os.fsdecode(name)
    uri = uri_from_path(path)
    assert uri.isascii()
    assert path_from_uri(uri) == path


def test_an_address_that_no_file_can_have_leads_nowhere() -> None:
    assert path_from_uri("file:///folder/%00/name.py") is None
