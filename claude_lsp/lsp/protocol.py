"""The protocol and server classes: pygls with its holes closed.

Everything here that overrides pygls names the hole of pygls 2.1.1 that it closes, and has a test
of its own in `tests/lsp/test_protocol.py`: when a later pygls closes it too, delete both.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
import re
import uuid
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.progress import Progress
from pygls.protocol import (
    JsonRPCNotification,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)

from claude_lsp.lsp.abilities import Abilities
from claude_lsp.lsp.documents import Documents
from claude_lsp.lsp.wire import frame
from claude_lsp.text.snapshots import uri_from_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cattrs import Converter

logger = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
REQUEST_CANCELLED = -32800

# The members that clients write before the params: enough to answer a request that was cut off.
_LEADING_MEMBERS = re.compile(
    rb'\s*\{(?:\s*"(?:jsonrpc|id|method)"\s*:\s*(?:"[^"\\]*"|-?\d{1,15})\s*,)+'
)
_MEMBER = re.compile(rb'"(id|method)"\s*:\s*("[^"\\]*"|-?\d{1,15})')


class Protocol(LanguageServerProtocol):
    """JSON-RPC and the base of the Language Server Protocol, one response for every request.

    A handler is a function. What it returns decides how it runs: a plain value is the result, a
    coroutine becomes a task that a cancel ends. So a synchronous part that runs at dispatch,
    before any later message, is simply what a handler does before it returns its coroutine.
    pygls' thread handlers are not supported: leave the loop with `asyncio.to_thread`.
    """

    _server: Server

    def __init__(self, server: Server, converter: Converter) -> None:
        super().__init__(server, converter)
        self.progress = _Progress(self)
        self._documents: Documents | None = None
        self._initializing: int | str | None = None
        self._initialized = False

    @property
    def workspace(self) -> Documents:
        """The open documents. The hole: pygls cannot be given a workspace class."""
        if self._documents is None:
            raise RuntimeError("the workspace exists only after initialize")
        return self._documents

    # ----- receiving

    def receive(self, body: bytes) -> None:
        """Take one message from the client.

        The holes, all in pygls' reading loop: what cannot be parsed is never answered, any
        nested object with a "jsonrpc" key is taken for a message, errors become pop-ups.
        """
        try:
            message = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            logger.warning("A message could not be parsed: %s", error)
            self._send_error(_id_of_unparsable(body), PARSE_ERROR, "The message is not valid JSON.")
            return
        if not isinstance(message, dict):
            self._send_error(None, INVALID_REQUEST, "Expected one message object, not a batch.")
        elif "method" in message:
            self._receive_call(message)
        else:
            self._receive_answer(message)

    def _receive_call(self, message: dict[str, Any]) -> None:
        msg_id: Any = message.get("id")
        method = message["method"]
        is_request = "id" in message
        if is_request and (isinstance(msg_id, bool) or not isinstance(msg_id, int | str)):
            self._send_error(None, INVALID_REQUEST, "A request id is a number or a string.")
            return
        refusal = self._refusal(message, is_request=is_request)
        if refusal is None:
            try:
                params = self._params_of(message)
            except Exception as error:  # noqa: BLE001 - cattrs and its hooks raise anything
                # The hole: pygls leaves the client waiting.
                refusal = INVALID_PARAMS, f"The parameters of {method} are not valid."
                logger.warning("Invalid parameters of %s: %s", method, type(error).__name__)
        if refusal is not None:
            if is_request:
                self._send_error(msg_id, *refusal)
            else:
                logger.debug("Ignored a notification: %s", refusal[1])
            return
        # Each handler runs in a context of its own, which carries the id of its request.
        context = contextvars.copy_context()
        if method == types.INITIALIZE:
            self._initializing = msg_id
        if is_request:
            context.run(self._handle_request, msg_id, method, params)
        else:
            context.run(self._handle_notification, method, params)

    def _refusal(self, message: dict[str, Any], *, is_request: bool) -> tuple[int, str] | None:
        """Return the error for a message that must not be handled in this state.

        The holes: before initialize pygls answers -32603, it initializes twice, answers nothing
        after shutdown, and runs two requests under one id.
        """
        method = message["method"]
        if message.get("jsonrpc") != self.VERSION or not isinstance(method, str):
            return INVALID_REQUEST, "Not a JSON-RPC 2.0 message."
        if method == types.EXIT:
            return None
        if self._shutdown:
            return INVALID_REQUEST, "The server has been shut down."
        if method == types.INITIALIZE:
            if self._initializing is not None or self._initialized:
                return INVALID_REQUEST, "The server has been initialized already."
        elif not self._initialized and method != types.CANCEL_REQUEST:
            return NOT_INITIALIZED, "The server has not been initialized yet."
        if is_request and message["id"] in self._request_futures:
            return INVALID_REQUEST, "A request with this id is still being worked on."
        known = method in self.fm.builtin_features or method in self.fm.features
        if not known and method != types.CANCEL_REQUEST:
            return METHOD_NOT_FOUND, f"The method {method!r} is not known here."
        if method in types.METHOD_TO_TYPES:
            wants_answer = self.get_result_type(method) is not None
            if is_request != wants_answer:
                return (
                    INVALID_REQUEST,
                    f"{method} is a {'request' if wants_answer else 'notification'}.",
                )
        return None

    def _params_of(self, message: dict[str, Any]) -> Any:
        known = self.get_message_type(message["method"])
        if known is None:
            # The hole: pygls turns the params of custom methods into nested named tuples.
            return message.get("params")
        if (
            message.get("params") is None
            and types.METHOD_TO_TYPES[message["method"]][2] is not None
        ):
            message["params"] = {}  # some clients leave out params that have no members
        return self._converter.structure(message, known).params

    def _receive_answer(self, message: dict[str, Any]) -> None:
        """Give a client's answer to whoever waits for it.

        The holes: a late answer raises and shows a pop-up (pygls #621), an answer can resolve a
        request of the client's own, and one that cannot be read leaves its waiter waiting.
        """
        msg_id = message.get("id")
        if not isinstance(msg_id, int | str) or msg_id not in self._result_types:
            logger.debug("Ignored an answer that nobody waits for.")
            return
        known = self._result_types.pop(msg_id)
        error: types.ResponseError | None = None
        result: Any = message.get("result")
        try:
            if message.get("error") is not None:
                error = self._converter.structure(message["error"], types.ResponseError)
            elif known is not None:
                result = self._converter.structure(message, known).result
        except Exception:  # what cattrs and its hooks raise is not a closed list
            logger.exception("A client's answer could not be read.")
            error = types.ResponseError(INTERNAL_ERROR, "The client's answer could not be read.")
        future = self._request_futures.get(msg_id)
        if future is not None and not future.done():
            self._handle_response(msg_id, result, error)

    # ----- running handlers

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a handler and call back when it is done.

        The hole: pygls keeps the future of every notification for ever, 2 KB for each didChange.
        """
        future: Future[Any] = Future()
        try:
            result = handler(*(args or ()), **(kwargs or {}))
        except asyncio.CancelledError:
            future.cancel()
        except Exception as error:  # noqa: BLE001 - whatever it is, the callback answers with it
            future.set_exception(error)
        else:
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)
                self._keep(msg_id, task)
                task.add_done_callback(callback)
                return
            if inspect.isgenerator(result):
                self._keep(msg_id, future)
                future.add_done_callback(callback)
                self._run_generator(None, gen=result, result_future=future)
                return
            future.set_result(result)
        callback(future)

    def _run_generator(self, future: Any, *, gen: Any, result_future: Any) -> None:
        """Drive one of pygls' own handlers. The hole: a cancelled step leaves it unfinished."""
        if future is not None and future.cancelled():
            gen.close()
            result_future.cancel()
        else:
            super()._run_generator(future, gen=gen, result_future=result_future)

    def _keep(self, msg_id: int | str, future: Any) -> None:
        self._request_futures[msg_id] = future
        future.add_done_callback(lambda _: self._request_futures.pop(msg_id, None))

    def _send_handler_result(self, future: Any, *, msg_id: int | str) -> None:
        """Answer a request with what its handler came to.

        The holes: results that cannot be serialised are never answered, error answers carry the
        traceback with the server's file paths.
        """
        if msg_id == self._initializing:
            self._initializing = None
            self._initialized = not future.cancelled() and future.exception() is None
        if future.cancelled():
            self._send_error(msg_id, REQUEST_CANCELLED, "The request was cancelled.")
            return
        failure = future.exception()
        try:
            if failure is None:
                self._send_response(msg_id, result=future.result())
                return
            if isinstance(failure, JsonRpcException):
                self._send_response(msg_id, error=failure.to_response_error())
                return
            logger.error("A request failed.", exc_info=failure)
            reason = f"Internal error ({type(failure).__name__}); the server's log says more."
        except Exception:
            logger.exception("An answer could not be written as JSON.")
            reason = "Internal error: the answer could not be written; the server's log says more."
        self._send_error(msg_id, INTERNAL_ERROR, reason)

    def _check_handler_result(self, future: Any) -> None:
        """Log what a notification's handler raised. The hole: pygls shows it as a pop-up."""
        if not future.cancelled() and (failure := future.exception()) is not None:
            logger.error("A notification failed.", exc_info=failure)

    def _handle_cancel_notification(self, msg_id: int | str) -> None:
        """Cancel a running request.

        The holes: pygls forgets the request before it has ended, and lets the client cancel the
        server's own requests.
        """
        future: Any = self._request_futures.get(msg_id)
        if isinstance(future, asyncio.Future):
            future.cancel()

    # ----- sending

    def _send_data(self, data: Any) -> None:
        """Send a message.

        The holes: NaN is sent as it is, errors while sending are reported by sending (about 200
        levels deep), and whole messages, source code included, are logged at INFO.

        Raises:
            Exception: the message cannot be written as JSON; nothing was sent.
        """
        body = json.dumps(data, default=self._serialize_message, allow_nan=False).encode()
        if self.writer is None:
            logger.debug("A message was dropped: there is no client.")
        else:
            self.writer.write(frame(body))

    def _send_error(self, msg_id: int | str | None, code: int, reason: str) -> None:
        # Written by hand, since pygls leaves an id that is null out of the message.
        error = {"code": code, "message": reason}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def notify(self, method: str, params: Any | None = None) -> None:
        """Send a notification; one that cannot be written as JSON is logged and dropped.

        After shutdown nothing is sent: work that is being ended has nobody to tell of it.
        """
        if self._shutdown:
            return
        kind = self.get_message_type(method) or JsonRPCNotification
        try:
            self._send_data(kind(method=method, params=params, jsonrpc=self.VERSION))
        except Exception:  # cattrs and json raise anything on values that do not fit
            logger.exception("The notification %s could not be written as JSON.", method)

    def send_request(
        self,
        method: str,
        params: Any | None = None,
        callback: Callable[[Any], None] | None = None,
        msg_id: int | str | None = None,
    ) -> Future[Any]:
        """Send a request to the client; after shutdown it is cancelled instead.

        The holes: pygls keeps what it knows of a request that is never answered (#608), and
        waits for ever for an answer to one that could not be sent.
        """
        if self._shutdown:
            unsent: Future[Any] = Future()
            unsent.cancel()
            return unsent
        msg_id = msg_id or str(uuid.uuid4())
        try:
            future = super().send_request(method, params, callback, msg_id)
        except Exception as error:
            logger.exception("The request %s could not be written as JSON.", method)
            future = self._request_futures[msg_id]
            future.set_exception(error)
        future.add_done_callback(partial(self._forget_request, msg_id))
        return future

    def _forget_request(self, msg_id: int | str, _: Any) -> None:
        self._request_futures.pop(msg_id, None)
        self._result_types.pop(msg_id, None)

    # ----- the life of a session

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Any:
        """Make the workspace and the client's abilities, then let pygls go on."""
        root_uri = params.root_uri
        if root_uri is None and params.root_path:
            root_uri = uri_from_path(Path(params.root_path))
        folders = params.workspace_folders or ()
        if root_uri is None and folders:
            root_uri = folders[0].uri
        abilities = self._server.abilities = Abilities.of(params)
        self._documents = Documents(root_uri, folders, abilities.position_encoding)
        if params.process_id is not None and self._server.watch_client is not None:
            self._server.watch_client(params.process_id)
        return super().lsp_initialize(params)

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Any:
        """End all work. The hole: with a command in flight pygls fails and stays alive."""
        self._shutdown = True
        self.cancel_all(but=self.msg_id)
        handler = self.fm.features.get(types.SHUTDOWN)
        return handler(*args) if handler is not None else None

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> Any:
        """End the server. The hole: pygls exits with 0 whether or not shutdown came before."""
        self._server.stop(self.exit_code)

    @property
    def ending(self) -> bool:
        """Whether the client has begun to end the session: nothing more is asked of it."""
        return self._shutdown

    @property
    def exit_code(self) -> int:
        """What the protocol asks for: 0 after a shutdown, 1 without."""
        return 0 if self._shutdown else 1

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        """Apply all changes of a message at once, so that listeners hear of them once."""
        self.workspace.update(params.text_document, params.content_changes)
        handler = self.fm.features.get(types.TEXT_DOCUMENT_DID_CHANGE)
        return handler(params) if handler is not None else None

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:
        """Run a command as the request's own task.

        The hole: pygls runs it beside the request, so that a cancelled command goes on to its end.
        """
        handler = self.fm.commands.get(params.command)
        if handler is None:
            raise JsonRpcInvalidParams(f"The command {params.command!r} is not known here.")
        return handler(params)

    def cancel_all(self, but: int | str | None = None) -> list[asyncio.Future[Any]]:
        """Cancel everything under way, and return what takes a moment to end."""
        futures: list[Any] = [f for key, f in self._request_futures.items() if key != but]
        for future in futures:
            future.cancel()
        return [future for future in futures if isinstance(future, asyncio.Future)]


class Server(LanguageServer):
    """A language server that is run by `claude_lsp.lsp.stdio`, not by pygls' own `start_io`.

    Attributes:
        abilities: what the client can do; nothing before initialize.
        watch_client: called with the client's process id once it is known.
    """

    protocol: Protocol

    def __init__(
        self,
        name: str,
        version: str,
        *,
        converter_factory: Callable[[], Converter] = default_converter,
        **others: Any,
    ) -> None:
        _keep_payloads_out_of_the_log()
        super().__init__(
            name, version, protocol_cls=Protocol, converter_factory=converter_factory, **others
        )
        self.abilities = Abilities()
        self.watch_client: Callable[[int], None] | None = None
        self.exit_code = 0
        self._stopped = asyncio.Event()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @property
    def workspace(self) -> Documents:
        """The open documents."""
        return self.protocol.workspace

    def route(
        self,
        method: str,
        handler: Callable[..., Any],
        *,
        prepare: Callable[[Any], Any] | None = None,
        options: Any = None,
    ) -> None:
        """Let a handler answer a method.

        Args:
            method: such as `textDocument/codeAction`.
            handler: gets the params and, if there is a `prepare`, its value. A coroutine function
                runs as a task, which a cancel from the client ends; any other runs at once.
            prepare: gets the params at dispatch, before any later message is looked at; what it
                raises is the request's error. Take snapshots here.
            options: the registration options that the client is told; some methods, such as
                `textDocument/inlineCompletion`, are not announced without.
        """
        self.feature(method, options)(_dispatch(handler, prepare))

    def route_command(
        self,
        name: str,
        handler: Callable[..., Any],
        *,
        prepare: Callable[[Any], Any] | None = None,
    ) -> None:
        """Let a handler run a command of `workspace/executeCommand`.

        As in `route`, but the handler gets the whole `ExecuteCommandParams`.
        """
        self.command(name)(_dispatch(handler, prepare))

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Await `closer()` when the server ends for whatever reason, within its grace time."""
        self._closers.append(closer)

    def stop(self, exit_code: int) -> None:
        """End the server; the first call decides the exit code."""
        if not self._stopped.is_set():
            self.exit_code = exit_code
            self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether the server has been told to end."""
        return self._stopped.is_set()

    async def wait_stopped(self) -> None:
        """Wait until something ends the server."""
        await self._stopped.wait()

    async def close(self, seconds: float) -> None:
        """End all work, giving it that many seconds."""
        closers = [asyncio.ensure_future(closer()) for closer in self._closers]
        if work := [*self.protocol.cancel_all(), *closers]:
            await asyncio.wait(work, timeout=seconds)
        for task in closers:
            if not task.done():
                task.cancel()
            elif not task.cancelled() and (failure := task.exception()) is not None:
                logger.error("Something failed while the server ended.", exc_info=failure)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an internal error. The hole: pygls shows each as a pop-up."""
        logger.error("%s: %s", getattr(source, "__name__", source), type(error).__name__)


class _Progress(Progress):
    """The hole: pygls keeps the token of every progress for ever (#607)."""

    def end(self, token: types.ProgressToken, value: types.WorkDoneProgressEnd) -> None:
        super().end(token, value)
        self.tokens.pop(token, None)


def _dispatch(
    handler: Callable[..., Any], prepare: Callable[[Any], Any] | None
) -> Callable[[Any], Any]:
    # A new function each time, since pygls writes attributes on what it registers.
    def dispatch(params: Any) -> Any:
        return handler(params) if prepare is None else handler(params, prepare(params))

    return dispatch


class _WithoutPayloads(logging.Filter):
    """Replaces everything long or structured in a log record by the name of its type."""

    def filter(self, record: logging.LogRecord) -> bool:
        # A single mapping is not wrapped in a tuple by logging.
        values = record.args if isinstance(record.args, tuple) else (record.args,)
        if record.args:
            record.args = tuple(map(_harmless, values))
        return True


def _harmless(value: object) -> object:
    short = isinstance(value, int | float) or (isinstance(value, str) and len(value) <= 80)
    return value if short else f"<{type(value).__name__}>"


def _keep_payloads_out_of_the_log() -> None:
    """Keep source code and prompts out. The hole: pygls logs every message it sends at INFO."""
    logging.getLogger("pygls").setLevel(logging.WARNING)
    for name in (
        "pygls.protocol.json_rpc",
        "pygls.protocol.language_server",
        "pygls.feature_manager",
    ):
        log = logging.getLogger(name)
        if not any(isinstance(each, _WithoutPayloads) for each in log.filters):
            log.addFilter(_WithoutPayloads())


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _id_of_unparsable(body: bytes) -> int | str | None:
    """Return the id of a request that was cut off or spoilt behind its leading members."""
    leading = _LEADING_MEMBERS.match(body)
    members = dict(_MEMBER.findall(leading[0])) if leading else {}
    if members.keys() != {b"id", b"method"}:
        return None  # not a request, or nobody can say which
    try:
        msg_id = json.loads(members[b"id"])
    except ValueError:
        return None
    return msg_id if isinstance(msg_id, int | str) else None
