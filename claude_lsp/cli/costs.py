"""What each action would cost: for a given file, or by what such requests have used before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.catalog import Usage, cost_usd
from claude_lsp.claude.route import route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from claude_lsp.actions.action import Action
    from claude_lsp.claude.catalog import Model
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.engine import Prepared
    from claude_lsp.settings import Settings

_DAYS = 30
_ENOUGH = 5
"""Requests of an action in that time whose mean is worth showing."""
_ANSWERS = {"complete": 60, "review": 1_500, "architecture": 4_000}
_ANSWER = 600
"""Tokens of an answer where none has been seen yet."""
_FILLED = 0.6
"""Share of its budget that a context fills where none has been seen yet."""


@dataclass(frozen=True)
class Past:
    """What the requests of an action have used on average, by the ledger.

    Attributes:
        requests: how many there were.
        prompt: tokens, those of caches included.
        answer: tokens.
        usd: dollars, what caches have saved included; None where a price is unknown.
    """

    requests: int
    prompt: int
    answer: int
    usd: float | None


@dataclass(frozen=True)
class Cost:
    """What an action would cost.

    Attributes:
        action: its name.
        tier: where it goes.
        model: the id of the model there.
        why: what decided on the tier.
        prompt: expected tokens of the prompt.
        answer: expected tokens of the answer.
        usd: what that would cost; None for an unknown price.
        most_usd: what it can cost at most, which limits are checked against; None as above, and
            where no request was made.
        basis: what the expectation is from.
    """

    action: str
    tier: str
    model: str
    why: str
    prompt: int
    answer: int
    usd: float | None
    most_usd: float | None
    basis: str


def past_of(ledger: Ledger) -> dict[tuple[str, str], Past]:
    """Return what each action has used lately with each model.

    Raises:
        ClaudeError: the ledger can't be used.
    """
    since = datetime.now().astimezone().date() - timedelta(days=_DAYS)
    found = {}
    for line in ledger.usage(("action", "model"), since.isoformat()):
        if line.requests < _ENOUGH:
            continue
        prompt = (line.input + line.cache_write + line.cache_read) // line.requests
        usd = None if line.unknown else line.cost_usd / line.requests
        kind = line.group["action"], line.group["model"]
        found[kind] = Past(line.requests, prompt, line.output // line.requests, usd)
    return found


def cost_of(prepared: Prepared, past: Mapping[tuple[str, str], Past]) -> Cost:
    """Return what a request that is ready would cost; of a dialogue, its first request."""
    request = prepared.request
    known = past.get((request.action, request.model.id))
    answer = known.answer if known else _answer(request.action)
    answer = min(answer, request.max_tokens)
    return Cost(
        request.action,
        request.tier,
        request.model.id,
        prepared.why,
        request.expected_tokens,
        answer,
        _usd(request.model, request.expected_tokens, answer),
        prepared.most_usd,
        "this file",
    )


def usual_cost(action: Action, settings: Settings, past: Mapping[tuple[str, str], Past]) -> Cost:
    """Return what an action usually costs."""
    found = route(action.name, action.tier, settings)
    model = found.model
    known = past.get((action.name, model.id))
    if known is not None:
        prompt, answer, usd = known.prompt, known.answer, known.usd
        basis = f"mean of {known.requests:,} requests in {_DAYS} days"
    else:
        prompt = int(action.recipe.budget(settings) * _FILLED)
        answer = _answer(action.name)
        usd = _usd(model, prompt, answer)
        basis = "a guess by the settings"
    return Cost(action.name, found.tier, model.id, found.why, prompt, answer, usd, None, basis)


def as_table(costs: Iterable[Cost]) -> str:
    """Return costs for a person to read."""
    head = ("action", "goes to", "tokens in", "out", "about", "at most", "by")
    rows = [
        (
            cost.action,
            f"{cost.tier} ({cost.model})",
            f"{cost.prompt:,}",
            f"{cost.answer:,}",
            dollars(cost.usd),
            dollars(cost.most_usd),
            cost.why,
        )
        for cost in costs
    ]
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    right = {2, 3, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )


def dollars(usd: float | None) -> str:
    """Return an amount as tables show it."""
    return "unknown" if usd is None else f"${usd:.4f}"


def _answer(action: str) -> int:
    return _ANSWERS.get(action, _ANSWER)


def _usd(model: Model, prompt: int, answer: int) -> float | None:
    return cost_usd(model, Usage(input=prompt, output=answer))


def as_dicts(costs: Iterable[Cost]) -> list[dict[str, Any]]:
    """Return costs as JSON has them."""
    return [dict(vars(cost)) for cost in costs]
