"""Work as it comes: requests of a sitting in one project, then in another.

Prompts are put together as ours are: the action's own words, then what helps, then the document. A
piece stands in several prompts in turn, as it does while somebody types.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.estimates.texts import Piece

Mode = Literal["typing", "review"]
MODES: tuple[Mode, ...] = ("typing", "review")

_ROOM = {"typing": (1_500, 3_600), "review": (1_500, 10_000)}
"""Tokens of what is not fixed: half-empty files too, and full budgets by default settings."""


class Prompt(NamedTuple):
    """Of one request: estimated tokens of its two parts, and what it really takes."""

    fixed: int
    varying: int
    real: int


def prompts(
    found: Sequence[Piece], judge: int, fixed: tuple[int, int], mode: Mode, *, count: int, seed: int
) -> Iterator[Prompt]:
    """Yield the prompts of several sittings.

    Args:
        found: pieces of one language.
        judge: whose count is true.
        fixed: the action's own words: estimated, real.
        mode: completions, which change little from one to the next, or reviews of file by file.
        count: how many prompts.
        seed: the same makes the same prompts.
    """
    chosen = random.Random(seed)
    projects: dict[str, list[Piece]] = {}
    for piece in found:
        projects.setdefault(piece.project, []).append(piece)
    # One folder's configuration or notes are no project.
    names = [name for name, pieces in projects.items() if len(pieces) >= 6] or list(projects)
    many = len(names) > 12
    left = count
    while left > 0:
        sitting = chosen.sample(names, 4 if many else 1)
        pool = [piece for name in sitting for piece in projects[name]]
        length = min(left, chosen.randint(20, 100))
        left -= length
        while length > 0:
            same = chosen.randint(1, 15) if mode == "typing" else 1
            parts = _filled(pool, chosen, mode, judge)
            for _ in range(min(same, length)):
                if mode == "typing" and chosen.random() < 0.3:
                    parts = [*_filled(pool, chosen, mode, judge)[1:], parts[-1]]
                varying = sum(part.estimated[judge] for part in parts)
                real = sum(part.real[judge] for part in parts)
                yield Prompt(fixed[0], varying, fixed[1] + real)
                length -= 1


def _filled(pool: Sequence[Piece], chosen: random.Random, mode: Mode, judge: int) -> list[Piece]:
    room = chosen.randint(*_ROOM[mode])
    parts: list[Piece] = []
    while room > 0 and len(parts) < 40:
        piece = chosen.choice(pool)
        parts.append(piece)
        room -= piece.estimated[judge]
    return parts
