"""Ghost text: what is suggested, when, and what becomes of requests that are no longer wanted."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import claude_lsp.engine
from claude_lsp.text.snapshots import uri_from_path
from tests.lsp.editor import ENCODINGS, PYTHON, place_of, suggestion_params, units
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    from lsprotocol import types

    from tests.lsp.editor import Editor
    from tests.messages_api import Reply

END = (8, 0)
ENGINE = Path(claude_lsp.engine.__file__)
ENGINE_TEXT = ENGINE.read_text("utf-8")


def fill(text: str) -> Reply:
    return replies.text(f"<fill>{text}</fill>")


def texts(items: list[types.InlineCompletionItem]) -> list[Any]:
    return [item.insert_text for item in items]


def idle_at_last(editor: Editor) -> bool:
    return bool(editor.statuses) and editor.statuses[-1][0] == "idle"


@pytest.mark.parametrize("invoked", [False, True])
async def test_suggests_and_counts_as_automatic_only_what_nobody_asked_for(
    editor: Editor, invoked: bool
) -> None:
    uri = editor.open()
    editor.api.script(fill("print(total([]))"))
    items = await editor.suggest(uri, END, invoked=invoked)
    assert texts(items) == ["print(total([]))"]
    (request,) = editor.api.messages
    assert request.model == "claude-haiku-5-5"
    assert "result += value" in request.text
    with editor.server.session.ledger._open() as connection:
        rows = connection.execute("SELECT automatic, outcome FROM requests").fetchall()
    assert rows == [(int(not invoked), "ok")]
    assert idle_at_last(editor)


async def test_suggests_from_a_real_file_with_its_neighbours(unstarted: Editor) -> None:
    options = {"context": {"deadline_ms": 20_000}}
    await unstarted.start(options=options, root=ENGINE.parent.parent)
    text = ENGINE_TEXT
    uri = uri_from_path(ENGINE)
    unstarted.client.open(uri, text)
    unstarted.api.script(fill("pass"))
    await unstarted.indexed()
    line = text[: text.index("    async def prepare")].count("\n")
    assert texts(await unstarted.suggest(uri, (line, 0), invoked=True)) == ["pass"]
    sent = unstarted.api.messages[0].text
    assert 'path="claude_lsp/engine.py"' in sent
    assert '<file path="claude_lsp/' in sent
    assert "<CURSOR/>    async def prepare" in sent


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_columns_are_the_clients(unstarted: Editor, encoding: str) -> None:
    await unstarted.start(encoding=encoding)
    before = 'smile = "😀é𝒳"; x'
    uri = unstarted.open(f"{before} + 1\n")
    unstarted.api.script(fill("y"))
    column = units(before, encoding)
    (item,) = await unstarted.suggest(uri, (0, column))
    assert item.range is not None
    assert (item.range.start.line, item.range.start.character) == (0, column)
    assert item.range.start == item.range.end
    assert f"{before}<CURSOR/> + 1" in unstarted.api.messages[0].text


async def test_a_place_behind_the_text_is_its_end(editor: Editor) -> None:
    uri = editor.open("x = 1\ny = ")
    editor.api.script(fill("2"))
    (item,) = await editor.suggest(uri, (90, 90))
    assert item.range is not None
    assert (item.range.start.line, item.range.start.character) == (1, 4)


@pytest.mark.parametrize(
    ("trigger", "invoked", "sent"),
    [("off", True, 0), ("off", False, 0), ("manual", False, 0), ("manual", True, 1)],
)
async def test_trigger_setting(unstarted: Editor, trigger: str, invoked: bool, sent: int) -> None:
    await unstarted.start(options={"completion": {"trigger": trigger}})
    uri = unstarted.open()
    unstarted.api.answer = fill("x")
    assert len(await unstarted.suggest(uri, END, invoked=invoked)) == sent
    assert len(unstarted.api.messages) == sent


async def test_automatic_requests_wait_for_a_pause_and_asked_ones_do_not(
    unstarted: Editor,
) -> None:
    await unstarted.start(options={"completion": {"debounce_ms": 60_000}})
    uri = unstarted.open()
    unstarted.api.answer = fill("x")
    waiting = asyncio.ensure_future(unstarted.suggest(uri, END))
    other = unstarted.open("y = ", "other.py")
    assert texts(await unstarted.suggest(other, (0, 4), invoked=True)) == ["x"]
    assert not waiting.done()
    assert texts(await unstarted.suggest(uri, END, invoked=True)) == ["x"]
    assert await waiting == []
    assert len(unstarted.api.messages) == 2


async def test_a_superseded_request_is_answered_at_once_and_its_stream_closed(
    editor: Editor,
) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    editor.api.script(fill("second"))
    first = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    editor.client.change(uri, (END, END), "x")
    second = asyncio.ensure_future(editor.suggest(uri, (8, 1)))
    assert await first == []
    assert texts(await second) == ["second"]
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert idle_at_last(editor)
    assert editor.server.suggestions.turns == {}
    assert editor.server.suggestions.streams == {}


async def test_fast_typing_leaves_one_request_in_flight(editor: Editor) -> None:
    uri = editor.open()
    editor.api.answer = fill("end")
    pending = []
    for column, letter in enumerate("for each in values:"):
        editor.client.change(uri, ((8, column), (8, column)), letter)
        pending.append(asyncio.ensure_future(editor.suggest(uri, (8, column + 1))))
    answers = await asyncio.gather(*pending)
    assert [texts(items) for items in answers] == [[]] * (len(pending) - 1) + [["end"]]
    assert len(editor.api.messages) == 1
    assert "for each in values:<CURSOR/>" in editor.api.messages[0].text


async def test_requests_for_two_documents_do_not_disturb_each_other(editor: Editor) -> None:
    gate = Gate()
    one, two = editor.open("a = ", "a.py"), editor.open("b = ", "b.py")
    editor.api.script(replies.partial("<fill>1") + gate + replies.text("</fill>"))
    editor.api.script(fill("2"))
    first = asyncio.ensure_future(editor.suggest(one, (0, 4)))
    await gate.wait_reached()
    assert texts(await editor.suggest(two, (0, 4))) == ["2"]
    gate.open()
    assert texts(await first) == ["1"]


async def test_cancelled_by_the_client(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    converter = editor.client.protocol._converter
    params = converter.unstructure(suggestion_params(uri, END))
    editor.pair.raw.send(
        {
            "jsonrpc": "2.0",
            "id": "mine",
            "method": "textDocument/inlineCompletion",
            "params": params,
        }
    )
    await gate.wait_reached()
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "mine"}}
    editor.pair.raw.send(cancel, cancel)
    assert (await editor.pair.raw.answer("mine"))["error"]["code"] == -32800
    await editor.api.messages[0].wait_disconnected()
    await editor.settled()
    assert len(editor.pair.raw.answers("mine")) == 1
    assert idle_at_last(editor)
    assert editor.server.suggestions.turns == {}
    assert editor.server.suggestions.streams == {}


async def test_cancelled_in_the_same_packet_nothing_is_sent(editor: Editor) -> None:
    uri = editor.open()
    converter = editor.client.protocol._converter
    params = converter.unstructure(suggestion_params(uri, END))
    request = {"jsonrpc": "2.0", "id": 5, "method": "textDocument/inlineCompletion"}
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 5}}
    editor.pair.raw.send({**request, "params": params}, cancel)
    assert (await editor.pair.raw.answer(5))["error"]["code"] == -32800
    await editor.settled()
    assert editor.api.messages == []
    editor.api.script(fill("later"))
    assert texts(await editor.suggest(uri, END)) == ["later"]


async def test_closing_the_document_ends_its_request(editor: Editor) -> None:
    uri = editor.open()
    gate = Gate()
    editor.api.script(replies.partial("<fill>first") + gate)
    waiting = asyncio.ensure_future(editor.suggest(uri, END))
    await gate.wait_reached()
    editor.client.close(uri)
    assert await waiting == []
    await editor.api.messages[0].wait_disconnected()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("ignored.py", "x = ", "ignored by .gitignore"),
        (".env", "KEY=", "secret-bearing file"),
        ("large.py", "x = 1\n" * 100_000, "over 512 kB"),
    ],
)
async def test_what_must_not_be_sent_is_not_and_the_status_says_why(
    editor: Editor, name: str, text: str, reason: str
) -> None:
    editor.file(".gitignore", "ignored.py\n")
    (editor.root / ".git").mkdir()
    editor.file(".git/HEAD", "ref: refs/heads/main\n")
    uri = editor.open(text, name)
    assert await editor.suggest(uri, (0, 4)) == []
    assert editor.api.requests == []
    state, detail = editor.statuses[-1]
    assert state == "blocked"
    assert name in detail
    assert reason in detail
    assert editor.messages == []


FAILURES: dict[str, Reply] = {
    "authentication": replies.error(401),
    "permission": replies.error(403),
    "rate-limit": replies.rate_limit(1),
    "spend-limit": replies.spend_cap(),
    "overloaded": replies.overloaded(),
    "server": replies.error(500),
    "bad-request": replies.error(400, message="no"),
    "model-not-found": replies.error(404),
    "too-large": replies.html_error(413),
    "interrupted": replies.drop(""),
    "cut": replies.cut("<fill>"),
    "damaged": replies.corrupt_event("<fill>"),
    "error in the stream": replies.stream_error("<fill>"),
    "refused": replies.refusal(),
}


@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_an_empty_answer_logged_once_and_never_a_pop_up(
    editor: Editor, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    uri = editor.open()
    editor.api.answer = reply
    with caplog.at_level(logging.WARNING, "claude_lsp"):
        for _ in range(2):
            assert await editor.suggest(uri, END) == []
    assert editor.messages == []
    assert editor.statuses[-1][0] == "blocked"
    assert len([r for r in caplog.records if r.name == "claude_lsp.lsp.server"]) == 1
    editor.api.answer = fill("again")
    assert texts(await editor.suggest(uri, END)) == ["again"]
    assert editor.statuses[-1] == ("idle", "")


async def test_an_unopened_document_gets_nothing(editor: Editor) -> None:
    uri = editor.file("closed.py", PYTHON)
    assert await editor.suggest(uri, END) == []
    assert await editor.suggest("untitled:Untitled-1", END) == []
    assert editor.api.requests == []


async def test_an_unsaved_document_gets_suggestions(editor: Editor) -> None:
    uri = "untitled:Untitled-1"
    editor.client.open(uri, "x = ", "python")
    editor.api.script(fill("1"))
    assert texts(await editor.suggest(uri, (0, 4))) == ["1"]


async def test_the_text_that_is_sent_is_that_of_the_request(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(fill("late"))
    # All three go out in one packet.
    waiting = asyncio.ensure_future(editor.suggest(uri, place_of(PYTHON, "return result")))
    await asyncio.sleep(0)
    editor.client.change(uri, ((0, 0), (0, 0)), "# one more line\n")
    editor.client.change(uri, None, "all gone\n")
    (item,) = await waiting
    sent = editor.api.messages[0].text
    assert "    <CURSOR/>return result" in sent
    assert "one more line" not in sent
    assert "all gone" not in sent
    assert item.range is not None
    assert item.range.start.line == place_of(PYTHON, "return result")[0]


async def test_a_request_before_the_settings_were_read_waits_for_them(unstarted: Editor) -> None:
    unstarted.client.settings["claude"] = {"completion": {"trigger": "off"}}
    unstarted.api.answer = fill("x")
    start = asyncio.ensure_future(unstarted.start())
    await unstarted.client.wait_for(lambda: unstarted.client.registrations)
    uri = unstarted.open()
    assert await unstarted.suggest(uri, END) == []
    await start
    assert unstarted.api.requests == []


async def test_typing_again_after_a_failure_logs_new_causes(
    editor: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    uri = editor.open()
    with caplog.at_level(logging.WARNING, "claude_lsp"):
        for reply in (replies.overloaded(), replies.error(401), replies.overloaded()):
            editor.api.script(reply)
            assert await editor.suggest(uri, END) == []
    assert len([r for r in caplog.records if r.name == "claude_lsp.lsp.server"]) == 2
