"""A long document, and changes of documents as a client sends them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

LINES = 5_000
"""Lines of the long document."""

LARGE = 20_000
"""Lines of the longest."""


class Typing:
    """Makes the changes of one document, counting its versions."""

    def __init__(self, path: Path) -> None:
        self._uri = path.as_uri()
        self._version = 1

    def insert(self, line: int, column: int, text: str) -> dict[str, Any]:
        """Insert a text."""
        return self._change((line, column), (line, column), text)

    def delete(self, line: int, column: int, size: int) -> dict[str, Any]:
        """Delete so many characters of one line."""
        return self._change((line, column), (line, column + size), "")

    def join(self, line: int, column: int) -> dict[str, Any]:
        """Delete the end of a line."""
        return self._change((line, column), (line + 1, 0), "")

    def _change(self, start: tuple[int, int], end: tuple[int, int], text: str) -> dict[str, Any]:
        self._version += 1
        span = {"start": place(*start), "end": place(*end)}
        return {
            "textDocument": {"uri": self._uri, "version": self._version},
            "contentChanges": [{"range": span, "text": text}],
        }


def edits_for_ever(path: Path, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield changes for ever that leave the text as long as it was: each second one undoes one."""
    typing = Typing(path)
    lines = long_text().split("\n")
    for turn in itertools.count():
        line = chance.randrange(LINES)
        column = chance.randint(0, len(lines[line]))
        if turn % 10 == 9:
            yield typing.insert(line, column, "\n")
            yield typing.join(line, column)
        else:
            yield typing.insert(line, column, "x")
            yield typing.delete(line, column, 1)


def long_text() -> str:
    return "".join(
        f"    value_{line} = compute(value_{line - 1}, {line})\n" for line in range(LINES)
    )


def long_code() -> str:
    """Return functions that together have `LARGE` lines, each of them parsable."""
    return "".join(
        f"def total_{number}(values):\n    total = {number}\n    for value in values:\n"
        f"        total += compute(value, {number})\n    return total\n\n\n\n"
        for number in range(LARGE // 8)
    )


def place(line: int, column: int) -> dict[str, int]:
    return {"line": line, "character": column}
