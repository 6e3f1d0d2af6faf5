"""What came of one fault for one action or command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cell:
    """A cell of the matrix.

    Attributes:
        fault: the row.
        column: the action, or the way to call the command line.
        word: what came of it, in few words; true if nothing is wrong.
        wrong: what should have come of it and did not.
        seconds: how long it took.
    """

    fault: str
    column: str
    word: str
    wrong: list[str]
    seconds: float
