"""What a function looks like, in a few numbers: functions that are nearly equal share some.

Names, numbers and texts are all alike here, so that a copy whose variables were renamed still has
the shape of what it was copied from.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.lookup import distinct
from claude_lsp.workspace.index.records import Shape
from claude_lsp.workspace.index.segment import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claude_lsp.workspace.index.records import Symbol
    from claude_lsp.workspace.index.segment import U64

LEAST_LINES = 7
"""Lines of a definition from which on it has a shape."""

LEAST_TOKENS = 14
"""Tokens of a body below which it is like too many others."""

MOST_TOKENS = 20_000
RUN = 8
"""Tokens of a run."""

_MOST_SHAPES = 2_000
_MOST_HEAD = 2_000
NAME = 1
"""The code of every name."""

_NUMBER, _TEXT = 2, 3
CHOSEN = frozenset({NAME, _NUMBER, _TEXT})
"""The codes of what has no meaning of its own in the language."""

# Texts with their prefixes, and names, numbers, marks.
_PREFIX = r"(?:[rRbBuUfF]{1,2}(?=[\"']))?"
_STRINGS = rf"{_PREFIX}(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
_LONG = rf"{_PREFIX}(?:\"\"\".*?\"\"\"|'''.*?''')"
_REST = r"[^\W\d][\w$]*|\d[\w.]*|[^\w\s]"
_HASH = re.compile(rf"#[^\n]*|{_LONG}|{_STRINGS}|{_REST}", re.DOTALL)
_SLASHES = re.compile(rf"//[^\n]*|/\*.*?\*/|`(?:[^`\\]|\\.)*`|{_STRINGS}|{_REST}", re.DOTALL)
_WORDS = """
and as assert async await break catch class continue def del elif else except false False finally
for foreach from global if import in is lambda nil None nonlocal not null or pass raise return
switch throw true True try while with yield
"""
_KEYWORDS = frozenset(_WORDS.split())
"""Words that are no names in any language; those of one may be variables in another."""
_FORMATTED = frozenset(",;()")
_OPENERS, _CLOSERS = frozenset("([{"), frozenset(")]}")


class _Codes(dict[str, int]):
    """The code of each token, found once for each that is different."""

    def __missing__(self, token: str) -> int:
        if len(self) > 200_000:
            self.clear()
        code = self[token] = _code(token)
        return code


_codes = _Codes()


def shapes(symbols: Sequence[Symbol], text: str, comment: str) -> tuple[Shape, ...]:
    """Return the shapes of a file's functions and methods that are long enough to have one.

    Args:
        symbols: its definitions.
        text: the file, with line feeds only.
        comment: what starts a line comment.
    """
    long = [
        (position, one)
        for position, one in enumerate(symbols)
        if one.kind in {"function", "method"} and one.end - one.line + 1 >= LEAST_LINES
    ]
    if not long:
        return ()
    lines = text.split("\n")
    found = []
    for position, one in islice(long, _MOST_SHAPES):
        codes, _ = body("\n".join(lines[one.line : one.end + 1]), comment)
        if LEAST_TOKENS <= len(codes) <= MOST_TOKENS:
            # The smallest are a sample that is the same for the same body (Broder, 1997).
            hashes = distinct(runs(codes))[:MARKS] >> np.uint64(32)
            if len(hashes) == MARKS:
                found.append(Shape(position, len(codes), tuple(hashes.tolist())))
    return tuple(found)


def body(text: str, comment: str) -> tuple[U64, list[str]]:
    """Return the codes of the tokens of a definition's body, and these tokens.

    A name that says what something of others is called, an attribute or a keyword argument, has a
    dot in front.

    The head is left out, where it can be told: two implementations of one interface share it. So is
    what a formatter puts in and takes out: commas, parentheses, where a long text is cut.

    Args:
        text: the lines of one definition.
        comment: what starts a line comment.
    """
    tokens = (_HASH if comment == "#" else _SLASHES).findall(text)
    tokens = tokens[_body_start(tokens) :]
    coded = zip(map(_codes.__getitem__, tokens), _with_dots(tokens), strict=True)
    found = [pair for pair in coded if pair[0]]
    kept = [
        pair
        for pair, (before, _) in zip(found, [(0, ""), *found], strict=False)
        if pair[0] != _TEXT or before != _TEXT
    ]
    return np.array([code for code, _ in kept], np.uint64), [one for _, one in kept]


def _with_dots(tokens: Sequence[str]) -> Iterator[str]:
    """Yield tokens, with a dot in front of names of attributes and of keyword arguments."""
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        is_keyword = after == "=" and before in {"(", ","}
        yield f".{token}" if before == "." or is_keyword else token


def runs(codes: U64) -> U64:
    """Return a hash of each run of `RUN` tokens."""
    count = len(codes) - RUN + 1
    if count < 1:
        return np.empty(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for offset in range(RUN):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + codes[offset : offset + count]
        hashes ^= hashes >> np.uint64(29)
    return hashes * np.uint64(0xBF58476D1CE4E5B9)


def _body_start(tokens: Sequence[str]) -> int:
    """Return where the body begins: behind the first colon or brace outside of brackets."""
    depth = 0
    is_called = False
    for place, mark in enumerate(islice(tokens, _MOST_HEAD)):
        if depth == 0 and is_called and mark in {":", "{"}:
            return _annotated(tokens, place) if mark == ":" else place + 1
        if mark in _OPENERS:
            depth += 1
        elif mark in _CLOSERS:
            depth -= 1
            is_called = True
    return 0


def _annotated(tokens: Sequence[str], colon: int) -> int:
    """Return where the body begins if a colon may also announce what is returned (TypeScript)."""
    if tokens[0] in {"def", "async"}:
        return colon + 1
    for place in range(colon, min(len(tokens), colon + 60)):
        if tokens[place] == "{":
            return place + 1
    return colon + 1


def _code(token: str) -> int:
    first = token[0]
    if first == "#" and len(token) > 1:
        return 0
    if token in _FORMATTED or token.startswith(("//", "/*")):
        return 0
    if token[-1] in "\"'`" and len(token) > 1:
        return _TEXT
    if first.isdigit():
        return _NUMBER
    if first.isalpha() or first in "_$":
        return NAME if token not in _KEYWORDS else hash_of(token)
    return hash_of(token)
