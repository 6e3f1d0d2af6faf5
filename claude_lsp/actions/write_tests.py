"""Write tests for what is selected, into the file where the project has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt
from claude_lsp.actions.editing import (
    EDITS_RULES,
    EDITS_SCHEMA,
    EditsReader,
    lines_of,
    numbered,
)
from claude_lsp.actions.outcomes import Replacement
from claude_lsp.context.candidate import Candidate
from claude_lsp.context.excerpts import attribute
from claude_lsp.context.recipes import RECIPES
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context
    from claude_lsp.settings import Settings

_SYSTEM = f"""\
You write tests for code, in the project's test framework and the style of its tests; without \
any, in the one that is usual for the language. Test what the code promises: the normal case, the \
edges of its input, its errors. Each test can fail, checks one thing, and has a name that says \
what holds. No test of what is private to the code, no mock where the real thing is cheap, no \
network, no sleeping. The edits are of the test file, not of the code under test. {EDITS_RULES}
Whoever adds to the end of the test file, or begins one, leaves "quote" empty."""


def _extras(situation: Situation) -> tuple[Candidate, ...]:
    destination = situation.destination
    if destination is None or not destination.snapshot.text.strip():
        return ()
    snapshot = destination.snapshot
    return (
        Candidate(
            destination.origin,
            snapshot.text,
            "the test file to extend",
            score=100,
            stable=False,
            snapshot=snapshot,
        ),
    )


def _prompt(situation: Situation, _settings: Settings) -> Prompt:
    destination = situation.destination
    where = "a new file"
    if destination is not None:
        shown = "" if destination.snapshot.text.strip() else "the new file "
        where = f"{shown}{attribute(destination.origin)}"
    return Prompt(
        system=_SYSTEM,
        question=(
            f"Write tests for {lines_of(situation)} of {attribute(situation.origin)} above. "
            f"They go into {where}."
        ),
        max_tokens=12000,
        schema=EDITS_SCHEMA,
    )


class _Reader(EditsReader):
    """Reads edits of the test file; one without a quote stands at its end."""

    def __init__(self, situation: Situation, context: Context) -> None:
        destination = situation.destination
        sent = () if destination is None else context.documents.get(destination.origin, ())
        super().__init__(sent[0] if sent else None)
        self._destination = destination

    def _outcome(self, entry: dict[str, object]) -> Outcome | None:
        quote, text = entry.get("quote"), entry.get("replacement")
        if self._destination is None or quote != "" or not isinstance(text, str):
            return super()._outcome(entry)
        self._count += 1
        index = self._destination.snapshot.index
        end = index.position_at(len(index.text))
        return Replacement(Range(end, end), _at_end(index.text, text))


def _at_end(before: str, text: str) -> str:
    """Return a text to stand at the end of another one, a blank line or two between them."""
    text = text.strip("\n") + "\n"
    if not before.strip():
        return text
    gap = "" if before.endswith("\n") else "\n"
    blank = "\n\n" if "\n\n\n" in before else "\n"
    return gap + blank + text


def merged(replacements: Sequence[Replacement]) -> list[Replacement]:
    """Return edits of which those at the same place have become one, in their order."""
    by_place: dict[Range, Replacement] = {}
    for each in replacements:
        known = by_place.get(each.range)
        text = each.text if known is None else f"{known.text}\n{each.text.lstrip()}"
        by_place[each.range] = Replacement(each.range, text)
    return list(by_place.values())


ACTION = Action(
    name="test",
    command="claude.test",
    does="Write tests into the file where the project has them, or a new one; you see them first.",
    title=lambda situation: (
        "Write tests for this file" if situation.range.empty else "Write tests for the selection"
    ),
    kind="refactor.rewrite.claude.test",
    tier="sonnet",
    applies=lambda situation: not situation.range.empty,
    recipe=RECIPES["test"],
    subject=numbered,
    extras=_extras,
    prompt=_prompt,
    reader=_Reader,
)
