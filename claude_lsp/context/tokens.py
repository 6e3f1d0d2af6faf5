"""How many tokens a text costs, estimated here instead of asked for.

Claude's tokenizers are not published. The base is cl100k (bundled, see NOTICE), whose counts are
too low for Claude: the difference is fitted from the shape of the text. Coefficients and spreads
come from comparing with the open reconstruction `ctok`: 1,218 samples of Python, TypeScript, Go,
C++, JSON and Markdown for the fit, 463 samples of the Python standard library to check it.

Nothing here loads the vocabulary by itself: `warm` does, in a worker thread (less than 0.1 s).
Until then, and if that fails, a text counts as one token for every two bytes.
"""

from __future__ import annotations

import functools
import itertools
import math
import threading
from typing import TYPE_CHECKING, Literal, NamedTuple

from claude_lsp.text.lines import split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import tiktoken

Family = Literal["claude-3", "claude-4.7"]
"""A tokenizer generation: up to and with Claude 4.6, or from 4.7 on."""

End = Literal["start", "end"]
"""Which end of a text is kept when it is cut."""

NEWEST: Family = "claude-4.7"

RANKS = 100_256
# Words (with a leading space or sign), numbers of up to three digits, signs, white space. The
# possessive quantifiers keep matching linear; the split is that of the vocabulary's publisher.
_SPLIT = (
    r"'(?i:[sdmt]|ll|ve|re)"
    r"|[^\r\n\p{L}\p{N}]?+\p{L}++"
    r"|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
# One call of the tokenizer gets at most this many characters.
_WINDOW = 65_536
# While somebody types, nearly every line has been counted before; longer texts come only once.
_LONGEST_KEPT_PIECE = 400
_KEPT_PIECES = 16_384

# The mean of true / cl100k counts for the old family; the new one is fitted below.
_OLD_RATIO = 1.27
# Shares of the estimate. On 463 samples of the Python standard library and 109 files of nine other
# kinds the bound held for more than 99 % of them.
_UPPER = {"claude-3": 1.6, "claude-4.7": 1.25}
# Scripts other than Latin vary by more; per byte that is not ASCII.
_UPPER_NOT_ASCII = 0.15
_UPPER_CONSTANT = 6
# No text costs more: even unknown scripts take about a token for each byte.
_MOST_PER_BYTE = 1.06
_PER_BYTE_UNLOADED = 0.5
_UPPER_PER_BYTE_UNLOADED = 0.8

# Hardly any text has more characters to a token.
_REACH = 6

_lock = threading.Lock()
_encoding: tiktoken.Encoding | None = None
_failure: str | None = None


class _Shape(NamedTuple):
    """What the fit knows of a text besides its cl100k count; all numbers are counts."""

    capitalised: int  # an upper case letter followed by a lower case one
    capitals: int  # runs of at least two upper case letters
    words: int  # runs of ASCII letters
    signs: int  # ASCII punctuation except "_"
    underscores: int
    newlines: int
    bytes: int


class _Count(NamedTuple):
    """What is known of a piece of text; the counts of pieces add up to that of the whole."""

    base: int  # tokens of cl100k
    fitted: float  # tokens of the newer family, by the fit
    size: int  # bytes
    not_ascii: int  # bytes beyond ASCII characters


def warm() -> bool:
    """Load the vocabulary if that was not done yet; return whether it is there.

    Takes less than 0.1 s of CPU the first time: call it in a worker thread.
    """
    global _encoding, _failure  # noqa: PLW0603  (one vocabulary for the process, never changed)
    with _lock:
        if _encoding is None and _failure is None:
            try:
                _encoding = _load()
            except (ImportError, OSError, ValueError, EOFError) as error:
                _failure = f"{type(error).__name__}: {error}"
    return _encoding is not None


def failure() -> str | None:
    """Return why the vocabulary could not be loaded, None if it was or nobody tried."""
    return _failure


def estimate(text: str, family: Family = NEWEST, *, correction: float = 1.0) -> int:
    """Return the expected number of tokens of a text.

    Args:
        text: any text.
        family: the tokenizer generation of the model that will read it.
        correction: true / estimated, as observed for such texts; 1 where nothing is known.
    """
    return math.ceil(_expected(text, family) * correction)


def upper_bound(text: str, family: Family = NEWEST, *, correction: float = 1.0) -> int:
    """Return a number of tokens that a text of code or prose exceeds in less than 1 % of cases.

    The bound is for single texts; for many together the relative spread is smaller. It does not
    hold for noise such as one letter repeated a thousand times.
    """
    if not text:
        return 0
    encoding = _encoding
    if encoding is None:
        size = _size(text)
        share = size * _UPPER_PER_BYTE_UNLOADED
        return min(math.ceil(share * correction), _most_of(size)) + _UPPER_CONSTANT
    return _bound(map(sum, zip(*_counts(text, encoding), strict=True)), family, correction)


def _bound(count: Iterable[float], family: Family, correction: float) -> int:
    base, fitted, size, not_ascii = count
    share = _of_family(base, fitted, family) * _UPPER[family] + not_ascii * _UPPER_NOT_ASCII
    return min(math.ceil(share * correction), _most_of(size)) + _UPPER_CONSTANT


def _most_of(size: float) -> int:
    return math.ceil(size * _MOST_PER_BYTE)


def fits(text: str, budget: int, family: Family = NEWEST, *, correction: float = 1.0) -> bool:
    """Whether the upper bound of a text is within a budget of tokens.

    A short text is decided by its size, and of a long one only the beginning is counted.
    """
    # Each character has at most four bytes.
    if len(text) * 4 * _MOST_PER_BYTE + 1 + _UPPER_CONSTANT <= budget:
        return True
    reach = max(0, budget) * _REACH
    if len(text) > 2 * reach and upper_bound(text[:reach], family, correction=correction) > budget:
        return False
    return upper_bound(text, family, correction=correction) <= budget


def cut(
    text: str,
    budget: int,
    keep: End = "start",
    family: Family = NEWEST,
    *,
    correction: float = 1.0,
) -> str:
    """Return as many whole lines of a text as fit a budget, by their upper bound.

    If not even one line fits, as much of it as does. The result never exceeds the budget.

    Args:
        text: any text.
        budget: tokens.
        keep: whether the beginning or the end of the text stays.
        family: the tokenizer generation of the model that will read it.
        correction: see `estimate`.
    """
    if budget <= 0:
        return ""

    def end(size: int) -> str:
        return text[:size] if keep == "start" else text[len(text) - size :]

    def cost(size: int) -> int:
        return upper_bound(end(size), family, correction=correction)

    # Only as much is looked at as can fit, however long the text is.
    reach = min(len(text), budget * _REACH)
    while (whole := _whole_lines(end(reach), budget, keep, family, correction)) == reach:
        if reach == len(text):
            return text
        reach = min(len(text), reach * 2)
    if whole:
        return end(whole)
    lines = split_lines(end(reach))
    return end(_most(range(len(lines[0 if keep == "start" else -1]) + 1), budget, cost))


def _whole_lines(text: str, budget: int, keep: End, family: Family, correction: float) -> int:
    """Return how many characters at one end of a text are whole lines that fit a budget.

    Each line is counted once, however many of them there are; blank lines come with the line
    that they follow.
    """
    encoding = _encoding
    if encoding is None or len(text) > _WINDOW:
        # What is counted roughly, or in larger pieces, is tried.
        lines = split_lines(text)
        sizes = list(itertools.accumulate(map(len, lines[:: 1 if keep == "start" else -1])))

        def cost(size: int) -> int:
            part = text[:size] if keep == "start" else text[len(text) - size :]
            return upper_bound(part, family, correction=correction)

        return len(text) if cost(len(text)) <= budget else _most([0, *sizes], budget, cost)
    pieces = _pieces(text)
    if keep == "end":
        pieces.reverse()
    base = fitted = size = not_ascii = 0.0
    kept = 0
    for piece in pieces:
        more = _count_of(piece, encoding)
        base += more.base
        fitted += more.fitted
        size += more.size
        not_ascii += more.not_ascii
        if _bound((base, fitted, size, not_ascii), family, correction) > budget:
            break
        kept += len(piece)
    return kept


def _most(sizes: Sequence[int], budget: int, cost: Callable[[int], int]) -> int:
    """Return the largest size whose cost is within the budget; the last one's is not."""
    low, high = 0, len(sizes) - 1
    low_cost, high_cost = 0, cost(sizes[high])
    for step in itertools.count():
        if high - low <= 1:
            break
        # Costs grow about evenly, so interpolating is fast; halving makes sure it ends soon.
        share = (budget - low_cost) / max(1, high_cost - low_cost) if step % 2 == 0 else 0.5
        middle = min(max(low + round((high - low) * share), low + 1), high - 1)
        middle_cost = cost(sizes[middle])
        if middle_cost <= budget:
            low, low_cost = middle, middle_cost
        else:
            high, high_cost = middle, middle_cost
    return sizes[low]


def _expected(text: str, family: Family) -> float:
    if not text:
        return 0.0
    encoding = _encoding
    if encoding is None:
        return max(1.0, _size(text) * _PER_BYTE_UNLOADED)
    base = fitted = 0.0
    for count in _counts(text, encoding):
        base += count.base
        fitted += count.fitted
    return _of_family(base, fitted, family)


def _of_family(base: float, fitted: float, family: Family) -> float:
    return base * _OLD_RATIO if family == "claude-3" else max(fitted, base)


def _counts(text: str, encoding: tiktoken.Encoding) -> Iterator[_Count]:
    return (_count_of(piece, encoding) for piece in _pieces(text))


def _pieces(text: str) -> list[str]:
    """Split a text so that the counts of its pieces add up to its own.

    No token and nothing of a shape reaches from a line ending to a line that is not blank.
    """
    if len(text) > _WINDOW:
        return [text[start : start + _WINDOW] for start in range(0, len(text), _WINDOW)]
    pieces: list[str] = []
    for line in split_lines(text):
        if pieces and line.isspace():
            pieces[-1] += line
        else:
            pieces.append(line)
    return pieces


def _count_of(piece: str, encoding: tiktoken.Encoding) -> _Count:
    count = _counted_once if len(piece) <= _LONGEST_KEPT_PIECE else _counted
    return count(piece, encoding)


def _counted(text: str, encoding: tiktoken.Encoding) -> _Count:
    """Return the cl100k count of a text, and what the fit makes of it."""
    base = len(encoding.encode_ordinary(text))
    shape = _shape(text)
    fitted = (
        1.024 * base
        + 1.703 * shape.capitalised
        + 2.202 * shape.capitals
        + 0.289 * shape.words
        + 0.305 * shape.signs
        + 0.842 * shape.underscores
        - 0.199 * shape.newlines
        + 0.023 * shape.bytes
    )
    not_ascii = 0 if text.isascii() else shape.bytes - sum(map(str.isascii, text))
    return _Count(base, fitted, shape.bytes, not_ascii)


_counted_once = functools.lru_cache(_KEPT_PIECES)(_counted)


def _classes(**groups: str) -> bytes:
    """Return a table for `bytes.translate` that maps each character of a group to its letter."""
    table = bytearray(b"." * 256)
    for letter, characters in groups.items():
        for character in characters:
            table[ord(character)] = ord(letter)
    return bytes(table)


_LOWER = "abcdefghijklmnopqrstuvwxyz"
_CASES = _classes(U=_LOWER.upper(), l=_LOWER)
_UPPER_ONLY = _classes(U=_LOWER.upper())
_LETTERS = _classes(L=_LOWER.upper() + _LOWER)
_SIGNS = _classes(s="!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~")


def _shape(text: str) -> _Shape:
    """Count by translating bytes, which is a hundred times faster than regular expressions."""
    data = text.encode("utf-8", "replace")
    return _Shape(
        capitalised=data.translate(_CASES).count(b"Ul"),
        capitals=(b"." + data.translate(_UPPER_ONLY)).count(b".UU"),
        words=(b"." + data.translate(_LETTERS)).count(b".L"),
        signs=data.translate(_SIGNS).count(b"s"),
        underscores=data.count(b"_"),
        newlines=data.count(b"\n"),
        bytes=len(data),
    )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _load() -> tiktoken.Encoding:
    import gzip
    import pkgutil

    import tiktoken

    # The tokens in the order of their ranks: those of one byte, then the others, between which
    # stand zeros. A hundred thousand are too many for a step of Python for each.
    packed = pkgutil.get_data("claude_lsp.context", "vocabulary.gz")
    data = gzip.decompress(packed or b"")
    tokens = [data[number : number + 1] for number in range(256)] + data[256:].split(b"\0")
    ranks = dict(zip(tokens, itertools.count(), strict=False))
    if len(ranks) != RANKS:
        raise ValueError(f"the vocabulary has {len(ranks)} entries instead of {RANKS}")
    encoding = tiktoken.Encoding(
        "claude_approx", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens={}
    )
    # It has its own copy, and keeps this one only to be copied itself: 12 MB.
    ranks.clear()
    return encoding
