"""How documents are written into a prompt: numbered lines, excerpts, changes.

Every tenth line carries its number, a hint for places at 3 % more tokens. In a changed document
each line begins with a mark as in a diff, behind the number if there is one; a line that was
removed has the number that it had before.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from claude_lsp.context.sent import Sent
from claude_lsp.text.lines import LineIndex, split_lines, without_ending
from claude_lsp.text.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claude_lsp.context.candidate import Excerpt, Removed
    from claude_lsp.context.redact import Redactor

_NUMBER_EVERY = 10
_LONGEST_NAME = 120
_ATTRIBUTE = str.maketrans('"', "'", "<>")
_GAP = "[...]\n"


def numbered(body: str, first: int) -> str:
    """Return lines with their numbers, as far as they carry one; `first` is 1-based."""
    return "".join(numbered_lines(split_lines(body), first))


def numbered_lines(lines: Iterable[str], first: int) -> Iterator[str]:
    """Yield each line as `numbered` writes it; the lines have their endings."""
    for number, line in enumerate(lines, first):
        yield f"{number}| {line}" if number % _NUMBER_EVERY == 0 or number == first else line


def attribute(text: str) -> str:
    """Return a text, such as a file's name, on a line or as an attribute.

    It must not be able to end either, nor be endless.
    """
    return " ".join(text[-_LONGEST_NAME:].split()).translate(_ATTRIBUTE)


def frame_name(kind: str, body: str) -> str:
    """Return the name of the tags around a text: one that none of its own tags has.

    Nothing in a text may look like its end, or like the beginning of another one. The name depends
    on the text alone, so that a cache knows it again.

    Args:
        kind: what it is where the text has no such tags.
        body: the text.
    """
    if kind not in body.lower():
        return kind
    tags = re.finditer(rf"<\s*/?\s*{kind}(?:-(\d{{1,9}}))?\b", body, re.IGNORECASE)
    taken = {int(tag[1] or 1) for tag in tags}
    number = next(each for each in itertools.count(1) if each not in taken)
    return kind if number == 1 else f"{kind}-{number}"


def windows_of(excerpt: Excerpt, redactor: Redactor) -> tuple[Sent, ...]:
    """Return what is shown of a document, one for each run of lines, secrets replaced."""
    found = redactor.redact(excerpt.snapshot.text)
    # A secret is replaced by as many lines as it had, so that the numbers are the document's.
    index = LineIndex(found.text)
    original = excerpt.snapshot.index
    removed = [_redacted(each, redactor) for each in excerpt.removed]
    return tuple(
        Sent(
            excerpt.origin,
            found,
            index.offset_at(Position(lines.first, 0)),
            index.offset_at(Position(lines.last + 1, 0)),
            original,
            tuple(each for each in removed if lines.first <= each.at <= lines.last + 1),
        )
        for lines in excerpt.shown
    )


def _redacted(removed: Removed, redactor: Redactor) -> Removed:
    text = redactor.redact("".join(f"{line}\n" for line in removed.lines)).text
    return removed._replace(lines=tuple(text.split("\n")[:-1]))


def render(excerpt: Excerpt, windows: tuple[Sent, ...]) -> str:
    """Return the text that is sent of a document.

    Args:
        excerpt: what is shown.
        windows: as `windows_of` returned them.
    """
    marked = bool(excerpt.added or excerpt.removed)
    bodies = [
        "".join(_marked(excerpt, window))
        if marked
        else numbered(window.index.text, lines.first + 1)
        for lines, window in zip(excerpt.shown, windows, strict=True)
    ]
    ended = [body if not body or body != without_ending(body) else f"{body}\n" for body in bodies]
    shown = ", ".join(map(str, excerpt.shown))
    whole = all(window.whole for window in windows)
    extent = "" if whole else f' lines="{shown} of {len(excerpt.snapshot.index.lines)}"'
    change = f' change="{attribute(excerpt.change)}"' if excerpt.change else ""
    path, language = attribute(excerpt.origin), attribute(excerpt.snapshot.language)
    shown_text = _GAP.join(ended)
    name = frame_name("document", shown_text)
    head = f'<{name} path="{path}" language="{language}"{extent}{change}>'
    return f"{head}\n{shown_text}</{name}>\n"


def _marked(excerpt: Excerpt, window: Sent) -> Iterator[str]:
    """Yield the lines of a window, and those that were removed, with their marks."""
    starts = [lines.first for lines in excerpt.added]
    removed = {each.at: each for each in window.removed}
    first = window.first_line if window.index.text else min(removed, default=0)
    lines = window.index.lines
    for number in range(first, first + len(lines) + 1):
        if (gone := removed.get(number)) is not None:
            for old, text in enumerate(gone.lines, gone.first):
                hint = f"{old}|" if old % _NUMBER_EVERY == 0 or old == gone.first else ""
                yield f"{hint}-{without_ending(text)}\n"
        if number == first + len(lines):
            break
        place = bisect_right(starts, number) - 1
        mark = "+" if place >= 0 and number <= excerpt.added[place].last else " "
        shown = number + 1
        hint = f"{shown}|" if shown % _NUMBER_EVERY == 0 or number == first else ""
        line = lines[number - first]
        # What follows it must not stand on its line.
        end = "" if line != without_ending(line) else "\n"
        yield f"{hint}{mark}{line}{end}"
