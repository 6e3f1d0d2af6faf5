"""CodeQL's hash of a line, by which GitHub recognises an alert in the next upload.

Its uploader computes the same for every result and warns where a report says something else, so
the arithmetic is theirs: a rolling hash over the characters from the line's first on, blanks left
out, in 64 bits, and a counter behind the lines that hash alike.
"""

from __future__ import annotations

import struct
from collections import Counter
from functools import lru_cache
from itertools import accumulate

_WINDOW = 100
"""How many UTF-16 units a hash covers, from the first of its line on."""

_FACTOR = 37
_MASK = (1 << 64) - 1
_LEAVING = pow(_FACTOR, _WINDOW, 1 << 64)
_END_OF_FILE = 0xFFFF
_LINE_FEED = 10


@lru_cache(maxsize=8)
def line_hashes(text: str) -> tuple[str, ...]:
    r"""Return the hash of every line, such as `271789c17abda88f:1`.

    Args:
        text: a whole file; `\n`, `\r\n` and `\r` end a line.
    """
    units = _units(text)
    starts = [0, *(place + 1 for place, unit in enumerate(units) if unit == _LINE_FEED)]
    units.extend([0] * _WINDOW)
    # The hash of all from the first unit on, for each number of them; what stands before a window
    # is taken out of it again.
    rolling = list(accumulate(units, lambda sum_, unit: (sum_ * _FACTOR + unit) & _MASK, initial=0))
    hashes: list[str] = []
    seen: Counter[str] = Counter()
    for start in starts:
        value = f"{(rolling[start + _WINDOW] - _LEAVING * rolling[start]) & _MASK:x}"
        seen[value] += 1
        hashes.append(f"{value}:{seen[value]}")
    return tuple(hashes)


def _units(text: str) -> list[int]:
    """Return the UTF-16 units that are hashed: one for each line ending, none for blanks."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    encoded = plain.encode("utf-16-le", "surrogatepass")
    return [*struct.unpack(f"<{len(encoded) // 2}H", encoded), _END_OF_FILE]
