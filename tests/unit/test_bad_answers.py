"""Answers that are not what was asked for: every action, in three languages, gets the same of each.

A case has an answer and, for each family of actions, what comes of it. In the answer ⟦first⟧ stands
for the first line of the document.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.custom import custom_action
from claude_lsp.actions.describe_changes import message_of
from claude_lsp.actions.outcomes import Drop, Insertion, Notice, Prose, Replacement, Unusable
from claude_lsp.actions.write_tests import merged
from claude_lsp.context import tokens
from claude_lsp.context.assemble import assemble
from claude_lsp.findings.finding import Finding
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.user_actions import UserAction
from claude_lsp.workspace.destination import Destination
from tests import cases_loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from claude_lsp.actions.action import Action
    from claude_lsp.actions.outcomes import Outcome

DOCUMENTS = {
    "python": "def total(values):\n    return sum(values)\n",
    "typescript": "function total(values: number[]): number {\n  return 0;\n}\n",
    "go": "func total(values []int) int {\n\treturn 0\n}\n",
}
CHUNKS = (3, 1_000_000)


def custom(output: str) -> Action:
    return custom_action("mine", UserAction("Mine", "Do it.", output=output))  # type: ignore[arg-type]


FAMILIES: dict[str, list[Action]] = {
    "edits": [
        *(ACTIONS[name] for name in ("fix", "fixAll", "rewrite", "document", "simplify")),
        *(ACTIONS[name] for name in ("addTypes", "test")),
        custom("edit"),
    ],
    "findings": [ACTIONS["review"], custom("findings")],
    "prose": [
        *(ACTIONS[name] for name in ("explain", "commitMessage", "changeSummary")),
        custom("document"),
    ],
    "insertion": [ACTIONS["complete"]],
}


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@pytest.mark.parametrize("language", DOCUMENTS)
@pytest.mark.parametrize(
    "path", cases_loader.paths("bad_answers"), ids=lambda path: getattr(path, "stem", path)
)
def test_every_action_makes_the_same_of_it(path: Path, language: str) -> None:
    case = cases_loader.load(path)
    text = DOCUMENTS[language]
    first = json.dumps(text.split("\n", 1)[0])[1:-1]
    answer = case.sections["answer"].removesuffix("\n").replace("⟦first⟧", first)
    complete = "options" not in case.sections
    for family, actions in FAMILIES.items():
        for action in actions:
            for chunk in CHUNKS:
                made = "".join(made_of(action, language, answer, chunk, complete=complete))
                cases_loader.expect(path, family, made.replace(first, "⟦first⟧"))


def made_of(
    action: Action, language: str, answer: str, chunk: int, *, complete: bool
) -> Iterator[str]:
    """Yield in words what an action makes of an answer."""
    text = DOCUMENTS[language]
    snapshot = Snapshot("file:///w/main", 1, text, language)
    end = snapshot.index.position_at(len(text))
    span = Range(end, end) if action.name == "complete" else Range(Position(0, 0), end)
    test_file = Snapshot("file:///w/test", None, text, language)
    situation = Situation(
        snapshot,
        "main",
        span,
        (Problem(Range(Position(0, 0), Position(0, 1)), "wrong", "lint", "E1"),),
        asked="change it",
        destination=Destination(test_file, "test", exists=True),
    )
    context = assemble(action.subject(situation), action.extras(situation), 4000, "claude-4.7")
    reader = action.reader(situation, context)
    outcomes: list[Outcome] = []
    for start in range(0, len(answer), chunk):
        outcomes += reader.feed(answer[start : start + chunk])
    outcomes += reader.finish(complete=complete)
    yield from in_words(outcomes, text)


def in_words(outcomes: Sequence[Outcome], text: str) -> Iterator[str]:
    replacements = merged([each for each in outcomes if isinstance(each, Replacement)])
    edits = [TextEdit(each.range, each.text) for each in replacements]
    if apply_edits(text, edits) != text:
        yield "the document is another\n"
    insertions = [each for each in outcomes if isinstance(each, Insertion) and each.complete]
    yield from (f"inserted: {each.text}\n" for each in insertions)
    said = "".join(each.text for each in outcomes if isinstance(each, Prose))
    if said:
        yield f"said: {message_of(said)}\n"
    for each in outcomes:
        if isinstance(each, Notice):
            yield f"notice: {each.text.partition(' (')[0]}\n"
        elif isinstance(each, Unusable):
            yield f"failed: {each.reason}\n"
        elif isinstance(each, Drop):
            yield f"dropped: {each.reason}\n"
        elif isinstance(each, Finding):
            yield f"found: {each.title}\n"
