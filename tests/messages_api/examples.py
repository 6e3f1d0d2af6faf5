"""Requests to start from, for tests of the server itself."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.messages_api.raw_client import RawClient, RawResponse

if TYPE_CHECKING:
    from tests.messages_api.server import MessagesApi

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
OLD = "claude-haiku-4-5"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(34)).decode()
TOOL = {"name": "read", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "additionalProperties": False, "properties": {}, "required": []}


def body(**changes: Any) -> dict[str, Any]:
    """A valid request with some parameters changed; `...` leaves one out."""
    valid: dict[str, Any] = {
        "model": HAIKU,
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    return {name: value for name, value in (valid | changes).items() if value is not ...}


def said(*contents: Any) -> list[dict[str, Any]]:
    """Messages with these contents, user first."""
    return [
        {"role": ("user", "assistant")[index % 2], "content": content}
        for index, content in enumerate(contents)
    ]


def formatted(**changes: Any) -> dict[str, Any]:
    """An `output_config` whose schema has one property with these changes."""
    schema = SCHEMA | {"properties": {"a": {"type": "string"} | changes}, "required": ["a"]}
    return {"format": {"type": "json_schema", "schema": schema}}


def image(data: str = PNG, media_type: str = "image/png") -> list[Any]:
    """Messages with one image."""
    source = {"type": "base64", "media_type": media_type, "data": data}
    return said([{"type": "image", "source": source}])


def marked(text: str, ttl: str = "5m") -> dict[str, Any]:
    """A text block with a breakpoint."""
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}


async def ask(api: MessagesApi, request: Any, **options: Any) -> RawResponse:
    """Ask once, on a connection of its own."""
    async with RawClient(api.base_url) as client:
        return await client.ask(request, **options)
