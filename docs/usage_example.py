"""A made-up ledger, for the picture of the usage page in the documents and for its tests.

Run as `python -m docs.usage_example FILE.html [DAYS]`. Nobody has spent these figures: they are
drawn by a seeded generator, as a person might who writes code on weekdays, and the page says so.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from claude_lsp.claude import ledger_file
from claude_lsp.claude.catalog import Usage, cost_usd, lookup
from claude_lsp.claude.ledger import Ledger
from claude_lsp.spending.figures import collect
from claude_lsp.spending.page import render

if TYPE_CHECKING:
    import sqlite3

LAST_DAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Habit:
    """How often an action is used on a working day, and what one request is like."""

    action: str
    tier: str
    model: str
    per_day: float
    prompt: int
    stable: float
    output: int
    thinking: float
    first_s: float
    token_s: float
    batched: float = 0.0


HABITS = (
    Habit("complete", "haiku", "claude-haiku-5-5", 130, 2600, 0.62, 38, 0, 0.31, 0.006),
    Habit("fix", "sonnet", "claude-sonnet-5-5", 7, 6200, 0.35, 420, 0.1, 0.9, 0.011),
    Habit("rewrite", "sonnet", "claude-sonnet-5-5", 4, 5400, 0.3, 520, 0.1, 0.95, 0.011),
    Habit("explain", "sonnet", "claude-sonnet-5-5", 3, 5800, 0.3, 380, 0.05, 0.8, 0.011),
    Habit("test", "sonnet", "claude-sonnet-5-5", 1.6, 8200, 0.3, 1500, 0.15, 1.1, 0.011),
    Habit("review", "sonnet", "claude-sonnet-5-5", 9, 9800, 0.45, 900, 0.3, 1.6, 0.011, 0.2),
    Habit("architecture", "opus", "claude-opus-5-5", 0.5, 26000, 0.8, 2600, 0.4, 3.4, 0.015),
    Habit("commitMessage", "haiku", "claude-haiku-5-5", 3, 3900, 0.1, 60, 0, 0.4, 0.006),
)
_MISSES = ("messages_changed", "system_changed", "previous_message_not_found")


def fill(connection: sqlite3.Connection, days: int, last: date = LAST_DAY) -> None:
    """Write the requests of so many days, the last one included."""
    chance = random.Random(20261120)  # noqa: S311 - plausible, not secret
    for number in range(days):
        day = last - timedelta(days=days - 1 - number)
        busy = chance.uniform(0.5, 1.5) * (1 if day.weekday() < 5 else 0.08)
        if chance.random() < 0.06 and day != last:
            continue  # a day off
        for habit in HABITS:
            whole = habit.per_day * busy
            for _ in range(int(whole) + (chance.random() < whole % 1)):
                _request(connection, chance, habit, day, number / max(1, days - 1))
    connection.commit()


def _request(
    connection: sqlite3.Connection, chance: random.Random, habit: Habit, day: date, learnt: float
) -> None:
    model = lookup(habit.model)
    completes = habit.action == "complete"
    prompt = int(habit.prompt * chance.lognormvariate(0, 0.3))
    stable = int(prompt * habit.stable * chance.uniform(0.8, 1.1))
    hit = chance.random() < (0.82 if completes else 0.45)
    batched = chance.random() < habit.batched
    output = max(4, int(habit.output * chance.lognormvariate(0, 0.55)))
    usage = Usage(
        input=prompt - stable,
        output=output,
        cache_read=stable if hit else 0,
        cache_write_5m=0 if hit or batched else stable,
        cache_write_1h=stable if batched and not hit else 0,
        thinking=int(output * habit.thinking),
    )
    outcome = chance.choices(
        ("ok", "cancelled", "overloaded", "timeout"), (0.93, 0.055, 0.01, 0.005)
    )[0]
    if outcome in ("overloaded", "timeout"):
        usage = Usage()
    first = habit.first_s * chance.lognormvariate(0, 0.35)
    shown = completes and outcome == "ok" and chance.random() < 0.8
    accepted = shown and chance.random() < 0.27 + 0.09 * learnt
    row = {
        "started": 0.0,
        "day": day.isoformat(),
        "action": habit.action,
        "tier": habit.tier,
        "model": habit.model,
        "automatic": completes and chance.random() < 0.95,
        "outcome": outcome,
        "input": usage.input,
        "output": usage.output,
        "cache_write_5m": usage.cache_write_5m,
        "cache_write_1h": usage.cache_write_1h,
        "cache_read": usage.cache_read,
        "thinking": usage.thinking,
        "cost_usd": cost_usd(model, usage, batched=batched),
        "prices_as_of": model.prices[0].as_of,
        "price_row": model.prices[0].name,
        "attempts": 1 + (chance.random() < 0.01),
        "first_token_s": None if batched else first,
        "total_s": None if batched else first + output * habit.token_s,
        "shown": shown,
        "accepted": accepted,
        "accepted_characters": 46 * accepted,
        "batched": batched,
        "cache_miss": None if hit or chance.random() > 0.01 else chance.choice(_MISSES),
    }
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO requests ({names}) VALUES ({places})", row)  # noqa: S608


def page(days: int) -> str:
    """Return the page of a made-up ledger of so many days."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        connection = ledger_file.opened(path, 5)
        fill(connection, days)
        connection.close()
        ledger = Ledger(path)
        try:
            since = (LAST_DAY - timedelta(days=max(days, 1) - 1)).isoformat()
            return render(collect(ledger, since, LAST_DAY), example=True)
        finally:
            ledger.close()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(int(sys.argv[2]) if sys.argv[2:] else 30), encoding="utf-8")
