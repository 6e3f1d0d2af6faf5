"""Why the cache does not serve a prompt as it did that of an earlier message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.messages_api.cache import prompt_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.messages_api.cache import Block, CacheUse


def diagnose(
    body: dict[str, Any], use: CacheUse, before: Mapping[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """The `diagnostics` of a response; None where the request asks for none.

    Args:
        body: the request's.
        use: what its prompt reads.
        before: the bodies of earlier requests, by the id of the message that answered them.
    """
    asked = body.get("diagnostics")
    if asked is None:
        return None
    name = asked.get("previous_message_id")
    return {"cache_miss_reason": None if name is None else _reason(body, use, before.get(name))}


def _reason(
    body: dict[str, Any], use: CacheUse, before: dict[str, Any] | None
) -> dict[str, Any] | None:
    if before is None:
        return {"type": "previous_message_not_found"}
    missed = {"cache_missed_input_tokens": use.total - use.read}
    if body["model"] != before["model"]:
        return {"type": "model_changed", **missed}
    for section in ("tools", "system", "messages"):
        old, new = _cached(before, section), _blocks(body, section)
        if old != new[: len(old)]:
            return {"type": f"{section}_changed", **missed}
    return None


def _blocks(body: dict[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (block.role, block.content) for block in prompt_blocks(body) if block.section == section
    ]


def _cached(body: dict[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """The blocks of a section up to the last breakpoint of the prompt."""
    blocks: list[Block] = list(prompt_blocks(body))
    last = max((n for n, block in enumerate(blocks) if block.lifetime is not None), default=-1)
    return [(block.role, block.content) for block in blocks[: last + 1] if block.section == section]
