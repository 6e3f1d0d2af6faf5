"""An instruction that the user wrote into the document: `claude: make it iterative` in a comment.

It serves editors that can't ask for a line of text, and stands in or right above the selection.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import split_lines, without_ending
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace.languages import block_comment, line_comment

if TYPE_CHECKING:
    from claude_lsp.text.snapshots import Snapshot

_MOST_LINES = 2000
_OPENERS = ("//", "#", "--", ";", "%", "/*", "<!--")
"""Of comments, for languages whose own are not known."""
_EMBEDDED = ("{/*", "/*", "<!--")
"""Of comments within markup, which may stand in any of the languages around it."""
_MARKUP = frozenset({"html", "vue", "svelte", "javascriptreact", "typescriptreact", "markdown"})


class Instruction(NamedTuple):
    """What the user asks for, and what stands in the document only for that.

    Attributes:
        text: the instruction.
        range: the comment; with its line where nothing else stands on it.
    """

    text: str
    range: Range


def find_instruction(snapshot: Snapshot, span: Range) -> Instruction | None:
    """Return the first instruction in a selection or on the line right above it, None if none."""
    index, pattern = snapshot.index, _pattern(snapshot.language)
    start, end = span
    # A selection of whole lines ends at the start of the line behind it.
    last = end.line - 1 if end.column == 0 and end.line > start.line else end.line
    for number in range(max(0, start.line - 1), min(last, start.line + _MOST_LINES) + 1):
        line = index.line(number)
        match = pattern.search(line) if "claude" in line.lower() else None
        if match is None or not match["text"]:
            continue
        if line[: match.start()].strip():
            place = Range(Position(number, match.start()), Position(number, len(line)))
        else:
            place = Range(Position(number, 0), Position(number + 1, 0))
            if number + 1 >= index.line_count:
                place = Range(place.start, Position(number, len(line)))
        return Instruction(match["text"], place)
    return None


def without_instruction(text: str, language: str) -> str:
    """Return a new text without the instruction, which models like to keep."""
    if "claude" not in text.lower():
        return text
    pattern = _pattern(language)
    kept: list[str] = []
    for line in split_lines(text):
        content = without_ending(line)
        match = pattern.search(content)
        if match is None:
            kept.append(line)
        elif content[: match.start()].strip():
            kept.append(content[: match.start()] + line[len(content) :])
    return "".join(kept)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    block = block_comment(language)
    own = [line_comment(language), block[0] if block else None]
    openers = [opener for opener in own if opener] or list(_OPENERS)
    if language in _MARKUP:
        openers += _EMBEDDED
    wanted = sorted({re.escape(opener) for opener in openers}, key=len, reverse=True)
    return re.compile(
        rf"(?:^|\s)\s*(?:{'|'.join(wanted)})[^\w\s]*\s*claude:\s*(?P<text>.*?)"
        r"\s*(?:\*/\}?|-->|\*\))?\s*$",
        re.IGNORECASE,
    )
