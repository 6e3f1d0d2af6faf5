"""The ledger: what was spent, and limits that hold for every process together."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.claude import ledger as ledger_module
from claude_lsp.claude import ledger_file
from claude_lsp.claude.catalog import PRICES_AS_OF, Usage
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.ledger import Ledger, charge, state_directory
from claude_lsp.claude.request import Block
from claude_lsp.claude.route import route
from claude_lsp.claude.usages import Percentiles
from claude_lsp.settings import Spend, build
from tests.unit.engine_kit import request

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = request(max_tokens=2000)
MOST = ASKED.most_usd or 0.0
assert MOST
PLENTY = Spend()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    made = Ledger(path)
    yield made
    made.close()


def settled(ledger: Ledger, row: int, usage: Usage, outcome: str = "ok", **known: Any) -> None:
    arguments = {"attempts": 1, "first_token_s": 0.5, "total_s": 1.5} | known
    ledger.settle(row, ASKED, usage, outcome, **arguments)


def rows(path: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute("SELECT * FROM requests ORDER BY id")]
    connection.close()
    return found


def refusal(ledger: Ledger, limits: Spend = PLENTY, **changes: Any) -> str:
    with pytest.raises(ClaudeError) as caught:
        ledger.reserve(request(max_tokens=2000, **changes), limits)
    assert caught.value.failure.kind == "budget"
    return str(caught.value.failure)


def test_a_reservation_counts_until_it_is_settled(ledger: Ledger, path: Path) -> None:
    row = ledger.reserve(ASKED, PLENTY)
    assert ledger.spent_today().total_usd == pytest.approx(MOST)
    settled(ledger, row, Usage(input=1000, output=100, thinking=40))
    spent = ledger.spent_today()
    assert spent.total_usd == pytest.approx(0.00015)
    assert (spent.automatic_usd, spent.requests) == (0, 1)
    (kept,) = rows(path)
    assert (kept["action"], kept["tier"], kept["model"]) == ("ask", "haiku", "claude-haiku-5-5")
    assert (kept["input"], kept["output"], kept["thinking"]) == (1000, 100, 40)
    assert (kept["outcome"], kept["attempts"]) == ("ok", 1)
    assert (kept["first_token_s"], kept["total_s"]) == (0.5, 1.5)
    assert kept["prices_as_of"]


@pytest.mark.parametrize(
    ("usage", "outcome", "attempts", "cost"),
    [
        (Usage(input=1000, output=100), "ok", 1, 0.00015),
        (Usage(cache_read=100_000), "ok", 1, 0.001),
        (Usage(input=1000, output=9), "interrupted", 1, 0.0001045),
        (Usage(), "ok", 1, MOST),
        (Usage(), "cancelled", 1, MOST),
        (Usage(), "timeout", 1, MOST),
        (Usage(output=500), "ok", 1, MOST),
        (Usage(), "cancelled", 0, 0.0),
        (Usage(), "rate-limit", 4, 0.0),
        (Usage(), "authentication", 1, 0.0),
        (Usage(), "connection", 2, 0.0),
    ],
)
def test_what_a_request_counts_as(
    path: Path, usage: Usage, outcome: str, attempts: int, cost: float
) -> None:
    ledger = Ledger(path)
    assert charge(ASKED, usage, outcome, attempts) == pytest.approx(cost)
    settled(ledger, ledger.reserve(ASKED, PLENTY), usage, outcome, attempts=attempts)
    assert rows(path)[0]["cost_usd"] == pytest.approx(cost)
    assert ledger.spent_today().total_usd == pytest.approx(cost)


def test_the_limit_of_one_request(ledger: Ledger, path: Path) -> None:
    said = refusal(ledger, Spend(request_usd=MOST * 0.99))
    assert "spend.request_usd" in said
    assert f"${MOST:.4f}" in said
    assert not path.exists() or rows(path) == []
    ledger.reserve(ASKED, Spend(request_usd=MOST))


def test_the_limit_of_a_day(ledger: Ledger) -> None:
    limits = Spend(day_usd=MOST * 2.5)
    first = ledger.reserve(ASKED, limits)
    ledger.reserve(ASKED, limits)
    assert "spend.day_usd" in refusal(ledger, limits)
    settled(ledger, first, Usage(input=10, output=1))
    ledger.reserve(ASKED, limits)


def test_the_limit_of_what_nobody_asked_for(ledger: Ledger) -> None:
    limits = Spend(automatic_day_usd=MOST * 1.5)
    typed = request(max_tokens=2000, automatic=True)
    ledger.reserve(typed, limits)
    assert "spend.automatic_day_usd" in refusal(ledger, limits, automatic=True)
    # What is asked for has its own room, and does not take that of typing.
    ledger.reserve(ASKED, limits)
    assert ledger.spent_today().automatic_usd == pytest.approx(MOST)


def test_a_limit_of_nothing_sends_nothing(ledger: Ledger) -> None:
    assert "spend.request_usd" in refusal(ledger, Spend(request_usd=0))
    assert "spend.day_usd" in refusal(ledger, Spend(day_usd=0))


def test_another_day_has_its_own_room(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Spend(day_usd=MOST * 1.5)
    monkeypatch.setattr(ledger_module, "today", lambda: "2026-01-01")
    ledger.reserve(ASKED, limits)
    refusal(ledger, limits)
    monkeypatch.setattr(ledger_module, "today", lambda: "2026-01-02")
    ledger.reserve(ASKED, limits)


def test_an_unknown_price_blocks_and_a_price_of_the_user_unblocks(ledger: Ledger) -> None:
    unknown = route("ask", "haiku", build({"models.haiku": "mine"})).model
    said = refusal(ledger, model=unknown.id)
    assert "models.prices" in said
    prices = {"mine": {"input": 1.0, "output": 1.0}}
    known = route("ask", "haiku", build({"models.haiku": "mine", "models.prices": prices})).model
    ledger.reserve(replace(request(max_tokens=100), model=known), PLENTY)
    assert ledger.spent_today().total_usd > 0


def test_several_ledgers_in_several_threads_keep_one_limit(path: Path) -> None:
    room = 5
    limits = Spend(day_usd=MOST * (room + 0.5))
    ledgers = [Ledger(path) for _ in range(4)]
    taken: list[int] = []
    refused: list[str] = []
    start = threading.Barrier(16)

    def grab(number: int) -> None:
        start.wait(10)
        try:
            taken.append(ledgers[number % 4].reserve(ASKED, limits))
        except ClaudeError as error:
            refused.append(error.failure.kind)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(grab, range(16)))
    assert len(set(taken)) == len(taken) == room
    assert refused == ["budget"] * 11
    for ledger in ledgers:
        ledger.close()


def test_limits_in_tokens(ledger: Ledger) -> None:
    most = ASKED.most_tokens
    assert "spend.request_tokens" in refusal(ledger, Spend(request_tokens=most - 1))
    limits = Spend(day_tokens=int(most * 1.5), automatic_day_tokens=most - 1)
    assert "spend.automatic_day_tokens" in refusal(ledger, limits, automatic=True)
    row = ledger.reserve(ASKED, limits)
    said = refusal(ledger, limits)
    assert f"could take {most:,} tokens, and spend.day_tokens leaves" in said
    assert f"(today: ask {most:,} tokens)" in said
    settled(ledger, row, Usage(input=20, output=10))
    assert ledger.spent_today().tokens == 30
    ledger.reserve(ASKED, limits)


def test_limits_of_one_action(ledger: Ledger) -> None:
    limits = Spend(actions={"ask": {"day_usd": MOST * 1.5, "request_tokens": 10**6}})
    ledger.reserve(ASKED, limits)
    said = refusal(ledger, limits)
    assert "spend.actions.ask.day_usd leaves" in said
    assert f"(today: ask ${MOST:.4f})" in said
    # Others have their own room.
    ledger.reserve(replace(ASKED, action="fix"), limits)
    tight = Spend(actions={"ask": {"request_usd": MOST / 2}})
    assert "spend.actions.ask.request_usd" in refusal(ledger, tight)


def test_what_was_spent_on_what_is_told(ledger: Ledger) -> None:
    for action, automatic in (("complete", True), ("complete", True), ("fix", False)):
        ledger.reserve(replace(ASKED, action=action, automatic=automatic), PLENTY)
    said = refusal(ledger, Spend(day_usd=MOST * 3.5))
    assert f"(today: complete while typing ${MOST * 2:.4f}, fix ${MOST:.4f})" in said
    assert "wait for the next day" in said


@pytest.mark.parametrize(
    ("ahead", "counts"), [("2026-03-02", True), ("2026-03-03", True), ("2030-01-01", False)]
)
def test_a_clock_that_was_set_back_opens_no_room(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ahead: str, counts: bool
) -> None:
    monkeypatch.setattr(ledger_module, "today", lambda: ahead)
    ledger.reserve(ASKED, PLENTY)
    monkeypatch.setattr(ledger_module, "today", lambda: "2026-03-01")
    assert ledger.newest_day() == ahead
    limits = Spend(day_usd=MOST * 1.5)
    if counts:
        assert "spend.day_usd" in refusal(ledger, limits)
    else:
        # One that was years ahead for a moment must not block for years.
        ledger.reserve(ASKED, limits)


def fill(ledger: Ledger) -> None:
    for _ in range(500):
        ledger.reserve(ASKED, PLENTY)


def test_a_full_disk_blocks_until_there_is_room(ledger: Ledger) -> None:
    ledger.reserve(ASKED, PLENTY)
    connection = ledger._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ClaudeError, match="Free some disk space") as caught:
        fill(ledger)
    assert caught.value.failure.kind == "ledger"
    before = ledger.spent_today()  # reading goes on
    connection.execute(f"PRAGMA max_page_count = {pages * 10}")
    ledger.reserve(ASKED, PLENTY)
    assert ledger.spent_today().requests == before.requests + 1


def test_the_sums_of_a_day_are_those_of_its_requests(ledger: Ledger, path: Path) -> None:
    kept = [
        ledger.reserve(replace(ASKED, action=action, automatic=automatic), PLENTY)
        for action in ("fix", "complete")
        for automatic in (True, False)
        for _ in range(3)
    ]
    for row in kept[::2]:
        settled(ledger, row, Usage(input=1000 + row, output=row))
    spent, found = ledger.spent_today(), rows(path)
    assert spent.requests == len(found) == 12
    assert spent.total_usd == pytest.approx(sum(row["cost_usd"] for row in found))
    assert spent.tokens == sum(row["tokens"] for row in found)
    typed = [row for row in found if row["automatic"]]
    assert spent.automatic_usd == pytest.approx(sum(row["cost_usd"] for row in typed))
    assert spent.of("fix").requests == 6
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM requests WHERE action = 'fix'")
    connection.commit()
    connection.close()
    assert ledger.spent_today().of("fix").requests == 0
    assert ledger.spent_today().requests == 6


PROCESS = """
import sys
from pathlib import Path
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.catalog import Usage, lookup
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.request import Request
from claude_lsp.settings import Spend

asked = Request("ask", "haiku", lookup("claude-haiku-5-5"), "Answer.", 10, (), 2000)
ledger, taken = Ledger(Path(sys.argv[1])), 0
print("ready", flush=True)
sys.stdin.readline()
for number in range(6):
    try:
        row = ledger.reserve(asked, Spend(day_usd=asked.most_usd * 10.5))
        taken += 1
        if number == 0:  # what is given back can be taken once more
            ledger.settle(row, asked, Usage(), "cancelled", attempts=0, first_token_s=None,
                          total_s=0)
            taken -= 1
    except ClaudeError as error:
        assert error.failure.kind == "budget", error
print(taken)
"""


def test_several_processes_keep_one_limit(path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(8)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    taken = [int(child.communicate(timeout=30)[0]) for child in children]
    assert sum(taken) == 10
    assert [child.returncode for child in children] == [0] * 8


def test_a_crash_between_reserve_and_settle_stays_counted(path: Path) -> None:
    first = Ledger(path)
    first.reserve(ASKED, PLENTY)
    first.close()
    second = Ledger(path)
    assert second.spent_today().total_usd == pytest.approx(MOST)
    refusal(second, Spend(day_usd=MOST * 1.5))
    assert rows(path)[0]["outcome"] == "pending"
    second.close()


def unusable(ledger: Ledger) -> str:
    with pytest.raises(ClaudeError) as caught:
        ledger.reserve(ASKED, PLENTY)
    failure = caught.value.failure
    assert (failure.kind, failure.retryable) == ("ledger", False)
    assert "CLAUDE_LSP_STATE_DIR" in failure.advice
    with pytest.raises(ClaudeError):
        ledger.spent_today()
    with pytest.raises(ClaudeError):
        settled(ledger, 1, Usage())
    return str(failure)


def test_a_corrupt_file_blocks_and_is_kept(ledger: Ledger, path: Path) -> None:
    path.parent.mkdir()
    garbage = b"not a database " * 500
    path.write_bytes(garbage)
    assert "Nothing is sent" in unusable(ledger)
    assert path.read_bytes() == garbage


def test_a_newer_file_blocks_and_is_kept(path: Path) -> None:
    first = Ledger(path)
    first.reserve(ASKED, PLENTY)
    first.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer version" in unusable(Ledger(path))
    assert len(rows(path)) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that bind")
def test_a_folder_that_can_not_be_written_blocks(ledger: Ledger, path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    unusable(ledger)


def test_a_file_in_the_place_of_the_folder_blocks(ledger: Ledger, path: Path) -> None:
    path.parent.write_text("in the way")
    unusable(ledger)


def test_a_locked_file_blocks_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_PATIENCE_S", 0.1)
    ledger = Ledger(path)
    ledger.spent_today()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ClaudeError, match="locked"):
        ledger.reserve(ASKED, PLENTY)
    other.execute("ROLLBACK")
    other.close()
    # Once it is free again, so is the ledger.
    ledger.reserve(ASKED, PLENTY)
    ledger.close()


def test_no_prompt_and_no_source_stands_in_the_file(ledger: Ledger, path: Path) -> None:
    asked = request(
        system="SYSTEM-PROMPT", blocks=(Block("SOURCE-CODE", 10),), prefill="PREFILL", max_tokens=9
    )
    ledger.settle(
        ledger.reserve(asked, PLENTY),
        asked,
        Usage(input=1),
        "ok",
        attempts=1,
        first_token_s=None,
        total_s=1,
    )
    ledger.close()
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"claude-haiku-5-5" in content
    for text in (b"SYSTEM-PROMPT", b"SOURCE-CODE", b"PREFILL"):
        assert text not in content


def test_the_ledger_is_for_the_user_alone(ledger: Ledger, path: Path) -> None:
    ledger.spent_today()
    if os.name != "nt":
        assert path.stat().st_mode & 0o077 == 0


def test_closing_twice_and_using_again(ledger: Ledger) -> None:
    ledger.close()
    ledger.reserve(ASKED, PLENTY)
    ledger.close()
    ledger.close()
    assert ledger.spent_today().requests == 1


def test_where_the_state_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAUDE_LSP_STATE_DIR", str(tmp_path))
    assert state_directory() == tmp_path
    monkeypatch.delenv("CLAUDE_LSP_STATE_DIR")
    assert state_directory().name in ("claude-lsp", "Logs")
    assert str(state_directory()).startswith(os.environ["HOME"])


def of_version(path: Path, version: int) -> None:
    """Make a file as that version left it, with one request in it."""
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    for statements in ledger_file._VERSIONS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(
        "INSERT INTO requests (started, day, action, tier, model, automatic, outcome, cost_usd)"
        " VALUES (0, '2026-01-01', 'complete', 'haiku', 'claude-haiku-5-5', 1, 'ok', 0.5)"
    )
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


def columns(path: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA table_info(requests)").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("version", range(1, len(ledger_file._VERSIONS) + 1))
def test_a_file_of_any_earlier_version_is_taken_over(path: Path, version: int) -> None:
    of_version(path, version)
    with ThreadPoolExecutor(4) as pool:
        # Whoever comes first does it, once.
        totals = list(pool.map(lambda _: Ledger(path).usage(()), range(4)))
    assert {(total.requests, total.cost_usd, total.shown) for (total,) in totals} == {(1, 0.5, 0)}
    ledger = Ledger(path)
    ledger.note_shown(1)
    ledger.note_accepted(1, 12)
    (line,) = ledger.usage(("action",))
    settled(ledger, ledger.reserve(ASKED, PLENTY), Usage(input=5), cache_miss="tools_changed")
    ledger.close()
    assert (line.group, line.shown, line.accepted) == ({"action": "complete"}, 1, 1)
    assert (line.accepted_characters, line.usd_per_accepted) == (12, 0.5)
    old, new = rows(path)
    assert (old["price_row"], old["batched"], old["cache_miss"]) == (None, 0, None)
    assert new["cache_miss"] == "tools_changed"
    fresh = path.parent.parent / "fresh.sqlite3"
    made = Ledger(fresh)
    made.spent_today()
    made.close()
    assert columns(path) == columns(fresh)


def test_the_price_that_was_used_is_kept(ledger: Ledger, path: Path) -> None:
    prices = {"claude-haiku-5-5": {"input": 1.0, "output": 1.0}}
    own = route("ask", "haiku", build({"models.prices": prices})).model
    for model, usage in (
        (ASKED.model, Usage(input=9)),
        # Only the answer tells that the prompt was above the limit of the cheap band.
        (ASKED.model, Usage(input=100_001)),
        (own, Usage(input=9)),
    ):
        asked = replace(ASKED, model=model)
        row = ledger.reserve(asked, PLENTY)
        ledger.settle(row, asked, usage, "ok", attempts=1, first_token_s=None, total_s=1)
    kept = rows(path)
    listed = PRICES_AS_OF
    assert [row["price_row"] for row in kept] == [listed, f"{listed} above 100000", "models.prices"]
    assert [row["prices_as_of"] for row in kept] == [listed, listed, None]
    assert [row["cost_usd"] for row in kept] == pytest.approx([9e-7, 0.0500005, 9e-6])


def test_what_is_old_is_dropped_once_a_day(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Spend(keep_days=30)

    def days(day: str) -> list[str]:
        monkeypatch.setattr(ledger_module, "today", lambda: day)
        ledger.reserve(ASKED, limits)
        return [row["day"] for row in rows(path)]

    assert days("2026-01-01") == ["2026-01-01"]
    days("2026-01-02")
    assert days("2026-02-01") == ["2026-01-01", "2026-01-02", "2026-02-01"]
    # One day alone proves no clock.
    assert len(days("2026-02-02")) == 4
    assert days("2026-02-03") == ["2026-02-01", "2026-02-02", "2026-02-03"]


def test_a_clock_that_jumps_drops_nothing(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("2026-01-01", "2126-01-01", "2026-01-02", "1970-01-01"):
        monkeypatch.setattr(ledger_module, "today", lambda day=day: day)
        ledger.reserve(ASKED, PLENTY)
        again = Ledger(path)
        again.reserve(ASKED, PLENTY)
        again.close()
    assert len(rows(path)) == 8


def test_latencies_are_of_answers_by_action(ledger: Ledger) -> None:
    for number in range(1, 101):
        row = ledger.reserve(ASKED, PLENTY)
        settled(ledger, row, Usage(input=1), first_token_s=number / 100, total_s=float(number))
    row = ledger.reserve(ASKED, PLENTY)
    settled(ledger, row, Usage(), "timeout", first_token_s=None, total_s=500.0)
    batched = replace(ASKED, action="review", batched=True)
    row = ledger.reserve(batched, PLENTY)
    ledger.settle(
        row, batched, Usage(input=1), "ok", attempts=1, first_token_s=None, total_s=86_400.0
    )
    (asked,) = ledger.latencies()
    assert (asked.action, asked.requests) == ("ask", 100)
    assert asked.first_token == Percentiles(0.5, 0.9, 0.99)
    assert asked.total == Percentiles(50, 90, 99)


@pytest.mark.parametrize(
    ("times", "expected"),
    [([], None), ([3.0], (3, 3, 3)), ([2.0, 1.0], (1, 2, 2)), ([1.0, 2.0, 3.0], (2, 3, 3))],
)
def test_percentiles_of_few(times: list[float], expected: tuple[float, ...] | None) -> None:
    found = Percentiles.of(times)
    assert (None if found is None else (found.p50, found.p90, found.p99)) == expected


def test_failures_retries_and_misses_are_counted(ledger: Ledger) -> None:
    for outcome, attempts, miss in (
        ("ok", 3, "system_changed"),
        ("overloaded", 2, None),
        ("cancelled", 1, "system_changed"),
        ("ok", 1, "tools_changed"),
    ):
        row = ledger.reserve(ASKED, PLENTY)
        settled(ledger, row, Usage(input=1), outcome, attempts=attempts, cache_miss=miss)
    ledger.reserve(ASKED, PLENTY)
    (total,) = ledger.usage(())
    assert (total.requests, total.failed, total.retries) == (5, 1, 3)
    assert ledger.cache_misses() == {"system_changed": 2, "tools_changed": 1}
    outcomes = {line.group["outcome"]: line.requests for line in ledger.usage(("outcome",))}
    assert outcomes == {"ok": 2, "overloaded": 1, "cancelled": 1, "pending": 1}


def test_usage_by_group_and_day(ledger: Ledger, path: Path) -> None:
    for model, tokens in (("claude-haiku-5-5", 1000), ("claude-haiku-4-5", 2000)):
        asked = request(model, max_tokens=2000)
        row = ledger.reserve(asked, PLENTY)
        usage = Usage(input=tokens, output=10, cache_read=7, cache_write_5m=3)
        ledger.settle(row, asked, usage, "ok", attempts=1, first_token_s=None, total_s=1)
    by_model = ledger.usage(("model",))
    assert [line.group["model"] for line in by_model] == ["claude-haiku-4-5", "claude-haiku-5-5"]
    assert [(line.requests, line.input) for line in by_model] == [(1, 2000), (1, 1000)]
    assert [(line.cache_write, line.cache_read, line.output) for line in by_model] == [
        (3, 7, 10)
    ] * 2
    (total,) = ledger.usage(())
    assert (total.requests, total.acceptance, total.usd_per_accepted) == (2, None, None)
    assert ledger.usage((), "9999-01-01")[0].requests == 0
    assert ledger.usage(("day",), "9999-01-01") == []
