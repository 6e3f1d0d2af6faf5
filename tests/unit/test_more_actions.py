"""Texts about what is staged, and actions of users: text cases, read in pieces of several sizes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.custom import custom_action, symbol_at
from claude_lsp.actions.describe_changes import candidates_of, message_of
from claude_lsp.actions.outcomes import Notice, Prose, Replacement
from claude_lsp.context import tokens
from claude_lsp.context.assemble import assemble
from claude_lsp.findings.finding import Finding
from claude_lsp.settings import Settings
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.user_actions import user_action
from claude_lsp.workspace.staged import Staged, StagedFile
from tests import cases_loader

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.actions.action import Action
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context

CHUNKS = (1, 5, 1_000_000)
CHANGE = "change:"
NOWHERE = Situation(Snapshot("file:///w", None, ""), "w", Range(Position(0, 0), Position(0, 0)))


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


def sections_of(path: Path) -> dict[str, str]:
    found = cases_loader.load(path).sections
    return {name: text.removesuffix("\n") for name, text in found.items()}


def read(
    action: Action, situation: Situation, context: Context, answer: str, chunk: int, *, whole: bool
) -> list[Outcome]:
    reader = action.reader(situation, context)
    outcomes: list[Outcome] = []
    for start in range(0, len(answer), chunk):
        outcomes += reader.feed(answer[start : start + chunk])
    return [*outcomes, *reader.finish(complete=whole)]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("name", "path"),
    [(n, path) for n in ("commitMessage", "changeSummary") for path in cases_loader.paths(n)],
    ids=lambda value: getattr(value, "stem", value),
)
def test_what_is_said_of_what_is_staged(name: str, path: Path, chunk: int) -> None:
    sections = sections_of(path)
    files = [
        StagedFile(header.removeprefix(CHANGE), text)
        for header, text in sections.items()
        if header.startswith(CHANGE)
    ]
    subjects = tuple(filter(None, sections.get("subjects", "").split("\n")))
    parts = candidates_of(Staged(tuple(files), (), subjects))
    context = assemble(None, parts, 4000, "claude-4.7")
    sent = "".join(part.text for part in context.parts)
    assert all(file.path in sent and file.text in sent for file in files)
    assert all(subject in sent for subject in subjects)
    whole = "options" not in sections
    outcomes = read(ACTIONS[name], NOWHERE, context, sections["answer"], chunk, whole=whole)
    said = "".join(each.text for each in outcomes if isinstance(each, Prose))
    assert message_of(said) == sections["message"]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("path", cases_loader.paths("custom"), ids=lambda path: path.stem)
def test_an_action_of_the_users_own(path: Path, chunk: int) -> None:
    sections = sections_of(path)
    if "fault" in sections:
        with pytest.raises(ValueError, match="has an unknown") as told:
            user_action("mine", json.loads(sections["definition"]))
        assert str(told.value) == sections["fault"]
        return
    action = custom_action("mine", user_action("mine", json.loads(sections["definition"])))
    marked = sections["document"]
    text = marked.replace("⟦", "").replace("⟧", "")
    snapshot = Snapshot("file:///w/main", 1, text, sections["language"])
    start = max(0, marked.find("⟦"))
    end = marked.find("⟧") - 1 if "⟧" in marked else len(text)
    span = snapshot.index.range_of(start, end)
    situation = Situation(
        snapshot,
        "main.py",
        span,
        (Problem(Range(Position(0, 0), Position(0, 1)), "wrong"),),
        symbol=symbol_at(snapshot, span.start.line),
    )
    if sections["question"] == "(not offered)":
        assert not action.applies(situation)
        return
    assert action.applies(situation)
    assert action.prompt(situation, Settings()).question == sections["question"]
    context = assemble(action.subject(situation), action.extras(situation), 4000, "claude-4.7")
    outcomes = read(action, situation, context, sections["answer"], chunk, whole=True)
    made = [f"{o.range.start.line + 1} {o.title}" for o in outcomes if isinstance(o, Finding)]
    said = "".join(each.text for each in outcomes if isinstance(each, Prose))
    edits = [TextEdit(o.range, o.text) for o in outcomes if isinstance(o, Replacement)]
    made += [f"said: {said}"] if said else []
    made += [f"document: {apply_edits(text, edits).rstrip()}"] if edits else []
    made += [each.text for each in outcomes if isinstance(each, Notice)]
    assert "\n".join(made) == sections["result"]
