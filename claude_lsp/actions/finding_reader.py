"""From the streamed answer of a review to findings: verified, located, and only what was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Drop, Unusable
from claude_lsp.context.candidate import Lines, lines_of
from claude_lsp.context.excerpts import attribute
from claude_lsp.findings.anchor import locate
from claude_lsp.findings.claims import Rejected, claims_from, path_of
from claude_lsp.findings.finding import Finding
from claude_lsp.findings.fingerprint import fingerprint
from claude_lsp.findings.stream import ObjectStream
from claude_lsp.findings.verify import QUOTE_NOT_FOUND, Dropped, narrowed, verify
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claude_lsp.actions.action import Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.candidate import Excerpt, Removed
    from claude_lsp.context.sent import Sent
    from claude_lsp.findings.finding import Claim

NOT_SHOWN = "the file was not shown"
ONLY_DELETED = "it speaks of deleted lines, and nothing is left in their place"
_MOST_HINTS = 40
"""Places in a document that are looked at for a quote that stands outside of its scope too."""


class FindingsReader:
    """Turns streamed findings into verified ones, each the moment its object closes."""

    satisfied = False

    def __init__(self, situation: Situation, context: Context) -> None:
        self._documents = context.documents
        self._excerpts = {excerpt.origin: excerpt for excerpt in situation.excerpts}
        # An object that names no file is about the one that was asked about, if there is one.
        self._origin = "" if len(situation.excerpts) > 1 else situation.origin
        self._stream = ObjectStream("findings")
        self._dropped: Counter[str] = Counter()
        self._claims = self._malformed = 0

    def feed(self, text: str) -> Sequence[Outcome]:
        """Return the findings that this piece completes; what can't be verified is counted."""
        found = (self._finding(entry) for entry in self._stream.feed(text))
        return [finding for finding in found if finding is not None]

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Tell what was dropped; an answer that held no list of findings is a failure."""
        end = self._stream.finish()
        outcomes: list[Outcome] = [Drop(reason, count) for reason, count in self._dropped.items()]
        # An answer of which nothing was a finding must not read as "no findings".
        only_others = not self._claims and (self._malformed or end.problem is not None)
        if complete and (not end.complete or only_others):
            outcomes.append(Unusable(end.problem or "it held no list of findings"))
        return outcomes

    def _finding(self, entry: Mapping[str, object]) -> Finding | None:
        claim = claims_from(entry, self._origin)
        if isinstance(claim, Rejected):
            self._malformed += 1
            self._dropped[claim.reason] += 1
            return None
        self._claims += 1
        windows = self._documents.get(path_meant(claim.path, self._documents))
        if windows is None:
            self._dropped[NOT_SHOWN] += 1
            return None
        found = located(claim, windows, self._excerpts.get(windows[0].origin))
        if isinstance(found, Dropped):
            self._dropped[found.reason] += 1
            return None
        return found


def path_meant(path: str, documents: Mapping[str, object]) -> str:
    """Return the path of the document that a model means.

    As in a diff it may begin with `a/` or `b/`, and an odd name is written as it was shown: no
    name keeps a file from being reviewed.
    """
    if path in documents:
        return path
    if path[:2] in ("a/", "b/") and path[2:] in documents:
        return path[2:]
    same = (each for each in documents if path_of(attribute(each)) == path)
    return next(same, path)


def located(
    claim: Claim, windows: tuple[Sent, ...], excerpt: Excerpt | None = None
) -> Finding | Dropped:
    """Find what a claim quotes: in what was asked about, in what was removed, or elsewhere.

    Args:
        claim: what the model said.
        windows: what it was shown of the file, at least one.
        excerpt: what it was asked about, if not all of that.
    """
    if excerpt is not None and excerpt.removed and _is_of_removed(claim.quote):
        found = _in_removed(claim, windows)
        if found is not None:
            return found
    reason = QUOTE_NOT_FOUND
    for claimed, window in _tries(claim, windows, excerpt):
        verified = verify(claimed, window.index, window.origin)
        if isinstance(verified, Dropped):
            continue
        placed = _in_document(verified, window)
        if excerpt is None or excerpt.covers(lines_of(placed.range)):
            return placed if excerpt is None else _at_change(placed, excerpt)
        reason = excerpt.outside
    if excerpt is not None and excerpt.removed:
        found = _in_removed(claim, windows)
        if found is not None:
            return found
    return Dropped(reason)


def _tries(
    claim: Claim, windows: tuple[Sent, ...], excerpt: Excerpt | None
) -> Iterator[tuple[Claim, Sent]]:
    """Yield where to look, the likeliest first; hints are lines of the window."""

    def rank(window: Sent) -> tuple[bool, int]:
        hint = window.line_hint(claim.line)
        found = locate(claim.quote, hint, window.index)
        surely = found is not None and found.how in ("exact", "inline")
        line = (claim.line or 1) - 1
        apart = max(window.first_line - line, line - window.last_line, 0)
        return not surely, apart

    ranked = windows if len(windows) == 1 else sorted(windows, key=rank)
    for window in ranked:
        yield replace(claim, line=window.line_hint(claim.line)), window
    # The same text may stand both in what was asked about and nearer to a wrong line number.
    for lines in (excerpt.scope or ())[:_MOST_HINTS] if excerpt is not None else ():
        for window in windows:
            if window.first_line <= lines.first <= window.last_line:
                yield replace(claim, line=window.line_hint(lines.first + 1)), window


def _in_document(found: Finding, sent: Sent) -> Finding:
    """From the text that was sent to the document: lines before the window, secrets put back."""
    if sent.index.text == sent.original.text:
        return found
    span = sent.to_document(found.range)
    text = found.replacement
    return replace(
        found,
        range=span,
        quote=sent.original.slice(span),
        fingerprint=fingerprint(found.rule, found.path, sent.original, span.start.line),
        replacement=None if text is None else sent.redacted.restore(text),
    )


def _at_change(found: Finding, excerpt: Excerpt) -> Finding:
    """Let a finding about a change begin where the change does: quotes begin with what is around.

    Code hosts show a remark beside a change only if its line is one of those that changed.
    """
    if excerpt.scope is None:
        return found
    first, last = lines_of(found.range)
    index = excerpt.snapshot.index
    runs = [each for each in excerpt.added if each.meets(Lines(first, last))]
    changed = [max(run.first, first) for run in runs]
    # The line before a removal is as near to it as the one behind.
    changed += [run.at for run in excerpt.removed if first < run.at - 1 and run.at <= last]
    line = min(changed, default=first)
    while line < last and not index.line(line).strip():
        line += 1
    return found if line == first else narrowed(found, index, line)


def _is_of_removed(quote: str) -> bool:
    lines = [line for line in quote.split("\n") if line.strip()]
    return bool(lines) and all(line.lstrip("0123456789| ").startswith("-") for line in lines)


def _in_removed(claim: Claim, windows: tuple[Sent, ...]) -> Finding | Dropped | None:
    """Find a quote of removed lines; the finding is about what stands in their place now."""
    runs = [(run, window) for window in windows for run in window.removed]
    if claim.line is not None:
        line = claim.line
        runs.sort(key=lambda each: abs(each[0].first - line))
    for run, window in runs:
        hint = None if claim.line is None else claim.line - run.first + 1
        found = locate(claim.quote, hint, LineIndex("".join(f"{line}\n" for line in run.lines)))
        if found is not None and found.how in ("exact", "inline"):
            return _in_their_place(claim, run, window)
    return None


def _in_their_place(claim: Claim, run: Removed, window: Sent) -> Finding | Dropped:
    index = window.original
    filled = (number for number, text in enumerate(index.lines) if text.strip())
    line = min(filled, key=lambda number: (abs(number - run.at), number < run.at), default=None)
    if line is None:
        return Dropped(ONLY_DELETED)
    text = index.line(line)
    span = Range(Position(line, len(text) - len(text.lstrip())), Position(line, len(text.rstrip())))
    return Finding(
        rule=claim.rule,
        severity=claim.severity,
        title=claim.title,
        explanation=claim.explanation,
        path=window.origin,
        range=span,
        quote=index.slice(span),
        confidence=claim.confidence,
        fingerprint=fingerprint(claim.rule, window.origin, index, line),
    )
