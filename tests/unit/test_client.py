"""The connection: every way in which a request can end, and what is known and booked then."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from claude_lsp.claude.account import Account
from claude_lsp.claude.catalog import Price, lookup
from claude_lsp.claude.client import Client
from claude_lsp.claude.errors import ClaudeError, Failure
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.request import Block
from claude_lsp.settings import Settings, build
from tests.messages_api import KEY, Gate, MessagesApi, Reply, Wait, replies
from tests.unit.engine_kit import point_at, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from claude_lsp.claude.stream import Answer

QUICK = Patience(deadline_s=5)


@dataclass
class Outcome:
    """What came of one request."""

    text: str = ""
    failure: Failure | None = None
    answer: Answer | None = None


@dataclass
class Harness:
    """A client on the loopback Messages API, with its ledger."""

    api: MessagesApi
    client: Client
    ledger: Ledger
    path: Path
    account: Account = field(default_factory=Account)

    async def ask(self, patience: Patience = QUICK, **changes: Any) -> Outcome:
        outcome = Outcome()
        try:
            async with self.client.stream(request(**changes), patience, self.account) as (
                pieces,
                answer,
            ):
                outcome.answer = answer
                async for piece in pieces:
                    outcome.text += piece
        except ClaudeError as error:
            outcome.failure = error.failure
        return outcome

    @property
    def rows(self) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.path)
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM requests ORDER BY id")]
        connection.close()
        return found


async def harness_for(api: MessagesApi, path: Path, settings: Settings) -> Harness:
    ledger = Ledger(path)
    return Harness(api, Client(settings, ledger), ledger, path)


@pytest_asyncio.fixture
async def harness(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Harness]:
    point_at(messages_api, monkeypatch)
    made = await harness_for(messages_api, tmp_path / "ledger.sqlite3", Settings())
    await made.client.warm()
    yield made
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
    files = [code.co_filename for code in codes if code is not None]
    assert not [file for file in files if "claude_lsp" in file]
    await made.client.close()
    made.ledger.close()


async def test_a_good_answer(harness: Harness) -> None:
    harness.api.script(replies.thinking_then_text("Hmm.", "Hello, wörld"))
    got = await harness.ask(think=True)
    assert (got.text, got.failure) == ("Hello, wörld", None)
    assert got.answer is not None
    assert (got.answer.stop_reason, got.answer.complete) == ("end_turn", True)
    (row,) = harness.rows
    sent = harness.api.messages[0].usage
    assert sent is not None
    assert (row["outcome"], row["attempts"]) == ("ok", 1)
    assert (row["input"], row["output"]) == (sent["input_tokens"], sent["output_tokens"])
    assert row["thinking"] == 2
    assert row["cost_usd"] == pytest.approx(
        (sent["input_tokens"] * 0.10 + sent["output_tokens"] * 0.50) / 1e6
    )
    assert 0 < row["first_token_s"] <= row["total_s"]
    assert harness.account.cost_usd == pytest.approx(row["cost_usd"])
    assert (harness.account.calls, harness.account.models) == (1, {"claude-haiku-5-5"})


SENT_NOTHING = 0.0
RESERVED = "reserved"
COUNTED = "counted"


@dataclass(frozen=True)
class Fault:
    """A reply, and what must come of it."""

    reply: Reply
    kind: str
    retryable: bool
    text: str = ""
    cost: str | float = SENT_NOTHING
    request_id: bool = True
    says: str = ""


FAULTS = {
    "rate limit": Fault(replies.rate_limit(), "rate-limit", True),
    "rate limit with a wait": Fault(replies.rate_limit(30), "rate-limit", True),
    "spend cap": Fault(replies.spend_cap(), "spend-limit", False),
    "usage limit": Fault(replies.usage_limit(), "spend-limit", False),
    "overloaded": Fault(replies.overloaded(), "overloaded", True),
    "server error": Fault(replies.error(500), "server", True),
    "unavailable": Fault(replies.error(503), "server", True),
    "gateway timeout": Fault(replies.error(504), "timeout", True, cost=RESERVED),
    "request timeout": Fault(replies.error(408), "timeout", True, cost=RESERVED),
    "conflict": Fault(replies.error(409), "bad-request", False),
    "unauthorised": Fault(replies.error(401), "authentication", False),
    "billing": Fault(replies.error(402), "billing", False),
    "forbidden": Fault(replies.error(403), "permission", False),
    "no such model": Fault(replies.error(404, message="model: x"), "model-not-found", False),
    "too large": Fault(replies.error(413), "too-large", False),
    "too large in HTML": Fault(replies.html_error(), "too-large", False, request_id=False),
    "bad gateway in HTML": Fault(replies.html_error(502), "server", True, request_id=False),
    "too long": Fault(
        replies.error(400, message="prompt is too long: 5 tokens > 4 maximum"),
        "prompt-too-long",
        False,
    ),
    "bad request": Fault(
        replies.error(400, message="messages: oh no."), "bad-request", False, says="oh no"
    ),
    "teapot": Fault(replies.error(418, "teapot_error"), "bad-request", False),
    "another server's error": Fault(
        replies.foreign_error(500), "server", True, request_id=False, says="model not loaded"
    ),
    "another server's context error": Fault(
        replies.foreign_error(400, "exceed_context_size_error: too many"),
        "prompt-too-long",
        False,
        request_id=False,
    ),
    "dropped": Fault(replies.drop("He"), "interrupted", True, "He", COUNTED),
    "cut": Fault(replies.cut("He"), "interrupted", True, "He", COUNTED),
    "no stop": Fault(replies.end_without_stop("He"), "interrupted", True, "He", COUNTED),
    "overloaded in mid-stream": Fault(
        replies.stream_error("He"), "overloaded", True, "He", COUNTED
    ),
    "api error in mid-stream": Fault(
        replies.stream_error("He", "api_error", "Boom"), "server", True, "He", COUNTED, says="Boom"
    ),
    "invalid request in mid-stream": Fault(
        replies.stream_error("He", "invalid_request_error", "No"),
        "bad-request",
        False,
        "He",
        COUNTED,
    ),
    "corrupt event": Fault(replies.corrupt_event("He"), "interrupted", True, "He", COUNTED),
    "invalid UTF-8": Fault(replies.invalid_utf8("He"), "interrupted", True, "He", COUNTED),
    "refusal": Fault(replies.refusal("He"), "refused", False, "He", COUNTED, says="cyber"),
    "refusal at once": Fault(
        replies.refusal(category=None), "refused", False, "", COUNTED
    ),
    "max tokens": Fault(replies.max_tokens("He"), "truncated", False, "He", COUNTED),
    "context window": Fault(
        replies.context_window_exceeded("He"), "truncated", False, "He", COUNTED
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_has_its_failure(harness: Harness, name: str) -> None:
    fault = FAULTS[name]
    harness.api.script(fault.reply)
    got = await harness.ask()
    failure = got.failure
    assert failure is not None
    assert (failure.kind, failure.retryable, got.text) == (fault.kind, fault.retryable, fault.text)
    assert fault.says in failure.message
    assert failure.advice
    assert (failure.request_id is not None) == fault.request_id
    if fault.request_id:
        assert failure.request_id == "req_000000000000000000000001"
        assert failure.request_id in str(failure)
    assert len(harness.api.messages) == 1
    (row,) = harness.rows
    assert (row["outcome"], row["attempts"]) == (fault.kind, 1)
    if fault.cost is COUNTED:
        assert row["cost_usd"] > 0
        assert row["input"] > 0
    elif fault.cost is RESERVED:
        assert row["cost_usd"] == pytest.approx(request().most_usd)
    else:
        assert row["cost_usd"] == fault.cost


async def test_unknown_events_are_passed_over(harness: Harness) -> None:
    harness.api.script(replies.unknown_events("fine"))
    assert (await harness.ask()).text == "fine"


async def test_the_wait_that_the_server_asked_for_is_known(harness: Harness) -> None:
    harness.api.script(replies.rate_limit(30))
    got = await harness.ask()
    assert got.failure is not None
    assert got.failure.retry_after_s == 30


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are not really waited."""
    waited: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float, *rest: Any) -> None:
        if seconds:
            waited.append(seconds)
        await sleep(0, *rest)

    monkeypatch.setattr("claude_lsp.claude.client.asyncio.sleep", note)
    return waited


PATIENT = Patience(deadline_s=100, retries=3)


async def test_what_may_pass_is_tried_again(harness: Harness, waits: list[float]) -> None:
    harness.api.script(
        replies.overloaded(), replies.error(500), replies.rate_limit(7), replies.text("done")
    )
    got = await harness.ask(PATIENT)
    assert (got.text, got.failure) == ("done", None)
    assert len(harness.api.messages) == 4
    assert 0.3 < waits[0] <= 0.5
    assert 0.7 < waits[1] <= 1.0
    assert waits[2] == 7
    (row,) = harness.rows
    assert (row["outcome"], row["attempts"], harness.account.calls) == ("ok", 4, 4)


async def test_the_number_of_attempts_is_bounded(harness: Harness, waits: list[float]) -> None:
    harness.api.answer = replies.overloaded()
    got = await harness.ask(PATIENT)
    assert got.failure is not None
    assert (got.failure.kind, len(harness.api.messages), len(waits)) == ("overloaded", 4, 3)
    assert harness.rows[0]["attempts"] == 4


@pytest.mark.parametrize("retry_after", [61, 120, 4_000_000])
async def test_a_long_wait_is_a_failure_at_once(
    harness: Harness, waits: list[float], retry_after: float
) -> None:
    harness.api.script(replies.rate_limit(retry_after))
    got = await harness.ask(PATIENT)
    assert got.failure is not None
    assert (got.failure.kind, got.failure.retry_after_s) == ("rate-limit", retry_after)
    assert (len(harness.api.messages), waits) == (1, [])


async def test_no_wait_goes_past_the_deadline(harness: Harness, waits: list[float]) -> None:
    harness.api.script(replies.rate_limit(20))
    got = await harness.ask(Patience(deadline_s=10, retries=3))
    assert got.failure is not None
    assert (got.failure.kind, waits) == ("rate-limit", [])


@pytest.mark.parametrize("value", ["soon", "-5", "", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_an_odd_retry_after_is_no_wait(
    harness: Harness, waits: list[float], value: str
) -> None:
    harness.api.script(replies.error(429, headers={"retry-after": value}), replies.text("ok"))
    assert (await harness.ask(PATIENT)).text == "ok"
    assert len(waits) == 1
    assert waits[0] <= 0.5


async def test_what_can_not_pass_is_not_tried_again(harness: Harness, waits: list[float]) -> None:
    for reply in (replies.spend_cap(), replies.error(400), replies.error(401), replies.error(404)):
        harness.api.reset()
        harness.api.script(reply)
        assert (await harness.ask(PATIENT)).failure is not None
        assert len(harness.api.messages) == 1
    assert waits == []


async def test_nothing_is_sent_again_once_a_byte_has_arrived(
    harness: Harness, waits: list[float]
) -> None:
    harness.api.script(replies.drop("He"))
    got = await harness.ask(PATIENT)
    assert got.failure is not None
    assert (got.text, got.failure.kind) == ("He", "interrupted")
    assert (len(harness.api.messages), waits) == (1, [])


async def test_a_connection_that_was_closed_meanwhile_is_made_again(harness: Harness) -> None:
    harness.api.script(replies.text("one"), replies.drop(None), replies.text("two"))
    assert (await harness.ask()).text == "one"
    assert (await harness.ask()).text == "two"
    assert [row["attempts"] for row in harness.rows] == [1, 2]


async def test_a_dead_endpoint_is_a_connection_failure(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = build({"endpoint.base_url": "http://127.0.0.1:1"})
    other = await harness_for(harness.api, tmp_path / "other.sqlite3", settings)
    got = await other.ask()
    await other.client.close()
    assert got.failure is not None
    assert (got.failure.kind, got.failure.retryable) == ("connection", True)
    assert "endpoint.base_url" in got.failure.advice
    assert other.rows[0]["cost_usd"] == 0
    other.ledger.close()


async def test_the_deadline_ends_a_request_that_hangs(harness: Harness) -> None:
    harness.api.script(replies.hang())
    got = await harness.ask(Patience(deadline_s=0.2, retries=3))
    assert got.failure is not None
    assert (got.failure.kind, got.failure.retryable) == ("timeout", True)
    assert "0.2 s" in got.failure.message
    await harness.api.messages[0].wait_disconnected()
    assert len(harness.api.messages) == 1
    (row,) = harness.rows
    # It was sent, so it may be billed: the reservation stays.
    assert row["outcome"] == "timeout"
    assert row["cost_usd"] == pytest.approx(request().most_usd)


async def test_the_deadline_holds_for_a_stream_that_drips(harness: Harness) -> None:
    harness.api.script(replies.drip("x" * 1000, 0.02))
    got = await harness.ask(Patience(deadline_s=0.3))
    assert got.failure is not None
    assert got.failure.kind == "timeout"
    assert 0 < len(got.text) < 1000
    await harness.api.messages[0].wait_disconnected()


async def test_a_stall_is_ended_by_the_longest_silence(harness: Harness) -> None:
    harness.api.script(replies.stall("He"))
    got = await harness.ask(Patience(deadline_s=20, silence_s=0.2))
    assert got.failure is not None
    assert (got.text, got.failure.kind) == ("He", "interrupted")
    await harness.api.messages[0].wait_disconnected()


async def test_silence_before_the_headers_is_not_sent_twice(harness: Harness) -> None:
    """A request that may already be at work costs twice when it is repeated unasked."""
    harness.api.script(replies.hang(), replies.text("second"))
    got = await harness.ask(Patience(deadline_s=20, silence_s=0.2))
    assert got.failure is not None
    assert (got.failure.kind, len(harness.api.messages)) == ("timeout", 1)


async def test_leaving_early_closes_the_stream_and_settles(harness: Harness) -> None:
    gate = Gate()
    harness.api.script(replies.partial("Hello") + gate + replies.text("never"))
    async with harness.client.stream(request(), QUICK, harness.account) as (pieces, _):
        async for _ in pieces:
            break
    await harness.api.messages[0].wait_disconnected()
    (row,) = harness.rows
    assert (row["outcome"], row["attempts"]) == ("ok", 1)
    assert row["input"] > 0
    assert row["output"] > 0
    assert row["cost_usd"] > 0


@pytest.mark.parametrize("after", ["headers", "text"])
async def test_cancelling_closes_the_stream_and_settles(harness: Harness, after: str) -> None:
    gate = Gate()
    harness.api.script(replies.hang() if after == "headers" else replies.partial("Hello") + gate)
    task = asyncio.create_task(harness.ask())
    (received,) = await harness.api.wait_for(1)
    if after == "text":
        await gate.wait_reached()
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await received.wait_disconnected()
    (row,) = harness.rows
    assert row["outcome"] == "cancelled"
    assert row["cost_usd"] > 0
    assert row["total_s"] is not None


async def test_cancelling_while_the_ledger_books_leaves_nothing_pending(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keystroke may supersede a request at any moment: what was not sent must not count."""
    booking, go_on = threading.Event(), threading.Event()
    reserve = harness.ledger.reserve

    def slow(*arguments: Any) -> int:
        booking.set()
        assert go_on.wait(10)
        return reserve(*arguments)

    monkeypatch.setattr(harness.ledger, "reserve", slow)
    task = asyncio.create_task(harness.ask())
    await asyncio.to_thread(booking.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    (row,) = harness.rows
    assert (row["outcome"], row["cost_usd"], row["attempts"]) == ("cancelled", 0, 0)
    assert not harness.api.messages


async def test_a_block_that_never_reads_costs_nothing(harness: Harness) -> None:
    async with harness.client.stream(request(), QUICK):
        pass
    (row,) = harness.rows
    assert (row["attempts"], row["cost_usd"]) == (0, 0)
    assert not harness.api.messages


async def test_an_answer_without_counters_is_booked_at_its_bound(harness: Harness) -> None:
    """An endpoint that does not count must not be free: neither for the day nor for the run."""
    body = (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"hi"}}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}'
        b'\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
    harness.api.script(replies.http(200, body, {"content-type": "text/event-stream"}))
    harness.account.limit_usd = 1.0
    assert (await harness.ask()).text == "hi"
    assert harness.rows[0]["cost_usd"] == pytest.approx(request().most_usd)
    assert harness.account.cost_usd == pytest.approx(request().most_usd)


async def test_no_key_means_nothing_sent(harness: Harness, monkeypatch: pytest.MonkeyPatch,
                                         tmp_path: Path) -> None:  # fmt: skip
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("ANTHROPIC_API_KEY")
        else:
            monkeypatch.setenv("ANTHROPIC_API_KEY", value)
        other = await harness_for(harness.api, tmp_path / f"{value}.sqlite3", Settings())
        got = await other.ask()
        assert got.failure is not None
        assert got.failure.kind == "no-credentials"
        assert "ANTHROPIC_API_KEY" in got.failure.advice
        assert not other.path.exists()
        with pytest.raises(ClaudeError, match="No Anthropic API key"):
            await other.client.check_credentials()
        await other.client.close()
    assert not harness.api.requests


async def test_kinds_of_credentials(harness: Harness, monkeypatch: pytest.MonkeyPatch,
                                    tmp_path: Path) -> None:  # fmt: skip
    assert "ANTHROPIC_API_KEY" in await harness.client.check_credentials()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    other = await harness_for(harness.api, tmp_path / "other.sqlite3", Settings())
    assert "ANTHROPIC_AUTH_TOKEN" in await other.client.check_credentials()
    assert (await other.ask()).text == "ok"
    await other.client.close()
    other.ledger.close()


@pytest.mark.parametrize("key", ["wr0ng", "s3cret\nl1ne", "clé", "s3cret\x01"])
async def test_a_key_that_can_not_be_right(harness: Harness, monkeypatch: pytest.MonkeyPatch,
                                           tmp_path: Path, key: str) -> None:  # fmt: skip
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    other = await harness_for(harness.api, tmp_path / "other.sqlite3", Settings())
    got = await other.ask()
    await other.client.close()
    other.ledger.close()
    assert got.failure is not None
    assert got.failure.kind in ("authentication", "configuration", "connection")
    assert not [part for part in key.split() if part in str(got.failure)]


BAD_PROXY = {"HTTPS_PROXY": "socks9://nowhere", "HTTP_PROXY": "socks9://nowhere", "NO_PROXY": ""}


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ({"endpoint.ca_file": "/nowhere/ca.pem"}, {}),
        ({"endpoint.ca_file": __file__}, {}),
        ({"endpoint.base_url": "not an address"}, {}),
        ({"endpoint.base_url": "ftp://127.0.0.1/"}, {}),
        ({"endpoint.headers": {"x y": "1\n2"}}, {}),
        ({}, BAD_PROXY),
    ],
)
async def test_a_connection_that_can_not_be_set_up(
    harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: dict[str, Any],
    environment: dict[str, str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.lower(), raising=False)
    other = await harness_for(harness.api, tmp_path / "other.sqlite3", build(options))
    got = await other.ask()
    await other.client.close()
    other.ledger.close()
    assert got.failure is not None
    assert (got.failure.kind, got.failure.retryable) == ("configuration", False)
    assert "doctor" in got.failure.advice
    assert options.get("endpoint.ca_file", "") in got.failure.message


async def test_address_and_headers_of_the_settings_reach_the_wire(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    settings = build(
        {"endpoint.base_url": messages_api.base_url + "/", "endpoint.headers": {"x-team": "blue"}}
    )
    harness = await harness_for(messages_api, tmp_path / "ledger.sqlite3", settings)
    assert (await harness.ask()).text == "ok"
    await harness.client.close()
    harness.ledger.close()
    headers = messages_api.messages[0].headers
    assert (headers["x-team"], headers["authorization"]) == ("blue", f"Bearer {KEY}")
    assert headers["anthropic-version"]
    assert not messages_api.refused


async def test_one_connection_serves_many_requests(harness: Harness) -> None:
    for _ in range(5):
        assert (await harness.ask()).text == "ok"
    assert {received.connection for received in harness.api.messages} == {1}
    harness.api.script(replies.error(400))
    await harness.ask()
    await harness.ask()
    # An answer that is an error leaves the connection usable as well.
    assert {received.connection for received in harness.api.messages} == {1}


async def test_many_requests_at_once(harness: Harness) -> None:
    harness.api.answer = replies.text("ok", first_token_s=0.05)
    got = await asyncio.gather(*(harness.ask() for _ in range(12)))
    assert {(one.text, one.failure) for one in got} == {("ok", None)}
    assert len(harness.rows) == 12
    assert {row["outcome"] for row in harness.rows} == {"ok"}


async def test_closing_closes_the_connections(harness: Harness) -> None:
    await harness.ask()
    await harness.client.close()
    await harness.client.close()
    for _ in range(100):
        if not harness.api._connections:
            break
        await asyncio.sleep(0.01)
    assert not harness.api._connections
    # It may be used again, on a new connection.
    assert (await harness.ask()).text == "ok"


async def test_over_a_limit_nothing_is_sent(harness: Harness) -> None:
    harness.client.settings = build({"spend.request_usd": 0.000001})
    got = await harness.ask()
    assert got.failure is not None
    assert (got.failure.kind, harness.api.requests) == ("budget", [])
    assert "spend.request_usd" in str(got.failure)


async def test_an_unknown_price_blocks(harness: Harness) -> None:
    got = await harness.ask(model="unheard-of")
    assert got.failure is not None
    assert (got.failure.kind, harness.api.requests) == ("budget", [])
    assert "models.prices" in got.failure.advice


async def test_the_limits_of_an_unknown_model_are_asked_for_once(harness: Harness) -> None:
    known = harness.api.models["claude-haiku-5-5"]
    harness.api.models["house-model"] = replace(known, id="house-model", max_output=700)
    unknown = replace(lookup("house-model"), prices=(Price(1, 1, 1, 1, 1),))
    for _ in range(2):
        got = await harness.ask(model=unknown, max_tokens=5000)
        assert got.failure is None
    assert [one.path for one in harness.api.requests].count("/v1/models/house-model") == 1
    assert [one.body["max_tokens"] for one in harness.api.messages] == [700, 700]


async def test_an_endpoint_that_knows_no_limits_gets_the_careful_defaults(harness: Harness) -> None:
    known = harness.api.models["claude-haiku-5-5"]
    harness.api.models["house-model"] = replace(known, id="house-model")
    harness.api.script(replies.foreign_error(500), path="/v1/models/house-model")
    unknown = replace(lookup("house-model"), prices=(Price(1, 1, 1, 1, 1),))
    got = await harness.ask(model=unknown, max_tokens=50_000)
    assert got.failure is None
    assert harness.api.messages[0].body["max_tokens"] == unknown.max_output


async def test_a_run_waits_for_what_is_under_way_before_it_gives_up(harness: Harness) -> None:
    """Requests book their upper bound; what they did not use is there for the next ones."""
    most = request().most_usd
    assert most is not None
    harness.account.limit_usd = most * 1.5
    harness.api.answer = replies.text("ok", first_token_s=0.02)
    got = await asyncio.gather(*(harness.ask() for _ in range(4)))
    assert {(one.text, one.failure) for one in got} == {("ok", None)}
    assert harness.account.cost_usd is not None
    assert harness.account.cost_usd < harness.account.limit_usd


async def test_a_run_never_passes_its_limit(harness: Harness) -> None:
    most = request().most_usd
    assert most is not None
    harness.account.limit_usd = most * 0.99
    got = await harness.ask()
    assert got.failure is not None
    assert (got.failure.kind, harness.api.requests) == ("budget", [])
    assert "--max-cost" in got.failure.message


async def test_a_broken_ledger_sends_nothing(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"this is not a database, but it is long enough to be taken for one" * 40)
    harness = Harness(messages_api, Client(Settings(), ledger := Ledger(path)), ledger, path)
    got = await harness.ask()
    await harness.client.close()
    assert got.failure is not None
    assert (got.failure.kind, messages_api.requests) == ("ledger", [])


async def test_a_ledger_that_breaks_meanwhile_keeps_the_answer(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from claude_lsp.claude import errors

    def broken(*arguments: Any, **options: Any) -> None:
        raise ClaudeError(errors.ledger("the disk is full"))

    monkeypatch.setattr(harness.ledger, "settle", broken)
    got = await harness.ask()
    assert (got.text, got.failure) == ("ok", None)
    assert "the disk is full" in caplog.text
    (row,) = harness.rows
    assert row["outcome"] == "pending"
    assert row["cost_usd"] > 0


async def test_missing_models(harness: Harness) -> None:
    known = ["claude-haiku-5-5", "claude-haiku-4-5-20251001"]
    assert await harness.client.missing_models([*known, "unheard-of"]) == ["unheard-of"]
    harness.api.keys.clear()
    with pytest.raises(ClaudeError) as caught:
        await harness.client.missing_models(known)
    assert caught.value.failure.kind == "authentication"


async def test_a_consumer_that_fails_keeps_its_own_error(harness: Harness) -> None:
    async def consume() -> None:
        async with harness.client.stream(request(), QUICK) as (pieces, _):
            async for _ in pieces:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await consume()
    await asyncio.sleep(0.02)
    (row,) = harness.rows
    assert row["outcome"] == "cancelled"


async def test_nothing_of_a_request_is_logged(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.api.script(replies.error(500), replies.corrupt_event("He"))
    await harness.ask(PATIENT, system="SYSTEM-PROMPT")
    assert "Question?" not in caplog.text
    assert "SYSTEM-PROMPT" not in caplog.text
    assert KEY not in caplog.text


async def test_a_slow_start_is_not_counted_as_silence_twice(harness: Harness) -> None:
    harness.api.script(Reply((Wait(0.3),)) + replies.text("ok"))
    assert (await harness.ask(Patience(deadline_s=5, silence_s=2))).text == "ok"


BIG = tuple(
    Block(f"{name} " * 1000, 1000, stable=stable) for name, stable in (("a", True), ("b", False))
)


async def traced(harness: Harness, tmp_path: Path) -> None:
    harness.client.settings = build({"log.trace": str(tmp_path / "trace.json")})


async def test_a_trace_asks_why_the_cache_missed(harness: Harness, tmp_path: Path) -> None:
    await harness.ask(blocks=BIG)
    await traced(harness, tmp_path)
    for changes in ({}, {}, {"system": "Another."}, {"model": lookup("claude-sonnet-5-5")}):
        await harness.ask(**{"blocks": BIG} | changes)
    sent = [each.body.get("diagnostics") for each in harness.api.messages]
    before = [None, None, *(f"msg_{number:024d}" for number in (2, 3)), None]
    assert [each and each["previous_message_id"] for each in sent] == before
    assert [row["cache_miss"] for row in harness.rows] == [None, None, None, "system_changed", None]


async def test_an_endpoint_that_does_not_know_the_question_is_not_asked_again(
    harness: Harness, tmp_path: Path
) -> None:
    await traced(harness, tmp_path)
    harness.api.script(replies.error(400, "diagnostics: Extra inputs are not permitted"))
    for _ in range(2):
        assert (await harness.ask(blocks=BIG)).failure is None
    asked = ["diagnostics" in each.body for each in harness.api.messages]
    assert asked == [True, False, False]
