"""What tests of the engine and the client start from."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_lsp.actions.action import Problem, Situation
from claude_lsp.claude.catalog import Model, lookup
from claude_lsp.claude.client import Client
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.request import Block, Request
from claude_lsp.engine import Engine
from claude_lsp.settings import Settings, build
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.workspace import Workspace
from tests.messages_api import KEY, MessagesApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest


def point_at(api: Any, monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> None:
    """Let this process's clients find the loopback Messages API."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.base_url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)


def request(model: str | Model = "claude-haiku-5-5", **changes: Any) -> Request:
    """A small request."""
    plain = Request(
        action="ask",
        tier="haiku",
        model=lookup(model) if isinstance(model, str) else model,
        system="Answer.",
        system_tokens=10,
        blocks=(Block("Question?", 10),),
        max_tokens=500,
    )
    return replace(plain, **changes)


def snapshot(path: Path, text: str) -> Snapshot:
    """A document as it stands on the disk, where it is written too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return Snapshot(uri_from_path(path), 1, text, language_of(path))


def whole(document: Snapshot) -> Range:
    """The range of a whole document."""
    return document.index.range_of(0, len(document.text))


def situation(document: Snapshot, origin: str, span: Range | None = None) -> Situation:
    """A situation in which every action applies."""
    place = whole(document) if span is None else span
    problem = Problem(Range(Position(0, 0), Position(0, 1)), "undefined name", "lint", "F821")
    return Situation(document, origin, place, (problem,), evidence="a -> b\n")


@contextlib.asynccontextmanager
async def engine_for(root: Path, **options: Any) -> AsyncIterator[Engine]:
    """An engine for a folder; options by their keys, "_" for "."."""
    settings: Settings = build({key.replace("__", "."): value for key, value in options.items()})
    ledger = Ledger()
    client = Client(settings, ledger)
    try:
        workspace = Workspace((root,), settings)
        codebase = Codebase(workspace)
        yield Engine(settings, workspace, client, codebase)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()


__all__ = ["MessagesApi", "engine_for", "point_at", "request", "situation", "snapshot", "whole"]
