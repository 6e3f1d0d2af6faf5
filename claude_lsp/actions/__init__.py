"""The actions: the package is their table, in the order in which an editor lists them. Pure."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_lsp.actions.action import Action

_PLACES = {
    "fix": "fix.ACTION",
    "fixAll": "fix_all.ACTION",
    "complete": "complete.ACTION",
    "rewrite": "rewrite.ACTION",
    "document": "document.ACTION",
    "simplify": "simplify.ACTION",
    "addTypes": "add_types.ACTION",
    "test": "write_tests.ACTION",
    "describeImage": "describe_image.ACTION",
    "explain": "explain.ACTION",
    "ask": "ask.ACTION",
    "commitMessage": "describe_changes.COMMIT_MESSAGE",
    "changeSummary": "describe_changes.CHANGE_SUMMARY",
    "review": "review.ACTION",
    "architecture": "architecture.ACTION",
}
"""Where each is, by its name."""


class _Table(Mapping[str, "Action"]):
    """Loads an action when it is first asked for: a command needs one or two of them."""

    def __getitem__(self, name: str) -> Action:
        module, _, attribute = _PLACES[name].partition(".")
        action: Action = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        return action

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


ACTIONS: Mapping[str, Action] = _Table()
"""Every action by its name."""
