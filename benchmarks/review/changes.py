"""Changes to review: a bug among benign edits, and benign edits alone."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.review.mutants import Code, mutants
from benchmarks.review.places import indent, places_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.review.mutants import Mutant
    from benchmarks.review.sources import Source

BENIGN = 4
_APART = 2


class Bug(NamedTuple):
    """What a review should find.

    Attributes:
        operator: how it was made.
        path: the file.
        line: 0-based, in the new text of the file; what stands in the place of deleted code.
        gone: the lines that were deleted.
    """

    operator: str
    path: str
    line: int
    gone: tuple[str, ...]


class Change(NamedTuple):
    """A change to review.

    Attributes:
        before: the texts of the changed files, by path.
        after: the same, changed.
        bug: None where it is good.
    """

    before: dict[str, str]
    after: dict[str, str]
    bug: Bug | None

    @property
    def path(self) -> str:
        """The file with the bug; else the first."""
        return self.bug.path if self.bug is not None else next(iter(self.after))


def buggy(sources: Sequence[Source], chance: random.Random) -> Iterator[Change]:
    """Yield changes with one bug and four benign edits, the operators taking turns."""
    for source, mutant in mutants(sources, chance):
        change = _change(source, mutant, sources, chance)
        if change is not None:
            yield change


def clean(sources: Sequence[Source], chance: random.Random) -> Iterator[Change]:
    """Yield changes of four benign edits for ever."""
    while True:
        change = _change(chance.choice(sources), None, sources, chance)
        if change is not None:
            yield change


def unchanged_lines(before: str, after: str) -> list[int]:
    """Return the lines of a new text that no change is next to, 0-based."""
    old, new = before.split("\n"), after.split("\n")
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    blocks = matcher.get_matching_blocks()
    return [
        line
        for block in blocks
        for line in range(block.b + _APART, block.b + block.size - _APART)
        if len(new[line].strip()) > 8
    ]


def _change(
    source: Source, mutant: Mutant | None, sources: Sequence[Source], chance: random.Random
) -> Change | None:
    """Put benign edits around a bug; half of the changes have some of them in a second file."""
    other = chance.choice(sources)
    counts = {source: BENIGN}
    if other != source and chance.random() < 0.5:
        counts = {source: BENIGN // 2, other: BENIGN - BENIGN // 2}
    after: dict[str, str] = {}
    bug = None
    for each, count in counts.items():
        wrong = mutant if each is source else None
        text = each.text if wrong is None else wrong.text
        line = None if wrong is None else wrong.line
        edited = with_benign_edits(text, count, chance, line, 0 if wrong is None else wrong.lines)
        if edited is None:
            return None
        after[each.path], moved = edited
        if wrong is not None:
            bug = Bug(wrong.operator, each.path, moved, wrong.gone)
    return Change({each.path: each.text for each in counts}, after, bug)


def with_benign_edits(
    text: str, count: int, chance: random.Random, kept: int | None = None, size: int = 0
) -> tuple[str, int] | None:
    """Edit a text without changing what it does.

    Args:
        text: the text.
        count: how many edits.
        chance: decides where and how.
        kept: a line to stay away from; it and so many lines behind it are not edited.
        size: how many.

    Returns:
        the text and where the kept line is now; None if there is no room.
    """
    code = Code(text)
    apart = range(-1, -1) if kept is None else range(kept - 1, kept + max(size, 1) + 1)
    free = [place.line for place in places_of(text) if place.line not in apart]
    if len(free) < count:
        return None
    lines = text.split("\n")
    values = _values_in_line(code)
    moved = kept or 0
    for line in sorted(chance.sample(free, count), reverse=True):
        names = [name for name in _EDITS if name != "parentheses" or line in values]
        added = _EDITS[chance.choice(names)](lines, line, values.get(line, (0, 0)))
        moved += added if kept is not None and line <= kept else 0
    return "\n".join(lines), moved


def _values_in_line(code: Code) -> dict[int, tuple[int, int]]:
    """Return the columns of what is returned or assigned, by line, where all is on one line."""
    found = {}
    for node in code.nodes:
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            value = node.value
            if node.lineno == node.end_lineno and value.end_col_offset is not None:
                found[node.lineno - 1] = (value.col_offset, value.end_col_offset)
    return found


def _comment_above(lines: list[str], line: int, _value: tuple[int, int]) -> int:
    lines.insert(line, indent(lines[line]) + "# This is what the callers rely on.")
    return 1


def _comment_block(lines: list[str], line: int, _value: tuple[int, int]) -> int:
    blanks = indent(lines[line])
    lines[line:line] = [
        "",
        f"{blanks}# Kept in step with the documentation,",
        f"{blanks}# see there.",
    ]
    return 3


def _comment_behind(lines: list[str], line: int, _value: tuple[int, int]) -> int:
    lines[line] += "  # as before"
    return 0


def _parentheses(lines: list[str], line: int, value: tuple[int, int]) -> int:
    start, end = value
    text = lines[line]
    lines[line] = f"{text[:start]}({text[start:end]}){text[end:]}"
    return 0


_EDITS: dict[str, Callable[[list[str], int, tuple[int, int]], int]] = {
    "comment above": _comment_above,
    "comment block": _comment_block,
    "comment behind": _comment_behind,
    "parentheses": _parentheses,
}
"""Edit the lines at one of them, and return how many were added."""
