"""This server's own count of tokens: deterministic, and the same wherever a count is shown.

It counts bytes, not words of a real vocabulary, so its figures are good for arithmetic (limits,
cache counters, cost) and say nothing about how well anything estimates Claude's tokens.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from tests.messages_api.models import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from tests.messages_api.models import Tokenizer

IMAGE_TOKENS = 1500
"""What any image costs here, whatever its size."""

BLOCK_OVERHEAD = 3
"""Tokens that each block costs beside its content."""


def count_text(text: str, tokenizer: Tokenizer) -> int:
    """Tokens of a text: its UTF-8 bytes divided by the family's ratio, rounded up."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN[tokenizer])


def count_block(block: dict[str, Any], tokenizer: Tokenizer) -> int:
    """Tokens of a content block, tool definition or schema, with its overhead."""
    return BLOCK_OVERHEAD + _count_content(block, tokenizer)


def _count_content(block: dict[str, Any], tokenizer: Tokenizer) -> int:
    kind = block.get("type")
    if kind == "text":
        return count_text(str(block.get("text", "")), tokenizer)
    if kind == "image":
        return IMAGE_TOKENS
    if kind == "tool_result" and isinstance(block.get("content"), list):
        return sum(count_block(part, tokenizer) for part in block["content"])
    return count_text(json.dumps(block, ensure_ascii=False), tokenizer)


def room_for(tokens: int, tokenizer: Tokenizer) -> int:
    """How many UTF-8 bytes count at most `tokens`."""
    return math.floor(tokens * BYTES_PER_TOKEN[tokenizer])
