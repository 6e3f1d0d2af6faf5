"""An event loop whose clock jumps over what would only be waited for.

Timers, pauses and lifetimes are those of a real day; what is computed takes no time on this clock.
The clock stands still while a thread works or a socket has something to say, and jumps to the next
timer when nothing but a timer is left.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

T = TypeVar("T")

_REAL_WAIT_S = 0.05
_STUCK_S = 60.0


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, in seconds from 0.

    Attributes:
        real: while it is set, time passes as it really does: for processes that are waited for.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._working = 0
        self.real = True
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self._working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _future: object) -> None:
        self._working -= 1

    @property
    def idle(self) -> bool:
        """Whether nothing but a timer can go on."""
        return not self.real and not self._working

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


class _Selector(selectors.BaseSelector):
    """Waits for sockets as the real one does, and for nothing else."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        self._waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._selector.select(0)
        if found or (timeout is not None and timeout <= 0):
            self._waited_s = 0.0
            return found
        if self._loop.idle and timeout is not None:
            self._loop.advance(timeout)
            return []
        began = time.monotonic()
        real_s = _REAL_WAIT_S if timeout is None else min(timeout, _REAL_WAIT_S)
        found = self._selector.select(real_s)
        passed = time.monotonic() - began
        if self._loop.real:
            self._loop.advance(passed)
        self._waited_s = 0.0 if found else self._waited_s + passed
        if self._waited_s > _STUCK_S:
            raise RuntimeError(f"nothing has happened for {_STUCK_S:g} s")
        return found

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._selector.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._selector.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._selector.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._selector.get_map()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.get_map())

    def close(self) -> None:
        self._selector.close()


def run(main: Callable[[SimulatedLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop of its own; time is real until it says otherwise."""
    loop = SimulatedLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
