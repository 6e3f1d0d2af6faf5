"""Complete at the cursor: what the user would most likely type next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.outcomes import Insertion
from claude_lsp.context.candidate import Style, Subject
from claude_lsp.context.recipes import RECIPES
from claude_lsp.text.lines import line_ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context
    from claude_lsp.settings import Settings

_SYSTEM = """\
You complete text in an editor. The document contains one mark, <CURSOR/>, where the user's cursor \
stands. Answer with the text that belongs at the mark and nothing else, between <fill> and </fill>.
The text continues exactly where the mark stands, in the document's own style, indentation and \
naming. Never repeat what stands before or after the mark. Stop at the end of the statement or \
block that the user is writing. If nothing sensible belongs there, answer <fill></fill>.
Files shown before the document are for reference; use the names they define."""

_OPEN, _CLOSE = "<fill>", "</fill>"
_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_PROSE = re.compile(
    r"\s*(?:Here|Sure|Certainly|Of course|Sorry|Looking|Based on|Let me|Let's|I|I'm|I'll|I'd|I've"
    r"|It|We|You|The|This|There|To|Since|Because|No|Nothing|Unfortunately)[ ,]"
    r"[^\n]*[.!?:][ \t]*(?:\n|\Z)"
)


def _subject(situation: Situation) -> Subject:
    return Subject(situation.snapshot, situation.origin, situation.range, Style.CURSOR)


def _prompt(_situation: Situation, settings: Settings) -> Prompt:
    return Prompt(
        system=_SYSTEM,
        question=f"Write the text for <CURSOR/> between {_OPEN} and {_CLOSE}.",
        max_tokens=settings.completion.max_tokens,
        stop_sequences=(_CLOSE,),
        prefill=_OPEN,
    )


class _Reader:
    """Collects the completion, line by line, until it is complete."""

    def __init__(self, situation: Situation, _context: Context) -> None:
        index = situation.snapshot.index
        self._at = situation.range.start
        offset = index.offset_at(self._at)
        self._before = index.text[max(0, offset - 4000) : offset]
        self._after = index.text[offset : offset + 4000]
        self._ending = line_ending(index.text)
        self._text = ""
        self._shown = ""
        self.satisfied = False

    def feed(self, text: str) -> Sequence[Outcome]:
        """Add a piece; yield the insertion so far whenever a line is complete."""
        if self.satisfied:
            return ()
        self._text += text
        fill, closed = _inner(self._text)
        if fill is None:
            return ()
        end = self._end_of(fill)
        if closed or end is not None:
            self.satisfied = True
            return self._insertion(fill if end is None else fill[:end], complete=True)
        whole_lines = fill[: fill.rfind("\n") + 1]
        return self._insertion(whole_lines, complete=False) if whole_lines else ()

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Yield what there is; a line that was cut in the middle is left out."""
        if self.satisfied:
            return ()
        fill, _ = _inner(self._text, ended=True)
        if fill is None:
            return ()
        end = self._end_of(fill)
        if end is None and not complete:
            end = fill.rfind("\n") + 1
        return self._insertion(fill[:end], complete=True)

    def _insertion(self, fill: str, *, complete: bool) -> Sequence[Outcome]:
        text = without_overlap(fill.replace("\r\n", "\n"), self._after)
        if complete:
            text = text.rstrip() if not self._after.strip(" \t") else text.rstrip("\r\n")
        if not text.strip() or (text == self._shown and not complete):
            return ()
        self._shown = text
        return (Insertion(self._at, text.replace("\n", self._ending), complete),)

    def _end_of(self, fill: str) -> int | None:
        """Return where the completion is complete, None while more may belong to it."""
        line_rest = self._after.split("\n", 1)[0].strip()
        if line_rest:
            # Text follows on the same line: the completion stays on it.
            newline = fill.find("\n")
            return newline if newline >= 0 else None
        current = self._before.rsplit("\n", 1)[-1]
        indent = len(current) - len(current.lstrip())
        position = fill.find("\n")
        while position >= 0:
            line_end = fill.find("\n", position + 1)
            if line_end < 0:
                return None
            line = fill[position + 1 : line_end]
            content = line.strip()
            opened_by_cursor = current.strip() != "" or position > 0
            if content and opened_by_cursor and len(line) - len(line.lstrip()) < indent:
                return position
            if not content and position > 0 and indent == 0:
                return position  # an empty line at the outermost level ends the block
            position = line_end
        return None


def without_overlap(fill: str, after: str) -> str:
    """Cut a completion where it begins to repeat what already stands behind the cursor."""
    same_line, *following = after.replace("\r\n", "\n").split("\n", 40)
    same_line = same_line.rstrip()
    for size in range(min(len(fill), len(same_line)), 0, -1):
        overlap = same_line[:size]
        # Brackets that close what the completion itself opens repeat nothing.
        if fill.endswith(overlap) and overlap.strip() and _unopened(fill) >= _unopened(overlap):
            return fill[: len(fill) - size]
    next_line = next((line.rstrip() for line in following if line.strip()), "")
    if len(next_line.strip()) > 2:
        lines = fill.split("\n")
        for number, line in enumerate(lines):
            if number and line.rstrip() == next_line:
                return "\n".join(lines[:number])
    return fill


def _unopened(text: str) -> int:
    """Return how many closing brackets have no opening one before them."""
    depth = missing = 0
    for character in text:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            if depth:
                depth -= 1
            else:
                missing += 1
    return missing


def _inner(text: str, *, ended: bool = False) -> tuple[str | None, bool]:
    """Return the text between the tags so far, and whether it is closed.

    None while nothing can be shown. What stands before the tag is thought aloud; an answer without
    any tag is looked at only when it is complete.
    """
    start = text.find(_OPEN)
    if start < 0:
        return (_untagged(text), True) if ended else (None, False)
    body = text[start + len(_OPEN) :]
    end = body.find(_CLOSE)
    if end >= 0:
        return _unfenced(body[:end]), True
    for size in range(min(len(_CLOSE) - 1, len(body)), 0, -1):
        if body.endswith(_CLOSE[:size]):
            body = body[:-size]  # perhaps the beginning of the closing tag
            break
    if not ended and body.lstrip().startswith("`"):
        return None, False
    return (_unfenced(body) if ended else body), False


def _untagged(text: str) -> str | None:
    """Return the code of an answer without tags: fenced, or bare; None for prose."""
    text = text.split(_CLOSE, maxsplit=1)[0]
    if fenced := _FENCED.search(text):
        return fenced[1].removesuffix("\n")
    return None if _PROSE.match(text) else text


def _unfenced(body: str) -> str:
    fenced = _FENCED.fullmatch(body.strip())
    return fenced[1].removesuffix("\n") if fenced else body


ACTION = Action(
    name="complete",
    title=lambda _situation: "Complete here",
    kind="refactor.rewrite.claude.complete",
    tier="haiku",
    applies=lambda situation: situation.range.empty,
    recipe=RECIPES["complete"],
    subject=_subject,
    prompt=_prompt,
    reader=_Reader,
)
