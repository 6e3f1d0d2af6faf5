"""A conversation kept as Markdown: a heading for each turn, and what a turn refers to.

Everything is read from the text alone, so that a conversation can be saved, edited and copied.
Any text can be read: what stands under no heading is the user's, turns of the same side in a row
are one, and lines in code fences are never headings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from claude_lsp.text.lines import split_lines, without_ending
from claude_lsp.text.markdown import Defuser, Fences

if TYPE_CHECKING:
    from collections.abc import Iterable

Role = Literal["user", "assistant"]

SUFFIX = ".claude.md"
USER_HEADING = "## You"
ANSWER_HEADING = "## Claude"
CANCELLED = "*(cancelled here)*"
BROKE_OFF = "*(the answer broke off here; it is not complete)*"

# Headings of any depth, with or without the blank, in any case, perhaps with a remark behind.
_HEADING = re.compile(
    r" {0,3}#{1,6}[ \t]*(?P<who>you|claude)[ \t]*(?:\([^()]*\))?[ \t]*[:.]?[ \t]*#*[ \t]*",
    re.IGNORECASE,
)
_NOTICE = re.compile(r"\*\(claude-lsp: .*\)\*[ \t]*")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_REFERENCE = re.compile(
    r"(?<![\w@/.`\\])@(?P<kind>[a-z]+)"
    r"(?::(?P<name>\"[^\"\n]+\"(?:#L\d+(?:-L?\d+)?)?|[^\s\"`<>]+))?"
)
_LINES = re.compile(r"(?P<path>.*?)(?:#L(?P<first>\d{1,9})(?:-L?(?P<last>\d{1,9}))?)?")
_IMAGE = re.compile(r"!\[[^\]\n]*\]\(\s*<?(?P<target>[^\s)>]+)")
_DEFUSED = re.compile(r"!\[|\]|<|!\Z")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_DEEPEST = 3
_AFTER_A_NAME = ".,;:!?)]}'*_"
_PLAIN_PATH = re.compile(r"[^\s\"`<>#]*[^\s\"`<>#.,;:!?)\]}'*_]")
_ALONE = frozenset({"diagnostics", "diff"})
"""The references that need no name."""


class Reference(NamedTuple):
    """Something that a turn refers to: `@file:src/a.py#L10-L20`.

    Attributes:
        kind: what stands before the colon, such as `file`.
        name: what stands behind it, without lines; "" if nothing does.
        first, last: the lines, counted from 1; 0 where none are given.
    """

    kind: str
    name: str = ""
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        """Return it as it is written."""
        name = " ".join(self.name.split("\n")).replace("\r", " ")
        if name and not _PLAIN_PATH.fullmatch(name):
            name = '"' + name.replace('"', "'") + '"'
        lines = f"#L{self.first}" if self.first else ""
        lines += f"-L{self.last}" if self.last > self.first else ""
        return f"@{self.kind}{':' if name else ''}{name}{lines}"


@dataclass(frozen=True)
class Turn:
    """What one side says.

    Attributes:
        role: whose turn it is.
        text: what is said, without our own notices and blanks around it; never empty.
    """

    role: Role
    text: str

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What the user refers to, each once, in order; nothing that Claude wrote is one."""
        if self.role == "assistant" or "@" not in self.text:
            return ()
        return tuple(dict.fromkeys(_references("".join(_unfenced(self.text)))))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """The images that the user put into the text."""
        if self.role == "assistant" or "![" not in self.text:
            return ()
        found = _IMAGE.finditer("".join(_unfenced(self.text)))
        return tuple(dict.fromkeys(match["target"] for match in found))


@dataclass(frozen=True)
class Conversation:
    """What was read from a text.

    Attributes:
        turns: the two sides in turn.
        open_fence: the mark of a fence that is still open at the end, "" if none is.
        waiting: the line (0-based) of a last heading of the user's under which nothing stands;
            None if there is none.
        answer: the line at which Claude's last turn begins; None if there is none.
    """

    turns: tuple[Turn, ...]
    open_fence: str = ""
    waiting: int | None = None
    answer: int | None = None

    @property
    def asks(self) -> bool:
        """Whether the user has the last word, so that there is something to answer."""
        return bool(self.turns) and self.turns[-1].role == "user"


def is_conversation(uri: str) -> bool:
    """Whether a document is a conversation, told by its name."""
    return uri.lower().endswith(SUFFIX)


def parse(text: str) -> Conversation:
    """Read a conversation from any text."""
    state = Fences()
    sections: list[tuple[Role, int, list[str]]] = [("user", -1, [])]
    for number, line in enumerate(split_lines(text)):
        if not state.takes(line):
            role = _role_of(line)
            if role is not None:
                sections.append((role, number, []))
                continue
            if line.startswith("*(claude-lsp:") and _NOTICE.fullmatch(without_ending(line)):
                continue
        sections[-1][2].append(line)
    said: list[tuple[Role, list[str]]] = []
    answer = None
    for role, heading, lines in sections:
        content = "".join(lines).strip()
        if not content:
            continue
        if said and said[-1][0] == role:
            said[-1][1].append(content)
        else:
            said.append((role, [content]))
            answer = heading if role == "assistant" else answer
    last_role, last_line, last_lines = sections[-1]
    empty = last_line >= 0 and not "".join(last_lines).strip()
    return Conversation(
        tuple(Turn(role, "\n\n".join(contents)) for role, contents in said),
        state.mark,
        last_line if empty and last_role == "user" else None,
        answer,
    )


def opening(
    reference: Reference | None,
    question: str,
    hint: str = "",
    problems: Iterable[str] = (),
) -> str:
    """Return the text with which a conversation begins.

    Args:
        reference: what it is about, None for nothing in particular.
        question: what the user asks; "" for nothing yet.
        hint: what the user should know; it is not sent.
        problems: what is reported there, a line for each.
    """
    parts = [notice(hint)] if hint else []
    parts.append(USER_HEADING)
    parts += [str(reference)] if reference is not None else []
    quoted = "\n".join(f"> {each}" for each in problems)
    parts += [each for each in (quoted, question) if each]
    return "\n\n".join(parts) + ("\n" if question else "\n\n")


def notice(text: str) -> str:
    """Return a line for the user to read in a conversation; it is never sent."""
    return f"*(claude-lsp: {' '.join(text.split())})*"


class AnswerText:
    """Makes the text of an answer, as it streams, one that stands in a conversation.

    A line of it that looks like the heading of a turn is written so that it is none, a fence that
    it leaves open is closed, and what would fetch or run something when it is shown does not.
    What is returned is final: nothing of it is taken back.
    """

    def __init__(self) -> None:
        self._fences = Fences()
        self._defuser = Defuser()
        self._line = ""
        self._written = 0
        self._indent = 0
        self._doubt = False
        self._after_text = False
        self._blank = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """Take the next piece; return what can be written by now."""
        made: list[str] = []
        for part in split_lines(piece.replace("\r", "")):
            self._line += part
            if part.endswith("\n"):
                made.append(self._ended())
            elif self._line.lstrip()[:1] not in ("", "#", "`", "~"):
                # A line that may become a heading or a fence is kept until its end.
                end = self._certain_end()
                made.append(self._line[self._written : end])
                self._written = end
        return self._without_blank_ends("".join(made))

    def close(self) -> str:
        """Return the rest, with the mark that closes a fence left open."""
        rest = self._without_blank_ends(self._ended() if self._line else "")
        if self._fences.mark:
            rest += f"\n{self._fences.mark}"
        return rest

    def _ended(self) -> str:
        """Return what has not been written of a line that has ended."""
        line, written = self._line, self._written
        self._line, self._written = "", 0
        inside = self._is_code(line)
        if not inside and not written and _role_of(line) is not None:
            start = len(line) - len(line.lstrip())
            return f"{line[:start]}\\{line[start:]}"
        return line[written:] if inside else self._defuser.takes(line[written:])

    def _certain_end(self) -> int:
        """Return how far of a line that has not ended the rest of it can change nothing."""
        if self._fences.mark and not self._doubt and _indent(self._line) >= self._indent:
            return len(self._line)
        match = _DEFUSED.search(self._line, self._written)
        return len(self._line) if match is None else match.start()

    def _is_code(self, line: str) -> bool:
        """Take a line; tell whether it belongs to a fence, for whoever shows the text.

        Readers differ in where a fence begins and ends that is indented; where there is doubt,
        all that follows is prose.
        """
        was_open = bool(self._fences.mark)
        inside = self._fences.takes(line)
        indent = _indent(line)
        if inside and not was_open:
            self._indent = indent
            self._doubt = self._doubt or (indent > _DEEPEST and self._after_text)
        elif was_open and line.strip() and indent < self._indent:
            self._doubt = True
        self._after_text = bool(line.strip()) and _ITEM.match(line) is None
        return inside and not self._doubt

    def _without_blank_ends(self, text: str) -> str:
        """Hold back blank lines until something follows; there are none at the beginning."""
        if not self._begun:
            text = text.lstrip("\n")
        kept = (self._blank + text).rstrip("\n")
        if not kept:
            self._blank += text
            return ""
        self._begun = True
        self._blank = (self._blank + text)[len(kept) :]
        return kept


def _indent(line: str) -> int:
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blanks.expandtabs(4))


def _role_of(line: str) -> Role | None:
    if "#" not in line[:10]:
        return None
    match = _HEADING.fullmatch(without_ending(line))
    if match is None:
        return None
    return "user" if match["who"].lower() == "you" else "assistant"


def _unfenced(text: str) -> list[str]:
    """Return the lines outside of fences, without the code in them."""
    state = Fences()
    return [_CODE.sub(" ", line) for line in split_lines(text) if not state.takes(line)]


def _references(text: str) -> list[Reference]:
    found = []
    for match in _REFERENCE.finditer(text):
        kind, name = match["kind"], match["name"] or ""
        quoted = name.startswith('"')
        if not quoted:
            name = name.rstrip(_AFTER_A_NAME)
        if not name and kind not in _ALONE:
            continue  # somebody's name, or a decorator
        parts = _LINES.fullmatch(name)
        path = parts["path"] if parts else name
        if quoted:
            path = path.strip('"')
        first = int(parts["first"] or 0) if parts else 0
        last = max(first, int(parts["last"] or 0)) if parts else 0
        found.append(Reference(kind, path, first, last))
    return found
