"""Makes the calls of a plan, several at a time, and yields what happens as it happens."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import ALONE, Situation
from claude_lsp.actions.outcomes import Drop, Notice
from claude_lsp.claude.errors import ClaudeError, Failure
from claude_lsp.findings.finding import Finding
from claude_lsp.findings.hidden import hidden_reason
from claude_lsp.findings.verify import Seen
from claude_lsp.review.fixes import reason_against, without_fix
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from claude_lsp.actions.action import Surroundings
    from claude_lsp.claude.account import Account
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.review.plan import Unit

# Failures after which the other calls would fail in the same way.
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
    """Something that the user should know of a call; what it looked at was not all reviewed."""

    unit: Unit
    text: str


@dataclass(frozen=True)
class UnitDone:
    """A call is done: `failure` is None where all that it looked at was reviewed."""

    unit: Unit
    failure: Failure | None


ReviewEvent = UnitFound | UnitDropped | UnitNotice | UnitDone


def situation_of(unit: Unit) -> Situation:
    """Return the situation of reviewing what one call looks at."""
    first = unit.excerpts[0]
    lines = len(first.snapshot.index.lines)
    return Situation(
        first.snapshot,
        first.origin,
        Range(Position(0, 0), Position(max(lines - 1, 0), 0)),
        instructions=unit.instructions,
        # A document that is sent as it is may be given more room than it asks for.
        excerpts=() if len(unit.excerpts) == 1 and first.whole else unit.excerpts,
    )


async def prepare_unit(engine: Engine, unit: Unit, surroundings: Surroundings = ALONE) -> Prepared:
    """Build the request of a call; nothing is sent.

    Raises:
        ClaudeError: it must not be sent.
    """
    return await engine.prepare(ACTIONS["review"], situation_of(unit), surroundings)


async def review_unit(
    engine: Engine,
    unit: Unit,
    surroundings: Surroundings,
    account: Account,
    *,
    automatic: bool = False,
    among_others: bool = False,
) -> AsyncGenerator[ReviewEvent]:
    """Make one call; the last event is always its `UnitDone`.

    With `among_others` it is one of several whose prompts begin alike: the first of them goes
    ahead, and the rest read what it wrote to the cache.
    """
    action, situation = ACTIONS["review"], situation_of(unit)
    failure = None
    seen = Seen()
    texts = {excerpt.origin: excerpt.snapshot for excerpt in unit.excerpts}
    try:
        prepared = await engine.prepare(action, situation, surroundings)
        asked = replace(prepared.request, automatic=automatic)
        if among_others:
            asked = replace(asked, repeats="shared")
        prepared = replace(prepared, request=asked)
        async with contextlib.aclosing(
            engine.run(action, situation, prepared, account)
        ) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Finding):
                    finding = outcome
                    told = None
                    if finding.replacement is not None:
                        text = texts[finding.path]
                        told = await asyncio.to_thread(reason_against, finding, text)
                    if told is not None:
                        finding = without_fix(finding)
                        yield UnitDropped(unit, told, 1)
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
        for words in _not_sent(unit, prepared):
            yield UnitNotice(unit, words)
    except ClaudeError as error:
        failure = error.failure
    yield UnitDone(unit, failure)


def _not_sent(unit: Unit, prepared: Prepared) -> Iterator[str]:
    """Yield what of a unit did not fit after all, in sentences."""
    for excerpt in unit.excerpts:
        windows = prepared.context.documents.get(excerpt.origin, ())
        lines = len(excerpt.snapshot.index.lines)
        if not windows:
            yield f"{excerpt.origin} did not fit the token budget (context.tokens)"
        elif excerpt.whole and not windows[0].whole:
            sent = windows[0]
            yield (
                f"only lines {sent.first_line + 1} to {sent.last_line + 1} of {lines} fitted the "
                "token budget (context.tokens)"
            )


async def review(
    engine: Engine,
    units: Sequence[Unit],
    account: Account,
    *,
    surroundings: Surroundings = ALONE,
    concurrency: int = 4,
    automatic: bool = False,
) -> AsyncGenerator[ReviewEvent]:
    """Make the calls of a plan, at most `concurrency` at a time, and yield events as they come.

    Every unit gets exactly one `UnitDone`. After a failure that would meet the others too,
    those not yet begun are not sent and are done with the same failure.

    Args:
        engine: makes the calls.
        units: the calls.
        account: what they cost together.
        surroundings: what the editor shows beside the documents.
        concurrency: the most calls at a time.
        automatic: whether nobody asked, so that the limit for that holds.
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
            async with contextlib.aclosing(
                review_unit(
                    engine,
                    unit,
                    surroundings,
                    account,
                    automatic=automatic,
                    among_others=len(units) > 1,
                )
            ) as stream:
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
