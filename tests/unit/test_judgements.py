"""Architecture reviews by text cases: the first prompt, and what is made of an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.outcomes import Drop, Prose, Unusable
from claude_lsp.context import tokens
from claude_lsp.context.assemble import assemble
from claude_lsp.context.candidate import Candidate
from claude_lsp.disclosure import as_text
from claude_lsp.findings.finding import Finding
from claude_lsp.review.judgement import prepare_judgement
from claude_lsp.review.project import survey
from claude_lsp.structure.claimed import ABSENT, UNKNOWN, Dependencies
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from tests import cases_loader
from tests.unit.engine_kit import engine_for
from tests.unit.graphs import graph_of_texts
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.actions.outcomes import Outcome

RESULTS = {"answer", "findings", "dropped", "overview", "unusable", "options"}


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


def named(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", cases_loader.paths(folder), ids=lambda path: path.stem)


@named("architecture_prompt")
async def test_the_first_prompt(path: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name, text in cases_loader.load(path).sections.items():
        if name != "prompt":
            write(root, name, text)
    async with engine_for(root) as engine:
        engine.codebase.update()
        await engine.codebase.settled()
        project = await asyncio.to_thread(survey, engine.workspace, root, engine.settings)
        judgement = await prepare_judgement(engine, project)
    cases_loader.expect(path, "prompt", as_text(judgement.prepared) + "\n")


@named("architecture")
@pytest.mark.parametrize("chunk", [1, 7, 1_000_000])
def test_what_is_made_of_an_answer(path: Path, chunk: int) -> None:
    sections = cases_loader.load(path).sections
    files = {name: text for name, text in sections.items() if name not in RESULTS}
    candidates = [
        Candidate(name, text, "central", snapshot=Snapshot(f"file:///w/{name}", None, text))
        for name, text in files.items()
    ]
    nowhere = Range(Position(0, 0), Position(0, 0))
    situation = Situation(
        Snapshot("file:///w", None, ""),
        "w",
        nowhere,
        dependencies=Dependencies(graph_of_texts(files)),
    )
    context = assemble(None, candidates, 4000, "claude-4.7")
    reader = ACTIONS["architecture"].reader(situation, context)
    answer = sections["answer"]
    outcomes: list[Outcome] = []
    for start in range(0, len(answer), chunk):
        outcomes += reader.feed(answer[start : start + chunk])
    outcomes += reader.finish(complete="cut" not in sections.get("options", ""))
    assert "".join(map(told, outcomes)) == sections["findings"]
    drops = "".join(f"{o.reason}: {o.count}\n" for o in outcomes if isinstance(o, Drop))
    assert drops == sections.get("dropped", "")
    prose = "".join(o.text for o in outcomes if isinstance(o, Prose))
    assert prose == sections.get("overview", "")
    assert any(isinstance(o, Unusable) for o in outcomes) == ("unusable" in sections)


def told(found: Outcome) -> str:
    if not isinstance(found, Finding):
        return ""
    lines = [f"{found.path} {place(found.range)} {found.severity.value} {found.rule} {found.title}"]
    lines += [f"-> {each.path} {place(each.range)} {each.message}" for each in found.related]
    return "".join(f"{line}\n" for line in lines)


def place(span: Range) -> str:
    start, end = span
    return f"{start.line + 1}:{start.column}-{end.line + 1}:{end.column}"


@pytest.mark.parametrize("budget", [2_000, 8_000, 32_000])
async def test_the_context_never_exceeds_its_bound(budget: int, tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "README.md", "# A project of some size\n" + "It says many words.\n" * 2_000)
    write(root, "CLAUDE.md", "Keep it small.\n")
    for number in range(60):
        others = "".join(f"from p{number % 7}.m{n} import f{n}\n" for n in range(number % 5))
        body = "".join(f"def f{n}(a, b):\n    return a + b + {n}\n\n\n" for n in range(30))
        write(root, f"p{number % 7}/m{number}.py", others + body)
    async with engine_for(root, arch__context_tokens=budget) as engine:
        project = await asyncio.to_thread(survey, engine.workspace, root, engine.settings)
        context = (await prepare_judgement(engine, project)).prepared.context
    assert context.tokens <= budget
    # A good part of it is used, for all kinds of evidence.
    assert context.tokens > 0.6 * budget
    origins = [part.origin for part in context.parts]
    assert {"project map", "facts", "README.md"} <= {*origins, "facts"}
    (sheet,) = [part.text for part in context.parts if part.origin == "project map"]
    for number in range(7):
        assert f"p{number}" in sheet


GRAPH = graph_of_texts(
    {
        "app/__init__.py": "",
        "app/core/__init__.py": "",
        "app/core/base.py": "x = 1\n",
        "app/main.py": "from app.core import base\n",
        "web/page.ts": 'import { total } from "./total";\n',
        "web/total.ts": "export const total = 1;\n",
    }
)


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("app/main.py", "app/core/base.py", None),
        ("app.main", "app.core", None),
        ("app", "app/core/", None),
        ("./web/page.ts", "web/total", None),
        ("app.core.base", "app.main", ABSENT),
        ("web", "app", ABSENT),
        ("app.main", "os", UNKNOWN),
        ("", "app.main", UNKNOWN),
    ],
)
def test_a_claimed_dependency_is_looked_up(source: str, target: str, problem: str | None) -> None:
    assert Dependencies(GRAPH).problem_of(source, target) == problem
