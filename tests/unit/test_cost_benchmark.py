"""The clock and the bills of `make bench-cost`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from benchmarks.cost import answers, clock, others
from benchmarks.cost.day import Asked, Day, Trigger
from tests.messages_api.connection import ReceivedRequest


def test_an_hour_passes_in_no_time_and_in_order() -> None:
    async def main(loop: clock.SimulatedLoop) -> list[tuple[str, float]]:
        loop.real = False
        began = loop.time()
        seen: list[tuple[str, float]] = []

        async def note(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            # What is computed in a thread takes no time.
            await asyncio.to_thread(time.sleep, 0.002)
            seen.append((name, round(loop.time() - began)))

        await asyncio.gather(note("hour", 3600), note("minute", 60), note("day", 86_400))
        return seen

    assert clock.run(main) == [("minute", 60), ("hour", 3600), ("day", 86_400)]


def asked(action: str, model: str, **usage: Any) -> Asked:
    received = ReceivedRequest("POST", "/v1/messages", {}, {}, body={"model": model}, usage=usage)
    return Asked(action, 0.0, received)


def test_bills_are_added_up_by_official_prices() -> None:
    key = Trigger("complete", 1.0, "x" * 25_000, 0, ("y" * 25_000,), "z" * 25)
    day = Day(
        asked=[
            asked("complete", "claude-haiku-5-5", input_tokens=1000, output_tokens=10),
            asked(
                "review",
                "claude-sonnet-5-5",
                cache_read_input_tokens=1000,
                cache_creation={"ephemeral_5m_input_tokens": 1000},
                output_tokens=100,
            ),
        ],
        triggers=[key, key._replace(at=1.1, deleted=True), key._replace(at=1.2)],
    )
    assert others.total(others.ours(day)) == pytest.approx(
        (1000 * 0.1 + 10 * 0.5 + 1000 * 0.1 + 1000 * 2.5 + 100 * 10) / 1e6
    )
    assert others.total(others.careful(day)) == pytest.approx(
        (8000 * 0.1 + 10 * 0.5 + 8000 * 2 + 100 * 10) / 1e6
    )
    # One call for each key that typed something: the file, and the open one.
    naive = others.naive(day)["complete"]
    assert naive.requests == 2
    assert naive.usd == pytest.approx(2 * ((10_000 + 10_000 + 200) * 4 + 10 * 20) / 1e6)
    assert others.careful(day, pause_s=0.3)["complete"].requests == 1


def test_answers_go_as_far_as_they_were_asked_to() -> None:
    rest = "total += value\n        count += 1\n    return total\n\nafter"
    right = [answers.completion(rest, ": only the rest of this line.", str(n)) for n in range(40)]
    assert 5 < right.count("total += value") < 35
    assert all("\n" not in each for each in right)
    assert answers.completion(None, "", "") == ""
