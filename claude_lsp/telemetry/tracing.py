"""Spans of what goes on, for whoever has asked to see them; while nobody has, they cost nothing.

Only the edges make spans, since pure rooms read no clock. An attribute is a number or a name, never
a text: whatever looks like one is replaced before anybody sees it.
"""

from __future__ import annotations

import functools
import itertools
import re
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType

P = ParamSpec("P")
T = TypeVar("T")

Value = str | int | float | bool
Kind = Literal["internal", "client", "server"]

_NAME = re.compile(r"[\w./:@+\-]{0,120}")
"""What an attribute that is a text must look like: an id, a model, a method, a reason."""

_EPOCH_NS = time.time_ns() - time.perf_counter_ns()
"""Added to this clock, which never goes back, it is the time of day."""


class Sink(Protocol):
    """Who is told of spans; from any thread, and never with a failure of its own."""

    def began(self, span: Span) -> None:
        """Take note of a span that begins."""

    def ended(self, span: Span) -> None:
        """Take note of one that has ended, with all that is known of it."""

    def close(self) -> None:
        """Let go of files and connections."""


class Span:
    """Something that takes time. As a context manager it is the current one meanwhile.

    Attributes:
        number: what tells it from others.
        name: of what goes on.
        kind: "client" where another service is waited for, "server" where a client waits for us.
        parent: what it is a part of.
        start_ns: when it began, in nanoseconds since 1970.
        end_ns: when it ended; 0 while it has not.
        attributes: what is known of it.
        marks: moments in it, by name, in nanoseconds since 1970.
    """

    __slots__ = (
        *("attributes", "end_ns", "kind", "marks", "name", "number", "parent", "start_ns"),
        *("_before", "_sinks"),
    )

    def __init__(self, name: str, kind: Kind, parent: Span | None, sinks: tuple[Sink, ...]) -> None:
        self.number = next(_numbers)
        self.name, self.kind, self.parent = name, kind, parent
        self.start_ns, self.end_ns = now_ns(), 0
        self.attributes: dict[str, Value] = {}
        self.marks: dict[str, int] = {}
        self._sinks = sinks
        self._before: Span | None = None

    def __bool__(self) -> bool:
        """Whether anybody wants to know of it."""
        return bool(self._sinks)

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        """Add what is known of it; None is left out."""
        for key, value in attributes.items():
            if value is not None:
                self.attributes[key] = clean(value)

    def mark(self, name: str) -> None:
        """Take note of a moment; only the first of a name counts."""
        self.marks.setdefault(name, now_ns())

    def end(self, attributes: Mapping[str, Value | None] | None = None) -> None:
        """End it; a second time does nothing."""
        if self.end_ns:
            return
        if attributes:
            self.set(attributes)
        self.end_ns = now_ns()
        for sink in self._sinks:
            sink.ended(self)

    def __enter__(self) -> Span:
        self._before = _current.get()
        _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _current.set(self._before)
        self.end(None if kind is None else {"error.type": kind.__name__})


class _NoSpan(Span):
    """What everybody gets while nobody wants to know."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("", "internal", None, ())

    def set(self, attributes: Mapping[str, Value | None]) -> None:
        pass

    def mark(self, name: str) -> None:
        pass

    def end(self, attributes: Mapping[str, Value | None] | None = None) -> None:
        pass

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


def now_ns() -> int:
    """Return the time in nanoseconds since 1970, by a clock that never goes back."""
    return _EPOCH_NS + time.perf_counter_ns()


_numbers = itertools.count(1)
_current: ContextVar[Span | None] = ContextVar("claude_lsp_span", default=None)
_sinks: tuple[Sink, ...] = ()
_NOBODY = _NoSpan()


def span(name: str, *, kind: Kind = "internal", parent: Span | None = None) -> Span:
    """Begin a span, for a `with` or to be ended by its `end`.

    What goes on in a `with` is part of it. An asynchronous generator uses `end` instead: between
    its pieces the current span is that of whoever reads them.

    Args:
        name: what goes on; of our own words, never of what is worked on.
        kind: who waits for whom.
        parent: what it is a part of; None for the current span.
    """
    if not _sinks:
        return _NOBODY
    made = Span(name, kind, _current.get() if parent is None else parent, _sinks)
    for sink in _sinks:
        sink.began(made)
    return made


def spanned(
    name: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Let each call of a coroutine function be a span."""

    def decorate(function: Callable[P, Coroutine[Any, Any, T]]) -> Any:
        @functools.wraps(function)
        async def within_span(*arguments: P.args, **named: P.kwargs) -> T:
            with span(name):
                return await function(*arguments, **named)

        return within_span

    return decorate


def record(name: str, start_ns: int, attributes: Mapping[str, Value | None]) -> None:
    """Tell of something that is over already, since it began at `now_ns()` of then."""
    if _sinks:
        made = Span(name, "internal", _current.get(), _sinks)
        made.start_ns = start_ns
        for sink in _sinks:
            sink.began(made)
        made.end(attributes)


def on() -> bool:
    """Return whether anybody wants to know of spans."""
    return bool(_sinks)


def add(sink: Sink) -> None:
    """Tell somebody of the spans that begin from now on."""
    global _sinks  # noqa: PLW0603 - one per process, as the logging of the standard library
    _sinks = (*_sinks, sink)


def remove(sink: Sink) -> None:
    """Tell somebody no more, and let them close."""
    global _sinks  # noqa: PLW0603
    _sinks = tuple(each for each in _sinks if each is not sink)
    sink.close()


def clean(value: Value) -> Value:
    """Return a value that may be told: a number, or a text that can only be a name."""
    if not isinstance(value, str) or _NAME.fullmatch(value):
        return value
    return "(a text)"
