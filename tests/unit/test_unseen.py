"""What a reader can't see in a text is told, and what a script or an emoji needs is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.actions.completion.filters import CUTTING, Draft, apply
from claude_lsp.actions.completion.place import Place
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.sanitize import cleaned
from claude_lsp.review.fixes import HIDING, checked, reason_against
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.text.unseen import UNSEEN, brought, first_unseen, unseen

HOSTILE = {
    # A condition that looks like a comment, and a comment that looks like a condition.
    "bidi override": ("x = 1 \u202e# ok", "U+202E RIGHT-TO-LEFT OVERRIDE"),
    "bidi isolate": ("if a:\u2067 # b", "U+2067 RIGHT-TO-LEFT ISOLATE"),
    "mark among latin letters": ("a\u200fb", "U+200F RIGHT-TO-LEFT MARK"),
    "zero width": ("pass\u200bword", "U+200B ZERO WIDTH SPACE"),
    "joiner between latin letters": ("a\u200db", "U+200D ZERO WIDTH JOINER"),
    "byte order mark": ("import\ufeff os", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
    "hangul filler as a name": ("\u3164 = 1", "U+3164 HANGUL FILLER"),
    "words in tags": ("x\U000e0068\U000e0069", "U+E0068 TAG LATIN SMALL LETTER H"),
    "bytes in variation selectors": ("x\ufe01\ufe02", "U+FE01 VARIATION SELECTOR-2"),
    "line that only some see": ("a = 1 # \u2028b = 2", "U+2028 LINE SEPARATOR"),
    "escape": ("print('\x1b[2J')", "U+001B CONTROL CHARACTER"),
    "backspace": ("ok\x08\x08rm", "U+0008 CONTROL CHARACTER (2 times)"),
    "lone surrogate": ("a\ud800", "U+D800 CONTROL CHARACTER"),
    "cyrillic in a name": (
        "p\u0430ssword = 1",
        "U+0430 CYRILLIC SMALL LETTER A in place of a",
    ),
    "greek in a name": ("f\u03bfo()", "U+03BF GREEK SMALL LETTER OMICRON in place of o"),
    "click for an exclamation mark": (
        "if a \u01c3= b",
        "U+01C3 LATIN LETTER RETROFLEX CLICK in place of !",
    ),
    "question mark for a semicolon": ("a = 1\u037e", "U+037E GREEK QUESTION MARK in place of ;"),
}
HARMLESS = [
    "def f(a, b):\r\n\treturn a\f\n",
    "# na\xefve caf\xe9 \u201cquoted\u201d \u2013 \u2026\n",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440, hello",
    "\u03b1\u03b2_x = \u0394x * \u03c3_max",
    "\u65e5\u672c\u8a9e\u3001foo\uff08x\uff09",
    "\U0001f469\u200d\U0001f4bb \u2714\ufe0f 1\ufe0f\u20e3",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u05e9\u05dc\u05d5\u05dd\u200f!",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\u845b\U000e0100\u57ce",
]


@pytest.mark.parametrize(("text", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_seen_is_named(text: str, told: str) -> None:
    assert told in brought(text)
    assert brought(text, text) == ""
    place = first_unseen(text)
    assert place is not None
    assert not unseen(text[:place])


@pytest.mark.parametrize("text", HARMLESS)
def test_what_scripts_and_emoji_need_is_not_told(text: str) -> None:
    assert brought(text) == ""
    assert first_unseen(text) is None


def test_what_was_there_before_is_not_new_and_more_of_it_is() -> None:
    assert brought("a\u200bb\u200b", "\u200b") == "U+200B ZERO WIDTH SPACE"
    many = "".join(map(chr, range(0x202A, 0x202F)))
    assert brought(many).endswith(" and 2 more")


@given(st.text(st.sampled_from([*"aZ \n", *"".join(text for text, _ in HOSTILE.values())])))
def test_any_text_up_to_the_first_is_free_of_it(text: str) -> None:
    place = first_unseen(text)
    assert (place is None) == (not unseen(text))
    if place is not None:
        start = text.rfind("\n", 0, place) + 1
        assert not unseen(text[:start])


@pytest.mark.parametrize(("text", "_told"), HOSTILE.values(), ids=HOSTILE)
def test_a_suggestion_ends_before_the_line_of_it(text: str, _told: str) -> None:
    here = Place.of(Snapshot("file:///a.txt", None, "x\n\n", "plaintext"), Position(1, 0))
    assert apply(CUTTING, Draft(text), here).dropped_by == UNSEEN
    kept = apply(CUTTING, Draft(f"a = 1\n{text}\nb = 2"), here)
    assert kept.draft.text == "a = 1"


def test_a_fix_that_brings_it_is_not_offered() -> None:
    document = Snapshot("file:///a.py", None, "if admin:\n    go()\n", "python")
    index = LineIndex(document.text)
    finding = Finding(
        "review.security", Severity.MAJOR, "T", "", "a.py", index.range_of(0, 9), "if admin:",
        1.0, "0" * 16, replacement="if adm\u0456n:",
    )  # fmt: skip
    assert reason_against(finding, document) == HIDING
    assert checked(finding, document).replacement is None


@pytest.mark.parametrize("text", [text for text, told in HOSTILE.values() if "place" not in told])
def test_prose_has_none_of_it(text: str) -> None:
    assert not unseen(cleaned(text, 1000))
