"""The actions: the package is their table, in the order in which an editor lists them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.actions import (
    add_types,
    architecture,
    ask,
    complete,
    describe_changes,
    describe_image,
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
    action.name: action
    for action in (
        fix.ACTION,
        fix_all.ACTION,
        complete.ACTION,
        rewrite.ACTION,
        document.ACTION,
        simplify.ACTION,
        add_types.ACTION,
        write_tests.ACTION,
        describe_image.ACTION,
        explain.ACTION,
        ask.ACTION,
        describe_changes.COMMIT_MESSAGE,
        describe_changes.CHANGE_SUMMARY,
        review.ACTION,
        architecture.ACTION,
    )
}
"""Every action by its name."""
