"""What is shown before it is in the text: what is being written, and edits that wait for a word.

Edits wait only for a client that says that it lets the user accept or discard them; all others get
each edit as soon as it is ready. What waits moves with the text around it, is taken back when the
text under it changes, and is never more than one set of edits for each document and action.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.apply import CHANGED, CLOSED, with_endings_of
from claude_lsp.lsp.convert import edits_to_client, position_to_client
from claude_lsp.text.edits import TextEdit, move_range, move_untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from claude_lsp.lsp.documents import Journal, LiveDocument
    from claude_lsp.lsp.protocol import Server
    from claude_lsp.text.edits import Change
    from claude_lsp.text.positions import Position, Range
    from claude_lsp.text.snapshots import Snapshot

METHOD = "claude/preview"


@contextlib.contextmanager
def growing(server: Server, snapshot: Snapshot, at: Position) -> Iterator[Callable[[str], None]]:
    """Show a growing text in editors that can, until the end of the block takes it back."""
    if not server.abilities.preview:
        yield lambda _text: None
        return
    position = position_to_client(at, snapshot.index, server.abilities.position_encoding)
    last = ""

    def show(text: str, *, complete: bool = False) -> None:
        nonlocal last
        last = text
        server.protocol.notify(
            METHOD,
            {
                "uri": snapshot.uri,
                "position": {"line": position.line, "character": position.character},
                "text": text,
                "complete": complete,
            },
        )

    try:
        yield show
    finally:
        if last:
            show(last, complete=True)


@dataclass(frozen=True, slots=True)
class HeldEdit:
    """One edit: its place in the text of now, what stands there, and what is to stand there."""

    range: Range
    old: str
    text: str
    at_cursor: bool

    def moved(self, changes: Sequence[Change]) -> HeldEdit | None:
        """Return it at its place after some changes, None if they touched it."""
        # Text typed at the cursor is a decision against what was to stand there.
        move = move_untouched if self.at_cursor else move_range
        place = move(self.range, changes)
        return None if place is None else replace(self, range=place)


@dataclass(eq=False)
class Held:
    """The edits of one job in one document.

    Attributes:
        number: how the client calls it.
        key: of the job that makes them.
        uri: the document.
        title: what they are for, in words for the user.
        edits: those that have come, in their order in the text.
        ready: whether all have come; none can be accepted before.
    """

    number: int
    key: str
    uri: str
    title: str
    edits: list[HeldEdit] = field(default_factory=list)
    ready: bool = False

    @property
    def text_edits(self) -> list[TextEdit]:
        """The edits, for the text of now."""
        return [TextEdit(each.range, each.text) for each in self.edits]

    def stands(self, live: Snapshot) -> bool:
        """Whether the text that they were made for is there."""
        return all(live.index.slice(each.range) == each.old for each in self.edits)


class Previews:
    """The edits of one session that wait.

    Args:
        server: whose client shows them.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._held: dict[int, Held] = {}

    @contextlib.contextmanager
    def holding(self, key: str, uri: str, title: str) -> Iterator[Held]:
        """Hold the edits of a job; once it has ended, the user decides.

        What a job has come to before it failed can be accepted; a cancelled one takes it back.
        """
        for earlier in [each for each in self._held.values() if each.key == key]:
            self._take_back(earlier)
        held = Held(next(self._numbers), key, uri, title)
        self._held[held.number] = held
        whole = False
        try:
            yield held
            whole = True
        except ClaudeError:
            whole = True
            raise
        finally:
            held.ready = True
            if whole and held.edits:
                self._show(held)
            else:
                self._take_back(held)

    def add(
        self,
        held: Held,
        snapshot: Snapshot,
        journal: Journal,
        edit: TextEdit,
        *,
        at_cursor: bool = False,
    ) -> str | None:
        """Hold one more edit.

        Args:
            held: what it belongs to.
            snapshot: the text that it is made for.
            journal: what has happened to the document since.
            edit: in the snapshot's positions.
            at_cursor: whether the user is typing at its place.

        Returns:
            None if it is held or changes nothing, else why not, in words for the user.
        """
        document = self._server.workspace.get(held.uri)
        if document is None or journal.closed_document:
            return CLOSED
        old = snapshot.index.slice(edit.range)
        text = with_endings_of(old, snapshot.text, edit.text)
        if text == old:
            return None
        new = HeldEdit(edit.range, old, text, at_cursor or edit.range.empty)
        moved = new.moved(journal.changes)
        if moved is None or document.snapshot().index.slice(moved.range) != old:
            return CHANGED
        held.edits = sorted([*held.edits, moved], key=lambda each: each.range)
        self._show(held)
        return None

    def take(self, number: object) -> Held | None:
        """Return what the user accepts, which waits no more; None if there is none to accept."""
        held = self._held.get(number) if isinstance(number, int) else None
        if held is None or not held.ready:
            return None
        self._take_back(held)
        return held

    def discard(self, number: object) -> Held | None:
        """Take back what the user does not want; return it, None if there is no such thing."""
        held = self._held.get(number) if isinstance(number, int) else None
        if held is not None:
            self._take_back(held)
        return held

    def discard_all(self, uri: str | None = None) -> int:
        """Take back all that is ready, or all of one document; return how much it was."""
        unwanted = [
            each for each in self._held.values() if (each.ready if uri is None else each.uri == uri)
        ]
        for held in unwanted:
            self._take_back(held)
        return len(unwanted)

    def on_edit(self, document: LiveDocument, changes: list[Change]) -> None:
        """Follow an edit of the document."""
        for held in [each for each in self._held.values() if each.uri == document.uri]:
            before = held.edits
            moved = (each.moved(changes) for each in before)
            held.edits = [each for each in moved if each is not None]
            if held.ready and not held.edits:
                self._take_back(held, CHANGED)
            elif held.edits != before:
                self._show(held)

    def _take_back(self, held: Held, reason: str = "") -> None:
        if self._held.pop(held.number, None) is not None:
            self._tell(held, [], complete=True, reason=reason)

    def _show(self, held: Held) -> None:
        document = self._server.workspace.get(held.uri)
        if document is not None and held.number in self._held:
            encoding = self._server.abilities.position_encoding
            edits = edits_to_client(held.text_edits, document.snapshot().index, encoding)
            self._tell(held, edits, complete=False)

    def _tell(
        self, held: Held, edits: Sequence[object], *, complete: bool, reason: str = ""
    ) -> None:
        self._server.protocol.notify(
            METHOD,
            {
                "id": held.number,
                "uri": held.uri,
                "title": held.title,
                "edits": edits,
                "ready": held.ready,
                "complete": complete,
                "reason": reason,
            },
        )
