"""What a request pays for its limits: estimate, ledger and calibration, without the network."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from claude_lsp.claude.catalog import Usage, lookup
from claude_lsp.claude.estimates import Estimates
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.request import Block, Request
from claude_lsp.context import tokens
from claude_lsp.settings import Spend

_BEFORE = 5_000
"""Requests that the day has seen already: a long one."""
_MEASURED = 500
_BAR_MS = 1.0


@dataclass(frozen=True)
class Overhead:
    """Milliseconds of one request, in the middle of many.

    Attributes:
        reserve: checking every limit and booking the most that it may cost.
        settle: replacing that by what it cost, and reading the day's sum for the editors.
        measure: estimating a prompt of 4,000 tokens, of which nearly all was counted before.
        observe: keeping what it really took.
    """

    reserve: float
    settle: float
    measure: float
    observe: float

    def as_markdown(self) -> str:
        """Return the table."""
        checked = self.reserve + self.settle
        verdict = "yes" if checked <= _BAR_MS else "**no**"
        bar = f"{checked:.2f} ms | {_BAR_MS:g} ms | {verdict}"
        rows = (
            ("for one request", "median | bar | holds"),
            ("---", "--- | --- | ---"),
            (f"ledger and budget check, after {_BEFORE:,} requests of the day", bar),
            ("of that before it is sent", f"{self.reserve:.2f} ms | |"),
            ("estimate of 4,000 tokens", f"{self.measure:.2f} ms | |"),
            ("learning from what it took", f"{self.observe:.2f} ms | |"),
        )
        return "\n".join(f"| {name} | {figures} |" for name, figures in rows)


def overhead() -> Overhead:
    """Measure all of it on this machine's own disk."""
    limits = Spend(day_usd=1e6, automatic_day_usd=1e6)
    text = Path(tokens.__file__).read_text("utf-8")[:10_000]
    times: dict[str, list[float]] = {name: [] for name in Overhead.__dataclass_fields__}
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite3", settled=lambda _spent: None)
        estimates = Estimates(Path(folder) / "estimates.sqlite3", "", print)
        for number in range(_BEFORE + _MEASURED):
            # One line differs from one key to the next.
            block = Block(f"{text}\nkey = {number}\n", 4_200)
            asked = Request(
                "complete",
                "haiku",
                lookup("claude-haiku-5-5"),
                "You complete code.",
                10,
                (block,),
                256,
                automatic=True,
                language="python",
            )
            usage = Usage(input=3_300, output=40)
            marks = [time.perf_counter()]
            asked = estimates.measured(asked)
            marks.append(time.perf_counter())
            row = ledger.reserve(asked, limits)
            marks.append(time.perf_counter())
            ledger.settle(row, asked, usage, "ok", attempts=1, first_token_s=0.2, total_s=0.4)
            marks.append(time.perf_counter())
            estimates.observe(asked, usage)
            marks.append(time.perf_counter())
            if number >= _BEFORE:
                for name, start, end in zip(
                    ("measure", "reserve", "settle", "observe"), marks, marks[1:], strict=False
                ):
                    times[name].append((end - start) * 1000)
        estimates.close()
        ledger.close()
    return Overhead(**{name: statistics.median(values) for name, values in times.items()})
