"""Every target over its corpus, over inputs made of it, and over inputs many times as long.

`CLAUDE_LSP_FUZZED=2000` makes that many inputs for each target instead of a few; `make fuzz` has
inputs led by coverage.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import KINDS, LARGEST, SEPARATOR, Edit, edited, pieces, texts
from tests.fuzz.run import fuzz_guided
from tests.fuzz.steps import count_steps
from tests.fuzz.targets import CORPUS, TARGETS, Target

INPUTS = int(os.environ.get("CLAUDE_LSP_FUZZED", "12"))
LARGEST_CASE = 5000
LONG = 6_000
"""Bytes to which a part of a case is repeated, to see how steps grow."""

CASES = [(target, path) for target in TARGETS.values() for path in target.cases()]
each_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@pytest.mark.parametrize(
    ("target", "path"), CASES, ids=lambda value: value.name if isinstance(value, Path) else ""
)
def test_the_corpus_holds_no_failure(target: Target, path: Path) -> None:
    target.run(path.read_bytes())


def test_every_target_has_cases_and_every_case_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == TARGETS.keys()
    assert all(target.cases() for target in TARGETS.values())
    assert all(path.stat().st_size <= LARGEST_CASE for _, path in CASES)
    assert all(target.run.__doc__ for target in TARGETS.values())


@each_target
@settings(
    max_examples=INPUTS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_inputs_made_of_the_corpus(target: Target, data: st.DataObject) -> None:
    edits = st.builds(
        Edit,
        st.sampled_from(KINDS),
        st.floats(0, 1),
        st.integers(1, 40),
        st.sampled_from(target.words),
        st.integers(0, 60),
    )
    case = data.draw(st.sampled_from(target.cases()))
    target.run(edited(case.read_bytes(), data.draw(st.lists(edits, max_size=4))))


@pytest.mark.timeout(60 + 5 * INPUTS)
@each_target
def test_what_goes_on_and_on_ends(target: Target) -> None:
    """A word many times over: one that takes minutes is found by the time that a test may take."""
    words = [b"[", *target.words, *(bytes((code,)) for code in range(0x20, 0x7F))]
    for word in words if INPUTS >= 100 else words[:1]:
        for part in range(3):
            target.run(SEPARATOR * part + word * (LARGEST // 4 // len(word)))


@each_target
def test_steps_grow_no_faster_than_inputs(target: Target) -> None:
    """Each part of a case many times over: what is four times as long takes four times the steps.

    Half as much again is left for what is done once, and for what a bound lets grow at first.
    """
    for path in target.cases():
        data = path.read_bytes()
        parts = data.split(SEPARATOR)
        for number, part in enumerate(parts):
            if not 0 < len(part) <= 400:
                continue
            times = LONG // len(part) // 4
            before, behind = parts[:number], parts[number + 1 :]
            short, long = (
                count_steps(partial(target.run, SEPARATOR.join([*before, part * count, *behind])))
                for count in (times, times * 4)
            )
            assert long <= short * 4 * 1.5 + 1_000, (path.name, number, short, long)


def test_a_target_that_fails_is_told_with_its_input(tmp_path: Path) -> None:
    def fails(data: bytes) -> None:
        assert data.count(b"[") < 9

    target = Target(fails, (), (b"[[[",))
    seed = tmp_path / "seed"
    seed.write_bytes(b"[")
    with pytest.raises(SystemExit):
        fuzz_guided(target, 30, [seed], tmp_path / "kept", tmp_path)
    (found,) = tmp_path.glob("fails-crash-*")
    with pytest.raises(AssertionError):
        fails(found.read_bytes())


@given(st.binary(max_size=60), st.integers(1, 4))
def test_any_bytes_are_so_many_texts_and_pieces_are_the_text_again(data: bytes, count: int) -> None:
    parts = texts(data, count)
    assert len(parts) == count
    assert all("".join(pieces(part, data)) == part for part in parts)
    assert len(edited(data, [Edit("repeat", 0.0, 60, b"", 5000)])) <= LARGEST
