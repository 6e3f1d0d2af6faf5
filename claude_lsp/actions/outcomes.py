"""What an action yields while the answer streams in. A `Finding` is one more kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claude_lsp.findings.report import Look
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.text.positions import Position, Range


@dataclass(frozen=True, slots=True)
class Insertion:
    """Text to put at a place.

    Attributes:
        at: where, in the snapshot's positions.
        text: everything so far.
        complete: False while more may follow; a later one replaces this.
        until: on the same line, the end of what the text takes the place of; None for nothing.
    """

    at: Position
    text: str
    complete: bool
    until: Position | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    r"""How an insertion begins: as the model writes it, unfiltered and not to be shown.

    Attributes:
        text: everything so far, with `\n` line endings.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """One independent edit, complete and verified against the snapshot.

    Attributes:
        range: what it replaces, in the snapshot's positions.
        text: what it puts there.
    """

    range: Range
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A further piece of text for the user to read."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know about the answer, such as an edit that was not usable."""

    text: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Findings or insertions that are not shown: why, and how many."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Looked:
    """The model looked at something, or was refused.

    Attributes:
        look: what it asked for.
        texts: the lines of the files that it was shown pieces of, by path.
    """

    look: Look
    texts: Mapping[str, LineIndex]


@dataclass(frozen=True, slots=True)
class Unusable:
    """The answer ended well but was not what was asked for; the action has failed."""

    reason: str


Outcome = Insertion | Beginning | Replacement | Finding | Prose | Notice | Drop | Looked | Unusable
