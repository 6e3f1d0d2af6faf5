"""From candidates to the exact text that is sent.

In this order: redaction, token bound, rendering. What is sent is what `Context` renders to and
nothing else; the final texts are counted, so the bound holds for them and not for an estimate of
their parts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate, Style
from claude_lsp.context.excerpts import attribute, frame_name, numbered, render, windows_of
from claude_lsp.context.redact import Redactor
from claude_lsp.context.sent import Sent
from claude_lsp.text.lines import LineIndex, without_ending
from claude_lsp.text.positions import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claude_lsp.context.candidate import Excerpt, Subject
    from claude_lsp.context.redact import Redacted, Secret
    from claude_lsp.context.tokens import Family

USED_UP = "the token budget is used up"
_LONGEST_REASON = "a diagnostic points here (line 10000)"
CURSOR_MARK = "<CURSOR/>"
_LONGEST_TOKEN = 8
"""Characters; longer ones are rare, so a text of more per token of room can't fit."""
SHARE_BEFORE = 0.65
"""Of a window around a cursor: what comes next follows from what stands before it."""
_START_STEP, _STEP, _TYPED_LINES = 32, 4, 2
"""Lines. Of a document that is typed in, what is sent begins at every 32nd, and what a cache
may hold ends at every fourth, and so not elsewhere with each key; the last ones are being typed."""
_LEAST_ABOVE = 2 * _START_STEP
SMALLEST_PART = 60
"""Tokens below which a cut piece of a neighbouring file tells nothing."""


@dataclass(frozen=True)
class Part:
    """One piece of the context as it is sent.

    Attributes:
        origin: the file or label it is from.
        reason: why it is there.
        score: its rank among the candidates.
        text: exactly what is sent.
        tokens: upper bound for `text`.
        stable: whether a cache may serve it.
        secrets: kinds of secrets that were replaced in it.
        cut: whether only a part of it fitted.
        shared: whether it is the same for all files of the project.
        lasting: the pieces that it begins with and that stay the same for a while of typing, each
            its length in characters and its tokens.
    """

    origin: str
    reason: str
    score: float
    text: str
    tokens: int
    stable: bool
    secrets: tuple[str, ...] = ()
    cut: bool = False
    shared: bool = False
    lasting: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A candidate that is not sent, and why."""

    origin: str
    reason: str


@dataclass(frozen=True)
class Context:
    """What a request tells the model: ordered parts within a token bound.

    Attributes:
        parts: stable ones first, the subject last.
        left_out: what was not sent, and why.
        subject: the path of the document that the action is about; None where there is none.
        documents: what was sent of each document that findings may quote, by its path.
    """

    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    subject: str | None = None
    documents: Mapping[str, tuple[Sent, ...]] = field(default_factory=dict)

    def with_more(self, pieces: Iterable[Sent]) -> Context:
        """Return the context with pieces of files that the model was shown later."""
        documents = dict(self.documents)
        for piece in pieces:
            documents[piece.origin] = (*documents.get(piece.origin, ()), piece)
        return replace(self, documents=documents)

    @property
    def sent(self) -> Sent | None:
        """The subject as it was sent."""
        return None if self.subject is None else self.documents[self.subject][0]

    @property
    def tokens(self) -> int:
        """Upper bound on the tokens of all parts."""
        return sum(part.tokens for part in self.parts)


def assemble(
    subject: Subject | None,
    candidates: Iterable[Candidate],
    budget: int,
    family: Family,
    *,
    document_share: float = 0.75,
    left_out: Iterable[LeftOut] = (),
    redactor: Redactor | None = None,
    excerpts: Sequence[Excerpt] = (),
) -> Context:
    """Assemble a context of at most `budget` tokens.

    Args:
        subject: the document that the action is about; None for a question about the project.
        candidates: further pieces; the best are taken first until the budget is used up.
        budget: bound on the tokens of everything, checked against upper bounds.
        family: the model's tokenizer generation.
        document_share: the part of the budget that the subject can count on; it may also have
            what the candidates leave.
        left_out: what the caller already had to leave out, to be listed with the rest.
        redactor: for a caller with further texts of the same request.
        excerpts: parts of documents, chosen to fit; they come before any candidate.
    """
    dropped = list(left_out)
    ranked = sorted(candidates, key=lambda candidate: (-candidate.score, candidate.origin))
    redactor = redactor or Redactor()
    parts: list[Part] = []
    documents: dict[str, tuple[Sent, ...]] = {}
    remaining = budget
    document = subject_part = None
    excerpt_parts: list[Part] = []
    for excerpt in excerpts:
        made, windows = _excerpt_part(excerpt, family, redactor)
        if made.tokens > remaining:
            dropped.append(LeftOut(excerpt.origin, USED_UP))
            continue
        excerpt_parts.append(made)
        documents[excerpt.origin] = windows
        remaining -= made.tokens
    if subject is not None:
        document = _Document(subject, redactor)
        share = int(budget * document_share) if ranked else budget
        subject_part, sent = document.whole(share, family) or (None, None)
        # One that must be cut gets its share and what the others do not need.
        remaining -= share if subject_part is None else subject_part.tokens
        if sent is not None:
            documents[subject.origin] = (sent,)
    for candidate in ranked:
        rendered = _part(candidate, remaining, family, redactor)
        if rendered is None:
            dropped.append(LeftOut(candidate.origin, USED_UP))
            continue
        part, found, end = rendered
        if candidate.snapshot is not None:
            original = candidate.snapshot.index
            sent = Sent(candidate.origin, found, 0, end, original)
            documents.setdefault(candidate.origin, (sent,))
        parts.append(part)
        remaining -= part.tokens
    if subject is not None and document is not None and subject_part is None:
        subject_part, sent = document.part(share + remaining, family)
        documents[subject.origin] = (sent,)
    # Stable parts stand in front so that a cache can serve them; among them the best is last,
    # next to the document, where models attend most. Origins break ties: same input, same bytes.
    parts.sort(key=lambda part: (not part.shared, not part.stable, part.score, part.origin))
    if subject_part is not None:
        parts.append(subject_part)
    parts += excerpt_parts
    origin = None if subject is None else subject.origin
    return Context(tuple(parts), tuple(dropped), origin, documents)


def _part(
    candidate: Candidate, room: int, family: Family, redactor: Redactor
) -> tuple[Part, Redacted, int] | None:
    """Render one candidate within `room` tokens; None if nothing useful fits.

    Returns:
        the part, what was redacted, and how many characters of that are sent.
    """
    if room < SMALLEST_PART:
        return None
    # What can't fit need not be looked at; a token of code is rarely longer than this.
    head = candidate.text
    if len(head) > room * _LONGEST_TOKEN:
        head = head[: head.rfind("\n", 0, room * _LONGEST_TOKEN) + 1]
    found = redactor.redact(head)
    kinds = tuple(sorted({secret.kind for secret in found.found}))
    name = frame_name("file", found.text)
    whole = _wrapped(candidate, found.text, name)
    count = _count(whole, family)
    if count <= room and len(head) == len(candidate.text):
        part = _of(candidate, whole, count, kinds, cut=False)
        return part, found, len(found.text)
    frame = _count(_wrapped(candidate, "", name), family)
    body = tokens.cut(found.text, room - frame, "start", family)
    text = _wrapped(candidate, body, name)
    count = _count(text, family)
    if not body.strip() or count > room or count < SMALLEST_PART:
        return None
    part = _of(candidate, text, count, kinds, cut=True)
    return part, found, len(body)


def _of(candidate: Candidate, text: str, count: int, kinds: tuple[str, ...], *, cut: bool) -> Part:
    return Part(
        candidate.origin,
        candidate.reason,
        candidate.score,
        text,
        count,
        candidate.stable,
        kinds,
        cut,
        candidate.shared,
    )


class _Document:
    """The document without its secrets, to be rendered in as much room as there is."""

    def __init__(self, subject: Subject, redactor: Redactor) -> None:
        self._subject = subject
        self._found = redactor.redact(subject.snapshot.text)
        self._original = subject.snapshot.index
        self._index = self._original if not self._found.found else LineIndex(self._found.text)
        self._focus = tuple(
            self._found.to_redacted(self._original.offset_at(place)) for place in subject.focus
        )

    def whole(self, room: int, family: Family) -> tuple[Part, Sent] | None:
        """Render all of it; None if that is more than there is room for."""
        end = len(self._found.text)
        if end > max(0, room) * _LONGEST_TOKEN:
            return None
        pieces = self._pieces(0, end)
        return None if _total(pieces, family) > room else self._rendered(pieces, 0, end, family)

    def part(self, room: int, family: Family) -> tuple[Part, Sent]:
        """Render as much of it around the focus as fits."""
        whole = self.whole(room, family)
        if whole is not None:
            return whole
        # The number of tokens of a window is not quite the sum of its pieces, so a window that
        # does not fit is made smaller until it does; at last only the document's name is left.
        focus_start, focus_end = self._focus
        shrink = 0.95
        start, end = -1, len(self._found.text)
        pieces, count = [""], room + 1
        while count > room and start < end:
            start, end = _window(self._index, focus_start, focus_end, int(room * shrink), family)
            if self._subject.style is Style.CURSOR:
                start = self._lasting(start, focus_start)
            pieces = self._pieces(start, end)
            count = _total(pieces, family)
            shrink = shrink * 0.8 if shrink > 0.05 else 0
        return self._rendered(pieces, start, end, family)

    def _lasting(self, start: int, focus: int) -> int:
        """Return where to begin instead of a line, so that it is the same for a while of typing."""
        line = self._index.position_at(start).line
        if self._index.position_at(focus).line - line < _LEAST_ABOVE:
            return start  # where little is shown, all of it is needed
        snapped = self._index.offset_at(Position(-(-line // _START_STEP) * _START_STEP, 0))
        return snapped if start < snapped <= focus else start

    def _pieces(self, start: int, end: int) -> list[str]:
        """Render a window; what is typed in is in pieces, all but the last above the place.

        Caches hold each beginning of a prompt that ends at a cut, and a cut stays where it is.
        """
        text = _document(self._subject, self._index, start, end, self._focus[0])
        if self._subject.style is not Style.CURSOR:
            return [text]
        frame = text.index("\n") + 1  # the line that names the document
        cuts = [0, *(frame + step - start for step in self._steps(start)), len(text)]
        return [text[first:last] for first, last in itertools.pairwise(cuts)]

    def _steps(self, start: int) -> list[int]:
        first = self._index.position_at(start).line // _STEP * _STEP + _STEP
        end = self._index.position_at(self._focus[0]).line - _TYPED_LINES
        lines = range(first, end + 1, _STEP)
        return [self._index.offset_at(Position(line, 0)) for line in lines]

    def _rendered(
        self, pieces: list[str], start: int, end: int, family: Family
    ) -> tuple[Part, Sent]:
        found, origin = self._found, self._subject.origin
        kinds = {one.kind for one in found.found if _shown(found.to_redacted, one, start, end)}
        part = Part(
            origin,
            "the document",
            float("inf"),
            "".join(pieces),
            _total(pieces, family),
            stable=False,
            secrets=tuple(sorted(kinds)),
            cut=end - start < len(found.text),
            lasting=tuple((len(piece), _count(piece, family)) for piece in pieces[:-1]),
        )
        return part, Sent(origin, found, start, end, self._original)


def _excerpt_part(
    excerpt: Excerpt, family: Family, redactor: Redactor
) -> tuple[Part, tuple[Sent, ...]]:
    windows = windows_of(excerpt, redactor)
    text = render(excerpt, windows)
    found = windows[0].redacted
    kinds = {
        secret.kind
        for secret in found.found
        for window in windows
        if _shown(found.to_redacted, secret, window.start, window.end)
    }
    part = Part(
        excerpt.origin,
        "what is reviewed",
        float("inf"),
        text,
        _count(text, family),
        stable=False,
        secrets=tuple(sorted(kinds)),
        cut=not all(window.whole for window in windows),
    )
    return part, windows


def excerpt_tokens(excerpt: Excerpt, family: Family) -> int:
    """Return an upper bound of the tokens that an excerpt takes, frame included."""
    return _excerpt_part(excerpt, family, Redactor())[0].tokens


def _shown(to_redacted: Callable[[int], int], secret: Secret, start: int, end: int) -> bool:
    return to_redacted(secret.start) < end and to_redacted(secret.end) > start


def _window(
    index: LineIndex, focus_start: int, focus_end: int, room: int, family: Family
) -> tuple[int, int]:
    """Return the offsets of a window of about `room` tokens around the focus, whole lines."""
    text = index.text
    room -= 40  # the line that names the document, and the numbers
    top = index.offset_at(Position(index.position_at(focus_start).line, 0))
    bottom = index.offset_at(Position(index.position_at(focus_end).line + 1, 0))
    left = room - tokens.upper_bound(text[top:bottom], family)
    if left > 0:
        above = tokens.cut(text[:top], int(left * SHARE_BEFORE), "end", family)
        left -= tokens.upper_bound(above, family)
        below = tokens.cut(text[bottom:], left, "start", family)
        if bottom + len(below) == len(text):
            # Near the end of a document there is more room for what stands before.
            left += tokens.upper_bound(above, family) - tokens.upper_bound(below, family)
            above = tokens.cut(text[:top], left, "end", family)
        return top - len(above), bottom + len(below)
    # The focus itself is too large. What stands around a cursor in a long line matters most, and
    # of a selection its beginning, which is what the user sees first.
    share = SHARE_BEFORE if focus_start == focus_end else 0.2
    above = tokens.cut(text[top:focus_start], int(room * share), "end", family)
    left = room - tokens.upper_bound(above, family)
    below = tokens.cut(text[focus_start:bottom], left, "start", family)
    return focus_start - len(above), focus_start + len(below)


def _document(subject: Subject, index: LineIndex, start: int, end: int, focus: int) -> str:
    body = index.text[start:end]
    first = index.position_at(start).line + 1
    last = index.position_at(max(start, end - 1)).line + 1
    if subject.style is Style.NUMBERED:
        body = numbered(body, first)
    elif subject.style is Style.CURSOR:
        body = body[: focus - start] + CURSOR_MARK + body[focus - start :]
    whole = start == 0 and end == len(index.text)
    extent = "" if whole else f' lines="{first}-{last} of {len(index.lines)}"'
    if subject.style is Style.CURSOR and not whole:
        extent = f' from="line {first}"'  # where it ends changes with each line that is typed
    return framed(subject.origin, subject.snapshot.language, body, extent)


def framed(origin: str, language: str, body: str, extent: str = "") -> str:
    """Return (a part of) a document as it stands in a prompt, between two lines that name it."""
    name = frame_name("document", body)
    head = f'<{name} path="{attribute(origin)}" language="{attribute(language)}"{extent}>'
    return f"{head}\n{body}{_end(body)}</{name}>\n"


def _wrapped(candidate: Candidate, body: str, name: str) -> str:
    path, why = attribute(candidate.origin), attribute(candidate.reason)
    return f'<{name} path="{path}" why="{why}">\n{body}{_end(body)}</{name}>\n'


def candidate_tokens(origin: str, text: str, family: Family) -> int:
    """Return an upper bound of the tokens that a candidate takes, whatever the reason for it."""
    candidate = Candidate(origin, "", _LONGEST_REASON)
    return _count(_wrapped(candidate, text, frame_name("file", text)), family)


def _end(body: str) -> str:
    return "" if not body or body != without_ending(body) else "\n"


def _total(pieces: Iterable[str], family: Family) -> int:
    return sum(_count(piece, family) for piece in pieces)


@lru_cache(maxsize=512)
def _count(text: str, family: Family) -> int:
    return tokens.upper_bound(text, family)
