"""What one run of requests has used, and the limit that it keeps."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from claude_lsp.claude import errors
from claude_lsp.claude.catalog import Usage

if TYPE_CHECKING:
    from claude_lsp.claude.request import Request

_LEAST_ANSWER = 1_000
"""Tokens of an answer below which it is not worth its prompt."""


@dataclass
class Account:
    """What a run of several requests has used so far, and the most that it may.

    Attributes:
        limit_usd: no request is sent that could take the run over it; None for no such limit.
        limit_name: how the user set it.
        calls: requests sent, retries included.
        usage: tokens by counter.
        cost_usd: None once a request of unknown price was among them.
        models: ids of the models that answered.
        rows: of the ledger, one for each request that was allowed.
        within: the account that this one is a part of, such as that of the run that a dialogue
            belongs to; it keeps its limit and counts everything too.
    """

    limit_usd: float | None = None
    limit_name: str = "--max-cost"
    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    models: set[str] = field(default_factory=set)
    rows: list[int] = field(default_factory=list)
    within: Account | None = None
    _booked: list[float] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def left_usd(self) -> float | None:
        """What may still be spent, as far as it is known; None where there is no limit."""
        limits = [] if self.within is None else [self.within.left_usd]
        if self.limit_usd is not None:
            limits.append(self.limit_usd - (self.cost_usd or 0.0) - sum(self._booked))
        return min((limit for limit in limits if limit is not None), default=None)

    def affordable(self, request: Request) -> Request:
        """Return a request whose longest answer is what the limit still pays for.

        Answers are far shorter than they could be, so a run near its limit need not end while there
        is room for a usual one. Where there is not, the request stays as it is, and is refused.
        """
        if self.within is not None:
            request = self.within.affordable(request)
        most = request.most_usd
        if self.limit_usd is None or most is None:
            return request
        over = most - (self.limit_usd - (self.cost_usd or 0.0))
        shorter = replace(request, max_tokens=max(0, request.longest_answer - _LEAST_ANSWER))
        if over <= 0 or shorter.max_tokens == 0 or not (cheaper := most - (shorter.most_usd or 0)):
            return request
        longest = request.longest_answer - math.ceil(over / cheaper * _LEAST_ANSWER) - 1
        return replace(request, max_tokens=longest) if longest >= _LEAST_ANSWER else request

    async def book(self, request: Request) -> None:
        """Set aside the most that a request can cost.

        Requests cost far less than they could: where only what others have set aside is in the
        way, this waits until they give it back.

        Raises:
            ClaudeError: the limit does not leave that much.
        """
        if self.within is not None:
            await self.within.book(request)
        try:
            await self._book(request)
        except BaseException:
            if self.within is not None:
                self.within.release(request)
            raise

    async def _book(self, request: Request) -> None:
        if self.limit_usd is None:
            return
        most = request.most_usd
        while True:
            spent = self.cost_usd or 0.0
            if most is None or spent + most > self.limit_usd:
                left = self.limit_usd - spent
                raise errors.ClaudeError(errors.budget(self.limit_name, most, left))
            if spent + sum(self._booked) + most <= self.limit_usd:
                self._booked.append(most)
                return
            self._released.clear()
            await self._released.wait()

    def release(self, request: Request) -> None:
        """Give back what was set aside for a request."""
        if self.limit_usd is not None and request.most_usd is not None:
            self._booked.remove(request.most_usd)
            self._released.set()
        if self.within is not None:
            self.within.release(request)

    def add(self, model: str, attempts: int, usage: Usage, cost: float | None) -> None:
        """Count a request that has ended."""
        if self.within is not None:
            self.within.add(model, attempts, usage, cost)
        self.calls += attempts
        self.models.add(model)
        self.usage += usage
        self.cost_usd = None if self.cost_usd is None or cost is None else self.cost_usd + cost
