"""From the turns of a conversation to the messages that are sent, within a bound.

What a turn refers to stands in the message of the first turn that names it, so that the messages
in front stay as they are while a conversation goes on, and caches can serve them. Where there is
no room, the oldest turns are left out, many at a time: what is then in front stays there for
several turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.context import tokens
from claude_lsp.context.assemble import SMALLEST_PART, USED_UP, Context, LeftOut, Part, framed
from claude_lsp.context.candidate import Lines
from claude_lsp.context.redact import Redactor
from claude_lsp.text.lines import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claude_lsp.context.tokens import Family
    from claude_lsp.text.conversation import Reference, Role, Turn

BEGINNING = "(What was said before is not shown.)"
"""Stands in front of an answer of which the question is not sent."""
_MESSAGE = 8
"""Tokens that a message takes beside its text."""
_FRAME = 60
"""Tokens, about, of the lines around an attachment."""
_STEP = 0.4
"""Share of the room that becomes free each time the oldest turns are left out."""
_CHARACTERS = 3
"""In a token, about: only to tell where to cut, in the same places each time."""
_LONGEST_TOKEN = 8
"""Characters; a text of more for each token of room can't fit."""


@dataclass(frozen=True)
class Attachment:
    """Something that a turn refers to.

    Attributes:
        origin: the path of a file, or a label such as "diagnostics".
        text: the whole file, or the text.
        language: of the text.
        lines: the part of the text that is meant; None for all of it.
    """

    origin: str
    text: str
    language: str = "plaintext"
    lines: Lines | None = None


class Message(NamedTuple):
    """One message: what it is made of, what it refers to first."""

    role: Role
    parts: tuple[Part, ...]


class Messages(NamedTuple):
    """A list of messages that begins and ends with the user's, and what is not in it.

    Attributes:
        messages: alternately the user's and Claude's; empty where nothing can be sent.
        left_out: what is not sent, and why.
        problem: why nothing can be sent, None if something can.
    """

    messages: tuple[Message, ...]
    left_out: tuple[LeftOut, ...] = ()
    problem: str | None = None

    @property
    def context(self) -> Context:
        """The same as a context, for whoever shows what is sent."""
        parts = tuple(part for message in self.messages for part in message.parts)
        return Context(parts, self.left_out)

    @property
    def tokens(self) -> int:
        """Upper bound for all of it."""
        return sum(part.tokens for part in self.context.parts) + _MESSAGE * len(self.messages)


def within_reach(turns: Sequence[Turn], limit: int) -> Sequence[Turn]:
    """Return the newest turns, without those that can't fit whatever their tokens are."""
    room = limit * _LONGEST_TOKEN
    for place in range(len(turns) - 1, -1, -1):
        room -= len(turns[place].text)
        if room < 0:
            return turns[place + 1 :]
    return turns


def assemble_messages(
    turns: Sequence[Turn],
    attachments: Mapping[Reference, Sequence[Attachment]],
    limit: int,
    family: Family,
    redactor: Redactor | None = None,
) -> Messages:
    """Return the messages of a conversation, in at most `limit` tokens, secrets replaced.

    Args:
        turns: as `text.conversation.parse` returned them.
        attachments: what the references of the turns stand for; one that is missing is nothing.
        limit: bound on the tokens of everything, checked against upper bounds.
        family: the model's tokenizer generation.
        redactor: for a caller with further texts of the same request.
    """
    if not turns or turns[-1].role != "user":
        return Messages((), problem="there is no question at its end")
    made = Messages(())
    for first in _beginnings(turns, attachments, limit, family):
        # From the front, so that the same secret has the same name in the next request.
        made = _assembled(
            turns,
            first,
            attachments,
            limit=limit,
            family=family,
            redactor=redactor or Redactor(),
        )
        if made.problem is None:
            break
    return made


def _beginnings(
    turns: Sequence[Turn],
    attachments: Mapping[Reference, Sequence[Attachment]],
    limit: int,
    family: Family,
) -> Iterator[int]:
    """Yield the turns that may be the first one sent, that which leaves out least in front.

    Only where a new block of text begins may it be, so that it stays the same for several turns.
    """
    block, seen, number, places = max(1, int(limit * _STEP * _CHARACTERS)), 0, -1, []
    for place, turn in enumerate(turns):
        # An answer comes first only where the conversation itself begins with one.
        may_begin = turn.role == "user" or not place
        if may_begin and (seen // block != number or place == len(turns) - 1):
            places.append(place)
            number = seen // block
        seen += len(turn.text)
    fits, total = len(turns) - 1, 0
    named: set[Reference] = set()
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if total + len(turn.text) // _LONGEST_TOKEN > limit:
            break
        total += tokens.upper_bound(turn.text, family) + _MESSAGE
        for each in _first_named(turn, named, attachments):
            # What the newest turn refers to is cut where it must be.
            if place < len(turns) - 1:
                total += tokens.upper_bound(_meant(each), family) + _FRAME
        if total > limit:
            break
        fits = place
    yield from (place for place in places if place >= fits)


def _assembled(
    turns: Sequence[Turn],
    first: int,
    attachments: Mapping[Reference, Sequence[Attachment]],
    *,
    limit: int,
    family: Family,
    redactor: Redactor,
) -> Messages:
    left_out = []
    if first:
        count = f"{first} oldest turns" if first > 1 else "oldest turn"
        left_out.append(LeftOut(f"the {count}", USED_UP))
    named: set[Reference] = set()
    makers: list[tuple[Role, list[_Made], Part]] = []
    for place in range(first, len(turns)):
        turn = turns[place]
        made = [_made(each, redactor) for each in _first_named(turn, named, attachments)]
        found = redactor.redact(turn.text)
        kinds = tuple(sorted({secret.kind for secret in found.found}))
        who = "you" if turn.role == "user" else "Claude"
        said = _part(f"turn {place + 1}", found.text, family, who, kinds)
        makers.append((turn.role, made, said))
    messages: list[Message] = []
    if turns[first].role == "assistant":
        messages.append(Message("user", (_part("before", BEGINNING, family),)))
    needed = sum(part.tokens for message in messages for part in message.parts)
    needed += sum(said.tokens for *_, said in makers) + _MESSAGE * (len(makers) + len(messages))
    if needed > limit:
        return Messages((), problem=_too_long(needed, limit))
    room = limit - needed
    for role, made, said in makers:
        parts: list[Part] = []
        for each in made:
            attached, cut = _attached(each, room, family)
            if attached is not None:
                parts.append(attached)
                room -= attached.tokens
            if cut:
                left_out.append(LeftOut(cut, USED_UP))
        messages.append(Message(role, (*parts, said)))
    return Messages(tuple(messages), tuple(left_out))


def _first_named(
    turn: Turn, named: set[Reference], attachments: Mapping[Reference, Sequence[Attachment]]
) -> Iterator[Attachment]:
    """Yield what a turn refers to and no other has; `named` is what they have."""
    for reference in turn.references:
        if reference in named or reference._replace(first=0, last=0) in named:
            continue
        named.add(reference)
        yield from attachments.get(reference, ())


class _Made(NamedTuple):
    """An attachment without its secrets.

    Attributes:
        origin: where it is from.
        language: of the text.
        text: what is meant.
        first: the line at which it begins, 0-based.
        of: how many lines all of its document has.
        secrets: kinds of what was replaced.
    """

    origin: str
    language: str
    text: str
    first: int
    of: int
    secrets: tuple[str, ...]

    def framed(self, body: str) -> str:
        """Return a beginning of it as it is sent."""
        shown = len(split_lines(body))
        if self.first == 0 and shown == self.of:
            return framed(self.origin, self.language, body)
        extent = f' lines="{self.first + 1}-{self.first + shown} of {self.of}"'
        return framed(self.origin, self.language, body, extent)

    def rest_of(self, body: str) -> str:
        """Return what comes behind a beginning of it, in words."""
        return f"{self.origin} from line {self.first + len(split_lines(body)) + 1} on"


def _made(attachment: Attachment, redactor: Redactor) -> _Made:
    # All of the text, since a secret of several lines is not known by its middle.
    found = redactor.redact(attachment.text)
    lines = split_lines(found.text)
    extent = attachment.lines or Lines(0, len(lines) - 1)
    kinds = {one.kind for one in found.found if extent.first <= one.line <= extent.last}
    return _Made(
        attachment.origin,
        attachment.language,
        "".join(lines[extent.first : extent.last + 1]),
        extent.first,
        len(lines),
        tuple(sorted(kinds)),
    )


def _attached(made: _Made, room: int, family: Family) -> tuple[Part | None, str]:
    """Return as much of an attachment as fits, and what is not in it, in words."""

    def part(body: str, *, cut: bool) -> Part:
        text = made.framed(body)
        return _part(made.origin, text, family, "you refer to it", made.secrets, cut=cut)

    if len(made.text) <= max(0, room) * _LONGEST_TOKEN:
        whole = part(made.text, cut=False)
        if whole.tokens <= room:
            return whole, ""
    body = tokens.cut(made.text, max(0, room - _FRAME), "start", family)
    body = body[: body.rfind("\n") + 1]
    while body and (found := part(body, cut=True)).tokens > room:
        body = body[: body.rfind("\n", 0, len(body) * 9 // 10) + 1]
    if not body.strip() or found.tokens < SMALLEST_PART:
        return None, made.origin
    return found, made.rest_of(body)


def _meant(attachment: Attachment) -> str:
    lines = attachment.lines
    if lines is None:
        return attachment.text
    return "".join(split_lines(attachment.text)[lines.first : lines.last + 1])


def _part(
    origin: str,
    text: str,
    family: Family,
    reason: str = "",
    secrets: tuple[str, ...] = (),
    *,
    cut: bool = False,
) -> Part:
    count = tokens.upper_bound(text, family)
    return Part(origin, reason, 0.0, text, count, stable=True, secrets=secrets, cut=cut)


def _too_long(count: int, limit: int) -> str:
    return (
        f"its last turn takes about {count:,} tokens, and there is room for {limit:,} "
        "(ask.context_tokens)"
    )
