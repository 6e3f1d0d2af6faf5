"""A reviewer who knows the truth, and tells it as models do: misquoted, twice, among junk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from benchmarks.review.changes import unchanged_lines
from benchmarks.review.noise import LONGEST, STYLES, invented, off_by, quoted

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from benchmarks.review.changes import Bug, Change
    from benchmarks.review.sources import Source

_DOCUMENT = re.compile(
    r'<document(?:-\d+)? path="([^"]*)" language="[^"]*"(?: lines="([-\d, ]+) of \d+")?'
)
TIMES = 2
"""How often the bug is reported."""
_BEFORE = ((0, 1, 2), (60, 25, 15))
"""How many lines before the bug a quote begins, and in how many of a hundred."""
_AS_REMOVED = 0.5
"""How often deleted lines are quoted themselves, and not what stands in their place."""
_TITLES = ("It is wrong when the input is empty", "The result is not what callers expect")


def remarks(
    change: Change, shown: Mapping[str, set[int]], others: Sequence[Source], chance: random.Random
) -> list[dict[str, Any]]:
    """Return what is said of a change: its bug twice, something invented, something unchanged.

    Args:
        change: what is reviewed.
        shown: the lines that the reviewer sees, 0-based, by path; nothing else is spoken of.
        others: where invented quotes are from.
        chance: decides how it is said, and in which order.
    """
    said = []
    path, bug = change.path, change.bug
    if bug is not None and bug.line in shown.get(bug.path, ()):
        lines = change.after[bug.path].split("\n")
        said += [_of_bug(bug, lines, shown[bug.path], title, chance) for title in _TITLES[:TIMES]]
    if path in shown:
        before, text = change.before[path], change.after[path]
        quote = None
        while quote is None:
            # What stood there before the change is no invention.
            quote = invented(before + text, chance.choice(others).text.split("\n"), chance)
        line = chance.choice(sorted(shown[path]))
        said.append(_remark(path, line, quote, "This can't be right", chance))
        elsewhere = _of_unchanged(before, text, path, shown[path], chance)
        said += [] if elsewhere is None else [elsewhere]
    chance.shuffle(said)
    return said


def lines_shown(prompt: str, change: Change) -> dict[str, set[int]]:
    """Return the lines of the changed files that a prompt shows, 0-based, by path."""
    found = {}
    for path, lines in _DOCUMENT.findall(prompt):
        if path in change.after:
            runs = lines or f"1-{change.after[path].count(chr(10)) + 1}"
            ends = [[int(end) for end in run.split("-")] for run in runs.split(", ")]
            found[path] = {line - 1 for run in ends for line in range(run[0], run[-1] + 1)}
    return found


def _of_bug(
    bug: Bug, lines: list[str], shown: set[int], title: str, chance: random.Random
) -> dict[str, Any]:
    style = chance.choice(list(STYLES))
    if bug.gone and chance.random() < _AS_REMOVED:
        quote = "\n".join(f"-{line}" for line in bug.gone[:5])
        return _remark(bug.path, bug.line, quote, title, chance)
    first = bug.line
    for _ in range(chance.choices(*_BEFORE)[0]):
        first -= first - 1 in shown
    while not lines[first].strip():
        first += 1
    least = bug.line - first + 1
    most = max(least, _together(first, shown))
    quote = quoted(lines, first, style, chance, least=least, most=most)
    return _remark(bug.path, first, quote, title, chance)


def _of_unchanged(
    before: str, after: str, path: str, shown: set[int], chance: random.Random
) -> dict[str, Any] | None:
    """Return a remark on code that no change is next to, None if there is none."""
    free = shown & set(unchanged_lines(before, after))
    if not free:
        return None
    line = chance.choice(sorted(free))
    style = chance.choice(list(STYLES))
    quote = quoted(after.split("\n"), line, style, chance, most=_together(line, free))
    return _remark(path, line, quote, "This was like that before", chance)


def _together(line: int, shown: set[int]) -> int:
    """Return how many lines can be quoted from one on."""
    count = 1
    while count < LONGEST and line + count in shown:
        count += 1
    return count


def _remark(path: str, line: int, quote: str, title: str, chance: random.Random) -> dict[str, Any]:
    return {
        "path": path,
        "line": max(1, line + 1 + off_by(chance)),
        "quote": quote,
        "rule": "review.correctness",
        "severity": "major",
        "title": title,
        "explanation": "Seen by somebody who knows.",
        "confidence": 0.9,
        "replacement": None,
    }
