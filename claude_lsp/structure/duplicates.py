"""One thing in several places: functions that are nearly equal, told by the modules they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import counted, listing, whole_line
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.workspace.index.copies import Copied, Copies
    from claude_lsp.workspace.module_graph import ModuleGraph

RULE = "arch.duplicate"

_MAX_RELATED = 8
_SURE = 0.7


def find_duplicates(
    graph: ModuleGraph, copies: Iterable[Copies], options: StructureOptions
) -> list[Finding]:
    """Return a finding for every set of modules that hold the same functions.

    What programs wrote and what no module of the graph holds is left out.
    """
    known = {one.path for one in graph.modules.values() if not one.is_test and not one.is_generated}
    sets: dict[tuple[str, ...], list[Copies]] = {}
    for group in copies:
        places = tuple(one for one in group.places if one.path in known)
        paths = tuple(dict.fromkeys(one.path for one in places))
        if len(paths) > 1:
            sets.setdefault(paths, []).append(group._replace(places=places))
    return [_finding(paths, groups, options) for paths, groups in sorted(sets.items())]


def _finding(paths: tuple[str, ...], groups: list[Copies], options: StructureOptions) -> Finding:
    groups = sorted(groups, key=lambda one: (-_length(one.places[0]), one.places))
    first = groups[0].places[0]
    lines = sum(_length(one.places[0]) for one in groups)
    names = list(dict.fromkeys(one.places[0].name for one in groups))
    least = min(one.alike for one in groups)
    how = "the same" if least == 1 else f"the same to {least:.0%}"
    if any(one.renamed for one in groups):
        how += ", apart from names,"
    # One pair that shares little more than its frame may well be two things.
    is_sure = least >= _SURE or len(groups) > 1
    severity = Severity.MINOR if is_sure and lines >= options.duplicate_lines else Severity.INFO
    also = "also" if least == 1 else "nearly the same"
    shown = listing(names, 3)
    where = listing(paths[1:], 3)
    others = [one for group in groups for one in group.places if one != first]
    return Finding(
        rule=RULE,
        severity=severity,
        title=f"{shown} {'is' if len(names) == 1 else 'are'} {also} in {where}",
        explanation=(
            f"{counted(len(groups), 'function')} ({counted(lines, 'line')}) "
            f"{'is' if len(groups) == 1 else 'are'} {how} in {counted(len(paths), 'module')}: "
            f"{listing(paths, 5)}. The first is "
            f"{first.name}, {first.path}:{first.line + 1}. A change of one is easily "
            "forgotten in the other; let one module have it that both may import."
        ),
        path=first.path,
        range=whole_line(first.line),
        quote="",
        confidence=1.0,
        fingerprint=identity(RULE, paths[0], paths),
        related=tuple(
            Related(one.path, whole_line(one.line), f"{one.name} is the same")
            for one in others[:_MAX_RELATED]
        ),
    )


def _length(one: Copied) -> int:
    return one.end - one.line + 1
