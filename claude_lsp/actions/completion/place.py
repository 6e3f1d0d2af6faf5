r"""The place of a completion: a bounded window around the cursor, with `\n` endings only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.actions.completion.brackets import left_open

if TYPE_CHECKING:
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

WINDOW_LINES = 200
"""Lines on each side of the cursor that are looked at."""

WINDOW_CHARACTERS = 20_000
"""Characters on each side; a minified file has only one line."""

CLOSERS = ")]}>\"'`"
_LOOSE = re.compile(r"[\s)\]}>\"'`;,:]*\Z")
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
        first = index.starts[max(0, at.line - WINDOW_LINES)]
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

    @cached_property
    def unit(self) -> str:
        """What one step of indentation is in this document: a tab or some spaces."""
        lines = [*self.before.split("\n"), *self.following]
        tabs = spaces = 0
        steps: dict[int, int] = {}
        last = 0
        for line in lines:
            if not line.strip():
                continue
            lead = indentation(line)
            if lead.startswith("\t"):
                tabs += 1
            elif lead:
                spaces += 1
            step = len(lead) - last
            if step > 1 and "\t" not in lead:
                steps[step] = steps.get(step, 0) + 1
            last = len(lead)
        if tabs > spaces:
            return "\t"
        if not steps:
            return "\t" if self.language in ("go", "makefile") else "    "
        return " " * max(steps, key=lambda step: (steps[step], -step))

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


def indentation(line: str) -> str:
    """Return the blanks that a line begins with."""
    match = _INDENTATION.match(line)
    return match.group() if match else ""


def line_feeds(text: str) -> str:
    """Return a text with line feeds only."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
