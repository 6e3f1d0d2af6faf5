from __future__ import annotations

import base64
import gzip
import hashlib
import os
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.context import tokens
from claude_lsp.context.tokens import Family, cut, estimate, fits, upper_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

families = st.sampled_from(get_args(Family))
CODE = '''class HTTPRequestParser:
    """Parses requests."""

    def read_header(self, limit: int = 8_192) -> dict[str, str]:
        return {name.lower(): value for name, value in self._pairs(limit)}
'''


@pytest.fixture(autouse=True, scope="module")
def _vocabulary() -> Iterator[None]:
    assert tokens.warm()
    yield
    assert tokens.warm()


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_encoding", None)
    monkeypatch.setattr(tokens, "_failure", None)


@given(
    st.lists(
        st.sampled_from(
            [
                "def f(x):",
                "    return x",
                "",
                "  ",
                "\t",
                "HTTPServer",
                "a_b",
                "));",
                "é日本 's",
                "\f",
            ]
        )
    ),
    st.sampled_from(["\n", "\r\n"]),
    families,
)
def test_counting_line_by_line_is_counting_the_whole(
    lines: list[str], ending: str, family: Family
) -> None:
    text = ending.join(lines)
    encoding = tokens._encoding
    assert encoding is not None
    base, fitted, _, _ = tokens._counted(text, encoding)
    whole = base * 1.27 if family == "claude-3" else max(fitted, base)
    assert tokens._expected(text, family) == pytest.approx(whole)


CL100K = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Of the file that is published, by which tiktoken knows it too."""


def test_the_vocabulary_is_the_published_one() -> None:
    encoding = tokens._load()
    assert encoding.max_token_value == tokens.RANKS - 1
    published = hashlib.sha256()
    for rank in range(tokens.RANKS):
        token = base64.b64encode(encoding.decode_single_token_bytes(rank))
        published.update(token + b" %d\n" % rank)
    assert published.hexdigest() == CL100K
    # Counts published with the tokenizer's own documentation.
    assert encoding.encode_ordinary("tiktoken is great!") == [83, 1609, 5963, 374, 2294, 0]
    assert encoding.encode_ordinary("hello world") == [15339, 1917]
    assert len(encoding.encode_ordinary("antidisestablishmentarianism")) == 6
    assert len(encoding.encode_ordinary("2 + 2 = 4")) == 7
    assert len(encoding.encode_ordinary("お誕生日おめでとう")) == 9
    assert encoding.decode(encoding.encode_ordinary(CODE)) == CODE


def test_special_tokens_in_a_text_are_text() -> None:
    assert estimate("<|endoftext|>") > 3


@pytest.mark.parametrize(("family", "counted"), [("claude-3", 58), ("claude-4.7", 76)])
def test_code_costs_what_the_reconstruction_counts(family: Family, counted: int) -> None:
    assert estimate(CODE, family) == pytest.approx(counted, rel=0.15)
    assert counted <= upper_bound(CODE, family) <= counted * 2


def test_a_correction_scales_the_estimate() -> None:
    assert estimate(CODE, correction=2) == pytest.approx(2 * estimate(CODE), abs=1)
    assert upper_bound(CODE, correction=1.1) > upper_bound(CODE)


def test_nothing_costs_nothing() -> None:
    assert estimate("") == upper_bound("") == 0
    assert fits("", 0)
    assert not fits("", -1)
    assert cut("", 10) == cut("text", 0) == cut("text", -1) == ""


@given(text=st.text(max_size=400), family=families)
def test_the_bound_is_above_the_estimate_and_both_above_nothing(text: str, family: Family) -> None:
    assert upper_bound(text, family) >= 0
    if text:
        assert estimate(text, family) > 0
    if text.isascii():
        size = len(text)
        assert upper_bound(text, family) >= min(estimate(text, family), size)


lines = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            ["    return x\n", "\n", "def f():\r\n", "{{{{\n", "aaaa" * 30, "日本語\n"]
        ),
    ),
    max_size=60,
).map("".join)


@settings(deadline=None)
@given(
    text=lines,
    budget=st.integers(-1, 400),
    keep=st.sampled_from(["start", "end"]),
    family=families,
    correction=st.floats(0.5, 2),
)
def test_a_cut_text_never_exceeds_its_budget(
    text: str, budget: int, keep: tokens.End, family: Family, correction: float
) -> None:
    kept = cut(text, budget, keep, family, correction=correction)
    assert upper_bound(kept, family, correction=correction) <= max(0, budget)
    assert text.startswith(kept) if keep == "start" else text.endswith(kept)
    if budget >= 0 and fits(text, budget, family, correction=correction):
        assert kept == text


@given(text=lines, budget=st.integers(0, 300), family=families)
def test_whether_a_text_fits_is_what_its_bound_says(text: str, budget: int, family: Family) -> None:
    assert fits(text, budget, family) == (upper_bound(text, family) <= budget)


def test_cuts_are_made_between_lines_and_keep_most_of_the_budget() -> None:
    text = CODE * 50
    for keep in get_args(tokens.End):
        kept = cut(text, 1_000, keep)
        rest = text[len(kept) :] if keep == "start" else text[: -len(kept)]
        assert (kept if keep == "start" else rest).endswith("\n")
        assert upper_bound(kept) > 900


def test_a_single_long_line_is_cut_within() -> None:
    line = "value = " + "call(argument) + " * 500
    assert 0 < len(cut(line, 100, "start")) < len(line)
    assert cut("short\n" + line, 100, "end").endswith("+ ")
    assert cut("short\n" + line, 100, "start") == "short\n"


@pytest.mark.parametrize("unit", ["a", " ", "\n", "=", "é", "x1_", "\ud800", " \n"])
def test_a_million_of_the_same_is_counted_and_cut(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert estimate(text) > 0
    assert upper_bound(cut(text, 500)) <= 500
    assert not fits("a b" * 300_000, 500)


@pytest.mark.usefixtures("unloaded")
def test_before_the_vocabulary_is_loaded_bytes_are_counted() -> None:
    assert estimate("x" * 100) == 50
    assert estimate("é" * 100) == 100
    assert upper_bound("x" * 100) > 80
    assert upper_bound(cut(CODE * 10, 200)) <= 200
    assert tokens.warm()
    assert tokens.failure() is None


@pytest.mark.usefixtures("unloaded")
def test_a_damaged_vocabulary_is_reported_and_lived_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for damaged in (b"YQ== 0\n", os.urandom(30)):
        monkeypatch.setattr(tokens, "_failure", None)
        monkeypatch.setattr(gzip, "decompress", lambda _, text=damaged: text)
        assert not tokens.warm()
        assert tokens.failure()
        assert estimate("x" * 100) == 50
