"""The models: what each costs, how much it takes, and which request it accepts.

Prices and rules are from Anthropic's model and pricing pages as of 2026-11-22. A model that is
not listed is used all the same, with the most conservative request that works and no known price.
"""

from __future__ import annotations

import math
import re
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from claude_lsp.routing import Tier

Thinking = Literal["adaptive", "disabled", "enabled", "between_tools"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
Family = Literal["claude-3", "claude-4.7"]
"""Tokenizer generation: "claude-3" up to 4.6, "claude-4.7" for 4.7 and everything later."""

PRICES_AS_OF = "2026-11-22"
BATCH_SHARE = 0.5
"""Of every price, for requests in a batch; caching counts on top of it."""
_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens, for prompts of more than `above` tokens.

    Attributes:
        as_of: the day of the list that it stands in; None for a price of the user's own.
    """

    input: float
    output: float
    cache_write_5m: float
    cache_write_1h: float
    cache_read: float
    above: int = 0
    as_of: str | None = PRICES_AS_OF

    @property
    def is_usable(self) -> bool:
        """Whether every part is an amount; with any other one no limit could be kept."""
        parts = (
            *(self.input, self.output),
            *(self.cache_write_5m, self.cache_write_1h, self.cache_read),
        )
        return all(0 <= part < math.inf for part in parts)

    @property
    def name(self) -> str:
        """Which price it is among those of its model."""
        band = f" above {self.above}" if self.above else ""
        return (self.as_of or "models.prices") + band


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        id: as the API knows it.
        tier: the role it is made for; None where unknown.
        prices: bands by prompt size, smallest first; empty where unknown.
        context_window: tokens of prompt and answer together.
        max_output: most tokens of one answer.
        thinking: the values of `thinking.type` that it accepts.
        thinks_by_default: whether it thinks when `thinking` is not sent.
        efforts: the values of `output_config.effort` that it accepts; empty: send none.
        structured_output: whether `output_config.format` is honoured.
        prefill: whether the last message may be the beginning of the answer.
        forced_tool_choice: whether `tool_choice` may be "any" or "tool".
        cache_minimum: shortest cacheable prefix, in tokens; 0: never ask for caching.
        tokenizer: the tokenizer's generation.
        tools: whether it may be given tools.
        known: False for a model that is not in this catalog.
    """

    id: str
    tier: Tier | None = None
    prices: tuple[Price, ...] = ()
    context_window: int = 200_000
    max_output: int = 8_192
    thinking: frozenset[Thinking] = field(default_factory=frozenset)
    thinks_by_default: bool = False
    efforts: frozenset[Effort] = field(default_factory=frozenset)
    structured_output: bool = False
    prefill: bool = False
    forced_tool_choice: bool = False
    cache_minimum: int = 0
    tokenizer: Family = "claude-4.7"
    tools: bool = True
    known: bool = True

    def price_for(self, prompt_tokens: int) -> Price | None:
        """Return the price band of a prompt of so many tokens, None where it is unknown."""
        fitting = [price for price in self.prices if prompt_tokens > price.above or not price.above]
        return fitting[-1] if fitting and fitting[-1].is_usable else None


@dataclass(frozen=True)
class Usage:
    """Tokens of one request, as the API counted them.

    Attributes:
        input: prompt tokens that no cache served.
        output: answer tokens, thinking included.
        cache_write_5m: prompt tokens written to the five-minute cache.
        cache_write_1h: prompt tokens written to the one-hour cache.
        cache_read: prompt tokens read from the cache.
        thinking: the part of `output` that was thinking.
    """

    input: int = 0
    output: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    thinking: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def prompt(self) -> int:
        """The whole prompt, however it was served."""
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read


def cost_usd(model: Model, usage: Usage, *, batched: bool = False) -> float | None:
    """Return what a request cost in US dollars, None where the model's price is unknown."""
    price = model.price_for(usage.prompt)
    if price is None:
        return None
    total = (
        usage.input * price.input
        + usage.output * price.output
        + usage.cache_write_5m * price.cache_write_5m
        + usage.cache_write_1h * price.cache_write_1h
        + usage.cache_read * price.cache_read
    )
    return total * (BATCH_SHARE if batched else 1) / _MILLION


def _cached(base_input: float, output: float, read: float | None = None, above: int = 0) -> Price:
    """Fill in the usual cache prices: writes at 1.25 and 2 times the input, reads at a tenth."""
    read = base_input / 10 if read is None else read
    return Price(base_input, output, base_input * 1.25, base_input * 2, read, above)


_ALL_EFFORTS: frozenset[Effort] = frozenset(("low", "medium", "high", "xhigh", "max"))
_ADAPTIVE_OR_OFF: frozenset[Thinking] = frozenset(("adaptive", "disabled"))

_LIST = (
    Model(
        "claude-haiku-5-5",
        "haiku",
        (_cached(0.10, 0.50), _cached(0.50, 2.50, above=100_000)),
        context_window=1_000_000,
        max_output=128_000,
        thinking=_ADAPTIVE_OR_OFF,
        thinks_by_default=True,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=512,
    ),
    Model(
        "claude-haiku-4-5",
        "haiku",
        (_cached(1, 5),),
        max_output=64_000,
        thinking=frozenset(("enabled", "disabled")),
        structured_output=True,
        prefill=True,
        forced_tool_choice=True,
        cache_minimum=4096,
        tokenizer="claude-3",
    ),
    Model(
        "claude-sonnet-5-5",
        "sonnet",
        (_cached(2, 10, read=0.10),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=frozenset(("adaptive", "between_tools")),
        thinks_by_default=True,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        cache_minimum=512,
    ),
    Model(
        "claude-sonnet-5",
        "sonnet",
        (_cached(2, 10),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=_ADAPTIVE_OR_OFF,
        thinks_by_default=True,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=1024,
    ),
    Model(
        "claude-sonnet-4-6",
        "sonnet",
        (_cached(3, 15),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=frozenset(("adaptive", "disabled", "enabled")),
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=1024,
        tokenizer="claude-3",
    ),
    Model(
        "claude-opus-5-5",
        "opus",
        (_cached(4, 20, read=0.20),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=frozenset(("adaptive",)),
        thinks_by_default=True,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        cache_minimum=512,
    ),
    Model(
        "claude-opus-5",
        "opus",
        (_cached(5, 25),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=_ADAPTIVE_OR_OFF,
        thinks_by_default=True,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=512,
    ),
    Model(
        "claude-opus-4-8",
        "opus",
        (_cached(5, 25),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=_ADAPTIVE_OR_OFF,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=1024,
    ),
    Model(
        "claude-opus-4-7",
        "opus",
        (_cached(5, 25),),
        context_window=1_000_000,
        max_output=128_000,
        thinking=_ADAPTIVE_OR_OFF,
        efforts=_ALL_EFFORTS,
        structured_output=True,
        forced_tool_choice=True,
        cache_minimum=2048,
    ),
)

MODELS: dict[str, Model] = {model.id: model for model in _LIST}
"""Every model with known rules, by id."""

_DATED = re.compile(r"-\d{8}$")


def lookup(model_id: str) -> Model:
    """Return the rules for a model id; a dated id has those of the plain one.

    An unknown id gets the conservative row: no thinking, no effort, no structured output, no
    tools, no caching and no price.
    """
    known = MODELS.get(model_id) or MODELS.get(_DATED.sub("", model_id))
    # A dated id is sent as it is: who names one wants that very version.
    return replace(known, id=model_id) if known else Model(model_id, tools=False, known=False)
