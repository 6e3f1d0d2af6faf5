"""A review run on the engine: several documents, failures of each, filters, honest coverage."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from claude_lsp.claude.account import Account
from claude_lsp.context import tokens
from claude_lsp.review.document import Document
from claude_lsp.review.plan import Unit, make_plan
from claude_lsp.review.run import (
    ReviewEvent,
    UnitDone,
    UnitDropped,
    UnitFound,
    UnitNotice,
    review,
)
from claude_lsp.review.scope import Scope
from claude_lsp.settings import build
from tests.messages_api import Gate, MessagesApi, replies
from tests.unit.engine_kit import engine_for, point_at, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from claude_lsp.engine import Engine
    from tests.messages_api import ReceivedRequest, Reply


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@pytest_asyncio.fixture
async def engine(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Engine]:
    point_at(messages_api, monkeypatch)
    async with engine_for(tmp_path) as made:
        yield made


def unit(root: Path, name: str, text: str | None = None) -> Unit:
    text = f"def {name}(path):\n    return open(path).read()\n" if text is None else text
    (made,) = units(root, name, text)
    return made


def units(root: Path, name: str, text: str, **options: Any) -> tuple[Unit, ...]:
    document = Document(f"{name}.py", snapshot(root / f"{name}.py", text))
    return make_plan(Scope(name, (document,)), build(options)).units


def finding(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "path": f"{name}.py",
        "line": 2,
        "quote": "    return open(path).read()",
        "rule": "review.resource",
        "severity": "major",
        "title": "File is never closed",
        "explanation": "It leaks.",
        "confidence": 0.9,
        "replacement": None,
    } | changes


def name_asked(received: ReceivedRequest) -> str:
    return received.text.rpartition("Review ")[2].partition(".py")[0]


def answering(api: MessagesApi, answers: dict[str, Reply]) -> None:
    def answer(received: ReceivedRequest) -> Reply:
        name = name_asked(received)
        return answers.get(name, replies.json_findings([finding(name)]))

    api.respond(answer)


async def collected(engine: Engine, units: list[Unit], **options: Any) -> list[ReviewEvent]:
    account = options.pop("account", None) or Account()
    return [event async for event in review(engine, units, account, **options)]


def done(events: list[ReviewEvent]) -> dict[str, str | None]:
    return {
        event.unit.origin: None if event.failure is None else event.failure.kind
        for event in events
        if isinstance(event, UnitDone)
    }


def found(events: list[ReviewEvent]) -> list[str]:
    return sorted(event.finding.path for event in events if isinstance(event, UnitFound))


async def test_every_document_is_reviewed_once(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    answering(messages_api, {})
    names = [f"m{n}" for n in range(9)]
    account = Account()
    events = await collected(
        engine, [unit(tmp_path, name) for name in names], account=account, concurrency=3
    )
    assert done(events) == {f"{name}.py": None for name in names}
    assert found(events) == [f"{name}.py" for name in names]
    assert sorted(map(name_asked, messages_api.messages)) == names
    assert not messages_api.refused
    assert account.calls == 9
    assert account.cost_usd is not None
    assert account.cost_usd > 0
    # Each document's last event is its end.
    for name in names:
        mine = [event for event in events if event.unit.origin == f"{name}.py"]
        assert isinstance(mine[-1], UnitDone)


async def test_findings_come_before_the_answer_has_ended(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    gate = Gate()
    two = [finding("a"), finding("a", title="Second", quote="def a(path):", line=1)]
    messages_api.script(replies.json_findings(two, between=[gate]))
    stream = review(engine, [unit(tmp_path, "a")], Account())
    first = await asyncio.wait_for(anext(stream), 10)
    assert isinstance(first, UnitFound)
    gate.open()
    rest = [event async for event in stream]
    assert [type(event) for event in rest] == [UnitFound, UnitDone]


async def test_no_more_than_so_many_at_once(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    running = most = 0

    async def answer(received: ReceivedRequest) -> Reply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.03)
        running -= 1
        return replies.json_findings([])

    messages_api.respond(answer)
    await collected(engine, [unit(tmp_path, f"m{n}") for n in range(7)], concurrency=2)
    assert most == 2


async def test_a_failure_of_one_document_is_its_own(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    cut = json.dumps({"findings": [finding("cut"), finding("cut")]})[:-30]
    answering(
        messages_api,
        {
            "long": replies.error(400, message="prompt is too long: 9 tokens > 8 maximum"),
            "refused": replies.refusal(),
            "cut": replies.max_tokens(cut),
            "prose": replies.text("Looks good."),
        },
    )
    names = ["good", "long", "refused", "cut", "prose", "fine"]
    events = await collected(engine, [unit(tmp_path, name) for name in names])
    assert done(events) == {
        "good.py": None,
        "long.py": "prompt-too-long",
        "refused.py": "refused",
        "cut.py": "truncated",
        "prose.py": "unusable",
        "fine.py": None,
    }
    # What had arrived of the cut one is kept.
    assert found(events) == ["cut.py", "fine.py", "good.py"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (replies.error(401), "authentication"),
        (replies.error(402), "billing"),
        (replies.error(403), "permission"),
        (replies.error(404, message="model: x"), "model-not-found"),
        (replies.spend_cap(), "spend-limit"),
    ],
)
async def test_what_would_meet_all_stops_the_rest(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path, reply: Reply, kind: str
) -> None:
    messages_api.answer = reply
    names = [f"m{n}" for n in range(8)]
    events = await collected(engine, [unit(tmp_path, name) for name in names], concurrency=2)
    assert done(events) == {f"{name}.py": kind for name in names}
    assert len(messages_api.messages) <= 2


async def test_an_ignored_document_fails_alone_and_is_not_sent(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    answering(messages_api, {})
    (tmp_path / ".claudeignore").write_text("private.py\n")
    units = [unit(tmp_path, "private", "PRIVATE = 1\n"), unit(tmp_path, "a")]
    events = await collected(engine, units)
    assert done(events) == {"private.py": "ignored", "a.py": None}
    assert not [r for r in messages_api.messages if b"PRIVATE" in r.raw]


async def test_filters_count_what_they_hide(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.script(
        replies.json_findings(
            [
                finding("a"),
                finding("a", title="The same again"),
                finding("a", severity="info", quote="def a(path):", line=1),
                finding("a", confidence=0.1, rule="review.tests"),
                finding("a", quote="not there at all"),
            ]
        )
    )
    events = await collected(engine, [unit(tmp_path, "a")])
    assert len(found(events)) == 1
    dropped = {event.reason: event.count for event in events if isinstance(event, UnitDropped)}
    assert dropped == {
        "the same as another": 1,
        "below review.min_severity": 1,
        "below review.min_confidence": 1,
        "the quoted text is not in the file": 1,
    }
    assert done(events) == {"a.py": None}


async def test_a_document_that_does_not_fit_is_reviewed_in_parts(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(messages_api, monkeypatch)
    messages_api.answer = replies.json_findings([])
    text = "".join(f"value_{n} = {n}\n" for n in range(1000))
    parts = units(tmp_path, "big", text, **{"context.tokens": 2000})
    async with engine_for(tmp_path, context__tokens=2000) as engine:
        events = await collected(engine, list(parts))
    assert {type(event) for event in events} == {UnitDone}
    assert len(events) == len(parts) == len(messages_api.messages) > 3
    sent = "".join(received.text for received in messages_api.messages)
    assert all(f"value_{n} = {n}\n" in sent for n in range(1000))
    assert not messages_api.refused


async def test_what_does_not_fit_after_all_is_not_called_reviewed(
    messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A plan made for other settings than those of the engine."""
    point_at(messages_api, monkeypatch)
    messages_api.answer = replies.json_findings([])
    text = "".join(f"value_{n} = {n}\n" for n in range(500))
    async with engine_for(tmp_path, context__tokens=1000) as engine:
        events = await collected(engine, [unit(tmp_path, "big", text)])
    (notice,) = [event for event in events if isinstance(event, UnitNotice)]
    assert notice.text.startswith("only lines 1 to ")
    assert "of 500 fitted the token budget" in notice.text


async def test_closing_a_run_closes_its_streams(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    messages_api.answer = replies.stall('{"findings": [')
    units = [unit(tmp_path, f"m{n}") for n in range(5)]

    async def consume() -> None:
        async with contextlib.aclosing(review(engine, units, Account(), concurrency=2)) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(consume())
    await messages_api.wait_for(2)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for received in messages_api.messages:
        await received.wait_disconnected()
    assert len(messages_api.messages) == 2


async def test_a_bug_is_raised_and_not_hidden(
    engine: Engine, messages_api: MessagesApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(messages_api, {})

    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("claude_lsp.review.run.hidden_reason", broken)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(collected(engine, [unit(tmp_path, "a")]), 10)


async def test_no_documents_no_events(engine: Engine) -> None:
    assert await collected(engine, []) == []


async def test_a_run_stops_at_its_limit_and_says_so(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    answering(messages_api, {})
    account = Account(limit_usd=0.0001)
    names = [f"m{n}" for n in range(3)]
    events = await collected(engine, [unit(tmp_path, name) for name in names], account=account)
    assert set(done(events).values()) == {"budget"}
    assert not messages_api.requests


async def test_of_several_calls_one_writes_what_they_share_and_the_rest_read_it(
    engine: Engine, messages_api: MessagesApi, tmp_path: Path
) -> None:
    answering(messages_api, {})
    guidelines = "Money is counted in cents, and never in floating point. " * 60
    several = [replace(unit(tmp_path, f"m{n}"), instructions=guidelines) for n in range(6)]
    # One by itself is not asked again, and pays for no write.
    await collected(engine, [replace(several[0], instructions=guidelines + "Really.")])
    (alone,) = messages_api.messages
    assert "cache_control" not in alone.raw.decode()
    messages_api.reset()
    answering(messages_api, {})
    await collected(engine, several, concurrency=4)
    usages = [each.usage or {} for each in messages_api.messages]
    assert sum(usage["cache_creation_input_tokens"] > 0 for usage in usages) == 1
    assert sum(usage["cache_read_input_tokens"] > 1000 for usage in usages) == 5
