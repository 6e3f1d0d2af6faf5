"""Markdown: its fenced code blocks, told line by line, and what a reader's editor does with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import split_lines, without_ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Deeper than CommonMark allows, since blocks in lists are indented by as much as they like.
_MARK = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"""(?<!\S)(?P<name>\w+)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))""")

# An address that leads out of the folder: by a scheme, a host, or an entity that may hide either.
_AWAY = r"(?:[a-z][a-z0-9+.-]*:|[/\\]{2}|[^\s()<>]{0,80}&)"
_SAFE = r"(?:https?://|mailto:)"
_INLINE = re.compile(
    rf"(?P<image>!\[)|(?P<end>^[ \t>]*\n)|\](?=\(\s*<?(?P<web>{_SAFE})?(?P<away>{_AWAY}|\Z)?)",
    re.IGNORECASE | re.MULTILINE,
)
_DEFINITION = re.compile(rf"\](?=:\s*<?(?:{_AWAY}|\Z))", re.IGNORECASE)
_TAG = re.compile(
    r"<(?=/?(?:a|applet|area|audio|base|body|button|embed|form|frame|frameset|iframe|image|img"
    r"|input|link|math|meta|object|picture|portal|script|source|style|svg|track|video)\b"
    r"|[a-z][^<>]{0,2000}?\b(?:style|background|poster|srcset|src|href|on\w+)\s*="
    r"|[a-z][^<>]{0,2000}\Z|(?!https?:|mailto:)[a-z][a-z0-9+.-]{1,31}:)",
    re.IGNORECASE,
)
_AT_START = re.compile(
    r"^(?P<before>[ \t>*+\-\d.)]*)<(?=[a-z/!?])(?!https?:)", re.IGNORECASE | re.MULTILINE
)
_BLOCK = re.compile(r"(?P<before>[ \t>*+\-\d.)]*)(?P<mark>`{3,}|~{3,})(?P<info>.*)", re.DOTALL)
_DEEPEST = 3
"""Blanks before the end of a block."""
_TICKS = re.compile(r"`+|~+")


def fenced(text: str, info: str = "") -> str:
    """Return a text as a block that nothing in it can end."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    mark = "`" * max(3, longest + 1)
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{mark}{info}\n{text}{end}{mark}\n"


def harmless(text: str) -> str:
    """Return Markdown of which showing it fetches nothing, and a click runs nothing.

    Images from elsewhere become text, and so do links that do not lead into the web, and tags that
    load or run something. Code blocks stay as they are, as long as it is beyond doubt
    where they begin and end.
    """
    lines = split_lines(text)
    made: list[str] = []
    prose: list[str] = []
    defuser = Defuser()
    for is_code, line in zip(_is_code(lines), lines, strict=True):
        if is_code:
            made.append(defuser.takes("".join(prose)))
            made.append(line)
            prose = []
        else:
            prose.append(line)
    made.append(defuser.takes("".join(prose)))
    return "".join(made)


class Defuser:
    """Takes the harm out of prose, of which whole lines come one by one or several at once."""

    def __init__(self) -> None:
        self._image_begun = False

    def takes(self, text: str) -> str:
        """Return the next lines so that showing them does nothing."""
        text = _INLINE.sub(self._inline, text)
        text = _DEFINITION.sub("] ", text)
        # Backslashes escape nothing behind a backslash, or within a block of HTML.
        return _TAG.sub("&lt;", _AT_START.sub(r"\g<before>&lt;", text))

    def _inline(self, match: re.Match[str]) -> str:
        if match["image"] is not None or match["end"] is not None:
            self._image_begun = match["image"] is not None
        elif self._image_begun if match["web"] is not None else match["away"] is not None:
            return "] "
        return match.group()


def _is_code(lines: Sequence[str]) -> list[bool]:
    """Tell of each line whether it is within a block; of none where readers may differ."""
    found, mark = [], ""
    for line in lines:
        inside = bool(mark)
        match = _BLOCK.match(without_ending(line))
        if match is not None and not inside:
            if match["before"]:
                return [False] * len(lines)  # in a list or a quote, or no block at all
            if match["mark"][0] != "`" or "`" not in match["info"]:
                mark = match["mark"]
        elif match is not None and match["mark"].startswith(mark) and not match["info"].strip():
            if match["before"].strip(" ") or len(match["before"]) > _DEEPEST:
                return [False] * len(lines)
            mark, inside = "", False
        # The marks themselves hold nothing that could be shown.
        found.append(inside)
    return found


class Fences:
    """Whether lines stand in a fence, told as they come.

    Attributes:
        mark: of the fence that is open, "" outside of all.
        info: what stands behind that mark.
    """

    def __init__(self) -> None:
        self.mark = ""
        self.info = ""

    def takes(self, line: str) -> bool:
        """Take the next line; tell whether it belongs to a fence, marks included."""
        inside = bool(self.mark)
        if "```" not in line and "~~~" not in line:
            return inside
        match = _MARK.match(without_ending(line))
        if match is None:
            return inside
        mark, info = match["mark"], match["info"].strip()
        if not inside:
            if mark[0] == "`" and "`" in info:
                return False  # code within a line
            self.mark, self.info = mark, info
        elif mark.startswith(self.mark) and not info:
            self.mark = self.info = ""
        return True


class Fence(NamedTuple):
    """One fenced block.

    Attributes:
        info: what stands behind its first mark.
        first: the line of the first mark, 0-based.
        last: the line of the second; the last line of the text where there is none.
        closed: whether there is one.
    """

    info: str
    first: int
    last: int
    closed: bool

    @property
    def language(self) -> str:
        """The first word of the info, unless that is an attribute."""
        word = self.info.split(maxsplit=1)[:1]
        return word[0] if word and "=" not in word[0] else ""

    def attribute(self, name: str) -> str:
        """Return the value of `name=value` in the info, "" if it is not there."""
        for match in _ATTRIBUTE.finditer(self.info):
            if match["name"] == name:
                return match["quoted"] if match["quoted"] is not None else match["bare"]
        return ""

    def content(self, lines: Sequence[str]) -> str:
        """Return what stands between the marks; `lines` are those of the whole text."""
        return "".join(lines[self.first + 1 : self.last + (not self.closed)])


def fences(lines: Iterable[str]) -> Iterator[Fence]:
    """Yield the fenced blocks of a text, given by its lines."""
    state, first, info, number = Fences(), -1, "", -1
    for number, line in enumerate(lines):
        before = state.mark
        state.takes(line)
        if state.mark and not before:
            first, info = number, state.info
        elif before and not state.mark:
            yield Fence(info, first, number, closed=True)
    if state.mark:
        yield Fence(info, first, number, closed=False)
