"""Several completions in one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.completion.alternatives import OVERRUN
from claude_lsp.actions.outcomes import Insertion
from claude_lsp.context.assemble import Context
from claude_lsp.settings import build
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot

if TYPE_CHECKING:
    from claude_lsp.actions.outcomes import Outcome

TEXT = "def total(values):\n    "


def situation(suggestions: int = 3) -> Situation:
    at = Position(1, 4)
    snapshot = Snapshot("file:///w/a.py", 1, TEXT, "python")
    return Situation(snapshot, "a.py", Range(at, at), suggestions=suggestions)


def read(answer: str, chunk: int, most: int = 3, *, complete: bool = True) -> tuple[list[str], int]:
    """Return what is suggested, and how many characters of the answer were read."""
    reader = ACTIONS["complete"].reader(situation(most), Context())
    outcomes: list[Outcome] = []
    used = 0
    while used < len(answer) and not reader.satisfied:
        outcomes += reader.feed(answer[used : used + chunk])
        used += chunk
    outcomes += reader.finish(complete=complete)
    found = [each.text for each in outcomes if isinstance(each, Insertion) and each.complete]
    return found, used


@pytest.mark.parametrize("chunk", [1, 4, 9, 10_000])
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("<fill>return 1</fill>", ["return 1"]),
        ("<fill>return 1</fill>\n<fill>return 2</fill>", ["return 1", "return 2"]),
        ("<fill>a</fill><fill>b</fill><fill>c</fill><fill>d</fill>", ["a", "b", "c"]),
        ("<fill>return 1</fill> <fill>return 1</fill> <fill>pass</fill>", ["return 1", "pass"]),
        ("<fill></fill><fill>pass</fill>", ["pass"]),
        ("<fill>return 1</fill>\nThese are all.", ["return 1"]),
        ("return 1", ["return 1"]),
        ("Sorry, I cannot do that.\n", []),
    ],
)
def test_each_is_read_once_however_the_answer_came(
    answer: str, found: list[str], chunk: int
) -> None:
    assert read(answer, chunk)[0] == found


def test_a_cut_answer_keeps_what_was_complete() -> None:
    answer = "<fill>return 1</fill><fill>return unfin"
    assert read(answer, 5, complete=False)[0] == ["return 1"]


def test_who_goes_on_and_on_is_not_waited_for() -> None:
    answer = "<fill>return 1\n" + "\n\ndef other():\n    return 2\n" * 100 + "</fill>"
    found, used = read(answer, 4)
    assert found == ["return 1"]
    assert used <= len("<fill>return 1\n\n\ndef") + OVERRUN + 8


def test_one_request_asks_for_all() -> None:
    settings = build({})
    one = ACTIONS["complete"].prompt(situation(1), settings)
    three = ACTIONS["complete"].prompt(situation(3), settings)
    assert three.system == one.system
    assert "up to 2 of them" in three.question
    assert "others" not in one.question
    assert (one.stop_sequences, three.stop_sequences) == (("</fill>",), ())
    assert three.max_tokens == 3 * one.max_tokens
