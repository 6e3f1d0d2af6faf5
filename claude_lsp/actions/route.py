"""Where an action goes in a situation: its own tier, or what the user's routes say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.claude.route import route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.claude.route import Route
    from claude_lsp.routing import Tier
    from claude_lsp.settings import Settings


def route_of(
    action: Action, situation: Situation, settings: Settings, tier: Tier | None = None
) -> Route:
    """Return where an action goes in a situation; a tier that was chosen for this time wins."""
    return route(
        action.name,
        action.tier,
        settings,
        tier,
        language=situation.snapshot.language,
        texts=_asked_about(situation),
    )


def _asked_about(situation: Situation) -> Iterator[str]:
    """Yield the code whose size rules of routes are about: what is reviewed, else the selection."""
    if situation.excerpts:
        for excerpt in situation.excerpts:
            lines = excerpt.snapshot.index.lines
            for run in excerpt.shown:
                yield "".join(lines[run.first : run.last + 1])
        return
    text, index = situation.snapshot.text, situation.snapshot.index
    start, end = (index.offset_at(at) for at in (situation.range.start, situation.range.end))
    yield text[start:end] if end > start else text
