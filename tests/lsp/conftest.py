"""The editor with our server behind it, ready for every test of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.lsp import apply
from claude_lsp.lsp.server import ClaudeServer
from claude_lsp.review import run
from tests.lsp.editor import Editor, know_commands
from tests.lsp.pair import Pair, shared_converter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.messages_api import MessagesApi


pytest.register_assert_rewrite("tests.lsp.session_model")


@pytest.fixture
async def unstarted(
    messages_api: MessagesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Editor]:
    """An editor that has not yet said anything."""
    for name, value in messages_api.environment().items():
        if name.startswith("ANTHROPIC_"):
            monkeypatch.setenv(name, value)
    # What only has to be waited for; the tests of waiting itself set their own.
    monkeypatch.setattr(apply, "_RETRY_S", 0.02)
    monkeypatch.setattr(apply, "_ECHO_S", 0.3)
    monkeypatch.setattr(run, "_AGAIN_S", 0.0)
    root = tmp_path / "project"
    root.mkdir()
    know_commands(shared_converter())
    async with Pair(ClaudeServer) as pair:
        yield Editor(pair, messages_api, root)
    assert messages_api.refused == []


@pytest.fixture
async def editor(unstarted: Editor) -> Editor:
    """A modern editor in a session."""
    await unstarted.start()
    return unstarted
