"""Facts from the module graph, by text cases, by hand-made graphs and by random ones."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.findings.rules import RULES
from claude_lsp.structure.cycles import shortest_ring, strongly_connected
from claude_lsp.structure.identity import identity
from claude_lsp.structure.options import StructureOptions
from claude_lsp.structure.review import review_structure
from claude_lsp.structure.sizes import definition_groups
from claude_lsp.structure.summary import summarise
from claude_lsp.workspace.module_graph import Definition, Import, Module, ModuleGraph
from tests import cases_loader
from tests.unit.graphs import facts_of_texts, graph_of_texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXPECTED = {"findings", "related", "explanation", "modules", "imports", "problems"}


def graph_of(
    edges: Iterable[tuple[str, str]], modules: Iterable[Module] = (), *, deferred: bool = False
) -> ModuleGraph:
    imports = tuple(
        Import(source, target, line, deferred=deferred)
        for line, (source, target) in enumerate(edges)
    )
    known = {one.name: one for one in modules}
    for one in imports:
        for name in (one.source, one.target):
            path = name.replace(".", "/") + ".py"
            known.setdefault(name, Module(name, path, 10, (Definition("f", 0, 1),)))
    return ModuleGraph(known, imports)


def by_rule(findings: list[Finding], rule: str) -> list[Finding]:
    return [one for one in findings if one.rule == rule]


# --- Text cases ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", cases_loader.paths("structure"), ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = cases_loader.load(path)
    texts = {
        name: text for name, text in case.sections.items() if name not in {*EXPECTED, "commits"}
    }
    commits = [line.split() for line in case.sections.get("commits", "").splitlines()]
    graph, findings = graph_of_texts(texts), facts_of_texts(texts, commits)
    actual = {
        "findings": [
            f"{one.rule} {one.severity.value} {one.path}:{one.range.start.line + 1} {one.title}"
            for one in findings
        ],
        "related": [
            f"{two.path}:{two.range.start.line + 1} {two.message}"
            for one in findings
            for two in one.related
        ],
        "explanation": [one.explanation for one in findings],
        "modules": [
            f"{one.path} {one.name}{' test' if one.is_test else ''}"
            for one in graph.modules.values()
        ],
        "imports": [
            f"{graph.modules[one.source].path}:{one.line + 1} {one.target} "
            f"{','.join(one.names) or '-'}"
            f"{' deferred' if one.deferred else ''}{' type-only' if one.type_only else ''}"
            for one in graph.imports
        ],
        "problems": [f"{where}: {reason}" for where, reason in graph.problems],
    }
    checked = EXPECTED & case.sections.keys()
    assert checked, "a case without an expected section tests nothing"
    for section in sorted(checked):
        cases_loader.expect(path, section, "".join(f"{line}\n" for line in actual[section]))


def test_a_case_survives_loading_and_saving(tmp_path: Path) -> None:
    for path in cases_loader.paths("structure"):
        copy = tmp_path / path.name
        cases_loader.save(copy, cases_loader.load(path))
        assert copy.read_bytes() == path.read_bytes()


def test_a_case_that_differs_fails_and_is_rewritten_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "case.md"
    path.write_text("About.\n\n-- in --\nx\n-- out --\nold\n", encoding="utf-8")
    monkeypatch.delenv(cases_loader.UPDATE, raising=False)
    with pytest.raises(AssertionError, match="differs"):
        cases_loader.expect(path, "out", "new\n")
    monkeypatch.setenv(cases_loader.UPDATE, "1")
    cases_loader.expect(path, "out", "new\n")
    assert path.read_text(encoding="utf-8") == "About.\n\n-- in --\nx\n-- out --\nnew\n"


# --- Strongly connected components --------------------------------------------------------

NODES = st.integers(0, 11).map(lambda number: f"n{number:02}")
GRAPHS = st.sets(st.tuples(NODES, NODES), max_size=40)


def targets_of(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, target in sorted(edges):
        found.setdefault(source, []).append(target)
    return found


def reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


@given(GRAPHS)
def test_components_are_the_sets_of_nodes_that_reach_each_other(
    edges: set[tuple[str, str]],
) -> None:
    graph = targets_of(edges)
    nodes = {node for edge in edges for node in edge}
    reach = {node: reachable(graph, node) | {node} for node in nodes}
    expected = {
        tuple(sorted(other for other in nodes if other in reach[node] and node in reach[other]))
        for node in nodes
    }
    found = strongly_connected(graph)
    assert sorted(expected) == found


@given(GRAPHS)
def test_the_shortest_ring_is_a_ring_and_none_is_shorter(edges: set[tuple[str, str]]) -> None:
    graph = targets_of(edge for edge in edges if edge[0] != edge[1])
    for group in strongly_connected(graph):
        if len(group) == 1:
            continue
        inside = {node: [t for t in graph.get(node, ()) if t in group] for node in group}
        ring = shortest_ring(group, inside)
        assert len(set(ring)) == len(ring)
        assert ring[0] == min(ring)
        for source, target in zip(ring, (*ring[1:], ring[0]), strict=True):
            assert target in inside[source]
        assert len(ring) == min(return_length(inside, node) for node in group)


def return_length(graph: dict[str, list[str]], start: str) -> int:
    """Count the steps from a node back to itself, by growing the set reached in n steps."""
    steps, level = 1, set(graph[start])
    while start not in level:
        steps += 1
        level = {target for node in level for target in graph[node]}
    return steps


def test_a_ring_of_two_thousand_modules_gives_one_readable_finding() -> None:
    names = [f"pkg.m{number:04}" for number in range(2000)]
    graph = graph_of(zip(names, [*names[1:], names[0]], strict=True))
    (finding,) = review_structure(graph)
    assert finding.rule == "arch.cycle"
    assert finding.title == "2,000 modules import each other in rings"
    assert "and 1,992 more" in finding.explanation
    assert "Without it no ring is left." in finding.explanation
    assert len(finding.explanation) < 1500
    assert len(finding.related) <= 12


# --- Cycles ---------------------------------------------------------------------------------


def test_the_cut_is_at_the_module_that_more_rely_on_when_both_edges_cost_the_same() -> None:
    users = [(f"p.user{number}", "p.base") for number in range(5)]
    (finding,) = review_structure(graph_of([("p.base", "p.app"), ("p.app", "p.base"), *users]))
    assert finding.path == "p/base.py"
    assert finding.range.start.line == 0


def test_rings_through_a_package_s_own_front_door_are_inside_of_it() -> None:
    door = [("pkg", "pkg.a.x"), ("pkg", "pkg.b.y"), ("pkg.a.x", "pkg"), ("pkg.b.y", "pkg")]
    modules = [Module("pkg", "pkg/__init__.py", 1)]
    (finding,) = review_structure(graph_of(door, modules))
    assert finding.severity is Severity.MINOR
    across = [*door, ("pkg.a.x", "pkg.b.y"), ("pkg.b.y", "pkg.a.x")]
    (finding,) = review_structure(graph_of(across, modules))
    assert finding.severity is Severity.MAJOR


def test_a_cycle_keeps_its_fingerprint_when_lines_move_and_when_it_grows() -> None:
    small = graph_of([("p.a", "p.b"), ("p.b", "p.a")])
    moved = replace(small, imports=tuple(replace(one, line=one.line + 40) for one in small.imports))
    grown = graph_of([("p.a", "p.b"), ("p.b", "p.a"), ("p.b", "p.x"), ("p.x", "p.a")])
    named = replace(
        small, imports=(replace(small.imports[0], names=tuple("abcdef")), small.imports[1])
    )
    prints = {review_structure(graph)[0].fingerprint for graph in (small, moved, grown, named)}
    assert len(prints) == 1
    other = graph_of([("p.a", "p.c"), ("p.c", "p.a")])
    assert review_structure(other)[0].fingerprint not in prints


def test_identity_ignores_order_and_separates_every_part() -> None:
    assert identity("r", "p", ["a", "b"]) == identity("r", "p", ["b", "a"])
    keys = {
        identity("r", "p", ["a", "b"]),
        identity("r", "p", ["ab"]),
        identity("r", "pa", ["b"]),
        identity("rp", "", ["a", "b"]),
    }
    assert len(keys) == 4
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


# --- Sizes ----------------------------------------------------------------------------------


def sized(name: str, lines: int, *definitions: Definition, is_test: bool = False) -> Module:
    return Module(name, name.replace(".", "/") + ".py", lines, definitions, is_test=is_test)


MANY = tuple(Definition(f"f{number}", number * 20, number * 20 + 19) for number in range(40))


def review_sizes(*modules: Module) -> list[Finding]:
    small = [sized(f"p.small{number}", 100) for number in range(20)]
    graph = ModuleGraph({one.name: one for one in [*small, *modules]}, ())
    return by_rule(review_structure(graph), "arch.size")


def test_a_module_far_larger_than_the_others_is_reported_with_its_figures() -> None:
    (finding,) = review_sizes(sized("p.god", 800, *MANY))
    assert finding.path == "p/god.py"
    assert "800 code lines" in finding.explanation
    assert "median of the project's 21 modules is 100 lines" in finding.explanation


@pytest.mark.parametrize(
    "module",
    [
        sized("p.below_the_floor", 499, *MANY),
        sized("p.one_long_table", 5000, Definition("TABLE", 0, 4999)),
        sized("p.test_all", 5000, *MANY, is_test=True),
        replace(sized("p.written_by_a_program", 5000, *MANY), is_generated=True),
    ],
    ids=lambda module: module.name,
)
def test_no_god_module(module: Module) -> None:
    assert review_sizes(module) == []


def test_of_several_large_modules_only_those_above_the_percentile_are_reported() -> None:
    findings = review_sizes(sized("p.large", 800, *MANY), sized("p.larger", 900, *MANY))
    assert [one.path for one in findings] == ["p/larger.py"]


def test_where_all_modules_are_large_none_is_far_larger() -> None:
    modules = [sized(f"p.m{number}", 900 + number, *MANY) for number in range(30)]
    graph = ModuleGraph({one.name: one for one in modules}, ())
    assert review_structure(graph) == []


def test_groups_that_do_not_use_each_other_make_the_finding_worse_and_are_named() -> None:
    one = [Definition(f"alpha{n}", n * 10, n * 10 + 9, uses=("alpha0",)) for n in range(20)]
    two = [Definition(f"beta{n}", 200 + n * 10, 209 + n * 10, uses=("beta0",)) for n in range(20)]
    (finding,) = review_sizes(sized("p.god", 800, *one, *two))
    assert finding.severity is Severity.MINOR
    assert "2 groups" in finding.explanation
    assert "alpha0" in finding.explanation
    assert "beta0" in finding.explanation
    (cohesive,) = review_sizes(
        sized("p.god", 800, *[replace(d, uses=("alpha0",)) for d in one * 2])
    )
    assert cohesive.severity is Severity.INFO


def test_synchronous_and_asynchronous_twins_are_one_group() -> None:
    pair = (Definition("Client", 0, 99), Definition("AsyncClient", 100, 198))
    assert definition_groups(sized("p.client", 800, *pair)) == [("Client",)]


# --- Hubs and unstable dependencies -------------------------------------------------------


def wheel(hub: str, many_in: int, many_out: int) -> list[tuple[str, str]]:
    return [
        *((f"p.user{number:02}", hub) for number in range(many_in)),
        *((hub, f"p.part{number:02}") for number in range(many_out)),
    ]


def test_a_module_with_many_importers_and_many_imports_is_a_hub() -> None:
    (finding,) = review_structure(graph_of(wheel("p.hub", 12, 11)))
    assert (finding.rule, finding.path) == ("arch.hub", "p/hub.py")
    assert "12 modules import p.hub" in finding.explanation
    assert "it imports 11 modules" in finding.explanation


@pytest.mark.parametrize(("many_in", "many_out"), [(40, 9), (9, 40), (9, 9)])
def test_many_in_one_direction_only_is_no_hub(many_in: int, many_out: int) -> None:
    assert review_structure(graph_of(wheel("p.hub", many_in, many_out))) == []


def test_a_front_door_is_no_hub() -> None:
    edges = [
        *((f"u{n:02}", "lib") for n in range(20)),
        *(("lib", f"lib.m{n:02}") for n in range(20)),
    ]
    assert review_structure(graph_of(edges)) == []


def test_a_module_that_only_passes_names_on_is_no_hub() -> None:
    passing = Module("p.hub", "p/hub.py", 30)
    assert review_structure(graph_of(wheel("p.hub", 12, 11), [passing])) == []


def test_tests_make_no_hub() -> None:
    graph = graph_of(wheel("p.hub", 12, 11))
    for kind in ("user", "part"):
        modules = {name: replace(one, is_test=kind in name) for name, one in graph.modules.items()}
        assert review_structure(replace(graph, modules=modules)) == []


def stable_on_unstable() -> list[tuple[str, str]]:
    return [
        *((f"app{n}.main", f"core.base{n % 2}") for n in range(9)),
        ("core.base0", "tools.export"),
        *(("tools.export", f"plugins{n}.run") for n in range(6)),
    ]


def test_a_stable_package_that_relies_on_an_unstable_one_is_reported() -> None:
    (finding,) = review_structure(graph_of(stable_on_unstable()))
    assert (finding.rule, finding.severity) == ("arch.unstable", Severity.INFO)
    assert finding.path == "core/base0.py"
    assert "core has instability 0.10 (9 modules outside import it, it imports 1)" in (
        finding.explanation
    )
    assert "tools has 0.86 (imported by 1, imports 6)" in finding.explanation


def test_a_folder_and_the_folders_in_it_are_never_compared() -> None:
    inside = [
        tuple(name.replace("tools", "core.tools") for name in edge) for edge in stable_on_unstable()
    ]
    assert review_structure(graph_of((source, target) for source, target in inside)) == []


def test_an_unstable_dependency_that_was_deferred_is_not_reported() -> None:
    assert review_structure(graph_of(stable_on_unstable(), deferred=True)) == []


def test_the_thresholds_can_be_set() -> None:
    graph = graph_of(stable_on_unstable())
    assert review_structure(graph, StructureOptions(unstable_gap=0.9)) == []
    assert review_structure(graph, StructureOptions(unstable_importers=10)) == []
    assert review_structure(graph, StructureOptions(unstable_outgoing=7)) == []
    assert by_rule(
        review_structure(graph, StructureOptions(hub_fan_in=1, hub_fan_out=1, hub_percentile=0)),
        "arch.hub",
    )


# --- All together ---------------------------------------------------------------------------


def rich_graph() -> ModuleGraph:
    return graph_of(
        [
            *stable_on_unstable(),
            *wheel("p.hub", 12, 11),
            ("x.a", "y.b"),
            ("y.b", "x.a"),
            ("z.a", "z.b"),
            ("z.b", "z.a"),
        ],
        [sized("p.god", 800, *MANY)],
    )


def test_findings_are_ordered_and_independent_of_the_graph_s_order() -> None:
    graph = rich_graph()
    findings = review_structure(graph)
    assert {one.rule for one in findings} == {
        "arch.cycle",
        "arch.hub",
        "arch.size",
        "arch.unstable",
    }
    order = [(one.severity.rank, one.path) for one in findings]
    assert order == sorted(order)
    shuffled = random.Random(7)
    for _ in range(5):
        names, imports = list(graph.modules), list(graph.imports)
        shuffled.shuffle(names)
        shuffled.shuffle(imports)
        other = ModuleGraph({name: graph.modules[name] for name in names}, tuple(imports))
        assert review_structure(other) == findings


def test_every_finding_has_figures_a_known_rule_and_an_identity_of_its_own() -> None:
    findings = review_structure(rich_graph())
    assert len({one.fingerprint for one in findings}) == len(findings)
    for one in findings:
        assert one.rule in RULES
        assert one.severity is not Severity.CRITICAL
        assert one.confidence == 1.0
        assert any(character.isdigit() for character in one.explanation)
        assert not one.title.endswith(".")
        assert "\n" not in one.title


def test_an_empty_project_has_no_findings() -> None:
    graph = ModuleGraph({}, ())
    assert review_structure(graph) == []
    assert summarise(graph, []).modules == 0


# --- Summary ------------------------------------------------------------------------


def test_the_summary_counts_each_edge_once_and_leaves_tests_out_of_the_lists() -> None:
    graph = graph_of(
        [("p.a", "p.b"), ("p.a", "p.b"), ("p.test_a", "p.a"), ("p.a", "p.a")],
        [sized("p.test_a", 90, is_test=True), sized("p.b", 30)],
    )
    summary = summarise(graph, review_structure(graph))
    assert (summary.modules, summary.tests, summary.imports, summary.packages) == (3, 1, 2, 1)
    assert summary.lines == 130
    assert summary.largest == (("p/b.py", 30), ("p/a.py", 10))
    assert summary.most_imported == (("p/b.py", 1),)
