"""What is told of a request where somebody traces it, and what a trace asks the service for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claude_lsp.claude.catalog import Usage
    from claude_lsp.claude.errors import Failure
    from claude_lsp.claude.request import Request
    from claude_lsp.claude.stream import Answer
    from claude_lsp.telemetry.tracing import Value


def attributes(
    request: Request, answer: Answer, usage: Usage, outcome: str, cost: float | None
) -> dict[str, Value | None]:
    """Return what is known of a request that has ended, by the conventions for generative AI."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": request.model.id,
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": answer.message_id or None,
        "gen_ai.response.model": answer.model or None,
        "gen_ai.response.finish_reasons": answer.stop_reason,
        "gen_ai.usage.input_tokens": usage.prompt,
        "gen_ai.usage.output_tokens": usage.output,
        "gen_ai.usage.reasoning.output_tokens": usage.thinking or None,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "claude_lsp.action": request.action,
        "claude_lsp.tier": request.tier,
        "claude_lsp.automatic": request.automatic,
        "claude_lsp.outcome": outcome,
        "claude_lsp.cost_usd": cost,
        "claude_lsp.cache_miss": answer.cache_miss,
        "error.type": None if outcome in ("ok", "cancelled") else outcome,
    }


class CacheDiagnosis:
    """Asks the service why its cache does not serve a prompt as it did the one before."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], str] = {}
        self._known = True

    def asked(self, request: Request) -> dict[str, Any]:
        """Return what a request's body needs for it."""
        if not (self._known and request.model.cache_minimum):
            return {}
        before = self._before.get((request.action, request.model.id))
        return {"diagnostics": {"previous_message_id": before}}

    def refused(self, body: dict[str, Any], failure: Failure) -> bool:
        """Take the question out of a body that was refused; tell whether it had it."""
        if failure.kind != "bad-request" or body.pop("diagnostics", None) is None:
            return False
        # Not every endpoint knows it, and no answer needs it.
        self._known = False
        return True

    def note(self, request: Request, answer: Answer) -> None:
        """Remember an answer: the next one's cache is held against its."""
        if answer.message_id:
            self._before[request.action, request.model.id] = answer.message_id
