"""How often a quoted place is found again: `python -m benchmarks.anchors [FILES] [CLAIMS]`.

Simulated claims over the files of Python's standard library: spans of 1 to 5 lines, quoted in
one of eight ways as models do, with a line number that is right in half of the cases, within 5
lines in 30 % and within 40 in 20 % (an assumption, to be recalibrated on recorded answers).
"Drift" applies 12 random edits to the text after it was sent (half of the insertions are copies
of code that is there), and moves what was found through them. Everything is seeded.
"""

from __future__ import annotations

import random
import re
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.findings.anchor import locate
from claude_lsp.text.edits import Change, TextEdit, apply_edits, change_of, move_range
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Callable


class Sample(NamedTuple):
    """One simulated claim: where it really is (0-based first line), and what the model says."""

    line: int
    quote: str
    hint: int


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


def sample_of(index: LineIndex, style: str, chance: random.Random) -> Sample | None:
    """Return a simulated claim about some place of a text, None if it has no such place."""
    filled = [n for n in range(len(index.lines)) if re.search(r"\w{3}", index.line(n))]
    if not filled:
        return None
    line = chance.choice(filled)
    size = chance.randint(3 if style == "ellipsis" else 1, 5)
    lines = [index.line(n) for n in range(line, min(line + size, len(index.lines)))]
    while lines and not lines[-1].strip():
        lines.pop()
    dice = chance.random()
    off = 0 if dice < 0.5 else chance.randint(-5, 5) if dice < 0.8 else chance.randint(-40, 40)
    quote = "\n".join(STYLES[style](lines, chance))
    return Sample(line, quote, max(1, line + 1 + off))


def drift(text: str, count: int, chance: random.Random) -> tuple[str, list[Change]]:
    """Apply random line edits one after the other; return the new text and what moved."""
    changes = []
    for _ in range(count):
        index = LineIndex(text)
        line = chance.randrange(len(index.lines))
        here = Position(line, 0)
        kind = chance.random()
        if kind < 0.6:
            source = chance.randrange(len(index.lines))
            copied = "".join(index.lines[source : source + chance.randint(1, 4)])
            text_in = copied if chance.random() < 0.5 else f"# note {chance.random()}\n"
            edit = TextEdit(
                Range(here, here), text_in if text_in.endswith("\n") else text_in + "\n"
            )
        elif kind < 0.8:
            edit = TextEdit(Range(here, Position(line + 1, 0)), "")
        else:
            end = Position(line, len(index.line(line)))
            edit = TextEdit(Range(end, end), "  # changed")
        text = apply_edits(text, [edit])
        changes.append(change_of(edit))
    return text, changes


def invented(text: str, other: LineIndex, chance: random.Random) -> str | None:
    """Return lines of another file that do not stand in this one."""
    squeezed = _squeezed(text)
    for _ in range(20):
        line = chance.randrange(len(other.lines))
        lines = other.lines[line : line + chance.randint(1, 4)]
        quote = "".join(lines)
        if len(_squeezed(quote)) >= 12 and _squeezed(quote) not in squeezed:
            return quote
    return None


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace("'", '"')


def measure(file_count: int = 150, claims: int = 300, seed: int = 1) -> dict[str, float]:
    """Return the rates in per cent, and the mean time of a search in milliseconds."""
    chance = random.Random(seed)
    library = Path(sysconfig.get_path("stdlib"))
    paths = sorted(p for p in library.glob("**/*.py") if "site-packages" not in p.parts)
    indexes = [
        LineIndex(text)
        for path in chance.sample(paths, file_count)
        if len(text := path.read_text("utf-8", "replace").replace("\r\n", "\n")) > 2_000
    ]
    counts: Counter[str] = Counter()
    seconds = 0.0
    for style in STYLES:
        for _ in range(claims):
            index = chance.choice(indexes)
            sample = sample_of(index, style, chance)
            if sample is None:
                continue
            begun = time.process_time()
            found = locate(sample.quote, sample.hint, index)
            seconds += time.process_time() - begun
            blind = locate(sample.quote, None, index)
            counts["claims"] += 1
            counts["hit"] += (hit := found is not None and found.range.start.line == sample.line)
            counts[f"hit: {style}"] += hit
            counts["wrong"] += found is not None and not hit
            counts["hit without hint"] += (
                blind is not None and blind.range.start.line == sample.line
            )
            if found is None:
                continue
            _, changes = drift(index.text, 12, chance)
            place = Position(sample.line, len(index.line(sample.line)))
            truth = move_range(Range(Position(sample.line, 0), place), changes)
            moved = move_range(found.range, changes)
            if truth is not None and moved is not None:
                counts["moved"] += 1
                counts["moved right"] += moved.start.line == truth.start.line
    for _ in range(claims):
        index, other = chance.sample(indexes, 2)
        quote = invented(index.text, other, chance)
        if quote is None:
            continue
        counts["invented"] += 1
        hint = chance.randrange(1, len(index.lines))
        counts["invented accepted"] += locate(quote, hint, index) is not None
        counts["invented accepted blind"] += locate(quote, None, index) is not None
    total = counts["claims"]
    rates = {
        "hit": counts["hit"] / total,
        "wrong": counts["wrong"] / total,
        "hit without hint": counts["hit without hint"] / total,
        "drift 12, still there": counts["moved right"] / counts["moved"],
        "invented quote accepted": counts["invented accepted"] / counts["invented"],
        "invented, without hint": counts["invented accepted blind"] / counts["invented"],
        **{f"hit: {style}": counts[f"hit: {style}"] / claims for style in STYLES},
    }
    table = {name: 100 * rate for name, rate in rates.items()}
    return table | {"milliseconds": 1000 * seconds / total}


def main() -> None:
    """Print the table."""
    arguments = [int(argument) for argument in sys.argv[1:3]]
    for name, value in measure(*arguments).items():
        print(f"{name:28}{value:8.2f}")


if __name__ == "__main__":
    main()
