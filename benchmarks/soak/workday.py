"""What happens in a working day, in an order that chance gives. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

HOURS = 8
EDITS = 100_000
OTHERS = {
    "complete": 3_000,
    "cancel": 200,
    "review": 100,
    "fix": 200,
    "explain": 50,
    "dismiss": 50,
    "list_actions": 500,
    "configure": 50,
    "change_file": 500,
    "save": 300,
    "touch": 300,
}
"""How often each thing happens that is no edit, by the name of what does it in `editor.py`."""


class Event(NamedTuple):
    """One thing that the user does, after some edits."""

    edits: int
    kind: str


def hours(chance: random.Random, share: float) -> Iterator[list[Event]]:
    """Yield the events of each hour of a day, or of a share of one."""
    for hour in range(HOURS):
        kinds = [
            kind
            for kind, count in OTHERS.items()
            for _ in range(_part(max(HOURS, round(count * share)), hour, HOURS))
        ]
        chance.shuffle(kinds)
        edits = _part(round(EDITS * share), hour, HOURS)
        yield [Event(_part(edits, place, len(kinds)), kind) for place, kind in enumerate(kinds)]


def _part(whole: int, place: int, parts: int) -> int:
    return whole * (place + 1) // parts - whole * place // parts
