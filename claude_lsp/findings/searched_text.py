"""One text prepared for finding quotes in it: without blanks, and with the way back."""

from __future__ import annotations

import bisect
import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from claude_lsp.text.lines import LineIndex, split_lines
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

How = Literal["exact", "inline", "ellipsis", "similar"]


class Located(NamedTuple):
    """The place of a quote.

    Attributes:
        range: from the first to behind the last character that is not blank.
        how: `exact` for whole lines, `inline` for a part of one or more lines, `ellipsis` for a
            beginning and an end with something left out between, `similar` for lines that differ
            a little from the quote.
    """

    range: Range
    how: How


SIMILARITY = 0.75
"""The least similarity of lines near the hint that are taken for a quote with slips in it."""

_SIMILARITY_ANYWHERE = 0.9
_NEAR = 60
"""Lines from the hint within which the lower bounds hold."""

_TRIVIAL = 6
"""Non-blank characters; a shorter quote is found only within `_TRIVIAL_REACH` lines of a hint."""

_TRIVIAL_REACH = 2
_INLINE_PENALTY = 8
"""Lines; how much farther from the hint whole lines may be to be preferred to a part of a line."""

_ELLIPSIS_REACH = 200
_LEAST_SIMILAR = 8
_LEAST_SIMILAR_ANYWHERE = 16
"""Non-blank characters of a quote with slips in it."""

_SIMILAR_LINES = 40
_SIMILAR_REACH = 5_000
_MATCH_LIMIT = 2_000

_FILLED_RUN = re.compile(r"\S+")
_ELLIPSIS = re.compile(r"(?://|#|--|/\*|;)?(?:\.{3,}|…)(?:\*/)?")  # In text without blanks.
_WORD = re.compile(r"[^\W\d]\w{2,}")
_KEYWORD_LINE = re.compile(
    r"(?:return|continue|finally|default|except|break|raise|throw|begin|yield|await)?[\W\d]*"
)
# One character for one, so that offsets stay what they are.
_ALIKE = str.maketrans("'`\u2018\u2019\u201c\u201d\u2013\u2014", '"""""' + '"--')


class SearchedText:
    """One text prepared for many searches: without blanks, and with the way back."""

    def __init__(self, text: str) -> None:
        self.index = LineIndex(text)

    @cached_property
    def keys(self) -> list[str]:
        """The lines without blanks and with one kind of quotation marks."""
        return [squeezed(line) for line in self.index.lines]

    @cached_property
    def text(self) -> str:
        """The keys joined: in it a quote is found wherever its lines are broken."""
        return "".join(self.keys)

    @cached_property
    def starts(self) -> list[int]:
        """Where each line's key starts in `text`."""
        starts, offset = [], 0
        for key in self.keys:
            starts.append(offset)
            offset += len(key)
        return starts

    @cached_property
    def filled(self) -> list[int]:
        """The numbers of the lines that are not blank."""
        return [number for number, key in enumerate(self.keys) if key]

    def nearest(self, key: str, hint: int | None) -> Located | None:
        """Find a squeezed text, whole lines before parts of lines unless those are far off."""
        if not key:
            return None
        trivial = (
            len(key) < _TRIVIAL or not _WORD.search(key) or _KEYWORD_LINE.fullmatch(key) is not None
        )
        if trivial and hint is None:
            return None
        best: tuple[int, int, int, bool] | None = None
        for start in self._occurrences(key, hint):
            end = start + len(key)
            whole = self._is_line_start(start) and self._is_line_end(end)
            if not whole and not self._at_words(start, end):
                continue
            line = self._line_of(start)
            distance = 0 if hint is None else abs(line - hint)
            if trivial and (distance > _TRIVIAL_REACH or not (whole or any(map(str.isalnum, key)))):
                continue
            cost = distance + (0 if whole else _INLINE_PENALTY)
            if best is None or cost < best[0]:
                best = (cost, start, end, whole)
        if best is None:
            return None
        _, start, end, whole = best
        return Located(self._range(start, end), "exact" if whole else "inline")

    def ellipsis(self, quote: str, hint: int | None) -> Located | None:
        """Find the two ends of a quote whose middle was left out."""
        key = squeezed(quote)
        pieces = [piece for piece in _ELLIPSIS.split(key) if piece]
        if not pieces or pieces == [key]:
            return None
        head, tail = pieces[0], pieces[-1]
        if len(head) < _TRIVIAL or not _WORD.search(head):
            return None
        if len(pieces) == 1:
            found = self.nearest(head, hint)
            return Located(found.range, "ellipsis") if found else None
        best: tuple[int, int, int] | None = None
        for start in self._occurrences(head, hint):
            line = self._line_of(start)
            last = min(line + _ELLIPSIS_REACH, len(self.starts) - 1)
            limit = self.starts[last] + len(self.keys[last])
            behind = start + len(head)
            if not all(self.text.find(piece, behind, limit) >= 0 for piece in pieces[1:]):
                continue
            found_tail = self.text.find(tail, behind, limit)
            distance = 0 if hint is None else abs(line - hint)
            if best is None or distance < best[0]:
                best = (distance, start, found_tail + len(tail))
        return Located(self._range(*best[1:]), "ellipsis") if best else None

    def similar(self, quote: str, hint: int | None) -> Located | None:
        """Find the lines that differ least from the quote, if they differ little."""
        from rapidfuzz import fuzz, process

        from claude_lsp.findings.misquote import is_misquote

        quoted = [line for line in split_lines(quote) if squeezed(line)][:_SIMILAR_LINES]
        wanted = [squeezed(line) for line in quoted]
        joined, whole = "".join(wanted), "\n".join(quoted)
        if len(joined) < (_LEAST_SIMILAR_ANYWHERE if hint is None else _LEAST_SIMILAR):
            return None
        first, last = 0, len(self.filled)
        if hint is not None:
            near = bisect.bisect_left(self.filled, hint)
            first, last = max(0, near - _SIMILAR_REACH), near + _SIMILAR_REACH
        filled = self.filled[first : min(last, first + 2 * _SIMILAR_REACH)]
        # The longest line says most about where to look; around its likenesses the whole is
        # compared.
        probe = max(range(len(wanted)), key=lambda number: len(wanted[number]))
        likenesses = process.extract(
            wanted[probe],
            [self.keys[number] for number in filled],
            scorer=fuzz.ratio,
            score_cutoff=60,
            limit=50,
        )
        best: tuple[float, int, int] | None = None
        for _, _, place in likenesses:
            begin = place - probe
            if begin < 0:
                continue
            lines = filled[begin : begin + len(wanted)]
            likeness = fuzz.ratio(joined, "".join(self.keys[number] for number in lines)) / 100
            distance = 0 if hint is None else abs(lines[0] - hint)
            is_near = hint is not None and distance <= _NEAR
            if not is_near and len(joined) < _LEAST_SIMILAR_ANYWHERE:
                continue
            if likeness < (SIMILARITY if is_near else _SIMILARITY_ANYWHERE):
                continue
            if not is_misquote(whole, "\n".join(self.index.line(number) for number in lines)):
                continue
            # A likeness that is 1 % better is worth 10 lines of distance.
            score = likeness - min(distance, 200) / 1_000
            if best is None or score > best[0]:
                best = (score, lines[0], lines[-1])
        if best is None:
            return None
        _, top, bottom = best
        end = Position(bottom, len(self.index.line(bottom).rstrip()))
        return Located(Range(Position(top, len(indentation(self.index.line(top)))), end), "similar")

    def _occurrences(self, key: str, hint: int | None) -> Iterator[int]:
        """Yield where a squeezed text starts, all around the hint if there are very many."""
        start = 0
        if hint is not None and self.text.count(key) > _MATCH_LIMIT and self.starts:
            around = self.starts[min(max(hint - _NEAR, 0), len(self.starts) - 1)]
            start = around
        for _ in range(_MATCH_LIMIT):
            start = self.text.find(key, start)
            if start < 0:
                return
            yield start
            start += 1

    def _line_of(self, offset: int) -> int:
        return bisect.bisect_right(self.starts, offset) - 1

    def _is_line_start(self, offset: int) -> bool:
        return self.starts[self._line_of(offset)] == offset

    def _is_line_end(self, offset: int) -> bool:
        return offset == len(self.text) or self._is_line_start(offset)

    def _at_words(self, start: int, end: int) -> bool:
        """Whether a part of a line does not begin within a word, nor end within one if short.

        A long one may have been cut off anywhere.
        """
        index = self.index
        first = self._place(start)
        before = index.line(first.line)[: first.column][-1:]
        if _continues(before, self.text[start]) and first.column:
            return False
        if end - start >= 2 * _TRIVIAL or (self._is_line_start(start) and end - start >= _TRIVIAL):
            return True
        last = self._place(end - 1)
        after = index.line(last.line)[last.column + 1 : last.column + 2]
        return not _continues(self.text[end - 1], after)

    def _place(self, offset: int) -> Position:
        """Return the position of a character of `text` in the text itself."""
        number = self._line_of(offset)
        left = offset - self.starts[number]
        for run in _FILLED_RUN.finditer(self.index.line(number)):
            if left < run.end() - run.start():
                return Position(number, run.start() + left)
            left -= run.end() - run.start()
        raise AssertionError("an offset outside the searched text")

    def _range(self, start: int, end: int) -> Range:
        last = self._place(end - 1)
        return Range(self._place(start), Position(last.line, last.column + 1))


@lru_cache(maxsize=4)
def searched_text(text: str) -> SearchedText:
    """Prepare a text once for the many quotes of one answer."""
    return SearchedText(text)


def squeezed(text: str) -> str:
    """Return a text without blanks and with one kind of quotation marks."""
    return "".join(text.split()).translate(_ALIKE)


def _continues(before: str, after: str) -> bool:
    """Whether two neighbouring characters belong to the same word."""
    return bool(before and after) and is_word(before) and is_word(after)


def is_word(character: str) -> bool:
    """Whether a character can be part of a name."""
    return character.isalnum() or character == "_"


def indentation(line: str) -> str:
    """Return the blanks at the beginning of a line."""
    return line[: len(line) - len(line.lstrip())]
