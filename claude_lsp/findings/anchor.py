"""Where a quoted text stands: a quote and a line hint together find what neither finds alone.

A model's line numbers are often wrong and its quotes are rarely verbatim: lines are dedented,
numbered, prefixed as in a diff, shortened by "...", broken elsewhere, cut off. Everything here
looks in the very text that the model was sent; `claude_lsp.text.edits` moves the result into the
text of now. A quote that is not in the text is not found, whatever the hint says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.findings.searched_text import indentation, is_word, searched_text, squeezed
from claude_lsp.text.lines import LineIndex, line_ending, split_lines, without_ending
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.findings.searched_text import Located

_FENCE = re.compile(r"\s*(?:```|~~~)")
_NUMBER = re.compile(r"\s*[Ll]?\d{1,7}(?:\s*[|:→]|\t)[ ]?")


def locate(quote: str, line_hint: int | None, text: str | LineIndex) -> Located | None:
    """Find a quote in the text that the model was sent.

    Layers, each only if the one before found nothing: the quote as it is, without line numbers
    and diff prefixes, its two ends around an ellipsis, lines that are similar. Blanks and kinds
    of quotation marks never matter. Of several matches the nearest to the hint wins.

    Args:
        quote: what the model says it read.
        line_hint: the line it named, 1-based as in `Claim.line`, None if it named none.
        text: the text that was sent, or its line index.

    Returns:
        the place, or None if the quote is not there, or too short to tell and not at the hint.
    """
    searched = searched_text(text.text if isinstance(text, LineIndex) else text)
    hint = None if line_hint is None else line_hint - 1
    variants = list(_variants(quote))
    for variant in variants:
        if found := searched.nearest(squeezed(variant), hint):
            return found
    for variant in variants:
        if found := searched.ellipsis(variant, hint):
            return found
    # Prefixes weigh on a likeness, so that the barest variant is compared first.
    for variant in reversed(variants):
        if found := searched.similar(variant, hint):
            return found
    return None


def exact(quote: str, line_hint: int | None, text: str | LineIndex) -> Range | None:
    """Find the text that an edit wants to replace: strictly, and only if there is no doubt.

    Only line endings, trailing blanks and an indentation that all lines have in common may
    differ. Several matches need a hint that tells them apart.

    Args:
        quote: the text to replace.
        line_hint: 1-based line where it begins, None if unknown.
        text: the text as it is now, or its line index.

    Returns:
        the range, from the first to behind the last character that is not blank, or None.
    """
    index = text if isinstance(text, LineIndex) else searched_text(text).index
    wanted = _trimmed([line.rstrip() for line in _plain_lines(quote)])
    if not wanted:
        return None
    matches = list(_block_matches(wanted, index))
    if not matches:
        matches = list(_part_matches([wanted[0].strip(), *wanted[1:]], index))
    if line_hint is None:
        return matches[0] if len(matches) == 1 else None
    matches.sort(key=lambda span: abs(span.start.line + 1 - line_hint))
    if len(matches) > 1:
        nearest, second = (abs(span.start.line + 1 - line_hint) for span in matches[:2])
        if nearest == second:
            return None
    return matches[0] if matches else None


def reindented(replacement: str, quote: str, span: Range, index: LineIndex) -> str:
    r"""Return a replacement with the indentation and line endings of the place it goes to.

    Models dedent what they quote, or cut the indentation of the first line only. The first line
    of the result has none, since `span` begins behind it.

    Args:
        replacement: the new text as the model wrote it.
        quote: the text that it said it replaces, which shows how it treats indentation.
        span: where the quote was found.
        index: the lines of the text.
    """
    lines = _trimmed([line.rstrip() for line in _plain_lines(replacement)])
    if not lines:
        return ""
    there = indentation(index.line(span.start.line))
    here = indentation(lines[0])
    if span.start.column == len(there) and not _cut_before_first(lines, quote, span, index):
        lines[1:] = [
            there + line[len(here) :] if line and line.startswith(here) else line
            for line in lines[1:]
        ]
    lines[0] = lines[0][len(here) :]
    return line_ending(index.text).join(lines)


def _plain_lines(text: str) -> list[str]:
    """Return the lines without endings, and without a code fence around them."""
    lines = [without_ending(line) for line in split_lines(text)]
    filled = [number for number, line in enumerate(lines) if line.strip()]
    if len(filled) > 1 and _FENCE.match(lines[filled[0]]):
        closed = lines[filled[-1]].strip() in ("```", "~~~")
        lines = lines[filled[0] + 1 : filled[-1] if closed else None]
    return lines


def _variants(quote: str) -> Iterator[str]:
    """Yield a quote as it is, then without what an answer may have put before its lines."""
    lines = [line for line in _plain_lines(quote) if line.strip()]
    yield "\n".join(lines)
    seen = [lines]
    # Only some lines may be numbered, since only every tenth is in what was sent.
    for variant in (
        [_NUMBER.sub("", line, count=1) if _NUMBER.match(line) else line for line in lines],
        _without_diff_prefix(lines),
        _without_diff_prefix(
            [_NUMBER.sub("", line, count=1) if _NUMBER.match(line) else line for line in lines]
        ),
        [line.strip().strip("`") for line in lines],
    ):
        if variant and variant not in seen:
            seen.append(variant)
            yield "\n".join(variant)


def _without_diff_prefix(lines: list[str]) -> list[str]:
    """Return what a diff's lines leave standing: added and context lines, else removed ones."""
    if not any(line[:1] in "+-" for line in lines):
        return lines
    new = [line[1:] if line[:1] == "+" else line for line in lines if line[:1] != "-"]
    return new or [line[1:] for line in lines]


def _trimmed(lines: list[str]) -> list[str]:
    """Return lines without blank ones at the beginning and the end."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def _block_matches(wanted: list[str], index: LineIndex) -> Iterator[Range]:
    """Yield where whole lines stand, all of them indented alike more or less than wanted."""
    first = wanted[0].strip()
    for number in range(len(index.lines) - len(wanted) + 1):
        line = index.line(number)
        if first not in line or line.strip() != first:
            continue
        there = [index.line(number + offset).rstrip() for offset in range(len(wanted))]
        if _same_block(wanted, there):
            start = Position(number, len(indentation(line)))
            yield Range(start, Position(number + len(wanted) - 1, len(there[-1])))


def _same_block(wanted: list[str], there: list[str]) -> bool:
    more, less = indentation(there[0]), indentation(wanted[0])
    if wanted[1:] == there[1:]:
        return True  # Quoted from the first character that is not blank.
    return all(
        theirs == (more + ours[len(less) :] if ours else "") and ours[: len(less)] in (less, "")
        for ours, theirs in zip(wanted, there, strict=True)
    )


def _part_matches(wanted: list[str], index: LineIndex) -> Iterator[Range]:
    """Yield where a text stands that begins or ends within a line, not torn out of a word."""
    pattern = re.compile(
        (r"(?<!\w)" if is_word(wanted[0][0]) else "")
        + r"[ \t]*(?:\r\n|\n|\r)".join(map(re.escape, wanted))
        + (r"(?!\w)" if is_word(wanted[-1][-1]) else "")
    )
    for match in pattern.finditer(index.text):
        yield index.range_of(match.start(), match.end())


def _cut_before_first(lines: list[str], quote: str, span: Range, index: LineIndex) -> bool:
    """Whether only the first line lost its indentation and the others have theirs already."""
    there = indentation(index.line(span.start.line))
    if not there or indentation(lines[0]):
        return False
    quoted = _trimmed(_plain_lines(quote))
    if len(quoted) > 1:
        second = index.line(span.start.line + 1)
        return bool(quoted[1].strip()) and indentation(quoted[1]) == indentation(second)
    rest = [indentation(line) for line in lines[1:] if line]
    if not rest or not all(blanks.startswith(there) for blanks in rest):
        return False
    least = min(rest, key=len)
    opens_block = lines[0].endswith((":", "{", "(", "[", "=>", "do", "then"))
    return len(least) > len(there) or not opens_block
