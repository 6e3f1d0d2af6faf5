"""Rules for which tier an action goes to, as users write them in `routes.<action>`; checked.

A route is a tier, or a list of rules of which the first that fits decides. A rule is a tier, or a
table of a tier and what must hold: `max_tokens`, the most tokens of the code that is asked about,
and `language`, one or several. Where no rule fits, the action goes to its own tier.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Tier = Literal["haiku", "sonnet", "opus"]
"""A role in routing: quick and cheap, everyday, or thorough."""

TIERS: tuple[Tier, ...] = ("haiku", "sonnet", "opus")

_KEYS = ("tier", "max_tokens", "language")


@dataclass(frozen=True)
class Rule:
    """One rule of a route.

    Attributes:
        tier: where it leads.
        max_tokens: it holds for at most so many tokens of code that is asked about; None for any.
        languages: it holds for these; empty for all.
    """

    tier: Tier
    max_tokens: int | None = None
    languages: tuple[str, ...] = ()

    @property
    def always(self) -> bool:
        """Whether it fits whatever is asked."""
        return self.max_tokens is None and not self.languages

    def __str__(self) -> str:
        """Return the rule as messages show it."""
        conditions = [f"up to {self.max_tokens:,} tokens"] if self.max_tokens is not None else []
        conditions += [" or ".join(self.languages)] if self.languages else []
        return f"{self.tier} for {' of '.join(conditions)}" if conditions else self.tier


@dataclass(frozen=True)
class Routed:
    """A route, tier or rules, that was resolved for what is asked.

    Attributes:
        tier: where it goes.
        why: what decided, in words for the user.
    """

    tier: Tier
    why: str


def routes(table: Any) -> dict[str, tuple[Rule, ...]]:
    """Return the rules of each action from the table in the settings.

    Raises:
        ValueError: it is not usable; the message completes "routes ...".
    """
    if not isinstance(table, dict):
        raise ValueError(f"must be a table, not {table!r}")  # noqa: TRY004 - a user's mistake
    return {str(name): _rules(str(name), value) for name, value in table.items()}


def resolve(
    action: str,
    default: Tier,
    table: Mapping[str, Sequence[Rule]],
    language: str,
    fits: Callable[[int], bool],
) -> Routed:
    """Return where an action goes by the user's rules.

    Args:
        action: its name.
        default: its own tier.
        table: the rules of each action.
        language: of the code that is asked about; empty for none.
        fits: whether that code has at most so many tokens.
    """
    for rule in table.get(action, ()):
        if rule.languages and language not in rule.languages:
            continue
        if rule.max_tokens is None or fits(rule.max_tokens):
            return Routed(rule.tier, f"routes.{action}: {rule}")
    if action in table:
        return Routed(default, f"its own tier: no rule of routes.{action} fits")
    return Routed(default, "its own tier")


def as_written(rules: Sequence[Rule]) -> Any:
    """Return a route as it is written in a settings file."""
    if len(rules) == 1 and rules[0].always:
        return rules[0].tier
    return [
        rule.tier
        if rule.always
        else {
            "tier": rule.tier,
            **({"max_tokens": rule.max_tokens} if rule.max_tokens is not None else {}),
            **({"language": list(rule.languages)} if rule.languages else {}),
        }
        for rule in rules
    ]


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the table of routes."""
    tier = {"type": "string", "enum": list(TIERS)}
    rule = {
        "type": "object",
        "properties": {
            "tier": tier,
            "max_tokens": {"type": "integer", "minimum": 1},
            "language": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
            },
        },
        "required": ["tier"],
        "additionalProperties": False,
    }
    route = {"anyOf": [tier, {"type": "array", "items": {"anyOf": [tier, rule]}}]}
    return {"type": "object", "additionalProperties": route}


def _rules(name: str, value: Any) -> tuple[Rule, ...]:
    written = value if isinstance(value, list | tuple) else [value]
    if not written:
        raise ValueError(f"{name} needs at least one rule")
    rules = tuple(_rule(f"{name}[{number}]", each) for number, each in enumerate(written))
    if not isinstance(value, list | tuple) and not rules[0].always:
        raise ValueError(f"{name} must be a tier or a list of rules, not {value!r}")
    for number, rule in enumerate(rules[:-1]):
        if rule.always:
            raise ValueError(
                f"{name}[{number}] fits whatever is asked, so the rules after it are never reached"
            )
    return rules


def _rule(where: str, value: Any) -> Rule:
    if isinstance(value, Rule):
        return value
    if isinstance(value, str):
        return Rule(_tier(where.rpartition("[")[0], value))
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be a tier or a table with tier, not {value!r}")  # noqa: TRY004
    for key in value:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else f"; a rule has {', '.join(_KEYS)}"
            raise ValueError(f"{where} has no option {key}{hint}")
    if "tier" not in value:
        raise ValueError(f"{where} needs a tier")
    most = value.get("max_tokens")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise ValueError(f"{where} needs a whole number above 0 for max_tokens, not {most!r}")
    languages = value.get("language", ())
    languages = (languages,) if isinstance(languages, str) else languages
    if not isinstance(languages, list | tuple) or not all(
        isinstance(each, str) and each for each in languages
    ):
        raise ValueError(f"{where} needs a language or a list of them, not {languages!r}")
    return Rule(_tier(where, value["tier"]), most, tuple(languages))


def _tier(where: str, value: Any) -> Tier:
    for tier in TIERS:
        if value == tier:
            return tier
    raise ValueError(f"{where} must be one of {', '.join(map(repr, TIERS))}, not {value!r}")
