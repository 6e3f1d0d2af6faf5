"""The actions: the package is their table, in the order in which an editor lists them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions import (
    add_types,
    architecture,
    complete,
    document,
    explain,
    fix,
    fix_all,
    review,
    rewrite,
    simplify,
    write_tests,
)

if TYPE_CHECKING:
    from claude_lsp.actions.action import Action

ACTIONS: dict[str, Action] = {
    module.ACTION.name: module.ACTION
    for module in (
        fix,
        fix_all,
        complete,
        rewrite,
        document,
        simplify,
        add_types,
        write_tests,
        explain,
        review,
        architecture,
    )
}
"""Every action by its name."""
