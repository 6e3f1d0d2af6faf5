"""CodeQL's hash of a line, by which GitHub recognises an alert in the next upload.

Its uploader computes the same for every result and warns where a report says something else, so
the arithmetic is theirs: a rolling hash over the characters from the line's first on, blanks left
out, in 64 bits, and a counter behind the lines that hash alike.
"""

from __future__ import annotations

import struct
from collections import Counter
from functools import lru_cache

_WINDOW = 100
"""How many UTF-16 units a hash covers, from the first of its line on."""

_FACTOR = 37
_MASK = (1 << 64) - 1
_LEAVING = pow(_FACTOR, _WINDOW, 1 << 64)
_END_OF_FILE = 0xFFFF
_TAB, _LINE_FEED, _RETURN, _SPACE = 9, 10, 13, 32


@lru_cache(maxsize=8)
def line_hashes(text: str) -> tuple[str, ...]:
    r"""Return the hash of every line, such as `271789c17abda88f:1`.

    Args:
        text: a whole file; `\n`, `\r\n` and `\r` end a line.
    """
    units, starts = _units(text)
    wanted = iter((*starts, -1))
    start = next(wanted)
    hashes: list[str] = []
    seen: Counter[str] = Counter()
    rolling = 0
    for end, unit in enumerate(units):
        leaving = units[end - _WINDOW] if end >= _WINDOW else 0
        rolling = (rolling * _FACTOR + unit - _LEAVING * leaving) & _MASK
        if end - _WINDOW + 1 == start:
            value = f"{rolling:x}"
            seen[value] += 1
            hashes.append(f"{value}:{seen[value]}")
            start = next(wanted)
    return tuple(hashes)


def _units(text: str) -> tuple[list[int], list[int]]:
    """Return the units that are hashed, with a window of zeros behind, and where lines start."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    units: list[int] = []
    starts: list[int] = []
    at_start, after_return = True, False
    for unit in (*struct.unpack(f"<{len(encoded) // 2}H", encoded), _END_OF_FILE):
        if unit in (_SPACE, _TAB) or (after_return and unit == _LINE_FEED):
            after_return = False
            continue
        after_return = unit == _RETURN
        if at_start:
            starts.append(len(units))
        at_start = unit in (_RETURN, _LINE_FEED)
        units.append(_LINE_FEED if after_return else unit)
    units.extend([0] * _WINDOW)
    return units, starts
