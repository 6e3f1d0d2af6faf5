"""Complete at the cursor: what the user would most likely type next."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.completion.alternatives import AlternativesReader
from claude_lsp.actions.completion.answer import CLOSE, OPEN
from claude_lsp.actions.completion.extent import Extent, extent_at
from claude_lsp.actions.completion.place import Place
from claude_lsp.actions.completion.reader import CompletionReader
from claude_lsp.context.candidate import Style, Subject
from claude_lsp.context.recipes import RECIPES

if TYPE_CHECKING:
    from claude_lsp.actions.action import Reader
    from claude_lsp.context.assemble import Context
    from claude_lsp.settings import Settings

_SYSTEM = """\
You complete text in an editor. The document contains one mark, <CURSOR/>, where the user's cursor \
stands. Answer with the text that belongs at the mark and nothing else, between <fill> and </fill>.
The text continues exactly where the mark stands, in the document's own style, indentation and \
naming. Never repeat what stands before or after the mark. Stop at the end of the statement or \
block that the user is writing. If nothing sensible belongs there, answer <fill></fill>.
Files shown before the document are for reference; use the names they define."""


def _subject(situation: Situation) -> Subject:
    return Subject(situation.snapshot, situation.origin, situation.range, Style.CURSOR)


def _prompt(situation: Situation, settings: Settings) -> Prompt:
    _, extent = _surroundings(situation)
    asked = f"Write the text for <CURSOR/> between {OPEN} and {CLOSE}"
    if situation.suggestions > 1:
        # One request for all: what it costs is mostly what it is shown.
        return Prompt(
            system=_SYSTEM,
            question=f"{asked}{_BOUNDS[extent]}\n{_OTHERS.format(situation.suggestions - 1)}",
            max_tokens=settings.completion.max_tokens * situation.suggestions,
            prefill=OPEN,
        )
    return Prompt(
        system=_SYSTEM,
        question=f"{asked}{_BOUNDS[extent]}",
        max_tokens=settings.completion.max_tokens,
        stop_sequences=(CLOSE,),
        prefill=OPEN,
    )


_OTHERS = f"""\
Then, if different texts are as likely there, write up to {{}} of them too, the likeliest first, \
each complete by itself and between {OPEN} and {CLOSE}. Write nothing else."""

_BOUNDS = {
    Extent.LINE: ": only the rest of this line.",
    Extent.STATEMENT: ": to the end of this statement.",
    Extent.BLOCK: ": to the end of this block.",
    Extent.STATEMENTS: ": the next statement or few.",
}


def _reader(situation: Situation, _context: Context) -> Reader:
    place, extent = _surroundings(situation)

    def one() -> CompletionReader:
        return CompletionReader(place, situation.range.start, extent, situation.snapshot.text)

    return one() if situation.suggestions == 1 else AlternativesReader(situation.suggestions, one)


@lru_cache(maxsize=4)
def _surroundings(situation: Situation) -> tuple[Place, Extent]:
    """Return what stands around the cursor and how far to go; asked twice for one request."""
    place = Place.of(situation.snapshot, situation.range.start)
    return place, extent_at(place, situation.multiline)


ACTION = Action(
    name="complete",
    command="claude.complete",
    does="Complete at the cursor: ghost text where the editor has it, else an edit.",
    title=lambda _situation: "Complete here",
    kind="refactor.rewrite.claude.complete",
    tier="haiku",
    applies=lambda situation: situation.range.empty,
    recipe=RECIPES["complete"],
    subject=_subject,
    prompt=_prompt,
    reader=_reader,
    edits=True,
    recurs=True,
)
