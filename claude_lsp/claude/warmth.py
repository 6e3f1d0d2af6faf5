"""Which beginnings of prompts a cache holds by now, and who is about to write one.

What was sent a moment ago is worth writing when it comes again: who sends something once pays for
no write, and who repeats pays for one. Where several requests with the same beginning start
together, the first goes alone until its answer begins, which is when the cache can be read; the
rest then read what it wrote.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from claude_lsp.claude.request import prefix_of

if TYPE_CHECKING:
    from claude_lsp.claude.request import Request

LIFETIME_S = 300.0
_MARGIN_S = 10.0
"""Lifetimes count from when the service has the request, which is not known to the second."""
_KEPT = 256
_LEVELS: tuple[Literal["stable", "shared"], ...] = ("stable", "shared")


class Warmth:
    """What one connection knows of the service's cache."""

    def __init__(self) -> None:
        self._sent: OrderedDict[bytes, float] = OrderedDict()
        self._writing: dict[bytes, asyncio.Event] = {}

    def as_repeated(self, request: Request) -> Request:
        """Return the request with what was sent a moment ago as what repeats."""
        if request.repeats == "stable":
            return request
        for level in _LEVELS:
            if level == request.repeats:
                break
            if self._is_recent(prefix_of(request, level)):
                return replace(request, repeats=level)
        return request

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
        for level in _LEVELS:
            key = prefix_of(request, level)
            if key is not None:
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
