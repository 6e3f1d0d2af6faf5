"""Typing without a clock and without a server: when to ask, how long to wait, what is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.actions.completion.decide import Keystroke, trigger_for, wanted, worth_asking
from claude_lsp.actions.completion.place import Place
from claude_lsp.actions.completion.recent import Recent, Suggestion, Where, agrees
from claude_lsp.actions.completion.rhythm import PerMinute, Rhythm
from claude_lsp.context.assemble import CURSOR_MARK
from claude_lsp.settings import Completion
from claude_lsp.text.snapshots import Snapshot

CAREFUL = Completion(in_comments=False, in_strings=False)


def where(document: str, uri: str = "file:///w/a.py") -> Where:
    offset = document.index(CURSOR_MARK)
    snapshot = Snapshot(uri, 1, document.replace(CURSOR_MARK, ""), "python")
    return Where.of(snapshot, snapshot.index.position_at(offset))


def place(document: str, language: str = "python") -> Place:
    before, after = document.split(CURSOR_MARK)
    return Place(before, after, language)


# ----- whether to ask


@pytest.mark.parametrize(
    ("options", "language", "origin", "found"),
    [
        ({}, "python", "a.py", "automatic"),
        ({"trigger": "off"}, "python", "a.py", "off"),
        ({"triggers": {"markdown": "manual"}}, "markdown", "a.md", "manual"),
        ({"triggers": {"markdown": "manual"}}, "python", "a.py", "automatic"),
        ({"triggers": {"*.lock": "off"}}, "toml", "deep/down/uv.lock", "off"),
        (
            {"triggers": {"docs/*": "off", "docs/new/*": "automatic"}},
            "x",
            "docs/new/a",
            "automatic",
        ),
        ({"trigger": "off", "triggers": {"go": "manual"}}, "go", "a.go", "manual"),
    ],
)
def test_trigger_by_language_and_glob(
    options: dict[str, object], language: str, origin: str, found: str
) -> None:
    trigger, setting = trigger_for(language, origin, Completion(**options))  # type: ignore[arg-type]
    assert trigger == found
    assert setting.startswith("completion.trigger")


def test_what_the_settings_refuse() -> None:
    assert not wanted(("off", "s"), asked=True).ask
    assert not wanted(("manual", "s"), asked=False).ask
    assert wanted(("manual", "s"), asked=True).ask
    assert wanted(("manual", "completion.trigger"), asked=False).reason == (
        "completion.trigger is manual"
    )


@pytest.mark.parametrize(
    ("document", "language", "key", "reason"),
    [
        ("x = <CURSOR/>", "python", Keystroke(), ""),
        ("x = fo<CURSOR/>o", "python", Keystroke(), "in the middle of a word"),
        ("x = fo<CURSOR/>o", "python", Keystroke(asked=True), ""),
        ("x = foo<CURSOR/>)", "python", Keystroke(), ""),
        ("x = <CURSOR/>foo", "python", Keystroke(), ""),
        ("x = <CURSOR/>", "python", Keystroke(deleted=True), "text was deleted"),
        ("x = <CURSOR/>", "python", Keystroke(read_only=True), "the file is read-only"),
        ("# now <CURSOR/>", "python", Keystroke(), "in a comment"),
        ("x = 1  # now <CURSOR/>\ny = 2", "python", Keystroke(), "in a comment"),
        ("/* now <CURSOR/> */ int x;", "c", Keystroke(), "in a comment"),
        ("/* now */ <CURSOR/>", "c", Keystroke(), ""),
        ("x = 'a <CURSOR/>'", "python", Keystroke(), "in a string"),
        ("x = 'a <CURSOR/>", "python", Keystroke(), "in a string"),
        ('s := "a <CURSOR/>"', "go", Keystroke(), "in a string"),
        ("const s = `a ${<CURSOR/>}`", "typescript", Keystroke(), ""),
        ("fn f<'a>(x: &<CURSOR/>", "rust", Keystroke(), ""),
        ('let s = "a <CURSOR/>";', "rust", Keystroke(), "in a string"),
        ("# it's <CURSOR/>", "yaml", Keystroke(), "in a comment"),
        ("key: it's <CURSOR/>", "yaml", Keystroke(), ""),
        ("-- why <CURSOR/>", "sql", Keystroke(), "in a comment"),
        ("don't <CURSOR/>", "markdown", Keystroke(), ""),
        ("<!-- why <CURSOR/> -->", "html", Keystroke(), "in a comment"),
        ('"""Doc <CURSOR/>\n"""', "python", Keystroke(), "in a string"),
    ],
)
def test_where_it_is_worth_asking(
    document: str, language: str, key: Keystroke, reason: str
) -> None:
    decision = worth_asking(place(document, language), key, CAREFUL)
    assert decision.reason == reason
    assert decision.ask == (not reason)


# ----- how long to wait


def test_somebody_unknown_gets_the_usual_pause() -> None:
    assert Rhythm().pause(0.15) == 0.15


@pytest.mark.parametrize(
    ("gap", "shortest", "longest"),
    [(0.03, 0.07, 0.08), (0.08, 0.12, 0.14), (0.2, 0.3, 0.34), (1.0, 0.37, 0.38)],
)
def test_the_pause_follows_the_rhythm(gap: float, shortest: float, longest: float) -> None:
    rhythm = Rhythm()
    for number in range(20):
        rhythm.key(number * gap)
    assert shortest <= rhythm.pause(0.15) <= longest
    assert rhythm.pause(0.15) > gap or gap > 0.3, "no request between two keys"
    assert rhythm.pause(0) == 0


def test_thinking_is_no_rhythm_and_slow_answers_lengthen_the_pause() -> None:
    rhythm = Rhythm()
    for now in (0, 0.1, 0.2, 60, 60.1):
        rhythm.key(now)
    quick = rhythm.pause(0.15)
    assert quick == pytest.approx(0.16)
    rhythm.answered(1.0)
    assert rhythm.pause(0.15) == pytest.approx(quick + 0.1)


def test_so_many_a_minute() -> None:
    counter = PerMinute()
    assert [counter.take(now, 2) for now in (0, 1, 2, 59, 60, 60.5, 61)] == [
        *(True, True, False, False, True, False, True),
    ]
    assert not PerMinute().take(0, 0)


# ----- what is known already


def known(document: str, text: str, covers: int = 0) -> Recent:
    recent = Recent()
    recent.add(where(document), Suggestion(text, covers), 0)
    return recent


@pytest.mark.parametrize(
    ("asked", "text", "later", "found"),
    [
        ("x = <CURSOR/>\n", "foo(1)", "x = <CURSOR/>\n", Suggestion("foo(1)")),
        ("x = <CURSOR/>\n", "foo(1)", "x = fo<CURSOR/>\n", Suggestion("o(1)")),
        ("x = <CURSOR/>\n", "foo(1)", "x = fa<CURSOR/>\n", None),
        ("x = <CURSOR/>\n", "foo(1)", "x = foo(1)<CURSOR/>\n", None),
        ("x = <CURSOR/>\n", "foo(1)", "y = fo<CURSOR/>\n", None),
        ("x = <CURSOR/>\n", "foo(1)", "x = fo<CURSOR/>\nz\n", None),
        # The editor has put the closer there.
        ("x = <CURSOR/>\n", "foo(1)", "x = foo(<CURSOR/>)\n", Suggestion("1)", 1)),
        ("x = <CURSOR/>\n", "foo", "x = fo<CURSOR/>)\n", None),
        # Going back.
        ("x = foo<CURSOR/>\n", "(1)", "x = f<CURSOR/>\n", Suggestion("oo(1)")),
        ("x = foo<CURSOR/>\n", "(1)", "x = <CURSOR/>\n", Suggestion("foo(1)")),
        ("x\ny<CURSOR/>\n", "(1)", "x<CURSOR/>\n", None),
        # Several lines, with the editor's own indentation.
        ("if x:<CURSOR/>", "\n    a\n    b", "if x:\n    <CURSOR/>", Suggestion("a\n    b")),
        ("if x:<CURSOR/>", "\r\n    a", "if x:\r\n    <CURSOR/>", Suggestion("a")),
        ("print(<CURSOR/>)", "a);", "print(a<CURSOR/>)", None),
    ],
)
def test_typed_along_and_back(asked: str, text: str, later: str, found: Suggestion | None) -> None:
    covers = 1 if text == "a);" else 0
    result = known(asked, text, covers).find(where(later), 1)
    if covers:
        assert result == Suggestion(");", 1)
    else:
        assert result == found


def test_nothing_to_suggest_is_known_only_there() -> None:
    recent = known("x = 1<CURSOR/>\n", "")
    assert recent.find(where("x = 1<CURSOR/>\n"), 1) == Suggestion("")
    assert recent.find(where("x = 1 <CURSOR/>\n"), 1) is None


def test_the_same_place_further_down_is_known_and_another_document_is_not() -> None:
    body = "a" * 2000
    recent = known(f"{body}<CURSOR/>\n", "foo")
    assert recent.find(where(f"# one more line\n{body}<CURSOR/>\n"), 1) == Suggestion("foo")
    assert recent.find(where(f"{body}<CURSOR/>\n", "file:///w/b.py"), 1) is None


def test_suggestions_are_forgotten() -> None:
    recent = Recent(most=3, seconds=10)
    for number in range(4):
        recent.add(where(f"x{number} = <CURSOR/>\n"), Suggestion(str(number)), number)
    found = [recent.find(where(f"x{number} = <CURSOR/>\n"), 11.5) for number in range(4)]
    assert found == [None, None, Suggestion("2"), Suggestion("3")]


@given(st.text("ab\n(", max_size=20), st.text("ab\n(", min_size=1, max_size=20), st.data())
def test_typing_along_shows_the_rest(before: str, text: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(text)))
    recent = known(f"{before}{CURSOR_MARK}", text)
    found = recent.find(where(f"{before}{text[:count]}{CURSOR_MARK}"), 1)
    if text[count:].strip():
        assert found == Suggestion(text[count:])
    else:
        assert found is None or count == 0


@pytest.mark.parametrize(
    ("begun", "typed", "same"),
    [
        ("", "anything", True),
        ("foo", "", True),
        ("foo(", "fo", True),
        ("fo", "foo", True),
        ("foo", "fa", False),
        ("\n    a", "\r\n    ", True),
    ],
)
def test_whether_a_stream_is_what_is_typed(begun: str, typed: str, same: bool) -> None:
    assert agrees(begun, typed) is same
