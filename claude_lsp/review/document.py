"""A document to review, and which of its lines: all of them, some, or those that a diff changed."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from claude_lsp.context.candidate import Excerpt, Lines, Removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from claude_lsp.text.diffs import FileChange, Hunk
    from claude_lsp.text.lines import LineIndex
    from claude_lsp.text.snapshots import Snapshot

Breadth = Literal["added", "context", "file", "all"]
"""Which lines findings may be about: those that changed and the ones next to them, those that a
diff shows, every line of a changed file, or any."""

_LONE_RETURN = re.compile(r"\r(?!\n)")
_OUTSIDE: Mapping[Breadth, str] = {
    "added": "not about changed lines",
    "context": "not about the lines of the diff",
    "file": "not about a changed file",
    "all": "not about a changed file",
}


@dataclass(frozen=True)
class Document:
    """A document to review, and what of it.

    Attributes:
        origin: its path in the workspace.
        snapshot: its text, of the side that is reviewed.
        change: what happened to it, in a word or two; empty where nothing is known to have.
        added: the changed lines; empty where all of them are, or none.
        removed: the lines that were taken away.
        hunks: the lines to look at; None for all.
        scope: the lines that findings may be about; None for all.
        outside: why a finding elsewhere is dropped.
    """

    origin: str
    snapshot: Snapshot
    change: str = ""
    added: tuple[Lines, ...] = ()
    removed: tuple[Removed, ...] = ()
    hunks: tuple[Lines, ...] | None = None
    scope: tuple[Lines, ...] | None = None
    outside: str = ""

    def excerpt(self, shown: Sequence[Lines], tokens: int = 0) -> Excerpt:
        """Return some of its lines as what one call looks at."""

        def within(lines: Lines) -> bool:
            return any(each.meets(lines) for each in shown)

        return Excerpt(
            self.snapshot,
            self.origin,
            tuple(shown),
            self.change,
            tuple(each for each in self.added if within(each)),
            tuple(r for r in self.removed if any(s.first <= r.at <= s.last + 1 for s in shown)),
            None if self.scope is None else tuple(each for each in self.scope if within(each)),
            self.outside or "outside of what was reviewed",
            tokens,
        )


def selected(document: Document, lines: Lines) -> Document:
    """Return a document of which only some lines are to be reviewed."""
    return Document(
        document.origin,
        document.snapshot,
        hunks=(lines,),
        scope=(lines,),
        outside="not about the selected lines",
    )


def changed_document(
    change: FileChange, origin: str, snapshot: Snapshot, breadth: Breadth
) -> Document:
    """Return a document of which some lines have changed."""
    number = _numbering(snapshot.text, snapshot)
    words = change.status if change.old_path is None else f"{change.status} from {change.old_path}"
    added, removed, shown = [], [], []
    for hunk in change.hunks:
        added += [number(Lines(run.first, run.last)) for run in _runs_added(hunk)]
        removed += [run._replace(at=number(Lines(run.at, run.at)).first) for run in _gone(hunk)]
        first = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        shown.append(number(Lines(first, first + hunk.new_count - 1)))
    if change.status in ("added", "type"):
        # All of it is new, which needs no marks.
        return Document(origin, snapshot, words, outside=_OUTSIDE[breadth])
    scope: tuple[Lines, ...] | None = None
    if breadth == "added":
        around = [Lines(run.first - 1, run.last + 1) for run in added]
        replaced = {run.first for run in added}
        around += [
            Lines(run.at - 1, run.at) if run.at in replaced else _beside(run.at, snapshot.index)
            for run in removed
        ]
        scope = tuple(sorted(around))
    elif breadth == "context":
        # An empty run, which only has lines removed, stands between two lines.
        scope = tuple(Lines(min(each), max(each)) for each in shown)
    return Document(
        origin,
        snapshot,
        words,
        tuple(added),
        tuple(removed),
        None if breadth in ("file", "all") else tuple(shown),
        scope,
        _OUTSIDE[breadth],
    )


def _beside(line: int, index: LineIndex) -> Lines:
    """Return the lines next to a place before a line: of what was removed, and not only blanks."""
    first, last = line - 1, line
    while first > 0 and not index.line(first).strip():
        first -= 1
    while last < len(index.lines) - 1 and not index.line(last).strip():
        last += 1
    return Lines(first, last)


def _runs_added(hunk: Hunk) -> Iterator[Lines]:
    """Yield the runs of added lines, 0-based as git counts."""
    for added, run in itertools.groupby(hunk.lines, key=lambda line: line.mark == "+"):
        if added:
            numbers = [line.new for line in run if line.new is not None]
            yield Lines(numbers[0] - 1, numbers[-1] - 1)


def _gone(hunk: Hunk) -> Iterator[Removed]:
    """Yield the runs of removed lines."""
    at = hunk.new_start - 1 if hunk.new_count else hunk.new_start
    for gone, run in itertools.groupby(hunk.lines, key=lambda line: line.mark == "-"):
        lines = list(run)
        if gone:
            yield Removed(at, lines[0].old or 1, tuple(line.text.rstrip("\r") for line in lines))
        else:
            at += len(lines)


def _numbering(text: str, snapshot: Snapshot) -> Callable[[Lines], Lines]:
    r"""Return what turns git's lines into a document's: git knows no line that ends by `\r`."""
    if _LONE_RETURN.search(text) is None:
        return lambda lines: lines
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]
    index = snapshot.index

    def number(lines: Lines) -> Lines:
        if lines.last < lines.first:
            line = index.position_at(starts[min(lines.first, len(starts) - 1)]).line
            return Lines(line, line - 1)
        first = index.position_at(starts[min(lines.first, len(starts) - 1)]).line
        end = starts[min(lines.last + 1, len(starts) - 1)]
        return Lines(first, index.position_at(max(end - 1, 0)).line)

    return number


def leads_to(change: FileChange, text: str) -> bool:
    """Whether a text is what a diff leads to, as far as its lines tell."""
    lines = text.split("\n")
    return all(
        line.new is None
        or (line.new <= len(lines) and lines[line.new - 1].rstrip("\r") == line.text.rstrip("\r"))
        for hunk in change.hunks
        for line in hunk.lines
    )


def only_hunks(change: FileChange) -> str:
    """Return the new lines of a diff at their numbers, with nothing between them."""
    known = [line for hunk in change.hunks for line in hunk.lines if line.new is not None]
    parts: list[str] = []
    at = 1
    for line in known:
        parts += ("\n" * ((line.new or at) - at), line.text, "\n")
        at = (line.new or at) + 1
    return "".join(parts)
