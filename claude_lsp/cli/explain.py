"""`claude-lsp explain`: what a rule means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from claude_lsp.cli.common import refuse
from claude_lsp.cli.process import DONE
from claude_lsp.findings.rules import RULES

if TYPE_CHECKING:
    import argparse

_ORIGIN = {"model": "judged by Claude", "graph": "computed from the code"}


def explain(options: argparse.Namespace) -> int:
    """Print one rule, or the list of all."""
    if options.rule is None:
        for rule in RULES.values():
            print(f"{rule.id}: {rule.title}")
        return DONE
    rule_or_none = RULES.get(options.rule)
    if rule_or_none is None:
        near = difflib.get_close_matches(options.rule, RULES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        refuse(f"{options.rule}: no such rule{hint}")
    print(f"{rule_or_none.id}: {rule_or_none.title} ({_ORIGIN[rule_or_none.origin]})\n")
    print(rule_or_none.help)
    return DONE
