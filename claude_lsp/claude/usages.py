"""What the ledger's rows add up to: sums by group, and how long requests took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

Group = Literal["day", "action", "tier", "model", "outcome"]
"""What requests can be told apart by."""

GROUPS: tuple[Group, ...] = ("day", "action", "tier", "model", "outcome")


@dataclass(frozen=True)
class Usages:
    """What a group of requests has used.

    Attributes:
        group: what they have in common, by name.
        requests: how many there were, those that failed included.
        input: tokens that were neither written to a cache nor read from one.
        cache_write: tokens written to a cache.
        cache_read: tokens read from it.
        output: tokens, those of thinking included.
        thinking: the part of `output` that was thinking, where the service tells.
        cost_usd: of those whose price is known.
        unknown: how many have no known price.
        priced_prompt: tokens of the prompts whose price is known.
        priced_output: tokens of the answers whose price is known.
        automatic: how many nobody asked for.
        automatic_usd: the cost of those.
        batched: how many were made at the price of batches.
        retries: how often one was sent again.
        failed: how many ended with neither an answer nor because it was not wanted any more.
        completions_usd: the cost of completions alone.
        speculative: how many asked for what follows a suggestion before it was accepted.
        speculative_usd: the cost of those.
        shown: suggestions that editors were given to show.
        accepted: suggestions that users accepted, as far as their editors tell.
        accepted_characters: characters of those.
    """

    group: Mapping[str, str]
    requests: int
    input: int
    cache_write: int
    cache_read: int
    output: int
    thinking: int
    cost_usd: float
    unknown: int
    priced_prompt: int
    priced_output: int
    automatic: int
    automatic_usd: float
    batched: int
    retries: int
    failed: int
    completions_usd: float
    speculative: int
    speculative_usd: float
    shown: int
    accepted: int
    accepted_characters: int

    @property
    def prompt(self) -> int:
        """Tokens of all prompts, however they were served."""
        return self.input + self.cache_write + self.cache_read

    @property
    def cache_hit_rate(self) -> float | None:
        """The share of the prompts' tokens that a cache served; None where there are none."""
        return self.cache_read / self.prompt if self.prompt else None

    @property
    def acceptance(self) -> float | None:
        """The share of the suggestions shown that was accepted; None where none was shown."""
        return self.accepted / self.shown if self.shown else None

    @property
    def usd_per_accepted(self) -> float | None:
        """What an accepted suggestion cost, with all that were not; None where there is none."""
        return self.completions_usd / self.accepted if self.accepted else None


_SUMS = (
    *("COUNT(*)", "SUM(input)", "SUM(cache_write_5m + cache_write_1h)", "SUM(cache_read)"),
    *("SUM(output)", "SUM(thinking)", "SUM(cost_usd)", "SUM(cost_usd IS NULL)"),
    "SUM((input + cache_write_5m + cache_write_1h + cache_read) * (cost_usd IS NOT NULL))",
    "SUM(output * (cost_usd IS NOT NULL))",
    *("SUM(automatic)", "SUM(cost_usd * automatic)", "SUM(batched)", "SUM(MAX(attempts - 1, 0))"),
    "SUM(outcome NOT IN ('ok', 'cancelled', 'pending'))",
    *("SUM(cost_usd * (action = 'complete'))", "SUM(speculative)", "SUM(cost_usd * speculative)"),
    *("SUM(shown)", "SUM(accepted)", "SUM(accepted_characters)"),
)
"""The attributes of `Usages` behind its group, in their order."""


def usage(connection: sqlite3.Connection, by: Sequence[Group], since: str) -> list[Usages]:
    """Return what requests since a day have used, the dearest group first."""
    names = [name for name in GROUPS if name in by]
    groups = f" GROUP BY {', '.join(names)}" if names else ""
    columns = ", ".join([*names, *(f"COALESCE({each}, 0)" for each in _SUMS)])
    found = connection.execute(
        f"SELECT {columns} FROM requests WHERE day >= ?{groups}"  # noqa: S608 - names of ours
        " ORDER BY SUM(cost_usd) DESC",
        (since,),
    )
    count = len(names)
    return [Usages(dict(zip(names, row, strict=False)), *row[count:]) for row in found]


@dataclass(frozen=True)
class Percentiles:
    """How long something took, in seconds: half of the times, nine of ten, and 99 of 100."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, times: Iterable[float]) -> Percentiles | None:
        """Return those of some times by nearest rank; None where there are none."""
        ordered = sorted(times)
        if not ordered:
            return None
        last = len(ordered) - 1
        ranks = (max(0, -(-len(ordered) * percent // 100) - 1) for percent in (50, 90, 99))
        return cls(*(ordered[min(last, rank)] for rank in ranks))


@dataclass(frozen=True)
class Latency:
    """How quickly the requests of an action were answered.

    Attributes:
        action: which.
        requests: how many were answered.
        first_token: until the first piece of the answer's text, retries included; None where no
            answer has any.
        total: until the end of the answer, or until enough of it was there.
    """

    action: str
    requests: int
    first_token: Percentiles | None
    total: Percentiles


def latencies(connection: sqlite3.Connection, since: str) -> list[Latency]:
    """Return the latency of each action since a day, the most frequent first.

    Batches are left out, as nobody waits for them.
    """
    first: dict[str, list[float]] = {}
    total: dict[str, list[float]] = {}
    for action, first_token_s, total_s in connection.execute(
        "SELECT action, first_token_s, total_s FROM requests"
        " WHERE day >= ? AND outcome = 'ok' AND NOT batched AND total_s IS NOT NULL",
        (since,),
    ):
        total.setdefault(action, []).append(total_s)
        if first_token_s is not None:
            first.setdefault(action, []).append(first_token_s)
    found = [
        Latency(action, len(times), Percentiles.of(first.get(action, ())), whole)
        for action, times in total.items()
        if (whole := Percentiles.of(times)) is not None
    ]
    return sorted(found, key=lambda each: (-each.requests, each.action))


def cache_misses(connection: sqlite3.Connection, since: str) -> dict[str, int]:
    """Return how often a cache did not serve a prompt since a day, by the service's reason."""
    return dict(
        connection.execute(
            "SELECT cache_miss, COUNT(*) FROM requests"
            " WHERE day >= ? AND cache_miss IS NOT NULL GROUP BY cache_miss ORDER BY 2 DESC",
            (since,),
        ).fetchall()
    )
