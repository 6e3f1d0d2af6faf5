"""One Markdown table of what was measured, with the bars beside it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.completion.measure import Bursts, Times
from benchmarks.context.report import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.completion.replay import Session


@dataclass
class Results:
    """What was measured of one server."""

    name: str
    times: Times = field(default_factory=Times)
    bursts: Bursts = field(default_factory=Bursts)
    cancels: list[float | None] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)


def table(results: Sequence[Results], sessions: Mapping[str, Session]) -> str:
    """Return one table for the figures and one for the sessions."""
    tables = []
    if results:
        heads = ["figure", "bar", *(result.name for result in results)]
        rows = [[name, bar, *map(show, results)] for name, bar, show in _FIGURES]
        tables.append(_markdown(heads, rows))
    if sessions:
        keys = max(session.keys for session in sessions.values())
        heads = [f"a typing session of {keys:,} keys", *sessions]
        rows = [[name, *map(show, sessions.values())] for name, show in _SESSION]
        tables.append(_markdown(heads, rows))
    return "\n\n".join(tables)


def spread(values: Sequence[float | None]) -> str:
    """Return median and 95th percentile; "never" where there is nothing for most."""
    known = [value for value in values if value is not None]
    if not values:
        return "-"
    if 2 * len(known) < len(values):
        return "never"
    return f"{statistics.median(known):.1f} / {percentile(known, 0.95):.1f}"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _of(counts: Sequence[int], whole: str = "") -> str:
    """Return the median and the largest of some counts."""
    if not counts:
        return "-"
    return f"{statistics.median(counts):g} (most {max(counts)}){whole}"


def _fewest(counts: Sequence[int]) -> str:
    return f"{statistics.median(counts):g} (fewest {min(counts)})" if counts else "-"


_FIGURES: Sequence[tuple[str, str, Callable[[Results], str]]] = (
    (
        "key to HTTP request, typing on: median / p95, ms",
        "6 / 15",
        lambda result: spread(result.times.typing),
    ),
    (
        "the same for the first key elsewhere, ms",
        "6 / 15",
        lambda result: spread(result.times.elsewhere),
    ),
    ("HTTP answer to answer, ms", "3 (median)", lambda result: spread(result.times.back)),
    (
        "keys without a request of their own",
        "",
        lambda result: str(result.times.unasked),
    ),
    ("15 keys 80 ms apart: HTTP requests", "2", lambda result: _of(result.bursts.requests)),
    ("of these 15, answered", "15", lambda result: _fewest(result.bursts.answered)),
    (
        "last key to answer, without the backend's time, ms",
        "",
        lambda result: spread(result.bursts.late),
    ),
    (
        "the same without the pause in typing that is waited for, ms",
        "10",
        lambda result: spread(result.bursts.over) if result.name == "claude-lsp" else "",
    ),
    ("cancel to the HTTP stream closed, ms", "5", lambda result: spread(result.cancels)),
    (
        "pieces of the answer written after a block's end",
        "1",
        lambda result: _of(result.beyond),
    ),
)

_SESSION: Sequence[tuple[str, Callable[[Session], str]]] = (
    ("suggestions shown", lambda session: f"{session.shown:,}"),
    ("suggestions taken", lambda session: f"{session.taken:,}"),
    ("characters taken", lambda session: f"{session.characters:,}"),
    ("HTTP requests", lambda session: f"{session.requests:,}"),
    ("tokens in", lambda session: f"{session.input:,}"),
    ("tokens out", lambda session: f"{session.output:,}"),
    ("cost, US dollars", lambda session: f"{session.cost_usd:.4f}"),
    (
        "cost of 1,000 characters taken, US cents",
        lambda session: f"{session.cents_per_thousand:.3f}",
    ),
)
