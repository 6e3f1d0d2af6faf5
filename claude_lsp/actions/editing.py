"""Edits as a model gives them, shared by every action that changes text.

The answer is `{"edits": [{"line", "quote", "replacement"}, ...]}`. Each edit names the text it
replaces, so it can be verified on its own and applied while the rest still streams in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from claude_lsp.actions.action import Action, Prompt
from claude_lsp.actions.instruction import without_instruction
from claude_lsp.actions.outcomes import Notice, Replacement, Unusable
from claude_lsp.context.candidate import Style, Subject
from claude_lsp.context.recipes import RECIPES
from claude_lsp.findings import anchor
from claude_lsp.findings.stream import ObjectStream
from claude_lsp.text.lines import line_ending, split_lines, without_ending
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.actions.action import Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.sent import Sent
    from claude_lsp.text.lines import LineIndex

EDITS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["edits"],
    "properties": {
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["line", "quote", "replacement"],
                "properties": {
                    "line": {
                        "type": "integer",
                        "description": "number of the first quoted line in the document",
                    },
                    "quote": {
                        "type": "string",
                        "description": "the whole lines to replace, copied exactly",
                    },
                    "replacement": {
                        "type": "string",
                        "description": "the lines to put there; empty to delete them",
                    },
                },
            },
        }
    },
}

EDITS_RULES = """\
Answer with JSON: {"edits": [{"line": N, "quote": "...", "replacement": "..."}]}.
Each edit replaces whole lines: "quote" holds them exactly as they stand in the document, with \
their indentation and without the "N|" marks, "line" is the number of the first of them, and \
"replacement" is what stands there afterwards. Quote as few lines as make the place unmistakable. \
Changes in different places are separate edits, in the order of the document, and do not overlap. \
To insert, quote the line before and repeat it in the replacement. Change nothing that the task \
does not need. If there is nothing to change, answer {"edits": []}.
A text like <redacted:...> stands for something that was not shown; keep it as it is."""


_MARK = re.compile(r"^\d+\| ", re.MULTILINE)


class EditsReader:
    """Turns streamed edits into verified replacements, each the moment it is complete.

    Args:
        sent: the document as it was sent.
        situation: what was asked; the comment that asked it goes with the edits.
    """

    satisfied = False

    def __init__(self, sent: Sent | None, situation: Situation | None = None) -> None:
        self._sent = sent
        self._comment = None if situation is None else situation.comment
        self._language = "" if situation is None else situation.snapshot.language
        self._stream = ObjectStream("edits")
        self._taken: list[Range] = []
        self._count = 0

    def feed(self, text: str) -> Sequence[Outcome]:
        """Return the replacements, or the notices, that this piece completes."""
        outcomes = (self._outcome(entry) for entry in self._stream.feed(text))
        return [outcome for outcome in outcomes if outcome is not None]

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Say so where the answer held no edits at all."""
        end = self._stream.finish()
        if complete and not end.complete:
            return (Unusable(end.problem or "it held no list of edits"),)
        if complete and not self._count:
            return (Notice("no change is proposed"),)
        comment = self._comment
        if not complete or comment is None or not self._taken:
            return ()
        if any(span.overlaps(comment) for span in self._taken):
            return ()
        return (Replacement(comment, ""),)

    def _outcome(self, entry: dict[str, object]) -> Outcome | None:
        """Return what an edit comes to; None for one that changes nothing."""
        self._count += 1
        quote, replacement, line = entry.get("quote"), entry.get("replacement"), entry.get("line")
        if not isinstance(quote, str) or not isinstance(replacement, str) or self._sent is None:
            return Notice("An edit without its text was dropped")
        hint = line if isinstance(line, int) and not isinstance(line, bool) else None
        sent = self._sent
        place = anchor.exact(quote, sent.line_hint(hint), sent.index)
        if place is None and _MARK.search(quote):
            # The marks of the numbered lines were copied along.
            quote, replacement = _MARK.sub("", quote), _MARK.sub("", replacement)
            place = anchor.exact(quote, sent.line_hint(hint), sent.index)
        if place is None:
            return Notice(f"An edit was dropped: its text is not in the document ({_head(quote)})")
        place, new = edit_at(quote, replacement, place, sent.index)
        span = sent.to_document(place)
        if any(span.overlaps(other) or span == other for other in self._taken):
            return Notice(f"An edit was dropped: it overlaps another ({_head(quote)})")
        if self._comment is not None:
            new = without_instruction(new, self._language)
        restored = sent.redacted.restore(new)
        if restored is None:
            return Notice(
                "An edit was dropped: it would write the name of a secret that this document does "
                f"not have ({_head(quote)})"
            )
        if restored == sent.original.slice(span):
            self._count -= 1
            return None
        self._taken.append(span)
        return Replacement(span, restored)


def edit_at(quote: str, replacement: str, place: Range, index: LineIndex) -> tuple[Range, str]:
    """Bring an edit into the document's form: whole lines, indentation, line endings.

    Args:
        quote: the text to replace, as the model wrote it.
        replacement: what it put there.
        place: where the quote was found, without blanks around it.
        index: the lines of the text that was sent.
    """
    start, end = place
    before, behind = index.line(start.line)[: start.column], index.line(end.line)[end.column :]
    if before.strip() or behind.strip():
        return place, anchor.reindented(replacement, quote, place, index)
    if not replacement.strip():
        # Deleted lines leave no empty one behind.
        return Range(Position(start.line, 0), Position(end.line + 1, 0)), ""
    lines = Range(Position(start.line, 0), Position(end.line, len(index.line(end.line))))
    if _indentation(quote) == before:
        return lines, line_ending(index.text).join(_without_blank_ends(replacement, quote))
    # The model left the indentation out of what it quoted, and so out of what it put there.
    return lines, before + anchor.reindented(replacement, quote, place, index)


def _without_blank_ends(replacement: str, quote: str) -> list[str]:
    """Return the new lines without those empty ones at the ends that the quote has too."""
    new, old = ([without_ending(line) for line in split_lines(t)] for t in (replacement, quote))
    for end in (0, -1):
        while old and new and not old[end].strip() and not new[end].strip():
            del old[end], new[end]
    return new


def _indentation(text: str) -> str:
    line = next((line for line in split_lines(text) if line.strip()), "")
    return line[: len(line) - len(line.lstrip())]


def _head(quote: str) -> str:
    return shortened(quote.strip().split("\n", 1)[0])


def lines_of(situation: Situation) -> str:
    """Return how a question names the place that it is about."""
    start, end = situation.range
    # A selection of whole lines ends at the start of the line behind it.
    last = end.line - 1 if end.column == 0 and end.line > start.line else end.line
    first = start.line + 1
    return f"line {first}" if last == start.line else f"lines {first} to {last + 1}"


def numbered(situation: Situation) -> Subject:
    """Return the document with its numbers, to be kept around the place."""
    return Subject(situation.snapshot, situation.origin, situation.range, Style.NUMBERED)


def edit_action(
    name: str,
    *,
    does: str,
    title: Callable[[Situation], str],
    applies: Callable[[Situation], bool],
    task: str,
    question: Callable[[Situation], str],
    recipe: str | None = None,
) -> Action:
    """Return an action that changes a document by independent edits.

    Args:
        name: the action's.
        does: one line for the generated tables.
        title: as the editor's menu shows it.
        applies: whether to offer it in a situation.
        task: the part of the fixed prompt that says what to do.
        question: what is asked this time.
        recipe: what goes into its context; by default that of the action's own name.
    """
    system = f"{task} {EDITS_RULES}"
    return Action(
        name=name,
        command=f"claude.{name}",
        does=does,
        title=title,
        kind=f"refactor.rewrite.claude.{name}",
        tier="sonnet",
        applies=applies,
        recipe=RECIPES[recipe or name],
        subject=numbered,
        prompt=lambda situation, _settings: Prompt(
            system=system,
            question=question(situation),
            max_tokens=8000,
            schema=EDITS_SCHEMA,
        ),
        reader=lambda situation, context: EditsReader(context.sent, situation),
        edits=True,
    )


def shortened(text: str, most: int = 60) -> str:
    """Return a text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
