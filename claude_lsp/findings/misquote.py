"""Whether two texts differ only as a text and a careless quote of it do.

Invented code looks like code too: likeness alone takes `self.assertEqual(v, nd1)` for
`self.assertEqual(x, y)`. So words are compared one by one, in their order. A slip changes or swaps
letters of a long name; another name, number or operator is another text.
"""

from __future__ import annotations

import re

from rapidfuzz.distance import OSA, Indel, Levenshtein

_WORD = re.compile(r"\w+|[#=<>!+\-*/%&|^~]+")
_NAME = re.compile(r"\w")
_LETTERS_PER_SLIP = 8
"""Of a word: so many letters allow one slip more than the first."""

_LETTERS_PER_SLIP_IN_ALL = 30
_LEFT_OUT = 0.1
"""Of the letters, how many may stand in words that only one of the texts has."""

_SHORT = 3
"""Letters; in a shorter word, as in a number, one may be missing or too much, and no more."""


def is_misquote(quote: str, text: str) -> bool:
    """Whether a quote is of this text, a few slips apart.

    Args:
        quote: what is said to stand there.
        text: what stands there. Kinds of quotation marks are no words in either.
    """
    said, there = _WORD.findall(quote), _WORD.findall(text)
    letters = sum(map(len, said))
    slips = lost = added = 0
    for step in Levenshtein.opcodes(said, there):
        ours_here = said[step.src_start : step.src_end]
        theirs_here = there[step.dest_start : step.dest_end]
        if step.tag == "replace":
            for ours, theirs in zip(ours_here, theirs_here, strict=True):
                if (count := _slips(ours, theirs)) is None:
                    return False
                slips += count
        elif step.tag != "equal":
            lost += sum(map(len, ours_here))
            added += sum(map(len, theirs_here))
    most = 1 + letters // _LETTERS_PER_SLIP_IN_ALL
    return slips <= most and max(lost, added) <= _LEFT_OUT * letters


def _slips(ours: str, theirs: str) -> int | None:
    """Count the slips that make one word of another; None if they are two different ones."""
    if not (_NAME.match(ours) and _NAME.match(theirs)):
        return None
    length = min(len(ours), len(theirs))
    if length < _SHORT or ours[0].isdigit() or theirs[0].isdigit():
        # Another letter counts as two here: one that goes and one that comes.
        return 1 if Indel.distance(ours, theirs) == 1 else None
    digits, there = "".join(filter(str.isdigit, ours)), "".join(filter(str.isdigit, theirs))
    if len(digits) == len(there) and digits != there:
        return None
    slips = OSA.distance(ours, theirs)
    return slips if slips <= 1 + length // _LETTERS_PER_SLIP else None
