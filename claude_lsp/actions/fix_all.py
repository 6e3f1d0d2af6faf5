"""Fix every problem of one kind in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action
from claude_lsp.actions.editing import (
    EditsReader,
    edit_prompt,
    numbered,
    shortened,
)
from claude_lsp.actions.fix import listed
from claude_lsp.actions.outcomes import Notice
from claude_lsp.context.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Prompt, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context
    from claude_lsp.settings import Settings

_TASK = """\
You fix every problem of one kind in a document. The diagnostics listed are of that kind; they may \
be all there are or only examples, so look for the same problem everywhere in the document. Fix \
the cause, not the message: no suppression comments, no weakened types or checks, unless that is \
the right fix. Fix each place in the same way, with an edit of its own, and leave problems of \
other kinds alone."""


def _title(situation: Situation) -> str:
    first = situation.problems[0]
    kind = " ".join(part for part in (first.source, first.code) if part)
    return f"Fix all in this file: {kind or shortened(first.message)}"


def _prompt(_situation: Situation, _settings: Settings) -> Prompt:
    question = "Fix every problem of the listed kind in the document above."
    return edit_prompt(_TASK, question, max_tokens=16000)


class _Reader(EditsReader):
    def __init__(self, situation: Situation, context: Context) -> None:
        super().__init__(context.sent, situation)
        self._seen = context.sent

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Say also which part of a long document was looked at."""
        outcomes = super().finish(complete=complete)
        sent = self._seen
        if sent is None or sent.whole:
            return outcomes
        seen = f"{sent.first_line + 1} to {sent.last_line + 1}"
        return (*outcomes, Notice(f"only lines {seen} were looked at; the rest had no room"))


ACTION = Action(
    name="fixAll",
    command="claude.fixAll",
    does="Fix every problem of one kind in the file, each place by an edit of its own.",
    title=_title,
    kind="quickfix",
    tier="sonnet",
    applies=lambda situation: bool(situation.problems) and bool(situation.problems[0].code),
    recipe=RECIPES["fix"],
    subject=numbered,
    extras=listed,
    prompt=_prompt,
    reader=_Reader,
    edits=True,
)
