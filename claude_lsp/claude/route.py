"""Which model an action goes to: the action's tier, the user's routes, the tier's model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.claude.catalog import Model, Price, lookup

if TYPE_CHECKING:
    from claude_lsp.settings import Settings, Tier


@dataclass(frozen=True)
class Route:
    """Where an action's requests go."""

    tier: Tier
    model: Model


def route(action: str, default: Tier, settings: Settings, chosen: Tier | None = None) -> Route:
    """Return the tier and model for an action; a tier that was chosen for this time wins.

    Never falls back to a cheaper model by itself: where the route's model fails, the user is told.
    """
    tier = chosen or settings.routes.get(action, default)
    model = lookup(settings.model_for(tier))
    override = settings.models.prices.get(model.id)
    if override is not None:
        # An override replaces every band; cache prices follow the usual multiples of the input.
        entry, exit_ = override.get("input", 0.0), override.get("output", 0.0)
        read = override.get("cache_read", entry / 10)
        price = Price(entry, exit_, entry * 1.25, entry * 2, read, as_of=None)
        model = replace(model, prices=(price,))
    return Route(tier, model)
