"""What the redactor makes of the corpus."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_lsp.context.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.secrets.corpus import Page

_RUN = 16
"""So many characters of a secret in a row are too many; a shorter secret counts whole."""
_DIGIT = re.compile(r"\d")
_SEPARATORS = re.compile(r"[^A-Za-z0-9+/=_.~-]+")


@dataclass
class Tally:
    """Counts by group, and what went wrong.

    Attributes:
        total: how many there are.
        wrong: how many were missed, or taken by mistake.
        examples: file, name and line of each that went wrong, without its value.
        beside: characters taken out that belong to no secret.
    """

    total: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, str]] = field(default_factory=list)
    beside: int = 0

    @property
    def share_wrong(self) -> float:
        """What part of all went wrong, 0 to 1."""
        return sum(self.wrong.values()) / max(1, sum(self.total.values()))


def missed(pages: Iterable[Page]) -> Tally:
    """Count the secrets of which something is left."""
    tally = Tally()
    for page in pages:
        answer = redact(page.text)
        for mark in page.marks:
            secret = page.text[mark.start : mark.end]
            tally.total[mark.group] += 1
            if is_left(secret, answer.text):
                tally.wrong[mark.group] += 1
                line = answer.text[max(0, mark.start - 60) : mark.end + 20]
                tally.examples.append((page.path, mark.name, line))
        inside = [range(mark.start, mark.end) for mark in page.marks]
        for found in answer.found:
            covered = sum(
                max(0, min(found.end, span.stop) - max(found.start, span.start)) for span in inside
            )
            tally.beside += found.end - found.start - covered
    return tally


def touched(pages: Iterable[Page]) -> Tally:
    """Count the innocent words that were taken out, wholly or in part."""
    tally = Tally()
    for page in pages:
        answer = redact(page.text)
        for mark in page.marks:
            tally.total[mark.group] += 1
            if any(f.start < mark.end and mark.start < f.end for f in answer.found):
                tally.wrong[mark.group] += 1
                start = page.text.rfind("\n", 0, mark.start) + 1
                tally.examples.append((page.path, mark.name, page.text[start : mark.end][:160]))
    return tally


def is_left(secret: str, text: str) -> bool:
    """Whether so much of a secret stands in a text that it counts as missed."""
    # What was drawn counts, not a key's armour and not the words of a form.
    pieces = [p for p in _SEPARATORS.split(secret) if len(p) >= 6 and _DIGIT.search(p)]
    if not pieces:
        return secret in text
    return any(
        piece[at : at + _RUN] in text
        for piece in pieces
        for at in range(0, max(1, len(piece) - _RUN + 1), 4)
    )
