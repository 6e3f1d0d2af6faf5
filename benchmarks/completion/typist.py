"""Somebody who types a known text, with pauses and slips, and takes suggestions that are right.

Pure: the same chance makes the same keys.
"""

from __future__ import annotations

import ast
import math
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SLIPS = 0.03
"""Share of the keys that are wrong, and taken back by the next one."""

ATTENTION = 0.5
"""Share of the keys before which the typist looks at what is suggested."""

SHORTEST_TAKEN = 3
"""A shorter suggestion is typed rather than taken."""

_USUAL_S, _SPREAD = 0.16, 0.35
_AT_WORD, _AT_LINE = 0.1, 0.4
_THINKING_S = (0.5, 2.0)
_NEXT_LINE = re.compile(r"\n[ \t]*")
_SMALLEST, _LARGEST = 4, 30


class Key(NamedTuple):
    """One thing that the typist does.

    Attributes:
        kind: "take" is one key however long its text.
        text: what it adds to the buffer; empty for a step back.
    """

    kind: Literal["type", "slip", "back", "take"]
    text: str


class Typist:
    """Types a text to its end.

    Attributes:
        typed: what stands in the buffer now.

    Args:
        target: the text.
        chance: decides on pauses, slips and looks.
    """

    def __init__(self, target: str, chance: random.Random) -> None:
        self.typed = ""
        self._target = target
        self._chance = chance

    @property
    def done(self) -> bool:
        return self.typed == self._target

    @property
    def rest(self) -> str | None:
        """What is still to be typed; None after a slip."""
        known = self._target.startswith(self.typed)
        return self._target[len(self.typed) :] if known else None

    def pause(self) -> float:
        """Return the seconds before the next key."""
        seconds = _USUAL_S * math.exp(self._chance.gauss(0, _SPREAD))
        last = self.typed[-1:]
        thinks = _AT_LINE if last in ("", "\n") or self._begins_line() else _AT_WORD
        if (last.isspace() or not last) and self._chance.random() < thinks:
            seconds += self._chance.uniform(*_THINKING_S)
        return seconds

    def key(self, shown: str) -> Key:
        """Press the next key.

        Args:
            shown: what is suggested now.
        """
        rest = self.rest
        # Drawn for every key, so that one suggestion more or less does not change the slips.
        looks, slips = self._chance.random() < ATTENTION, self._chance.random() < SLIPS
        if rest is None:
            self.typed = self.typed[:-1]
            return Key("back", "")
        if looks and len(shown) >= SHORTEST_TAKEN and rest.startswith(shown):
            self.typed += shown
            return Key("take", shown)
        line = _NEXT_LINE.match(rest)
        if line is not None:
            # The editor indents the new line.
            self.typed += line[0]
            return Key("type", line[0])
        if slips and rest[0].isalpha():
            wrong = "x" if rest[0] != "x" else "y"
            self.typed += wrong
            return Key("slip", wrong)
        self.typed += rest[0]
        return Key("type", rest[0])

    def _begins_line(self) -> bool:
        return not self.typed.rpartition("\n")[2].strip()


class HeldOut(NamedTuple):
    """A function whose body is to be typed: what stands before, the body, what stands behind."""

    before: str
    body: str
    after: str


def held_out(text: str) -> Iterator[HeldOut]:
    """Yield the functions of a Python file that are neither tiny nor huge, without their bodies."""
    if not text.isascii() or "\r" in text or "\f" in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first, last = node.body[0].lineno - 1, node.end_lineno or 0
        if not _SMALLEST <= last - first <= _LARGEST or first <= node.lineno - 1:
            continue
        before = "".join(lines[:first])
        body = "".join(lines[first:last]).rstrip()
        # The line break before the body is typed too.
        yield HeldOut(before[:-1], "\n" + body, "\n" + "".join(lines[last:]))
