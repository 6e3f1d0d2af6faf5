"""How far a completion goes, and where in the streamed text it has come to its end.

A line is complete when its line ending has come; whether what follows still belongs to the
completion is told by open brackets, by indentation and by the first word of the next line.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Literal

from claude_lsp.actions.completion import syntax
from claude_lsp.actions.completion.answer import PROSE_LANGUAGES
from claude_lsp.workspace.languages import line_comment

if TYPE_CHECKING:
    from claude_lsp.actions.completion.place import Place

Multiline = Literal["auto", "never", "always"]
"""Whether completions may have several lines."""

MOST_LINES = 60
"""Lines of the longest completion; a user reads no more before accepting."""

MOST_STATEMENT_LINES = 8
"""Lines of simple statements suggested between others."""


class Extent(Enum):
    """How far a completion goes."""

    LINE = "line"
    STATEMENT = "statement"
    BLOCK = "block"
    STATEMENTS = "statements"


def extent_at(place: Place, multiline: Multiline = "auto") -> Extent:
    """Decide by the syntax at the cursor how far a completion goes."""
    if multiline == "never" or not place.loose:
        return Extent.LINE
    if multiline == "auto" and syntax.spot_at(place) != "code":
        return Extent.LINE
    if place.language in PROSE_LANGUAGES and place.language != "html":
        return Extent.STATEMENTS if place.blank and multiline == "always" else Extent.LINE
    if place.blank:
        opened = place.previous_line and syntax.opens_block(place)
        header = place.indent_of(place.previous_line)
        empty = not place.next_line or place.indent_of(place.next_line) <= header
        return Extent.BLOCK if opened and empty else Extent.STATEMENTS
    return Extent.BLOCK if syntax.opens_block(place) and _body_missing(place) else Extent.STATEMENT


def _body_missing(place: Place) -> bool:
    if place.line.rstrip()[-1:] in "([" or place.line.rstrip().endswith(("=>", "->")):
        return False  # an argument list or a value is part of the statement
    return not place.next_line or place.indent_of(place.next_line) <= place.indent


# Line ends after which a statement goes on.
_GOES_ON = re.compile(
    r"(?:[,(\[{\\=+\-*%&|^<.]|=>|->|::|\b(?:and|or|not|in|return|else|is|extends|implements))\Z"
)
_ENDED_ALL_THE_SAME = re.compile(r"(?:\+\+|--|\*/|\b(?:return|else))\Z")
# Line beginnings by which the statement before goes on.
_CONTINUES = re.compile(
    r"""(?: [)\]}{>.?:*/%|&^<=,] | ->                                # closers and operators
    | (?:else|elif|elsif|elseif|except|catch|finally|rescue|ensure|when|in|and|or
        |then|do|done|fi|esac|end|while(?=.*;\s*$))\b )""",
    re.VERBOSE,
)
_CLOSES = re.compile(r"[)\]}]|</|(?:end|done|fi|esac)\b")
_LABEL = re.compile(r"(?:case\b|default\b|public\b|private\b|protected\b|signals\b|#)")
_HEADER = re.compile(r"\s*(?:\}\s*)?(?:for|if|else|do|while)\b(?!.*:\s*\Z)")
_ANNOTATION = re.compile(r"\s*(?:@[\w.]+|#!?\[)")
_BY_LINE = frozenset(("python", "go"))
_ALWAYS_TERMINATED = frozenset(("c", "cpp", "csharp", "java"))
_TERMINATED = re.compile(r"[;:}>]\Z|\*/\Z")
_BY_SEMICOLON = frozenset(
    (
        *("c", "cpp", "csharp", "java", "rust", "typescript", "typescriptreact", "javascript"),
        *("javascriptreact", "php", "css", "scss", "less", "dart", "objective-c", "perl"),
    )
)


class Ending:
    """Finds where a completion ends while it streams in.

    Args:
        place: where it stands.
        extent: how far it may go.
    """

    def __init__(self, place: Place, extent: Extent) -> None:
        self._place = place
        self._near = syntax.near(place)
        self._extent = extent
        self._states: list[syntax.LineState] = []
        self._settled = 0, 0
        self._base = place.indent
        self._header = place.indent
        if place.blank and extent is Extent.BLOCK:
            self._header = place.indent_of(place.previous_line)
        # Brackets that the statement itself has open: it does not end before they are closed.
        self._target = self._open_brackets() if extent is Extent.STATEMENT else 0
        self._bracketed = place.before.rstrip().endswith(("{", "(", "["))
        self._closer_follows = _CLOSES.match(place.rest.strip()) is not None or (
            _CLOSES.match(place.next_line.strip()) is not None
            and place.indent_of(place.next_line) <= self._header
        )

    def _open_brackets(self) -> int:
        closers = sum(character in ")]}" for character in self._place.rest)
        return -max(0, syntax.unclosed(self._near) - closers)

    def of(self, fill: str, *, ended: bool = False) -> int | None:
        """Return where the completion ends in the text, None while more may belong to it.

        Args:
            fill: the text so far; it only grows from call to call.
            ended: whether nothing more will come.
        """
        lines = fill.split("\n")
        if self._extent is Extent.LINE:
            return self._line_end(lines, ended=ended)
        if self._extent is Extent.BLOCK and self._place.line.strip() and lines[0].strip():
            # The block goes on in the line of its opener, as a part of the statement.
            self._extent, self._target = Extent.STATEMENT, self._open_brackets()
        if self._extent is Extent.STATEMENTS and not self._base and self._place.blank:
            self._base = max(self._base, self._place.indent_of(lines[0]))
        number, position = self._settled
        whole = len(lines) - 1 + ended
        while number < whole:
            end = position + len(lines[number])
            if number == len(self._states):
                # Line by line, so that the pieces in which they came change nothing.
                known = f"{fill[:end]}\n"
                self._states = syntax.line_states(self._near, known, self._states)
            found = self._ends_at(lines, number, ended=ended)
            if found is not None:
                return end if found else max(0, position - 1)
            number, position = number + 1, end + 1
            if number >= MOST_LINES:
                return end
            if number < whole and lines[number].strip():
                # The line behind is whole: what was judged by it stands.
                self._settled = number, position
        return None

    def _line_end(self, lines: list[str], *, ended: bool) -> int | None:
        if self._place.rest.strip() or not self._place.blank:
            return len(lines[0]) if len(lines) > 1 or ended else None
        position = 0
        for number, line in enumerate(lines):
            if line.strip() and (number + 1 < len(lines) or ended):
                return position + len(line)
            position += len(line) + 1
        return None

    def _ends_at(self, lines: list[str], number: int, *, ended: bool) -> bool | None:
        """Return True if the completion ends behind a line, False before it, None if neither."""
        line, state = lines[number], self._states[number]
        if state.inside:
            return None
        blank_so_far = not any(each.strip() for each in lines[: number + 1])
        if self._extent is Extent.BLOCK:
            return self._block_ends_at(lines, number)
        if state.lowest < self._target and self._extent is Extent.STATEMENTS and number:
            return False  # closes what stands around it
        if blank_so_far or state.depth > self._target:
            return None
        whole = self._place.line + line if number == 0 else line
        if self._is_prelude(whole):
            return None
        if self._extent is Extent.STATEMENT and self._surely_ended(lines, number):
            return True
        gap, following = _following(lines, number)
        if following is None:
            return True if ended else None
        return self._next_begins_anew(lines, number, gap, following)

    def _is_prelude(self, line: str) -> bool:
        """Return whether a line belongs to what stands below it: an annotation, a comment."""
        if self._place.language not in ("c", "cpp") and _ANNOTATION.match(line):
            return True
        mark = line_comment(self._place.language)
        return mark is not None and line.lstrip().startswith(mark)

    def _next_begins_anew(
        self, lines: list[str], number: int, gap: bool, following: str
    ) -> bool | None:
        """Judge by the line that follows a line at which the statement may have ended."""
        indent = self._place.indent_of(following)
        content = following.strip()
        if indent < self._base:
            return True
        if indent > self._base or self._goes_on(lines[number]):
            return None
        if _CONTINUES.match(content):
            closes = _CLOSES.match(content) is not None
            # A closer ends what is open in this completion, or else something around it.
            opened = any(self._place.indent_of(e) > self._base for e in lines[1 : number + 1])
            return None if opened or not closes else True
        if self._extent is Extent.STATEMENT:
            return True
        compound = any(
            each.strip() and self._place.indent_of(each) > self._base
            for each in lines[1 : number + 1]
        )
        written = sum(1 for each in lines[: number + 1] if each.strip())
        return True if gap or compound or written >= MOST_STATEMENT_LINES else None

    def _surely_ended(self, lines: list[str], number: int) -> bool:
        """Return whether the statement's first whole line ends it, whatever comes next."""
        first = next(
            (
                position
                for position, each in enumerate(lines)
                if each.strip()
                and self._states[position].depth <= self._target
                and not self._states[position].inside
            ),
            number,
        )
        line = self._code(lines[number])
        if first != number or self._goes_on(lines[number]):
            return False
        if number == 0:
            line = self._place.line + line
        if _HEADER.match(line):
            return False
        language = self._place.language
        if line.endswith(";") and language in _BY_SEMICOLON:
            return True
        return language in _BY_LINE and not line.endswith((":", "{")) and bool(line)

    def _block_ends_at(self, lines: list[str], number: int) -> bool | None:
        state = self._states[number]
        if self._bracketed and state.lowest < 0:
            # The block's own closer.
            return not self._closer_follows
        if state.depth > 0:
            return None
        _, following = _following(lines, number)
        if following is None or not any(each.strip() for each in lines[: number + 1]):
            return None
        content = following.strip()
        if self._place.indent_of(following) > self._header or _LABEL.match(content):
            return None
        if _CLOSES.match(content) and not self._closer_follows:
            return None
        return True

    def _goes_on(self, line: str) -> bool:
        """Return whether a line's end says that the statement goes on."""
        code = self._code(line)
        if self._place.language in _ALWAYS_TERMINATED and not _TERMINATED.search(code):
            return not code.lstrip().startswith("#")
        return bool(_GOES_ON.search(code)) and not _ENDED_ALL_THE_SAME.search(code)

    def _code(self, line: str) -> str:
        """Return a line without a comment at its end."""
        mark = line_comment(self._place.language)
        if mark and f" {mark}" in line:
            line = line[: line.index(f" {mark}")]
        return line.rstrip()


def _following(lines: list[str], number: int) -> tuple[bool, str | None]:
    """Return whether blank lines follow, and the next line once its first word is known."""
    gap = False
    for position in range(number + 1, len(lines)):
        line = lines[position]
        if line.strip():
            whole = position + 1 < len(lines) or not line.strip().isalpha()
            return gap, line if whole else None
        gap = position + 1 < len(lines) or gap
    return gap, None
