"""The loopback Messages API answers, and fails, as its replies say."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.messages_api import (
    KEY,
    Disconnect,
    Gate,
    MessagesApi,
    Reply,
    Text,
    ThreadedMessagesApi,
    Wait,
    replies,
)
from tests.messages_api.examples import OLD, OPUS, SONNET, TOOL, ask, body, marked, said
from tests.messages_api.fixtures import messages_api, threaded_messages_api
from tests.messages_api.raw_client import RawClient
from tests.messages_api.tokens import count_text

__all__ = ["messages_api", "threaded_messages_api"]  # The fixtures of this module.

# Answers


async def test_stream_has_the_events_of_the_api_in_order(messages_api: MessagesApi) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello", chunk=3))
    response = await ask(messages_api, body(stream=True))
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["request-id"].startswith("req_")
    events = response.events()
    assert all(name == data["type"] for name, data in events)
    assert [name for name, _ in events] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[3][1]["delta"]["type"] == "signature_delta"
    assert [data["index"] for _, data in events[2:9]] == [0, 0, 0, 1, 1, 1, 1]
    assert events[9][1]["delta"]["stop_reason"] == "end_turn"
    assert events[9][1]["usage"]["output_tokens"] == count_text("Hmm.Hello", "v4.7")
    assert events[9][1]["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["thinking", "text"]),
        ({"thinking": {"type": "disabled"}}, ["text"]),
        ({"model": OLD}, ["text"]),
        ({"model": SONNET, "thinking": {"type": "between_tools"}}, ["text"]),
    ],
)
async def test_thinking_is_left_out_where_it_is_off(
    messages_api: MessagesApi, changes: dict[str, Any], kinds: list[str]
) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello"))
    answer = (await ask(messages_api, body(**changes))).json()
    assert [block["type"] for block in answer["content"]] == kinds


async def test_thinking_is_shown_where_asked(messages_api: MessagesApi) -> None:
    messages_api.script(replies.thinking_then_text("Hmm.", "Hello"))
    thinking = {"type": "adaptive", "display": "summarized"}
    answer = (await ask(messages_api, body(thinking=thinking))).json()
    assert answer["content"][0]["thinking"] == "Hmm."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("chunk", [0, 1, 4])
async def test_answer_ends_at_a_stop_sequence(
    messages_api: MessagesApi, stream: bool, chunk: int
) -> None:
    messages_api.script(replies.text("a + b</fill> and more", chunk=chunk))
    response = await ask(messages_api, body(stop_sequences=["</fill>", "more"], stream=stream))
    if stream:
        assert response.text() == "a + b"
        delta = response.events()[-2][1]["delta"]
    else:
        delta = response.json()
        assert delta["content"] == [{"type": "text", "text": "a + b"}]
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("stop_sequence", "</fill>")


async def test_answer_ends_when_max_tokens_are_used_up(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("0123456789abcdef"))
    answer = (await ask(messages_api, body(max_tokens=4))).json()
    assert answer["content"] == [{"type": "text", "text": "0123456789"}]
    assert answer["stop_reason"] == "max_tokens"
    assert answer["usage"]["output_tokens"] == 4


async def test_tool_calls_are_streamed_in_fragments(messages_api: MessagesApi) -> None:
    call = ("read", {"path": "a/b/c.py"})
    messages_api.script(replies.tool_uses(call, call), replies.tool_use(*call, before="Let me"))
    request = body(tools=[TOOL])
    events = (await ask(messages_api, request | {"stream": True})).events()
    first = [d for n, d in events if n == "content_block_delta" and d["index"] == 0]
    assert len(first) > 1
    assert json.loads("".join(d["delta"]["partial_json"] for d in first)) == call[1]
    answer = (await ask(messages_api, request)).json()
    assert [block["type"] for block in answer["content"]] == ["text", "tool_use"]
    assert answer["content"][1]["input"] == call[1]
    assert answer["stop_reason"] == "tool_use"


async def test_findings_stream_one_by_one(messages_api: MessagesApi) -> None:
    gate = Gate()
    messages_api.script(replies.json_findings([{"n": 1}, {"n": 2}], between=[gate], chunk=0))
    async with RawClient(messages_api.base_url) as client:
        await client.send(body(stream=True))
        await gate.wait_reached()
        assert messages_api.requests[0].finished_at is None
        gate.open()
        response = await client.receive()
    assert json.loads(response.text()) == {"findings": [{"n": 1}, {"n": 2}]}


STOPPED = {
    "refusal": (replies.refusal("par"), "refusal", "par"),
    "max_tokens": (replies.max_tokens("par"), "max_tokens", "par"),
    "window": (replies.context_window_exceeded("par"), "model_context_window_exceeded", "par"),
    "drip": (replies.drip("par", 0.001), "end_turn", "par"),
    "pings": (replies.text("par", chunk=1, pings=True), "end_turn", "par"),
    "unknown": (replies.unknown_events("par"), "end_turn", "par"),
    "prose": (replies.ignore_format("par"), "end_turn", "par"),
    "json": (replies.json(["ä"]), "end_turn", '["ä"]'),
}


@pytest.mark.parametrize("name", STOPPED)
async def test_reply_ends_as_it_says(messages_api: MessagesApi, name: str) -> None:
    reply, reason, text = STOPPED[name]
    messages_api.script(reply, reply)
    streamed = await ask(messages_api, body(stream=True))
    assert (streamed.text(), streamed.end) == (text, "complete")
    assert streamed.events()[-2][1]["delta"]["stop_reason"] == reason
    whole = (await ask(messages_api, body())).json()
    assert (whole["content"][0]["text"], whole["stop_reason"]) == (text, reason)
    if name == "refusal":
        assert whole["stop_details"]["category"] == "cyber"
    if name == "pings":
        assert sum(event == "ping" for event, _ in streamed.events()) == 4
    if name == "unknown":
        assert b'\n\ndata: {"type":"nameless"}' in streamed.body
        assert "surprise" in dict(streamed.events())


async def test_json_can_be_fenced(messages_api: MessagesApi) -> None:
    messages_api.script(replies.ignore_format({"findings": []}))
    text = (await ask(messages_api, body())).json()["content"][0]["text"]
    assert '```json\n{\n  "findings": []\n}\n```' in text


# Scripting and looking back


async def test_script_then_handler_then_answer(messages_api: MessagesApi) -> None:
    async def handler(request: Any) -> Reply | None:
        return replies.text("handler") if "please" in request.text else None

    messages_api.answer = replies.text("answer")
    messages_api.respond(handler)
    messages_api.script(replies.text("opus"), when=lambda request: request.model == OPUS)
    messages_api.script(replies.text("first"), replies.text("second"))
    texts = []
    for changes in ({}, {}, {"system": "please"}, {}, {"model": OPUS}):
        answer = (await ask(messages_api, body(**changes))).json()
        texts.append(answer["content"][0]["text"])
    assert texts == ["first", "second", "handler", "answer", "opus"]
    assert messages_api.unused == 0


async def test_repeated_replies_take_turns(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("a"), replies.text("b"), repeat=True)
    answers = [(await ask(messages_api, body())).json() for _ in range(3)]
    assert [answer["content"][0]["text"] for answer in answers] == ["a", "b", "a"]


async def test_other_endpoints_can_fail_too(messages_api: MessagesApi) -> None:
    messages_api.script(replies.error(503), Reply((Wait(0.001),)), path="/v1/models")
    assert (await ask(messages_api, body())).status == 200
    assert (await ask(messages_api, None, path="/v1/models")).status == 503
    assert (await ask(messages_api, None, path="/v1/models")).status == 200


async def test_rules_come_before_the_script(messages_api: MessagesApi) -> None:
    messages_api.script(replies.text("kept"))
    assert (await ask(messages_api, body(top_k=1))).status == 400
    assert messages_api.unused == 1


async def test_failure_of_a_handler_fails_the_test() -> None:
    def handler(request: Any) -> Reply:
        raise LookupError("nothing to say")

    api = MessagesApi()
    await api.__aenter__()
    api.respond(handler)
    assert (await ask(api, body())).status == 500
    with pytest.raises(LookupError, match="nothing to say"):
        await api.__aexit__(None, None, None)


async def test_requests_are_recorded(messages_api: MessagesApi) -> None:
    raw = json.dumps(body(system="Rules", messages=said([marked("Käse")]))).encode()
    response = await ask(messages_api, raw, path="/v1/messages?beta=true")
    [request] = await messages_api.wait_for(1, path="/v1/messages")
    await request.wait_finished()
    assert request.raw == raw
    assert request.body == json.loads(raw)
    assert (request.query, request.status, request.refused) == ({"beta": "true"}, 200, None)
    assert request.text == "Rules\nKäse"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.first_byte_at is not None
    assert request.finished_at is not None
    assert request.received_at <= request.first_byte_at <= request.finished_at
    assert request.usage == response.json()["usage"]
    assert messages_api.messages == [request]


async def test_waiting_for_too_many_says_what_came(messages_api: MessagesApi) -> None:
    await ask(messages_api, None, path="/v1/models")
    with pytest.raises(TimeoutError, match=r"2 requests wanted.*GET /v1/models"):
        await messages_api.wait_for(2, timeout_s=0.01)


def test_environment_leads_only_here(
    threaded_messages_api: ThreadedMessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "real")
    variables = threaded_messages_api.environment(EXTRA="1")
    ours = {name: value for name, value in variables.items() if name.startswith("ANTHROPIC_")}
    assert not Path(ours.pop("ANTHROPIC_CONFIG_DIR")).exists()
    assert ours == {
        "ANTHROPIC_BASE_URL": threaded_messages_api.base_url,
        "ANTHROPIC_API_KEY": KEY,
    }
    assert variables["NO_PROXY"] == "127.0.0.1"
    assert variables["EXTRA"] == "1"
    assert variables["PATH"] == os.environ["PATH"]


def test_server_in_a_thread(threaded_messages_api: ThreadedMessagesApi) -> None:
    api = threaded_messages_api
    gate = Gate()
    api.script(replies.partial("a") + gate + replies.text("b"), replies.stall())

    async def leave() -> None:
        async with RawClient(api.base_url) as client:
            await client.send(body(stream=True))
            await client.receive_head()

    async def stay() -> str:
        async with RawClient(api.base_url) as client:
            await client.send(body(stream=True))
            await gate.wait_reached()
            gate.open()
            return (await client.receive()).text()

    assert asyncio.run(stay()) == "ab"
    asyncio.run(leave())
    first, second = api.wait_for(2)
    api.wait_finished(first)
    api.wait_disconnected(second)
    assert (first.disconnected, second.disconnected) == (False, True)


# Batches


async def test_batch_from_start_to_results(messages_api: MessagesApi) -> None:
    messages_api.batch_polls = 1
    messages_api.script(replies.text("one"), replies.overloaded(), replies.hang())
    names = ["ok", "failed", "late", "wrong"]
    params = [body(), body(), body(), body(stream=True)]
    path = "/v1/messages/batches"
    async with RawClient(messages_api.base_url) as client:
        parts = [{"custom_id": n, "params": p} for n, p in zip(names, params, strict=True)]
        batch = (await client.ask({"requests": parts}, path)).json()
        own = f"{path}/{batch['id']}"
        assert batch["processing_status"] == "in_progress"
        assert batch["request_counts"]["processing"] == 4
        assert (await client.ask(None, f"{own}/results")).status == 404
        assert (await client.ask(None, own)).json()["processing_status"] == "in_progress"
        batch = (await client.ask(None, own)).json()
        assert batch["processing_status"] == "ended"
        assert batch["request_counts"] == {
            "processing": 0, "succeeded": 1, "errored": 2, "canceled": 0, "expired": 1,
        }  # fmt: skip
        lines = (await client.ask(None, f"{own}/results")).body.splitlines()
        found = {line["custom_id"]: line["result"] for line in map(json.loads, lines)}
        assert found["ok"]["message"]["content"][0]["text"] == "one"
        assert found["ok"]["message"]["usage"]["service_tier"] == "batch"
        assert found["failed"]["error"]["error"]["type"] == "overloaded_error"
        assert found["wrong"]["error"]["error"]["message"].startswith("stream")
        assert [line["id"] for line in (await client.ask(None, path)).json()["data"]]
        assert (await client.ask(None, own, method="DELETE")).status == 200
        assert (await client.ask(None, own)).status == 404
        assert batch["results_url"] == f"{messages_api.base_url}{own}/results"


async def test_batch_can_be_cancelled(messages_api: MessagesApi) -> None:
    path = "/v1/messages/batches"
    parts = [{"custom_id": "a", "params": body()}]
    async with RawClient(messages_api.base_url) as client:
        batch = (await client.ask({"requests": parts}, path)).json()
        own = f"{path}/{batch['id']}"
        cancelled = (await client.ask({}, f"{own}/cancel")).json()
        assert cancelled["processing_status"] == "canceling"
        assert (await client.ask(None, own)).json()["request_counts"]["canceled"] == 1


PART = {"custom_id": "a", "params": body()}


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({"requests": []}, "at least one request"),
        ({"requests": [PART | {"custom_id": "a b"}]}, "requests.0.custom_id"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params"),
        ({"requests": [PART, PART]}, "'a' is used twice"),
        ({"requests": [PART], "model": OPUS}, "model: Extra inputs"),
        ({"requests": [{}] * 100_001}, "more than 100000"),
    ],
)
async def test_malformed_batches_are_refused(
    messages_api: MessagesApi, request_body: Any, message: str
) -> None:
    response = await ask(messages_api, request_body, path="/v1/messages/batches")
    assert response.status == 400
    assert message in response.json()["error"]["message"]


async def test_batches_take_no_prewarm(messages_api: MessagesApi) -> None:
    path = "/v1/messages/batches"
    parts = [{"custom_id": "a", "params": body(max_tokens=0)}]
    async with RawClient(messages_api.base_url) as client:
        batch = (await client.ask({"requests": parts}, path)).json()
        batch = (await client.ask(None, f"{path}/{batch['id']}")).json()
    assert batch["request_counts"]["errored"] == 1


# By itself


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGTERM")
async def test_runs_by_itself(tmp_path: Path) -> None:
    script, record = tmp_path / "script.json", tmp_path / "record.jsonl"
    entry = {"reply": "text", "answer": "hi", "repeat": True, "when": {"contains": "Hello"}}
    script.write_text(json.dumps([entry]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.messages_api", "--script", script, "--answer", "else"),
        *("--record", record),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    async with RawClient((await process.stdout.readline()).decode().strip()) as client:
        answers = [
            (await client.ask(body(**changes))).json() for changes in ({}, {"messages": said("?")})
        ]
        await client.send(body(stream=True))
        await client.receive()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert [answer["content"][0]["text"] for answer in answers] == ["hi", "else"]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 200]
    assert lines[0]["body"] == body()


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "list"), ('[{"reply": "nope"}]', "nope"), ('[{"reply": "text"}]', "answer")],
)
def test_wrong_script_file_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    from tests.messages_api.__main__ import main

    script = tmp_path / "script.json"
    script.write_text(content)
    assert main(["--script", str(script)]) == 2
    assert message in capsys.readouterr().err


def test_steps_can_be_put_together() -> None:
    together = replies.partial("a", chunk=0) + Disconnect() + Reply((Wait(1),))
    assert together.steps == (Text("a"), Disconnect(), Wait(1))
