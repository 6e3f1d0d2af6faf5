"""The prompt cache: which part of a prompt is read, written or paid for in full.

An entry is the exact prefix of a prompt up to a breakpoint, in the order tools, system,
messages. A breakpoint finds entries written at it or at one of the 19 blocks before it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.messages_api.tokens import count_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.messages_api.models import Model

LOOKBACK = 20
"""How many blocks, its own included, a breakpoint searches for an entry."""

LIFETIMES = {"5m": 300.0, "1h": 3600.0}
"""Seconds that an entry lives after it was last written or read."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a prompt.

    Attributes:
        section: where it stands: `format` is the hidden prompt of a structured output.
        role: of its message, or the section's name.
        content: the block without its `cache_control`.
        lifetime: `5m` or `1h` where a breakpoint stands at its end.
    """

    section: Literal["format", "tools", "system", "messages"]
    role: str
    content: dict[str, Any]
    lifetime: str | None


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How one prompt meets the cache.

    Attributes:
        total: all input tokens.
        read: tokens read from the cache.
        written_5m: tokens written for five minutes.
        written_1h: tokens written for an hour.
        entries: what becomes readable when the response starts: key, tokens, lifetime.
        started: when the request came, by the cache's clock.
    """

    total: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    entries: tuple[tuple[bytes, str], ...] = ()
    started: float = 0.0

    def usage(self) -> dict[str, Any]:
        """The input side of a response's `usage`."""
        written = self.written_5m + self.written_1h
        return {
            "input_tokens": self.total - self.read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
        }


@dataclass(slots=True)
class PromptCache:
    """The entries of all models and keys. Times are seconds of one clock that never goes back."""

    _entries: dict[bytes, tuple[float, str]] = field(default_factory=dict)

    def look_up(self, body: dict[str, Any], model: Model, key: str, now: float) -> CacheUse:
        """Say what a request reads and would write; what is read lives on from now.

        Args:
            body: a valid body of `POST /v1/messages`.
            model: the model it names.
            key: the API key: no key reads what another wrote.
            now: the time of the request.
        """
        self._entries = {k: entry for k, entry in self._entries.items() if entry[0] > now}
        blocks = list(prompt_blocks(body))
        prefixes = list(_prefixes(blocks, body, model, key))
        total = prefixes[-1][1] if prefixes else 0
        marks = [
            (index, block.lifetime)
            for index, block in enumerate(blocks)
            if block.lifetime is not None and prefixes[index][1] >= model.cache_minimum
        ]

        read = 0
        for index, _ in reversed(marks):
            window = reversed(prefixes[max(0, index - LOOKBACK + 1) : index + 1])
            hit = next((prefix for prefix in window if prefix[0] in self._entries), None)
            if hit is not None:
                read = hit[1]
                self._touch(hit[0], now)
                break

        written = {"5m": 0, "1h": 0}
        end = read
        for index, lifetime in marks:
            tokens = prefixes[index][1]
            written[lifetime] += max(0, tokens - end)
            end = max(end, tokens)
        entries = tuple((prefixes[index][0], lifetime) for index, lifetime in marks)
        return CacheUse(total, read, written["5m"], written["1h"], entries, now)

    def commit(self, use: CacheUse) -> None:
        """Make readable what a request wrote; its response has started."""
        for key, lifetime in use.entries:
            if key in self._entries:
                self._touch(key, use.started)
            else:
                self._entries[key] = (use.started + LIFETIMES[lifetime], lifetime)

    def _touch(self, key: bytes, now: float) -> None:
        expires, lifetime = self._entries[key]
        self._entries[key] = (max(expires, now + LIFETIMES[lifetime]), lifetime)


def prompt_blocks(body: dict[str, Any]) -> Iterator[Block]:
    """The blocks of a prompt, in the order in which prefixes are cached."""
    blocks = list(_written_blocks(body))
    top = body.get("cache_control")
    if top is not None and blocks:
        last = blocks.pop()
        blocks.append(Block(last.section, last.role, last.content, top.get("ttl", "5m")))
    return iter(blocks)


def _written_blocks(body: dict[str, Any]) -> Iterator[Block]:
    schema = (body.get("output_config") or {}).get("format")
    if schema is not None:
        yield Block("format", "format", schema, None)
    for tool in body.get("tools") or ():
        yield _block("tools", "tools", tool)
    for part in as_blocks(body.get("system") or ()):
        yield _block("system", "system", part)
    for message in body.get("messages") or ():
        for part in as_blocks(message["content"]):
            yield _block("messages", message["role"], part)


def as_blocks(content: Any) -> list[dict[str, Any]]:
    """A content as a list of blocks; a string is one text block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def breakpoints(value: Any) -> Iterator[dict[str, Any]]:
    """Every `cache_control` in a body, in the order in which it is written."""
    if isinstance(value, list):
        for part in value:
            yield from breakpoints(part)
    elif isinstance(value, dict):
        if value.get("cache_control") is not None:
            yield value["cache_control"]
        content = value.get("content")
        if isinstance(content, list):
            yield from breakpoints(content)


def _block(
    section: Literal["format", "tools", "system", "messages"], role: str, part: dict[str, Any]
) -> Block:
    marks = list(breakpoints(part))
    content = {name: value for name, value in part.items() if name != "cache_control"}
    return Block(section, role, content, marks[-1].get("ttl", "5m") if marks else None)


def _prefixes(
    blocks: list[Block], body: dict[str, Any], model: Model, key: str
) -> Iterator[tuple[bytes, int]]:
    """The key and the tokens of the prefix that ends with each block."""
    # What changes how the model reads the prompt is part of the key: speed and schema for all
    # of it; thinking, effort and tool choice only from the messages on.
    digest = _digest(b"", [key, model.id, body.get("speed")])
    of_messages = [
        body.get("thinking"),
        (body.get("output_config") or {}).get("effort"),
        body.get("tool_choice"),
    ]
    tokens = 0
    reached_messages = False
    for block in blocks:
        if block.section == "messages" and not reached_messages:
            digest = _digest(digest, of_messages)
            reached_messages = True
        digest = _digest(digest, [block.section, block.role, block.content])
        tokens += count_block(block.content, model.tokenizer)
        yield digest, tokens


def _digest(previous: bytes, value: Any) -> bytes:
    return hashlib.sha256(previous + json.dumps(value).encode()).digest()
