"""A fenced block of an answer as edits of the file that it names: the whole file, or hunks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.actions.editing import edit_at, shortened
from claude_lsp.findings import anchor
from claude_lsp.text.edits import TextEdit, apply_edits, minimal_edits
from claude_lsp.text.lines import LineIndex, line_ending, split_lines, without_ending
from claude_lsp.text.markdown import fences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.text.markdown import Fence

_HUNK = re.compile(r"@@(?: -(?P<line>\d{1,9}))?.*")
_HEADERS = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file")
_LEFT_OUT = re.compile(
    r"\s*(?:#|//|--|/\*|<!--|;|%)\s*(?:\.\.\.|…|(?:rest|remaining|existing|unchanged|other|same)"
    r"\b.*(?:\.\.\.|…))",
    re.IGNORECASE,
)
"""A comment that stands for lines which a model did not want to repeat."""
_NOT_SHOWN = re.compile(r"<redacted:[\w-]+>")


class Unfit(NamedTuple):
    """Why a block can't be applied, in words for the user."""

    reason: str


def block_at(lines: Sequence[str], line: int) -> Fence | None:
    """Return the fenced block around a line that names a file, None if there is none."""
    for fence in fences(lines):
        if fence.first > line:
            return None
        if line <= fence.last:
            return fence if fence.attribute("path") else None
    return None


def edits_of(block: Fence, content: str, old: str) -> list[TextEdit] | Unfit:
    """Return the smallest edits that make a file what a block says.

    Args:
        block: the block, for what stands behind its first mark.
        content: what stands in it.
        old: the file's text, "" for one that is not there.
    """
    if not block.closed:
        return Unfit("the block has no end")
    lines = [without_ending(line) for line in split_lines(content)]
    new = _patched(lines, old) if block.language == "diff" else _whole(lines, old)
    if isinstance(new, Unfit):
        return new
    if unknown := set(_NOT_SHOWN.findall(new)) - set(_NOT_SHOWN.findall(old)):
        return Unfit(f"it has {min(unknown)} where the file has what was not shown to Claude")
    return minimal_edits(old, new)


def _whole(lines: list[str], old: str) -> str | Unfit:
    known = set(map(str.strip, split_lines(old)))
    for line in lines:
        if _LEFT_OUT.match(line) and line.strip() not in known:
            return Unfit(f"it leaves lines out ({shortened(line)}), so it is not the whole file")
    if not any(line.strip() for line in lines):
        return Unfit("it is empty")
    ending = line_ending(old)
    ends = not old or old[-1] in "\r\n"
    return ending.join(lines) + (ending if ends else "")


class _Hunk(NamedTuple):
    hint: int | None
    old: list[str]
    new: list[str]


def _hunks(lines: list[str]) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    for line in lines:
        match = _HUNK.match(line)
        if match is not None:
            hint = int(match["line"]) if match["line"] else None
            hunks.append(_Hunk(hint, [], []))
            continue
        if not hunks:
            if line.startswith(_HEADERS) or not line.strip():
                continue
            hunks.append(_Hunk(None, [], []))
        if line.startswith("\\"):
            continue  # that there is no line ending behind the last line
        if not line.startswith("+"):
            hunks[-1].old.append(line[1:])
        if not line.startswith("-"):
            hunks[-1].new.append(line[1:])
    return [hunk for hunk in hunks if hunk.old or hunk.new]


def _patched(lines: list[str], old: str) -> str | Unfit:
    hunks = _hunks(lines)
    if not hunks:
        return Unfit("it has no changes")
    if not old.strip():
        if any(line.strip() for hunk in hunks for line in hunk.old):
            return Unfit("the lines that it changes are not in the file")
        return "".join(f"{line}\n" for hunk in hunks for line in hunk.new)
    index = LineIndex(old)
    edits: list[TextEdit] = []
    for hunk in hunks:
        quote, replacement = "\n".join(hunk.old), "\n".join(hunk.new)
        if not quote.strip():
            return Unfit("it does not say between which lines a hunk belongs")
        place = anchor.exact(quote, hunk.hint, index) or anchor.exact(quote, None, index)
        if place is None:
            head = shortened(next(line for line in hunk.old if line.strip()))
            return Unfit(f"the lines of a hunk are not in the file, or more than once ({head})")
        edits.append(TextEdit(*edit_at(quote, replacement, place, index)))
    try:
        return apply_edits(old, edits)
    except ValueError:
        return Unfit("two of its hunks overlap")
