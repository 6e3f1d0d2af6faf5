"""What can go wrong with a request: each fault with its script and what it means, as one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from tests.messages_api import Disconnect, Event, Finish, Reply, Wait, replies

Arrives = Literal["nothing", "head", "whole"]
Bill = Literal["none", "free", "counted", "most"]
Group = Literal[
    "the way there", "answers with an error", "the stream", "the answer", "before it is sent",
    "the user", "batches",
]  # fmt: skip


@dataclass(frozen=True)
class Good:
    """The answer that an action would have got.

    Attributes:
        head: its beginning, of which something can be used where parts can be.
        rest: what makes it whole.
    """

    head: str
    rest: str

    @property
    def whole(self) -> str:
        return self.head + self.rest


@dataclass(frozen=True)
class Setup:
    """What is wrong before anything is sent.

    Attributes:
        environment: variables that are set, or with None taken away.
        options: settings of the user.
    """

    environment: Mapping[str, str | None] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        name: the row of the matrix.
        group: where it happens.
        kind: the failure that it is, None where it is none: then all must go well.
        replies: what the service answers, one for each attempt; the last one to all that follow.
        arrives: how much of the good answer does before.
        bill: what the ledger has to count it as.
        retryable: whether it may pass.
        fails: how many attempts fail; None for all.
        breaks: how many answers break off, before one that is good; None for all.
        says: words of the service that must be passed on.
        patience: deadline and silence in seconds, where the usual ones are too long for a test.
        setup: what is wrong before anything is sent.
        cancel: whether the user cancels once that much has arrived.
        formless: the kind where any text will do as an answer; the same by default.
        path: of a batch, below all of them, where not messages fail but that.
        forms_only: whether it is none where any text will do.
    """

    name: str
    group: Group
    kind: str | None
    replies: Callable[[Good], Sequence[Reply]]
    arrives: Arrives = "nothing"
    bill: Bill = "free"
    retryable: bool = False
    fails: int | None = None
    breaks: int | None = None
    says: str = ""
    patience: Mapping[str, float] = field(default_factory=dict)
    setup: Setup | None = None
    cancel: bool = False
    formless: str | None = "same"
    forms_only: bool = False
    path: str | None = None

    @property
    def early(self) -> bool:
        """Whether any request meets it, whatever is asked."""
        return self.group == "before it is sent"


Script = Callable[[Good], Reply]


def _always(reply: Reply) -> Callable[[Good], Sequence[Reply]]:
    return lambda _good: [reply]


def _well(good: Good) -> Reply:
    return replies.text(good.whole, chunk=7)


def _once(reply: Reply) -> Callable[[Good], Sequence[Reply]]:
    """Fail once, then answer well."""
    return lambda good: [reply, _well(good)]


def _in_the_middle(script: Script) -> Callable[[Good], Sequence[Reply]]:
    return lambda good: [script(good)]


def _way(name: str, kind: str, script: Script | Reply, **others: Any) -> Fault:
    return Fault(name, "the way there", kind, _scripted(script), **others)


def _status(name: str, kind: str, reply: Reply, **others: Any) -> Fault:
    others.setdefault("retryable", kind in ("rate-limit", "overloaded", "timeout", "server"))
    return Fault(name, "answers with an error", kind, _always(reply), **others)


def _stream(name: str, kind: str | None, script: Script | Reply, **others: Any) -> Fault:
    others.setdefault("bill", "counted")
    return Fault(name, "the stream", kind, _scripted(script), **others)


def _answer(name: str, kind: str | None, script: Script | Reply, **others: Any) -> Fault:
    others.setdefault("bill", "counted")
    return Fault(name, "the answer", kind, _scripted(script), **others)


def _before(name: str, kind: str, **others: Any) -> Fault:
    others.setdefault("bill", "none")
    options = {key: others.pop(key) for key in ("environment", "options") if key in others}
    setup = Setup(**options)
    return Fault(name, "before it is sent", kind, _in_the_middle(_well), setup=setup, **others)


def _batch(name: str, kind: str | None, reply: Reply, **others: Any) -> Fault:
    return Fault(name, "batches", kind, _always(reply), **others)


def _scripted(script: Script | Reply) -> Callable[[Good], Sequence[Reply]]:
    return _always(script) if isinstance(script, Reply) else _in_the_middle(script)


def _head(good: Good) -> Reply:
    return replies.partial(good.head, chunk=7)


def _date_in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


_MESSAGE = {"id": "msg_x", "type": "message", "role": "assistant", "model": "other"}


def _uncounted(good: Good) -> Reply:
    """Answer well, as an endpoint does that counts no tokens."""
    start = {
        "type": "message_start",
        "message": {
            **_MESSAGE,
            "content": [],
            "stop_reason": None,
        },
    }
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    delta = {"type": "text_delta", "text": good.whole}
    events = (
        start,
        block,
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
    body = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    return replies.http(200, body, {"content-type": "text/event-stream"})


def _whole_message(good: Good) -> Reply:
    """Answer as a gateway does that can't stream."""
    return replies.http(
        200,
        {
            **_MESSAGE,
            "content": [{"type": "text", "text": good.whole}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 9, "output_tokens": 9},
        },
    )


def _login_page() -> Reply:
    page = "<html><head><title>Log in</title></head><body>Welcome to the hotel</body></html>"
    return replies.http(200, page, {"content-type": "text/html; charset=utf-8"}, request_id=False)


def _page(status: int) -> Reply:
    return replies.html_error(status)


def _limited(retry_after: str, **headers: str) -> Reply:
    return replies.error(429, message="Slow down.", headers={"retry-after": retry_after} | headers)


def _code(code: str) -> Reply:
    return replies.error(429, message="A limit is reached.", details={"error_code": code})


def _cut_results() -> Reply:
    body = b'{"custom_id": "x", "resu'
    head = {"content-type": "application/x-jsonl", "content-length": "100"}
    return replies.http(200, body, head)


def _no_results() -> Reply:
    return replies.http(200, b"<html>\n", {"content-type": "application/x-jsonl"})


def _reset_in_the_middle(good: Good) -> Reply:
    """Reset the connection once the client has had time to read: a reset drops what it has not."""
    return _head(good) + Wait(0.2) + Disconnect()


_PING = Event("ping", {"type": "ping"})
_ALIVE = Reply(tuple(step for _ in range(400) for step in (_PING, Wait(0.02))))
_QUIET = {"silence_s": 0.25}
_TOO_LONG = "prompt is too long: 1100000 tokens > 1000000 maximum"

FAULTS: tuple[Fault, ...] = (
    Fault("none", "the way there", None, _in_the_middle(_well), "whole", "counted"),
    # ----- the way there
    _before("nothing listens there", "connection", bill="free", retryable=True,
            environment={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}),
    _way("reset before any byte", "connection", replies.drop(None), retryable=True),
    Fault("reset before any byte, once", "the way there", "connection", _once(replies.drop(None)),
          retryable=True, fails=1),
    _way("silent before the headers", "timeout", replies.hang(), bill="most", retryable=True,
         patience=_QUIET),
    # ----- answers with an error
    _status("400 invalid request", "bad-request", replies.error(400, message="no such field"),
            says="no such field"),
    _status("400 the user's own limit", "spend-limit", replies.usage_limit()),
    _status("400 prompt too long", "prompt-too-long", replies.error(400, message=_TOO_LONG)),
    _status("401 key not accepted", "authentication", replies.error(401, message="invalid key")),
    _status("402 billing", "billing", replies.error(402)),
    _status("403 not allowed", "permission", replies.error(403, message="not for you"),
            says="not for you"),
    _status("404 unknown model", "model-not-found", replies.error(404, message="model: claude-x"),
            says="claude-x"),
    _status("404 a page, no API", "configuration", _page(404), says="HTTP 404"),
    _status("408 request timeout", "timeout", replies.error(408), bill="most"),
    _status("409 conflict", "server", replies.error(409, "conflict_error")),
    _status("412 precondition failed", "bad-request", replies.error(412, "invalid_request_error")),
    _status("413 too large", "too-large", replies.error(413)),
    _status("413 a page", "too-large", _page(413), says="HTTP 413"),
    _status("422 unprocessable", "bad-request", replies.error(422, "invalid_request_error")),
    _status("422 by another name", "bad-request", replies.error(422, "api_error")),
    _status("429 rate limit", "rate-limit", replies.rate_limit()),
    Fault("429 once, to wait shortly", "answers with an error", "rate-limit",
          _once(replies.rate_limit(0.02)), retryable=True, fails=1),
    _status("429 to wait two minutes", "rate-limit", replies.rate_limit(120), retryable=False),
    _status("429 to wait until a time", "rate-limit", _limited(_date_in(7200)), retryable=False),
    _status("429 to wait for nonsense", "rate-limit", _limited("soon", **{"retry-after-ms": "?"})),
    _status("429 spend cap", "spend-limit", replies.spend_cap()),
    _status("429 contract's limit", "spend-limit", _code("contract_spend_limit_reached")),
    _status("429 rising too fast", "rate-limit", _code("ramp_limit_exceeded")),
    _status("431 headers too large", "bad-request", replies.error(431)),
    _status("499 client closed", "bad-request", replies.error(499, "invalid_request_error")),
    _status("500 internal error", "server", replies.error(500)),
    _status("500 of another server", "server", replies.foreign_error(500), says=""),
    _status("501 not implemented", "server", replies.error(501)),
    _status("502 a page", "server", _page(502), says="HTTP 502"),
    _status("503 a page", "overloaded", _page(503), says="HTTP 503"),
    _status("503 unavailable", "overloaded", replies.error(503, "overloaded_error")),
    _status("504 gateway timeout", "timeout", replies.error(504), bill="most"),
    _status("529 overloaded", "overloaded", replies.overloaded()),
    Fault("529 once", "answers with an error", "overloaded", _once(replies.overloaded()),
          retryable=True, fails=1),
    Fault("529 three times", "answers with an error", "overloaded",
          lambda good: [*[replies.overloaded()] * 3, _well(good)], retryable=True, fails=3),
    _status("529 not to be sent again", "overloaded",
            replies.error(529, headers={"x-should-retry": "false"}), retryable=False),
    # ----- the stream
    _stream("a page instead of a stream", "configuration", _login_page(), bill="free",
            says="text/html"),
    _stream("a message instead of a stream", "not-streamed", _whole_message, bill="most",
            says="application/json"),
    _stream("error event at once", "overloaded", replies.stream_error()),
    _stream("error event in the middle", "overloaded",
            lambda good: replies.stream_error(good.head), arrives="head"),
    _stream("internal error in the middle", "server",
            lambda good: replies.stream_error(good.head, "api_error", "Oh."), arrives="head",
            says="Oh"),
    _stream("reset before the first word", "interrupted", replies.drop("")),
    _stream("reset in the middle", "interrupted", _reset_in_the_middle, arrives="head"),
    _stream("closed in the middle", "interrupted", lambda good: replies.cut(good.head),
            arrives="head"),
    Fault("closed in the middle, once", "the stream", "interrupted",
          lambda good: [replies.cut(good.head), _well(good)], "head", "counted", breaks=1),
    _stream("ends without its last event", "interrupted",
            lambda good: replies.end_without_stop(good.head), arrives="head"),
    _stream("ends without any event", "interrupted", replies.http(
        200, b"", {"content-type": "text/event-stream"}), bill="most"),
    _stream("silent before the first word", "interrupted", replies.stall(""), patience=_QUIET),
    _stream("silent in the middle", "interrupted", lambda good: replies.stall(good.head),
            arrives="head", patience=_QUIET),
    _stream("slower than the deadline", "timeout", lambda good: _head(good) + _ALIVE,
            arrives="head", patience={"deadline_s": 0.4},
            setup=Setup(options={"endpoint": {"timeout_s": 1}})),
    _stream("an event that is no JSON", "interrupted",
            lambda good: replies.corrupt_event(good.head), arrives="head"),
    _stream("bytes that are no UTF-8", "interrupted",
            lambda good: replies.invalid_utf8(good.head), arrives="head"),
    _stream("unknown events and deltas", None, lambda good: replies.unknown_events(good.whole),
            arrives="whole"),
    _stream("one character at a time", None,
            lambda good: replies.text(good.whole, chunk=1, pings=True), arrives="whole"),
    _stream("no counters", None, _uncounted, arrives="whole", bill="most"),
    # ----- the answer
    _answer("thinking first", None, lambda good: replies.thinking_then_text("Hm.", good.whole),
            arrives="whole"),
    _answer("refused at once", "refused", replies.refusal(), says="cyber"),
    _answer("refused in the middle", "refused", lambda good: replies.refusal(good.head),
            arrives="head"),
    _answer("cut at the output limit", "truncated", lambda good: replies.max_tokens(good.head),
            arrives="head"),
    _answer("cut before the first word", "truncated", replies.max_tokens("")),
    _answer("cut at the context window", "truncated",
            lambda good: replies.context_window_exceeded(good.head), arrives="head"),
    _answer("paused, not ended", "interrupted",
            lambda good: _head(good) + Finish("pause_turn"), arrives="head"),
    _answer("empty", "unusable", replies.text(""), formless="nothing"),
    _answer("a tool that was not offered", "unusable", replies.tool_use("shell", {"run": "ls"}),
            formless="unusable"),
    _answer("prose instead of the form", "unusable",
            replies.text("I am sorry, I can not do that."), forms_only=True),
    _answer("the form, broken off", "unusable", lambda good: replies.text(good.head),
            arrives="head", forms_only=True),
    _answer("the form among prose", None, lambda good: replies.ignore_format(
        f"Here it is:\n\n```json\n{good.whole}\n```\n\nI hope it helps."), arrives="whole",
        forms_only=True),
    # ----- before it is sent
    _before("no key", "no-credentials",
            environment={"ANTHROPIC_API_KEY": None, "ANTHROPIC_CONFIG_DIR": None}),
    _before("a key that can't be sent", "configuration", bill="free",
            environment={"ANTHROPIC_API_KEY": "two\nlines"}),
    _before("a missing certificate bundle", "configuration", says="nowhere.pem",
            options={"endpoint": {"ca_file": "/nowhere.pem"}}),
    _before("a proxy that is none", "configuration",
            environment={"HTTP_PROXY": "gopher://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}),
    _before("over the limit of a request", "budget", says="spend.request_usd",
            options={"spend": {"request_usd": 0.0000001}}),
    _before("over the limit of the day", "budget", says="spend.day_usd",
            options={"spend": {"day_usd": 0.0000001}}),
    _before("no ledger", "ledger", environment={"CLAUDE_LSP_STATE_DIR": "/dev/null/nowhere"}),
    # ----- the user
    Fault("cancelled before the first byte", "the user", "cancelled", lambda _good: [Reply()],
          bill="most", cancel=True),
    Fault("cancelled in the middle", "the user", "cancelled", _in_the_middle(_head), "head",
          "counted", cancel=True),
    # ----- batches
    _batch("one of its requests expires", "timeout", replies.hang(), path=None, bill="most"),
    _batch("not made, overloaded once", None, replies.overloaded(), path=""),
    _batch("not made, key not accepted", "authentication", replies.error(401), path=""),
    _batch("not made, reset", "connection", replies.drop(None), path=""),
    _batch("a look fails once", None, replies.error(500), path="/{id}"),
    _batch("a look is reset once", None, replies.drop(None), path="/{id}"),
    _batch("each look fails", "server", replies.error(500), path="/{id}", fails=99),
    _batch("results are reset once", None, replies.drop(None), path="/{id}/results"),
    _batch("results are cut off once", None, _cut_results(), path="/{id}/results"),
    _batch("results are no JSON", "interrupted", _no_results(), path="/{id}/results", fails=99),
)  # fmt: skip
"""Every fault, in the order of the matrix."""
