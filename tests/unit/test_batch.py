"""Batches: half the price, every answer where a recording has it, and no request sent twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude.account import Account
from claude_lsp.claude.batch import Batch
from claude_lsp.claude.catalog import lookup
from claude_lsp.claude.client import Client
from claude_lsp.claude.errors import ClaudeError, Failure
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.recording import Recording
from claude_lsp.claude.request import Block
from claude_lsp.settings import Settings, build
from tests.messages_api import replies
from tests.unit.engine_kit import point_at, request

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.claude.request import Request
    from tests.messages_api import MessagesApi

ONE, TWO = request(system="One."), request(system="Two.")


class Run:
    """One process's life with a batch."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.recording = Recording(folder / "answers", sends=False)
        self.client = Client(self.settings, self.ledger, self.recording)
        self.account = Account()
        self.told: list[str] = []

    async def fill(self, *requests: Request, account: Account | None = None) -> None:
        batch = Batch(self.client, self.ledger, self.settings.spend, self.recording, requests)
        await batch.fill(account or self.account, self.told.append, pause_s=0.001)

    async def ask(self, asked: Request) -> str | Failure:
        try:
            text = ""
            async with self.client.stream(asked, Patience(5), self.account) as (pieces, _):
                async for piece in pieces:
                    text += piece
        except ClaudeError as error:
            return error.failure
        return text

    @property
    def rows(self) -> list[Any]:
        return self.ledger.usage(())

    async def end(self) -> None:
        await self.client.close()
        self.ledger.close()


def by_system(**answers: Any) -> Any:
    """Answer each request by its system prompt."""

    def respond(asked: Any) -> Any:
        return answers[asked.body["system"][0]["text"].rstrip(".").lower()]

    return respond


def sent(api: MessagesApi) -> list[list[str]]:
    """Return the system prompts of each batch that was sent."""
    return [
        [part["params"]["system"][0]["text"] for part in each.body["requests"]]
        for each in api.requests
        if each.method == "POST" and each.path.endswith("/batches")
    ]


@pytest.fixture(autouse=True)
def _endpoint(messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(messages_api, monkeypatch)


async def test_answers_come_as_if_they_had_streamed_at_half_the_price(
    messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.respond(
        by_system(one=replies.text("first"), two=replies.thinking_then_text("Hm", "second"))
    )
    messages_api.batch_polls = 2
    run = Run(tmp_path)
    await run.fill(ONE, TWO)
    assert [await run.ask(ONE), await run.ask(TWO)] == ["first", "second"]
    assert sent(messages_api) == [["One.", "Two."]]
    assert any("2 requests are being worked on" in sentence for sentence in run.told)
    (usage,) = run.rows
    assert usage.requests == 2
    assert usage.input > 0
    whole = (usage.input * 0.10 + usage.output * 0.50) / 1e6
    assert usage.cost_usd == pytest.approx(whole / 2)
    assert run.account.cost_usd == pytest.approx(whole / 2)
    await run.end()


async def test_what_has_an_answer_is_not_sent_again(
    messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.respond(by_system(one=replies.text("first"), two=replies.text("second")))
    run = Run(tmp_path)
    await run.fill(ONE)
    await run.fill(ONE)
    await run.fill(ONE, TWO)
    assert sent(messages_api) == [["One."], ["Two."]]
    await run.end()


async def test_a_run_that_ended_while_it_waited_finds_its_batch(
    messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.respond(by_system(one=replies.text("first")))
    messages_api.batch_polls = 1
    run = Run(tmp_path)
    asked = asyncio.Event()

    def tell(sentence: str) -> None:
        run.told.append(sentence)
        if "worked on" in sentence:
            asked.set()

    batch = Batch(run.client, run.ledger, run.settings.spend, run.recording, [ONE])
    waiting = asyncio.ensure_future(batch.fill(run.account, tell, pause_s=60))
    await asked.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await run.end()
    again = Run(tmp_path)
    await again.fill(ONE)
    assert await again.ask(ONE) == "first"
    assert sent(messages_api) == [["One."]]
    (usage,) = again.rows
    assert usage.requests == 1
    await again.end()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (replies.hang(), "timeout"),
        (replies.overloaded(), "overloaded"),
        (replies.error(400, "invalid_request_error", "bad"), "bad-request"),
        (replies.max_tokens("cut"), "truncated"),
        (replies.refusal("no"), "refused"),
    ],
)
async def test_what_fails_says_so_and_is_sent_again_by_the_next_run(
    messages_api: MessagesApi, tmp_path: Path, reply: Any, kind: str
) -> None:
    messages_api.respond(by_system(one=reply, two=replies.text("second")))
    run = Run(tmp_path)
    await run.fill(ONE, TWO)
    failure = await run.ask(ONE)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert await run.ask(TWO) == "second"
    if kind not in ("truncated", "refused"):
        messages_api.respond(by_system(one=replies.text("first")))
        await run.fill(ONE, TWO)
        assert await run.ask(ONE) == "first"
    await run.end()


async def test_over_a_limit_nothing_is_sent_and_nothing_stays_booked(
    messages_api: MessagesApi, tmp_path: Path
) -> None:
    most = ONE.most_usd or 0
    run = Run(tmp_path, build({"spend.day_usd": most * 0.75}))
    with pytest.raises(ClaudeError) as raised:
        await run.fill(ONE, TWO)
    assert raised.value.failure.kind == "budget"
    assert messages_api.requests == []
    assert run.ledger.spent_today().total_usd == 0
    # By half the price, one of them alone is within it.
    messages_api.respond(by_system(one=replies.text("first")))
    await run.fill(ONE)
    with pytest.raises(ClaudeError):
        await run.fill(TWO, account=Account(limit_usd=most / 4))
    await run.end()


async def test_a_ticket_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.recording.write("batch.json", b"{}")
    with pytest.raises(ClaudeError) as raised:
        await run.fill(ONE)
    assert raised.value.failure.kind == "recording"
    await run.end()


async def test_what_many_requests_begin_with_is_written_once_for_an_hour(
    messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.respond(lambda _: replies.text("yes"))
    shared = Block("Be careful with money. " * 200, 1500, stable=True, shared=True)
    several = [
        request("claude-sonnet-5-5", blocks=(shared, Block(f"Question {n}?", 10))) for n in range(4)
    ]
    alone = request("claude-sonnet-5-5", system="Another.", blocks=(shared, Block("Q?", 10)))
    run = Run(tmp_path)
    await run.fill(*several, alone)
    (row,) = run.rows
    tokens_of_block = row.cache_read // 3
    assert (row.cache_write, row.cache_read) == (tokens_of_block, 3 * tokens_of_block)
    price = lookup("claude-sonnet-5-5").prices[0]
    full = row.input * price.input + row.output * price.output
    kept = row.cache_write * price.cache_write_1h + row.cache_read * price.cache_read
    assert row.cost_usd == pytest.approx((full + kept) / 2 / 1e6)
    # They are found by requests that are not a batch's.
    assert [await run.ask(each) for each in several] == ["yes"] * 4
    await run.end()
