"""What a reply is made of: small steps that the server performs one after the other."""

from __future__ import annotations

import asyncio
import concurrent.futures
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for some seconds."""

    seconds: float


class Gate:
    """Do nothing until the test opens the gate, from whatever thread."""

    def __init__(self) -> None:
        self._opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._reached: concurrent.futures.Future[None] = concurrent.futures.Future()

    def open(self) -> None:
        """Let every reply that waits here go on, now and later."""
        if not self._opened.done():
            self._opened.set_result(None)

    async def wait_reached(self, timeout_s: float = 10) -> None:
        """Wait until a reply stands at the gate: all that comes before it has been written."""
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._reached)), timeout_s)

    def wait_reached_blocking(self, timeout_s: float = 10) -> None:
        """Like `wait_reached`, for a test without an event loop."""
        self._reached.result(timeout_s)

    async def wait(self) -> None:
        """Wait until the gate is open; performed by the server."""
        if not self._reached.done():
            self._reached.set_result(None)
        # Without the shield, a client that goes away would cancel the gate for everyone.
        await asyncio.shield(asyncio.wrap_future(self._opened))


@dataclass(frozen=True, slots=True)
class Text:
    """Stream one `text_delta`; an empty text only starts the message and its text block."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """Stream a thinking block: its text where the request shows it, always its signature.

    Left out where the request has thinking switched off.
    """

    text: str
    signature: str = "EqQBCkYIBxgCKkDtest"


@dataclass(frozen=True, slots=True)
class ToolUse:
    """Start a `tool_use` block."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolInput:
    """Stream a piece of the JSON that is the input of the tool just called."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the message: `message_delta` and `message_stop`."""

    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Stream one server-sent event as it is; nothing where the request does not stream.

    An `index` in the data that is None becomes the index of the open block.
    """

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Raw:
    """Write bytes as they are: into the stream or, if `anywhere`, behind the JSON of a body."""

    data: bytes
    anywhere: bool = True


@dataclass(frozen=True, slots=True)
class StreamError:
    """Stream an `error` event and end; an error response where the request does not stream."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer with this whole response instead of a message."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    request_id: bool = True


@dataclass(frozen=True, slots=True)
class RespondError:
    """Answer with an error in the API's own shape."""

    status: int
    type: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """Write nothing more, until the client or the server goes away."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection in the middle: by a reset, or in order but too early."""

    reset: bool = True


Step = (
    Wait
    | Gate
    | Text
    | Thinking
    | ToolUse
    | ToolInput
    | Finish
    | Event
    | Raw
    | StreamError
    | Respond
    | RespondError
    | Hang
    | Disconnect
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does to answer one request: its steps in order.

    `reply + reply` and `reply + step` are the one followed by the other. A reply without a
    `Finish` ends its stream in order, but without `message_stop`.
    """

    steps: tuple[Step, ...] = ()

    def __add__(self, other: Reply | Step) -> Reply:
        following = other.steps if isinstance(other, Reply) else (other,)
        return Reply(self.steps + following)
