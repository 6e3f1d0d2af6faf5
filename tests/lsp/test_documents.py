"""The live documents: right after any edits, in any encoding, and their journals likewise."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from claude_lsp.lsp.documents import Documents, LiveDocument
from claude_lsp.lsp.protocol import Server
from claude_lsp.text.edits import Change, move_position
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position
from tests.lsp.pair import Pair, modern, offset_of

if TYPE_CHECKING:
    from claude_lsp.text.lines import Encoding

URI = "file:///some%20dir/work.py"
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")

texts = st.text(st.sampled_from("ab\n\r\f\x85\u2028é中\U0001f600\t"), max_size=12) | st.lists(
    st.sampled_from(["\r\n", "\n", "\r", "a", "\U0001f600", "b\r\n", "é\r"]), max_size=10
).map("".join)
places = st.tuples(st.integers(0, 8), st.integers(0, 12))
spans = st.tuples(places, places)


def partial_change(
    span: tuple[tuple[int, int], tuple[int, int]], text: str
) -> types.TextDocumentContentChangePartial:
    (start, end) = span
    return types.TextDocumentContentChangePartial(
        types.Range(types.Position(*start), types.Position(*end)), text
    )


@given(text=texts, edits=st.lists(st.tuples(spans | st.none(), texts), max_size=6))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_edits_give_the_text_that_the_slow_way_gives(
    encoding: Encoding, text: str, edits: list[tuple[Any, str]]
) -> None:
    document = LiveDocument(URI, text, encoding)
    with document.journal() as journal:
        for span, new in edits:
            if span is None:
                document.apply_change(types.TextDocumentContentChangeWholeDocument(new))
                text = new
            else:
                start, end = sorted(offset_of(text, place, encoding) for place in span)
                document.apply_change(partial_change(span, new))
                text = text[:start] + new + text[end:]
            assert document.source == text
            assert "".join(document.lines) == text
            assert document.lines == tuple(LineIndex(text).lines)
            assert document.snapshot().text == text
        assert len(journal.changes) <= len(edits)


# Two letters make whole texts alike enough for their difference to be interesting.
alike = st.text(st.sampled_from("a\r\n"), max_size=7)


near = st.tuples(st.integers(0, 3), st.integers(0, 3))


@example(("a", None, "aa"))
@example(("aa", None, "a"))
@example(("a\r", ((1, 0), (1, 0)), "\n"))
@example(("a\n", ((0, 1), (0, 1)), "\r"))
@example(("a\n", None, "a\na\n"))
@example(("a\rb\n", ((1, 0), (1, 1)), ""))
@settings(max_examples=400)
@given(
    edit=st.tuples(texts, spans, texts)
    | st.tuples(alike, st.tuples(near, near), alike)
    | st.tuples(alike, st.none(), alike)
)
def test_journals_move_the_text_behind_an_edit_to_where_it_is_now(
    edit: tuple[str, Any, str],
) -> None:
    text, span, new = edit
    document = LiveDocument(URI, text, "utf-32")
    journal = document.journal()
    change: types.TextDocumentContentChangeEvent
    change = (
        types.TextDocumentContentChangeWholeDocument(new)
        if span is None
        else partial_change(span, new)
    )
    before = LineIndex(text)
    document.apply_change(change)
    after = LineIndex(document.source)
    if not journal.changes:
        assert document.source == text
        return
    (done,) = journal.changes
    assert done.start <= done.end
    assert done.start <= done.new_end
    # What stands before and behind the change is the same as it was.
    head, tail = before.offset_at(done.start), before.offset_at(done.end)
    assert document.source[:head] == text[:head]
    behind = len(text) - tail
    assert document.source[len(document.source) - behind :] == text[tail:]
    # The places named are places that a cursor can be at, and the new end is where it says.
    assert before.position_at(before.offset_at(done.end)) == done.end
    assert after.position_at(after.offset_at(done.new_end)) == done.new_end
    behind_now = after.position_at(len(document.source) - behind)
    assert after.offset_at(done.new_end) == after.offset_at(behind_now)
    # And every line behind it is found again at the place to which it is moved.
    for line in range(done.end.line + 1, before.line_count):
        moved = move_position(Position(line, 0), done)
        assert after.line(moved.line) == before.line(line)
    assert after.line_count - before.line_count == done.new_end.line - done.end.line


def test_whole_text_is_described_by_what_differs() -> None:
    document = LiveDocument(URI, "one\ntwo\nthree\n")
    journal = document.journal()
    document.apply_change(types.TextDocumentContentChangeWholeDocument("one\ntwice\nthree\n"))
    assert journal.changes == [Change(Position(1, 2), Position(1, 3), Position(1, 5))]
    document.apply_change(types.TextDocumentContentChangeWholeDocument("one\ntwice\nthree\n"))
    assert len(journal.changes) == 1


def test_ranges_with_exchanged_ends_are_put_right() -> None:
    document = LiveDocument(URI, "abcdef")
    document.apply_change(partial_change(((0, 4), (0, 2)), "-"))
    assert document.source == "ab-ef"


def test_edit_cannot_get_between_carriage_return_and_line_feed() -> None:
    document = LiveDocument(URI, "ab\r\ncd")
    document.apply_change(partial_change(((0, 99), (0, 99)), "!"))
    assert document.source == "ab!\r\ncd"


def test_closed_journals_do_not_grow_and_nothing_is_recorded_without_one() -> None:
    document = LiveDocument(URI, "a")
    insert = partial_change(((0, 0), (0, 0)), "b")
    assert document.apply([insert]) == []
    with document.journal() as journal:
        document.apply_change(insert)
    document.apply_change(insert)
    journal.close()
    assert len(journal.changes) == 1
    forgotten = document.journal()
    del forgotten
    gc.collect()
    assert document.apply([insert]) == []


def test_snapshots_are_shared_until_something_changes() -> None:
    documents = Documents(None)
    documents.put_text_document(types.TextDocumentItem(URI, "python", 1, "a"))
    document = documents.get(URI)
    assert document is not None
    first = document.snapshot()
    assert first is document.snapshot()
    assert (first.uri, first.version, first.language) == (URI, 1, "python")
    documents.update(types.VersionedTextDocumentIdentifier(2, URI), [])
    assert document.snapshot().version == 2
    assert first.text == "a"


def test_documents_are_found_under_any_spelling_of_their_address_and_never_on_disk() -> None:
    documents = Documents(None)
    documents.put_text_document(types.TextDocumentItem(URI, "python", 1, "a"))
    assert documents.get("file:///some dir/work.py") is documents.get(URI)
    assert documents.get("file:///etc/hostname") is None
    assert [each.uri for each in documents.open_snapshots()] == [URI]
    documents.remove_text_document(URI)
    assert documents.get(URI) is None
    assert documents.open_snapshots() == []


def test_closing_and_reopening_end_the_journals() -> None:
    documents = Documents(None)
    item = types.TextDocumentItem(URI, "python", 1, "a")
    for end in (documents.remove_text_document, lambda _: documents.put_text_document(item)):
        documents.put_text_document(item)
        document = documents.get(URI)
        assert document is not None
        journal = document.journal()
        end(URI)
        assert journal.closed_document


def test_listeners_hear_once_of_every_message_that_changes_something() -> None:
    documents = Documents(None)
    documents.put_text_document(types.TextDocumentItem(URI, "python", 1, "ab"))
    heard: list[tuple[int | None, str, int]] = []
    stop = documents.on_edit(
        lambda document, changes: heard.append((document.version, document.source, len(changes)))
    )
    insert = partial_change(((0, 1), (0, 1)), "-")
    identifier = partial(types.VersionedTextDocumentIdentifier, uri=URI)
    documents.update(identifier(2), [insert, insert])
    documents.update(identifier(3), [types.TextDocumentContentChangeWholeDocument("a--b")])
    stop()
    documents.update(identifier(4), [insert])
    assert heard == [(2, "a--b", 2)]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_buffers_of_editor_and_server_stay_the_same(encoding: Encoding) -> None:
    async with Pair(partial(Server, "bare", "1")) as pair:
        client = pair.client
        await client.initialize(modern([encoding]))
        assert pair.server.workspace.encoding == encoding
        client.open(URI, "a\f\U0001f600é = 1\r\nb\u2028 = 2\n")
        client.change(URI, ((1, 3), (1, 4)), "中")
        client.change_many(URI, [(((0, 0), (0, 1)), "\r\n"), (((9, 9), (9, 9)), "end")])
        client.change(URI, None, "x\r")
        client.change(URI, ((1, 0), (1, 0)), "\n")
        await asyncio.sleep(0.01)
        document = pair.server.workspace.get(URI)
        assert document is not None
        assert document.source == client.texts[URI] == "x\r\n"
        client.close(URI)
        await asyncio.sleep(0.01)
        assert pair.server.workspace.get(URI) is None


async def test_edits_of_the_server_come_back_as_changes() -> None:
    async with Pair(partial(Server, "bare", "1")) as pair:
        client, server = pair.client, pair.server
        await client.initialize()
        client.open(URI, "one\ntwo\n")
        await asyncio.sleep(0.01)
        document = server.workspace.get(URI)
        assert document is not None
        journal = document.journal()

        async def edit(version: int, text: str) -> bool:
            identifier = types.OptionalVersionedTextDocumentIdentifier(URI, version)
            span = types.Range(types.Position(1, 0), types.Position(1, 3))
            changes = [types.TextDocumentEdit(identifier, [types.TextEdit(span, text)])]
            result = await server.workspace_apply_edit_async(
                types.ApplyWorkspaceEditParams(types.WorkspaceEdit(document_changes=changes))
            )
            return result.applied

        assert await edit(1, "2")
        await client.wait_for(lambda: client.applied)
        assert not await edit(1, "3")
        assert document.source == client.texts[URI] == "one\n2\n"
        assert journal.changes == [Change(Position(1, 0), Position(1, 3), Position(1, 1))]
