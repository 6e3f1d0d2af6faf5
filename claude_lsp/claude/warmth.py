"""Which beginnings of prompts a cache holds by now, and who is about to write one.

What was sent a moment ago is worth writing when it comes again: who sends something once pays for
no write, and who repeats pays for one. Where several requests with the same beginning start
together, the first goes alone until its answer begins, which is when the cache can be read; the
rest then read what it wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from claude_lsp.claude.request import prefix_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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

    @contextlib.asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[Callable[[], None]]:
        """Wait while another request is about to write what this one could read.

        Yields what is to be called when the answer begins. A request that fails before that, or is
        given up, lets the next one go first. Who types does not wait.
        """
        key = prefix_of(request, request.repeats)
        event: asyncio.Event | None = None
        if key is not None and not request.automatic:
            while (writing := self._writing.get(key)) is not None:
                await writing.wait()
            if not self._is_recent(key):
                event = self._writing[key] = asyncio.Event()

        def release() -> None:
            if key is not None and event is not None and self._writing.get(key) is event:
                del self._writing[key]
                event.set()

        noted = False

        def begun() -> None:
            nonlocal noted
            if not noted:
                noted = True
                self._note(request)
                release()

        try:
            yield begun
        finally:
            release()

    def _note(self, request: Request) -> None:
        now = asyncio.get_running_loop().time()
        for level in _LEVELS:
            key = prefix_of(request, level)
            if key is not None:
                self._sent[key] = now
                self._sent.move_to_end(key)
        while len(self._sent) > _KEPT:
            self._sent.popitem(last=False)

    def _is_recent(self, key: bytes | None) -> bool:
        sent = None if key is None else self._sent.get(key)
        now = asyncio.get_running_loop().time()
        return sent is not None and now - sent < LIFETIME_S - _MARGIN_S
