"""A client and a server in one process, joined by two byte streams: a session costs a few ms."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    default_converter,
)

from claude_lsp.lsp.protocol import Server
from claude_lsp.lsp.wire import FrameParser, frame
from claude_lsp.text.snapshots import uri_from_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cattrs import Converter

AServer = TypeVar("AServer", bound=Server)

Place = tuple[int, int]
"""Line and column in the client's units."""


@cache
def shared_converter() -> Converter:
    """Return the one converter of all sessions: a new one costs 60 ms and compiles its hooks."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (JsonRPCNotification, JsonRPCRequestMessage):
        # Custom methods get the plain dict that was sent, not pygls' named tuples.
        converter.register_structure_hook(
            kind, lambda message, kind: kind(**{"params": None, **message})
        )
    converter.register_structure_hook(
        JsonRPCResponseMessage, lambda message, kind: kind(**{"result": None, **message})
    )
    return converter


def modern(encodings: Sequence[str] = ("utf-16",)) -> types.ClientCapabilities:
    """Return the abilities of a client that can do everything."""
    tags = [types.DiagnosticTag.Unnecessary, types.DiagnosticTag.Deprecated]
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind(each) for each in encodings]
        ),
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True,
            configuration=True,
            workspace_folders=True,
            code_lens=types.CodeLensWorkspaceClientCapabilities(refresh_support=True),
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True,
                resource_operations=[types.ResourceOperationKind.Create],
                change_annotation_support=types.ChangeAnnotationsSupportOptions(),
                metadata_support=True,
            ),
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(
                dynamic_registration=True
            ),
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(
                dynamic_registration=True, relative_pattern_support=True
            ),
        ),
        window=types.WindowClientCapabilities(
            work_done_progress=True,
            show_document=types.ShowDocumentClientCapabilities(support=True),
            show_message=types.ShowMessageRequestClientCapabilities(
                message_action_item=types.ClientShowMessageActionItemOptions(
                    additional_properties_support=True
                )
            ),
        ),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities(),
            hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
            completion=types.CompletionClientCapabilities(
                completion_item=types.ClientCompletionItemOptions(
                    snippet_support=True,
                    insert_replace_support=True,
                    documentation_format=[types.MarkupKind.Markdown],
                )
            ),
            code_action=types.CodeActionClientCapabilities(
                code_action_literal_support=types.ClientCodeActionLiteralOptions(
                    types.ClientCodeActionKindOptions([types.CodeActionKind.Empty])
                ),
                is_preferred_support=True,
                disabled_support=True,
                data_support=True,
                resolve_support=types.ClientCodeActionResolveOptions(["edit"]),
                tag_support=types.CodeActionTagOptions([types.CodeActionTag.LlmGenerated]),
            ),
            publish_diagnostics=types.PublishDiagnosticsClientCapabilities(
                related_information=True,
                tag_support=types.ClientDiagnosticsTagOptions(tags),
                code_description_support=True,
                data_support=True,
                version_support=True,
            ),
        ),
        experimental={"claude": {"input": True, "preview": True, "status": True}},
    )


def offset_of(text: str, place: Place, encoding: str) -> int:
    """Return the offset of a place, found the slow way: one character after the other."""
    wanted_line, wanted_units = place
    line = units = offset = 0
    while offset < len(text):
        character = text[offset]
        ends_line = character in "\r\n"
        if line == wanted_line:
            units += (
                len(character.encode(f"{encoding}-le" if encoding != "utf-8" else encoding))
                // ({"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding])
            )
            if ends_line or units > wanted_units:
                return offset
        offset += 1
        if ends_line:
            if text[offset - 1 : offset + 1] == "\r\n":
                offset += 1
            line, units = line + 1, 0
    return offset


class Client(LanguageClient):
    """An editor that remembers everything the server says, and keeps buffers of its own.

    Attributes:
        texts: the buffers and files by address, with what the server has edited in them.
        versions: the version of every open buffer.
        diagnostics: the diagnostics shown now, by address.
        published: every publishDiagnostics, in order.
        reports: the values of every progress, by token.
        messages, logs: what the server has shown and logged.
        applied: every `workspace/applyEdit`, with whether it was applied.
        registrations: what has been registered and not unregistered.
        statuses, previews: the custom notifications.
        shown: what the server has asked to show.
        joined: of each `claude/applyEdit`, whether it was to join the one before.
        lens_refreshes: how often it was told to ask for code lenses anew.
        settings: what `workspace/configuration` answers, by section.
        choose: picks the answer to `window/showMessageRequest`; by default the first.
        type_line: answers `claude/input`; by default the user cancels.
        checks_versions: whether an edit for another version is refused.
    """

    def __init__(self) -> None:
        super().__init__("test editor", "1", converter_factory=shared_converter)
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self.published: list[types.PublishDiagnosticsParams] = []
        self.reports: dict[int | str, list[Any]] = {}
        self.messages: list[types.ShowMessageParams] = []
        self.questions: list[types.ShowMessageRequestParams] = []
        self.logs: list[types.LogMessageParams] = []
        self.applied: list[tuple[types.ApplyWorkspaceEditParams, bool]] = []
        self.registrations: dict[str, types.Registration] = {}
        self.statuses: list[Any] = []
        self.previews: list[Any] = []
        self.shown: list[types.ShowDocumentParams] = []
        self.joined: list[bool] = []
        self.lens_refreshes = 0
        self.settings: dict[str, Any] = {}
        self.choose: Callable[[types.ShowMessageRequestParams], types.MessageActionItem | None] = (
            lambda asked: asked.actions[0] if asked.actions else None
        )
        self.type_line: Callable[[Any], Any] = lambda _: None
        self.checks_versions = True
        self.encoding = "utf-16"
        self.result: types.InitializeResult | None = None
        self._news = asyncio.Event()
        self._languages: dict[str, str] = {}
        self._register_handlers()

    # ----- what a test does

    async def initialize(  # type: ignore[override]
        self,
        capabilities: types.ClientCapabilities | None = None,
        options: Any = None,
        root: Path | str | None = None,
        *,
        client_info: types.ClientInfo | None = None,
        process_id: int | None = None,
    ) -> types.InitializeResult:
        """Start the session: initialize, then initialized."""
        uri = uri_from_path(root) if isinstance(root, Path) else root
        folders = [types.WorkspaceFolder(uri, "root")] if uri else None
        self.result = await self.initialize_async(
            types.InitializeParams(
                capabilities=capabilities or modern(),
                initialization_options=options,
                root_uri=uri,
                workspace_folders=folders,
                process_id=process_id,
                client_info=client_info or types.ClientInfo("test editor", "1"),
            )
        )
        self.encoding = self.result.capabilities.position_encoding or "utf-16"
        self.initialized(types.InitializedParams())
        return self.result

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a buffer."""
        self.texts[uri], self.versions[uri], self._languages[uri] = text, 1, language
        item = types.TextDocumentItem(uri, language, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, uri: str, span: tuple[Place, Place] | None, text: str) -> None:
        """Edit a buffer: replace a range, or with None the whole text."""
        self.change_many(uri, [(span, text)])

    def change_many(
        self, uri: str, edits: Sequence[tuple[tuple[Place, Place] | None, str]]
    ) -> None:
        """Edit a buffer several times in one message, each edit in the text as it is by then."""
        events: list[types.TextDocumentContentChangeEvent] = []
        for span, text in edits:
            if span is None:
                self.texts[uri] = text
                events.append(types.TextDocumentContentChangeWholeDocument(text))
                continue
            start, end = (offset_of(self.texts[uri], place, self.encoding) for place in span)
            self.texts[uri] = self.texts[uri][:start] + text + self.texts[uri][end:]
            places = types.Range(types.Position(*span[0]), types.Position(*span[1]))
            events.append(types.TextDocumentContentChangePartial(places, text))
        self.versions[uri] += 1
        identifier = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(identifier, events))

    def save(self, uri: str) -> None:
        """Tell the server that a buffer has been saved; nothing is written to disk."""
        identifier = types.TextDocumentIdentifier(uri)
        self.text_document_did_save(
            types.DidSaveTextDocumentParams(identifier, text=self.texts[uri])
        )

    def close(self, uri: str) -> None:
        """Close a buffer."""
        del self.versions[uri]
        identifier = types.TextDocumentIdentifier(uri)
        self.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def command(self, name: str, *arguments: Any, token: int | str | None = None) -> Any:
        """Run a command and return its result."""
        return await self.workspace_execute_command_async(
            types.ExecuteCommandParams(name, list(arguments), work_done_token=token)
        )

    async def wait_for(self, holds: Callable[[], Any], seconds: float = 5.0) -> Any:
        """Wait until something the server says makes a condition true, and return its value."""
        async with asyncio.timeout(seconds):
            while not (value := holds()):
                self._news.clear()
                await self._news.wait()
        return value

    async def shutdown_and_exit(self) -> None:
        """End the session properly."""
        await self.shutdown_async(None)
        self.exit(None)

    # ----- what an editor does by itself

    def _register_handlers(self) -> None:
        notifications: dict[str, Callable[[Any], None]] = {
            types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: self._publish,
            types.PROGRESS: lambda p: self.reports.setdefault(p.token, []).append(p.value),
            types.WINDOW_SHOW_MESSAGE: self.messages.append,
            types.WINDOW_LOG_MESSAGE: self.logs.append,
            "claude/status": self.statuses.append,
            "claude/preview": self.previews.append,
        }
        requests: dict[str, Callable[[Any], Any]] = {
            types.WORKSPACE_APPLY_EDIT: self._apply_edit,
            types.WORKSPACE_CONFIGURATION: lambda p: [
                self.settings.get(item.section or "") for item in p.items
            ],
            types.WINDOW_SHOW_MESSAGE_REQUEST: self._ask,
            types.WINDOW_SHOW_DOCUMENT: self._show,
            types.WORKSPACE_CODE_LENS_REFRESH: self._refresh_lenses,
            types.WINDOW_WORK_DONE_PROGRESS_CREATE: lambda p: (
                self.reports.setdefault(p.token, []) and None
            ),
            types.CLIENT_REGISTER_CAPABILITY: self._register,
            types.CLIENT_UNREGISTER_CAPABILITY: self._unregister,
            "claude/input": self._type_line,
            "claude/applyEdit": self._apply_joined,
        }
        for method, handle in {**notifications, **requests}.items():
            self._on(method, handle)

    def _on(self, method: str, handle: Callable[[Any], Any]) -> None:
        def handler(params: Any) -> Any:
            try:
                return handle(params)
            finally:
                self._news.set()

        self.feature(method)(handler)

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.published.append(params)
        self.diagnostics[params.uri] = list(params.diagnostics)

    def _ask(self, params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        self.questions.append(params)
        return self.choose(params)

    def _type_line(self, params: Any) -> Any:
        return self.type_line(params)

    def _show(self, params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        self.shown.append(params)
        return types.ShowDocumentResult(success=True)

    def _refresh_lenses(self, _params: None) -> None:
        self.lens_refreshes += 1

    def _register(self, params: types.RegistrationParams) -> None:
        self.registrations.update({each.id: each for each in params.registrations})

    def _unregister(self, params: types.UnregistrationParams) -> None:
        for each in params.unregisterations:
            self.registrations.pop(each.id, None)

    def _apply_edit(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        refused = self.apply(params.edit)
        self.applied.append((params, refused is None))
        return types.ApplyWorkspaceEditResult(applied=refused is None, failure_reason=refused)

    def _apply_joined(self, params: dict[str, Any]) -> dict[str, Any]:
        """Apply edits that may belong to the step to undo of those before."""
        self.joined.append(params["join"])
        edits = shared_converter().structure(params["edits"], list[types.TextEdit])
        named = types.OptionalVersionedTextDocumentIdentifier(params["uri"], params["version"])
        change = types.TextDocumentEdit(named, list(edits))
        refused = self.apply(types.WorkspaceEdit(document_changes=[change]))
        return {"applied": refused is None, "failureReason": refused}

    def apply(self, edit: types.WorkspaceEdit) -> str | None:
        """Apply an edit to the buffers as an editor does, and return why not if it does not."""
        todo: list[tuple[str, Sequence[Any]]] = list((edit.changes or {}).items())
        for each in edit.document_changes or ():
            if isinstance(each, types.CreateFile):
                self.texts.setdefault(each.uri, "")
            elif isinstance(each, types.TextDocumentEdit):
                uri, version = each.text_document.uri, each.text_document.version
                if self.checks_versions and version not in {None, self.versions.get(uri)}:
                    return f"{uri} has changed meanwhile"
                todo.append((uri, each.edits))
        for uri, edits in todo:
            self._apply_to(uri, edits)
        return None

    def _apply_to(self, uri: str, edits: Sequence[types.TextEdit]) -> None:
        spans = [
            (
                (
                    (e.range.start.line, e.range.start.character),
                    (e.range.end.line, e.range.end.character),
                ),
                e.new_text,
            )
            for e in edits
        ]
        spans.sort(key=lambda each: each[0])
        spans.reverse()
        if uri in self.versions:
            self.change_many(uri, spans)
            return
        for (start, end), text in spans:
            old = self.texts.get(uri, "")
            first, last = offset_of(old, start, self.encoding), offset_of(old, end, self.encoding)
            self.texts[uri] = old[:first] + text + old[last:]


class Raw:
    """The bytes beside the client: hand-made messages, and everything the server has sent.

    Attributes:
        received: every message from the server, in order.
    """

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self.received: list[dict[str, Any]] = []
        self.deliver = deliver
        self._news = asyncio.Event()

    def send(self, *messages: Any) -> None:
        """Send messages in one packet; bytes are taken as bodies, anything else as JSON."""
        bodies = (m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages)
        self.deliver(b"".join(frame(body) for body in bodies))

    def note(self, message: dict[str, Any]) -> None:
        """Remember a message from the server."""
        self.received.append(message)
        self._news.set()

    def answers(self, msg_id: Any) -> list[dict[str, Any]]:
        """Return every answer to a request so far."""
        return [m for m in self.received if "method" not in m and m.get("id", "") == msg_id]

    async def answer(self, msg_id: Any, seconds: float = 5.0) -> dict[str, Any]:
        """Wait for the answer to a request."""
        async with asyncio.timeout(seconds):
            while not (found := self.answers(msg_id)):
                self._news.clear()
                await self._news.wait()
        return found[0]


class Pair(Generic[AServer]):
    """A session: `async with Pair(partial(Server, "name", "1")) as pair`.

    What is sent in one step of the loop arrives together, as over a socket.

    Args:
        server_factory: makes the server; it is given `converter_factory` and passes it on.

    Attributes:
        client: the editor.
        raw: the bytes beside it.
        server: the server itself.
        unheard: methods of the server that the client never gets to see, nor to answer.
    """

    client: Client
    raw: Raw
    server: AServer

    def __init__(self, server_factory: Callable[..., AServer]) -> None:
        self._make_server = server_factory
        self._to_server = bytearray()
        self._server_side, self._client_side = FrameParser(), FrameParser()
        self._failures: list[Exception] = []
        self.unheard: set[str] = set()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.raw = Raw(self._send)
        self.server = self._make_server(converter_factory=shared_converter)
        self.server.protocol.set_writer(_Writer(self._receive))
        self.client = Client()
        self.client.protocol.set_writer(_Writer(self._send))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close(1.0)
        if self._failures:
            raise ExceptionGroup("the client could not read the server's messages", self._failures)

    def _send(self, data: bytes) -> None:
        if not self._to_server:
            self._loop.call_soon(self._deliver)
        self._to_server += data

    def _deliver(self) -> None:
        data = bytes(self._to_server)
        self._to_server.clear()
        for body in self._server_side.feed(data):
            if not self.server.stopped:
                self.server.protocol.receive(body)

    def _receive(self, data: bytes) -> None:
        for body in self._client_side.feed(data):
            message = json.loads(body)
            self.raw.note(message)
            # Answers to hand-made requests are nothing to the client.
            if message.get("method") in self.unheard:
                continue
            if "method" in message or message["id"] in self.client.protocol._result_types:
                self._loop.call_soon(self._tell_client, message)

    def _tell_client(self, message: dict[str, Any]) -> None:
        protocol = self.client.protocol
        try:
            protocol.handle_message(protocol.structure_message(message))
        except Exception as error:  # noqa: BLE001 - told at the end of the session
            self._failures.append(error)


class _Writer:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write

    def close(self) -> None:
        """Nothing to close."""
