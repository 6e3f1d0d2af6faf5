"""The map of a project: what is in it, and that it keeps to its budget."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from claude_lsp.context import tokens
from claude_lsp.structure.packages import package_groups, packages
from claude_lsp.structure.project_map import Signature, render_facts, render_map
from claude_lsp.structure.review import review_structure
from claude_lsp.workspace.index.uses import Used, most_used
from claude_lsp.workspace.module_graph import Definition, Import, Module, ModuleGraph
from tests.unit.graphs import links_of_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def words(text: str) -> int:
    return len(text.split())


def module(path: str, length: int = 10, *, is_test: bool = False) -> Module:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(name, path, length, (Definition("f", 0, 1),), is_test=is_test, length=length)


def graph_of(
    edges: Iterable[tuple[str, str]], *modules: Module, deferred: bool = False
) -> ModuleGraph:
    """Return the graph of modules at `a/b.py`, named by path."""
    edges = list(edges)
    known = {one.path: one for one in modules}
    for edge in edges:
        for path in edge:
            known.setdefault(path, module(path))
    imports = tuple(
        Import(known[source].name, known[target].name, 0, deferred=deferred)
        for source, target in edges
    )
    return ModuleGraph({known[path].name: known[path] for path in sorted(known)}, imports)


def large() -> tuple[ModuleGraph, list[Signature]]:
    chosen = random.Random(3)
    paths = [f"lib/p{n % 37}/{'deep/' * (n % 3)}m{n:03}.py" for n in range(400)]
    edges = {(chosen.choice(paths), chosen.choice(paths)) for _ in range(1600)}
    graph = graph_of((pair for pair in edges if pair[0] != pair[1]), module("lib/main.py"))
    signatures = [
        Signature(path, f"def function_{n}(first: int, second: str) -> bool", 400 - n)
        for n, path in enumerate(paths)
    ]
    return graph, signatures


def map_of(graph: ModuleGraph, budget: int = 10_000, **options: object) -> str:
    return render_map(graph, review_structure(graph), budget, words, **options)  # type: ignore[arg-type]


def rows(text: str, title: str) -> list[str]:
    """Return the rows of a section."""
    (section,) = re.findall(rf"^## {re.escape(title)}.*\n((?:(?!##).*\n)*)", text, re.MULTILINE)
    return str(section).splitlines()


# --- What is in it --------------------------------------------------------------------------


def test_a_package_has_its_figures_and_what_it_imports() -> None:
    edges = [(f"top/m{n}.py", "base/x.py") for n in range(3)]
    text = map_of(graph_of([*edges, ("base/x.py", "top/m0.py")]))
    assert rows(text, "Packages") == [
        "top 30 1/3 .75 -> base 3",
        "base 10 3/1 .25 -> top 1!",
    ]


def test_the_ends_of_the_scales_have_their_numbers() -> None:
    edges = [(f"p/m{n}.py", "p/hub.py") for n in range(3)] + [("p/m0.py", "p/m1.py")]
    text = map_of(graph_of(edges, module("p/m2.py", 500)))
    assert rows(text, "Most imported") == ["p.hub 3, p.m1 1"]
    assert rows(text, "Importing most") == ["p.m0 2, p.m1 1, p.m2 1"]
    assert rows(text, "Largest")[0].startswith("p.m2 500, ")


def test_a_cycle_shows_its_size_and_its_most_imported_members_first() -> None:
    names = [f"p/m{n}.py" for n in range(9)]
    ring = list(zip(names, [*names[1:], names[0]], strict=True))
    text = map_of(graph_of([*ring, ("q.py", "p/m5.py")]))
    assert rows(text, "Cycles") == [
        "cycle of 9 (9 at import): p.m5, p.m0, p.m1, p.m2, p.m3, p.m4, ..."
    ]
    later = map_of(graph_of([("a.py", "b.py"), ("b.py", "a.py")], deferred=True))
    assert rows(later, "Cycles") == ["cycle of 2 (0 at import): a, b"]


def test_signatures_stand_by_file_with_their_users() -> None:
    signatures = [Signature("a.ts", "class A", 9), Signature("b.ts", "f()", 4)]
    signatures.append(Signature("a.ts", "g()", 2))
    text = map_of(graph_of([], module("a.ts")), signatures=signatures)
    assert rows(text, "Most used definitions") == [
        "a.ts:",
        "  class A  # used by 9",
        "  g()  # used by 2",
        "b.ts:",
        "  f()  # used by 4",
    ]


def test_entry_points_are_what_nobody_imports() -> None:
    edges = [("cmd/main.go", "lib/app.go"), ("lib/__main__.py", "lib/app.go")]
    assert rows(map_of(graph_of(edges)), "Entry points") == ["cmd/main.go", "lib/__main__.py"]


def test_findings_about_cycles_are_not_said_twice() -> None:
    text = map_of(graph_of([("a.py", "b.py"), ("b.py", "a.py")]))
    assert "Also found" not in text
    assert "import each other" not in text


def test_tests_are_counted_and_left_out() -> None:
    tests = module("tests/a.py", 900, is_test=True)
    text = map_of(graph_of([("tests/a.py", "a.py")], tests, module("b.py", 30)))
    assert text.startswith("# 3 modules (1 test, not shown)")
    assert "tests/" not in text
    assert "tests.a" not in text
    assert "Most imported" not in text


def test_a_project_of_nothing_has_a_header_alone() -> None:
    assert (
        map_of(ModuleGraph({}, ()))
        == "# 0 modules (0 tests, not shown), 0 lines, 0 imports, 0 cycles\n"
    )


# --- The budget -----------------------------------------------------------------------------

LARGE, SIGNATURES = large()
COUNTERS: list[Callable[[str], int]] = [
    words,
    len,
    lambda text: len(text.encode()) // 3 + 5,
    lambda text: text.count(",") + text.count(" ") + text.count("/") + text.count("\n"),
]


@settings(max_examples=30)
@given(st.integers(0, 30_000), st.sampled_from(COUNTERS))
def test_the_budget_is_never_exceeded(budget: int, count: Callable[[str], int]) -> None:
    assert count(render_map(LARGE, [], budget, count, SIGNATURES)) <= max(budget, count(""))


@pytest.mark.parametrize("budget", [300, 2000])
def test_the_budget_is_used(budget: int) -> None:
    assert words(render_map(LARGE, [], budget, words, SIGNATURES)) > 0.95 * budget


def test_the_bound_of_a_real_counter_holds() -> None:
    tokens.warm()
    text = render_map(LARGE, [], 1500, tokens.upper_bound, SIGNATURES)
    assert 1200 < tokens.upper_bound(text) <= 1500


def test_what_a_section_does_not_need_goes_to_the_others() -> None:
    without = ModuleGraph(LARGE.modules, ())
    budget = 600
    some, most = (
        len(rows(render_map(one, [], budget, words, SIGNATURES), "Most used definitions"))
        for one in (LARGE, without)
    )
    assert most > 3 * some


def test_what_is_left_out_is_counted() -> None:
    text = render_map(LARGE, [], 200, words, SIGNATURES)
    assert re.fullmatch(r"and \d+ more packages?: .+", rows(text, "Packages")[-1])


@pytest.mark.parametrize("budget", [8_000, 32_000])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_within_the_budgets_of_a_review_every_package_is_named(budget: int, share: float) -> None:
    assert tokens.warm()
    room = int(budget * share)
    text = render_map(LARGE, review_structure(LARGE), room, tokens.upper_bound, SIGNATURES)
    assert tokens.upper_bound(text) <= room
    found, _ = packages(LARGE.modules.values(), [], 30)
    assert len(found) == 30
    section = "\n".join(rows(text, "Packages"))
    for one in found:
        assert re.search(rf"(?<![\w/]){re.escape(one.path)}(?![\w/])", section), one.path


def test_facts_stand_with_their_evidence_the_worst_first() -> None:
    graph = graph_of([("p/a.py", "p/b.py"), ("p/b.py", "p/a.py")])
    (line,) = render_facts(review_structure(graph)).splitlines()
    assert line.startswith("arch.cycle minor p/a.py:1 ")
    assert "p.b" in line


def test_a_larger_budget_shows_all_that_a_smaller_one_shows() -> None:
    small, big = (render_map(LARGE, [], budget, words, SIGNATURES) for budget in (300, 3000))
    assert set(re.findall(r"[\w./]*/[\w./]+", small)) <= set(re.findall(r"[\w./]+", big))


def test_the_order_of_the_graph_changes_nothing() -> None:
    shuffled = random.Random(5)
    names, imports = list(LARGE.modules), list(LARGE.imports)
    shuffled.shuffle(names)
    shuffled.shuffle(imports)
    other = ModuleGraph({name: LARGE.modules[name] for name in names}, tuple(imports))
    expected = render_map(LARGE, [], 900, words, SIGNATURES)
    assert render_map(other, [], 900, words, SIGNATURES) == expected


# --- Packages -------------------------------------------------------------------------------


@example({"a": 0, "b": 0, "a/a": 0}, 2)
@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc"), max_size=4).map(lambda parts: "/".join(parts) or "."),
        st.integers(0, 900),
    ),
    st.integers(1, 12),
)
def test_every_folder_has_a_package_that_holds_it(folders: dict[str, int], most: int) -> None:
    groups = package_groups(folders, most)
    assert groups.keys() == folders.keys()
    assert len(set(groups.values())) <= most
    for folder, group in groups.items():
        assert group in {".", folder} or folder.startswith(f"{group}/")


def test_the_heaviest_folders_are_split_and_tiny_ones_are_not_shown() -> None:
    folders = {"app": 10, "app/a": 5000, "app/b": 900, "app/c": 3, "docs": 90}
    assert package_groups(folders, 9) == {
        "app": "app",
        "app/a": "app/a",
        "app/b": "app/b",
        "app/c": "app",
        "docs": "docs",
    }
    assert package_groups(folders, 3) == dict.fromkeys(folders, "app") | {
        "app/a": "app/a",
        "docs": "docs",
    }


def test_imports_inside_a_package_pass_no_border() -> None:
    found, weights = packages(
        [module("a/x.py"), module("a/y.py"), module("b/z.py")],
        [("a.x", "a.y"), ("a.x", "b.z"), ("a.y", "b.z")],
        9,
    )
    assert weights == {("a", "b"): 2}
    assert [
        (one.path, one.modules, one.incoming, one.outgoing, one.instability) for one in found
    ] == [
        ("a", 2, 0, 2, 1.0),
        ("b", 1, 2, 0, 0.0),
    ]


# --- Signatures of an index -----------------------------------------------------------------


def test_definitions_are_counted_by_the_files_that_import_them_where_they_are_defined() -> None:
    links = links_of_texts(
        {
            "lib/__init__.py": "from .core import Thing\nfrom .core import *\n",
            "lib/core.py": "class Thing(Base): ...\ndef helper(a: int) -> str: ...\n",
            "one.py": "from lib import Thing\nfrom lib.core import Thing as Same\nimport lib\n",
            "two.py": "from lib import helper, Thing, missing\n",
            "tests/test_lib.py": "from lib import helper\n",
        }
    )
    assert most_used(links, 9) == [
        Used("lib/core.py", "class Thing(Base)", 3),
        Used("lib/core.py", "def helper(a: int) -> str", 1),
    ]
    assert len(most_used(links, 1)) == 1
