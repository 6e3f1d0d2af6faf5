"""The answer as it arrives: server-sent events of the Messages API, decoded incrementally.

Own code rather than the SDK's: it costs a few microseconds per event, never re-parses what came
before, and reports what the SDK passes over in silence (an end without `message_stop`).
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.dialogue import HiddenThought, Said, Thought, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.claude.dialogue import Block

_MAXIMUM_EVENT = 8 * 1024 * 1024
_WORD = re.compile(r"[a-z_]{1,40}")
_LONGEST_ARGUMENTS = 64 * 1024
"""Characters; what a tool is asked for is a path or a name."""


class DamagedStreamError(Exception):
    """The bytes are not the event stream that the API documents."""


@dataclass(slots=True)
class Answer:
    """What is known of one answer so far; filled while it streams.

    Attributes:
        pieces: the text so far, as it arrived.
        blocks: the blocks that are complete, as they must be sent back in a dialogue.
        model: the model that answers, as the server names it.
        message_id: the server's id of the message.
        stop_reason: why it ended; None while it has not, or if it broke off.
        refusal: the category of a refusal.
        usage: the tokens counted so far.
        complete: whether `message_stop` arrived.
        error: (type, message) of an error event in mid-stream.
        error_code: the cause of that error by the service's word, where it gives one.
        batched: whether it was made at the price of batches.
        cache_miss: why a cache did not serve the prompt, by the service's word; None where it was
            not asked, does not tell or there was no miss.
    """

    pieces: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    model: str = ""
    message_id: str = ""
    stop_reason: str | None = None
    refusal: str | None = None
    usage: Usage = field(default_factory=Usage)
    complete: bool = False
    error: tuple[str, str] | None = None
    error_code: str | None = None
    batched: bool = False
    cache_miss: str | None = None

    @property
    def text(self) -> str:
        """The whole text so far, thinking excluded."""
        return "".join(self.pieces)

    @property
    def begun(self) -> bool:
        """Whether any event of a message has arrived."""
        return bool(self.message_id or self.pieces or self.blocks or self.error or self.complete)

    @property
    def asks(self) -> bool:
        """Whether it ended to be given what it asks for, rather than with an answer."""
        return self.stop_reason == "tool_use"

    @property
    def written(self) -> str:
        """Everything that was written, for a count of it."""
        return "\n".join(map(repr, self.blocks))

    @property
    def calls(self) -> list[ToolCall]:
        """The tools that it asks for."""
        return [block for block in self.blocks if isinstance(block, ToolCall)]


@dataclass(slots=True)
class _OpenBlock:
    """A block that is being written: what began it, and its texts by the kind of delta."""

    start: dict[str, Any]
    texts: dict[str, list[str]] = field(default_factory=dict)
    size: int = 0

    def add(self, kind: str, text: str) -> None:
        self.size += len(text)
        if self.size <= _MAXIMUM_EVENT:
            self.texts.setdefault(kind, []).append(text)

    def text(self, kind: str) -> str:
        return "".join(self.texts.get(kind, ()))

    def closed(self) -> Block | None:
        """Return the block as it is sent back; None for an empty text and for unknown kinds."""
        match self.start.get("type"):
            case "text":
                text = str(self.start.get("text") or "") + self.text("text")
                return Said(text) if text.strip() else None
            case "thinking":
                thinking = str(self.start.get("thinking") or "") + self.text("thinking")
                signature = str(self.start.get("signature") or "") + self.text("signature")
                return Thought(thinking, signature)
            case "redacted_thinking":
                return HiddenThought(str(self.start.get("data") or ""))
            case "tool_use":
                name, call_id = str(self.start.get("name") or ""), str(self.start.get("id") or "")
                return ToolCall(call_id, name, *_arguments(self))
        return None


class Decoder:
    """Turns the bytes of one answer into pieces of text, and fills an `Answer` on the way."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._after_return = False
        self._open: dict[int, _OpenBlock] = {}

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield each piece of answer text that these bytes complete.

        Raises:
            DamagedStreamError: invalid UTF-8, an event that is not JSON, or one without an end.
        """
        try:
            text = self._utf8.decode(data)
        except UnicodeDecodeError as error:
            raise DamagedStreamError(f"invalid UTF-8: {error.reason}") from error
        if text and self._after_return:
            text = text.removeprefix("\n")  # the second half of a line ending cut in two
            self._after_return = False
        if "\r" in text:
            self._after_return = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *events, self._rest = (self._rest + text).split("\n\n")
        if len(self._rest) > _MAXIMUM_EVENT:
            raise DamagedStreamError("an event of more than 8 MB")
        for event in events:
            data_lines = [
                line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")
            ]
            if data_lines:
                yield from self._event("\n".join(data_lines))

    def _event(self, data: str) -> Iterator[str]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise DamagedStreamError("an event that is not JSON") from error
        if not isinstance(event, dict):
            raise DamagedStreamError("an event that is not an object")
        # Unknown events and deltas are skipped: the API may add some at any time.
        match event.get("type"):
            case "content_block_delta":
                delta = _table(event.get("delta"))
                kind = str(delta.get("type")).removesuffix("_delta")
                text = delta.get(_DELTAS.get(kind, ""))
                if isinstance(text, str):
                    if (block := self._open.get(_number(event.get("index"), 0))) is not None:
                        block.add(kind, text)
                    if kind == "text":
                        self.answer.pieces.append(text)
                        yield text
            case "content_block_stop":
                open_block = self._open.pop(_number(event.get("index"), 0), None)
                closed = None if open_block is None else open_block.closed()
                if closed is not None:
                    self.answer.blocks.append(closed)
            case "content_block_start":
                started = _table(event.get("content_block"))
                self._open[_number(event.get("index"), 0)] = _OpenBlock(started)
                if started.get("type") == "text" and started.get("text"):
                    self.answer.pieces.append(str(started["text"]))
                    yield str(started["text"])
            case "message_start":
                message = _table(event.get("message"))
                self.answer.model = str(message.get("model") or "")
                self.answer.message_id = str(message.get("id") or "")
                usage = _table(message.get("usage"))
                self.answer.batched = usage.get("service_tier") == "batch"
                self.answer.cache_miss = _cache_miss(message)
                self._count(usage)
            case "message_delta":
                delta = _table(event.get("delta"))
                self.answer.stop_reason = delta.get("stop_reason") or self.answer.stop_reason
                details = _table(delta.get("stop_details"))
                self.answer.refusal = details.get("category") or self.answer.refusal
                self._count(_table(event.get("usage")))
            case "message_stop":
                self.answer.complete = True
            case "error":
                error_body = _table(event.get("error"))
                kind = str(error_body.get("type") or "api_error")
                self.answer.error = kind, str(error_body.get("message") or "")
                code = _table(error_body.get("details")).get("error_code")
                self.answer.error_code = code if isinstance(code, str) else None

    def _count(self, usage: dict[str, Any]) -> None:
        """Take over counters; those of `message_delta` are cumulative, absent ones stay."""
        before = self.answer.usage
        writes = _table(usage.get("cache_creation"))
        write_5m = _number(writes.get("ephemeral_5m_input_tokens"), before.cache_write_5m)
        write_1h = _number(writes.get("ephemeral_1h_input_tokens"), before.cache_write_1h)
        if not writes:
            total = _number(usage.get("cache_creation_input_tokens"), write_5m + write_1h)
            write_5m = total - write_1h
        details = _table(usage.get("output_tokens_details"))
        self.answer.usage = Usage(
            input=_number(usage.get("input_tokens"), before.input),
            output=_number(usage.get("output_tokens"), before.output),
            cache_write_5m=write_5m,
            cache_write_1h=write_1h,
            cache_read=_number(usage.get("cache_read_input_tokens"), before.cache_read),
            thinking=_number(details.get("thinking_tokens"), before.thinking),
        )


_DELTAS = {
    "text": "text",
    "thinking": "thinking",
    "signature": "signature",
    "input_json": "partial_json",
}
"""Which member of a delta holds its text, by the delta's kind."""


def _arguments(block: _OpenBlock) -> tuple[dict[str, Any], str | None]:
    """Return the arguments of a call, and what is wrong with them; read once, at their end."""
    text = block.text("input_json")
    if not text.strip():
        given = block.start.get("input")
        return (given, None) if isinstance(given, dict) else ({}, None)
    if block.size > _LONGEST_ARGUMENTS:
        return {}, "the arguments are too long"
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "the arguments are not valid JSON"
    if not isinstance(arguments, dict):
        return {}, "the arguments are not an object"
    return arguments, None


def _cache_miss(message: dict[str, Any]) -> str | None:
    """Return the reason for a cache miss, if it is a word: it goes into logs and the ledger."""
    reason = _table(_table(message.get("diagnostics")).get("cache_miss_reason")).get("type")
    is_word = isinstance(reason, str) and _WORD.fullmatch(reason) is not None
    return reason if is_word else None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object, default: int) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else default  # type: ignore[return-value]
