"""Hubs, and packages that depend on something less stable than themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Finding, Related, Severity
from claude_lsp.structure.edges import (
    FILE_START,
    counted,
    degrees,
    is_below,
    is_part_of,
    listing,
    percentile,
    production_edges,
    whole_line,
)
from claude_lsp.structure.identity import identity

if TYPE_CHECKING:
    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.workspace.module_graph import Import, ModuleGraph

HUB = "arch.hub"
UNSTABLE = "arch.unstable"

_MAX_LISTED = 5


def find_hubs(graph: ModuleGraph, options: StructureOptions) -> list[Finding]:
    """Return a finding for every module that is imported by many and imports many.

    Tests count on neither side, and neither does what passes between a package's front door
    and its own modules: to reach them is its purpose. A module without definitions only passes
    names on.
    """
    pairs = [
        edge
        for edge in production_edges(graph)
        if not is_part_of(edge[0], edge[1]) and not is_part_of(edge[1], edge[0])
    ]
    fan_in, fan_out = degrees(pairs)
    modules = [one for one in graph.modules.values() if not one.is_test]
    usual_in = percentile([fan_in.get(one.name, 0) for one in modules], options.hub_percentile)
    usual_out = percentile([fan_out.get(one.name, 0) for one in modules], options.hub_percentile)
    least_in = max(options.hub_fan_in, usual_in)
    least_out = max(options.hub_fan_out, usual_out)
    findings = []
    for one in modules:
        many_in, many_out = fan_in.get(one.name, 0), fan_out.get(one.name, 0)
        if many_in < least_in or many_out < least_out or not one.definitions:
            continue
        sources = [source for source, target in pairs if target == one.name]
        targets = [target for source, target in pairs if source == one.name]
        findings.append(
            Finding(
                rule=HUB,
                severity=Severity.MINOR,
                title=f"{one.name} is a hub: imported by {many_in:,}, imports {many_out:,}",
                explanation=(
                    f"{counted(many_in, 'module')} import {one.name} "
                    f"({listing(sources, _MAX_LISTED)}) and it imports "
                    f"{counted(many_out, 'module')} ({listing(targets, _MAX_LISTED)}). "
                    f"In this project {options.hub_percentile:g} % of the "
                    f"{counted(len(modules), 'module')} have no more than "
                    f"{usual_in:,} and {usual_out:,}."
                ),
                path=one.path,
                range=FILE_START,
                quote="",
                confidence=1.0,
                fingerprint=identity(HUB, one.path),
            )
        )
    return findings


def find_unstable_dependencies(graph: ModuleGraph, options: StructureOptions) -> list[Finding]:
    """Return a finding for every package that imports a clearly less stable one.

    Instability is Ce / (Ca + Ce) (R. Martin, 1994), here of folders: Ca counts the modules
    outside that import something inside, Ce the modules outside that are imported from inside.
    A folder and the folders in it are one thing and never compared. A dependency that exists
    only inside functions was deferred on purpose; it counts in Ca and Ce, but is not reported.
    """
    package = {name: module.package for name, module in graph.modules.items()}
    incoming: dict[str, set[str]] = {}
    outgoing: dict[str, set[str]] = {}
    between: dict[tuple[str, str], list[Import]] = {}
    for (source, target), found in production_edges(graph).items():
        pair = package[source], package[target]
        if pair[0] == pair[1]:
            continue
        outgoing.setdefault(pair[0], set()).add(target)
        incoming.setdefault(pair[1], set()).add(source)
        if not is_below(*pair):
            now = [one for one in found if not one.deferred]
            between.setdefault(pair, []).extend(now)
    findings = []
    for (stable, unstable), imports in sorted(between.items()):
        ca, ce = len(incoming.get(stable, ())), len(outgoing.get(stable, ()))
        other_ca, other_ce = len(incoming.get(unstable, ())), len(outgoing.get(unstable, ()))
        low, high = ce / (ca + ce), other_ce / (other_ca + other_ce)
        if (
            not imports
            or high - low < options.unstable_gap
            or ca < options.unstable_importers
            or other_ce < options.unstable_outgoing
        ):
            continue
        ordered = sorted(imports, key=lambda one: (graph.modules[one.source].path, one.line))
        first = ordered[0]
        findings.append(
            Finding(
                rule=UNSTABLE,
                severity=Severity.INFO,
                title=f"{stable} relies on {unstable}, which is less stable",
                explanation=(
                    f"{stable} has instability {low:.2f} ({counted(ca, 'module')} outside import "
                    f"it, it imports {ce:,}); {unstable} has {high:.2f} (imported by "
                    f"{other_ca:,}, imports {other_ce:,}). So a change of the latter reaches all "
                    f"that rely on the former, over {counted(len(ordered), 'import')}, first "
                    f"{first.source} -> {first.target}."
                ),
                path=graph.modules[first.source].path,
                range=whole_line(first.line),
                quote="",
                confidence=1.0,
                fingerprint=identity(UNSTABLE, stable, [stable, unstable]),
                related=tuple(
                    Related(
                        graph.modules[one.source].path,
                        whole_line(one.line),
                        f"{one.source} imports {one.target}",
                    )
                    for one in ordered[1 : 1 + _MAX_LISTED]
                ),
            )
        )
    return findings
