"""Fix a diagnostic of any tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.editing import EDITS_RULES, EDITS_SCHEMA, EditsReader, numbered, shortened
from claude_lsp.context.candidate import Candidate
from claude_lsp.context.recipes import RECIPES
from claude_lsp.text.lines import split_lines, without_ending

if TYPE_CHECKING:
    from claude_lsp.settings import Settings

_SYSTEM = f"""\
You fix problems that tools have reported in a document. Fix the cause, not the message: no \
suppression comments, no weakened types or checks, unless that is the right fix. Keep the \
document's style. {EDITS_RULES}"""


def _title(situation: Situation) -> str:
    if len(situation.problems) == 1:
        return f"Fix: {shortened(situation.problems[0].message)}"
    return f"Fix {len(situation.problems)} problems"


def indented(message: str) -> str:
    """Return a tool's message so that no line of it looks like another problem."""
    return "\n  ".join(map(without_ending, split_lines(message)))


def listed(situation: Situation) -> tuple[Candidate, ...]:
    """Return the situation's problems as a part of the context."""
    lines = "".join(
        f"line {problem.range.start.line + 1}: "
        f"{' '.join(part for part in (problem.source, problem.code) if part) or 'problem'}: "
        f"{indented(problem.message)}\n"
        for problem in situation.problems
    )
    return (Candidate("diagnostics", lines, "what to fix", score=100, stable=False),)


def _prompt(_situation: Situation, _settings: Settings) -> Prompt:
    return Prompt(
        system=_SYSTEM,
        question="Fix the problems listed under diagnostics in the document above.",
        max_tokens=8000,
        schema=EDITS_SCHEMA,
    )


ACTION = Action(
    name="fix",
    command="claude.fix",
    does="Fix a diagnostic of any tool; independent edits are applied one by one.",
    title=_title,
    kind="quickfix",
    tier="sonnet",
    applies=lambda situation: bool(situation.problems),
    recipe=RECIPES["fix"],
    subject=numbered,
    extras=listed,
    prompt=_prompt,
    reader=lambda _situation, context: EditsReader(context.sent),
    edits=True,
)
