"""Secrets out of a text, before it goes anywhere.

Two kinds of rules say what is one: its form (`secret_forms.py`), or what stands beside it
(`secret_words.py`). Here they are put together, and each secret becomes `<redacted:kind>`; line
breaks within it stay, so lines keep their numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.context.secret_forms import find_by_form, find_encoded, find_private_keys
from claude_lsp.context.secret_words import find_by_neighbours, find_url_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from claude_lsp.context.secret_forms import Span


NAME = re.compile(r"<redacted:[\w-]+>")
"""What stands in the place of a secret."""


class Secret(NamedTuple):
    """One secret that was found.

    Attributes:
        kind: what it is, such as `github-token`.
        start: offset of its first character in the original text.
        end: offset behind its last character.
        line: the line it starts on, 0-based.
    """

    kind: str
    start: int
    end: int
    line: int


class Redacted(NamedTuple):
    """A text without its secrets.

    Attributes:
        text: the text, with as many lines as the original.
        found: the secrets, in the order they stand.
        names: what stands in the place of each.
        secrets: what each name stands for.
    """

    text: str
    found: tuple[Secret, ...]
    names: tuple[str, ...] = ()
    secrets: Mapping[str, str] = MappingProxyType({})

    def to_original(self, offset: int) -> int:
        """Turn an offset of the redacted text into the original's; inside a name: its start."""
        shift = 0
        for secret, name in zip(self.found, self.names, strict=True):
            start = secret.start + shift
            if offset <= start:
                break
            if offset < start + len(name):
                return secret.start
            shift += len(name) - (secret.end - secret.start)
        return offset - shift

    def to_redacted(self, offset: int) -> int:
        """Turn an offset of the original text into the redacted one's; inside a secret: its end."""
        shift = 0
        for secret, name in zip(self.found, self.names, strict=True):
            if offset <= secret.start:
                break
            shift += len(name) - (secret.end - secret.start)
            if offset < secret.end:
                return secret.end + shift
        return offset + shift

    def restore(self, text: str) -> str | None:
        """Put the secrets of this text back where an answer kept their names.

        Returns None where a name stands for no secret of this text, such as one of another file
        or one that a model made up: nobody knows what belongs there.
        """
        own = {name.rstrip("\r\n") for name in self.secrets}
        for name, secret in self.secrets.items():
            text = text.replace(name, secret)
        if unknown := set(NAME.findall(text)):
            unknown -= set(NAME.findall(self.text)) - own
        return None if unknown else text


# With each key the same pieces of other files are sent again, beside a document that has changed.
_KEPT = 256
_LONGEST_KEPT = 10_000


class Redactor:
    """Redacts the texts of one request: the same secret gets the same name in all of them."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def redact(self, text: str) -> Redacted:
        """Return the text without its secrets, and where they stood."""
        spans = _kept_spans(text) if len(text) <= _LONGEST_KEPT else _spans(text)
        return self._replace(text, spans) if spans else Redacted(text, ())

    def _replace(self, text: str, spans: Sequence[Span]) -> Redacted:
        parts: list[str] = []
        found: list[Secret] = []
        names: list[str] = []
        secrets: dict[str, str] = {}
        position, line = 0, 0
        for start, end, kind in spans:
            secret = text[start:end]
            line += _line_breaks(text[position:start])
            name = self._name(kind, secret, text)
            names.append(name + "".join(re.findall(r"\r\n|\n|\r", secret)))
            secrets[names[-1]] = secret
            parts += (text[position:start], names[-1])
            found.append(Secret(kind, start, end, line))
            line += _line_breaks(text[start:end])
            position = end
        parts.append(text[position:])
        return Redacted("".join(parts), tuple(found), tuple(names), secrets)

    def _name(self, kind: str, secret: str, text: str) -> str:
        name = self._names.get((kind, secret))
        # What a text says by itself must not become a secret on the way back.
        while name is None or name in text:
            self._counts[kind] += 1
            number = f"-{self._counts[kind]}" if self._counts[kind] > 1 else ""
            name = self._names[kind, secret] = f"<redacted:{kind}{number}>"
        return name


def redact(text: str) -> Redacted:
    """Return one text without its secrets. Redacting the result again changes nothing."""
    return Redactor().redact(text)


def without_torn(text: str) -> str:
    """Return a text that can be cut between any two lines and redacted afterwards.

    From the middle of a key, or without the name that stands on the line above, nobody can tell a
    secret any more. Those are taken out here; all others are left.
    """
    torn: list[Span] = [
        (start, end, kind)
        for first, start, end, kind in find_by_neighbours(text)
        if _line_breaks(text[first:end])
    ]
    torn += find_private_keys(text)
    return Redactor()._replace(text, _merged(torn)).text if torn else text


@lru_cache(_KEPT)
def _kept_spans(text: str) -> list[Span]:
    return _spans(text)


def _spans(text: str) -> list[Span]:
    """Return where secrets stand: those, too, that show only once their neighbours are out."""
    spans = _merged(_find(text))
    before: list[Span] = []
    while spans != before:
        before = spans
        draft = Redactor()._replace(text, spans)  # a trial: it uses up no names
        more = [
            (draft.to_original(start), draft.to_original(end), kind)
            for start, end, kind in _find(draft.text)
        ]
        spans = _merged([*spans, *more])
    return spans


def _find(text: str) -> Iterator[Span]:
    """Yield the spans of secrets; the first rule to claim a place names it."""
    yield from _find_plain(text)
    yield from find_encoded(text, lambda plain: any(True for _ in _find_plain(plain)))


def _find_plain(text: str) -> Iterator[Span]:
    yield from find_by_form(text)
    if "://" in text:
        yield from find_url_passwords(text)
    for _, start, end, kind in find_by_neighbours(text):
        yield start, end, kind


def _merged(found: Iterable[Span]) -> list[Span]:
    """Join overlapping spans: nothing that any rule claimed may stay."""
    ordered = [(start, order, end, kind) for order, (start, end, kind) in enumerate(found)]
    spans: list[tuple[int, int, int, str]] = []
    for start, order, end, kind in sorted(ordered):
        if spans and start < spans[-1][2]:
            first, known, last, name = spans[-1]
            spans[-1] = (first, min(known, order), max(last, end), name if known < order else kind)
        else:
            spans.append((start, order, end, kind))
    return [(start, end, kind) for start, _, end, kind in spans]


def _line_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
