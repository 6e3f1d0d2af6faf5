"""What the service refuses in the messages and in the system prompt."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from tests.messages_api.cache import as_blocks
from tests.messages_api.errors import invalid

if TYPE_CHECKING:
    from tests.messages_api.models import Model

MOST_IMAGE_BYTES = 5 * 1024 * 1024

FIELDS = {
    "text": {"text", "citations"},
    "image": {"source", "transformations"},
    "document": {"source", "citations", "context", "title"},
    "tool_use": {"id", "name", "input", "caller"},
    "tool_result": {"tool_use_id", "content", "is_error"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
    "search_result": {"content", "source", "title", "citations"},
}
"""The content blocks served here, and what they may hold beside `type` and `cache_control`."""

_REQUIRED = {"tool_use": ("id", "name", "input"), "tool_result": ("tool_use_id",)}

_ONLY_FROM = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "tool_result": "user",
    "image": "user",
    "document": "user",
}

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF", "image/webp"),
)


def check_conversation(body: dict[str, Any], model: Model) -> None:
    """Check the system prompt and the messages of a request.

    Raises:
        ApiError: 400 for the first rule that is broken.
    """
    system = body.get("system") or ()
    if not isinstance(system, str | list | tuple):
        raise invalid("system: Input should be a string or a list of blocks")
    blocks: list[Any] = as_blocks(system)
    for index, block in enumerate(blocks):
        if not isinstance(block, dict) or block.get("type") != "text":
            raise invalid(f"system.{index}.type: Input should be 'text'")
        _check_text(block, "system", f"system.{index}")
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise invalid("messages: Field required")
    if not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        _check_message(message, f"messages.{index}")
    if messages[0]["role"] != "user":
        raise invalid('messages: first message must use the "user" role')
    _check_tool_pairs(messages)
    if messages[-1]["role"] == "assistant":
        _check_prefill(body, model)
    if _has_format(body) and _asks_for_citations(messages):
        raise invalid("output_config.format: cannot be combined with citations")


def _has_format(body: dict[str, Any]) -> bool:
    return bool((body.get("output_config") or {}).get("format"))


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise invalid(f"{where}: Input should be an object")
    if unknown := sorted(message.keys() - {"role", "content"}):
        raise invalid(f"{where}.{unknown[0]}: Extra inputs are not permitted")
    role = message.get("role")
    if role not in ("user", "assistant", "system"):
        raise invalid(f"{where}.role: Input should be 'user', 'assistant' or 'system'")
    content = message.get("content")
    if not isinstance(content, str | list):
        raise invalid(f"{where}.content: Input should be a string or a list of blocks")
    if not content:
        raise invalid(f"{where}: {role} messages must have non-empty content")
    for index, block in enumerate(as_blocks(content)):
        _check_block(block, role, f"{where}.content.{index}")


def _check_block(block: Any, role: str, where: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in FIELDS:
        raise invalid(f"{where}.type: '{kind}' is not one of {', '.join(sorted(FIELDS))}")
    if unknown := sorted(block.keys() - FIELDS[kind] - {"type", "cache_control"}):
        raise invalid(f"{where}.{kind}.{unknown[0]}: Extra inputs are not permitted")
    for name in _REQUIRED.get(kind, ()):
        if name not in block:
            raise invalid(f"{where}.{kind}.{name}: Field required")
    if _ONLY_FROM.get(kind, role) != role:
        raise invalid(f"{where}: `{kind}` blocks are not permitted in {role} messages")
    if kind == "text":
        _check_text(block, role, where)
    elif kind == "image":
        _check_image(block, where)
    elif kind == "tool_result" and isinstance(block.get("content"), list):
        for index, part in enumerate(block["content"]):
            _check_block(part, "user", f"{where}.content.{index}")


def _check_text(block: dict[str, Any], role: str, where: str) -> None:
    text = block.get("text")
    if not isinstance(text, str):
        raise invalid(f"{where}.text: Field required")
    if not text:
        raise invalid(f"{where}: text content blocks must be non-empty")
    if not text.strip():
        raise invalid(f"{where}: text content blocks must contain non-whitespace text")
    if role == "user" and block.get("citations"):
        raise invalid(f"{where}.text.citations: not permitted in user messages")


def _check_image(block: dict[str, Any], where: str) -> None:
    source = block.get("source") or {}
    if source.get("type") in ("url", "file"):
        return
    if source.get("type") != "base64":
        raise invalid(f"{where}.image.source.type: Input should be 'base64', 'url' or 'file'")
    accepted = {name for _, name in _SIGNATURES}
    stated = source.get("media_type")
    if stated not in accepted:
        raise invalid(
            f"{where}.image.source.base64.media_type: Input should be one of "
            f"{', '.join(sorted(accepted))}"
        )
    try:
        data = base64.b64decode(source.get("data", ""), validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid(f"{where}.image.source.base64: invalid base64 data") from error
    if len(data) > MOST_IMAGE_BYTES:
        raise invalid(
            f"{where}.image.source.base64: image exceeds 5 MB maximum: {len(data)} bytes > "
            f"{MOST_IMAGE_BYTES} bytes"
        )
    actual = next((name for start, name in _SIGNATURES if data.startswith(start)), None)
    if actual is None:
        raise invalid(f"{where}.image.source.base64: Could not process image")
    if actual != stated:
        raise invalid(
            f"{where}.image.source.base64: Image was specified as {stated} but is {actual}"
        )


def _check_tool_pairs(messages: list[dict[str, Any]]) -> None:
    """Each tool call is answered in the very next message, and nothing else is."""
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        blocks = as_blocks(message["content"])
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if missing := open_calls - answered:
            raise invalid(
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(sorted(missing))}"
            )
        if unexpected := answered - open_calls:
            raise invalid(
                f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(sorted(unexpected))}"
            )
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
    if open_calls:
        raise invalid(f"messages: unanswered `tool_use` ids: {', '.join(sorted(open_calls))}")


def _check_prefill(body: dict[str, Any], model: Model) -> None:
    if not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    if (body.get("thinking") or {}).get("type") == "enabled":
        raise invalid("messages: prefill is not supported with thinking enabled")
    if _has_format(body):
        raise invalid("output_config.format: cannot be combined with assistant message prefill")
    last = as_blocks(body["messages"][-1]["content"])[-1]
    if last["type"] == "text" and last["text"] != last["text"].rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _asks_for_citations(messages: list[dict[str, Any]]) -> bool:
    return any(
        block["type"] == "document" and (block.get("citations") or {}).get("enabled")
        for message in messages
        for block in as_blocks(message["content"])
    )
