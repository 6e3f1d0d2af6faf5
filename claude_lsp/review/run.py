"""Reviews documents one by one, several at a time, and yields what happens as it happens."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import ALONE, Situation
from claude_lsp.actions.outcomes import Drop, Notice
from claude_lsp.claude.errors import ClaudeError, Failure
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.verify import Seen
from claude_lsp.review.fixes import BROKEN, checked
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from claude_lsp.actions.action import Surroundings
    from claude_lsp.claude.account import Account
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.settings import Settings
    from claude_lsp.text.snapshots import Snapshot

# Failures after which the other documents would fail in the same way.
_FATAL = frozenset(
    (
        "no-credentials",
        "authentication",
        "permission",
        "billing",
        "spend-limit",
        "model-not-found",
        "configuration",
        "budget",
        "ledger",
    )
)


@dataclass(frozen=True)
class Unit:
    """One document to review.

    Attributes:
        origin: its path in the workspace.
        snapshot: its text.
    """

    origin: str
    snapshot: Snapshot


@dataclass(frozen=True)
class UnitFound:
    """A finding that passed the filters; one with a known fingerprint replaces the earlier."""

    unit: Unit
    finding: Finding


@dataclass(frozen=True)
class UnitDropped:
    """Remarks that are not shown: why, and how many."""

    unit: Unit
    reason: str
    count: int


@dataclass(frozen=True)
class UnitNotice:
    """Something that the reviewed document's answer said about itself."""

    unit: Unit
    text: str


@dataclass(frozen=True)
class UnitDone:
    """A document is done: `failure` is None where all of it was reviewed."""

    unit: Unit
    failure: Failure | None


ReviewEvent = UnitFound | UnitDropped | UnitNotice | UnitDone


def situation_of(unit: Unit, settings: Settings) -> Situation:
    """Return the situation of reviewing a whole document."""
    lines = len(unit.snapshot.index.lines)
    return Situation(
        unit.snapshot,
        unit.origin,
        Range(Position(0, 0), Position(max(lines - 1, 0), 0)),
        instructions=settings.review.instructions,
    )


def hidden_reason(finding: Finding, settings: Settings) -> str | None:
    """Return why a finding is not shown, None if it is."""
    if finding.severity.rank > Severity(settings.review.min_severity).rank:
        return "below review.min_severity"
    if finding.confidence < settings.review.min_confidence:
        return "below review.min_confidence"
    return None


async def prepare_unit(engine: Engine, unit: Unit, surroundings: Surroundings = ALONE) -> Prepared:
    """Build the request that would review a document; nothing is sent.

    Raises:
        ClaudeError: it must not be sent.
    """
    return await engine.prepare(
        ACTIONS["review"], situation_of(unit, engine.settings), surroundings
    )


async def review_unit(
    engine: Engine, unit: Unit, surroundings: Surroundings, account: Account
) -> AsyncGenerator[ReviewEvent]:
    """Review one document; the last event is always its `UnitDone`."""
    action, situation = ACTIONS["review"], situation_of(unit, engine.settings)
    failure = None
    seen = Seen()
    try:
        prepared = await engine.prepare(action, situation, surroundings)
        async with contextlib.aclosing(
            engine.run(action, situation, prepared, account)
        ) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Finding):
                    finding = await asyncio.to_thread(checked, outcome, unit.snapshot)
                    if outcome.replacement is not None and finding.replacement is None:
                        yield UnitDropped(unit, BROKEN, 1)
                    reason = hidden_reason(finding, engine.settings)
                    published = seen.add(finding) if reason is None else None
                    if published is None:
                        yield UnitDropped(unit, reason or "the same as another", 1)
                    else:
                        yield UnitFound(unit, published)
                elif isinstance(outcome, Drop):
                    yield UnitDropped(unit, outcome.reason, outcome.count)
                elif isinstance(outcome, Notice):
                    yield UnitNotice(unit, outcome.text)
        sent = prepared.context.sent
        lines = len(unit.snapshot.index.lines)
        if sent is not None and not sent.whole:
            yield UnitNotice(
                unit,
                f"only lines {sent.first_line + 1} to {sent.last_line + 1} of {lines} fitted the "
                "token budget (context.tokens)",
            )
    except ClaudeError as error:
        failure = error.failure
    yield UnitDone(unit, failure)


async def review(
    engine: Engine,
    units: Sequence[Unit],
    account: Account,
    *,
    concurrency: int = 4,
) -> AsyncGenerator[ReviewEvent]:
    """Review documents, at most `concurrency` at a time, and yield events as they come.

    Every document gets exactly one `UnitDone`. After a failure that would meet the others too,
    those not yet begun are not sent and are done with the same failure.
    """
    waiting = list(reversed(units))
    events: asyncio.Queue[ReviewEvent | BaseException] = asyncio.Queue()
    fatal: Failure | None = None

    async def worker() -> None:
        nonlocal fatal
        while waiting:
            unit = waiting.pop()
            if fatal is not None:
                events.put_nowait(UnitDone(unit, fatal))
                continue
            async with contextlib.aclosing(review_unit(engine, unit, ALONE, account)) as stream:
                async for event in stream:
                    if isinstance(event, UnitDone) and event.failure is not None:
                        fatal = event.failure if event.failure.kind in _FATAL else fatal
                    events.put_nowait(event)

    def report_bug(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (bug := task.exception()) is not None:
            events.put_nowait(bug)

    workers = [asyncio.create_task(worker()) for _ in range(min(concurrency, len(units)))]
    for task in workers:
        task.add_done_callback(report_bug)
    try:
        left = len(units)
        while left:
            event = await events.get()
            if isinstance(event, BaseException):
                raise event
            left -= isinstance(event, UnitDone)
            yield event
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
