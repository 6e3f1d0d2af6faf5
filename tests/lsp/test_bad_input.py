"""What a client or a disk can do wrong: each gets a clear answer, and the session goes on."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.lsp.routes import COMMANDS
from tests.lsp.editor import PYTHON, edit, edits, finding, pause, plain, span_of
from tests.messages_api import replies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.lsp.editor import Editor

SPAN = plain(((0, 0), (0, 5)))
NEEDY = ("claude.complete", "claude.fix", "claude.explain", "claude.review", "claude.applyFix")
MOST = 2**31 - 1


@pytest.fixture(autouse=True)
async def lives_on(editor: Editor) -> AsyncIterator[None]:
    """Hold for every test here: the server works afterwards, and nothing was changed."""
    yield
    await editor.settled()
    editor.api.script(replies.text("<fill>x</fill>"))
    uri = editor.open(PYTHON, "afterwards.py")
    assert [item.insert_text for item in await editor.suggest(uri, (8, 0))] == ["x"]


async def refused(editor: Editor, command: str, *arguments: Any) -> str:
    """Return the message of a command that must be refused as called wrongly."""
    with pytest.raises(JsonRpcException) as caught:
        await editor.command(command, *arguments)
    assert caught.value.code == -32602
    assert editor.messages == []
    return str(caught.value.message)


@pytest.mark.parametrize("command", NEEDY)
async def test_missing_arguments(editor: Editor, command: str) -> None:
    wrong: list[tuple[Any, ...]] = [(), (None,), (5,), ([],), ({},), ({"uri": 7},)]
    for arguments in wrong:
        message = await refused(editor, command, *arguments)
        assert message.startswith(f"{command} needs one argument: {{")
        assert '"uri"' in message


@pytest.mark.parametrize("command", NEEDY)
async def test_documents_that_are_not_open(editor: Editor, command: str) -> None:
    uri = editor.file("closed.py", PYTHON)
    message = await refused(editor, command, {"uri": uri, "range": SPAN})
    assert message == f"{command}: {uri} is not open in the editor."


NO_RANGES: list[Any] = [
    5,
    "0:0",
    [],
    {},
    {"start": {"line": 0, "character": 0}},
    {"start": {"line": -1, "character": 0}, "end": {"line": 0, "character": 0}},
    {"start": {"line": 0, "character": -9}, "end": {"line": 0, "character": 0}},
    {"start": {"line": 0.5, "character": 0}, "end": {"line": 0, "character": 0}},
    {"start": {"line": "0", "character": 0}, "end": {"line": 0, "character": 0}},
    {"start": {"line": 0, "character": 0}, "end": {"line": 10**30, "character": 0}},
    {"start": None, "end": None},
    {"start": [0, 0], "end": [0, 0]},
]


@pytest.mark.parametrize("command", NEEDY)
async def test_what_is_no_range(editor: Editor, command: str) -> None:
    uri = editor.open()
    for span in NO_RANGES:
        message = await refused(editor, command, {"uri": uri, "range": span})
        assert message.startswith(f"{command}: not a range: ")
        assert len(message) < 500


async def test_a_completion_needs_a_place(editor: Editor) -> None:
    uri = editor.open()
    assert "claude.complete needs a range" in await refused(editor, "claude.complete", uri)


@pytest.mark.parametrize("problems", [None, [], "text", 5])
async def test_a_fix_needs_problems(editor: Editor, problems: Any) -> None:
    uri = editor.open()
    arguments = {"uri": uri, "range": SPAN, "problems": problems}
    assert "needs the problems to fix" in await refused(editor, "claude.fix", arguments)


@pytest.mark.parametrize("problem", [5, "text", {}, {"range": SPAN}, {"message": {}}])
async def test_problems_that_are_none(editor: Editor, problem: Any) -> None:
    uri = editor.open()
    arguments = {"uri": uri, "range": SPAN, "problems": [problem]}
    message = await refused(editor, "claude.fix", arguments)
    assert "each of the problems needs a range and a message" in message


@pytest.mark.parametrize("fingerprint", [None, 5, "", "0123456789abcdef"])
async def test_a_suggestion_that_is_not_known(editor: Editor, fingerprint: Any) -> None:
    uri = editor.open()
    arguments = {"uri": uri, "fingerprint": fingerprint}
    assert "needs the fingerprint" in await refused(editor, "claude.applyFix", arguments)


async def test_an_unknown_command(editor: Editor) -> None:
    message = await refused(editor, "claude.obey", {"uri": "x"})
    assert "'claude.obey' is not known" in message


@pytest.mark.parametrize("command", [name for name, _ in COMMANDS])
async def test_no_command_breaks_on_odd_arguments(editor: Editor, command: str) -> None:
    editor.client.choose = lambda _: None
    odd: list[Any] = [None, {"uri": "http://["}, "%%%", [[]], 1e300, {"uri": []}]
    for number, argument in enumerate(odd):
        params = {"command": command, "arguments": [argument]}
        request = {"jsonrpc": "2.0", "method": "workspace/executeCommand", "params": params}
        editor.pair.raw.send({**request, "id": f"odd {number}"})
        answer = await editor.pair.raw.answer(f"odd {number}")
        assert answer.get("error", {"code": -32602})["code"] == -32602
    await editor.settled()
    assert editor.errors == []


@pytest.mark.parametrize("command", ["claude.explain", "claude.review", "claude.fix"])
async def test_huge_ranges_are_clamped(editor: Editor, command: str) -> None:
    uri = editor.open()
    editor.api.answer = replies.json({"edits": [], "findings": []})
    span = plain(((0, 0), (MOST, MOST)))
    problem = {"range": span, "message": "m"}
    await editor.run(command, {"uri": uri, "range": span, "problems": [problem]})
    assert editor.errors == []
    assert len(editor.api.messages) == 1
    assert editor.text(uri) == PYTHON


async def test_ranges_that_are_turned_round(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    span = {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 0}}
    arguments = {"uri": uri, "range": span, "problems": [{"range": span, "message": "m"}]}
    await editor.run("claude.fix", arguments)
    assert editor.text(uri) == PYTHON.replace("10", "20")


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (2**31, 0), (10**40, 0), (None, 0), ("?", 0)])
async def test_places_that_are_none(editor: Editor, place: tuple[Any, Any]) -> None:
    uri = editor.open()
    params = {
        "textDocument": {"uri": uri},
        "position": {"line": place[0], "character": place[1]},
        "context": {"triggerKind": 2},
    }
    method = "textDocument/inlineCompletion"
    editor.pair.raw.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert (await editor.pair.raw.answer(1))["error"]["code"] == -32602
    assert editor.api.requests == []


async def test_code_actions_at_places_far_behind_the_text(editor: Editor) -> None:
    uri = editor.open()
    far = ((MOST, MOST), (MOST, MOST))
    assert len(await editor.actions(uri, far)) == 5


@pytest.mark.parametrize("uri", ["", "%", "file:", "file://", "file:///%00", "a\0b"])
async def test_odd_addresses(editor: Editor, uri: str) -> None:
    editor.client.open(uri, PYTHON)
    editor.api.answer = replies.text("<fill>x</fill>")
    await editor.suggest(uri, (8, 0))
    await editor.actions(uri, ((0, 0), (0, 0)))
    await editor.run("claude.explain", {"uri": uri})
    editor.client.change(uri, ((0, 0), (0, 0)), "#\n")
    editor.client.close(uri)
    await editor.settled()
    assert not any("internal error" in message for message in editor.messages)


async def test_changes_and_closings_of_documents_that_are_not_open(editor: Editor) -> None:
    uri = editor.file("closed.py", PYTHON)
    identifier = types.VersionedTextDocumentIdentifier(4, uri)
    change = types.TextDocumentContentChangeWholeDocument("x")
    params = types.DidChangeTextDocumentParams(identifier, [change])
    editor.client.text_document_did_change(params)
    closing = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
    editor.client.text_document_did_close(closing)
    editor.client.text_document_did_close(closing)
    await editor.settled()
    assert editor.messages == []


async def test_a_document_that_is_opened_twice(editor: Editor) -> None:
    uri = editor.open()
    editor.client.open(uri, "y = 2\n")
    editor.api.script(replies.json_findings([finding("y = 2\n", "y = 2")]))
    await editor.run("claude.review", {"uri": uri})
    assert editor.shown(uri) == [(0, "About y = 2")]


async def test_a_file_that_vanished_is_still_a_buffer(editor: Editor) -> None:
    uri = editor.open()
    (editor.root / "code.py").unlink()
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    assert editor.text(uri) == PYTHON.replace("10", "20")


async def test_a_whole_folder_that_vanished(editor: Editor) -> None:
    uri = editor.open(PYTHON, "deep/code.py")
    (editor.root / "deep/code.py").unlink()
    (editor.root / "deep").rmdir()
    editor.api.script(replies.text("<fill>x</fill>"))
    assert len(await editor.suggest(uri, (8, 0))) == 1


async def test_neighbours_that_cannot_be_read(editor: Editor) -> None:
    (editor.root / "latin.py").write_bytes("name = 'é'\n".encode("latin-1"))
    (editor.root / "binary.py").write_bytes(b"\0\1\2" * 99)
    (editor.root / "link.py").symlink_to(editor.root / "nowhere.py")
    (editor.root / "folder.py").mkdir()
    os.mkfifo(editor.root / "pipe.py")
    uri = editor.open("import latin, binary, link, folder, pipe\nx = ")
    editor.api.script(replies.text("<fill>1</fill>"))
    assert len(await editor.suggest(uri, (1, 4))) == 1
    assert "\ufffd" not in editor.api.messages[0].text


async def test_lone_surrogates_in_a_buffer(editor: Editor) -> None:
    uri = "untitled:surrogates"
    item = {"uri": uri, "languageId": "python", "version": 1, "text": 'x = "\ud83d"\ny = '}
    params = {"textDocument": item}
    editor.pair.raw.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": params})
    await pause()
    editor.api.script(replies.text("<fill>1</fill>"))
    assert len(await editor.suggest(uri, (1, 4))) == 1
    assert 'x = "\ufffd"' in editor.api.messages[0].text


async def test_a_document_of_fifty_megabytes(editor: Editor) -> None:
    text = "value = compute(1)\n" * (50_000_000 // 19)
    uri = "untitled:large"
    editor.client.open(uri, text)
    begun = time.process_time()
    assert await editor.suggest(uri, (9, 0)) == []
    assert "over 512 kB" in editor.statuses[-1][1]
    await editor.actions(uri, ((9, 0), (9, 0)))
    # And it is no burden to others.
    other = editor.open()
    editor.api.script(replies.text("<fill>x</fill>"))
    assert len(await editor.suggest(other, (8, 0))) == 1
    await editor.run("claude.review", {"uri": uri})
    assert "is not sent: over 512 kB" in editor.errors[0]
    assert time.process_time() - begun < 10  # seconds, where minutes would be a defect
    assert len(editor.api.messages) == 1
    editor.client.messages.clear()


async def test_an_answer_of_the_client_that_is_none(editor: Editor) -> None:
    uri = editor.open()
    features = editor.client.protocol.fm.features
    features[types.WORKSPACE_APPLY_EDIT] = lambda _: None
    editor.api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
    await editor.fix(uri, "LIMIT")
    await editor.settled()
    (message,) = editor.messages
    assert message.startswith("an edit was dropped: ")
    assert editor.text(uri) == PYTHON


async def test_arguments_are_not_shown_at_length(editor: Editor) -> None:
    uri = editor.open()
    message = await refused(editor, "claude.explain", {"uri": uri, "range": "x" * 100_000})
    assert len(message) < 500


async def test_a_selection_of_everything_is_explained(editor: Editor) -> None:
    uri = editor.open()
    editor.api.script(replies.text("All of it."))
    await editor.run("claude.explain", {"uri": uri, "range": plain(span_of(PYTHON, PYTHON))})
    assert len(editor.client.shown) == 1
