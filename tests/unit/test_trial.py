"""Trying edits is quick, and says what parsing the whole text anew would say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.lsp.trial import Trial
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.index import grammars

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = {
    "python": """\
# é😀
import os


@wrapped
def first(a):
    if a:
        return "é"
    return [
        a,
    ]


class Second:
    def f(self):
        return 2


LAST = 3
""",
    "javascript": """\
// é😀
import a from "b";

function first(a) {
  if (a) {
    return "é";
  }
  return [a];
}

class Second {
  f() {
    return 2;
  }
}
""",
    "php": """\
<?php
function first($a) {
    return "é";
}

class Second {
    function f() { return 2; }
}
""",
    "java": "class A {\n    int f() {\n        return 1;\n    }\n    int g;\n}\n",
}
PIECES = (
    "",
    "\n",
    "    ",
    "x",
    "x = 1\n",
    "(",
    ")",
    "{",
    "}",
    '"',
    "def f():\n",
    "é",
    "#",
    "return",
)


@pytest.mark.parametrize("language", TEXTS)
@given(
    spans=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2)), min_size=1, max_size=3),
    pieces=st.lists(st.sampled_from(PIECES), min_size=3, max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_it_says_what_parsing_anew_would_say(
    language: str, spans: Sequence[tuple[float, float]], pieces: Sequence[str]
) -> None:
    text = TEXTS[language]
    snapshot = Snapshot("file:///w/a", 1, text, language)
    edits, behind = [], 0
    for (start, length), new in zip(sorted(spans), pieces, strict=False):
        first = max(behind, int(start * len(text)))
        last = min(len(text), first + int(length * len(text)))
        edits.append(TextEdit(snapshot.index.range_of(first, last), new))
        behind = last + 1
        if behind > len(text):
            break
    trial = Trial(snapshot)
    trial.accept(edits[0])
    assert grammars.faults(text, language) == 0
    whole = grammars.faults(apply_edits(text, edits), language) == 0
    assert trial.parses_with(edits[1:]) == whole


def test_a_text_with_faults_may_keep_them() -> None:
    text = "def f(:\n    return 1\n\n\ndef g():\n    return 2\n"
    snapshot = Snapshot("file:///w/a.py", 1, text, "python")
    fine = TextEdit(snapshot.index.range_of(text.index("2"), text.index("2") + 1), "3")
    mended = TextEdit(snapshot.index.range_of(6, 7), "):")
    worse = TextEdit(snapshot.index.range_of(text.index("g()"), text.index("g()") + 3), "g(((")
    assert [Trial(snapshot).parses_with([one]) for one in (fine, mended, worse)] == [
        True,
        True,
        False,
    ]


def test_what_no_grammar_can_tell_is_taken() -> None:
    snapshot = Snapshot("file:///w/a.txt", 1, "a\n", "plaintext")
    assert Trial(snapshot).parses_with([TextEdit(snapshot.index.range_of(0, 1), "((")])
    assert Trial(snapshot).parses_with([])
