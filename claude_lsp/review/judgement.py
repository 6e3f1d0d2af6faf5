"""Prepares the question that asks a model about an architecture, facts first."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.architecture import MAP_SHARE
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate
from claude_lsp.review.project import central_documents
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.review.project import Project
    from claude_lsp.text.lines import LineIndex


@dataclass(frozen=True)
class Judgement:
    """A question about a project's architecture that is ready to be sent.

    Attributes:
        situation: what it is asked about.
        prepared: the request.
        texts: the files that are shown in full, by path.
    """

    situation: Situation
    prepared: Prepared
    texts: Mapping[str, LineIndex]


async def prepare_judgement(engine: Engine, project: Project) -> Judgement:
    """Build the request that would have a project's architecture judged; nothing is sent."""
    action = ACTIONS["architecture"]
    root = project.root
    documents = await asyncio.to_thread(central_documents, project, engine.workspace)
    family = route(action.name, action.tier, engine.settings).model.tokenizer
    budget = int(MAP_SHARE * action.recipe.budget(engine.settings))
    evidence = await asyncio.to_thread(
        project.map, budget, functools.partial(tokens.upper_bound, family=family)
    )
    situation = Situation(
        Snapshot(uri_from_path(root), None, ""),
        root.name,
        Range(Position(0, 0), Position(0, 0)),
        evidence=evidence,
    )
    candidates = [
        Candidate(
            engine.workspace.origin(document),
            document.text,
            "central in the project",
            score=100 - rank,
            snapshot=document,
        )
        for rank, document in enumerate(documents)
    ]
    prepared = await engine.prepare(action, situation, extras=candidates)
    texts = {engine.workspace.origin(document): document.index for document in documents}
    return Judgement(situation, prepared, texts)
