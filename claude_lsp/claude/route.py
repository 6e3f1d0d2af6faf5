"""Which model an action goes to: the action's tier, the user's routes, the tier's model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.claude.catalog import Model, Price, lookup
from claude_lsp.context import tokens
from claude_lsp.routing import Routed, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.routing import Tier
    from claude_lsp.settings import Settings


@dataclass(frozen=True)
class Route:
    """Where an action's requests go.

    Attributes:
        tier: the role.
        model: what it is bound to.
        why: what decided, in words for the user.
    """

    tier: Tier
    model: Model
    why: str = ""


def route(
    action: str,
    default: Tier,
    settings: Settings,
    chosen: Tier | None = None,
    *,
    language: str = "",
    texts: Iterable[str] = (),
) -> Route:
    """Return the tier and model for an action; a tier that was chosen for this time wins.

    Never falls back to a cheaper model by itself: where the route's model fails, the user is told.

    Args:
        action: its name.
        default: its own tier.
        settings: the resolved options.
        chosen: the tier that the user chose for this time.
        language: of the code that is asked about.
        texts: that code; looked at only where a rule asks for its size.
    """
    if chosen is not None:
        found = Routed(chosen, "chosen for this time")
    else:
        found = resolve(
            action,
            default,
            settings.routes,
            language,
            lambda most: tokens.fits("".join(texts), most),
        )
    return Route(found.tier, model_of(found.tier, settings), found.why)


def model_of(tier: Tier, settings: Settings) -> Model:
    """Return the model that a tier is bound to, with the user's prices over the catalog's."""
    model = lookup(settings.model_for(tier))
    override = settings.models.prices.get(model.id)
    if override is None:
        return model
    # An override replaces every band; cache prices follow the usual multiples of the input.
    entry, exit_ = override.get("input", 0.0), override.get("output", 0.0)
    read = override.get("cache_read", entry / 10)
    price = Price(entry, exit_, entry * 1.25, entry * 2, read, as_of=None)
    return replace(model, prices=(price,))
