"""From the steps of a reply to the events and the message that the client sees."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.messages_api.steps import (
    Event,
    Finish,
    Step,
    StreamError,
    Text,
    Thinking,
    ToolInput,
    ToolUse,
)
from tests.messages_api.tokens import count_text, room_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.messages_api.cache import CacheUse
    from tests.messages_api.models import Model

ServerEvent = tuple[str, dict[str, Any]]
"""The name and the data of a server-sent event."""


def encode_event(event: ServerEvent) -> bytes:
    """The bytes of a server-sent event."""
    name, data = event
    encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {encoded}\n\n".encode()


def fit(steps: Iterable[Step], body: dict[str, Any], model: Model) -> Iterator[Step]:
    """Cut a reply as the service cuts an answer.

    It ends before the first stop sequence and when `max_tokens` is used up (thinking counts), and
    has no thinking where the request switched that off. What comes after a cut never happens.
    """
    steps = tuple(steps)
    answer = "".join(step.text for step in steps if isinstance(step, Text))
    stop_at, stop_sequence = _first_stop(answer, body.get("stop_sequences") or ())
    room = room_for(body["max_tokens"], model.tokenizer)
    position = 0
    for step in steps:
        if isinstance(step, Thinking) and not _thinks(body, model):
            continue
        if not isinstance(step, Text | Thinking | ToolInput):
            yield step
            continue
        piece = step.text
        stopped = False
        if isinstance(step, Text):
            piece = piece[: max(0, stop_at - position)]
            position += len(step.text)
            stopped = position > stop_at
        fitting = piece.encode()[:room].decode(errors="ignore")
        room -= len(fitting.encode())
        if fitting or not step.text:
            yield replace(step, text=fitting)
        if fitting != piece:
            yield Finish("max_tokens")
            return
        if stopped:
            yield Finish("stop_sequence", stop_sequence)
            return


def _first_stop(answer: str, sequences: Iterable[str]) -> tuple[int, str | None]:
    found = [(answer.find(sequence), sequence) for sequence in sequences if sequence in answer]
    return min(found, default=(len(answer), None))


def _thinks(body: dict[str, Any], model: Model) -> bool:
    kind = (body.get("thinking") or {}).get("type")
    return model.thinks_by_default if kind is None else kind in ("adaptive", "enabled")


@dataclass(slots=True)
class Answer:
    """A message as it grows.

    Attributes:
        id: of the message.
        body: the request's.
        model: the model it names.
        use: what it reads from and writes to the cache.
        tier: `service_tier` of the usage.
        diagnostics: why the cache does not serve the prompt; None where that was not asked.
        content: the blocks so far.
        finish: how it ended, None while it has not.
    """

    id: str
    body: dict[str, Any]
    model: Model
    use: CacheUse
    tier: str = "standard"
    diagnostics: dict[str, Any] | None = None
    content: list[dict[str, Any]] = field(default_factory=list)
    finish: Finish | None = None
    _started: bool = False
    _open: bool = False
    _tool_input: str = ""
    _thinking: str = ""
    _output: str = ""

    def message(self) -> dict[str, Any]:
        """The message as a response that does not stream has it."""
        finish = self.finish
        return self._envelope() | {
            "content": self.content,
            "stop_reason": finish and finish.stop_reason,
            "stop_sequence": finish and finish.stop_sequence,
            "stop_details": finish and finish.stop_details,
            "usage": self.usage(),
        }

    def usage(self) -> dict[str, Any]:
        """The usage so far."""
        tokenizer = self.model.tokenizer
        return self.use.usage() | {
            "output_tokens": count_text(self._output, tokenizer),
            "output_tokens_details": {"thinking_tokens": count_text(self._thinking, tokenizer)},
            "service_tier": self.tier,
            "speed": self.body.get("speed") or "standard",
        }

    def perform(self, step: Step) -> Iterator[ServerEvent]:
        """Take a step of the answer and give the events that show it."""
        yield from self.start()
        match step:
            case Text(text):
                yield from self._add_text(text)
            case Thinking(text, signature):
                yield from self._add_thinking(text, signature)
            case ToolUse(name):
                identifier = f"toolu_{self.id.removeprefix('msg_')}_{len(self.content)}"
                block = {"type": "tool_use", "id": identifier, "name": name, "input": {}}
                yield from self._open_block(block)
            case ToolInput(text):
                self._tool_input += text
                self._output += text
                yield self._delta({"type": "input_json_delta", "partial_json": text})
            case Finish():
                yield from self._close_block()
                self.finish = step
                yield from self._end(step)
            case Event(name, data):
                if "index" in data and data["index"] is None:
                    data = data | {"index": len(self.content) - 1}
                yield name, data
            case StreamError(kind, message):
                yield "error", {"type": "error", "error": {"type": kind, "message": message}}
            case _:
                raise TypeError(f"not a step of a message: {step}")

    def start(self) -> Iterator[ServerEvent]:
        """The events that open a stream; none if it is open."""
        if self._started:
            return
        self._started = True
        opening = self._envelope() | {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self.use.usage() | {"output_tokens": 1, "service_tier": self.tier},
        }
        yield "message_start", {"type": "message_start", "message": opening}
        yield "ping", {"type": "ping"}

    def end(self) -> None:
        """Take the input of an unfinished tool call as far as it can be read."""
        for _ in self._close_block():
            pass

    def _envelope(self) -> dict[str, Any]:
        asked = {} if self.diagnostics is None else {"diagnostics": self.diagnostics}
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model.id,
            **asked,
        }

    def _add_text(self, text: str) -> Iterator[ServerEvent]:
        if not self._open or self.content[-1]["type"] != "text":
            yield from self._open_block({"type": "text", "text": ""})
        if text:
            self.content[-1]["text"] += text
            self._output += text
            yield self._delta({"type": "text_delta", "text": text})

    def _add_thinking(self, text: str, signature: str) -> Iterator[ServerEvent]:
        yield from self._open_block({"type": "thinking", "thinking": "", "signature": ""})
        self._thinking += text
        self._output += text
        display = (self.body.get("thinking") or {}).get("display")
        if display == "summarized" or (display is None and self.model.shows_thinking):
            self.content[-1]["thinking"] = text
            yield self._delta({"type": "thinking_delta", "thinking": text})
        self.content[-1]["signature"] = signature
        yield self._delta({"type": "signature_delta", "signature": signature})
        yield from self._close_block()

    def _open_block(self, block: dict[str, Any]) -> Iterator[ServerEvent]:
        yield from self._close_block()
        self._open = True
        self.content.append(dict(block))
        yield (
            "content_block_start",
            {
                "type": "content_block_start",
                "index": len(self.content) - 1,
                "content_block": block,
            },
        )

    def _close_block(self) -> Iterator[ServerEvent]:
        if not self._open:
            return
        self._open = False
        if self.content[-1]["type"] == "tool_use":
            self.content[-1]["input"] = _parsed(self._tool_input)
            self._tool_input = ""
        index = len(self.content) - 1
        yield "content_block_stop", {"type": "content_block_stop", "index": index}

    def _delta(self, delta: dict[str, Any]) -> ServerEvent:
        index = len(self.content) - 1
        return (
            "content_block_delta",
            {"type": "content_block_delta", "index": index, "delta": delta},
        )

    def _end(self, finish: Finish) -> Iterator[ServerEvent]:
        delta = {
            "stop_reason": finish.stop_reason,
            "stop_sequence": finish.stop_sequence,
            "stop_details": finish.stop_details,
        }
        usage = self.usage()
        for name in ("cache_creation", "service_tier", "speed"):
            del usage[name]
        yield "message_delta", {"type": "message_delta", "delta": delta, "usage": usage}
        yield "message_stop", {"type": "message_stop"}


def _parsed(encoded: str) -> Any:
    try:
        return json.loads(encoded or "{}")
    except ValueError:
        return {}  # The input was cut by max_tokens.
