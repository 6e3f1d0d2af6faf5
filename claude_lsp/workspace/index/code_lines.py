"""How many lines of a text hold code, counted without its grammar."""

from __future__ import annotations

import re

_BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?(?:\*/[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_QUOTES = frozenset("\"'")
_TRIPLE_QUOTES = ('"""', "'''")
_BARE = re.compile(r"[ \t]*[rRuU]?")
_CONTINUES = (",", "(", "[", "{", "=", "\\", "+", "%")
_LONGEST_END = 200
"""Characters above a line in which the end of what comes before it is looked for."""


def code_lines(text: str, comment: str) -> int:
    """Return how many lines are neither blank nor a comment nor a docstring alone.

    A comment counts as code where it follows code on its line.

    Args:
        text: with line feeds only.
        comment: what starts a line comment: `#` or `//`.
    """
    if comment == "//" and "/*" in text:
        text = _BLOCK_COMMENT.sub("", text)
    # Splitting is twice as fast as a pattern that counts.
    code = _code(text, comment)
    if comment == "//":
        return len(code)
    return len(code) - _short_docstrings(code) - _long_docstring_lines(text, comment)


def _code(text: str, comment: str) -> list[str]:
    first = comment[0]
    return [
        line
        for whole in text.split("\n")
        if (line := whole.strip()) and (line[0] != first or not line.startswith(comment))
    ]


def _short_docstrings(code: list[str]) -> int:
    """Return how many lines are a string of one line that documents what it stands in."""
    quoted = [number for number, line in enumerate(code) if line[0] in _QUOTES]
    return sum(
        1
        for number in quoted
        if code[number][-1] == code[number][0]
        and not code[number].startswith(_TRIPLE_QUOTES)
        and (number == 0 or code[number - 1][-1] == ":")
    )


def _long_docstring_lines(text: str, comment: str) -> int:
    """Return how many lines, of those that look like code, are inside of long bare strings."""
    count = end = 0
    marks = [mark for mark in _TRIPLE_QUOTES if mark in text]
    while found := [start for mark in marks if (start := text.find(mark, end)) >= 0]:
        start = min(found)
        close = text.find(text[start : start + 3], start + 3)
        end = len(text) if close < 0 else close + 3
        line = text.rfind("\n", 0, start) + 1
        above = text[max(0, line - _LONGEST_END) : line].rstrip()
        if _BARE.fullmatch(text, line, start) and not above.endswith(_CONTINUES):
            count += len(_code(text[line:end], comment))
    return count
