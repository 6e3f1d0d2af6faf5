"""The figures of a period, gathered from the ledger, and what they are held against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from claude_lsp.claude.catalog import Model, lookup
from claude_lsp.settings import Models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.claude.usages import Latency, Usages

_DAYS_AT_MOST = 92
_MONTHS_FROM = 7 * _DAYS_AT_MOST


@dataclass(frozen=True)
class Figures:
    """What the ledger says of a period.

    Attributes:
        since: its first day that is shown.
        today: its last day.
        total: of all requests.
        of_today: of those of its last day.
        days: by day and action.
        actions: by action, the dearest first; so are the others.
        models: by model.
        outcomes: by outcome.
        latencies: of each action.
        cache_misses: how often, by the service's reason; empty where it was never asked.
    """

    since: date
    today: date
    total: Usages
    of_today: Usages
    days: Sequence[Usages]
    actions: Sequence[Usages]
    models: Sequence[Usages]
    outcomes: Sequence[Usages]
    latencies: Sequence[Latency]
    cache_misses: Mapping[str, int]


def collect(ledger: Ledger, since: str, today: date) -> Figures:
    """Read the figures of the days from `since`, YYYY-MM-DD, to today.

    Raises:
        ClaudeError: the ledger can't be used.
    """
    (total,) = ledger.usage((), since)
    (of_today,) = ledger.usage((), today.isoformat())
    days = ledger.usage(("day", "action"), since)
    first = date.fromisoformat(since)
    if (today - first).days >= _DAYS_AT_MOST:
        # A long period is shown from where there is something.
        known = min((line.group["day"] for line in days), default=since)
        first = min(date.fromisoformat(known), today)
    return Figures(
        since=min(first, today),
        today=today,
        total=total,
        of_today=of_today,
        days=days,
        actions=ledger.usage(("action",), since),
        models=ledger.usage(("model",), since),
        outcomes=ledger.usage(("outcome",), since),
        latencies=ledger.latencies(since),
        cache_misses=ledger.cache_misses(since),
    )


@dataclass(frozen=True)
class Saved:
    """What was paid beside what the same tokens would have cost in plainer ways.

    Attributes:
        model: the one that everything would have gone to.
        plain_usd: all of it by that one, prompts in full.
        routed_usd: each request by the model that it went to, prompts in full; None where the
            prices of one of them are not in the catalog.
        paid_usd: what was paid for these requests.
    """

    model: Model
    plain_usd: float
    routed_usd: float | None
    paid_usd: float

    @property
    def usd(self) -> float:
        """The difference between all of it by one model, and what was paid."""
        return self.plain_usd - self.paid_usd

    @property
    def share(self) -> float:
        """The difference as a share of the plain way; 0 where that costs nothing."""
        return self.usd / self.plain_usd if self.plain_usd else 0.0


def saved(total: Usages, models: Sequence[Usages]) -> Saved:
    """Hold what was paid against everything sent to opus without a cache.

    Only requests whose price is known count, on all sides. The tokens are those that were counted:
    how many another model would have read and written is not known.

    Args:
        total: of a period.
        models: the same by model.
    """
    model = lookup(Models().opus)
    routed = [_plain(lookup(line.group["model"]), line) for line in models if line.priced_prompt]
    known = [amount for amount in routed if amount is not None]
    return Saved(
        model,
        _plain(model, total) or 0.0,
        sum(known) if len(known) == len(routed) else None,
        total.cost_usd,
    )


def _plain(model: Model, line: Usages) -> float | None:
    """Return what a model's usual band asks for some tokens, with no cache and no batch."""
    if not model.prices:
        return None
    price = model.prices[0]
    return (line.priced_prompt * price.input + line.priced_output * price.output) / 1_000_000


@dataclass(frozen=True)
class Bucket:
    """A day, a week or a month of a plot.

    Attributes:
        first: its first day.
        label: what it is called.
        lines: of the days in it, by day and action.
    """

    first: date
    label: str
    lines: Sequence[Usages]


def buckets(figures: Figures) -> list[Bucket]:
    """Cut a period into at most some 92 days, weeks or, beyond that, months, without a gap."""
    length = (figures.today - figures.since).days + 1

    def start(day: date) -> date:
        if length <= _DAYS_AT_MOST:
            return day
        if length <= _MONTHS_FROM:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1)

    found: dict[date, list[Usages]] = {}
    for number in range(length):
        found.setdefault(start(figures.since + timedelta(days=number)), [])
    for line in figures.days:
        # What a clock has dated after today stands in the sums only.
        into = found.get(start(date.fromisoformat(line.group["day"])))
        if into is not None:
            into.append(line)
    return [Bucket(first, _label(first, length), lines) for first, lines in found.items()]


def _label(first: date, length: int) -> str:
    if length <= _DAYS_AT_MOST:
        return f"{first:%a} {first.day} {first:%b %Y}"
    if length <= _MONTHS_FROM:
        return f"week from {first.day} {first:%b %Y}"
    return f"{first:%B %Y}"
