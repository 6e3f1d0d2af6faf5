"""Stretches of other files that look like what is being written.

For literal text nothing that was measured does better than windows of similar files ranked by
the rare words that they share with the lines around the cursor.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BLOCK = 8
"""Lines; a window is three blocks and begins every second one."""
WINDOW = 3 * BLOCK
_STRIDE = 2

# Everything that can't be part of an identifier becomes a space; bytes above 127 may be.
_SEPARATORS = bytes(
    byte if chr(byte).isalnum() or byte in b"_$" or byte > 127 else 32 for byte in range(256)
)


class Lookup(NamedTuple):
    """A file's text, cut for finding windows in it.

    Attributes:
        lines: with their endings.
        blocks: the words of each `BLOCK` lines.
    """

    lines: Sequence[str]
    blocks: Sequence[frozenset[str]]


class Window(NamedTuple):
    """A stretch of a file.

    Attributes:
        file: its number in the index.
        first: its first line, 0-based.
        score: larger is more alike.
    """

    file: int
    first: int
    score: float


def prepare(text: str) -> Lookup:
    """Cut a text into lines and the words of its blocks."""
    lines = split_lines(text)
    # Each byte becomes one byte, so places stay what they are.
    words = text.encode("utf-8", "surrogatepass").translate(_SEPARATORS)
    spaced = words.decode("utf-8", "surrogatepass")
    blocks, start = [], 0
    for first in range(0, len(lines), BLOCK):
        end = start + sum(map(len, lines[first : first + BLOCK]))
        blocks.append(frozenset(spaced[start:end].split()))
        start = end
    return Lookup(lines, blocks)


def alike(
    files: Iterable[tuple[int, Lookup]], wanted: Mapping[str, float], most: int = 30
) -> list[Window]:
    """Return the windows that share most with the wanted words, best first.

    Args:
        files: numbers and texts.
        wanted: words with how much each of them says, such as its rarity.
        most: how many to return.
    """
    found: list[tuple[float, int, int]] = []
    keys = frozenset(wanted)
    says = wanted.__getitem__
    nothing: frozenset[str] = frozenset()
    for file, (_, blocks) in files:
        shared = [keys & block for block in blocks]
        shared += (nothing, nothing)
        sizes = [*map(len, blocks), 0, 0]
        for start in range(0, len(blocks), _STRIDE):
            words = shared[start] | shared[start + 1] | shared[start + 2]
            if words:
                size = sizes[start] + sizes[start + 1] + sizes[start + 2]
                found.append((-sum(map(says, words)) / (1.0 + 0.015 * size), file, start))
    best = heapq.nsmallest(most, found)
    return [Window(file, start * BLOCK, -score) for score, file, start in best]
