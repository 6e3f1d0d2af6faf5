"""Pieces of text that may go into a context."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_lsp.text.positions import Range
    from claude_lsp.text.snapshots import Snapshot


class Style(enum.Enum):
    """How a document is written into the prompt."""

    PLAIN = "plain"
    NUMBERED = "numbered"
    """Every tenth line carries its number: a hint for places at 3 % more tokens, where numbering
    every line costs 29 %."""
    CURSOR = "cursor"
    """The place to fill is marked."""


@dataclass(frozen=True)
class Candidate:
    """One piece of text, with where it is from and why it may help.

    Attributes:
        origin: the file's path in the workspace, or a label such as "diagnostics".
        text: the text, before redaction.
        reason: why it is offered, for `claude-lsp context`.
        score: larger is better; candidates are taken in this order.
        stable: whether it stays the same while the user types, so that a cache can serve it.
        snapshot: the document that `text` is the whole of; findings may then quote it.
    """

    origin: str
    text: str
    reason: str
    score: float = 0.0
    stable: bool = True
    snapshot: Snapshot | None = None


@dataclass(frozen=True)
class Subject:
    """The document that an action is about, and the part of it that must be seen.

    Attributes:
        snapshot: the document.
        origin: its path in the workspace.
        focus: the place that is kept when the document does not fit; an empty range is a cursor.
        style: how it is written.
    """

    snapshot: Snapshot
    origin: str
    focus: Range
    style: Style = Style.PLAIN
