"""Edits on their way to the buffer: only if the text they were made for is still there.

The server compares the live text itself right before it sends. A version alone is not trusted, nor
is `applied: true`: some clients drop an edit and still say that they applied it, others apply it
to whatever stands there. The outcome is learnt from the text that comes back, and an edit whose
outcome is not known is never sent again, since it may still arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.lsp.convert import edits_to_client
from claude_lsp.telemetry import tracing
from claude_lsp.text.edits import (
    TextEdit,
    apply_edits,
    move_position,
    move_range,
    move_untouched,
)
from claude_lsp.text.lines import line_ending
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.protocol import Server
    from claude_lsp.text.edits import Change
    from claude_lsp.text.positions import Position
    from claude_lsp.text.snapshots import Snapshot

log = logging.getLogger(__name__)

CLOSED = "the document was closed"
CHANGED = "the text there has changed meanwhile"
NOT_SHOWN = "the editor did not take it over"

APPLY = "claude/applyEdit"
"""As `workspace/applyEdit`, for clients that can join several edits into one step to undo."""

_ATTEMPTS = 3
"""How often an edit is sent while nothing else is heard of the document."""
_PATIENCE_S = 5.0
"""How long an edit that is refused is sent again while the user types on."""
_ANSWER_S = 10.0
_ECHO_S = 1.5
"""How long to wait for the change that an applied edit causes; Neovim holds changes for 150 ms."""
_RETRY_S = 0.2
"""How long to wait, after a refusal, for the change that may have been its reason."""
_ENDING = re.compile(r"\r\n|\n|\r")


class Applier:
    """Sends the edits of one job into one document, in order, each verified.

    Args:
        server: the server.
        snapshot: the text that the edits are made for.
        journal: what happened to the document since; whoever opened it closes it.
        label: how the editor names the edits in its list of what can be undone.
    """

    def __init__(self, server: Server, snapshot: Snapshot, journal: Journal, label: str) -> None:
        self._server = server
        self._snapshot = snapshot
        self._journal = journal
        self._label = label
        # Where the last insertion ended, how many of the changes that place has seen, whether one
        # of them may have been the user's, right behind it, and whether none was, anywhere.
        self._place: Position | None = None
        self._seen = 0
        self._touched = False
        self._alone = False
        self._inserted = ""

    async def replace(self, span: Range, text: str) -> str | None:
        """Replace a range of the snapshot.

        Returns:
            None if it was applied, else why it was not, in words for the user.
        """
        return await self.replace_all([TextEdit(span, text)])

    async def replace_all(self, edits: Sequence[TextEdit]) -> str | None:
        """Replace several ranges of the snapshot at once, as one step to undo.

        Returns:
            None if it was applied, else why none of it was, in words for the user.
        """
        todo = []
        for span, given in edits:
            old = self._snapshot.index.slice(span)
            text = with_endings_of(old, self._snapshot.text, given)
            if text != old:
                todo.append((span, old, text))
        if not todo:
            return None

        def locate(live: Snapshot) -> list[Range] | None:
            places = []
            for span, old, _ in todo:
                now = move_range(span, self._journal.changes)
                if now is None or live.index.slice(now) != old:
                    return None
                places.append(now)
            return places

        outcome = await self._apply(locate, [text for *_, text in todo])
        return outcome if isinstance(outcome, str) else None

    async def insert(self, at: Position, text: str, until: Position | None = None) -> str | None:
        """Insert text at a place of the snapshot, behind what was inserted there before.

        What the user types at that very place meanwhile is a decision against it. Where the client
        can, all that one applier inserts is one step to undo.

        Args:
            at: the place.
            text: what to put there.
            until: on the same line, the end of what the text takes the place of; None for nothing.

        Returns:
            None if it was applied, else why it was not.
        """
        return await self._insert(Range(at, until or at), text, self._grown)

    async def append(self, at: Position, text: str) -> str | None:
        """Insert like `insert`, in front of what the user types at that very place meanwhile.

        Returns:
            None if it was applied, else why it was not.
        """
        return await self._insert(Range(at, at), text, self._in_front)

    async def _insert(
        self, covered: Range, text: str, place_of: Callable[[Position], Position | None]
    ) -> str | None:
        text = with_endings_of("", self._snapshot.text, text)
        old = self._snapshot.index.slice(covered)
        if not text and not old:
            return None
        expected = ""

        def locate(live: Snapshot) -> list[Range] | None:
            nonlocal expected
            place = place_of(covered.start)
            rest = move_range(covered, self._journal.changes) if old else None
            if place is None or (old and rest is None):
                return None
            now = Range(place, place if rest is None else rest.end)
            if live.index.slice(now) != old:
                return None
            start = live.index.offset_at(place)
            expected = live.text[:start] + text + live.text[start + len(old) :]
            return [now]

        outcome = await self._apply(locate, [text], grows=True)
        if isinstance(outcome, str):
            return outcome
        self._place, self._touched = outcome
        self._seen = len(self._journal.changes)
        shown = self._live()
        # Neovim ends a last line by itself.
        self._alone = shown is not None and shown.text.rstrip("\r\n") == expected.rstrip("\r\n")
        self._inserted += text
        return None

    async def take_back(self) -> str | None:
        """Take out again what was inserted, if all of it stands there as it was inserted.

        Returns:
            None if nothing of it is left, else why it was left, in words for the user.
        """
        inserted, last = self._inserted, self._place
        if not inserted or last is None:
            return None

        def locate(live: Snapshot) -> list[Range] | None:
            now = self._grown(last)
            if now is None:
                return None
            end = live.index.offset_at(now)
            start = end - len(inserted)
            stands = start >= 0 and live.text[start:end] == inserted
            return [live.index.range_of(start, end)] if stands else None

        outcome = await self._apply(locate, [""], grows=True)
        return outcome if isinstance(outcome, str) else None

    def _grown(self, at: Position) -> Position | None:
        """Return where the next insertion goes by now, None if the user has been there."""
        if self._touched:
            return None
        place = at if self._place is None else self._place
        now = move_untouched(Range(place, place), self._journal.changes[self._seen :])
        return None if now is None else now.end

    def _in_front(self, at: Position) -> Position | None:
        """Return it in front of what was typed there; None if the text around it is gone."""
        place = at if self._place is None else self._place
        for change in self._journal.changes[self._seen :]:
            if change.start < place < change.end:
                return None
            place = move_position(place, change, sticky_end=True)
        return place

    @tracing.spanned("apply")
    async def _apply(
        self,
        locate: Callable[[Snapshot], Sequence[Range] | None],
        texts: Sequence[str],
        *,
        grows: bool = False,
    ) -> _Stands | str:
        """Send edits as one, again if it is refused, and wait until the document shows them.

        Args:
            locate: returns the edits' places in the text of now, None if one is gone.
            texts: what to put there.
            grows: whether it may belong to the same step to undo as the one before.

        Returns:
            where the last text stands by now, or why it does not, in words for the user.
        """
        clock = asyncio.get_running_loop().time
        refusal, attempts, end = "", _ATTEMPTS, clock() + _PATIENCE_S
        while attempts and clock() < end:
            live = self._live()
            if live is None:
                return CLOSED
            places = locate(live)
            if places is None:
                return CHANGED
            edits = [TextEdit(*each) for each in zip(places, texts, strict=True)]
            sent = _Sent(live, edits, len(self._journal.changes))
            if grows and self._server.abilities.joins_undo:
                answer = await self._send_joined(live, edits)
            else:
                answer = await self._send(live, edits)
            if answer is None:
                return await self._shown(sent)
            refusal = f": {answer}" if answer else ""
            log.info("the client refused an edit%s", refusal)
            try:
                async with asyncio.timeout(_RETRY_S):
                    await self._change(sent.seen)
            except TimeoutError:
                attempts -= 1
            now = self._live()
            # What the user typed there instead may hold the edit's text, and is not the edit.
            found = None if now is None else sent.find(now, self._journal, exact=True)
            if found is not None:
                return found
        return f"the editor refused it{refusal}"

    async def _send(self, live: Snapshot, todo: Sequence[TextEdit]) -> str | None:
        """Send edits as one; return None unless the client refused it, and else its reason."""
        abilities = self._server.abilities
        edits = edits_to_client(todo, live.index, abilities.position_encoding)
        workspace_edit = types.WorkspaceEdit(changes={live.uri: edits})
        if abilities.document_changes:
            identifier = types.OptionalVersionedTextDocumentIdentifier(live.uri, live.version)
            workspace_edit = types.WorkspaceEdit(
                document_changes=[types.TextDocumentEdit(identifier, list(edits))]
            )
        params = types.ApplyWorkspaceEditParams(workspace_edit, label=self._label)
        try:
            async with asyncio.timeout(_ANSWER_S):
                result = await self._server.workspace_apply_edit_async(params)
        except TimeoutError:
            log.warning("the client did not answer workspace/applyEdit")
            return None
        except JsonRpcException as error:
            return error.message or type(error).__name__
        return None if result.applied else result.failure_reason or ""

    async def _send_joined(self, live: Snapshot, todo: Sequence[TextEdit]) -> str | None:
        """Send edits that belong to the step to undo of those before; return as `_send` does.

        What the user has done since stands between, and begins a step of its own.
        """
        params = {
            "uri": live.uri,
            "version": live.version,
            "edits": edits_to_client(todo, live.index, self._server.abilities.position_encoding),
            "label": self._label,
            "join": self._alone and len(self._journal.changes) == self._seen,
        }
        try:
            async with asyncio.timeout(_ANSWER_S):
                result = await self._server.protocol.send_request_async(APPLY, params)
        except TimeoutError:
            log.warning("the client did not answer %s", APPLY)
            return None
        except JsonRpcException as error:
            return error.message or type(error).__name__
        if isinstance(result, dict) and result.get("applied") is True:
            return None
        return str(result.get("failureReason") or "") if isinstance(result, dict) else ""

    async def _shown(self, sent: _Sent) -> _Stands | str:
        """Wait until the document shows the edits, since the next one's place depends on them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ECHO_S):
                while (live := self._live()) is not None:
                    if found := sent.find(live, self._journal):
                        return found
                    await self._change(len(self._journal.changes))
        return CLOSED if self._live() is None else NOT_SHOWN

    def _live(self) -> Snapshot | None:
        document = self._server.workspace.get(self._snapshot.uri)
        if document is None or self._journal.closed_document or self._server.protocol.ending:
            return None
        return document.snapshot()

    async def _change(self, seen: int) -> None:
        """Wait until the document has seen more than so many changes."""
        news = asyncio.Event()
        remove = self._server.workspace.on_edit(lambda _document, _changes: news.set())
        try:
            while len(self._journal.changes) <= seen:
                news.clear()
                await news.wait()
        finally:
            remove()


def with_endings_of(old: str, document: str, text: str) -> str:
    """Bring a text into the line endings of what it replaces, as the editor would do."""
    return _ENDING.sub(line_ending(old if _ENDING.search(old) else document), text)


class _Stands(NamedTuple):
    """An edit that the document shows: where its text ends, and whether more came behind it."""

    end: Position
    more_behind: bool


class _Sent:
    """Edits that were sent as one: tells whether and where they stand in the document by now.

    Attributes:
        seen: how many changes the document had seen before.
    """

    def __init__(self, live: Snapshot, edits: Sequence[TextEdit], seen: int) -> None:
        self.seen = seen
        self._edits = [_SentEdit(live.index.slice(span), span, text, seen) for span, text in edits]
        # Edits that touch are hard to tell apart, so the whole text is looked at first.
        self._whole = apply_edits(live.text, edits) if len(edits) > 1 else None

    def find(self, live: Snapshot, journal: Journal, *, exact: bool = False) -> _Stands | None:
        """Return where the last text stands; None as long as the document does not show all.

        Args:
            live: the document.
            journal: what happened to it.
            exact: whether nothing else may have been put there.
        """
        if live.text == self._whole:
            return _Stands(live.index.position_at(len(live.text)), more_behind=False)
        stands = [each.find(live, journal, exact=exact) for each in self._edits]
        return None if None in stands else stands[-1]


class _SentEdit:
    """One of them: tells whether and where it stands in the document by now."""

    def __init__(self, old: str, place: Range, text: str, seen: int) -> None:
        self._old = old
        self._place = place
        self._text = text
        self._seen = seen

    def find(self, live: Snapshot, journal: Journal, *, exact: bool) -> _Stands | None:
        """Return where the new text stands; None as long as the document does not show it."""
        hull = _hull(self._place, journal.changes[self._seen :])
        if hull is None:
            return None
        # Editors describe an edit in their own way: only its middle, or together with what the
        # user typed next to it.
        there = live.index.slice(hull)
        if self._old in there and self._old not in self._text:
            return None
        start = there.find(self._text)
        if start < 0 or (exact and there != self._text):
            same = _ENDING.sub("\n", there) == _ENDING.sub("\n", self._text)
            return _Stands(hull.end, more_behind=False) if same else None
        end = start + len(self._text)
        first = live.index.offset_at(hull.start)
        return _Stands(live.index.position_at(first + end), more_behind=end < len(there))


def _hull(place: Range, changes: list[Change]) -> Range | None:
    """Follow a place and all that was changed in it or next to it; None if nothing was."""
    start, end = place
    touched = False
    for change in changes:
        if change.end < start:
            start, end = move_position(start, change), move_position(end, change)
        elif change.start <= end:
            touched = True
            end = move_position(end, change) if end > change.end else change.new_end
            start = min(start, change.start)
    return Range(start, end) if touched else None
