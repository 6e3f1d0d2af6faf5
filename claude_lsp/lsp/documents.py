"""The open documents: edited in place, frozen on request, with journals of what changed since."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakSet

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from claude_lsp.text.edits import Change
from claude_lsp.text.lines import Encoding, column_from_units, split_lines, without_ending
from claude_lsp.text.positions import Position
from claude_lsp.text.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    EditListener = Callable[["LiveDocument", list[Change]], None]

logger = logging.getLogger(__name__)


class Journal:
    """What happened to a document since somebody took a snapshot of it.

    Attributes:
        changes: the changes so far, oldest first.
        closed_document: whether the document has been closed in the editor.
    """

    def __init__(self, document: LiveDocument) -> None:
        self.changes: list[Change] = []
        self.closed_document = False
        self._document = document

    def close(self) -> None:
        """Stop recording; the changes so far stay readable. May be called twice."""
        self._document.forget(self)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LiveDocument(TextDocument):
    r"""One document as the editor shows it now.

    pygls 2.1.1 splits and joins the whole text for every change, and splits at form feeds, NEL,
    U+2028 and others, which puts later edits on the wrong line. Here the lines are kept and
    edited in place, and end at `\n`, `\r\n` and `\r` only.

    Handlers never keep one of these across an await: they take a `snapshot`.
    """

    def __init__(self, uri: str, source: str, encoding: Encoding = "utf-16", **others: Any) -> None:
        super().__init__(uri, source, **others)
        self.encoding = encoding
        # The last line never has an ending and may be empty, so every place is on some line.
        self._lines = _all_lines(source)
        self._snapshot: Snapshot | None = None
        # Held weakly: a task that is cancelled before its first step cannot close its journal.
        self._journals: WeakSet[Journal] = WeakSet()

    @property
    def source(self) -> str:
        """The whole text."""
        if self._source is None:
            self._source = "".join(self._lines)
        return self._source

    @property
    def lines(self) -> Sequence[str]:
        """The lines with their endings; an empty last one is not listed."""
        return tuple(self._lines if self._lines[-1] else self._lines[:-1])

    def snapshot(self) -> Snapshot:
        """Return the document frozen as it is now; the same object until something changes."""
        if self._snapshot is None or self._snapshot.version != self.version:
            language = self.language_id or "plaintext"
            self._snapshot = Snapshot(self.uri, self.version, self.source, language)
        return self._snapshot

    def journal(self) -> Journal:
        """Start recording the changes from now on. Close the journal when it is done with."""
        journal = Journal(self)
        self._journals.add(journal)
        return journal

    def forget(self, journal: Journal) -> None:
        """Stop recording into a journal."""
        self._journals.discard(journal)

    def close(self) -> None:
        """Tell the open journals that there will be no more changes."""
        for journal in self._journals:
            journal.closed_document = True
        self._journals.clear()

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply one change as the client sent it, incremental or the whole text."""
        self.apply([change])

    def apply(
        self, changes: Iterable[types.TextDocumentContentChangeEvent], *, describe: bool = False
    ) -> list[Change]:
        """Apply changes in order, each to the text that the one before has left.

        Args:
            changes: as the client sent them.
            describe: whether the caller wants the changes back; journals get them anyway.

        Returns:
            the changes in code points, if anybody wants them; none for what changed nothing.
        """
        describe = describe or bool(self._journals)
        described: list[Change] = []
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                done = self._replace(change.range, change.text, describe=describe)
            else:
                done = self._replace_all(change.text, describe=describe)
            if done is not None:
                described.append(done)
        self._source = self._snapshot = None
        for journal in self._journals:
            journal.changes += described
        return described

    def _replace(self, span: types.Range, text: str, *, describe: bool) -> Change | None:
        lines = self._lines
        first, start = self._place(span.start)
        last, end = self._place(span.end)
        if (last, end) < (first, start):
            first, start, last, end = last, end, first, start
        begin = Position(first, start)
        stop = Position(last, end)
        tail = lines[last][end:]
        new = lines[first][:start] + text + tail
        if first and new[:1] == "\n" and lines[first - 1][-1:] == "\r":
            # The two become one line ending, so the line before changes too.
            first -= 1
            new = lines[first] + new
            begin = Position(first, len(lines[first]) - 1)
        if first == last and "\n" not in text and "\r" not in text:
            lines[first] = new
            count = 1
        else:
            replacement = _all_lines(new) if last == len(lines) - 1 else split_lines(new)
            count = len(replacement)
            lines[first : last + 1] = replacement
        if not describe or (begin == stop and not text):
            return None
        line = lines[first + count - 1]
        # Behind a carriage return that met its line feed there is no place; before it there is.
        column = min(len(line) - len(tail), len(without_ending(line)))
        return Change(begin, stop, Position(first + count - 1, column))

    def _replace_all(self, text: str, *, describe: bool) -> Change | None:
        old, self._lines = self._lines, _all_lines(text)
        return _difference(old, self._lines) if describe else None

    def _place(self, position: types.Position) -> tuple[int, int]:
        lines = self._lines
        if position.line >= len(lines):
            return len(lines) - 1, len(lines[-1])
        line = lines[position.line]
        return position.line, column_from_units(line, position.character, self.encoding)


class Documents(Workspace):
    """Every open document, and whoever wants to hear of edits."""

    def __init__(
        self,
        root_uri: str | None,
        folders: Sequence[types.WorkspaceFolder] = (),
        encoding: Encoding = "utf-16",
    ) -> None:
        kind = types.TextDocumentSyncKind.Incremental
        super().__init__(root_uri, kind, folders, types.PositionEncodingKind(encoding))
        self.encoding = encoding
        self._listeners: list[EditListener] = []

    def get(self, uri: str) -> LiveDocument | None:
        """Return an open document, None for one that is not open; the disk is never read."""
        document = self._text_documents.get(unquote(uri))
        return document if isinstance(document, LiveDocument) else None

    def open_snapshots(self) -> list[Snapshot]:
        """Return every open document, frozen as it is now."""
        documents = self._text_documents.values()
        return [each.snapshot() for each in documents if isinstance(each, LiveDocument)]

    def on_edit(self, listener: EditListener) -> Callable[[], None]:
        """Call `listener(document, changes)` after every edit that changed something.

        It is called once per message, with the document already in its new state.

        Returns:
            a function that ends this; call it once.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def update(
        self,
        identifier: types.VersionedTextDocumentIdentifier,
        changes: Iterable[types.TextDocumentContentChangeEvent],
    ) -> None:
        """Apply the changes of one message."""
        document = self.get(identifier.uri)
        if document is None:
            logger.warning("A change to a document that is not open was ignored.")
            return
        described = document.apply(changes, describe=bool(self._listeners))
        document.version = identifier.version
        if described:
            for listener in tuple(self._listeners):
                listener(document, described)

    def update_text_document(
        self,
        text_doc: types.VersionedTextDocumentIdentifier,
        change: types.TextDocumentContentChangeEvent,
    ) -> None:
        """Apply one change; pygls calls this for the cells of notebooks."""
        self.update(text_doc, [change])

    def put_text_document(
        self, text_document: types.TextDocumentItem, notebook_uri: str | None = None
    ) -> None:
        """Open a document; one that was open under the same address is dropped."""
        self._drop(text_document.uri)
        super().put_text_document(text_document, notebook_uri)

    def remove_text_document(self, doc_uri: str) -> None:
        """Close a document."""
        self._drop(doc_uri)
        super().remove_text_document(doc_uri)

    def _drop(self, uri: str) -> None:
        if (document := self.get(uri)) is not None:
            document.close()

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> TextDocument:
        if source is None:  # pygls' way to read a file that is not open
            return super()._create_text_document(doc_uri, source, version, language_id)
        return LiveDocument(
            doc_uri,
            source,
            self.encoding,
            version=version,
            language_id=language_id,
            sync_kind=self._sync_kind,
            position_codec=self._position_codec,
        )


def _all_lines(text: str) -> list[str]:
    """Split a text into lines of which the last one, perhaps empty, has no ending."""
    lines = split_lines(text)
    if not lines or lines[-1][-1] in "\r\n":
        lines.append("")
    return lines


def _difference(old: list[str], new: list[str]) -> Change | None:
    """Describe a whole new text as one small change, None if it is the same text.

    Both are lists from `_all_lines`: unless a list ends in the common lines, its last line has
    no ending, so a place behind its lines is always the start of a line that exists.
    """
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    if head == len(old) == len(new):
        return None
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_rest, new_rest = old[head : len(old) - tail], new[head : len(new) - tail]
    if not old_rest or not new_rest:
        start = Position(head, 0)
        return Change(start, Position(len(old) - tail, 0), Position(len(new) - tail, 0))
    first_old, first_new = without_ending(old_rest[0]), without_ending(new_rest[0])
    column = 0
    while column < min(len(first_old), len(first_new)) and first_old[column] == first_new[column]:
        column += 1
    start = Position(head, column)
    last_old, last_new = without_ending(old_rest[-1]), without_ending(new_rest[-1])
    if old_rest[-1][len(last_old) :] != new_rest[-1][len(last_new) :]:
        return Change(start, Position(len(old) - tail, 0), Position(len(new) - tail, 0))
    limit = min(
        len(last_old) - (column if len(old_rest) == 1 else 0),
        len(last_new) - (column if len(new_rest) == 1 else 0),
    )
    kept = 0
    while kept < limit and last_old[-1 - kept] == last_new[-1 - kept]:
        kept += 1
    return Change(
        start,
        Position(len(old) - tail - 1, len(last_old) - kept),
        Position(len(new) - tail - 1, len(last_new) - kept),
    )
