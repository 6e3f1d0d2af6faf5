"""What is ready is sent, what is late serves the next request, and nothing is left running."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp import gathering
from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import ALONE, Situation, Surroundings
from claude_lsp.context import tokens
from claude_lsp.gathering import Gathered, Gatherer
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot
from tests.unit.engine_kit import engine_for, snapshot
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from claude_lsp.engine import Engine, Prepared

COMPLETE = ACTIONS["complete"]
TEXT = "from prices import Price\n\n\ndef total(price: Price):\n    price.\n\n\nend = 1\n"


@pytest.fixture(scope="module", autouse=True)
def vocabulary() -> None:
    assert tokens.warm()


@pytest.fixture
async def engine(root: Path) -> AsyncIterator[Engine]:
    write(root, "prices.py", "class Price:\n    def with_tax(self, rate): ...\n")
    # A deadline that only a search that never ends would reach.
    async with engine_for(root, context__deadline_ms=20_000) as made:
        made.codebase.update()
        await made.codebase.settled()
        yield made
        await made.close()


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slow]:
    found = Slow(monkeypatch)
    yield found
    found.go_on.set()


class Slow:
    """Makes every search wait until `go_on` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.begun: list[str] = []
        self.first = asyncio.Event()
        loop = asyncio.get_running_loop()
        search = Gatherer._search

        def waiting(gatherer: Gatherer, folder: Any, wanted: Any) -> tuple[Gathered, bool]:
            self.begun.append(wanted.situation.snapshot.text)
            loop.call_soon_threadsafe(self.first.set)
            assert self.go_on.wait(30)
            return search(gatherer, folder, wanted)

        monkeypatch.setattr(Gatherer, "_search", waiting)


def place(root: Path, text: str = TEXT, line: int = 4, **others: Any) -> Situation:
    document = snapshot(root / "main.py", text)
    at = Position(line, len(document.index.line(line)))
    return Situation(document, "main.py", Range(at, at), **{"automatic": True, **others})


def text_of(prepared: Prepared) -> str:
    return "".join(part.text for part in prepared.context.parts)


def impatient(engine: Engine) -> None:
    settings = engine._gatherer._settings
    hurried = replace(settings, context=replace(settings.context, deadline_ms=0))
    engine._gatherer._settings = hurried


async def test_in_time_it_is_in_the_request(engine: Engine, root: Path) -> None:
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, place(root)))


async def test_a_late_search_is_not_waited_for_and_serves_the_next_request(
    engine: Engine, root: Path, slow: Slow
) -> None:
    impatient(engine)
    first = await engine.prepare(COMPLETE, place(root))
    assert "with_tax" not in text_of(first)
    assert TEXT.split("\n", maxsplit=1)[0] in text_of(first)
    again = await engine.prepare(COMPLETE, place(root))
    assert "with_tax" not in text_of(again)
    # Both waited for the one search.
    assert len(slow.begun) == 1
    slow.go_on.set()
    await until_idle(engine)
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, place(root)))
    # What is typed on the line is served by it as well, while a search for it is under way.
    slow.go_on.clear()
    typed = place(root, TEXT.replace("price.\n", "price.wi\n"))
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, typed))
    slow.go_on.set()


async def test_whoever_asks_waits(engine: Engine, root: Path, slow: Slow) -> None:
    impatient(engine)
    asked = asyncio.ensure_future(engine.prepare(COMPLETE, place(root, automatic=False)))
    await slow.first.wait()
    assert not asked.done()
    slow.go_on.set()
    assert "with_tax" in text_of(await asked)


async def test_slow_searches_neither_pile_up_nor_hold_up_other_work(
    engine: Engine, root: Path, slow: Slow
) -> None:
    impatient(engine)
    lines = TEXT + "".join(f"x{n} = {n}\n" for n in range(60))
    for line in range(8, 60):
        await engine.prepare(COMPLETE, place(root, lines, line))
    assert len(slow.begun) == 1
    assert len(engine._gatherer._searches) == 1
    assert await asyncio.to_thread(lambda: 1) == 1
    slow.go_on.set()
    await until_idle(engine)
    # Of those that waited only the newest was still wanted.
    assert len(slow.begun) == 2


async def test_a_search_that_fails_costs_only_what_it_would_have_found(
    engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(Gatherer, "_search", fail)
    for automatic in (True, False):
        prepared = await engine.prepare(COMPLETE, place(root, automatic=automatic))
        assert "price." in text_of(prepared)
    assert "nothing could be gathered for main.py" in caplog.text
    assert "a bug" in caplog.text


async def test_a_request_that_is_cancelled_leaves_its_search_to_the_next(
    engine: Engine, root: Path, slow: Slow
) -> None:
    asked = asyncio.ensure_future(engine.prepare(COMPLETE, place(root)))
    await slow.first.wait()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    slow.go_on.set()
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, place(root)))
    assert len(slow.begun) == 1


async def test_at_the_end_no_search_is_left(engine: Engine, root: Path, slow: Slow) -> None:
    impatient(engine)
    before = asyncio.all_tasks()
    await engine.prepare(COMPLETE, place(root))
    assert asyncio.all_tasks() != before
    await engine.close()
    assert asyncio.all_tasks() == before
    # A request that still holds the engine waits for its own, and leaves none either.
    slow.go_on.set()
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, place(root)))
    assert asyncio.all_tasks() == before


async def test_files_that_vanish_before_they_are_read(engine: Engine, root: Path) -> None:
    (root / "prices.py").unlink()
    prepared = await engine.prepare(COMPLETE, place(root))
    # The index does not know yet; nothing fails, and nothing is read.
    assert "price." in text_of(prepared)


@pytest.mark.parametrize(
    "uri", ["untitled:Untitled-1", "memfs:/a.py", "file:///outside/a.py", "file:///%00/a.py", "::"]
)
async def test_documents_that_are_in_no_folder(engine: Engine, root: Path, uri: str) -> None:
    other = Snapshot(uri, 1, "def elsewhere(price): ...\n", "python")
    around = Surroundings([other])
    prepared = await engine.prepare(COMPLETE, place(root), around)
    assert "elsewhere" not in text_of(prepared)
    assert "with_tax" in text_of(prepared)
    if "outside" not in uri:
        here = replace(place(root), snapshot=replace(other, text=TEXT), origin="a.py")
        assert "price." in text_of(await engine.prepare(COMPLETE, here, ALONE))


@pytest.mark.parametrize("line", [0, 8, 9, 5000])
async def test_places_at_the_end_and_beyond(engine: Engine, root: Path, line: int) -> None:
    for text in (TEXT, "", "\n", "\r\r\r"):
        at = Position(line, 3)
        situation = replace(place(root, text, 0), range=Range(at, at))
        for automatic in (True, False):
            await engine.prepare(COMPLETE, replace(situation, automatic=automatic))


async def test_a_document_of_one_endless_line(engine: Engine, root: Path) -> None:
    text = "price." + "x" * 4_900
    prepared = await engine.prepare(COMPLETE, place(root, text, 0, automatic=False))
    assert prepared.context.tokens <= engine.settings.completion.context_tokens


async def test_a_line_nearby_is_served_by_what_is_ready_as_long_as_a_cache_holds_it(
    engine: Engine, root: Path, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(gathering, "_now", lambda: clock[0])
    text = TEXT + "".join(f"x{n} = {n}\n" for n in range(60))
    slow.go_on.set()
    first = await engine.prepare(COMPLETE, place(root, text, 8))
    slow.begun.clear()
    for later_s, line in ((0, 12), (200, 11), (450, 13)):
        clock[0] = later_s
        near = await engine.prepare(COMPLETE, place(root, text, line))
        assert not engine._gatherer._searches
        assert near.request.blocks[0] == first.request.blocks[0]
    # Nobody has used it for so long that the service has forgotten it: better is looked for.
    clock[0] = 800
    slow.go_on.clear()
    stale = await engine.prepare(COMPLETE, place(root, text, 12))
    assert stale.request.blocks[0] == first.request.blocks[0]
    assert len(engine._gatherer._searches) == 1
    slow.go_on.set()
    await until_idle(engine)
    assert len(slow.begun) == 1


async def test_behind_a_dot_of_the_object_itself_what_is_ready_serves(
    engine: Engine, root: Path, slow: Slow
) -> None:
    lines = [*TEXT.split("\n"), *(f"x{n} = {n}" for n in range(60))]
    slow.go_on.set()
    await engine.prepare(COMPLETE, place(root, "\n".join(lines), 9))
    slow.go_on.clear()
    lines[12] = "self."
    prepared = await engine.prepare(COMPLETE, place(root, "\n".join(lines), 12))
    assert "with_tax" in text_of(prepared)


@pytest.mark.parametrize(("line", "dot"), [(60, ""), (12, "."), (4, "")])
async def test_far_away_or_behind_a_dot_a_request_waits(
    engine: Engine, root: Path, slow: Slow, line: int, dot: str
) -> None:
    lines = [*TEXT.split("\n"), *(f"x{n} = {n}" for n in range(60))]
    slow.go_on.set()
    await engine.prepare(COMPLETE, place(root, "\n".join(lines), 9))
    slow.go_on.clear()
    lines[line] += dot
    asked = asyncio.ensure_future(engine.prepare(COMPLETE, place(root, "\n".join(lines), line)))
    await asyncio.sleep(0.05)
    assert not asked.done()
    slow.go_on.set()
    assert "with_tax" in text_of(await asked)


async def test_what_was_looked_for_ahead_is_ready(engine: Engine, root: Path, slow: Slow) -> None:
    slow.go_on.set()
    situation = place(root)
    await engine.gather_ahead(COMPLETE, situation, ALONE)
    await engine.gather_ahead(COMPLETE, situation, ALONE)
    assert len(slow.begun) == 1
    slow.go_on.clear()
    assert "with_tax" in text_of(await engine.prepare(COMPLETE, situation))
    assert len(slow.begun) == 1


async def test_only_the_last_places_and_documents_are_kept(engine: Engine, root: Path) -> None:
    lines = TEXT + "".join(f"x{n} = {n}\n" for n in range(300))
    for line in range(8, 300, 12):
        await engine.gather_ahead(COMPLETE, place(root, lines, line), ALONE)
    for number in range(20):
        here = place(root)
        other = replace(here.snapshot, uri=f"{here.snapshot.uri}{number}.py")
        await engine.gather_ahead(COMPLETE, replace(here, snapshot=other), ALONE)
    kept = engine._gatherer._ready._documents
    assert len(kept) == 16
    assert all(len(places) <= 8 for places in kept.values())


async def until_idle(engine: Engine) -> None:
    """Wait until no search is under way."""
    while searches := [search for _, search in engine._gatherer._searches.values()]:
        await asyncio.wait(searches)
        await asyncio.sleep(0)
