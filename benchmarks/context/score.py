"""What a context is worth at one place; needs no model and no judgement.

A definition is found if the line that heads it is in the context. That says nothing about what a
model would do with it, so how well the context predicts the very text is scored beside it, with a
compressor in the model's place: definitions alone are poor at that, look-alike code is good at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context import tokens
from benchmarks.context.cases import WORD

if TYPE_CHECKING:
    from benchmarks.context.cases import Case, Gold

_COMPARED = 80
"""Characters of a header that must agree: a folded signature, or one cut behind, still counts."""
_BODY_OPENERS = " {:=>(,"
_AFTER_HEADER = 3_000
"""Characters after a header in which its parameters count."""
_ENOUGH_PARAMETERS = 0.8
_SHORTEST_LEAK = 25
_PREFIX_OF_TEXT = 4_000
_ORDER = 8
_MEMORY = 16 << 20
# Repository maps draw lines beside the code.
_DRAWN = re.compile(r"^[\s│⋮█▏|]+")
_SPACE = re.compile(r"\s+")
_ENDING = re.compile(r"(/__init__)?\.\w+$")
_DEFINES = r"(?:class|interface|enum|type|namespace|def|struct)\s+"


class Found(NamedTuple):
    """What the context tells about one gold definition.

    Attributes:
        definition: its header is there, and it is clear that it is this one.
        signature: so are at least 80 % of its parameters, close behind.
        name: its name is there as a word.
    """

    definition: bool
    signature: bool
    name: bool


@dataclass(frozen=True)
class Score:
    """What a context is worth for a case.

    Attributes:
        found: one for each gold definition, in their order.
        unseen: share of the identifiers that occur nowhere else in the buffer and are in the
            context; None where there are none.
        leaked: the held-out text stands in the context although no file of the project has it.
        over: the text was longer than the budget; only the part within counts.
        tokens: of that part.
        bits: bits per byte that the held-out text takes after the context and the prefix, coded
            by PPMd of order 8; None if not measured. Lower is better.
    """

    found: tuple[Found, ...]
    unseen: float | None
    leaked: bool
    over: bool
    tokens: int
    bits: float | None = None

    @property
    def definitions(self) -> float:
        """Share of the gold definitions that are there."""
        return sum(each.definition for each in self.found) / len(self.found)

    @property
    def signatures(self) -> float:
        """Share of the gold definitions that are there with their parameters."""
        return sum(each.signature for each in self.found) / len(self.found)

    @property
    def names(self) -> float:
        """Share of the gold definitions whose name is there."""
        return sum(each.name for each in self.found) / len(self.found)

    @property
    def all(self) -> bool:
        """Whether every gold definition is there."""
        return all(each.definition for each in self.found)


def score(case: Case, text: str, budget: int, *, copied: bool, with_bits: bool = False) -> Score:
    """Score what an assembler answered.

    Args:
        case: the place.
        text: the whole answer.
        budget: in o200k tokens; what is beyond it does not count.
        copied: whether a file of the masked project has the held-out text too, so that it may be
            retrieved from there.
        with_bits: whether to compress, which takes most of the time.
    """
    kept, count = tokens.cut(text, budget)
    context = ContextText(kept)
    held = case.held.strip()
    unseen = [word in context.words for word in case.unseen]
    return Score(
        found=tuple(look_for(gold, context) for gold in case.golds),
        unseen=sum(unseen) / len(unseen) if unseen else None,
        leaked=can_leak(held) and held in kept and not copied,
        over=len(text) > len(kept),
        tokens=count,
        bits=bits_per_byte(case, kept) if with_bits else None,
    )


def can_leak(held: str) -> bool:
    """Whether a held-out text is long enough that finding it is no accident."""
    return len(held) > _SHORTEST_LEAK


class ContextText:
    """A context, taken apart once for all definitions that are looked for in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = frozenset(WORD.findall(text))

    @cached_property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """Each line with its spaces folded and without what is drawn before it, and its offset."""
        lines = []
        offset = 0
        for line in self.text.split("\n"):
            lines.append((_SPACE.sub(" ", _DRAWN.sub("", line).strip()), offset))
            offset += len(line) + 1
        return tuple(lines)

    def header_offset(self, gold: Gold) -> int | None:
        """Return where the header of a definition stands, None if it does not.

        A header that several lines of the project share counts only where the file is named, and
        the class that it belongs to.
        """
        wanted = gold.header[:_COMPARED].rstrip(_BODY_OPENERS)
        if not wanted:
            return None
        offsets = [offset for line, offset in self.lines if line.startswith(wanted)]
        if not offsets:
            return None
        if gold.header_count <= 1:
            return offsets[0]
        module = _ENDING.sub("", gold.file).replace("/", ".")
        place = self.text.find(gold.file)
        if place < 0:
            place = self.text.find(module)
        if place < 0:
            return None
        in_class = _DEFINES + re.escape(gold.parent or "") + r"\b"
        if gold.parent and not re.search(in_class, self.text):
            return None
        return next((offset for offset in offsets if offset >= place), offsets[0])


def look_for(gold: Gold, context: ContextText) -> Found:
    """Return what a context tells about a definition."""
    offset = context.header_offset(gold)
    signature = False
    if offset is not None:
        near = set(WORD.findall(context.text[offset : offset + _AFTER_HEADER]))
        there = sum(name in near for name in gold.params)
        signature = there >= _ENOUGH_PARAMETERS * len(gold.params)
    return Found(offset is not None, signature, gold.name in context.words)


def bits_per_byte(case: Case, context: str) -> float | None:
    """Return how many bits a byte of the held-out text costs after the context and the prefix."""
    held = case.held.encode()
    if not held:
        return None
    before = f"{context}\n\n{case.prefix[-_PREFIX_OF_TEXT:]}".encode()
    return 8 * (_compressed(before + held) - _compressed(before)) / len(held)


def _compressed(data: bytes) -> int:
    import pyppmd

    return len(pyppmd.compress(data, max_order=_ORDER, mem_size=_MEMORY))
