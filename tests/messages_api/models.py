"""The models that the loopback Messages API serves: one row of facts for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Tokenizer = Literal["v3", "v4.7"]
"""Tokenizer families: Claude up to 4.6, and Claude 4.7 and later (about 30 % more tokens)."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Every effort, least first."""

BYTES_PER_TOKEN: dict[Tokenizer, float] = {"v3": 3.25, "v4.7": 2.5}
"""This server's own measure: UTF-8 bytes per token. Close to the real averages on code."""


@dataclass(frozen=True, slots=True)
class Model:
    """What one model is and accepts.

    Attributes:
        id: the API id.
        line: `haiku`, `sonnet`, `opus`, `fable`, `mythos`, or None for a model of no line.
        thinking: the accepted values of `thinking.type`.
        thinks_by_default: whether it thinks when the request does not say.
        efforts: accepted values of `output_config.effort`; empty if there is no such parameter.
        forced_tool_choice: whether `tool_choice` may be `any` or `tool`.
        cache_minimum: tokens a prefix needs to be cached at all.
        tokenizer: which family counts its tokens.
        prefill: whether the last message may be the assistant's (with thinking off).
        efforts_without_disabled: efforts that thinking `disabled` cannot be combined with.
        fast: whether `speed: "fast"` is accepted, and whether only with the beta header.
        shows_thinking: whether thinking is summarized unless `display` says otherwise.
        context_window: tokens.
        max_output: tokens, the most that `max_tokens` may ask for.
        lifecycle: `active`, `deprecated`, or `retired`; a retired one answers 404.
        retires_at: RFC 3339, or None.
    """

    id: str
    line: str | None
    thinking: frozenset[str]
    thinks_by_default: bool
    efforts: tuple[str, ...]
    forced_tool_choice: bool
    cache_minimum: int
    tokenizer: Tokenizer
    prefill: bool = False
    efforts_without_disabled: frozenset[str] = frozenset()
    fast: Literal["yes", "beta", "no"] = "no"
    shows_thinking: bool = False
    context_window: int = 1_000_000
    max_output: int = 128_000
    lifecycle: Literal["active", "deprecated", "retired"] = "active"
    retires_at: str | None = None

    def information(self) -> dict[str, Any]:
        """The model as `GET /v1/models` shows it."""

        def support(supported: bool) -> dict[str, bool]:
            return {"supported": supported}

        return {
            "type": "model",
            "id": self.id,
            "display_name": self.id.replace("-", " ").title(),
            # The service documents an epoch value for an unknown date of release.
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": self.lifecycle,
            "deprecated_at": None if self.lifecycle == "active" else "2026-01-01T00:00:00Z",
            "retires_at": self.retires_at,
            "line": self.line,
            "max_input_tokens": self.context_window,
            "max_tokens": self.max_output,
            "capabilities": {
                "batch": support(True),
                "citations": support(True),
                "code_execution": support(True),
                "context_management": {
                    "supported": True,
                    "clear_thinking_20251015": support(True),
                    "clear_tool_uses_20250919": support(True),
                    "compact_20260112": support(True),
                },
                "effort": {
                    "supported": bool(self.efforts),
                    **{effort: support(effort in self.efforts) for effort in EFFORTS},
                },
                "image_input": support(True),
                "pdf_input": support(True),
                "server_tools": {
                    "supported": True,
                    "code_execution": support(True),
                    "web_search": support(True),
                },
                "structured_outputs": support(True),
                "thinking": {
                    "supported": True,
                    "types": {
                        kind: support(kind in self.thinking)
                        for kind in ("adaptive", "enabled", "disabled", "between_tools")
                    },
                },
            },
        }


_ADAPTIVE = frozenset({"adaptive"})
_OPTIONAL = frozenset({"adaptive", "disabled"})
_ABOVE_HIGH = frozenset({"xhigh", "max"})


def _always_thinking(model: str, line: str, **changes: Any) -> Model:
    """A row for the models that can neither stop thinking nor be made to call a tool."""
    return Model(model, line, _ADAPTIVE, True, EFFORTS, False, 512, "v4.7", **changes)


# Columns: id, line, thinking accepted, on by default, efforts, forced tool_choice, smallest
# cacheable prefix, tokenizer.
_TABLE = (
    Model(
        "claude-haiku-5-5", "haiku", _OPTIONAL, True, EFFORTS, True, 512, "v4.7",
        efforts_without_disabled=_ABOVE_HIGH,
    ),
    Model(
        "claude-haiku-4-5", "haiku", frozenset({"enabled", "disabled"}), False, (), True, 4096,
        "v3", prefill=True, shows_thinking=True, context_window=200_000, max_output=64_000,
    ),
    Model(
        "claude-sonnet-5-5", "sonnet", frozenset({"adaptive", "between_tools"}), True, EFFORTS,
        False, 512, "v4.7",
    ),
    Model("claude-sonnet-5", "sonnet", _OPTIONAL, True, EFFORTS, True, 1024, "v4.7"),
    Model(
        "claude-sonnet-4-6", "sonnet", _OPTIONAL | {"enabled"}, False, EFFORTS, True, 1024, "v3",
        shows_thinking=True,
    ),
    _always_thinking("claude-opus-5-5", "opus", fast="yes"),
    Model(
        "claude-opus-5", "opus", _OPTIONAL, True, EFFORTS, True, 512, "v4.7",
        efforts_without_disabled=_ABOVE_HIGH, fast="beta",
    ),
    Model(
        "claude-opus-4-8", "opus", _OPTIONAL, False, EFFORTS, True, 1024, "v4.7", fast="beta",
    ),
    Model("claude-opus-4-7", "opus", _OPTIONAL, False, EFFORTS, True, 2048, "v4.7"),
    _always_thinking("claude-fable-5-2", "fable", fast="yes"),
    _always_thinking("claude-mythos-5-2", "mythos"),
    _always_thinking("claude-fable-5-1", "fable"),
    _always_thinking("claude-mythos-5-1", "mythos"),
)  # fmt: skip

MODELS: dict[str, Model] = {model.id: model for model in _TABLE}
"""The models by id, in the order in which they are listed."""

ALIASES = {"claude-haiku-4-5-20251001": "claude-haiku-4-5"}
"""Dated ids and the model that each one names."""
