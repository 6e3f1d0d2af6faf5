"""Prepares the question that asks a model about an architecture, facts first."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import ALONE, Situation
from claude_lsp.actions.architecture import DOCUMENTS_SHARE, FACTS_SHARE, MAP_SHARE
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate
from claude_lsp.review.project import INSTRUCTIONS, central_documents, own_words
from claude_lsp.structure.claimed import Dependencies
from claude_lsp.structure.project_map import render_facts
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claude_lsp.actions.action import Surroundings
    from claude_lsp.context.tokens import Family
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.review.project import Project
    from claude_lsp.text.lines import LineIndex


@dataclass(frozen=True)
class Judgement:
    """A question about a project's architecture that is ready to be sent.

    Attributes:
        situation: what it is asked about.
        prepared: the request; where the model may look into the project, the first one.
        texts: the files that the first request shows, by path.
    """

    situation: Situation
    prepared: Prepared
    texts: Mapping[str, LineIndex]


async def prepare_judgement(
    engine: Engine,
    project: Project,
    surroundings: Surroundings = ALONE,
    *,
    trusted: Callable[[str], str | None] | None = None,
) -> Judgement:
    """Build the request that would have a project's architecture judged; nothing is sent.

    Args:
        engine: what it will be sent with.
        project: what is judged.
        surroundings: what the editor shows; open documents stand for their files.
        trusted: returns a file of the commit whose instructions hold; those on disk by default.

    Raises:
        ClaudeError: the project must not be sent.
    """
    action = ACTIONS["architecture"]
    family = route(action.name, action.tier, engine.settings).model.tokenizer
    budget = action.recipe.budget(engine.settings)
    situation, candidates = await asyncio.to_thread(
        _gathered, engine, project, surroundings, budget, family, trusted=trusted
    )
    prepared = await engine.prepare(action, situation, surroundings, candidates)
    sent = prepared.context.documents.items()
    return Judgement(situation, prepared, {path: pieces[0].original for path, pieces in sent})


def _gathered(
    engine: Engine,
    project: Project,
    surroundings: Surroundings,
    budget: int,
    family: Family,
    *,
    trusted: Callable[[str], str | None] | None,
) -> tuple[Situation, list[Candidate]]:
    """Collect what the model gets to see, the most telling first; reads files."""
    workspace, root = engine.workspace, project.root
    count = functools.partial(tokens.upper_bound, family=family)
    documents = own_words(project, workspace, surroundings.documents)
    central = central_documents(project, workspace, surroundings.documents)
    facts = tokens.cut(render_facts(project.findings), int(FACTS_SHARE * budget), "start", family)
    situation = Situation(
        Snapshot(uri_from_path(root), None, ""),
        root.name,
        Range(Position(0, 0), Position(0, 0)),
        evidence=project.map(int(MAP_SHARE * budget), count),
        facts=facts,
        dependencies=Dependencies(project.graph),
    )
    candidates = []
    room = int(DOCUMENTS_SHARE * budget)
    for rank, document in enumerate(documents):
        # Half of what is left for each: the first says most, and none is left out.
        name = _name(document, project)
        words = document.text
        if trusted is not None and INSTRUCTIONS.fullmatch(name):
            words = trusted(name) or ""
        text = tokens.cut(words, room // 2, "start", family)
        if not text.strip():
            continue
        room -= count(text)
        candidates.append(
            Candidate(
                name,
                text,
                "the project's own words",
                score=800 - rank,
                snapshot=document if text == document.text else None,
            )
        )
    candidates += [
        Candidate(
            _name(document, project),
            document.text,
            "central in the project",
            score=100 - rank,
            snapshot=document,
        )
        for rank, document in enumerate(central)
    ]
    return situation, candidates


def _name(document: Snapshot, project: Project) -> str:
    """Return a file's path below the project, as findings and tools name it."""
    path = document.path
    return document.uri if path is None else path.relative_to(project.root).as_posix()
