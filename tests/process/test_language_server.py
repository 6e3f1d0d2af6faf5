"""The installed `claude-lsp` as an editor runs it: one process, spoken to by pytest-lsp."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pytest_lsp import ClientServerConfig, client_capabilities, make_test_lsp_client

from claude_lsp.text import positions
from tests.lsp.editor import (
    client_range,
    edit,
    edits,
    finding,
    know_commands,
    plain,
    span_of,
    suggestion_params,
)
from tests.lsp.pair import offset_of
from tests.messages_api import Gate, ThreadedMessagesApi, replies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from pytest_lsp import LanguageClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = Path(positions.__file__)
NAME = "claude_lsp/text/positions.py"
TEXT = FILE.read_text("utf-8")
LINE = "    return Range(Position(first, 0), Position(last + 1, 0))"
ENCODING = "utf-8"  # what Neovim prefers


class Editor:
    """Neovim, as far as the server can tell, with one buffer.

    Attributes:
        client: pytest-lsp's side of the connection.
        text: the buffer.
        applied: how many edits the server has made.
    """

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.text = TEXT
        self.uri = FILE.as_uri()
        self.version = 0
        self.applied = 0
        self._news = asyncio.Event()
        know_commands(client.protocol._converter)
        for method, handle in (
            (types.WORKSPACE_APPLY_EDIT, self._apply),
            (types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, self._publish),
            (types.CLIENT_REGISTER_CAPABILITY, lambda _: None),
        ):
            client.protocol.fm.features.pop(method, None)
            client.feature(method)(self._noticing(handle))

    def open(self) -> None:
        """Open the buffer with the file's text."""
        self.text, self.version = TEXT, 0
        item = types.TextDocumentItem(self.uri, "python", 0, TEXT)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def close(self) -> None:
        """Close the buffer; the file stays as it is."""
        identifier = types.TextDocumentIdentifier(self.uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def run(self, command: str, **arguments: Any) -> None:
        """Run a command on the buffer."""
        params = types.ExecuteCommandParams(command, [{"uri": self.uri, **arguments}])
        await self.client.workspace_execute_command_async(params)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something that the server says makes a condition true."""
        async with asyncio.timeout(15):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @property
    def shown(self) -> list[tuple[int, str]]:
        diagnostics = self.client.diagnostics.get(self.uri, ())
        return [(each.range.start.line, each.message.split("\n")[0]) for each in diagnostics]

    def _noticing(self, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def handler(params: Any) -> Any:
            self._news.set()
            return handle(params)

        return handler

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.client.diagnostics[params.uri] = params.diagnostics

    def _apply(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        ((uri, (change,)),) = (params.edit.changes or {}).items()
        assert uri == self.uri
        start, end = (
            offset_of(self.text, (place.line, place.character), ENCODING)
            for place in (change.range.start, change.range.end)
        )
        self.text = self.text[:start] + change.new_text + self.text[end:]
        self.version += 1
        self.applied += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, uri)
        event = types.TextDocumentContentChangePartial(change.range, change.new_text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [event]))
        return types.ApplyWorkspaceEditResult(applied=True)


@pytest.fixture(scope="module")
def shared_api() -> Iterator[ThreadedMessagesApi]:
    with ThreadedMessagesApi() as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(
    shared_api: ThreadedMessagesApi, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Editor]:
    """The one process of this module; it must end well."""
    home = str(tmp_path_factory.mktemp("home"))
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), home)
    environment = shared_api.environment(**homes, CLAUDE_LSP_STATE_DIR=f"{home}/state")
    command = Path(sys.executable).with_name("claude-lsp")
    config = ClientServerConfig(
        [str(command)], client_factory=make_test_lsp_client, server_env=environment
    )
    client: Any = await config.start()
    editor = Editor(client)
    result = await client.initialize_session(
        types.InitializeParams(
            client_capabilities("neovim@v0.11"),
            client_info=types.ClientInfo("Neovim", "0.11.4"),
            root_uri=FILE.parents[2].as_uri(),
            workspace_folders=[types.WorkspaceFolder(FILE.parents[2].as_uri(), "project")],
            initialization_options={"completion": {"debounce_ms": 0}},
        )
    )
    assert result.capabilities.position_encoding == ENCODING
    yield editor
    await client.shutdown_session()
    assert client._server.returncode == 0
    await client.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def editor(process: Editor, shared_api: ThreadedMessagesApi) -> AsyncIterator[Editor]:
    """The editor with the file open, and a server that has nothing else to do."""
    shared_api.reset()
    process.applied = 0
    process.client.messages.clear()
    process.client.diagnostics.clear()
    process.open()
    yield process
    await process.run("claude.cancel")
    await process.run("claude.clear")
    process.close()
    assert shared_api.refused == []


def place_before(needle: str) -> tuple[int, int]:
    return span_of(TEXT, needle)[0]


async def test_ghost_text(editor: Editor, shared_api: ThreadedMessagesApi) -> None:
    shared_api.script(replies.text("<fill>    assert first <= last</fill>"))
    result = await editor.client.text_document_inline_completion_async(
        suggestion_params(editor.uri, (place_before(LINE)[0], 0))
    )
    assert isinstance(result, types.InlineCompletionList)
    assert [item.insert_text for item in result.items] == ["    assert first <= last"]
    sent = shared_api.messages[0].text
    assert f'<document path="{NAME}"' in sent
    assert f"<CURSOR/>{LINE}" in sent


async def test_a_completion_by_code_action_command_and_edit(
    editor: Editor, shared_api: ThreadedMessagesApi
) -> None:
    # An empty place behind the last line.
    last = TEXT.count("\n")
    actions = await editor.client.text_document_code_action_async(
        types.CodeActionParams(
            types.TextDocumentIdentifier(editor.uri),
            client_range(((last, 0), (last, 0))),
            types.CodeActionContext([], only=["refactor.rewrite.claude.complete"]),
        )
    )
    (action,) = actions or ()
    assert isinstance(action, types.CodeAction)
    assert action.command is not None
    shared_api.script(replies.text("<fill>LAST = 1</fill>"))
    await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(action.command.command, action.command.arguments)
    )
    await editor.until(lambda: editor.applied)
    assert editor.text == TEXT + "LAST = 1"


async def test_a_fix_hunk_by_hunk(editor: Editor, shared_api: ThreadedMessagesApi) -> None:
    gate = Gate()
    first = edit(TEXT, "    line: int", "    line: int = 0")
    second = edit(TEXT, LINE, LINE.replace("last + 1", "last + 2"))
    shared_api.script(edits(first, second, between=[gate]))
    span = plain(span_of(TEXT, LINE))
    problem = {"range": span, "message": "counts wrong", "source": "lint"}
    await editor.run("claude.fix", range=span, problems=[problem])
    await gate.wait_reached()
    await editor.until(lambda: editor.applied == 1)
    assert "    line: int = 0\n" in editor.text
    assert shared_api.messages[0].finished_at is None
    gate.open()
    await editor.until(lambda: editor.applied == 2)
    expected = TEXT.replace("    line: int\n", "    line: int = 0\n")
    assert editor.text == expected.replace("last + 1", "last + 2")
    assert editor.client.messages == []


async def test_a_review_shows_its_first_finding_before_the_answer_ends(
    editor: Editor, shared_api: ThreadedMessagesApi
) -> None:
    gate = Gate()
    items = [
        finding(TEXT, quote, path=NAME, title=title)
        for quote, title in ((LINE, "First"), ("    column: int", "Second"))
    ]
    shared_api.script(replies.json_findings(items, between=[gate]))
    await editor.run("claude.review")
    await editor.until(lambda: editor.shown)
    assert editor.shown == [(place_before(LINE)[0], "First")]
    assert shared_api.messages[0].finished_at is None
    gate.open()
    await editor.until(lambda: len(editor.shown) == 2)
    assert editor.shown[1] == (place_before("    column: int")[0], "Second")
    (diagnostic, _) = editor.client.diagnostics[editor.uri]
    assert diagnostic.severity is types.DiagnosticSeverity.Warning
    assert diagnostic.source == "claude"


async def test_a_cancel_in_the_middle_closes_the_connection(
    editor: Editor, shared_api: ThreadedMessagesApi
) -> None:
    gate = Gate()
    shared_api.script(replies.json_findings([finding(TEXT, LINE, path=NAME)], between=[gate]))
    await editor.run("claude.review")
    await editor.until(lambda: editor.shown)
    await editor.run("claude.cancel")
    await asyncio.to_thread(shared_api.wait_disconnected, shared_api.messages[0])
    # What was found stays.
    assert len(editor.shown) == 1


async def test_a_request_that_the_client_cancels_closes_the_connection(
    editor: Editor, shared_api: ThreadedMessagesApi
) -> None:
    gate = Gate()
    shared_api.script(replies.partial("<fill>x") + gate)
    protocol = editor.client.protocol
    # A place that no other test asks about: what was suggested there would be remembered.
    params = suggestion_params(editor.uri, (place_before(LINE)[0], len(LINE)))
    answer = protocol.send_request("textDocument/inlineCompletion", params, msg_id="mine")
    await gate.wait_reached()
    protocol.notify(types.CANCEL_REQUEST, types.CancelParams("mine"))
    with pytest.raises(Exception, match="cancelled"):
        await asyncio.wrap_future(answer)
    await asyncio.to_thread(shared_api.wait_disconnected, shared_api.messages[0])


async def test_it_ends_well_with_work_in_flight(
    shared_api: ThreadedMessagesApi, process: Editor
) -> None:
    """The last test: the fixture's end shuts the server down and looks at its exit code."""
    shared_api.reset()
    process.open()
    gate = Gate()
    shared_api.script(replies.partial("") + gate)
    await process.run("claude.review")
    await gate.wait_reached()
    await process.client.shutdown_session()
    assert process.client._server is not None
    assert process.client._server.returncode == 0
    await asyncio.to_thread(shared_api.wait_disconnected, shared_api.messages[0])
    # The process is gone, so there is nothing left to shut down.
    process.client.capabilities = None
