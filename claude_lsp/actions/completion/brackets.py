"""Brackets and quotes of small texts, without a grammar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_lsp.actions.completion.place import Place

PAIRS = {")": "(", "]": "[", "}": "{"}
OPENERS, CLOSERS, QUOTES = frozenset(PAIRS.values()), frozenset(PAIRS), frozenset("\"'`")
_MARK = re.compile(r"\\.|[()\[\]{}\"'`\n]", re.DOTALL)


def brackets(text: str) -> list[tuple[int, str]]:
    """Return the brackets outside strings, each with its offset."""
    found = []
    quote = ""
    for match in _MARK.finditer(text):
        mark, offset = match.group(), match.start()
        if quote:
            quote = "" if mark in (quote, "\n") else quote
        elif mark in QUOTES:
            quote = mark if _begins_string(text, offset) else ""
        elif mark in OPENERS or mark in CLOSERS:
            found.append((offset, mark))
    return found


def _begins_string(text: str, offset: int) -> bool:
    """Return whether a quote begins a string that ends on its line; an apostrophe does not."""
    line_end = text.find("\n", offset)
    return text.find(text[offset], offset + 1, line_end if line_end >= 0 else len(text)) >= 0


def unopened(text: str, quoted: str = "") -> str:
    """Return the closers without an opener before them, in their order.

    Args:
        text: the text.
        quoted: the quote that stands open where the text begins; it counts as an opener.
    """
    missing = ""
    if quoted:
        _, found, text = text.partition(quoted)
        if not found:
            return ""
        missing = quoted
    depth = 0
    for _, mark in brackets(text):
        if mark in OPENERS:
            depth += 1
        elif depth:
            depth -= 1
        else:
            missing += mark
    return missing


def left_open(text: str) -> list[str]:
    """Return the openers of a text that are not closed in it, the outermost first.

    The text may begin in the middle, so closers without opener are passed over.
    """
    opened: list[str] = []
    for _, mark in brackets(text):
        if mark in OPENERS:
            opened.append(mark)
        elif opened:
            opened.pop()
    return opened


def open_quote(place: Place) -> str:
    """Return the quote that the cursor stands between, "" if there is none."""
    rest = place.rest.lstrip()
    if rest[:1] in tuple(QUOTES) and place.line.count(rest[0]) % 2 == 1:
        return rest[0]
    return ""
