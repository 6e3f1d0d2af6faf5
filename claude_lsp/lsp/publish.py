"""Findings as diagnostics: published one by one, moved through edits, never lost by a failure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from lsprotocol import types

from claude_lsp.actions.action import Reported
from claude_lsp.context.candidate import lines_of
from claude_lsp.findings.suppression import MARK, comment_for, comments_in, has_effect
from claude_lsp.lsp.convert import SOURCE, diagnostic_of, range_to_client
from claude_lsp.text.edits import move_position
from claude_lsp.text.positions import Range
from claude_lsp.text.snapshots import path_from_uri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from claude_lsp.context.candidate import Lines
    from claude_lsp.findings.finding import Finding, Related
    from claude_lsp.findings.suppression import Comment
    from claude_lsp.lsp.documents import LiveDocument
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.edits import Change
    from claude_lsp.text.lines import LineIndex

_REPUBLISH_AFTER_S = 0.3
_STALE = " (the text has changed since this was found)"


@dataclass(frozen=True)
class Run:
    """One review.

    Attributes:
        source: what kind of review; its findings replace only those of the same kind.
        number: later ones have larger ones.
    """

    source: str
    number: int


class Other(NamedTuple):
    """The file of a related place: its address, and its lines when it was looked at."""

    uri: str
    lines: LineIndex


@dataclass
class Shown:
    """A finding as it is shown now.

    Attributes:
        finding: as it was found.
        run: the review that found it.
        text: what stood at its place when it was found.
        range: its place in the text of now.
        stale: whether something else stands there now.
        edited: whether the document has been edited since it was found.
        others: address and lines of the file of each related place; None where nobody knows it.
        hidden: whether it is dismissed, accepted, or suppressed by a comment beside it.
    """

    finding: Finding
    run: Run
    text: str
    range: Range
    stale: bool = False
    edited: bool = False
    others: tuple[Other | None, ...] = ()
    hidden: bool = False

    def stands(self, index: LineIndex) -> bool:
        """Whether the text that the finding speaks of is still at its place."""
        return index.slice(self.range) == self.text


@dataclass
class _Document:
    """The findings of one document.

    Attributes:
        uri: the address under which they are published.
        index: the lines of a document that is not open; empty where nobody knows them.
        shown: the findings, oldest first.
        timer: the next publication, while the user types.
        told: whether the client shows anything under `uri`.
    """

    uri: str
    index: LineIndex
    shown: list[Shown] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    told: bool = False


class Published:
    """All findings that are shown, by document, whatever spelling of its address is used."""

    def __init__(self, server: ClaudeServer) -> None:
        self._server = server
        self._documents: dict[Path | str, _Document] = {}
        self._runs = 0
        self._accepted: frozenset[str] = frozenset()

    def accept(self, fingerprints: Collection[str]) -> None:
        """Hide the findings that are dismissed or accepted, and show again those that are not.

        They stay known, and move with the text, so that a dismissal can be taken back.
        """
        if self._accepted != fingerprints:
            self._accepted = frozenset(fingerprints)
            for key in list(self._documents):
                self._publish(key)

    def hidden(self, fingerprints: Collection[str], uri: str | None = None) -> set[str]:
        """Return which of some findings are known and not shown: dismissed, or suppressed."""
        keys = list(self._documents) if uri is None else [_key(uri)]
        documents = [self._documents[key] for key in keys if key in self._documents]
        return {
            each.finding.fingerprint
            for document in documents
            for each in document.shown
            if each.hidden and each.finding.fingerprint in fingerprints
        }

    def known(self, uri: str | None = None) -> list[Shown]:
        """Return the findings of one document, or of all, whether or not they are shown."""
        keys = list(self._documents) if uri is None else [_key(uri)]
        documents = [self._documents[key] for key in keys if key in self._documents]
        return [each for document in documents for each in document.shown]

    def reported(self) -> list[Reported]:
        """Return the findings that are shown, as diagnostics of any tool."""
        return [
            Reported(
                document.uri,
                each.range.start.line,
                each.finding.title,
                SOURCE,
                each.finding.rule,
            )
            for document in self._documents.values()
            for each in document.shown
            if not each.hidden
        ]

    def begin(self, source: str) -> Run:
        """Begin a review; its findings come beside those of earlier ones until it has ended."""
        self._runs += 1
        return Run(source, self._runs)

    def add(
        self,
        uri: str,
        finding: Finding,
        run: Run,
        index: LineIndex,
        changes: Sequence[Change] = (),
        *,
        others: Sequence[Other | None] = (),
    ) -> None:
        """Show one more finding; one with a known fingerprint takes the earlier one's place.

        Args:
            uri: the document.
            finding: with its range in the text that was reviewed.
            run: as `begin` returned it.
            index: the lines of the text that was reviewed.
            changes: the edits of the document since then, as far as they are known.
            others: the files of its related places, in their order.
        """
        document = self._documents.setdefault(_key(uri), _Document(uri, index))
        text, span = index.slice(finding.range), _moved(finding.range, changes)
        shown = Shown(finding, run, text, span, edited=bool(changes), others=tuple(others))
        live = self._live(uri)
        if live is not None and not changes:
            # What was reviewed may have been the file, and the buffer something else.
            _find_again(shown, live.snapshot().index)
        document.shown = [
            each for each in document.shown if each.finding.fingerprint != finding.fingerprint
        ]
        document.shown.append(shown)
        self._publish(_key(uri))

    def complete(
        self, run: Run, reviewed: Mapping[str, Sequence[Lines] | None] | None = None
    ) -> None:
        """End a review that went well: what earlier ones of its kind found and it did not, goes.

        Args:
            run: the review.
            reviewed: the documents that it looked at, each with the lines it looked for findings
                in, None for all of them; None for every document.
        """
        if reviewed is None:
            reviewed = {document.uri: None for document in self._documents.values()}
        for uri, lines in reviewed.items():
            key = _key(uri)
            document = self._documents.get(key)
            if document is None:
                continue
            kept = [
                each
                for each in document.shown
                if each.run.source != run.source
                or each.run.number >= run.number
                or (lines is not None and not any(map(lines_of(each.range).meets, lines)))
            ]
            if len(kept) != len(document.shown):
                document.shown = kept
                self._publish(key)

    def clear(self, uri: str | None = None, fingerprints: Collection[str] | None = None) -> None:
        """Take back the findings of one document, or of all; or those that are named."""
        for key in list(self._documents) if uri is None else [_key(uri)]:
            if key in self._documents:
                document = self._documents[key]
                document.shown = [
                    each
                    for each in document.shown
                    if fingerprints is not None and each.finding.fingerprint not in fingerprints
                ]
                self._publish(key)

    def at(self, uri: str, span: Range) -> list[Shown]:
        """Return the findings at a place."""
        document = self._documents.get(_key(uri))
        shown = document.shown if document else ()
        return [each for each in shown if not each.hidden and each.range.touches(span)]

    def find(self, uri: str, fingerprint: str) -> Shown | None:
        """Return one finding."""
        document = self._documents.get(_key(uri))
        shown = document.shown if document else ()
        return next((each for each in shown if each.finding.fingerprint == fingerprint), None)

    def on_edit(self, live: LiveDocument, changes: list[Change]) -> None:
        """Move the findings of an edited document; tell the client when the typing pauses."""
        if not self._documents:
            return
        key = _key(live.uri)
        document = self._documents.get(key)
        if document is None or not document.shown:
            return
        for each in document.shown:
            each.range, each.edited = _moved(each.range, changes), True
        self._publish_later(key)

    def has(self, uri: str) -> bool:
        """Whether anything is shown for a document."""
        return _key(uri) in self._documents

    def text_is(self, uri: str, index: LineIndex | None) -> None:
        """Look for the findings of a document in a text that did not come about by edits.

        Args:
            uri: a document that was opened or closed.
            index: its lines now; None for a document that is gone, with its findings.
        """
        document = self._documents.get(_key(uri))
        if document is None:
            return
        if index is None:
            document.shown = []
        else:
            document.index = index
            for each in document.shown:
                _find_again(each, index)
        self._publish(_key(uri))

    def close(self) -> None:
        """Stop the timers."""
        for document in self._documents.values():
            _stop_timer(document)

    def _publish_later(self, key: Path | str) -> None:
        document = self._documents[key]
        _stop_timer(document)
        loop = asyncio.get_running_loop()
        document.timer = loop.call_later(_REPUBLISH_AFTER_S, self._publish, key)

    def _publish(self, key: Path | str) -> None:
        document = self._documents[key]
        _stop_timer(document)
        live = self._live(document.uri)
        index = document.index if live is None else live.snapshot().index
        document.shown = [each for each in document.shown if not _is_fixed(each, index)]
        if live is not None and live.uri != document.uri:
            # Opened meanwhile, under the client's own spelling of the address.
            if document.told:
                self._send(document.uri, [], None)
            document.uri, document.told = live.uri, False
        self._hide(document.shown, index)
        visible = [each for each in document.shown if not each.hidden]
        if visible or document.told:
            diagnostics = [self._diagnostic(each, index) for each in self._worst(visible)]
            self._send(document.uri, diagnostics, None if live is None else live.version)
        document.told = bool(visible)
        if not document.shown:
            del self._documents[key]

    def _hide(self, shown: list[Shown], index: LineIndex) -> None:
        """Mark what is not to be shown, by what is accepted and by the comments in the text."""
        comments: list[Comment] = []
        if shown and MARK in index.text:
            required = self._server.session.configuration.settings.review.suppression_reason
            comments = [
                comment
                for comment in comments_in(shown[0].finding.path, index.lines)
                if has_effect(comment, reason_required=required)
            ]
        for each in shown:
            lines = range(each.range.start.line, each.range.end.line + 1)
            each.hidden = (
                each.finding.fingerprint in self._accepted
                or comment_for(each.finding, comments, lines) is not None
            )

    def _worst(self, shown: list[Shown]) -> list[Shown]:
        """Return as many findings as may be shown, the worst, in the order in which they came."""
        limit = self._server.session.configuration.settings.review.max_findings
        if len(shown) <= limit:
            return shown
        ranked = sorted(range(len(shown)), key=lambda place: shown[place].finding.severity.rank)
        return [shown[place] for place in sorted(ranked[:limit])]

    def _diagnostic(self, shown: Shown, index: LineIndex) -> types.Diagnostic:
        abilities = self._server.abilities
        others = dict(zip(shown.finding.related, shown.others, strict=False))

        def locate(related: Related) -> types.Location | None:
            other = others.get(related)
            if other is None:
                return None
            live = self._live(other.uri)
            uri, lines, place = other.uri, other.lines, related.range
            if live is not None:
                uri, lines = live.uri, live.snapshot().index
                moved = _nearest(other.lines.slice(place), place, lines)
                place = moved or _within(place, lines)
            return types.Location(uri, range_to_client(place, lines, abilities.position_encoding))

        diagnostic = diagnostic_of(shown.finding, index, abilities, span=shown.range, locate=locate)
        shown.stale = not shown.stands(index)
        if shown.stale:
            diagnostic.message += _STALE
            diagnostic.severity = types.DiagnosticSeverity.Hint
        return diagnostic

    def _send(self, uri: str, diagnostics: list[types.Diagnostic], version: int | None) -> None:
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, diagnostics, version)
        )

    def _live(self, uri: str) -> LiveDocument | None:
        """Return the document if it is open, under whatever spelling."""
        workspace = self._server.workspace
        if (document := workspace.get(uri)) is not None:
            return document
        key = _key(uri)
        same = (each.uri for each in workspace.text_documents.values() if _key(each.uri) == key)
        return next((workspace.get(each) for each in same), None)


def _key(uri: str) -> Path | str:
    """Return what all spellings of an address have in common."""
    return path_from_uri(uri) or unquote(uri)


def _moved(span: Range, changes: Iterable[Change]) -> Range:
    """Move a range, also through edits of its inside: its ends stay around what is left."""
    for change in changes:
        start = move_position(span.start, change)
        end = move_position(span.end, change, sticky_end=not span.empty)
        span = Range(start, max(start, end))
    return span


def _find_again(shown: Shown, index: LineIndex) -> None:
    """Look for the text of a finding, the nearest to its place, if it is no longer there."""
    shown.range = _nearest(shown.text, shown.range, index) or _within(shown.range, index)


def _within(span: Range, index: LineIndex) -> Range:
    """Return a range as far as a text has it, which may be shorter than the one it was of."""
    return index.range_of(index.offset_at(span.start), index.offset_at(span.end))


def _nearest(wanted: str, span: Range, index: LineIndex) -> Range | None:
    """Return where a text stands now, the nearest to its place; None where it is gone or blank."""
    if not wanted.strip():
        return None
    if index.slice(span) == wanted:
        return span
    near = index.offset_at(span.start)
    places = []
    place = index.text.find(wanted)
    while place >= 0:
        places.append(place)
        place = index.text.find(wanted, place + 1)
    if not places:
        return None
    start = min(places, key=lambda place: abs(place - near))
    return index.range_of(start, start + len(wanted))


def _is_fixed(shown: Shown, index: LineIndex) -> bool:
    """Whether the suggested fix stands where the finding was."""
    replacement = shown.finding.replacement
    if replacement is None or not shown.edited:
        return False
    if not replacement:
        return shown.range.empty
    # An editor may tell only what differs, so the range need not have grown with the text.
    return index.text.startswith(replacement, index.offset_at(shown.range.start))


def _stop_timer(document: _Document) -> None:
    if document.timer is not None:
        document.timer.cancel()
        document.timer = None
