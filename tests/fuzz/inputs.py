"""How the bytes of a fuzzer become the texts that a target needs, and how they are changed.

The parts of an input are separated by the byte 0xff, which stands in no UTF-8 text: so a case of
the corpus can be read and written by hand, and a fuzzer that changes bytes changes one part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SEPARATOR = b"\xff"
LARGEST = 1 << 16
"""Bytes of an input; what is longer is cut."""


def texts(data: bytes, count: int) -> list[str]:
    """Return so many texts; those that are missing are empty, what is left goes into the last."""
    parts = data[:LARGEST].split(SEPARATOR, count - 1)
    parts += [b""] * (count - len(parts))
    return [part.decode("utf-8", "replace") for part in parts]


def pieces(text: str, seed: bytes) -> Iterator[str]:
    """Cut a text as a stream might: the seed says how."""
    state, position = crc32(seed), 0
    while position < len(text):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        # Mostly a few characters, now and then many.
        size = 1 + (state >> 16) % (7 if state & 0x3000 else 200)
        yield text[position : position + size]
        position += size


def chosen(seed: bytes, choices: Sequence[str]) -> str:
    """Return one of the choices; the seed says which."""
    return choices[crc32(seed) % len(choices)]


class Edit(NamedTuple):
    """One change of an input.

    Attributes:
        kind: "insert" puts a text in, "cut" takes some bytes away, "repeat" doubles them many
            times, "move" puts a copy of them elsewhere, "flip" changes one of their bits.
        at: where, as a share of the input.
        length: bytes that it is about.
        word: what is put in.
        number: how often, how far, or which bit.
    """

    kind: str
    at: float
    length: int
    word: bytes
    number: int


KINDS = ("insert", "cut", "repeat", "move", "flip")


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    """Return an input with the changes made, one after the other."""
    for edit in edits:
        start = int(edit.at * len(data))
        end = min(len(data), start + edit.length)
        part = data[start:end]
        if edit.kind == "insert":
            data = data[:start] + edit.word + data[start:]
        elif edit.kind == "cut":
            data = data[:start] + data[end:]
        elif edit.kind == "repeat":
            data = data[:start] + part * (2 + edit.number) + data[end:]
        elif edit.kind == "move":
            place = (start + edit.number) % (len(data) + 1)
            data = data[:place] + part + data[place:]
        elif part:
            flipped = part[0] ^ (1 << edit.number % 8)
            data = data[:start] + bytes((flipped,)) + data[start + 1 :]
        data = data[:LARGEST]
    return data
