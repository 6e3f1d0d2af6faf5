"""Complete at the cursor: what the user would most likely type next."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.completion.answer import CLOSE, OPEN
from claude_lsp.actions.completion.extent import Extent, extent_at
from claude_lsp.actions.completion.place import Place
from claude_lsp.actions.completion.reader import CompletionReader
from claude_lsp.context.candidate import Style, Subject
from claude_lsp.context.recipes import RECIPES

if TYPE_CHECKING:
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
    return Prompt(
        system=_SYSTEM,
        question=f"{asked}{_BOUNDS[extent]}",
        max_tokens=settings.completion.max_tokens,
        stop_sequences=(CLOSE,),
        prefill=OPEN,
    )


_BOUNDS = {
    Extent.LINE: ": only the rest of this line.",
    Extent.STATEMENT: ": to the end of this statement.",
    Extent.BLOCK: ": to the end of this block.",
    Extent.STATEMENTS: ": the next statement or few.",
}


def _reader(situation: Situation, _context: Context) -> CompletionReader:
    place, extent = _surroundings(situation)
    return CompletionReader(place, situation.range.start, extent, situation.snapshot.text)


@lru_cache(maxsize=4)
def _surroundings(situation: Situation) -> tuple[Place, Extent]:
    """Return what stands around the cursor and how far to go; asked twice for one request."""
    place = Place.of(situation.snapshot, situation.range.start)
    return place, extent_at(place, situation.multiline)


ACTION = Action(
    name="complete",
    title=lambda _situation: "Complete here",
    kind="refactor.rewrite.claude.complete",
    tier="haiku",
    applies=lambda situation: situation.range.empty,
    recipe=RECIPES["complete"],
    subject=_subject,
    prompt=_prompt,
    reader=_reader,
)
