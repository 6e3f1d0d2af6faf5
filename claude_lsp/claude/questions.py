"""What is asked of the endpoint beside messages: the limits of a model, and how long a prompt is.

Both are free. Counting has a rate limit of its own and takes the time of a request; so it is asked
for only where a large prompt is expected to keep a limit that its upper bound passes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from claude_lsp.claude import errors
from claude_lsp.claude.budgets import limits_in_dollars
from claude_lsp.claude.request import parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from claude_lsp.claude.catalog import Model
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.claude.request import Request
    from claude_lsp.settings import Spend

log = logging.getLogger(__name__)

_DOUBT = 500
"""Tokens between what is expected and the bound, below which an error is worth no question."""
_LIMITS_S = 5
_COUNT_S = 10
_PAUSE_S = 60.0
"""After a failure to count that may pass."""
_COUNTED = frozenset(
    ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
)


class Questions:
    """Asks one endpoint, and remembers what it can't answer.

    Args:
        call: asks the API something by a method of the SDK's client; raises ClaudeError.
    """

    def __init__(self, call: Callable[[Callable[[Any], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self._call = call
        self._limits: dict[str, tuple[int, int]] = {}
        self._count_from = 0.0

    async def limits_of(self, model: Model) -> Model:
        """Ask, once, for the limits of a model that the catalog does not know.

        Only the limits: which request a model accepts is not all told there, so an unknown one
        keeps the barest. An endpoint that does not answer leaves the careful defaults.
        """
        if model.known or not model.prices:
            return model  # without a price nothing will be sent, so nothing is asked either
        if model.id not in self._limits:
            self._limits[model.id] = (model.context_window, model.max_output)
            try:
                info = await self._call(partial(retrieve, model.id, timeout_s=_LIMITS_S))
            except errors.ClaudeError as error:
                log.info("no limits known for %s: %s", model.id, error.failure.message)
            else:
                self._limits[model.id] = (
                    info.max_input_tokens or model.context_window,
                    info.max_tokens or model.max_output,
                )
        context_window, max_output = self._limits[model.id]
        return replace(model, context_window=context_window, max_output=max_output)

    async def counted_if_close(
        self, request: Request, ledger: Ledger, limits: Spend, left_usd: float | None
    ) -> Request:
        """Ask how long a prompt is, where the error of the estimate would decide.

        Args:
            request: what is to be sent.
            ledger: knows what was spent.
            limits: what may be.
            left_usd: what is left of the run that it belongs to; None without a limit.

        Raises:
            ClaudeError: it does not fit the model, or the ledger can't be used.
        """
        if request.measure is None:
            return request
        if request.prompt_tokens - request.expected_tokens >= _DOUBT:
            spent = await asyncio.to_thread(ledger.spent_today)
            if is_close(request, [*limits_in_dollars(request, limits, spent), left_usd]):
                request = await self._counted(request)
        window = request.model.context_window
        if request.expected_tokens > window:
            raise errors.ClaudeError(errors.too_long(request.expected_tokens, window))
        return request

    async def _counted(self, request: Request) -> Request:
        """Return a request with the endpoint's count of its prompt; as it is where that fails."""
        if request.measure is None or time.monotonic() < self._count_from:
            return request
        body = {key: value for key, value in parameters(request).items() if key in _COUNTED}
        try:
            counted = await self._call(partial(_count, body))
        except errors.ClaudeError as error:
            failure = error.failure
            if failure.kind != "prompt-too-long":  # which says nothing of the next one
                self._count_from = time.monotonic() + _PAUSE_S if failure.retryable else _NEVER
            log.info("the prompt could not be counted, so its bound holds: %s", failure.message)
            return request
        number = counted.input_tokens
        if not isinstance(number, int) or number <= 0:
            self._count_from = _NEVER
            log.info("the endpoint counts no tokens, so the bound holds")
            return request
        # Turns are added again wherever the measure is used.
        said = sum(turn.tokens for turn in request.turns)
        return replace(request, measure=request.measure._replace(counted=max(1, number - said)))


_NEVER = float("inf")


def is_close(request: Request, left_usd: Iterable[float | None]) -> bool:
    """Whether a request is expected to keep a limit that its upper bound passes.

    Args:
        request: what is to be sent.
        left_usd: what each limit leaves, in US dollars; None where there is no such limit.
    """
    if request.expected_tokens <= request.model.context_window < request.prompt_tokens:
        return True
    expected, most = request.expected_most_usd, request.most_usd
    if expected is None or most is None:
        return False
    return any(left is not None and expected <= left < most for left in left_usd)


async def retrieve(model_id: str, api: Any, *, timeout_s: float) -> Any:
    """Ask what the endpoint knows of a model."""
    return await api.models.retrieve(model_id, timeout=timeout_s)


async def _count(body: dict[str, Any], api: Any) -> Any:
    return await api.messages.count_tokens(**body, timeout=_COUNT_S)
