"""The benchmark of completions: its typist, what it reads of answers, and what it prints."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.completion import measure, report
from benchmarks.completion.replay import Session
from benchmarks.completion.subjects import named, suggestions_of
from benchmarks.completion.typist import SLIPS, HeldOut, Typist, held_out
from benchmarks.server_process import Answer

BODY = "\n    total = 0\n    for value in values:\n        total += value\n    return total"
FILE = f"import os\n\n\ndef add(values):{BODY}\n\n\ndef tiny():\n    return os\n"


def typed(shown: str = "", seed: int = 1) -> tuple[list[str], str]:
    """Return the kinds of all keys, and what stands there in the end."""
    typist = Typist(BODY, random.Random(seed))
    kinds: list[str] = []
    while not typist.done:
        assert 0 < typist.pause() < 10
        rest = typist.rest or ""
        kinds.append(typist.key(shown if rest.startswith(shown) else "").kind)
        assert len(kinds) < 1000
    return kinds, typist.typed


def test_a_typist_types_the_text_and_takes_slips_back() -> None:
    slips = 0
    for seed in range(20):
        kinds, text = typed(seed=seed)
        assert text == BODY
        assert kinds.count("slip") == kinds.count("back")
        slips += kinds.count("slip")
        # An editor indents by itself: a new line is one key.
        assert kinds.count("type") == len(BODY) - sum(4 * n for n in (1, 1, 2, 1))
    assert 0 < slips < 20 * len(BODY) * SLIPS * 3


def test_a_typist_takes_what_is_right() -> None:
    kinds, text = typed(BODY)
    assert text == BODY
    assert kinds in (["take"], [*kinds[:-1], "type"])
    assert typed("nonsense")[0].count("take") == 0
    assert typed(BODY, seed=3) == typed(BODY, seed=3)


def test_functions_that_are_held_out() -> None:
    (found,) = held_out(FILE)
    assert found == HeldOut(
        "import os\n\n\ndef add(values):", BODY, "\n\n\ndef tiny():\n    return os\n"
    )
    assert "".join(found) == FILE
    for text in ("def broken(:\n", FILE.replace("total", "t\u00f6tal"), FILE.replace("\n", "\r\n")):
        assert list(held_out(text)) == []


@pytest.mark.parametrize(
    ("result", "texts"),
    [
        (None, []),
        ({"items": []}, []),
        ({"items": [{"insertText": "a"}, {"insertText": ""}, {"insertText": "b"}]}, ["a", "b"]),
        ([{"insertText": "a"}], ["a"]),
        (
            {
                "items": [
                    {
                        "textEdit": {
                            "newText": "value.key",
                            "range": {
                                "start": {"line": 3, "character": 4},
                                "end": {"line": 3, "character": 10},
                            },
                        }
                    }
                ]
            },
            ["key"],
        ),
    ],
)
def test_what_an_answer_suggests(result: Any, texts: list[str]) -> None:
    answer = Answer({"id": 1, "result": result}, 0.0)
    assert suggestions_of(answer, {"line": 3, "character": 10}) == texts


def test_the_end_of_a_block_is_known_at_the_line_behind_it() -> None:
    text = "<fill>" + measure.BLOCK.lstrip() + measure.BEYOND
    known = measure.end_known_at([*text])
    # "d" alone might still become the rest of another word.
    assert text[:known].rpartition("return total")[2] == "\n\n\ndef a"
    with pytest.raises(ValueError, match="no end"):
        measure.end_known_at([*"<fill>total = 0"])


def test_named_peers() -> None:
    subject = named('mine=node "my server.js" --stdio')
    assert (subject.name, subject.command) == ("mine", ("node", "my server.js", "--stdio"))
    with pytest.raises(ValueError, match="NAME=COMMAND"):
        named("mine")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], "-"),
        ([1.0, 2.0, 3.0], "2.0 / 3.0"),
        ([None, None, 1.0], "never"),
        ([None, 1.0, 3.0], "2.0 / 3.0"),
    ],
)
def test_spread(values: list[float | None], shown: str) -> None:
    assert report.spread(values) == shown


def test_the_tables_have_a_column_for_each_server() -> None:
    ours, peer = report.Results("claude-lsp"), report.Results("peer")
    ours.bursts.requests, ours.bursts.over, peer.bursts.over = [1, 2], [3.0], [4.0]
    figures, sessions = report.table([ours, peer], {"claude-lsp": Session(10)}).split("\n\n")
    heads, line, *rows = figures.split("\n")
    assert heads == "| figure | bar | claude-lsp | peer |"
    assert line.count("---") == 4
    assert all(row.count("|") == 5 for row in rows)
    assert "1.5 (most 2)" in figures
    assert "4.0" not in figures  # nobody knows for which pause a peer waits
    assert sessions.startswith("| a typing session of 10 keys | claude-lsp |")


def test_cost_of_what_was_taken() -> None:
    assert Session(cost_usd=0.01, characters=500).cents_per_thousand == pytest.approx(2.0)
    assert Session(cost_usd=0.01).cents_per_thousand == 0
