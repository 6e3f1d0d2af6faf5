"""Patterns in gitignore syntax, matched exactly as git matches them.

The rules are those of gitignore(5). A pattern is matched against a path itself, never against
its parents: whoever asks about a file first asks about every directory above it, as git does.
Text is treated as bytes (each `str` here is UTF-8 seen as Latin-1), because git's `?` and
`[...]` match one byte.
"""

from __future__ import annotations

import re
import string
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# git sets core.ignorecase on file systems that fold case, which are the usual ones here.
FOLDS_CASE = sys.platform in {"win32", "darwin"}

_POSIX_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class _AnyDirectories:
    """The segment `**`: any number of directories, none included."""


_ANY_DIRECTORIES = _AnyDirectories()
_Segment = str | re.Pattern[str] | _AnyDirectories


_LOWERED = {ord(letter): ord(letter.lower()) for letter in string.ascii_uppercase}
_STARS_BEHIND_NAME = re.compile(r"(?P<name>[^*?\[\\]*[^*?\[\\/])\*\*+(?P<tail>/.*|\Z)", re.DOTALL)
_REPEATED = re.compile(r"\A(?:\*\*+/)+(?=\*\*+/|\Z)")
_MOST_READINGS = 20
FLAGS = re.DOTALL | re.ASCII
_NAMES_REMEMBERED = 8192


class Pattern(NamedTuple):
    """One line of an ignore file.

    Attributes:
        source: the line as written.
        ignores: False for a line that starts with "!".
        directories_only: the line ended in "/".
        anchored: the line has a "/" elsewhere, so it is matched against the whole path.
        segments: what each part of the path must be; only one, for the name, if not anchored.
    """

    source: str
    ignores: bool
    directories_only: bool
    anchored: bool
    segments: tuple[_Segment, ...]


class Patterns:
    """The patterns of one ignore file, compiled; the last one that matches decides."""

    def __init__(self, lines: Iterable[str], *, fold_case: bool = FOLDS_CASE) -> None:
        self._fold = fold_case
        self.patterns: list[Pattern] = []
        for line in lines:
            self.patterns += _parse(as_bytes(line), fold_case=fold_case)
        # Most names match no pattern's last part, and many files share their names: which patterns
        # a name could match is found at once for all of them, and remembered.
        expressions = [
            pattern.segments[-1].pattern
            for pattern in self.patterns
            if isinstance(pattern.segments[-1], re.Pattern)
        ]
        flags = FLAGS | (re.IGNORECASE if fold_case else 0)
        any_of = "|".join(f"(?:{expression})" for expression in expressions)
        self._any_expression = re.compile(any_of or "(?!)", flags)
        lasts = (pattern.segments[-1] for pattern in self.patterns)
        self._names = {last for last in lasts if isinstance(last, str)}
        self._possible: dict[str, tuple[Pattern, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def match(self, parts: Sequence[str], *, directory: bool) -> Pattern | None:
        """Return the pattern that decides about a path, None where none matches.

        Args:
            parts: the path relative to the ignore file's directory, split, in `as_bytes` form.
            directory: whether the path is a directory.
        """
        name = _lowered(parts[-1]) if self._fold else parts[-1]
        possible = self._possible.get(name)
        if possible is None:
            possible = self._remember(name)
        for pattern in possible:
            if pattern.directories_only and not directory:
                continue
            if not pattern.anchored:
                return pattern
            folded = [_lowered(part) for part in parts] if self._fold else parts
            if _match_segments(pattern.segments, folded):
                return pattern
        return None

    def _remember(self, name: str) -> tuple[Pattern, ...]:
        """Return the patterns whose last part a name matches, the last one first."""
        found: tuple[Pattern, ...] = ()
        if name in self._names or self._any_expression.fullmatch(name):
            found = tuple(
                pattern
                for pattern in reversed(self.patterns)
                if _match_segment(pattern.segments[-1], name)
            )
        if len(self._possible) >= _NAMES_REMEMBERED:
            self._possible.clear()
        self._possible[name] = found
        return found


def matches_glob(path: str, glob: str) -> bool:
    """Whether a path, or its last part alone, matches a glob of the settings.

    Args:
        path: relative to the workspace, "/" between parts.
        glob: `*` stands for anything, also over folders.
    """
    return fnmatchcase(path, glob) or fnmatchcase(path.rpartition("/")[2], glob)


def as_bytes(text: str) -> str:
    """Return the UTF-8 bytes of a text as Latin-1 characters; ASCII is returned unchanged."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _lowered(text: str) -> str:
    """Fold case as git does: of ASCII letters only, since the rest are bytes of UTF-8 here."""
    return text.lower() if text.isascii() else text.translate(_LOWERED)


def _match_segment(segment: _Segment, name: str) -> bool:
    if isinstance(segment, str):
        return segment == name
    return not isinstance(segment, _AnyDirectories) and segment.fullmatch(name) is not None


def _match_segments(segments: Sequence[_Segment], parts: Sequence[str]) -> bool:
    """Match greedily, going back only to the last `**`: never more than len x len steps."""
    at, part, star, mark = 0, 0, -1, 0
    while part < len(parts):
        if at < len(segments) and segments[at] is _ANY_DIRECTORIES:
            star, mark = at, part
            at += 1
        elif at < len(segments) and _match_segment(segments[at], parts[part]):
            at += 1
            part += 1
        elif star >= 0:
            mark += 1
            at, part = star + 1, mark
        else:
            return False
    while at < len(segments) and segments[at] is _ANY_DIRECTORIES:
        at += 1
    return at == len(segments)


def _parse(line: str, *, fold_case: bool) -> list[Pattern]:
    """Return the pattern of a line: none, one, or several where git reads it in several ways."""
    line = line.removesuffix("\n").removesuffix("\r")
    if not line or line.startswith("#"):
        return []
    text = _without_trailing_spaces(line)
    source = text
    ignores = not text.startswith("!")
    if not ignores:
        text = text[1:]
    directories_only = text.endswith("/")
    if directories_only:
        text = text[:-1]
    if not text:
        return []
    anchored = "/" in text
    found = []
    for reading in _readings(text.removeprefix("/")) if anchored else (text,):
        segments = _segments(reading, fold_case=fold_case)
        if segments is None:
            continue
        if not anchored and segments[0] is _ANY_DIRECTORIES:
            segments = [re.compile(".*", re.DOTALL)]
        elif anchored and segments[-1] is _ANY_DIRECTORIES:
            # A trailing `/**` is what lies inside, not the directory itself.
            segments = [*segments, re.compile(".*", re.DOTALL)]
        found.append(Pattern(source, ignores, directories_only, anchored, tuple(segments)))
    return found


def _readings(text: str) -> list[str]:
    """Return the patterns that together match what git matches with an anchored one.

    git compares what stands before the first wildcard as plain text and only matches the rest, so
    that two stars behind a name (`ab**/c`) stand at the beginning and match directories after all:
    `abc` and `ab/x/c` as well as `abx/c`.
    """
    readings: list[str] = []
    while len(readings) < _MOST_READINGS and (special := _STARS_BEHIND_NAME.match(text)):
        name, tail = special["name"], special["tail"]
        if not tail:
            readings += [f"{name}*", f"{name}*/**"]
            return readings
        tail = _REPEATED.sub("", tail.removeprefix("/"))
        readings.append(f"{name}*/**/{tail}")
        text = name + tail
    return [*readings, text]


def _without_trailing_spaces(line: str) -> str:
    """Drop trailing spaces, except one that a backslash protects."""
    end = len(line)
    while end and line[end - 1] == " ":
        end -= 1
    backslashes = end - len(line[:end].rstrip("\\"))
    return line[: end + 1] if backslashes % 2 and end < len(line) else line[:end]


def _segments(text: str, *, fold_case: bool) -> list[_Segment] | None:
    """Split a pattern at "/" and compile its parts; None for one that can never match."""
    segments: list[_Segment] = []
    units: list[str] = []  # literals, `?` and classes as regular expressions; "*" for itself
    literal = ""
    plain = True
    flags = FLAGS | (re.IGNORECASE if fold_case else 0)

    def finish() -> None:
        nonlocal units, literal, plain
        if plain:
            segments.append(_lowered(literal) if fold_case else literal)
        elif len(units) > 1 and all(unit == "*" for unit in units):
            if not segments or segments[-1] is not _ANY_DIRECTORIES:
                segments.append(_ANY_DIRECTORIES)
        else:
            segments.append(re.compile(_expression(units), flags))
        units, literal, plain = [], "", True

    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "\\":
            if at == len(text):
                return None
            character = text[at]
            at += 1
            if character != "/":
                units.append(re.escape(character))
                literal += character
                continue
        if character == "/":
            finish()
        elif character in "*?":
            plain = False
            units.append("*" if character == "*" else ".")
        elif character == "[":
            plain = False
            compiled = _character_class(text, at)
            if compiled is None:
                return None
            expression, at = compiled
            units.append(expression)
        else:
            units.append(re.escape(character))
            literal += character
    finish()
    return segments


def _expression(units: Sequence[str]) -> str:
    """Join the units of one segment into an expression that never backtracks over a star."""
    chunks: list[str] = [""]
    for unit in units:
        if unit != "*":
            chunks[-1] += unit
        elif chunks[-1] or len(chunks) == 1:
            chunks.append("")
    if len(chunks) == 1:
        return chunks[0]
    # Between two stars the leftmost place of a chunk is always as good as any later one, so the
    # search for it may be atomic; only the last chunk is tied to the end.
    middle = "".join(f"(?>.*?{chunk})" for chunk in chunks[1:-1])
    return f"{chunks[0]}{middle}.*{chunks[-1]}"


def _character_class(text: str, at: int) -> tuple[str, int] | None:
    """Compile what follows a "["; None if the class has no end or an unknown name in it.

    Returns:
        the regular expression, and the offset behind the closing "]".
    """
    negated = text[at : at + 1] in {"!", "^"}
    at += negated
    start = at
    items = ""
    previous = ""
    while True:
        character = text[at : at + 1]
        if not character:
            return None
        if character == "]" and at > start:
            break
        at += 1
        if character == "[" and text.startswith(":", at):
            end = text.find("]", at + 1)
            if end < 0:
                return None
            name = text[at + 1 : end]
            if name.endswith(":"):
                if name[:-1] not in _POSIX_CLASSES:
                    return None
                items += _POSIX_CLASSES[name[:-1]]
                at, previous = end + 1, ""
                continue
        elif character == "-" and previous and text[at : at + 1] not in {"", "]"}:
            last = text[at]
            at += 1
            if last == "\\":
                last = text[at : at + 1]
                at += 1
                if not last:
                    return None
            if previous <= last:
                items += f"{re.escape(previous)}-{re.escape(last)}"
            previous = ""
            continue
        elif character == "\\":
            character = text[at : at + 1]
            at += 1
            if not character:
                return None
        items += _in_class(character)
        previous = character
    if not items:
        # Nothing can match an empty class; its negation matches any one character.
        return ("." if negated else r"(?!)."), at + 1
    return f"[{'^' if negated else ''}{items}]", at + 1


def _in_class(character: str) -> str:
    return f"\\{character}" if character in "\\]^-[&~|" else character
