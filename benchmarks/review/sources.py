"""The real code that is reviewed: files of projects in pinned versions, as `corpora` keeps them."""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context.corpora import CORPORA, UnavailableError, fetch

if TYPE_CHECKING:
    from pathlib import Path

PROJECTS = ("httpx", "rich", "scrapy", "poetry", "trio", "pydantic")
_SIZES = range(2_500, 40_000)


class Source(NamedTuple):
    """A file: its path, with the project's name in front, and its text."""

    path: str
    text: str

    def write(self, folder: Path) -> None:
        """Write it below a folder."""
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, "utf-8", newline="")


def sources(data: Path, count: int, seed: int = 1) -> list[Source]:
    """Return some files of plain code, after getting their projects if they are not there.

    Args:
        data: where projects are kept.
        count: how many.
        seed: the same makes the same choice.

    Raises:
        UnavailableError: not one project can be had.
    """
    found: list[Source] = []
    missing: list[str] = []
    for name in PROJECTS:
        try:
            folder = fetch(CORPORA[name], data)
        except UnavailableError as error:
            missing.append(f"{name}: {error}")
            continue
        for path in sorted(folder.rglob("*.py")):
            text = path.read_bytes().decode("utf-8", "replace")
            if len(text) in _SIZES and is_plain(text) and "generated" not in text[:500].lower():
                found.append(Source(path.relative_to(folder).as_posix(), text))
    if not found:
        raise UnavailableError("; ".join(missing))
    random.Random(seed).shuffle(found)
    return sorted(found[:count])


def is_plain(text: str) -> bool:
    """Whether a text is code with the simplest of characters, indentation and line endings.

    Offsets of Python's parser are in bytes, and form feeds make it count lines of its own.
    """
    return text.isascii() and not set("\r\t\f\v") & set(text) and compiles(text)


def compiles(text: str) -> bool:
    """Whether a text is valid Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<source>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True
