"""A dialogue's message list: whole exchanges, within a bound, and the same in front for long."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.claude.dialogue import (
    HiddenThought,
    Result,
    Said,
    Thought,
    ToolCall,
    Turn,
    messages,
    within,
)
from claude_lsp.claude.request import Block, parameters
from claude_lsp.context.tools import TOOLS
from tests.messages_api.models import MODELS
from tests.messages_api.rules import check_message
from tests.unit.engine_kit import request

SIZES = st.integers(0, 400)


@st.composite
def turns(draw: Any) -> list[Turn]:
    """Any dialogue: calls among thoughts and words, results of any size."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        blocks: list[Any] = []
        if draw(st.booleans()):
            blocks.append(Thought(draw(st.text(max_size=8)), f"signature{number}"))
        if draw(st.booleans()):
            blocks.append(HiddenThought("opaque"))
        if draw(st.booleans()):
            blocks.append(Said("Let me look."))
        calls = [
            ToolCall(f"toolu_{number}_{each}", "read_file", {"path": f"{each}.py"})
            for each in range(draw(st.integers(1, 4)))
        ]
        results = [
            Result(call.id, f"text {call.id}", draw(SIZES), f"[{call.id}]", draw(SIZES))
            for call in calls
        ]
        note = draw(st.sampled_from(["", "2 more rounds."]))
        found.append(Turn((*blocks, *calls), tuple(results), note, draw(SIZES)))
    return found


@given(turns(), st.integers(0, 2_000))
def test_any_turns_within_any_limit_give_a_valid_list(given: list[Turn], limit: int) -> None:
    kept = within(given, limit)
    assert sum(turn.tokens for turn in kept) <= limit
    # The newest are kept, in their order, and nothing of a turn but its results is touched.
    assert [turn.blocks for turn in kept] == [
        turn.blocks for turn in given[len(given) - len(kept) :]
    ]
    for turn in kept:
        (whole,) = (each for each in given if each.blocks == turn.blocks)
        for result, original in zip(turn.results, whole.results, strict=True):
            assert result in (original, original.compact)
    made = request(
        "claude-opus-5-5",
        blocks=(Block("The project.", 10, stable=True), Block("Question?", 5)),
        tools=tuple(TOOLS.values()),
        turns=kept,
    )
    # The service's own rules: roles alternate, each call is answered at once, four breakpoints.
    check_message(parameters(made), MODELS)
    check_message(parameters(replace(made, must_answer=True)), MODELS)


@given(turns(), st.integers(0, 2_000))
def test_nothing_is_cut_without_need(given: list[Turn], limit: int) -> None:
    if sum(turn.tokens for turn in given) <= limit:
        assert within(given, limit) == tuple(given)


def turn_of(number: int, size: int, said: int = 10) -> Turn:
    call = ToolCall(f"toolu_{number}", "read_file", {"path": "a.py"})
    result = Result(call.id, f"the text of {number}", size, f"[left out: {number}]", 5)
    return Turn((Thought("", "signature"), call), (result,), "", said)


def test_the_oldest_results_are_cut_first_and_the_newest_is_whole() -> None:
    given = [turn_of(number, 100) for number in range(5)]
    kept = within(given, 400)
    cut = [turn.results[0].text.startswith("[left out") for turn in kept]
    assert cut == sorted(cut, reverse=True)
    assert cut[0]
    assert not cut[-1]
    assert len(kept) == 5


def test_what_stands_in_front_stays_the_same_for_several_calls() -> None:
    """A cut goes deeper than it must, so that the cache serves the next calls."""
    given = [turn_of(number, 100) for number in range(12)]
    lists = [messages(within(given[:count], 500), cached=False) for count in range(1, 13)]
    kept_in_front = [
        later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(lists)
    ]
    assert kept_in_front.count(False) <= 4
    assert kept_in_front.count(True) >= 7


def test_only_the_last_two_turns_are_marked() -> None:
    found = messages([turn_of(number, 100) for number in range(4)], cached=True)
    marked = [
        place
        for place, message in enumerate(found)
        if any("cache_control" in block for block in message["content"])
    ]
    assert marked == [5, 7]


def test_thinking_goes_back_as_it_came_before_the_call_that_it_led_to() -> None:
    blocks = (
        Thought("hm", "sig"),
        HiddenThought("data"),
        Said("So:"),
        ToolCall("t", "x", {"a": 1}),
    )
    turn = Turn(blocks, (Result("t", "r", 1, "[r]", 1, refused=True),))
    spoken, answered = messages([turn], cached=False)
    assert spoken["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "data"},
        {"type": "text", "text": "So:"},
        {"type": "tool_use", "id": "t", "name": "x", "input": {"a": 1}},
    ]
    (result,) = answered["content"]
    assert result["is_error"]


def test_a_turn_can_not_be_torn() -> None:
    call = ToolCall("t", "x")
    with pytest.raises(ValueError, match="exactly one result"):
        Turn((call,), ())
    with pytest.raises(ValueError, match="exactly one result"):
        Turn((Said("nothing"),), ())
