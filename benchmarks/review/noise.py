"""How models misquote: eight ways to quote some lines, and line numbers that are off.

How far line numbers are off can't be measured without a model: half of them are right, 30 % are
within 5 lines and 20 % within 40. An assumption, to be recalibrated on recorded answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

NEAR, FAR = 5, 40
"""The most lines that a number is off where it is a little, and where it is very wrong."""
_RIGHT, _NEARLY = 0.5, 0.8
LONGEST = 5
"""Lines of a quote, at the most."""


def quoted(
    lines: list[str],
    line: int,
    style: str,
    chance: random.Random,
    *,
    least: int = 1,
    most: int = LONGEST,
) -> str:
    """Return some lines from one on, as a model quotes them.

    Args:
        lines: all lines of the text, without endings.
        line: the first one quoted, 0-based.
        style: one of `STYLES`.
        chance: decides how many, and what goes wrong.
        least: how many lines at the least; something is left out only of three or more.
        most: how many lines at the most.
    """
    size = chance.randint(min(max(least, 3 if style == "ellipsis" else 1), most), most)
    taken = lines[line : line + size]
    while taken and not taken[-1].strip():
        taken.pop()
    return "\n".join(STYLES[style](taken, chance))


def off_by(chance: random.Random) -> int:
    """Return by how many lines a model's line number is off."""
    dice = chance.random()
    if dice < _RIGHT:
        return 0
    most = NEAR if dice < _NEARLY else FAR
    return chance.randint(-most, most)


def invented(text: str, other: list[str], chance: random.Random) -> str | None:
    """Return lines of another text that do not stand in this one; None if none were found."""
    there = _squeezed(text)
    for _ in range(20):
        line = chance.randrange(len(other))
        quote = "\n".join(other[line : line + chance.randint(1, 4)])
        if len(_squeezed(quote)) >= 12 and _squeezed(quote) not in there:
            return quote
    return None


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace("'", '"')


def _dedented(lines: list[str], _: random.Random) -> list[str]:
    indent = len(lines[0]) - len(lines[0].lstrip())
    return [line[indent:] if not line[:indent].strip() else line.lstrip() for line in lines]


def _elided(lines: list[str], _: random.Random) -> list[str]:
    return [lines[0], "...", lines[-1]] if len(lines) > 2 else lines


def _truncated(lines: list[str], chance: random.Random) -> list[str]:
    last = lines[-1]
    keep = max(len(last) - len(last.lstrip()) + 8, int(len(last) * chance.uniform(0.5, 0.95)))
    return [*lines[:-1], last[:keep]]


def _with_slips(lines: list[str], chance: random.Random) -> list[str]:
    text = list("\n".join(lines))
    for _ in range(max(1, len(text) // 60)):
        place = chance.randrange(len(text))
        if text[place].isalnum():
            text[place] = chance.choice(["", text[place] * 2, "e"])
    return "".join(text).split("\n")


STYLES: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "exact": lambda lines, _: lines,
    "dedented": _dedented,
    "diff prefix": lambda lines, _: ["+" + line for line in lines],
    "numbered": lambda lines, chance: [
        f"{chance.randrange(1, 900) + number}: {line}" for number, line in enumerate(lines)
    ],
    "ellipsis": _elided,
    "truncated": _truncated,
    "quotes changed": lambda lines, _: [
        line.translate(str.maketrans("'\"", "\"'")) for line in lines
    ],
    "slips": _with_slips,
}
"""From lines to the lines of a quote."""
