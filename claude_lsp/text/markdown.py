"""Fenced code blocks of Markdown, told line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import without_ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Deeper than CommonMark allows, since blocks in lists are indented by as much as they like.
_MARK = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"""(?<!\S)(?P<name>\w+)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))""")


class Fences:
    """Whether lines stand in a fence, told as they come.

    Attributes:
        mark: of the fence that is open, "" outside of all.
        info: what stands behind that mark.
    """

    def __init__(self) -> None:
        self.mark = ""
        self.info = ""

    def takes(self, line: str) -> bool:
        """Take the next line; tell whether it belongs to a fence, marks included."""
        inside = bool(self.mark)
        if "```" not in line and "~~~" not in line:
            return inside
        match = _MARK.match(without_ending(line))
        if match is None:
            return inside
        mark, info = match["mark"], match["info"].strip()
        if not inside:
            if mark[0] == "`" and "`" in info:
                return False  # code within a line
            self.mark, self.info = mark, info
        elif mark.startswith(self.mark) and not info:
            self.mark = self.info = ""
        return True


class Fence(NamedTuple):
    """One fenced block.

    Attributes:
        info: what stands behind its first mark.
        first: the line of the first mark, 0-based.
        last: the line of the second; the last line of the text where there is none.
        closed: whether there is one.
    """

    info: str
    first: int
    last: int
    closed: bool

    @property
    def language(self) -> str:
        """The first word of the info, unless that is an attribute."""
        word = self.info.split(maxsplit=1)[:1]
        return word[0] if word and "=" not in word[0] else ""

    def attribute(self, name: str) -> str:
        """Return the value of `name=value` in the info, "" if it is not there."""
        for match in _ATTRIBUTE.finditer(self.info):
            if match["name"] == name:
                return match["quoted"] if match["quoted"] is not None else match["bare"]
        return ""

    def content(self, lines: Sequence[str]) -> str:
        """Return what stands between the marks; `lines` are those of the whole text."""
        return "".join(lines[self.first + 1 : self.last + (not self.closed)])


def fences(lines: Iterable[str]) -> Iterator[Fence]:
    """Yield the fenced blocks of a text, given by its lines."""
    state, first, info, number = Fences(), -1, "", -1
    for number, line in enumerate(lines):
        before = state.mark
        state.takes(line)
        if state.mark and not before:
            first, info = number, state.info
        elif before and not state.mark:
            yield Fence(info, first, number, closed=True)
    if state.mark:
        yield Fence(info, first, number, closed=False)
