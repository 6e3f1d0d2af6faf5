"""What other integrations would have sent on the same day, by the same count of tokens.

The naive one sends everything to opus, with the whole file and all open files, at every key. The
careful one sends each request where ours goes, always with 8,000 tokens. Neither caches. Answers
are the same as ours, thinking included, so that only what is sent differs; that opus would think
before each completion is not held against the naive one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.claude.catalog import MODELS, Usage, cost_usd
from tests.messages_api.models import MODELS as SERVED
from tests.messages_api.tokens import count_text

if TYPE_CHECKING:
    from benchmarks.cost.day import Day, Trigger

CAREFUL_TOKENS = 8_000
CAREFUL_PAUSE_S = 0.3
_FRAME_TOKENS = 200
"""Of a system prompt and a question."""
_OPUS = "claude-opus-5-5"


class Spent(NamedTuple):
    """What one kind of action has used.

    Attributes:
        requests: how many.
        usage: their tokens.
        usd: what they cost.
    """

    requests: int = 0
    usage: Usage = Usage()
    usd: float = 0.0

    def plus(self, model: str, usage: Usage) -> Spent:
        """Return it with a request more."""
        cost = cost_usd(MODELS[model], usage) or 0.0
        return Spent(self.requests + 1, self.usage + usage, self.usd + cost)


Bill = dict[str, Spent]
"""By action, in the order in which they came first."""


def ours(day: Day) -> Bill:
    """Return what ours has used, as the service has counted it."""
    bill: Bill = defaultdict(Spent)
    for asked in day.asked:
        bill[asked.action] = bill[asked.action].plus(asked.model, asked.usage)
    return bill


def naive(day: Day) -> Bill:
    """Return the bill of the naive integration."""
    bill: Bill = defaultdict(Spent)
    for trigger in day.triggers:
        if not trigger.deleted:
            texts = (trigger.text, *trigger.opened)
            prompt = _FRAME_TOKENS + sum(_count(text) for text in texts)
            bill[trigger.action] = bill[trigger.action].plus(
                _OPUS, Usage(input=prompt, output=_answered(trigger))
            )
    return bill | _architecture(day)


def careful(day: Day, *, pause_s: float | None = None) -> Bill:
    """Return the bill of the careful integration.

    Args:
        day: what happened.
        pause_s: a completion is asked for after each pause in typing of so many seconds; None for
            exactly where ours asks.
    """
    bill: Bill = defaultdict(Spent)
    for asked in day.asked:
        if asked.action == "architecture" or (pause_s is not None and asked.action == "complete"):
            continue
        usage = Usage(input=CAREFUL_TOKENS, output=asked.usage.output)
        bill[asked.action] = bill[asked.action].plus(asked.model, usage)
    if pause_s is not None:
        (haiku,) = {asked.model for asked in day.asked if asked.action == "complete"}
        for trigger in _after_pauses(day, pause_s):
            usage = Usage(input=CAREFUL_TOKENS, output=_answered(trigger))
            bill["complete"] = bill["complete"].plus(haiku, usage)
    return bill | _architecture(day)


def total(bill: Bill) -> float:
    """Return the dollars of a bill."""
    return sum(spent.usd for spent in bill.values())


def read_share(day: Day) -> float:
    """Return the share of the prompts of completions that came from the cache."""
    usage = ours(day)["complete"].usage
    return usage.cache_read / usage.prompt


def _architecture(day: Day) -> Bill:
    """8,000 tokens hold no architecture: both send what ours does, without a cache."""
    spent = Spent()
    for asked in day.asked:
        if asked.action == "architecture":
            usage = Usage(input=asked.usage.prompt, output=asked.usage.output)
            spent = spent.plus(asked.model, usage)
    return {"architecture": spent} if spent.requests else {}


def _after_pauses(day: Day, pause_s: float) -> list[Trigger]:
    keys = [trigger for trigger in day.triggers if trigger.action == "complete"]
    following = [*keys[1:], None]
    return [
        key
        for key, then in zip(keys, following, strict=True)
        if not key.deleted and (then is None or then.at - key.at >= pause_s)
    ]


def _answered(trigger: Trigger) -> int:
    return trigger.thought + _count(trigger.answer)


def _count(text: str) -> int:
    return count_text(text, SERVED[_OPUS].tokenizer)
