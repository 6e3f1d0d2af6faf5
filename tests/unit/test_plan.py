"""The calls of a review: nothing lost, each within its bound, the same for the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.context import tokens
from claude_lsp.context.assemble import excerpt_tokens
from claude_lsp.context.candidate import Lines
from claude_lsp.context.excerpts import render, windows_of
from claude_lsp.context.redact import Redactor
from claude_lsp.review import scope as scopes
from claude_lsp.review import sides
from claude_lsp.review.document import Document
from claude_lsp.review.instructions import Instructions, instructions_from
from claude_lsp.review.plan import Limits, Plan, make_plan
from claude_lsp.review.scope import Scope
from claude_lsp.review.tally import Tally
from claude_lsp.settings import build, check
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.workspace import Workspace
from tests.planted import GITHUB_TOKEN
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.settings import Settings

FAMILY: tokens.Family = "claude-4.7"


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


def bounded(budget: int = 12000) -> Settings:
    return build({"context.tokens": budget})


def document(text: str, name: str = "a.py") -> Document:
    return Document(name, Snapshot(f"file:///w/{name}", None, text, "python"))


def module(functions: int, lines: int = 6) -> str:
    body = "".join(f"    value_{line} = compute(value, {line})\n" for line in range(lines))
    return "".join(f"def function_{n}(value):\n{body}\n\n" for n in range(functions))


def covered(plan: Plan, origin: str) -> list[int]:
    """The lines of a document that calls look at, each as often as one does."""
    return sorted(
        line
        for unit in plan.units
        for excerpt in unit.excerpts
        if excerpt.origin == origin
        for run in excerpt.shown
        for line in range(run.first, run.last + 1)
    )


def test_whole_files_have_a_call_each() -> None:
    documents = (document("a = 1\n"), document("b = 1\n", "b.py"))
    plan = make_plan(Scope("all", documents), bounded())
    assert [unit.origins for unit in plan.units] == [("a.py",), ("b.py",)]
    assert all(excerpt.whole for unit in plan.units for excerpt in unit.excerpts)


def test_a_large_file_is_cut_between_definitions() -> None:
    text = module(200)
    plan = make_plan(Scope("a.py", (document(text),)), bounded(3000))
    assert len(plan.units) > 4
    lines = text.split("\n")
    for unit in plan.units:
        assert lines[unit.excerpts[0].shown[-1].first].startswith("def function_")
        assert unit.tokens <= int(3000 * 0.75)
        assert unit.tokens == excerpt_tokens(unit.excerpts[0], FAMILY)
    assert covered(plan, "a.py") == list(range(len(lines) - 1))
    assert plan.left_out == ()


def test_a_large_class_is_cut_between_methods_and_its_head_shown_with_each() -> None:
    methods = module(120).replace("\n", "\n    ").replace("    \n", "\n")
    text = f"class Large:\n    {methods.rstrip()}\n"
    plan = make_plan(Scope("a.py", (document(text),)), bounded(3000))
    assert len(plan.units) > 2
    for unit in plan.units[1:]:
        assert unit.excerpts[0].shown[0] == Lines(0, 0)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(["def f(x):", "    return 1", "", "x = 'ünï 🎉'", "y" * 300, "\tz\r"]),
        max_size=150,
    ),
    budget=st.integers(500, 1500),
)
def test_every_line_is_in_exactly_one_call_or_told(lines: list[str], budget: int) -> None:
    text = "\n".join(lines)
    made = document(text)
    plan = make_plan(Scope("a.py", (made,)), bounded(budget))
    seen = covered(plan, "a.py")
    heads = {run.first for u in plan.units for run in u.excerpts[0].shown[:-1]}
    every = set(range(len(made.snapshot.index.lines)))
    if not plan.left_out and every:
        assert set(seen) == every
    assert all(seen.count(line) == 1 or line in heads for line in seen)
    assert all(unit.tokens <= budget * 0.75 for unit in plan.units)
    again = make_plan(Scope("a.py", (document(text),)), bounded(budget))
    assert [unit.id for unit in again.units] == [unit.id for unit in plan.units]


def test_a_line_that_fits_no_call_is_told() -> None:
    text = "a = 1\n" + "b = '" + "word " * 20_000 + "'\nc = 3\n"
    plan = make_plan(Scope("a.py", (document(text),)), bounded(1000))
    assert covered(plan, "a.py") == [0, 2]
    assert plan.left_out == (("a.py", "line 2: too long for a call"),)
    tally = Tally(plan)
    for unit in plan.units:
        tally.finish(unit, None)
    assert tally.reviewed == []
    assert tally.failed == [("a.py", "line 2: too long for a call")]


# Changes.


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "r")


def changed(repository: Repository, budget: int = 12000, limits: Limits | None = None) -> Plan:
    workspace = Workspace((repository.root,), bounded(budget))
    of = scopes.changes(workspace, repository.root, sides.worktree())
    return make_plan(of, bounded(budget), limits=limits)


def test_a_small_change_of_many_files_is_one_call(repository: Repository) -> None:
    for number in range(8):
        repository.write(f"m{number}.py", module(30))
    repository.commit()
    for number in range(8):
        repository.write(f"m{number}.py", module(30).replace("(value, 3)", "(value, 4)", 1))
    (unit,) = changed(repository).units
    assert len(unit.excerpts) == 8
    # The definition around the change, not the file.
    assert unit.excerpts[0].shown == (Lines(0, 7),)
    text = render(unit.excerpts[0], windows_of(unit.excerpts[0], Redactor()))
    assert text == (
        '<document path="m0.py" language="python" lines="1-8 of 270" change="modified">\n'
        "1| def function_0(value):\n"
        "     value_0 = compute(value, 0)\n"
        "     value_1 = compute(value, 1)\n"
        "     value_2 = compute(value, 2)\n"
        "5|-    value_3 = compute(value, 3)\n"
        "+    value_3 = compute(value, 4)\n"
        "     value_4 = compute(value, 4)\n"
        "     value_5 = compute(value, 5)\n"
        " \n"
        "</document>\n"
    )


def test_of_a_large_definition_the_hunk_and_the_heads_are_shown(repository: Repository) -> None:
    body = "".join(f"        step_{n}()\n" for n in range(100))
    other = "    def other(self):\n        pass\n"
    text = f"import x\n\n\nclass C:\n    def method(self):\n{body}\n{other}"
    repository.commit(a_py=text)
    repository.write("a.py", text.replace("step_50()", "step_51()"))
    (unit,) = changed(repository).units
    assert unit.excerpts[0].shown == (Lines(3, 4), Lines(47, 63))
    assert unit.excerpts[0].scope == (Lines(54, 55), Lines(54, 56))


def test_a_large_change_is_cut_and_every_changed_line_is_asked_about(
    repository: Repository,
) -> None:
    repository.commit(a_py=module(150), b_py=module(3))
    repository.write("a.py", module(150).replace("(value, 3)", "(value, 4)"))
    repository.write("b.py", module(3).replace("(value, 3)", "(value, 4)"))
    plan = changed(repository, 3000)
    assert len(plan.units) > 5
    assert all(unit.tokens <= int(3000 * 0.75) for unit in plan.units)
    added = {
        line
        for unit in plan.units
        for excerpt in unit.excerpts
        if excerpt.origin == "a.py"
        for run in excerpt.added
        for line in range(run.first, run.last + 1)
    }
    assert added == {5 * 0 + 4 + 9 * n for n in range(150)}
    assert all(excerpt.scope for unit in plan.units for excerpt in unit.excerpts)


def test_an_added_file_needs_no_marks(repository: Repository) -> None:
    repository.commit()
    repository.write("new.py", "a = 1\nb = 2\n")
    (unit,) = changed(repository).units
    (excerpt,) = unit.excerpts
    assert render(excerpt, windows_of(excerpt, Redactor())) == (
        '<document path="new.py" language="python" change="added">\n1| a = 1\nb = 2\n</document>\n'
    )


def test_secrets_are_replaced_in_what_was_removed_too(repository: Repository) -> None:
    secret = GITHUB_TOKEN
    repository.commit(a_py=f'token = "{secret}"\nother = 1\n')
    repository.write("a.py", 'token = read("TOKEN")\nother = 1\n')
    (unit,) = changed(repository).units
    text = render(unit.excerpts[0], windows_of(unit.excerpts[0], Redactor()))
    assert secret not in text
    assert '1|-token = "<redacted:github-token>"\n' in text


def test_a_file_that_lost_all_its_lines(repository: Repository) -> None:
    repository.commit(a_py="a = 1\nb = 2\n")
    repository.write("a.py", "")
    (unit,) = changed(repository).units
    text = render(unit.excerpts[0], windows_of(unit.excerpts[0], Redactor()))
    assert "1|-a = 1\n-b = 2\n" in text


# Limits.


def test_limits_leave_out_and_tell(repository: Repository) -> None:
    for number in range(40):
        repository.write(f"m{number:02}.py", module(20))
    repository.write("tests/test_a.py", module(20))
    unlimited = changed(repository)
    assert unlimited.units[-1].origins[-1] == "tests/test_a.py"
    few = changed(repository, limits=Limits(calls=3))
    assert len(few.units) == 3
    assert [unit.id for unit in few.units] == [unit.id for unit in unlimited.units[:3]]
    assert {reason for _, reason in few.left_out} == {"over --max-calls"}
    cheap = changed(repository, limits=Limits(tokens=15_000))
    assert 0 < len(cheap.units) < len(unlimited.units)
    assert {reason for _, reason in cheap.left_out} == {"over --max-tokens"}
    for plan in (few, cheap):
        told = {origin for origin, _ in plan.left_out}
        asked = {origin for unit in plan.units for origin in unit.origins}
        assert len(told) + len(asked) == 41
        assert not told & asked


def test_a_limit_that_nothing_fits_asks_nothing() -> None:
    plan = make_plan(Scope("a", (document("a = 1\n"),)), bounded(), limits=Limits(tokens=100))
    assert (plan.units, plan.left_out) == ((), (("a.py", "over --max-tokens"),))


# Ids.


def test_an_id_is_of_what_is_asked() -> None:
    def id_of(text: str, instructions: str = "", name: str = "a.py") -> str:
        said = Instructions(instructions)
        (unit,) = make_plan(Scope("x", (document(text, name),)), bounded(), said).units
        return unit.id

    assert id_of("a = 1\n") == id_of("a = 1\n")
    others = {id_of("a = 2\n"), id_of("a = 1\n", "Mind."), id_of("a = 1\n", name="b.py")}
    assert len(others) == 3
    assert id_of("a = 1\n") not in others


# Instructions.


def test_what_the_project_says_to_reviewers(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Use tabs.\n")
    path = check(
        "review.path",
        [
            {"glob": "src/api/**", "instructions": "Check authorisation."},
            {"glob": "*.sql", "instructions": "Mind locks."},
        ],
    )
    options = build({"review.instructions": "Mind the overflow.", "review.path": path})
    said = instructions_from(Workspace((tmp_path,), options), options)
    everywhere = "Mind the overflow.\n\nFrom the project's CLAUDE.md:\nUse tabs."
    assert said.for_paths(["src/a.py"]) == everywhere
    assert said.for_paths(["src/api/v1/a.py"]) == f"{everywhere}\n\nCheck authorisation."
    assert said.for_paths(["a.py", "db/x.sql"]) == f"{everywhere}\n\nFor db/x.sql: Mind locks."
    base = instructions_from(
        Workspace((tmp_path,), options), options, {"CLAUDE.md": "Use blanks."}.get
    )
    assert base.general.endswith("Use blanks.")
    none = instructions_from(Workspace((tmp_path,), options), options, lambda _: None)
    assert none.general == "Mind the overflow."


def test_ignored_instructions_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Use tabs.\n")
    (tmp_path / ".claudeignore").write_text("CLAUDE.md\n")
    said = instructions_from(Workspace((tmp_path,), bounded()), bounded())
    assert said.general == ""


def test_long_instructions_are_cut_at_a_line(tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("One more rule of many.\n" * 2000)
    said = instructions_from(Workspace((tmp_path,), bounded()), bounded())
    assert len(said.general) < 6_100
    assert said.general.endswith("One more rule of many.\n")
