"""What has been spent today, and whether a request still fits the limits. Arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.claude import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from claude_lsp.claude.request import Request
    from claude_lsp.settings import Spend

_NAMED = 4
"""Actions that a message names, the dearest ones."""


class Share(NamedTuple):
    """What one action has used today, apart for what nobody asked for.

    Attributes:
        action: its name.
        automatic: whether nobody asked.
        requests: how many there were.
        unknown: how many of them have no known price.
        usd: of those whose price is known, reservations included.
        tokens: of prompts and answers, reservations included.
    """

    action: str
    automatic: bool
    requests: int
    unknown: int
    usd: float
    tokens: int


@dataclass(frozen=True)
class Spent:
    """What a day has cost so far, reservations included.

    Attributes:
        day: the user's local day, YYYY-MM-DD.
        shares: by action, and whether it was asked for.
    """

    day: str
    shares: tuple[Share, ...] = ()

    @property
    def total_usd(self) -> float:
        """Dollars of the requests whose price is known."""
        return sum(share.usd for share in self.shares)

    @property
    def automatic_usd(self) -> float:
        """Dollars of those among them that nobody asked for."""
        return sum(share.usd for share in self.shares if share.automatic)

    @property
    def tokens(self) -> int:
        """Tokens of all prompts and answers."""
        return sum(share.tokens for share in self.shares)

    @property
    def automatic_tokens(self) -> int:
        """Tokens of those that nobody asked for."""
        return sum(share.tokens for share in self.shares if share.automatic)

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(share.requests for share in self.shares)

    @property
    def unknown(self) -> int:
        """How many of them have no known price."""
        return sum(share.unknown for share in self.shares)

    def of(self, action: str) -> Spent:
        """Return the part of an action."""
        return Spent(self.day, tuple(each for each in self.shares if each.action == action))

    def on_what(self, *, tokens: bool = False) -> str:
        """Return what it was spent on, the dearest first, such as "review $1.20, fix $0.10"."""
        parts: dict[str, float] = {}
        for share in self.shares:
            name = f"{share.action} while typing" if share.automatic else share.action
            parts[name] = parts.get(name, 0) + (share.tokens if tokens else share.usd)
        dearest = sorted(parts.items(), key=lambda part: -part[1])
        told = [(name, amount) for name, amount in dearest if amount > 0]
        named = [f"{name} {errors.amount(amount, tokens=tokens)}" for name, amount in told[:_NAMED]]
        rest = sum(amount for _, amount in told[_NAMED:])
        return ", ".join(named + ([f"others {errors.amount(rest, tokens=tokens)}"] if rest else []))


class Limit(NamedTuple):
    """One limit that a request must keep.

    Attributes:
        name: the setting.
        left: what it leaves, in dollars or tokens.
        tokens: whether it is in tokens.
        spent: what has used it up, None for a limit of a single request.
    """

    name: str
    left: float
    tokens: bool = False
    spent: Spent | None = None


def limits_of_one(request: Request, limits: Spend) -> Iterator[Limit]:
    """Yield the limits of a single request; the dollars first."""
    yield Limit("spend.request_usd", limits.request_usd)
    yield Limit("spend.request_tokens", limits.request_tokens, tokens=True)
    own, key = _own(request, limits)
    for name, left in own.items():
        if name.startswith("request_"):
            yield Limit(f"{key}.{name}", left, tokens=name.endswith("tokens"))


def limits_of_day(request: Request, limits: Spend, spent: Spent) -> Iterator[Limit]:
    """Yield the limits that a day's requests have together."""
    yield Limit("spend.day_usd", limits.day_usd - spent.total_usd, spent=spent)
    yield Limit("spend.day_tokens", limits.day_tokens - spent.tokens, tokens=True, spent=spent)
    if request.automatic:
        usd = limits.automatic_day_usd - spent.automatic_usd
        yield Limit("spend.automatic_day_usd", usd, spent=spent)
        tokens = limits.automatic_day_tokens - spent.automatic_tokens
        yield Limit("spend.automatic_day_tokens", tokens, tokens=True, spent=spent)
    own, key = _own(request, limits)
    for name, most in own.items():
        if name.startswith("day_"):
            mine, in_tokens = spent.of(request.action), name.endswith("tokens")
            left = most - (mine.tokens if in_tokens else mine.total_usd)
            yield Limit(f"{key}.{name}", left, in_tokens, mine)


def limits_in_dollars(request: Request, limits: Spend, spent: Spent) -> list[float]:
    """Return what every limit in dollars leaves for a request."""
    every = [*limits_of_one(request, limits), *limits_of_day(request, limits, spent)]
    return [limit.left for limit in every if not limit.tokens]


def check(request: Request, limits: Iterable[Limit]) -> None:
    """Raise if the most that a request may take is more than a limit leaves.

    Raises:
        ClaudeError: of the kind "budget".
    """
    for limit in limits:
        needed = request.most_tokens if limit.tokens else request.most_usd
        if needed is None or needed > limit.left:
            spent = "" if limit.spent is None else limit.spent.on_what(tokens=limit.tokens)
            failure = errors.budget(limit.name, needed, limit.left, spent, tokens=limit.tokens)
            raise errors.ClaudeError(failure)


def _own(request: Request, limits: Spend) -> tuple[dict[str, float], str]:
    return limits.actions.get(request.action, {}), f"spend.actions.{request.action}"
