"""Which beginnings of prompts a cache holds by now, and who is about to write one.

What was sent a moment ago is worth writing when it comes again: who sends something once pays for
no write, and who repeats pays for one. Once enough of what was sent first has come again in time,
it is written the first time: a write costs a little, and a read saves nearly all. Where several
requests with the same beginning start together, the first goes alone until its answer begins, which
is when the cache can be read; the rest then read what it wrote.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from claude_lsp.claude.request import beginnings_of, prefix_of

if TYPE_CHECKING:
    from claude_lsp.claude.request import Request

LIFETIME_S = 300.0
_MARGIN_S = 10.0
"""Lifetimes count from when the service has the request, which is not known to the second."""
_KEPT = 1024
_LEVELS: tuple[Literal["stable", "shared"], ...] = ("stable", "shared")


class Warmth:
    """What one connection knows of the service's cache."""

    def __init__(self) -> None:
        self._sent: OrderedDict[bytes, float] = OrderedDict()
        self._writing: dict[bytes, asyncio.Event] = {}
        self._offered: Counter[str] = Counter()
        """Tokens that a cache could have served again, by the system prompt."""
        self._again: Counter[str] = Counter()
        """Those of them that came again in time."""

    def as_repeated(self, request: Request) -> Request:
        """Return the request with what was sent a moment ago, or will be again, as what repeats."""
        if request.repeats == "stable":
            return request
        for level in _LEVELS:
            if level == request.repeats:
                break
            if self._is_recent(prefix_of(request, level)):
                return replace(request, repeats=level)
        if not request.repeats and (self._came_again(request) or self._pays(request)):
            return replace(request, repeats="stable")
        return request

    def _came_again(self, request: Request) -> int:
        """Return the tokens of the longest beginning that was sent a moment ago."""
        minimum = request.model.cache_minimum
        known = (count for key, count in beginnings_of(request) if self._is_recent(key))
        return max((count for count in known if 0 < minimum <= count * 0.75), default=0)

    def _pays(self, request: Request) -> bool:
        """Whether writing is less than what reading is expected to save, by what came so far."""
        price, offered = (
            request.model.price_for(request.prompt_tokens),
            self._offered[request.system],
        )
        if price is None or not offered:
            return False
        saved = (price.input - price.cache_read) * self._again[request.system] / offered
        return saved > price.cache_write_5m - price.input

    async def turn(self, request: Request) -> Turn:
        """Wait while another request is about to write what this one could read.

        Who types does not wait.
        """
        key = prefix_of(request, request.repeats)
        if key is None or request.automatic:
            return Turn(self, request, None)
        while (writing := self._writing.get(key)) is not None:
            await writing.wait()
        if self._is_recent(key):
            return Turn(self, request, None)
        self._writing[key] = asyncio.Event()
        return Turn(self, request, key)

    def note(self, request: Request) -> None:
        """Remember what an answer that has begun has made the service know."""
        if not request.automatic and (beginnings := list(beginnings_of(request))):
            self._offered[request.system] += beginnings[-1][1]
            self._again[request.system] += self._came_again(request)
            for beginning, _ in beginnings:
                self._remember(beginning)
        for level in _LEVELS:
            key = prefix_of(request, level)
            if key is not None:
                self._remember(key)

    def _remember(self, key: bytes) -> None:
        self._sent[key] = asyncio.get_running_loop().time()
        self._sent.move_to_end(key)
        while len(self._sent) > _KEPT:
            self._sent.popitem(last=False)

    def let_others(self, key: bytes) -> None:
        """Let those go on who wait for a write."""
        self._writing.pop(key).set()

    def _is_recent(self, key: bytes | None) -> bool:
        sent = None if key is None else self._sent.get(key)
        now = asyncio.get_running_loop().time()
        return sent is not None and now - sent < LIFETIME_S - _MARGIN_S


class Turn:
    """A request's turn to be sent; whoever has one releases it, however the request ends.

    Args:
        warmth: whose turn it is.
        request: what is sent.
        key: what others wait for; None if nobody does.
    """

    def __init__(self, warmth: Warmth, request: Request, key: bytes | None) -> None:
        self._warmth, self._request, self._key = warmth, request, key
        self._begun = False

    def begun(self) -> None:
        """Tell that the answer has begun; telling it again changes nothing."""
        if not self._begun:
            self._begun = True
            self._warmth.note(self._request)
            self.release()

    def release(self) -> None:
        """Let the next one go: it reads what was written, or writes it if nothing was."""
        key, self._key = self._key, None
        if key is not None:
            self._warmth.let_others(key)
