"""One test for every hole of pygls 2.1.1 that `claude_lsp.lsp.protocol` closes."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError

from claude_lsp.lsp.protocol import Server
from tests.lsp.pair import Pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URI = "file:///work.py"


class Probe(Server):
    """A server with handlers of every kind."""

    def __init__(self, **others: Any) -> None:
        super().__init__("probe", "1", **others)
        self.log: list[str] = []
        self.route("probe/echo", lambda params: params)
        self.route("probe/sleep", self._sleep)
        self.route("probe/fail", self._fail)
        self.route("probe/refuse", self._refuse)
        self.route("probe/opaque", lambda _: {"set": {1, 2}})
        self.route("probe/nan", lambda _: {"value": float("nan")})
        self.route("probe/ask", self._ask)
        self.route("probe/text", self._text, prepare=self._freeze)
        self.route("textDocument/hover", lambda _: None)
        self.route("probe/notified", self._fail)
        self.route_command("probe.sleep", self._sleep)
        self.route_command("probe.echo", lambda params: params.arguments)

    async def _sleep(self, params: Any) -> str:
        self.log.append("started")
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        self.log.append("ended")
        return "slept"

    def _fail(self, params: Any) -> None:
        raise KeyError("/a/secret/path")

    async def _refuse(self, params: Any) -> None:
        raise JsonRpcException("Not today.", code=-32803)

    async def _ask(self, params: Any) -> Any:
        return await self.protocol.send_request_async("probe/question", params)

    def _freeze(self, params: Any) -> Any:
        document = self.workspace.get(URI)
        assert document is not None
        return document.snapshot()

    async def _text(self, params: Any, snapshot: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        document = self.workspace.get(URI)
        assert document is not None
        return {"then": snapshot.version, "now": document.version}


@pytest.fixture
async def pair() -> AsyncIterator[Pair[Probe]]:
    async with Pair(Probe) as pair:
        await pair.client.initialize()
        yield pair
        assert pair.client.messages == []


@pytest.fixture
async def fresh() -> AsyncIterator[Pair[Probe]]:
    async with Pair(Probe) as pair:
        yield pair


def request(msg_id: Any, method: str, params: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params}


def notification(method: str, params: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


async def error_of(pair: Pair[Probe], message: Any, msg_id: Any) -> dict[str, Any]:
    pair.raw.send(message)
    return dict((await pair.raw.answer(msg_id))["error"])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def pending(pair: Pair[Probe]) -> int:
    return len(pair.server.protocol._request_futures)


# ----- reading


@pytest.mark.parametrize(
    ("body", "msg_id", "code"),
    [
        (b"{", None, -32700),
        (b"", None, -32700),
        (b'\xff{"jsonrpc": "2.0"}', None, -32700),
        (b'{"jsonrpc":"2.0","id":7,"method":"probe/echo","params":{', 7, -32700),
        (b'{"id":"a","jsonrpc":"2.0","method":"probe/echo","params":[NaN]}', "a", -32700),
        (b'{"jsonrpc":"2.0","id":7,"method":"probe/echo","params":' + b"[" * 100_000, 7, -32700),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b"}", None, -32700),
        # The answer to one of our own requests must not be answered.
        (b'{"jsonrpc":"2.0","id":7,"result":{', None, -32700),
        (b'[{"jsonrpc":"2.0","id":7,"method":"probe/echo"}]', None, -32600),
        (b"5", None, -32600),
        (b'{"id":7,"method":"probe/echo"}', 7, -32600),
        (b'{"jsonrpc":"1.0","id":7,"method":"probe/echo"}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":5}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"probe/echo"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":[1],"method":"probe/echo"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"probe/echo"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/didOpen","params":{}}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"probe/unknown"}', 7, -32601),
        (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/hover"}', 7, -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/hover","params":[1]}', 7, -32602),
        (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/didChange","params":{}}', 7, -32600),
    ],
)
async def test_what_cannot_be_handled_is_answered_once(
    pair: Pair[Probe], body: bytes, msg_id: Any, code: int
) -> None:
    assert (await error_of(pair, body, msg_id))["code"] == code
    pair.raw.send(request(99, "probe/echo", "still there"))
    assert (await pair.raw.answer(99))["result"] == "still there"
    assert len(pair.raw.answers(msg_id)) == 1


@pytest.mark.parametrize(
    "message",
    [
        notification("probe/unknown"),
        notification("textDocument/didOpen", {"nonsense": 1}),
        notification("textDocument/hover", {}),
        {"jsonrpc": "2.0"},
        {"jsonrpc": "2.0", "id": 4, "result": None},
        {"jsonrpc": "2.0", "id": {}, "error": 5},
        notification("$/cancelRequest", {"id": 12345}),
        notification(
            "textDocument/didChange",
            {"textDocument": {"uri": "u", "version": 1}, "contentChanges": [{"text": "x"}]},
        ),
    ],
)
async def test_what_cannot_be_answered_is_ignored(pair: Pair[Probe], message: Any) -> None:
    before = len(pair.raw.received)
    pair.raw.send(message, request(99, "probe/echo", 1))
    await pair.raw.answer(99)
    assert len(pair.raw.received) == before + 1


async def test_nested_objects_with_a_jsonrpc_key_are_data(pair: Pair[Probe]) -> None:
    inner = request(5, "textDocument/hover", {"jsonrpc": "2.0", "class": 1, "a-b": 2})
    pair.raw.send(request(1, "probe/echo", [inner]))
    assert (await pair.raw.answer(1))["result"] == [inner]
    assert await pair.client.command("probe.echo", inner) == [inner]


@given(
    message=st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.sampled_from(["2.0", "1.0", None]),
            "id": st.none() | st.integers(-3, 3) | st.sampled_from(["a", True, 1.5, [], {}]),
            "method": st.sampled_from(
                [
                    *("probe/echo", "probe/fail", "probe/opaque", "probe/refuse", "x", 5, None),
                    *("textDocument/hover", "textDocument/didOpen", "shutdown", "initialize"),
                    *("workspace/executeCommand", "$/cancelRequest", "textDocument/didClose"),
                ]
            ),
            "params": st.none() | st.just({}) | st.lists(st.integers(), max_size=2),
            "result": st.none() | st.just({}),
            "error": st.none() | st.just({"code": 1, "message": "m"}) | st.just(7),
        },
    )
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_request_gets_exactly_one_response(message: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Pair(Probe) as pair:
            await pair.client.initialize()
            before = len(pair.raw.received)
            pair.raw.send(message)
            await settle()
            is_request = "method" in message and "id" in message
            assert len(pair.raw.received) - before == (1 if is_request else 0)
            assert pending(pair) == 0

    asyncio.run(scenario())


# ----- the order of a session


async def test_requests_before_initialize_are_refused(fresh: Pair[Probe]) -> None:
    assert (await error_of(fresh, request(1, "probe/echo"), 1))["code"] == -32002
    assert (await error_of(fresh, request(2, "shutdown"), 2))["code"] == -32002
    fresh.raw.send(notification("textDocument/didOpen", {}))
    await fresh.client.initialize()
    assert len(fresh.raw.received) == 3


async def test_invalid_initialize_can_be_repeated(fresh: Pair[Probe]) -> None:
    assert (await error_of(fresh, request(1, "initialize", {"capabilities": 5}), 1))[
        "code"
    ] == -32602
    await fresh.client.initialize()


async def test_second_initialize_is_refused(pair: Pair[Probe]) -> None:
    message = request(1, "initialize", {"capabilities": {}, "processId": None, "rootUri": None})
    assert (await error_of(pair, message, 1))["code"] == -32600


async def test_requests_after_shutdown_are_refused(pair: Pair[Probe]) -> None:
    await pair.client.shutdown_async(None)
    assert (await error_of(pair, request(1, "probe/echo"), 1))["code"] == -32600
    assert (await error_of(pair, request(2, "shutdown"), 2))["code"] == -32600
    assert not pair.server.stopped


async def test_exit_code_is_zero_after_shutdown(pair: Pair[Probe]) -> None:
    await pair.client.shutdown_and_exit()
    await pair.server.wait_stopped()
    assert pair.server.exit_code == 0


async def test_exit_code_is_one_without_shutdown(pair: Pair[Probe]) -> None:
    pair.client.exit(None)
    await pair.server.wait_stopped()
    assert pair.server.exit_code == 1


async def test_shutdown_with_work_in_flight_ends_the_work(pair: Pair[Probe]) -> None:
    pair.unheard.add("probe/question")
    pair.raw.send(
        request(1, "probe/sleep"),
        request(2, "workspace/executeCommand", {"command": "probe.sleep"}),
        request(3, "probe/ask"),
    )
    await settle()
    pair.raw.send(request(4, "shutdown"))
    assert (await pair.raw.answer(4))["result"] is None
    for msg_id in (1, 2, 3):
        assert (await pair.raw.answer(msg_id))["error"]["code"] == -32800
    assert pair.server.log == ["started", "started", "cancelled", "cancelled"]
    assert pending(pair) == 0


async def test_async_initialize_handler_runs_before_the_answer() -> None:
    class Slow(Probe):
        def __init__(self, **others: Any) -> None:
            super().__init__(**others)
            self.route("initialize", self._start)

        async def _start(self, params: types.InitializeParams) -> None:
            await asyncio.sleep(0.01)
            self.route(
                "textDocument/inlineCompletion",
                lambda _: [],
                options=types.InlineCompletionOptions(),
            )

    async with Pair(Slow) as pair:
        pair.raw.send(
            request("i", "initialize", {"capabilities": {}, "processId": None, "rootUri": None}),
            request(2, "probe/echo"),
            request(3, "initialize", {"capabilities": {}, "processId": None, "rootUri": None}),
        )
        assert (await pair.raw.answer(2))["error"]["code"] == -32002
        assert (await pair.raw.answer(3))["error"]["code"] == -32600
        answer = await pair.raw.answer("i")
        assert answer["result"]["capabilities"]["inlineCompletionProvider"] == {}


async def test_closing_awaits_what_was_registered_for_it(pair: Pair[Probe]) -> None:
    closed = []

    async def closer() -> None:
        closed.append(True)

    pair.server.on_close(closer)
    await pair.server.close(1)
    assert closed == [True]


async def test_notifications_without_params_are_understood(pair: Pair[Probe]) -> None:
    heard: list[Any] = []
    pair.server.route("initialized", heard.append)
    pair.raw.send({"jsonrpc": "2.0", "method": "initialized"})
    await settle()
    assert heard == [types.InitializedParams()]


# ----- cancelling


@pytest.mark.parametrize(
    "message",
    [request(1, "probe/sleep"), request(1, "workspace/executeCommand", {"command": "probe.sleep"})],
)
async def test_cancelled_coroutines_end_and_are_answered_once(
    pair: Pair[Probe], message: Any
) -> None:
    pair.raw.send(message)
    await settle()
    pair.raw.send(notification("$/cancelRequest", {"id": 1}))
    assert (await pair.raw.answer(1))["error"]["code"] == -32800
    assert pair.server.log == ["started", "cancelled"]
    await settle()
    assert len(pair.raw.answers(1)) == 1
    assert pending(pair) == 0


async def test_request_cancelled_in_the_same_packet_never_starts(pair: Pair[Probe]) -> None:
    pair.raw.send(request(1, "probe/sleep"), notification("$/cancelRequest", {"id": 1}))
    assert (await pair.raw.answer(1))["error"]["code"] == -32800
    assert pair.server.log == []


async def test_client_cannot_cancel_or_answer_what_is_not_its_own(pair: Pair[Probe]) -> None:
    pair.unheard.add("probe/question")
    pair.raw.send(request(1, "probe/sleep"), request(2, "probe/ask"))
    await settle()
    question = pair.raw.received[-1]
    assert question["method"] == "probe/question"
    pair.raw.send(
        {"jsonrpc": "2.0", "id": 1, "result": "forged"},
        notification("$/cancelRequest", {"id": question["id"]}),
    )
    await settle()
    assert pair.raw.answers(1) == []
    pair.raw.send({"jsonrpc": "2.0", "id": question["id"], "result": 42})
    assert (await pair.raw.answer(2))["result"] == 42


async def test_two_requests_under_one_id_are_not_mixed_up(pair: Pair[Probe]) -> None:
    pair.raw.send(request(1, "probe/sleep"), request(1, "probe/sleep"))
    assert (await pair.raw.answer(1))["error"]["code"] == -32600
    pair.raw.send(notification("$/cancelRequest", {"id": 1}))
    await settle()
    assert [m["error"]["code"] for m in pair.raw.answers(1)] == [-32600, -32800]


async def test_cancelled_step_ends_one_of_pygls_own_handlers(
    pair: Pair[Probe], caplog: pytest.LogCaptureFixture
) -> None:
    async def cancelled(params: Any) -> None:
        raise asyncio.CancelledError

    pair.server.route("textDocument/didOpen", cancelled)
    pair.client.open(URI, "a")
    await settle()
    assert pending(pair) == 0
    assert caplog.records == []


# ----- answers of the client


async def test_late_answers_of_the_client_are_ignored(
    pair: Pair[Probe], caplog: pytest.LogCaptureFixture
) -> None:
    pair.unheard.add("probe/question")
    pair.raw.send(request(1, "probe/ask"), notification("$/cancelRequest", {"id": 1}))
    await pair.raw.answer(1)
    pair.raw.send(request(2, "probe/ask"))
    await settle()
    question = next(m for m in pair.raw.received if m.get("method") == "probe/question")
    pair.raw.send(notification("$/cancelRequest", {"id": 2}))
    await settle()
    pair.raw.send({"jsonrpc": "2.0", "id": question["id"], "result": 1})
    await settle()
    assert [
        r for r in caplog.records if r.levelno >= logging.ERROR and r.name.startswith("claude")
    ] == []


async def test_nothing_is_kept_of_requests_that_are_never_answered(pair: Pair[Probe]) -> None:
    protocol = pair.server.protocol
    waiting = asyncio.ensure_future(protocol.send_request_async("workspace/configuration", None))
    waiting.cancel()
    await settle()
    assert (protocol._result_types, pending(pair)) == ({}, 0)


async def test_unreadable_answer_of_the_client_fails_the_request(pair: Pair[Probe]) -> None:
    pair.unheard.add("workspace/applyEdit")
    protocol = pair.server.protocol
    asked = protocol.send_request_async(
        "workspace/applyEdit", types.ApplyWorkspaceEditParams(types.WorkspaceEdit()), "q"
    )
    pair.raw.send({"jsonrpc": "2.0", "id": "q", "result": 5})
    with pytest.raises(JsonRpcInternalError):
        await asked


async def test_request_that_cannot_be_written_fails_at_once(pair: Pair[Probe]) -> None:
    with pytest.raises(ValueError, match="JSON"):
        await pair.server.protocol.send_request_async("probe/question", {"value": float("inf")})
    assert (pair.server.protocol._result_types, pending(pair)) == ({}, 0)


async def test_client_errors_reach_the_waiting_handler(pair: Pair[Probe]) -> None:
    pair.raw.send(request(1, "probe/ask"))
    assert (await pair.raw.answer(1))["error"]["code"] == -32601


# ----- results and failures


@pytest.mark.parametrize("method", ["probe/opaque", "probe/nan"])
async def test_results_that_are_not_json_are_answered_with_an_error(
    pair: Pair[Probe], method: str
) -> None:
    assert (await error_of(pair, request(1, method), 1))["code"] == -32603


async def test_notifications_that_are_not_json_are_not_sent(pair: Pair[Probe]) -> None:
    before = len(pair.raw.received)
    pair.server.protocol.notify("probe/x", {"value": float("nan")})
    pair.server.protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, object())
    assert len(pair.raw.received) == before


async def test_null_results_are_sent_as_null(pair: Pair[Probe]) -> None:
    pair.raw.send(request(1, "probe/echo"))
    assert (await pair.raw.answer(1)) == {"jsonrpc": "2.0", "id": 1, "result": None}


async def test_internal_errors_carry_no_paths_and_show_no_popups(
    pair: Pair[Probe], caplog: pytest.LogCaptureFixture
) -> None:
    error = await error_of(pair, request(1, "probe/fail"), 1)
    assert error["code"] == -32603
    assert error.keys() == {"code", "message"}
    assert "/" not in error["message"]
    pair.raw.send(notification("probe/notified"))
    await settle()
    assert "_fail" in caplog.text  # the traceback is in the log
    assert not any(m.get("method") == "window/showMessage" for m in pair.raw.received)


async def test_handlers_choose_their_own_errors(pair: Pair[Probe]) -> None:
    error = await error_of(pair, request(1, "probe/refuse"), 1)
    assert (error["code"], error["message"]) == (-32803, "Not today.")


async def test_unknown_command_is_invalid_params(pair: Pair[Probe]) -> None:
    message = request(1, "workspace/executeCommand", {"command": "nobody"})
    assert (await error_of(pair, message, 1))["code"] == -32602


# ----- memory and logs


async def test_nothing_is_kept_of_notifications(pair: Pair[Probe]) -> None:
    pair.server.route(
        "textDocument/didSave", pair.server.protocol.workspace.__class__.__name__.join
    )
    pair.client.open(URI, "a\n")
    for column in range(200):
        pair.client.change(URI, ((0, column), (0, column)), "x")
    await settle()
    assert pending(pair) == 0
    document = pair.server.workspace.get(URI)
    assert document is not None
    assert document.source == pair.client.texts[URI]


async def test_progress_tokens_are_forgotten_at_the_end(pair: Pair[Probe]) -> None:
    progress = pair.server.work_done_progress
    await progress.create_async("t")
    progress.begin("t", types.WorkDoneProgressBegin("Title"))
    progress.end("t", types.WorkDoneProgressEnd())
    await pair.client.wait_for(lambda: len(pair.client.reports["t"]) == 2)
    assert progress.tokens == {}


async def test_source_code_stays_out_of_the_log(
    pair: Pair[Probe], caplog: pytest.LogCaptureFixture
) -> None:
    secret = "password = 'swordfish'"
    with caplog.at_level(logging.INFO):
        pair.client.open(URI, secret)
        pair.raw.send(request(1, "probe/echo", {"text": secret}))
        await pair.raw.answer(1)
        pair.raw.send(request(2, "textDocument/hover", {"textDocument": secret}))
        await pair.raw.answer(2)
        pair.raw.send(b'{"jsonrpc":"2.0","method":"' + secret.encode())
        logging.getLogger("pygls.protocol.json_rpc").error("Failed: %s", {"params": secret})
        await settle()
    assert "swordfish" not in caplog.text
    assert logging.getLogger("pygls").level == logging.WARNING


# ----- dispatch


async def test_prepare_sees_the_document_as_it_was_when_the_request_came(pair: Pair[Probe]) -> None:
    pair.client.open(URI, "a\n")
    pair.raw.send(request(1, "probe/text"))
    pair.client.change(URI, ((0, 0), (0, 0)), "b")
    pair.client.change(URI, ((0, 0), (0, 0)), "c")
    assert (await pair.raw.answer(1))["result"] == {"then": 1, "now": 3}


async def test_what_prepare_raises_is_the_request_s_error(pair: Pair[Probe]) -> None:
    assert (await error_of(pair, request(1, "probe/text"), 1))["code"] == -32603


async def test_a_session_costs_no_new_converter() -> None:
    async with Pair(partial(Server, "bare", "1")) as pair:
        result = await pair.client.initialize()
        assert result.server_info == types.ServerInfo("bare", "1")
        await pair.client.shutdown_and_exit()
