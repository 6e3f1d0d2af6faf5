"""Questions to one segment, by hashes; what is asked again and again is remembered in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.records import EVERYTHING
from claude_lsp.workspace.index.segment import CLASS, NOTHING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from claude_lsp.workspace.index.segment import I64, U64, Mask, Segment

_EVERYTHING = hash_of(EVERYTHING)
_MANY = 50
_MOST_REMEMBERED = 10_000


def expand(starts: NDArray[Any], ends: NDArray[Any]) -> tuple[I64, I64]:
    """Return (place of the range, number in it) for each number in some half-open ranges."""
    starts = starts.astype(np.int64)
    lengths = ends.astype(np.int64) - starts
    which = np.repeat(np.arange(len(starts)), lengths)
    ends_so_far = np.cumsum(lengths)
    total = int(ends_so_far[-1]) if len(ends_so_far) else 0
    flat = np.arange(total) + np.repeat(starts - ends_so_far + lengths, lengths)
    return which, flat


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values in order, each once; `np.unique` loads the masked arrays for that."""
    ordered = np.sort(values, axis=None)
    kept = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    return ordered[kept]


def number_of(segment: Segment, key: int) -> int:
    """Return a string's number by its hash, -1 for one that the segment does not know."""
    memo = segment.memo
    number = memo.get((5, key))
    if number is None:
        if len(memo) > _MOST_REMEMBERED:
            memo.clear()
        hashes = segment.hashes
        place = int(hashes.searchsorted(np.uint64(key)))
        number = place if place < len(hashes) and int(hashes[place]) == key else -1
        memo[5, key] = number
    return cast("int", number)


def top_of(segment: Segment, file: int, key: int) -> int:
    """Return a file's first symbol of a name (its hash) that is in no class, -1 for none."""
    number = number_of(segment, key)
    first, last = int(segment.symbol_starts[file]), int(segment.symbol_starts[file + 1])
    if number < 0 or first == last:
        return -1
    same = segment.names[first:last] == number
    same &= segment.parents[first:last] < 0
    place = int(same.argmax())
    return first + place if same[place] else -1


def named_in(segment: Segment, key: int, *, classes_only: bool) -> list[tuple[int, int]]:
    """Return symbol and file for each of the first symbols of a name."""
    number = number_of(segment, key)
    if number < 0:
        return []
    rows = segment.by_name[int(segment.name_starts[number]) : int(segment.name_starts[number + 1])]
    if classes_only:
        rows = rows[segment.kinds[rows] == CLASS]
    chosen = rows[:_MANY].astype(np.int64)
    return list(zip(chosen.tolist(), files_of(segment, chosen).tolist(), strict=True))


def import_of(segment: Segment, file: int, key: int) -> tuple[str, str | None] | None:
    """Return module and original name of a name (its hash) that a file imports."""
    number = number_of(segment, key)
    first, last = int(segment.import_starts[file]), int(segment.import_starts[file + 1])
    if number < 0:
        return None
    places = np.flatnonzero(segment.import_locals[first:last] == number)
    if not len(places):
        return None
    place = first + int(places[-1])
    original = int(segment.import_originals[place])
    module = segment.string(int(segment.import_modules[place]))
    return module, None if original == NOTHING else segment.string(original)


def stars_of(segment: Segment, file: int) -> list[str]:
    """Return the modules of which a file takes every name."""
    number = number_of(segment, _EVERYTHING)
    first, last = int(segment.import_starts[file]), int(segment.import_starts[file + 1])
    if number < 0 or first == last:
        return []
    every = segment.import_originals[first:last] == number
    modules = segment.import_modules[first:last][every].tolist()
    return [segment.string(module) for module in dict.fromkeys(modules)]


def numbers_of(segment: Segment, keys: U64) -> tuple[I64, Mask]:
    """Return the numbers of strings by their hashes, and which of them are known."""
    rows = segment.hashes.searchsorted(keys)
    if len(segment.hashes) == 0:
        return rows, np.zeros(len(keys), np.bool_)
    np.minimum(rows, len(segment.hashes) - 1, out=rows)
    return rows, segment.hashes[rows] == keys


def files_of(segment: Segment, symbols: I64) -> I64:
    """Return the file of each symbol."""
    # Of the column's own type: another one would make numpy convert all of the column.
    return segment.symbol_starts.searchsorted(symbols.astype(np.uint32), "right") - 1


def keys_of(segment: Segment, starts: str, column: str, row: int) -> list[int]:
    """Return the hashes of the strings that a column holds for one row."""
    bounds = getattr(segment, starts)
    numbers = getattr(segment, column)[int(bounds[row]) : int(bounds[row + 1])]
    keys: list[int] = segment.hashes[numbers].tolist() if len(numbers) else []
    return keys
