"""Explain the selection, or what stands at the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.editing import numbered
from claude_lsp.actions.fix import indented
from claude_lsp.actions.prose import ProseReader
from claude_lsp.context.candidate import Candidate
from claude_lsp.context.recipes import RECIPES

if TYPE_CHECKING:
    from claude_lsp.settings import Settings

_SYSTEM = """\
You explain code to a programmer who reads it in an editor. Say first, in one or two sentences, \
what the code is for; then how it works, in the order in which it runs; then what is surprising \
or easy to break. Name things as the code does. Answer in Markdown, at most about 300 words, \
without repeating the code."""


def _extras(situation: Situation) -> tuple[Candidate, ...]:
    if not situation.problems:
        return ()
    text = "".join(
        f"line {problem.range.start.line + 1}: {indented(problem.message)}\n"
        for problem in situation.problems
    )
    return (Candidate("diagnostics", text, "shown by the editor", score=100, stable=False),)


def _prompt(situation: Situation, _settings: Settings) -> Prompt:
    first, last = situation.range.start.line + 1, situation.range.end.line + 1
    place = f"line {first}" if first == last else f"lines {first} to {last}"
    return Prompt(
        system=_SYSTEM,
        question=f"Explain {place} of the document above, with what it belongs to.",
        max_tokens=2000,
    )


ACTION = Action(
    name="explain",
    command="claude.explain",
    does="Explain the selection in a Markdown document.",
    title=lambda situation: (
        "Explain this place" if situation.range.empty else "Explain the selection"
    ),
    kind="refactor.rewrite.claude.explain",
    tier="sonnet",
    applies=lambda _situation: True,
    recipe=RECIPES["explain"],
    subject=numbered,
    extras=_extras,
    prompt=_prompt,
    reader=ProseReader,
)
