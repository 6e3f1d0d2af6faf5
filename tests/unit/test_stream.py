"""The decoder of the event stream: the same answer however its bytes are cut."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.claude import stream
from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.dialogue import HiddenThought, Said, Thought, ToolCall
from claude_lsp.claude.stream import Answer, DamagedStreamError, Decoder


def event(data: dict[str, Any], name: str | None = None) -> str:
    kind = name or data["type"]
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def text_delta(text: str) -> str:
    delta = {"type": "text_delta", "text": text}
    return event({"type": "content_block_delta", "index": 0, "delta": delta})


START = event(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "model": "claude-haiku-5-5",
            "content": [],
            "usage": {
                "input_tokens": 12,
                "output_tokens": 1,
                "cache_read_input_tokens": 7,
                "cache_creation_input_tokens": 5,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 2},
            },
        },
    }
)
THINKING = event(
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "thinking", "thinking": "", "signature": ""},
    }
) + event(
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": "secret thought"},
    }
)
END = event(
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
        "usage": {"output_tokens": 30, "output_tokens_details": {"thinking_tokens": 20}},
    }
) + event({"type": "message_stop"})
PING = event({"type": "ping"})
UNKNOWN = (
    event({"type": "surprise", "x": 1})
    + event({"type": "content_block_delta", "index": 0, "delta": {"type": "hologram"}})
    + ": a comment\n\n"
    + "event: nameless\n\n"
    + "id: 7\nretry: 5\n\n"
    + 'data: {"type":"message_delta","delta":null,"usage":null}\n\n'
    + 'data: {"type":"content_block_delta","delta":[]}\n\n'
    + 'data: {"type":null}\n\n'
)
USAGE = Usage(input=12, output=30, cache_write_5m=3, cache_write_1h=2, cache_read=7, thinking=20)


def decoded(*chunks: bytes) -> tuple[list[str], Answer]:
    decoder = Decoder()
    pieces = [piece for chunk in chunks for piece in decoder.feed(chunk)]
    assert decoder.answer.pieces == pieces
    return pieces, decoder.answer


@settings(deadline=None)
@given(
    pieces=st.lists(st.text(max_size=12), max_size=6),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    noise=st.lists(st.sampled_from([PING, UNKNOWN, THINKING, ": c\n\n"]), max_size=3),
    cuts=st.data(),
)
def test_any_chunking_gives_the_same_answer(
    pieces: list[str], newline: str, noise: list[str], cuts: st.DataObject
) -> None:
    events = START + "".join(noise) + "".join(text_delta(p) for p in pieces) + END
    # Line breaks of the answer itself are escaped, those of the protocol are not.
    data = events.replace("\n", newline).encode()
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=20)))
    edges = [0, *places, len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    got, answer = decoded(*chunks)
    assert got == pieces
    assert (answer.text, answer.usage) == ("".join(pieces), USAGE)
    assert (answer.stop_reason, answer.complete, answer.error) == ("end_turn", True, None)
    assert (answer.model, answer.message_id) == ("claude-haiku-5-5", "msg_1")


def test_byte_by_byte() -> None:
    data = (START + text_delta("grüße 🎉") + END).replace("\n", "\r\n").encode()
    got, answer = decoded(*(data[i : i + 1] for i in range(len(data))))
    assert (got, answer.complete) == (["grüße 🎉"], True)


def test_text_is_there_as_soon_as_its_event_ends() -> None:
    decoder = Decoder()
    first = (START + text_delta("one")).encode()
    assert list(decoder.feed(first[:-1])) == []
    assert list(decoder.feed(first[-1:])) == ["one"]
    assert not decoder.answer.complete


def test_a_data_field_over_several_lines() -> None:
    lines = 'event: x\ndata: {"type": "content_block_delta",\ndata:"delta": {"type": "text_delta",'
    assert decoded((lines + '\ndata: "text": "a"}}\n\n').encode())[0] == ["a"]


def test_a_text_block_that_starts_with_text() -> None:
    start = event({"type": "content_block_start", "content_block": {"type": "text", "text": "A"}})
    assert decoded((START + start + text_delta("B")).encode())[0] == ["A", "B"]


def test_thinking_is_no_text() -> None:
    got, answer = decoded((START + THINKING + text_delta("x") + END).encode())
    assert (got, answer.usage.thinking) == (["x"], 20)


def test_an_error_event() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    _, answer = decoded((START + text_delta("a") + event(error)).encode())
    assert (answer.error, answer.complete) == (("overloaded_error", "Overloaded"), False)
    for bare in ({"type": "error"}, {"type": "error", "error": "text"}):
        assert decoded(event(bare).encode())[1].error == ("api_error", "")


def test_a_refusal() -> None:
    delta = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "cyber"}}
    _, answer = decoded((START + event({"type": "message_delta", "delta": delta})).encode())
    assert (answer.stop_reason, answer.refusal) == ("refusal", "cyber")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ({}, Usage()),
        ([], Usage()),
        ({"input_tokens": None, "output_tokens": "9"}, Usage()),
        ({"input_tokens": -5, "output_tokens": True}, Usage()),
        ({"input_tokens": 5}, Usage(input=5)),
        ({"cache_creation_input_tokens": 8}, Usage(cache_write_5m=8)),
        ({"cache_creation_input_tokens": 8, "cache_creation": None}, Usage(cache_write_5m=8)),
        (
            {
                "cache_creation_input_tokens": 8,
                "cache_creation": {"ephemeral_1h_input_tokens": 8},
            },
            Usage(cache_write_1h=8),
        ),
    ],
)
def test_missing_and_odd_counters(usage: Any, expected: Usage) -> None:
    start = event({"type": "message_start", "message": {"id": None, "usage": usage}})
    assert decoded(start.encode())[1].usage == expected


def test_counters_of_the_end_are_cumulative() -> None:
    """Counters that the last event repeats replace the first ones; absent ones stay."""
    end = {"type": "message_delta", "usage": {"input_tokens": 20, "output_tokens": 4}}
    assert decoded((START + event(end)).encode())[1].usage == Usage(20, 4, 3, 2, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"data: \xff\xfe\n\n",
        b'data: {"type":"content_block_delta","ind\n\n',
        b"data: not json\n\n",
        b"data: [1]\n\n",
        b"data: 5\n\n",
        b"data:\n\n",
        b"data: " + b"[" * 20_000 + b"\n\n",
        b"\xc3\x28",
    ],
)
def test_damage_is_reported_and_what_came_before_is_kept(data: bytes) -> None:
    decoder = Decoder()
    assert list(decoder.feed((START + text_delta("kept")).encode())) == ["kept"]
    with pytest.raises(DamagedStreamError):
        list(decoder.feed(data))
    assert (decoder.answer.text, decoder.answer.complete) == ("kept", False)


def test_pieces_before_the_damage_in_the_same_chunk_are_yielded() -> None:
    decoder = Decoder()
    pieces = decoder.feed((text_delta("kept") + "data: x\n\n").encode())
    assert next(pieces) == "kept"
    with pytest.raises(DamagedStreamError):
        next(pieces)


def test_an_event_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MAXIMUM_EVENT", 1000)
    decoder = Decoder()
    with pytest.raises(DamagedStreamError, match="8 MB"):
        list(itertools.chain.from_iterable(decoder.feed(b"data: x") for _ in range(2000)))


def test_an_unfinished_last_event_is_not_taken() -> None:
    _, answer = decoded((START + END).encode().rstrip(b"\n"))
    assert not answer.complete


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> str:
    """A whole content block."""
    begun = event({"type": "content_block_start", "index": index, "content_block": start})
    middle = (
        event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas
    )
    return begun + "".join(middle) + event({"type": "content_block_stop", "index": index})


def call(index: int, name: str, *pieces: str) -> str:
    start = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    return block(
        index, start, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    )


TOOLS_ASKED = START + block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "Grüße "},
    {"type": "thinking_delta", "thinking": "an alle"},
    {"type": "signature_delta", "signature": "c2ln"},
)
TOOLS_ASKED += block(1, {"type": "redacted_thinking", "data": "b3BhcXVl"})
TOOLS_ASKED += block(
    2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Let me look."}
)
TOOLS_ASKED += call(3, "read_file", '{"pa', 'th": "ä.py", "first', '_line": 3}') + call(4, "empty")
TOOLS_ASKED += event(
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}
) + event({"type": "message_stop"})


@given(st.lists(st.integers(0, len(TOOLS_ASKED.encode())), max_size=12))
@settings(max_examples=60)
def test_blocks_are_the_same_however_the_bytes_are_cut(places: list[int]) -> None:
    data = TOOLS_ASKED.encode()
    cuts = [0, *sorted(places), len(data)]
    pieces, answer = decoded(*(data[a:b] for a, b in itertools.pairwise(cuts)))
    assert pieces == ["Let me look."]
    assert answer.asks
    assert answer.blocks == [
        Thought("Grüße an alle", "c2ln"),
        HiddenThought("b3BhcXVl"),
        Said("Let me look."),
        ToolCall("toolu_3", "read_file", {"path": "ä.py", "first_line": 3}),
        ToolCall("toolu_4", "empty", {}),
    ]
    assert [one.name for one in answer.calls] == ["read_file", "empty"]


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        (['{"path": "a'], "not valid JSON"),
        (["[1]"], "not an object"),
        (["[" * 5000], "not valid JSON"),
        (['{"path": "', "a" * 70_000, '"}'], "too long"),
    ],
)
def test_arguments_that_can_not_be_read_are_told(pieces: list[str], problem: str) -> None:
    _, answer = decoded((START + call(0, "read_file", *pieces)).encode())
    (found,) = answer.calls
    assert found.arguments == {}
    assert problem in str(found.problem)


def test_a_call_that_was_cut_off_is_none() -> None:
    begun = call(0, "read_file", '{"path": "a.py"}')
    _, answer = decoded((START + begun[: begun.rindex("event:")]).encode())
    assert answer.calls == []
