"""Whatever a user types while an edit arrives: none of it is lost, the edit is right or gone.

`CLAUDE_LSP_INTERLEAVINGS=20000` tries that many instead of 500.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from claude_lsp.lsp import apply
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.protocol import Server
from tests.lsp.editor import pause
from tests.lsp.pair import Pair, modern, offset_of

if TYPE_CHECKING:
    from tests.lsp.pair import Client

EXAMPLES = int(os.environ.get("CLAUDE_LSP_INTERLEAVINGS", "500"))
URI = "file:///w/code.py"
TEXTS = st.text(alphabet="ab \n😀é", max_size=30)
TYPED = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""One for each keystroke, none of which stands in a document or in an edit."""


@dataclass(frozen=True)
class Keystroke:
    """One change of the user's: where it comes in, and how much it takes away there.

    Attributes:
        moment: before the edit is sent (0), as it arrives (1), or after it was applied (2).
        place: of the document, as a share of its length.
        removed: characters that it deletes.
    """

    moment: int
    place: float
    removed: int


@dataclass(frozen=True)
class Growth:
    """An insertion that grows in the buffer.

    Attributes:
        place: of the document, as a share of its length.
        pieces: what is put there, one behind the other.
        before_cancel: how many of them; from the number of all on it is not cancelled.
        joins: whether the client joins them into one step to undo.
    """

    place: float
    pieces: list[str]
    before_cancel: int
    joins: bool


KEYSTROKES = st.lists(
    st.builds(Keystroke, st.integers(0, 2), st.floats(0, 1), st.integers(0, 3)), max_size=6
)


class Buffer:
    """The client's buffer once more, character by character, each knowing where it comes from.

    Attributes:
        items: each character with its offset in the text that the edit is made for; with -1 those
            that the user typed, and with -2 those of the edit.
    """

    def __init__(self, client: Client, keys: list[Keystroke]) -> None:
        self.client, self.keys = client, keys
        self.items = [(character, number) for number, character in enumerate(client.texts[URI])]
        self.kept: set[str] = set()
        self.typed: set[int] = set()

    def type(self, moment: int) -> None:
        """Make the user's changes of a moment: each puts in a letter that stands nowhere else."""
        for number, key in enumerate(self.keys):
            if key.moment != moment or number in self.typed:
                continue
            self.typed.add(number)
            text = self.client.texts[URI]
            start = int(key.place * len(text))
            end = min(len(text), start + key.removed)
            self.kept -= set(text[start:end])
            self.kept.add(TYPED[number])
            self.items[start:end] = [(TYPED[number], -1)]
            self.client.change(URI, (_place(text, start), _place(text, end)), TYPED[number])

    def put(self, start: int, end: int, new: str) -> list[int]:
        """Make the edit; return where the characters that it replaces come from."""
        replaced = [origin for _, origin in self.items[start:end]]
        self.items[start:end] = [(character, -2) for character in new]
        return replaced


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset].split("\n")
    return len(before) - 1, len(before[-1].encode("utf-16-le")) // 2


@pytest.mark.timeout(60 + EXAMPLES // 5)
@given(
    text=TEXTS,
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    new=st.text(alphabet="xyz\n", max_size=8),
    keys=KEYSTROKES,
)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_typed_is_lost_and_the_edit_is_right_or_gone(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    ends: tuple[float, float],
    new: str,
    keys: list[Keystroke],
) -> None:
    monkeypatch.setattr(apply, "_RETRY_S", 0.002)
    monkeypatch.setattr(apply, "_ECHO_S", 0.02)
    start, end = sorted(int(share * len(text)) for share in ends)
    asyncio.run(interleave(text, start, end, new, keys))


@pytest.mark.timeout(60 + EXAMPLES // 5)
@given(
    text=TEXTS,
    growth=st.builds(
        Growth,
        st.floats(0, 1),
        st.lists(st.text(alphabet="xyz\n", min_size=1, max_size=4), min_size=1, max_size=3),
        st.integers(0, 4),
        st.booleans(),
    ),
    keys=KEYSTROKES,
)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_typed_is_lost_while_an_insertion_grows(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    growth: Growth,
    keys: list[Keystroke],
) -> None:
    monkeypatch.setattr(apply, "_RETRY_S", 0.002)
    monkeypatch.setattr(apply, "_ECHO_S", 0.02)
    asyncio.run(grow(text, growth, keys))


def only_edit(client: Client, change: types.WorkspaceEdit) -> tuple[int, int, str]:
    """Return where the one edit begins and ends in the client's text of now, and its new text."""
    (only,) = change.document_changes or ()
    assert isinstance(only, types.TextDocumentEdit)
    (edit,) = only.edits
    assert isinstance(edit, types.TextEdit)
    before = client.texts[URI]
    first, last = (
        offset_of(before, (place.line, place.character), client.encoding)
        for place in (edit.range.start, edit.range.end)
    )
    return first, last, edit.new_text


async def grow(text: str, growth: Growth, keys: list[Keystroke]) -> None:
    """Let an insertion grow piece by piece while the user types."""
    at, pieces = int(growth.place * len(text)), growth.pieces
    async with Pair(partial(Server, "test", "1")) as pair:
        client, capabilities = pair.client, modern()
        capabilities.experimental = {"claude": {"joinUndo": growth.joins}}
        await client.initialize(capabilities)
        client.open(URI, text)
        await pause()
        document = pair.server.workspace.get(URI)
        assert document is not None
        snapshot = document.snapshot()
        buffer = Buffer(client, keys)
        apply_as_is = client.apply
        moment, removing = 0, False

        def arrive(change: types.WorkspaceEdit) -> str | None:
            # The first attempt of each piece meets what is typed as it arrives.
            buffer.type(moment)
            first, last, new_text = only_edit(client, change)
            refusal = apply_as_is(change)
            if refusal is None:
                above = [origin for _, origin in buffer.items[:first]]
                below = [origin for _, origin in buffer.items[last:]]
                # In its place, right behind what there is of it; nothing else is taken away.
                assert all(origin < at for origin in above)
                assert all(origin >= at or origin == -1 for origin in below)
                replaced = buffer.put(first, last, new_text)
                if removing:
                    assert set(replaced) == {-2}
                    assert -2 not in above + below
                else:
                    assert replaced == []
                    assert not applied or above[-1] == -2
            return refusal

        client.apply = arrive  # type: ignore[assignment,method-assign]
        applied, problem = "", None
        with document.journal() as journal:
            applier = Applier(pair.server, snapshot, journal, "Claude")
            place = snapshot.index.position_at(at)
            for piece in pieces[: growth.before_cancel]:
                problem = await applier.insert(place, piece)
                if problem is not None:
                    break
                applied += piece
                moment += 1
            stood = [character for character, origin in buffer.items if origin == -2]
            if growth.before_cancel < len(pieces):
                removing, moment = True, 2
                left = await applier.take_back()
                assert left is not None or all(origin != -2 for _, origin in buffer.items)
            elif problem is None and not keys:
                assert "".join(stood) == "".join(pieces)
            buffer.type(1)
            buffer.type(2)
            await pause()
        live = pair.server.workspace.get(URI)
        assert live is not None
        assert live.source == client.texts[URI] == "".join(each for each, _ in buffer.items)
        assert buffer.kept <= set(client.texts[URI])


@pytest.mark.timeout(60 + EXAMPLES // 5)
@given(
    text=TEXTS,
    pieces=st.lists(st.text(alphabet="xyz\n", min_size=1, max_size=4), min_size=1, max_size=4),
    keys=st.lists(st.builds(Keystroke, st.integers(0, 7), st.floats(0, 1), st.just(0)), max_size=6),
)
@settings(
    max_examples=max(1, EXAMPLES // 10),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_answer_stays_whole_and_in_front_of_what_is_typed_behind_it(
    monkeypatch: pytest.MonkeyPatch, text: str, pieces: list[str], keys: list[Keystroke]
) -> None:
    monkeypatch.setattr(apply, "_RETRY_S", 0.002)
    monkeypatch.setattr(apply, "_ECHO_S", 0.02)
    asyncio.run(stream(text, pieces, keys))


async def stream(text: str, pieces: list[str], keys: list[Keystroke]) -> None:
    """Append pieces; moments of keystrokes alternate: before a piece is sent, as it arrives."""
    async with Pair(partial(Server, "test", "1")) as pair:
        client = pair.client
        await client.initialize()
        client.open(URI, text)
        await pause()
        document = pair.server.workspace.get(URI)
        assert document is not None
        snapshot = document.snapshot()
        apply_as_is = client.apply
        typed: list[str] = []
        moment = 0

        def type_at(when: int) -> None:
            for number, key in enumerate(keys):
                if key.moment == when and TYPED[number] not in typed:
                    now = client.texts[URI]
                    place = _place(now, int(key.place * len(now)))
                    typed.append(TYPED[number])
                    client.change(URI, (place, place), TYPED[number])

        def arrive(change: types.WorkspaceEdit) -> str | None:
            type_at(moment + 1)
            return apply_as_is(change)

        client.apply = arrive  # type: ignore[assignment,method-assign]
        written = []
        with document.journal() as journal:
            applier = Applier(pair.server, snapshot, journal, "Claude")
            end = snapshot.index.position_at(len(text))
            for moment, piece in zip(range(0, 8, 2), pieces, strict=False):
                type_at(moment)
                await pause()
                if await applier.append(end, piece) is not None:
                    break
                written.append(piece)
        live = pair.server.workspace.get(URI)
        assert live is not None
        now = client.texts[URI]
        assert live.source == now
        assert set(typed) <= set(now)
        # Nothing of the text is lost, the pieces stand there in their order, and behind the text.
        kept = "".join(each for each in now if each not in TYPED)
        assert kept == text + "".join(written)
        assert written == pieces


async def interleave(text: str, start: int, end: int, new: str, keys: list[Keystroke]) -> None:
    async with Pair(partial(Server, "test", "1")) as pair:
        client = pair.client
        await client.initialize()
        client.open(URI, text)
        await pause()
        document = pair.server.workspace.get(URI)
        assert document is not None
        snapshot = document.snapshot()
        buffer = Buffer(client, keys)
        apply_as_is = client.apply
        attempts = applied = 0

        def arrive(change: types.WorkspaceEdit) -> str | None:
            nonlocal attempts, applied
            attempts += 1
            if attempts == 1:
                buffer.type(1)
            first, last, new_text = only_edit(client, change)
            refusal = apply_as_is(change)
            if refusal is None:
                applied += 1
                above = [origin for _, origin in buffer.items[:first] if origin >= 0]
                below = [origin for _, origin in buffer.items[last:] if origin >= 0]
                assert buffer.put(first, last, new_text) == list(range(start, end))
                assert all(origin < start for origin in above)
                assert all(origin >= end for origin in below)
            return refusal

        client.apply = arrive  # type: ignore[assignment,method-assign]
        with document.journal() as journal:
            buffer.type(0)
            await pause()
            applier = Applier(pair.server, snapshot, journal, "Claude")
            problem = await applier.replace(snapshot.index.range_of(start, end), new)
            buffer.type(2)
            await pause()
        live = pair.server.workspace.get(URI)
        assert live is not None
        assert live.source == client.texts[URI] == "".join(each for each, _ in buffer.items)
        assert buffer.kept <= set(client.texts[URI])
        assert applied == (problem is None and text[start:end] != new)
