"""Review the architecture: is this well built, and where will it hurt?

The facts are computed without a model and given as evidence, so that the model judges instead of
searching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions.action import Action, Prompt, Situation
from claude_lsp.actions.finding_reader import FindingsReader
from claude_lsp.actions.review import FINDINGS_RULES
from claude_lsp.context.candidate import Candidate
from claude_lsp.context.recipes import RECIPES
from claude_lsp.findings.claims import findings_schema
from claude_lsp.findings.rules import RULES

if TYPE_CHECKING:
    from claude_lsp.settings import Settings

MAP_SHARE = 0.6
"""Of the tokens of the context; the rest is for the texts of central files."""

_RULES = tuple(
    rule.id for rule in RULES.values() if rule.id.startswith("arch.") and rule.origin == "model"
)

_SYSTEM = f"""\
You review the architecture of a software project: is it well built, and where will it hurt the \
people who change it? You get a map of its modules, computed from the code and correct, and the \
text of its most central files. Judge what a tool can't: responsibilities in the wrong place, \
knowledge that leaks over a boundary, one thing decided in several places, a missing seam. Do not \
repeat what the map already states. Every finding names a file that is shown in full and quotes \
the lines that prove it. A handful of findings that matter is better than a list; none is fine.
Rules: {", ".join(_RULES)}. Severities: major (hurts in every change), minor, info.
{FINDINGS_RULES}"""


def _extras(situation: Situation) -> tuple[Candidate, ...]:
    return (Candidate("project map", situation.evidence, "computed from the code", score=1000),)


def _prompt(_situation: Situation, _settings: Settings) -> Prompt:
    return Prompt(
        system=_SYSTEM,
        question="Review the architecture of this project.",
        max_tokens=16000,
        schema=findings_schema(_RULES),
        effort="medium",
        think=True,
    )


ACTION = Action(
    name="architecture",
    command="claude.reviewArchitecture",
    does="Review the whole project from computed facts; asks first, with a price.",
    title=lambda _situation: "Review the project's architecture",
    kind="source.claude.reviewArchitecture",
    tier="opus",
    applies=lambda _situation: True,
    recipe=RECIPES["architecture"],
    subject=lambda _situation: None,
    extras=_extras,
    prompt=_prompt,
    reader=FindingsReader,
    confirm=True,
)
