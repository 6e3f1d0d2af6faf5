r"""The place of a completion: a bounded window around the cursor, with `\n` endings only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.actions.completion.brackets import left_open

if TYPE_CHECKING:
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

WINDOW_LINES = 200
"""Lines on each side of the cursor that are looked at."""

WINDOW_CHARACTERS = 20_000
"""Characters on each side; a minified file has only one line."""

CLOSERS = ")]}>\"'`"
_LOOSE = re.compile(r"[\s)\]}>\"'`;,:]*\Z")
_BEGINNING = re.compile(
    r"""\s*(?: (?:async\s+)?def\s+\w+\( | class\s+\w+[(:{<] | @\w+\b(?!\s\w)
    | (?:export|public|private|protected)\s | (?:pub\s+)?(?:fn|impl|struct|enum)\s+\w+
    | func\s | (?:async\s+)?function\s+\w+\( | static\s+\w+
    | (?:async\s+)?\w+\(.*\)\s*(?::.*)?\{\s*\Z | /\* | \}\s*;?\s*\Z )""",
    re.VERBOSE,
)
_TABBED = ("go", "makefile")
_WORD = re.compile(r"\w+\Z")
_INDENTATION = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Place:
    r"""What stands around a cursor.

    Attributes:
        before: the text before the cursor, from the start of some line on; lines end by `\n`.
        after: the text behind it.
        language: the LSP language identifier.
    """

    before: str
    after: str
    language: str = "plaintext"

    @classmethod
    def of(cls, snapshot: Snapshot, at: Position) -> Place:
        """Take the window around a position of a document."""
        index = snapshot.index
        offset = index.offset_at(at)
        at = index.position_at(offset)  # a place behind the text is its end
        first = index.starts[_first_line(index, at.line)]
        before = snapshot.text[max(first, offset - WINDOW_CHARACTERS) : offset]
        if at.line + WINDOW_LINES + 1 < index.line_count:
            last = index.starts[at.line + WINDOW_LINES + 1]
        else:
            last = len(snapshot.text)
        after = snapshot.text[offset : min(last, offset + WINDOW_CHARACTERS)]
        return cls(line_feeds(before), line_feeds(after), snapshot.language)

    @cached_property
    def line(self) -> str:
        """The cursor's line up to the cursor."""
        return self.before.rpartition("\n")[2]

    @property
    def word(self) -> str:
        """The part of a word right before the cursor, "" if there is none."""
        match = _WORD.search(self.line)
        return match.group() if match else ""

    @cached_property
    def nearby(self) -> str:
        """The text before the cursor from the nearest definition, comment or block end on."""
        start = len(self.before) - len(self.line)
        while start > 0:
            start = self.before.rfind("\n", 0, start - 1) + 1
            if _BEGINNING.match(self.before[start : self.before.find("\n", start)]):
                return self.before[start:]
        return self.before

    @cached_property
    def rest(self) -> str:
        """The cursor's line from the cursor on."""
        return self.after.partition("\n")[0]

    @cached_property
    def following(self) -> list[str]:
        """The lines below the cursor's."""
        return self.after.split("\n")[1:]

    @cached_property
    def next_line(self) -> str:
        """The next line that is not blank, without blanks at its end; "" if there is none."""
        return next((line.rstrip() for line in self.following if line.strip()), "")

    @cached_property
    def previous_line(self) -> str:
        """The line before the cursor's that is not blank; "" if there is none."""
        lines = self.before.split("\n")[-2::-1]
        return next((line.rstrip() for line in lines if line.strip()), "")

    @property
    def blank(self) -> bool:
        """Whether nothing but blanks stands before the cursor on its line."""
        return not self.line.strip()

    @property
    def loose(self) -> bool:
        """Whether nothing but closers and separators follows on the line."""
        return _LOOSE.match(self.rest) is not None

    @property
    def indent(self) -> int:
        """The width of the cursor line's indentation; a tab counts as one unit's width."""
        return self.width(indentation(self.line))

    @property
    def unit(self) -> str:
        """What one step of indentation is in this document: a tab or some spaces."""
        return self.known_unit or ("\t" if self.language in _TABBED else "    ")

    @cached_property
    def known_unit(self) -> str:
        """The same as far as the lines around the cursor tell it, else ""."""
        tabs = spaces = last = 0
        steps: dict[int, int] = {}
        for line in (*self.before.split("\n"), *self.following):
            lead = indentation(line)
            # One blank is the margin of a comment.
            if lead == " " or (not line.strip() and line != self.line):
                continue
            tabs += lead.startswith("\t")
            spaces += lead.startswith(" ")
            step = len(lead) - last
            if step > 1 and "\t" not in lead:
                steps[step] = steps.get(step, 0) + 1
            last = len(lead)
        if tabs > spaces:
            return "\t"
        return " " * max(steps, key=lambda step: (steps[step], -step), default=0)

    @cached_property
    def left_open(self) -> tuple[str, ...]:
        """The brackets that are open at the cursor, the outermost first."""
        return tuple(left_open(self.before))

    def width(self, lead: str) -> int:
        """Return how many columns an indentation takes."""
        step = 4 if self.unit == "\t" else len(self.unit)
        return sum(step if character == "\t" else 1 for character in lead)

    def indent_of(self, line: str) -> int:
        """Return the width of a line's indentation."""
        return self.width(indentation(line))


def _first_line(index: LineIndex, line: int) -> int:
    """Return the line at which a window begins: not in the middle of a string or a comment.

    It begins at a definition, a comment or the end of a block, as hardly a line of text does.
    """
    farthest = line - WINDOW_LINES
    if farthest <= 0:
        return 0
    for number in range(farthest, farthest + WINDOW_LINES // 2):
        if _BEGINNING.match(index.line(number)):
            return number
    return farthest


def indentation(line: str) -> str:
    """Return the blanks that a line begins with."""
    match = _INDENTATION.match(line)
    return match.group() if match else ""


def line_feeds(text: str) -> str:
    """Return a text with line feeds only."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
