"""How often a quoted place is found again, also after edits.

Simulated claims over the files of Python's standard library: spans of 1 to 5 lines, quoted in one
of eight ways as models do, with line numbers that are off as `noise` says. "Drift" applies 12
random edits to the text after it was sent (half of the insertions are copies of code that is
there), and moves what was found through them, as the editor does; then the flagged line itself is
edited too. Where the line really is after the edits is known by following it, not by the product.
"""

from __future__ import annotations

import functools
import random
import re
import sysconfig
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.review.noise import STYLES, invented, off_by, quoted
from claude_lsp.findings.anchor import locate
from claude_lsp.text.edits import Change, TextEdit, apply_edits, change_of, move_position
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Sequence

EDITS = 12


class Sample(NamedTuple):
    """One simulated claim: where it really is (0-based first line), and what the model says."""

    line: int
    quote: str
    hint: int


class Drifted(NamedTuple):
    """A text that was edited.

    Attributes:
        text: as it is now.
        changes: what moved.
        line: where the followed line is now, 0-based.
    """

    text: str
    changes: list[Change]
    line: int


def sample_of(index: LineIndex, style: str, chance: random.Random) -> Sample | None:
    """Return a simulated claim about some place of a text, None if it has no such place."""
    lines = [index.line(number) for number in range(len(index.lines))]
    filled = [number for number, line in enumerate(lines) if re.search(r"\w{3}", line)]
    if not filled:
        return None
    line = chance.choice(filled)
    quote = quoted(lines, line, style, chance)
    return Sample(line, quote, max(1, line + 1 + off_by(chance)))


def drift(text: str, line: int, count: int, chance: random.Random) -> Drifted:
    """Apply random line edits one after the other; none touches the line that is followed."""
    changes: list[Change] = []
    for _ in range(count):
        index = LineIndex(text)
        place = chance.randrange(len(index.lines))
        here = Position(place, 0)
        kind = chance.random()
        if kind < 0.6 or place == line:
            source = chance.randrange(len(index.lines))
            copied = "".join(index.lines[source : source + chance.randint(1, 4)])
            new = copied if chance.random() < 0.5 else f"# note {chance.random()}\n"
            edit = TextEdit(Range(here, here), new if new.endswith("\n") else new + "\n")
            if place <= line:
                line += edit.text.count("\n")
        elif kind < 0.8 and place < len(index.lines) - 1:
            edit = TextEdit(Range(here, Position(place + 1, 0)), "")
            line -= place < line
        else:
            end = Position(place, len(index.line(place)))
            edit = TextEdit(Range(end, end), "  # changed")
        text = apply_edits(text, [edit])
        changes.append(change_of(edit))
    return Drifted(text, changes, line)


def edited(drifted: Drifted, chance: random.Random) -> Drifted:
    """Replace a word of the followed line by another."""
    line = LineIndex(drifted.text).line(drifted.line)
    word = chance.choice(list(re.finditer(r"\w+", line)))
    span = Range(Position(drifted.line, word.start()), Position(drifted.line, word.end()))
    edit = TextEdit(span, "something_else")
    text = apply_edits(drifted.text, [edit])
    return Drifted(text, [*drifted.changes, change_of(edit)], drifted.line)


def measure(file_count: int = 150, claims: int = 300, seed: int = 1) -> dict[str, float]:
    """Return the rates in per cent, and the mean time of a search in milliseconds."""
    chance = random.Random(seed)
    indexes = [LineIndex(text) for text in library(file_count, chance)]
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
            counts[style] += 1
            start = None if found is None else found.range.start
            later = drift(index.text, sample.line, EDITS, chance)
            for name, truth in (
                ("", Drifted(index.text, [], sample.line)),
                (", drift", later),
                (", drift and edited", edited(later, chance)),
            ):
                place = None if start is None else _moved(start, truth.changes)
                counts[f"hit{name}"] += place == truth.line
                counts[f"wrong{name}"] += place not in (None, truth.line)
            counts[f"hit: {style}"] += start is not None and start.line == sample.line
            counts["hit without hint"] += (
                blind is not None and blind.range.start.line == sample.line
            )
    for _ in range(claims):
        index, other = chance.sample(indexes, 2)
        lines = [other.line(number) for number in range(len(other.lines))]
        quote = invented(index.text, lines, chance)
        if quote is None:
            continue
        counts["invented"] += 1
        hint = chance.randrange(1, len(index.lines))
        counts["accepted"] += locate(quote, hint, index) is not None
        counts["accepted blind"] += locate(quote, None, index) is not None
    total = counts["claims"]
    rates = {
        **{
            f"{what}{name}": counts[f"{what}{name}"] / total
            for name in ("", ", drift", ", drift and edited")
            for what in ("hit", "wrong")
        },
        "hit without hint": counts["hit without hint"] / total,
        "invented quote accepted": counts["accepted"] / counts["invented"],
        "invented, without hint": counts["accepted blind"] / counts["invented"],
        **{f"hit: {style}": counts[f"hit: {style}"] / counts[style] for style in STYLES},
    }
    table = {name: 100 * rate for name, rate in rates.items()}
    return table | {"milliseconds": 1000 * seconds / total}


def library(count: int, chance: random.Random) -> list[str]:
    """Return the texts of some files of Python's standard library."""
    folder = Path(sysconfig.get_path("stdlib"))
    paths = sorted(p for p in folder.glob("**/*.py") if "site-packages" not in p.parts)
    texts = (
        path.read_text("utf-8", "replace").replace("\r\n", "\n")
        for path in chance.sample(paths, count)
    )
    return [text for text in texts if len(text) > 2_000]


def _moved(place: Position, changes: Sequence[Change]) -> int:
    return functools.reduce(move_position, changes, place).line
