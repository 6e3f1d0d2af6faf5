"""What a reader of a text can't see in it: invisible characters, and letters that look like others.

Code that was written by somebody else may hold what is not seen in review: a text that runs the
other way round, a name that is not the name it seems to be, instructions in characters without a
shape. What a script or an emoji needs is no such thing.
"""

from __future__ import annotations

import re
from collections import Counter
from string import ascii_letters
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

INVISIBLE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""Inside of brackets of a pattern: control, surrogate and format characters (soft hyphen,
zero-width, bidi, tags), and the invisible ones that Unicode files under letters or marks: Hangul
fillers, variation selectors. Not tab and line feed."""

UNSEEN = "what can't be seen"
"""How users are told of such a thing."""
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_INVISIBLE_IN_LINE = re.compile(f"[\\n\\t{INVISIBLE}]")
_HARMLESS = frozenset("\r\f")
_CYRILLIC = (
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408"
)
_GREEK = (
    "\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)
_LETTERS = {
    **dict(zip(_CYRILLIC, "aceopxyijshdqwABEKMHOPCTXSIJ", strict=True)),
    **dict(zip(_GREEK, "oABEZHIKMNOPTYX", strict=True)),
    **{chr(0xFEE0 + ord(letter)): letter for letter in ascii_letters},
}
"""Letters that can't be told from Latin ones in most fonts, or by width alone, with those."""
_SIGNS = {
    "\u01c3": "!",
    "\u037e": ";",
    "\u2024": ".",
    "\u2044": "/",
    "\u2215": "/",
    "\ua789": ":",
}
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
_JOINERS, _MARKS = "\u200c\u200d", "\u061c\u200e\u200f"
_FIRST_TAG, _LAST_TAG, _FLAG = "\U000e0020", "\U000e007f", "\U0001f3f4"
_LONGEST_FLAG = 12
_MOST_NAMED = 3


def unseen(text: str) -> Counter[str]:
    """Return what a reader can't see in a text, each in words, with how often it is there."""
    if text.isascii() and _INVISIBLE.search(text) is None:
        return Counter()
    return Counter((*_invisible(text), *_lookalikes(text)))


def brought(new: str, old: str = "") -> str:
    """Return what a new text brings that can't be seen, in words; "" if it brings nothing.

    Args:
        new: the text.
        old: what it takes the place of: what is in that too is not new.
    """
    found = unseen(new)
    if not found:
        return ""
    found -= unseen(old)
    parts = [f"{what} ({count} times)" if count > 1 else what for what, count in found.items()]
    more = len(parts) - _MOST_NAMED
    return ", ".join(parts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def first_unseen(text: str) -> int | None:
    """Return the offset of the first character that a reader can't see, None if all can be."""
    if not unseen(text):
        return None
    places = [match.start() for match in _INVISIBLE.finditer(text) if _hides(text, match.start())]
    places += [match.start() for match in _WORD.finditer(text) if _mixed(match.group())]
    places += [match.start() for match in _SIGN.finditer(text)]
    return min(places)


def visible(text: str) -> str:
    r"""Return one line of text with every unseen character written out, such as `\x1b`.

    For source and paths, which must be shown as they are and still not steer a terminal. Tabs
    and line breaks are written out too.
    """
    return _INVISIBLE_IN_LINE.sub(_written_out, text)


def visible_lines(text: str) -> str:
    r"""Return lines of text with what can't be seen in them written out, such as `\x1b`.

    Tabs and line breaks stay, and so does what a script or an emoji needs.
    """
    text = text.replace("\r\n", "\n")
    if _INVISIBLE.search(text) is None:
        return text

    def spelled(match: re.Match[str]) -> str:
        seen = match.group() not in "\r\f" and not _hides(text, match.start())
        return match.group() if seen else _written_out(match)

    return _INVISIBLE.sub(spelled, text)


def _invisible(text: str) -> Iterator[str]:
    for match in _INVISIBLE.finditer(text):
        if _hides(text, match.start()):
            yield _named(match.group())


def _lookalikes(text: str) -> Iterator[str]:
    if text.isascii():
        return
    for match in _WORD.finditer(text):
        if (letter := _mixed(match.group())) is not None:
            yield f"{_named(letter)} in place of {_LETTERS[letter]}"
    for match in _SIGN.finditer(text):
        yield f"{_named(match.group())} in place of {_SIGNS[match.group()]}"


def _mixed(word: str) -> str | None:
    """Return the first letter of a word of Latin letters that only looks like one of them."""
    if word.isascii() or not any(letter.isascii() for letter in word):
        return None
    return next((letter for letter in word if letter in _LETTERS), None)


def _named(character: str) -> str:
    import unicodedata

    return f"U+{ord(character):04X} {unicodedata.name(character, 'CONTROL CHARACTER')}"


def _hides(text: str, place: int) -> bool:
    """Whether an invisible character is there for nothing that a reader sees."""
    character = text[place]
    if character in _HARMLESS:
        return False
    before, behind = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    if character in _JOINERS:
        # Emoji of several parts, and the scripts in which letters join.
        return before.isascii() or behind.isascii() or _is_invisible(before)
    if character in _MARKS:
        return not (_runs_left(before) or _runs_left(behind))
    if "\ufe00" <= character <= "\ufe0f":
        return (
            not before
            or _is_invisible(before)
            or (before.isascii() and before not in "#*0123456789")
        )
    if "\U000e0100" <= character <= "\U000e01ef":
        return before.isascii() or _is_invisible(before)
    if _FIRST_TAG <= character <= _LAST_TAG:
        start = text.rfind(_FLAG, max(place - _LONGEST_FLAG, 0), place)
        return start < 0 or not all(
            _FIRST_TAG <= tag <= _LAST_TAG for tag in text[start + 1 : place]
        )
    return True


def _is_invisible(character: str) -> bool:
    return _INVISIBLE.match(character) is not None


def _runs_left(character: str) -> bool:
    import unicodedata

    return bool(character) and unicodedata.bidirectional(character) in ("R", "AL")


def _written_out(match: re.Match[str]) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(match.group())
    short = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return named.get(match.group(), short if code < 0x10000 else f"\\U{code:08x}")
