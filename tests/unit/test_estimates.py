"""What requests took, kept on disk and shared; and asking the endpoint where it matters."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude import ledger_file
from claude_lsp.claude.account import Account
from claude_lsp.claude.catalog import Usage, lookup
from claude_lsp.claude.client import Client
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.estimates import Estimates
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.request import Block
from claude_lsp.context.calibration import ENOUGH, Correction, Measure
from claude_lsp.settings import Settings, build
from tests.messages_api import Reply, RespondError, replies
from tests.unit.engine_kit import point_at, request

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.claude.request import Request
    from tests.messages_api import MessagesApi

CODE = "def load(path):\n    return open(path).read()\n" * 60
ASKED = request(blocks=(Block(CODE, 1_000),), language="python")


class Place:
    """A folder with estimates, and what was said of them."""

    def __init__(self, path: Path, base_url: str = "") -> None:
        self.path, self.told = path, list[str]()
        self.estimates = Estimates(path, base_url, self.told.append)

    def observe(self, ratio: float, times: int = 1, **changes: Any) -> None:
        for _ in range(times):
            asked = self.estimates.measured(replace(ASKED, **changes))
            assert asked.measure is not None
            real = round((asked.measure.fixed + asked.measure.varying) * ratio)
            self.estimates.observe(asked, Usage(input=real - 10, cache_read=10))

    def ratio(self, **changes: Any) -> float:
        measure = self.estimates.measured(replace(ASKED, **changes)).measure
        assert measure is not None
        return measure.expected() / (measure.fixed + measure.varying)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "estimates.sqlite3"


def test_what_one_process_learns_the_next_one_knows(path: Path) -> None:
    first, second = Place(path), Place(path)
    first.observe(1.5, 4)
    assert first.ratio() == pytest.approx(1.5, rel=0.01)
    second.observe(1.5, 4)  # has read what the first had learnt by then
    assert Place(path).ratio() == pytest.approx(1.5, rel=0.01)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM observations").fetchone() == (8,)
    connection.close()
    assert first.told == second.told == []


def test_each_language_and_action_has_its_own_once_there_is_enough(path: Path) -> None:
    place = Place(path)
    place.observe(1.5, ENOUGH)
    assert place.ratio(language="go") == pytest.approx(1.5, rel=0.01)
    place.observe(0.8, ENOUGH, language="go")
    assert place.ratio(language="go") == pytest.approx(0.8, rel=0.01)
    assert place.ratio() == pytest.approx(1.5, rel=0.01)
    assert place.ratio(action="fix") == pytest.approx(1.5, rel=0.01)


def test_a_gateway_says_nothing_of_anthropic_and_none_of_another(path: Path) -> None:
    Place(path, "http://gateway").observe(0.5, ENOUGH)
    assert Place(path).ratio() == Place(path, "http://other").ratio() == 1.0
    other = lookup("claude-opus-5-5")
    assert Place(path, "http://gateway").ratio(model=other) == 1.0
    Place(path).observe(1.3, ENOUGH)
    assert Place(path).ratio(model=other) == pytest.approx(1.3, rel=0.01)
    assert b"gateway" not in path.read_bytes()


@pytest.mark.parametrize("ratio", [0.01, 100])
def test_an_endpoint_that_lies_is_told_once_and_not_believed(path: Path, ratio: float) -> None:
    place = Place(path)
    place.observe(1.2, ENOUGH)
    place.observe(ratio, 5)
    (told,) = place.told
    assert "the endpoint counts" in told
    assert place.ratio() == pytest.approx(1.2, rel=0.01)


def test_a_damaged_file_is_begun_anew_and_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database " * 500)
    place = Place(path)
    place.observe(1.5, 3)
    assert place.ratio() == pytest.approx(1.5, rel=0.01)
    (told,) = place.told
    assert "damaged" in told
    place.estimates.close()
    assert Place(path).ratio() == pytest.approx(1.5, rel=0.01)


def test_what_can_not_be_kept_is_learnt_for_the_session(path: Path) -> None:
    path.parent.write_text("in the way")
    place = Place(path)
    place.observe(1.5, 3)
    assert place.ratio() == pytest.approx(1.5, rel=0.01)
    (told,) = place.told
    assert "with each session" in told


def test_a_newer_file_is_left_alone(path: Path) -> None:
    ledger_file.opened(path, 1, (("CREATE TABLE a (b)",), ("CREATE TABLE c (d)",))).close()
    place = Place(path)
    place.observe(1.5, 2)
    assert "newer version" in place.told[0]
    assert path.exists()


def test_what_does_not_count_any_more_is_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("claude_lsp.claude.estimates._TIDY_EVERY", 70)
    place = Place(path)
    place.observe(1.0, 70)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM observations").fetchone() == (64,)
    connection.close()


# Through the client.

LARGE = replace(
    ASKED,
    blocks=(Block(CODE * 10, 12_000),),
    max_tokens=100,
    measure=Measure(100, 12_000, Correction(1.0, 1.0, 0.3)),
)
MOST, EXPECTED = LARGE.most_usd or 0, LARGE.expected_most_usd or 0
BETWEEN = (MOST + EXPECTED) / 2


class Asking:
    """A client on the loopback Messages API."""

    def __init__(self, api: MessagesApi, folder: Path, **options: Any) -> None:
        settings: Settings = build({key.replace("__", "."): each for key, each in options.items()})
        self.api, self.told = api, list[str]()
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.client = Client(settings, self.ledger, tell=self.told.append)

    async def ask(self, asked: Request, account: Account | None = None) -> str | None:
        """Return the kind of the failure, None for an answer."""
        try:
            async with self.client.stream(asked, Patience(5), account) as (pieces, _):
                async for _piece in pieces:
                    pass
        except ClaudeError as error:
            return error.failure.kind
        finally:
            await self.client.close()
            self.ledger.close()
        return None

    @property
    def paths(self) -> list[str]:
        return [each.path.removeprefix("/v1/messages") for each in self.api.requests]


@pytest.fixture
def api(messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch) -> MessagesApi:
    point_at(messages_api, monkeypatch)
    messages_api.respond(lambda _: replies.text("Well."))
    return messages_api


async def test_the_endpoint_counts_where_only_the_bound_passes_a_limit(
    api: MessagesApi, tmp_path: Path
) -> None:
    asking = Asking(api, tmp_path, spend__request_usd=BETWEEN)
    assert await asking.ask(LARGE) is None
    assert asking.paths == ["/count_tokens", ""]
    counted = api.requests[0].body
    assert counted.keys() <= {"model", "messages", "system", "thinking", "output_config"}


@pytest.mark.parametrize("limit", [MOST, EXPECTED * 0.9])
async def test_it_is_not_asked_where_its_answer_would_change_nothing(
    api: MessagesApi, tmp_path: Path, limit: float
) -> None:
    asking = Asking(api, tmp_path, spend__request_usd=limit)
    assert await asking.ask(LARGE) == (None if limit == MOST else "budget")
    assert "/count_tokens" not in asking.paths


async def test_the_limit_of_a_run_counts_too(api: MessagesApi, tmp_path: Path) -> None:
    asking = Asking(api, tmp_path)
    assert await asking.ask(LARGE, Account(limit_usd=BETWEEN)) is None
    assert asking.paths == ["/count_tokens", ""]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, "not_found_error"), (405, "invalid_request_error"), (429, "rate_limit_error")],
)
async def test_where_it_can_not_count_the_bound_holds(
    api: MessagesApi, tmp_path: Path, status: int, kind: str
) -> None:
    refused = Reply((RespondError(status, kind, "no"),))
    api.script(refused, path="/v1/messages/count_tokens", repeat=True)
    asking = Asking(api, tmp_path, spend__request_usd=BETWEEN)
    assert await asking.ask(LARGE) == "budget"
    assert await asking.ask(LARGE) == "budget"
    assert asking.paths == ["/count_tokens"]  # once for both


async def test_what_does_not_fit_the_model_is_not_sent(api: MessagesApi, tmp_path: Path) -> None:
    small = replace(LARGE.model, context_window=8_000)
    asking = Asking(api, tmp_path)
    assert await asking.ask(replace(LARGE, model=small)) == "prompt-too-long"
    assert asking.paths == []


async def test_a_request_teaches_the_next_one(api: MessagesApi, tmp_path: Path) -> None:
    asking = Asking(api, tmp_path)
    before = asking.client.estimates.measured(ASKED)
    assert await asking.ask(before) is None
    sent = api.messages[0].usage
    assert sent is not None
    after = asking.client.estimates.measured(ASKED)
    assert after.expected_tokens == pytest.approx(sent["input_tokens"], abs=1)
    assert asking.told == []


def told(usage: dict[str, int]) -> Reply:
    """An answer whose counters are those, wherever there are any."""
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": usage}
    events = (
        {"type": "message_start", "message": message},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "Well."},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    )
    body = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    return replies.http(200, body, {"content-type": "text/event-stream"})


@pytest.mark.parametrize(
    "usage",
    [{}, {"input_tokens": 0}, {"input_tokens": 3, "output_tokens": 1}, {"input_tokens": -9}],
)
async def test_missing_or_absurd_counters_count_as_the_most(
    api: MessagesApi, tmp_path: Path, usage: dict[str, int]
) -> None:
    api.respond(lambda _: told(usage))
    asking = Asking(api, tmp_path)
    asked = asking.client.estimates.measured(ASKED)
    account = Account()
    assert await asking.ask(asked, account) is None
    assert account.cost_usd == pytest.approx(asked.most_usd)
    spent = Ledger(tmp_path / "ledger.sqlite3").spent_today()
    assert spent.total_usd == pytest.approx(asked.most_usd)
    assert spent.tokens == asked.most_tokens
    assert len(asking.told) == (usage.get("input_tokens", 0) > 0)


async def test_counters_far_too_high_count_as_they_are(api: MessagesApi, tmp_path: Path) -> None:
    api.respond(lambda _: told({"input_tokens": 90_000, "output_tokens": 1}))
    asking = Asking(api, tmp_path)
    account = Account()
    assert await asking.ask(asking.client.estimates.measured(ASKED), account) is None
    assert account.cost_usd == pytest.approx(0.009, rel=0.01)
    (said,) = asking.told
    assert "90,000 tokens" in said
