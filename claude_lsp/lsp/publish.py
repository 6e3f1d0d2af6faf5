"""Findings as diagnostics: published one by one, moved through edits, never lost by a failure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.lsp.convert import diagnostic_of
from claude_lsp.text.edits import move_range
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import path_from_uri
from claude_lsp.workspace.files import TextFile, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.lsp.documents import LiveDocument
    from claude_lsp.lsp.protocol import Server
    from claude_lsp.text.edits import Change
    from claude_lsp.text.positions import Range

_REPUBLISH_AFTER_S = 0.3
_STALE = " (the text has changed since this was found)"


@dataclass
class Shown:
    """A finding as it is shown now.

    Attributes:
        finding: as it was found.
        range: where it is in the text of now.
        stale: whether the text it speaks of has been edited since.
        run: the review that found it.
    """

    finding: Finding
    range: Range
    stale: bool = False
    run: int = 0


class Published:
    """All findings that are shown, by document."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._shown: dict[str, list[Shown]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._runs = 0

    def begin(self) -> int:
        """Begin a review; its findings come beside those of earlier ones until it has ended."""
        self._runs += 1
        return self._runs

    def add(self, uri: str, finding: Finding, run: int, changes: Sequence[Change] = ()) -> None:
        """Show one more finding; one with a known fingerprint takes the earlier one's place.

        Args:
            uri: the document.
            finding: with its range in the text that was reviewed.
            run: as `begin` returned it.
            changes: the edits of the document since that text.
        """
        moved = move_range(finding.range, changes)
        shown = Shown(finding, moved or finding.range, stale=moved is None, run=run)
        entries = self._shown.setdefault(uri, [])
        entries[:] = [e for e in entries if e.finding.fingerprint != finding.fingerprint]
        entries.append(shown)
        self._publish(uri)

    def complete(self, run: int, uris: Iterable[str]) -> None:
        """End a review that went well: what earlier reviews found there and it did not, goes."""
        for uri in uris:
            entries = self._shown.get(uri, [])
            kept = [entry for entry in entries if entry.run == run]
            if len(kept) != len(entries):
                self._shown[uri] = kept
                self._publish(uri)

    def clear(self, uri: str | None = None) -> None:
        """Take back the findings of one document, or of all."""
        for each in [uri] if uri is not None else list(self._shown):
            if self._shown.pop(each, None):
                self._publish(each)

    def at(self, uri: str, span: Range) -> list[Shown]:
        """Return the findings at a place."""
        return [entry for entry in self._shown.get(uri, ()) if entry.range.touches(span)]

    def find(self, uri: str, fingerprint: str) -> Shown | None:
        """Return one finding."""
        for entry in self._shown.get(uri, ()):
            if entry.finding.fingerprint == fingerprint:
                return entry
        return None

    def on_edit(self, document: LiveDocument, changes: list[Change]) -> None:
        """Move the findings of an edited document; tell the client when the typing pauses."""
        entries = self._shown.get(document.uri)
        if not entries:
            return
        for entry in entries:
            if entry.stale:
                continue
            moved = move_range(entry.range, changes)
            if moved is None:
                entry.stale = True
            else:
                entry.range = moved
        timer = self._timers.pop(document.uri, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[document.uri] = loop.call_later(
            _REPUBLISH_AFTER_S, self._publish, document.uri
        )

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _publish(self, uri: str) -> None:
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
        document = self._server.workspace.get(uri)
        index = document.snapshot().index if document is not None else _index_on_disk(uri)
        diagnostics = []
        for entry in self._shown.get(uri, ()):
            diagnostic = diagnostic_of(
                entry.finding, index, self._server.abilities, span=entry.range
            )
            if entry.stale:
                diagnostic.message += _STALE
                diagnostic.severity = types.DiagnosticSeverity.Hint
            diagnostics.append(diagnostic)
        version = document.version if document is not None else None
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, diagnostics, version)
        )


def _index_on_disk(uri: str) -> LineIndex:
    """Return the lines of a document that is not open, for its columns; none if it is gone."""
    path = path_from_uri(uri)
    content = read_text(path, 2_000_000) if path is not None else None
    return LineIndex(content.text if isinstance(content, TextFile) else "")
