"""What actions make of answers: text cases, each read in pieces of several sizes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.instruction import find_instruction
from claude_lsp.actions.outcomes import Drop, Insertion, Notice, Prose, Replacement, Unusable
from claude_lsp.actions.write_tests import merged
from claude_lsp.context import tokens
from claude_lsp.context.assemble import CURSOR_MARK, Context, assemble
from claude_lsp.context.candidate import Candidate
from claude_lsp.findings.finding import Finding
from claude_lsp.settings import Settings
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.destination import Destination
from tests import cases_loader

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.actions.outcomes import Outcome

HELPER = "def helped():\n    return 1\n"
CHUNKS = (1, 3, 7, 1_000_000)
FROM, TO = "⟦", "⟧"
"""Around the selection of a case."""
EDITING = ("fix", "rewrite", "document", "simplify", "addTypes", "fixAll", "test")


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@dataclass
class Run:
    """One case as it was read."""

    text: str
    outcomes: list[Outcome] = field(default_factory=list)


class ActionCase:
    """A case: a document, an answer, and what must come of it."""

    def __init__(self, action: str, path: Path) -> None:
        self.action = ACTIONS[action]
        self.sections = {
            name: text.removesuffix("\n") for name, text in cases_loader.load(path).sections.items()
        }
        self.options = set(self.sections.pop("options", "").split())
        assert not self.options - {"crlf", "crlf-answer", "cut"}
        text = self.sections.pop("document")
        self.answer = self.sections.pop("answer")
        if "crlf-answer" in self.options:
            self.answer = self.answer.replace("\n", "\r\n")
        self.text = self.in_document(text)
        at = self.text.find(CURSOR_MARK)
        self.text = self.text.replace(CURSOR_MARK, "")
        begin, end = self.text.find(FROM), self.text.replace(FROM, "").find(TO)
        self.text = self.text.replace(FROM, "").replace(TO, "")
        language = self.sections.pop("language", "python")
        self.snapshot = Snapshot("file:///w/main.py", 1, self.text, language)
        index = self.snapshot.index
        span = index.range_of(0, len(self.text)) if at < 0 else index.range_of(at, at)
        if begin >= 0:
            span = index.range_of(begin, end)
        problem = Problem(Range(Position(0, 0), Position(0, 1)), "wrong", "lint", "E1")
        self.situation = Situation(self.snapshot, "main.py", span, (problem,))
        self.edited = self.text
        if action == "test":
            self.edited = self.sections.pop("test-file", "")
            name = self.sections.pop("path")
            there = Snapshot(f"file:///w/{name}", None, self.edited, language)
            destination = Destination(there, name, exists=bool(self.edited))
            self.situation = replace(self.situation, destination=destination)
        if action == "rewrite":
            asked = find_instruction(self.snapshot, span)
            words = self.sections.pop("asked", "")
            self.situation = replace(
                self.situation,
                asked=words if asked is None else asked.text,
                comment=None if asked is None else asked.range,
            )

    def in_document(self, text: str) -> str:
        return text.replace("\n", "\r\n") if "crlf" in self.options else text

    def context(self) -> Context:
        helper = Snapshot("file:///w/helper.py", None, HELPER, "python")
        candidates = [
            *self.action.extras(self.situation),
            Candidate("helper.py", HELPER * 9, "imported", 1.0, snapshot=helper),
        ]
        subject = self.action.subject(self.situation)
        return assemble(subject, candidates, 4000, "claude-4.7")

    def run(self, chunk: int) -> list[Outcome]:
        reader = self.action.reader(self.situation, self.context())
        outcomes: list[Outcome] = []
        for start in range(0, len(self.answer), chunk):
            outcomes += reader.feed(self.answer[start : start + chunk])
            if reader.satisfied:
                break
        return [*outcomes, *reader.finish(complete="cut" not in self.options)]


def named(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", cases_loader.paths(folder), ids=lambda path: path.stem)


@named("complete")
@pytest.mark.parametrize("chunk", CHUNKS)
def test_complete(path: Path, chunk: int) -> None:
    case = ActionCase("complete", path)
    outcomes = case.run(chunk)
    insertions = [outcome for outcome in outcomes if isinstance(outcome, Insertion)]
    if "nothing" in case.sections:
        assert insertions == []
        return
    assert case.sections.keys() == {"insertion"}
    *growing, last = insertions
    assert last.complete
    assert not [one for one in growing if one.complete]
    assert last.text == case.in_document(case.sections["insertion"])
    # What was shown while it grew never has to be taken back.
    for one in growing:
        assert last.text.startswith(one.text.rstrip()), one
    assert {one.at for one in insertions} == {case.situation.range.start}


@pytest.mark.parametrize(
    ("action", "path"),
    [(action, path) for action in EDITING for path in cases_loader.paths(action)],
    ids=lambda value: getattr(value, "stem", value),
)
@pytest.mark.parametrize("chunk", CHUNKS)
def test_edits(action: str, path: Path, chunk: int) -> None:
    case = ActionCase(action, path)
    if "offered" in case.sections:
        offered = case.action.applies(case.situation)
        assert case.sections["offered"] == (case.action.title(case.situation) if offered else "no")
    if "question" in case.sections:
        question = case.action.prompt(case.situation, Settings()).question
        assert question == case.sections["question"]
    outcomes = case.run(chunk)
    replacements = [outcome for outcome in outcomes if isinstance(outcome, Replacement)]
    if action == "test":
        replacements = merged(replacements)
    edits = [TextEdit(each.range, each.text) for each in replacements]
    assert apply_edits(case.edited, edits) == case.in_document(case.sections["result"])
    notices = [outcome.text for outcome in outcomes if isinstance(outcome, Notice)]
    assert "\n".join(notices) == case.sections.get("notices", "")
    assert any(isinstance(o, Unusable) for o in outcomes) == ("unusable" in case.sections)


@named("review")
@pytest.mark.parametrize("chunk", CHUNKS)
def test_review(path: Path, chunk: int) -> None:
    case = ActionCase("review", path)
    outcomes = case.run(chunk)
    lines = []
    for found in outcomes:
        if isinstance(found, Finding):
            start, end = found.range
            where = f"{start.line + 1}:{start.column}-{end.line + 1}:{end.column}"
            where = where if found.path == "main.py" else f"{found.path} {where}"
            lines.append(f"{where} {found.severity.value} {found.rule} {found.title}")
            if found.path == "main.py":
                assert found.quote == case.snapshot.index.slice(found.range)
            assert len(found.fingerprint) == 16
            if found.replacement is not None:
                lines += [f"> {line}" for line in found.replacement.split("\n")]
    assert "\n".join(lines) == case.sections["findings"]
    drops = [f"{o.reason}: {o.count}" for o in outcomes if isinstance(o, Drop)]
    assert "\n".join(drops) == case.sections.get("dropped", "")
    assert any(isinstance(o, Unusable) for o in outcomes) == ("unusable" in case.sections)


@named("explain")
@pytest.mark.parametrize("chunk", CHUNKS)
def test_explain(path: Path, chunk: int) -> None:
    case = ActionCase("explain", path)
    outcomes = case.run(chunk)
    said = [outcome.text for outcome in outcomes if isinstance(outcome, Prose)]
    assert len(said) == len(outcomes)
    assert "".join(said) == case.sections["prose"]


ENDINGS = {"py": "python", "ts": "typescript", "go": "go"}


def languages_of(path: Path) -> set[str]:
    """Return the languages of a case: it says one, or the names of its files do."""
    sections = cases_loader.load(path).sections
    named = {ENDINGS[end] for name in sections if (end := name.rpartition(".")[2]) in ENDINGS}
    return named or {sections.get("language", "python").strip()}


@pytest.mark.parametrize("action", [*(name for name in ACTIONS if name != "ask"), "custom"])
def test_each_action_has_cases_in_three_languages(action: str) -> None:
    languages = set().union(*map(languages_of, cases_loader.paths(action)))
    assert len(languages) >= 3


def test_there_are_enough_cases() -> None:
    counts = {name: len(cases_loader.paths(name)) for name in ("complete", "fix", "review")}
    assert counts["complete"] >= 25
    assert counts["fix"] >= 12
    assert counts["review"] >= 10


def test_a_completion_is_satisfied_as_soon_as_it_is_complete() -> None:
    """What the model would go on to write is not waited for, nor paid."""
    case = ActionCase("complete", cases_loader.CASES / "complete" / "block_end.md")
    reader = case.action.reader(case.situation, case.context())
    reader.feed("<fill>return 1\n\n    def g(self):\n")
    assert reader.satisfied
    assert reader.feed("        more") == ()
    assert reader.finish(complete=True) == ()


def test_the_table_knows_them_by_their_names() -> None:
    assert [action.name for action in ACTIONS.values()] == list(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.name)
def test_each_action_describes_itself(action: object) -> None:
    from claude_lsp.actions.action import Action

    assert isinstance(action, Action)
    case = ActionCase("fix", cases_loader.CASES / "fix" / "one_line.md")
    assert action.title(case.situation)
    assert action.kind.startswith(("quickfix", "refactor.rewrite.claude.", "source.claude."))
    prompt = action.prompt(case.situation, Settings())
    assert prompt.system == action.prompt(case.situation, Settings()).system
    assert 0 < prompt.max_tokens <= 64_000
    assert prompt.question
    assert action.recipe.budget(Settings()) > 0


def test_what_is_offered_when() -> None:
    case = ActionCase("fix", cases_loader.CASES / "fix" / "one_line.md")
    selected, cursor = case.situation, Range(Position(0, 0), Position(0, 0))
    healthy = Situation(case.snapshot, "main.py", cursor)
    assert ACTIONS["fix"].applies(selected)
    assert not ACTIONS["fix"].applies(healthy)
    assert ACTIONS["complete"].applies(healthy)
    assert not ACTIONS["complete"].applies(selected)
    assert "wrong" in ACTIONS["fix"].title(selected)


def test_diagnostics_go_along_with_their_lines() -> None:
    case = ActionCase("fix", cases_loader.CASES / "fix" / "one_line.md")
    (extra,) = ACTIONS["fix"].extras(case.situation)
    assert extra.text == "line 1: lint E1: wrong\n"
    assert not extra.stable
