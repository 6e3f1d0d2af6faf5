"""How long to wait for a pause in typing, and how many requests a minute may have."""

from __future__ import annotations

from collections import deque

_PAUSE_S = 1.5
"""Seconds between two keys after which the user was thinking rather than typing."""

_WEIGHT = 0.3
_SHORTEST, _LONGEST = 0.5, 2.5
_INTERVALS = 1.6
_LATENCY_SHARE = 0.1


class Rhythm:
    """The user's typing rhythm and the service's latency, as running means.

    Times are seconds of any clock that never goes back.
    """

    def __init__(self) -> None:
        self._last_key: float | None = None
        self._interval: float | None = None
        self._latency: float | None = None

    def key(self, now: float) -> None:
        """Take note of a key."""
        if self._last_key is not None and 0 < now - self._last_key < _PAUSE_S:
            self._interval = _mean(self._interval, now - self._last_key)
        self._last_key = now

    def answered(self, seconds: float) -> None:
        """Take note of how long a suggestion took."""
        self._latency = _mean(self._latency, seconds)

    def pause(self, usual_s: float) -> float:
        """Return for how many seconds no key must come before a request is sent.

        A little longer than the user takes between two keys; longer also where answers take long,
        because the user is then more likely to have typed on. Between half the usual time and
        two and a half times it; none if the usual time is none.

        Args:
            usual_s: the pause of somebody of whom nothing is known.
        """
        if self._interval is None:
            return usual_s
        pause = _INTERVALS * self._interval + _LATENCY_SHARE * (self._latency or 0.0)
        return min(max(pause, _SHORTEST * usual_s), _LONGEST * usual_s)


class PerMinute:
    """Counts the requests of the last minute."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def take(self, now: float, most: int) -> bool:
        """Count one more request unless there were so many already; tell whether it may go."""
        while self._times and now - self._times[0] >= 60:
            self._times.popleft()
        if len(self._times) >= most:
            return False
        self._times.append(now)
        return True


def _mean(mean: float | None, value: float) -> float:
    return value if mean is None else mean + _WEIGHT * (value - mean)
