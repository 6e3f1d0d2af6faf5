"""Edits on their way to the buffer: only if the text they were made for is still there.

The server compares the live text itself right before it sends. A version alone is not trusted, nor
is `applied: true`: some clients drop an edit and still say that they applied it, others apply it
to whatever stands there. The outcome is learnt from the change that comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.lsp.convert import range_to_client
from claude_lsp.text.edits import TextEdit, end_of, move_position, move_range
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.lsp.documents import Journal, LiveDocument
    from claude_lsp.lsp.protocol import Server
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_ANSWER_S = 10.0
_ECHO_S = 1.5
"""How long to wait for the change that an applied edit causes; Neovim holds changes for 150 ms."""


class Applier:
    """Sends the edits of one job into one document, in order, each verified."""

    def __init__(self, server: Server, document: LiveDocument, label: str) -> None:
        self._server = server
        self._label = label
        self._uri = document.uri
        self.snapshot: Snapshot = document.snapshot()
        self._journal: Journal = document.journal()
        self._place: Position | None = None
        self._seen = 0

    @property
    def journal(self) -> Journal:
        """What happened to the document since the snapshot."""
        return self._journal

    def close(self) -> None:
        """Stop following the document."""
        self._journal.close()

    def __enter__(self) -> Applier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def replace(self, span: Range, text: str) -> str | None:
        """Replace a range of the snapshot.

        Returns:
            None if it was applied, else why it was not, in words for the user.
        """
        wanted = self.snapshot.index.slice(span)
        if wanted == text:
            return None
        for _ in range(_ATTEMPTS):
            document = self._server.workspace.get(self._uri)
            if document is None or self._journal.closed_document:
                return "the document was closed"
            now = move_range(span, self._journal.changes)
            live = document.snapshot()
            if now is None or live.index.slice(now) != wanted:
                return "the text there has changed meanwhile"
            applied = await self._send(live, TextEdit(now, text))
            if applied is not False:
                return None if applied else "the editor did not show it"
        return "the editor refused it"

    async def insert(self, at: Position, text: str) -> str | None:
        """Insert text at a place of the snapshot, behind what was inserted there before.

        Returns:
            None if it was applied, else why it was not.
        """
        place = self._place if self._place is not None else at
        for _ in range(_ATTEMPTS):
            document = self._server.workspace.get(self._uri)
            if document is None or self._journal.closed_document:
                return "the document was closed"
            for change in self._journal.changes[self._seen :]:
                if change.start <= place <= change.end:
                    return "the text there has changed meanwhile"
                place = move_position(place, change)
            self._seen = len(self._journal.changes)
            live = document.snapshot()
            applied = await self._send(live, TextEdit(Range(place, place), text))
            if applied is None:
                return "the editor did not show it"
            if applied:
                return self._follow(document, place, text)
        return "the editor refused it"

    def _follow(self, document: LiveDocument, place: Position, text: str) -> str | None:
        """Find the end of what was just inserted, which may have moved by now."""
        for change in self._journal.changes[self._seen + 1 :]:
            place = move_position(place, change)
        self._seen = len(self._journal.changes)
        end = end_of(place, text)
        if document.snapshot().index.slice(Range(place, end)) != text:
            return "the text there has changed meanwhile"
        self._place = end
        return None

    async def _send(self, live: Snapshot, edit: TextEdit) -> bool | None:
        """Send one edit.

        Returns:
            True once the document shows a change, False if the client refused, None if it is not
            known: then the edit must not be sent again, since it may still arrive.
        """
        before = len(self._journal.changes)
        abilities = self._server.abilities
        span = range_to_client(edit.range, live.index, abilities.position_encoding)
        edits = [types.TextEdit(span, edit.text)]
        if abilities.document_changes:
            identifier = types.OptionalVersionedTextDocumentIdentifier(self._uri, live.version)
            workspace_edit = types.WorkspaceEdit(
                document_changes=[types.TextDocumentEdit(identifier, list(edits))]
            )
        else:
            workspace_edit = types.WorkspaceEdit(changes={self._uri: edits})
        with _echo(self._server, self._uri) as changed:
            params = types.ApplyWorkspaceEditParams(workspace_edit, label=self._label)
            try:
                async with asyncio.timeout(_ANSWER_S):
                    result = await self._server.workspace_apply_edit_async(params)
            except TimeoutError:
                log.warning("the client did not answer workspace/applyEdit")
                return len(self._journal.changes) > before or None
            if not result.applied:
                log.info("the client refused an edit: %s", result.failure_reason or "no reason")
                return False
            if len(self._journal.changes) == before:
                # The next edit's place depends on this one, so it has to come back first.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ECHO_S):
                        await changed.wait()
        return len(self._journal.changes) > before or None


@contextlib.contextmanager
def _echo(server: Server, uri: str) -> Iterator[asyncio.Event]:
    """Give an event that is set by the next change of a document."""
    changed = asyncio.Event()
    remove = server.workspace.on_edit(
        lambda document, _changes: changed.set() if document.uri == uri else None
    )
    try:
        yield changed
    finally:
        remove()
