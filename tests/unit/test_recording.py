"""Answers that are kept: given again for the same question, never for another, never half."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude.account import Account
from claude_lsp.claude.client import Client
from claude_lsp.claude.errors import ClaudeError, Failure
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.recording import Recording
from claude_lsp.claude.request import Block
from claude_lsp.settings import Settings
from tests.messages_api import replies
from tests.unit.engine_kit import point_at, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.messages_api import MessagesApi

QUICK = Patience(deadline_s=5)


class Run:
    """One process's life: a client with a recording and a ledger of its own."""

    def __init__(self, folder: Path, number: int, **how: bool) -> None:
        self.account = Account()
        self.path = folder / f"ledger{number}.sqlite3"
        self.ledger = Ledger(self.path)
        self.folder = folder / "answers"
        self.client = Client(Settings(), self.ledger, Recording(self.folder, **how))

    async def ask(self, **changes: Any) -> str | Failure:
        try:
            text = ""
            async with self.client.stream(request(**changes), QUICK, self.account) as (pieces, _):
                async for piece in pieces:
                    text += piece
        except ClaudeError as error:
            return error.failure
        return text

    @property
    def booked(self) -> int:
        return sum(group.requests for group in self.ledger.usage(()))

    async def end(self) -> None:
        await self.client.close()
        self.ledger.close()


async def test_what_was_recorded_is_given_again_without_a_network_or_a_key(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.script(replies.thinking_then_text("Hm.", "Grüße\r\nan alle"))
    recorded = Run(tmp_path, 1, gives=False)
    first = await recorded.ask()
    assert first == "Grüße\r\nan alle"
    await recorded.end()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    replayed = Run(tmp_path, 2, sends=False)
    assert await replayed.ask(max_tokens=7) == first
    # A run costs what it has cost, and nothing is spent for it again.
    assert replayed.account.cost_usd == pytest.approx(recorded.account.cost_usd)
    assert replayed.account.calls == 1
    assert replayed.booked == 0
    await replayed.end()


async def test_another_question_has_no_answer(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.script(replies.text("one"))
    recorded = Run(tmp_path, 1, gives=False)
    await recorded.ask()
    await recorded.end()
    replayed = Run(tmp_path, 2, sends=False)
    for changes in (
        {"system": "Answer!"},
        {"blocks": (Block("Question!", 10),)},
        {"model": "claude-sonnet-5"},
        {"schema": {"type": "object"}},
    ):
        failure = await replayed.ask(**changes)
        assert isinstance(failure, Failure)
        assert failure.kind == "not-recorded"
    assert len(messages_api.messages) == 1
    await replayed.end()


async def test_a_run_that_goes_on_asks_only_for_what_is_missing(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    broken = replies.partial("ha") + replies.drop()
    messages_api.script(replies.text("one"), broken, replies.text("two"))
    first = Run(tmp_path, 1)
    assert await first.ask() == "one"
    failure = await first.ask(system="Second.")
    assert isinstance(failure, Failure)
    assert failure.kind == "interrupted"
    await first.end()
    again = Run(tmp_path, 2)
    assert await again.ask() == "one"
    assert await again.ask(system="Second.") == "two"
    assert len(messages_api.messages) == 3
    assert (again.booked, again.account.calls) == (1, 2)
    await again.end()


async def test_only_the_user_may_read_answers(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.script(replies.text("one"))
    run = Run(tmp_path, 1)
    await run.ask()
    await run.end()
    (file,) = run.folder.iterdir()
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Question" not in file.read_text()


async def test_a_folder_that_cannot_be_used_is_told(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.script(replies.text("one"))
    (tmp_path / "answers").write_text("a file")
    run = Run(tmp_path, 1, gives=False)
    failure = await run.ask()
    assert isinstance(failure, Failure)
    assert failure.kind == "recording"
    assert str(tmp_path) in failure.message
    await run.end()


@pytest.mark.parametrize(
    "damage", [b"", b"event: message_start\n", b"\xff\xff\n\n", b"data: {\n\n"]
)
async def test_a_damaged_answer_is_a_failure_and_no_end(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: bytes
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.script(replies.text("one"))
    run = Run(tmp_path, 1)
    await run.ask()
    (file,) = run.folder.iterdir()
    file.write_bytes(damage)
    failure = await run.ask()
    assert isinstance(failure, Failure)
    assert failure.kind == "interrupted"
    await run.end()
