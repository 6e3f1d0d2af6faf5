"""Which reply a request gets."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.messages_api.connection import ReceivedRequest
from tests.messages_api.replies import text
from tests.messages_api.steps import Reply

MESSAGES = "/v1/messages"

Matcher = Callable[[ReceivedRequest], bool]
Handler = Callable[[ReceivedRequest], Reply | Awaitable[Reply | None] | None]


@dataclass(frozen=True, slots=True)
class _Entry:
    reply: Reply
    when: Matcher | None
    path: str
    repeat: bool


class Script:
    """Scripted replies in order, then a handler, then the default answer.

    Attributes:
        answer: the reply to messages that nothing else answers.
        handler: asked for each message that the script does not answer.
    """

    def __init__(self) -> None:
        self.answer = text("ok")
        self.handler: Handler | None = None
        self._entries: list[_Entry] = []

    def add(
        self, replies: tuple[Reply, ...], when: Matcher | None, path: str, repeat: bool
    ) -> None:
        """Put replies at the end of the queue."""
        self._entries += [_Entry(reply, when, path, repeat) for reply in replies]

    def clear(self) -> None:
        """Forget the queue and the handler."""
        self._entries.clear()
        self.handler = None

    @property
    def unused(self) -> int:
        """How many replies of the queue nothing has asked for (repeated ones do not count)."""
        return sum(not entry.repeat for entry in self._entries)

    def take(self, request: ReceivedRequest, *, matched_only: bool = False) -> Reply | None:
        """Take the first reply of the queue that is meant for a request.

        Args:
            request: the request.
            matched_only: pass over the replies that were scripted without `when`.
        """
        for index, entry in enumerate(self._entries):
            if entry.path != request.path or (matched_only and entry.when is None):
                continue
            if entry.when is None or entry.when(request):
                del self._entries[index]
                if entry.repeat:
                    self._entries.append(entry)
                return entry.reply
        return None

    async def choose(self, request: ReceivedRequest) -> Reply:
        """The reply to a message."""
        reply = self.take(request)
        if reply is None and self.handler is not None:
            answer = self.handler(request)
            reply = await answer if inspect.isawaitable(answer) else answer
        return self.answer if reply is None else reply
