"""The answer as it arrives: server-sent events of the Messages API, decoded incrementally.

Own code rather than the SDK's: it costs a few microseconds per event, never re-parses what came
before, and reports what the SDK passes over in silence (an end without `message_stop`).
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.catalog import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAXIMUM_EVENT = 8 * 1024 * 1024


class DamagedStreamError(Exception):
    """The bytes are not the event stream that the API documents."""


@dataclass(slots=True)
class Answer:
    """What is known of one answer so far; filled while it streams.

    Attributes:
        pieces: the text so far, as it arrived.
        model: the model that answers, as the server names it.
        message_id: the server's id of the message.
        stop_reason: why it ended; None while it has not, or if it broke off.
        refusal: the category of a refusal.
        usage: the tokens counted so far.
        complete: whether `message_stop` arrived.
        error: (type, message) of an error event in mid-stream.
        batched: whether it was made at the price of batches.
    """

    pieces: list[str] = field(default_factory=list)
    model: str = ""
    message_id: str = ""
    stop_reason: str | None = None
    refusal: str | None = None
    usage: Usage = field(default_factory=Usage)
    complete: bool = False
    error: tuple[str, str] | None = None
    batched: bool = False

    @property
    def text(self) -> str:
        """The whole text so far, thinking excluded."""
        return "".join(self.pieces)


class Decoder:
    """Turns the bytes of one answer into pieces of text, and fills an `Answer` on the way."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._after_return = False

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
                if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
                    self.answer.pieces.append(delta["text"])
                    yield delta["text"]
            case "content_block_start":
                block = _table(event.get("content_block"))
                if block.get("type") == "text" and block.get("text"):
                    self.answer.pieces.append(str(block["text"]))
                    yield str(block["text"])
            case "message_start":
                message = _table(event.get("message"))
                self.answer.model = str(message.get("model") or "")
                self.answer.message_id = str(message.get("id") or "")
                usage = _table(message.get("usage"))
                self.answer.batched = usage.get("service_tier") == "batch"
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


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object, default: int) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else default  # type: ignore[return-value]
