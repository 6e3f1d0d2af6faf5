"""Replies by name: the answers and the faults that a test can script."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Any

from tests.messages_api.errors import ERROR_TYPES
from tests.messages_api.steps import (
    Disconnect,
    Event,
    Finish,
    Hang,
    Raw,
    Reply,
    Respond,
    RespondError,
    Step,
    StreamError,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK = 4
"""Characters of a delta unless a reply says otherwise: about one token."""

PING = Event("ping", {"type": "ping"})


def text(
    answer: str,
    *,
    chunk: int = CHUNK,
    delay_s: float = 0,
    first_token_s: float = 0,
    pings: bool = False,
) -> Reply:
    """Answer with a text.

    Args:
        answer: all of it.
        chunk: characters of each delta; 0 for one delta.
        delay_s: seconds before each delta but the first.
        first_token_s: seconds before the first byte of the response.
        pings: whether a `ping` stands before each delta.
    """
    start = Reply((Wait(first_token_s),)) if first_token_s else Reply()
    body = partial(answer, chunk=chunk, delay_s=delay_s)
    if pings:
        body = Reply(tuple(part for step in body.steps for part in (PING, step)))
    return start + body + Finish()


def partial(answer: str, *, chunk: int = CHUNK, delay_s: float = 0) -> Reply:
    """Stream a text and leave the message open; what is added goes on in the same block."""
    steps: list[Step] = []
    for piece in _pieces(answer, chunk):
        if delay_s and steps:
            steps.append(Wait(delay_s))
        steps.append(Text(piece))
    return Reply(tuple(steps))


def json(value: Any, *, chunk: int = CHUNK, delay_s: float = 0, first_token_s: float = 0) -> Reply:
    """Answer with a value as JSON."""
    encoded = json_module.dumps(value, ensure_ascii=False)
    return text(encoded, chunk=chunk, delay_s=delay_s, first_token_s=first_token_s)


def json_findings(
    findings: Sequence[Any],
    *,
    chunk: int = CHUNK,
    delay_s: float = 0,
    first_token_s: float = 0,
    between: Sequence[Step] = (),
) -> Reply:
    """Answer with `{"findings": [...]}`.

    Args:
        findings: the objects of the list.
        chunk: characters of each delta; 0 for one delta per finding.
        delay_s: seconds between two findings.
        first_token_s: seconds before the first byte of the response.
        between: a step for after the first finding, the second, and so on, such as a `Gate`.
    """
    reply = Reply((Wait(first_token_s),)) if first_token_s else Reply()
    reply += partial('{"findings":[', chunk=chunk)
    for index, finding in enumerate(findings):
        if index and delay_s:
            reply += Wait(delay_s)
        encoded = json_module.dumps(finding, ensure_ascii=False)
        reply += partial(f"{',' if index else ''}{encoded}", chunk=chunk)
        if index < len(between):
            reply += between[index]
    return reply + partial("]}", chunk=0) + Finish()


def thinking_then_text(
    thinking: str, answer: str, *, chunk: int = CHUNK, thinking_s: float = 0, delay_s: float = 0
) -> Reply:
    """Answer with a thinking block, `thinking_s` seconds of silence, and a text."""
    start = Reply((Thinking(thinking), Wait(thinking_s)))
    return start + text(answer, chunk=chunk, delay_s=delay_s)


def tool_use(
    name: str, arguments: dict[str, Any], *, before: str = "", chunk: int = 12, delay_s: float = 0
) -> Reply:
    """Call a tool, after a text if `before` is given."""
    start = partial(before) if before else Reply()
    return start + _call(name, arguments, chunk, delay_s) + Finish("tool_use")


def tool_uses(*calls: tuple[str, dict[str, Any]]) -> Reply:
    """Call several tools in one message, each a pair of name and arguments."""
    steps = [step for name, arguments in calls for step in _call(name, arguments, 12, 0).steps]
    return Reply(tuple(steps)) + Finish("tool_use")


def refusal(
    after: str = "", *, category: str | None = "cyber", explanation: str | None = "Refused."
) -> Reply:
    """Refuse, after a part of an answer if `after` is given."""
    details = {"type": "refusal", "category": category, "explanation": explanation}
    return partial(after) + Finish("refusal", stop_details=details)


def max_tokens(answer: str, *, chunk: int = CHUNK) -> Reply:
    """Answer with a text that was cut because `max_tokens` was used up."""
    return partial(answer, chunk=chunk) + Finish("max_tokens")


def context_window_exceeded(answer: str = "") -> Reply:
    """Answer with a text that was cut because the context window was full."""
    return partial(answer) + Finish("model_context_window_exceeded")


def ignore_format(answer: Any, *, chunk: int = CHUNK) -> Reply:
    """Answer as an endpoint that knows no structured output.

    A string is sent as it is; any other value as fenced JSON between two sentences.
    """
    if not isinstance(answer, str):
        encoded = json_module.dumps(answer, ensure_ascii=False, indent=2)
        answer = f"Here is what I found:\n\n```json\n{encoded}\n```\n\nLet me know if it helps."
    return text(answer, chunk=chunk)


def error(
    status: int,
    type: str | None = None,  # noqa: A002 - the word of the API
    message: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    details: dict[str, Any] | None = None,
) -> Reply:
    """Answer with an error response; the type that goes with the status is the default."""
    name = type or ERROR_TYPES.get(status, "api_error")
    words = message or name.replace("_", " ").capitalize()
    return Reply((RespondError(status, name, words, headers or {}, details),))


def rate_limit(retry_after: float | None = None) -> Reply:
    """429, with a `retry-after` in seconds if one is given."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    words = "This request would exceed your organization's rate limit."
    return error(429, message=words, headers=headers)


def spend_cap() -> Reply:
    """429 because the organization's spend limit is reached: retrying cannot help."""
    return error(
        429,
        message="Your organization has reached its monthly API usage threshold.",
        details={"error_code": "enforced_spend_limit_reached"},
    )


def usage_limit() -> Reply:
    """400 because a limit that the user set is reached."""
    return error(400, message="You have reached your specified API usage limits.")


def overloaded() -> Reply:
    """529."""
    return error(529, message="Overloaded")


def html_error(status: int = 413) -> Reply:
    """Answer with an HTML page, as a proxy in front of the service does."""
    page = f"<html><head><title>{status}</title></head><body>{status}</body></html>\n"
    return http(status, page, {"content-type": "text/html"}, request_id=False)


def foreign_error(status: int, message: str = "model not loaded") -> Reply:
    """An error in the shape of other servers: no `type` at the top, no request id."""
    body = {"error": {"code": status, "message": message, "type": "server_error"}}
    return http(status, body, request_id=False)


def http(
    status: int, body: Any, headers: dict[str, str] | None = None, *, request_id: bool = True
) -> Reply:
    """Answer with a whole response: bytes and text as they are, any other value as JSON."""
    if isinstance(body, bytes):
        data = body
    else:
        data = (body if isinstance(body, str) else json_module.dumps(body)).encode()
    fields = {"content-type": "application/json"} | (headers or {})
    return Reply((Respond(status, data, fields, request_id),))


def hang() -> Reply:
    """Take the request and send nothing, not even headers."""
    return Reply((Hang(),))


def drip(answer: str, delay_s: float = 0.01) -> Reply:
    """Answer one character at a time."""
    return text(answer, chunk=1, delay_s=delay_s)


def stall(after: str = "") -> Reply:
    """Start to answer, then send nothing more and keep the connection open."""
    return partial(after) + Hang()


def drop(after: str | None = "") -> Reply:
    """Reset the connection in mid-stream; before any byte if `after` is None."""
    return (Reply() if after is None else partial(after)) + Disconnect()


def cut(after: str | None = "") -> Reply:
    """Close the connection in mid-stream without the end of the body."""
    return (Reply() if after is None else partial(after)) + Disconnect(reset=False)


def end_without_stop(after: str = "") -> Reply:
    """End the body in order, but without `message_delta` and `message_stop`."""
    return partial(after)


def stream_error(
    after: str = "",
    type: str = "overloaded_error",  # noqa: A002 - the word of the API
    message: str = "Overloaded",
) -> Reply:
    """Send an `error` event in mid-stream."""
    return partial(after) + StreamError(type, message)


def unknown_events(answer: str) -> Reply:
    """Answer with a text among events, deltas and comments that no client knows."""
    unknown_delta = {"type": "hologram_delta", "hologram": "?"}
    return (
        partial("")
        + Event("surprise", {"type": "surprise", "value": 1})
        + Raw(b": a comment\n\n", anywhere=False)
        + Raw(b'data: {"type":"nameless"}\n\n', anywhere=False)
        + Event(
            "content_block_delta",
            {"type": "content_block_delta", "index": None, "delta": unknown_delta},
        )
        + text(answer)
    )


def corrupt_event(after: str = "") -> Reply:
    """Send an event whose JSON is broken, then go on as if nothing had happened."""
    broken = b'event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n'
    return partial(after) + Raw(broken) + Finish()


def invalid_utf8(after: str = "") -> Reply:
    """Send an event with bytes that are not UTF-8, then go on."""
    broken = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"\xff\xfe"}}\n\n'
    )
    return partial(after) + Raw(broken) + Finish()


FACTORIES: dict[str, Callable[..., Reply]] = {
    factory.__name__: factory
    for factory in (
        text, json, json_findings, thinking_then_text, tool_use, refusal, max_tokens,
        context_window_exceeded, ignore_format, error, rate_limit, spend_cap, usage_limit,
        overloaded, html_error, foreign_error, http, hang, drip, stall, drop, cut,
        end_without_stop, stream_error, unknown_events, corrupt_event, invalid_utf8,
    )
}  # fmt: skip
"""The replies that a script file can name."""


def _call(name: str, arguments: dict[str, Any], chunk: int, delay_s: float) -> Reply:
    steps: list[Step] = [ToolUse(name)]
    for piece in _pieces(json_module.dumps(arguments, ensure_ascii=False), chunk):
        if delay_s:
            steps.append(Wait(delay_s))
        steps.append(ToolInput(piece))
    return Reply(tuple(steps))


def _pieces(whole: str, size: int) -> list[str]:
    if not whole or size <= 0:
        return [whole]
    return [whole[start : start + size] for start in range(0, len(whole), size)]
