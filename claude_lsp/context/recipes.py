"""What goes into the context of each kind of request, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claude_lsp.settings import Settings


@dataclass(frozen=True)
class Recipe:
    """What goes into one kind of context.

    A share is the most that a source may take of what the sources before it have left; what it
    does not need goes to the next. Definitions come last and may have all that is left.

    Attributes:
        budget: reads the token bound of the whole context from the settings.
        document: the least share of the whole that the document itself can count on.
        related: share of the places that diagnostics point to.
        recent: share of the places that were edited last.
        examples: share of documented definitions of files beside the document, as examples.
        uses: share of the code that uses what is defined at the place, tests included.
        lookalikes: share of code that looks like the place; small budgets give it less.
        definitions: whether to look for definitions at all.
    """

    budget: Callable[[Settings], int]
    document: float = 0.6
    related: float = 0.0
    recent: float = 0.0
    examples: float = 0.0
    uses: float = 0.0
    lookalikes: float = 0.0
    definitions: bool = True

    @property
    def gathers(self) -> bool:
        """Whether anything beside the document is looked for."""
        return self.definitions or (
            max(self.related, self.recent, self.examples, self.uses, self.lookalikes) > 0
        )


def _everyday(settings: Settings) -> int:
    return settings.context.tokens


RECIPES: Mapping[str, Recipe] = {
    "complete": Recipe(
        lambda settings: settings.completion.context_tokens,
        document=0.5,
        recent=0.15,
        lookalikes=0.6,
    ),
    "fix": Recipe(_everyday, related=0.25, uses=0.2, recent=0.1, lookalikes=0.2),
    "rewrite": Recipe(_everyday, uses=0.25, recent=0.1, lookalikes=0.2),
    "document": Recipe(_everyday, examples=0.3, uses=0.1, lookalikes=0.3),
    "test": Recipe(_everyday, uses=0.4, lookalikes=0.3),
    "explain": Recipe(_everyday, uses=0.25),
    "review": Recipe(_everyday, document=0.75, uses=0.3),
    "describeImage": Recipe(
        lambda settings: min(2000, settings.context.tokens), document=1.0, definitions=False
    ),
    "changes": Recipe(_everyday, document=0.0, definitions=False),
    "ask": Recipe(lambda settings: settings.ask.context_tokens, definitions=False),
    "architecture": Recipe(lambda settings: settings.arch.context_tokens, definitions=False),
}
"""By name; an action names the one that it uses, and so does an action of the user's own."""
