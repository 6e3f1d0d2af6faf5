"""What a change did to the structure: the facts of now without those that were there before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Related, Severity
from claude_lsp.structure import cycles, duplicates, hubs, privacy, untested
from claude_lsp.structure.cycles import immediate_components
from claude_lsp.structure.edges import (
    counted,
    degrees,
    immediate_edges,
    listing,
    whole_line,
)
from claude_lsp.structure.edges import production_edges as production
from claude_lsp.structure.review import worst_first

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from claude_lsp.findings.finding import Finding
    from claude_lsp.structure.edges import Edge
    from claude_lsp.workspace.module_graph import Import, ModuleGraph

_AT_LEAST = {
    privacy.RULE: Severity.MINOR,
    duplicates.RULE: Severity.MINOR,
    untested.RULE: Severity.MINOR,
}
"""What is a hint where it always was is worth a remark where somebody has just written it."""

_GROWN_EDGES = 3
_MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new.

    Attributes:
        findings: facts that were not there before, or that have grown, worst first.
        known: how many facts were there before.
        elsewhere: how many are new only because figures of the whole project have moved.
        gone: how many are there no more.
    """

    findings: tuple[Finding, ...]
    known: int
    elsewhere: int
    gone: int


def compare(
    base: ModuleGraph,
    head: ModuleGraph,
    before: Iterable[Finding],
    now: Iterable[Finding],
    changed: Collection[str],
) -> Delta:
    """Return what a change brought.

    Args:
        base: the modules before.
        head: the modules after it.
        before: the facts of `base`.
        now: the facts of `head`.
        changed: paths of the files that differ.
    """
    old = {one.fingerprint: one for one in before if one.rule != cycles.RULE}
    touched = set(changed)
    old_paths = {one.path for one in base.modules.values()}
    found: list[Finding] = []
    known = elsewhere = 0
    current = list(now)
    for one in current:
        if one.rule == cycles.RULE:
            continue
        earlier = old.get(one.fingerprint)
        if earlier is not None:
            grown = _grown_hub(base, head, one) if one.rule == hubs.HUB else None
            known += grown is None
            found += [grown] if grown else []
        elif touched.isdisjoint({one.path, *(place.path for place in one.related)}) or (
            one.rule == untested.RULE and one.path in old_paths
        ):
            # Such facts of files that are the same were there; they are not looked for again.
            is_known = one.rule in {duplicates.RULE, privacy.RULE}
            known += is_known
            elsewhere += not is_known
        else:
            least = _AT_LEAST.get(one.rule, one.severity)
            found.append(replace(one, severity=min(one.severity, least, key=lambda s: s.rank)))
    new_cycles = _cycles(base, head, [one for one in current if one.rule == cycles.RULE])
    known += sum(one.rule == cycles.RULE for one in current) - len(new_cycles)
    present = {one.fingerprint for one in current}
    gone = sum(fingerprint not in present for fingerprint in old)
    return Delta(tuple(worst_first([*found, *new_cycles])), known, elsewhere, gone)


def _grown_hub(base: ModuleGraph, head: ModuleGraph, one: Finding) -> Finding | None:
    """Return a hub that has clearly more imports than before, None for one that has not."""
    grown = [_imports_at(graph)[one.path] for graph in (base, head)]
    if grown[1] - grown[0] < _GROWN_EDGES:
        return None
    return replace(
        one,
        title=f"{one.title}, {grown[1] - grown[0]} more than before",
        explanation=f"Before, it had {grown[0]:,} in all. {one.explanation}",
    )


@lru_cache(2)
def _imports_at(graph: ModuleGraph) -> Counter[str]:
    """Return how many edges begin or end at each file."""
    counts: Counter[str] = Counter()
    for side in degrees(production(graph)):
        for name, number in side.items():
            counts[graph.modules[name].path] += number
    return counts


def _cycles(base: ModuleGraph, head: ModuleGraph, now: Iterable[Finding]) -> list[Finding]:
    """Return the cycles that are new or have grown, each at the import that did it."""
    before, after = immediate_edges(base), immediate_edges(head)
    paths = {name: one.path for name, one in head.modules.items()}
    old_groups = [
        {base.modules[name].path for name in group}
        for group in immediate_components(base)
        if len(group) > 1
    ]
    old_edges = {(base.modules[a].path, base.modules[b].path) for a, b in before}
    groups = [set(group) for group in immediate_components(head) if len(group) > 1]
    by_member = {paths[name]: group for group in groups for name in group}
    found = []
    for one in now:
        group = by_member.get(one.path)
        if group is None:
            continue
        inside = {edge: after[edge] for edge in after if group.issuperset(edge)}
        new = [edge for edge in inside if (paths[edge[0]], paths[edge[1]]) not in old_edges]
        if not new:
            continue
        members = {paths[name] for name in group}
        earlier = [each for each in old_groups if len(each & members) > 1]
        joined = sorted(name for name in group if not any(paths[name] in e for e in earlier))
        found.append(
            _told(one, new, inside, paths=paths, earlier=earlier, joined=joined, size=len(group))
        )
    return found


def _told(
    one: Finding,
    new: list[Edge],
    inside: Mapping[Edge, tuple[Import, ...]],
    *,
    paths: Mapping[str, str],
    earlier: list[set[str]],
    joined: list[str],
    size: int,
) -> Finding:
    # The imports that close the ring, not those that only lie in it: without them it is not there.
    closing = [edge for edge in new if edge[0] not in joined or edge[1] not in joined] or new
    edge = closing[0]
    first = inside[edge][0]
    title, severity = one.title, one.severity
    if earlier and not joined and len(earlier) == 1:
        title = f"{edge[0]} -> {edge[1]} is one more import inside a cycle of {size:,} modules"
        severity = Severity.INFO
        news = "The cycle was there before with the same modules; it is harder to cut now."
    elif earlier:
        before = counted(max(map(len, earlier)), "module")
        title = f"A cycle of {before} has grown to {size:,}"
        shown = listing(joined, _MAX_LISTED) if joined else "another cycle"
        news = f"New in it: {shown}."
    else:
        news = "It was not there before."
    what = listing([f"{a} -> {b}" for a, b in closing], _MAX_LISTED)
    related = tuple(
        Related(paths[a], whole_line(inside[a, b][0].line), f"{a} imports {b}, which is new")
        for a, b in closing[1:_MAX_LISTED]
    )
    ring = Related(one.path, one.range, "the cheapest import to cut")
    return replace(
        one,
        severity=severity,
        title=title,
        explanation=f"{news} The imports that this change brought: {what}. {one.explanation}",
        path=paths[edge[0]],
        range=whole_line(first.line),
        quote="",
        related=(*related, *one.related, ring),
    )
