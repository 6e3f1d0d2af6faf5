"""The module graph of an index; where Python's modules stand is in `cases/structure`."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_lsp.workspace import module_graph
from claude_lsp.workspace.index.code_lines import code_lines
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.module_graph import Definition, ModuleGraph, is_test_path
from tests.unit.graphs import graph_of_texts

if TYPE_CHECKING:
    from claude_lsp.workspace.index.records import ImportedName


def build(**sources: str) -> ModuleGraph:
    """Return the graph of files; `a__b` is a/b.py."""
    return graph_of_texts(
        {
            name.replace("___init__", "/__init__").replace("__b", "/b") + ".py": source
            for name, source in sources.items()
        }
    )


def edges(graph: ModuleGraph) -> list[tuple[str, str]]:
    return [(one.source, one.target) for one in graph.imports]


def only(source: str, language: str = "python") -> ImportedName:
    (statement,) = extract(source, language).imports
    return statement


# --- One source text ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "deferred", "type_only"),
    [
        ("import a", False, False),
        ("try:\n  import a\nexcept ImportError:\n  pass", False, False),
        ("try:\n  pass\nexcept ImportError:\n  import a", False, False),
        ("try:\n  pass\nfinally:\n  import a", False, False),
        ("class C:\n  import a", False, False),
        ("with x:\n  for y in z:\n    while y:\n      import a", False, False),
        ("match x:\n  case 1:\n    import a", False, False),
        ("if sys.platform == 'win32':\n  pass\nelif y:\n  import a", False, False),
        ("def f():\n  import a", True, False),
        ("async def f():\n  if x:\n    import a", True, False),
        ("class C:\n  def f(self):\n    import a", True, False),
        ("if __name__ == '__main__':\n  import a", True, False),
        ("if TYPE_CHECKING:\n  import a", False, True),
        ("if typing.TYPE_CHECKING:\n  import a", False, True),
        ("if False:\n  import a", False, True),
        ("if TYPE_CHECKING:\n  pass\nelse:\n  import a", False, False),
        ("if not TYPE_CHECKING:\n  import a", False, False),
        ("if not TYPE_CHECKING:\n  pass\nelse:\n  import a", False, True),
        ("def f():\n  if TYPE_CHECKING:\n    import a", True, True),
        ("if not TYPE_CHECKING:\n  pass\nelif y:\n  import a", False, True),
    ],
)
def test_when_an_import_runs(source: str, deferred: bool, type_only: bool) -> None:
    statement = only(source)
    assert (statement.module, statement.deferred, statement.type_only) == (
        "a",
        deferred,
        type_only,
    )


@pytest.mark.parametrize(
    ("source", "deferred", "type_only"),
    [
        ('import a from "./a"', False, False),
        ('import type a from "./a"', False, True),
        ('import type { a } from "./a"', False, True),
        ('import { type a } from "./a"', False, True),
        ('import { type } from "./a"', False, False),
        ('export type { a } from "./a"', False, True),
        ('export type * from "./a"', False, True),
        ('export * from "./a"', False, False),
        ('const a = require("./a")', False, False),
        ('const load = () => import("./a")', True, False),
        ('function f() { return require("./a"); }', True, False),
        ('require("./a")', False, False),
    ],
)
def test_when_an_import_of_typescript_runs(source: str, deferred: bool, type_only: bool) -> None:
    statement = only(source, "typescript")
    assert (statement.module, statement.deferred, statement.type_only) == (
        "./a",
        deferred,
        type_only,
    )


@pytest.mark.parametrize(
    ("source", "comment", "expected"),
    [
        (
            '"""Doc.\n\nMore.\n"""\n\n# a\nx = """\ntext\n"""\ndef f():\n    "doc"\n    return 1\n',
            "#",
            5,
        ),
        ("'doc'\nx = [\n    'a',\n    'b'\n]\n", "#", 4),
        ('call(\n    """a\n    b""",\n)\n', "#", 4),
        ('def f():\n    r"""a\n    # b\n    """\n', "#", 1),
        ('x = """never closed\n', "#", 1),
        ("// a\n/* b\n c */\nint x; // d\n\n  /** e */\n", "//", 1),
        ("int x; /* a\n b */\n", "//", 2),
        ("/* never closed\nint x;\n", "//", 0),
        ("", "#", 0),
    ],
)
def test_lines_count_code_only(source: str, comment: str, expected: int) -> None:
    assert code_lines(source, comment) == expected


@given(st.text("ab \n\"'#/*r:"), st.sampled_from(["#", "//"]))
def test_there_are_never_more_code_lines_than_filled_ones(text: str, comment: str) -> None:
    filled = sum(bool(line.strip()) for line in text.split("\n"))
    assert 0 <= code_lines(text, comment) <= filled


def test_definitions_have_their_extent_and_members() -> None:
    source = (
        "@overload\ndef f(x: int): ...\n@overload\ndef f(x: str): ...\ndef f(x): ...\n"
        "if True:\n    @deco\n    class C:\n        y = 1\n"
        "        def m(self): ...\n        async def n(self): ...\n"
        "def outer():\n    def inner(): ...\n"
    )
    assert build(a=source).modules["a"].definitions == (
        Definition("f", 1, 4),
        Definition("C", 7, 10, members=2),
        Definition("outer", 11, 12),
    )


def test_uses_between_definitions_are_found_in_large_modules_only() -> None:
    source = "def a(): return b\ndef b(): ...\nclass C(Base):\n    x = a()\n"
    assert all(one.uses == () for one in build(a=source).modules["a"].definitions)
    padded = source + "x = 1\n" * module_graph.USES_FROM_LINES
    assert [one.uses for one in build(a=padded).modules["a"].definitions] == [("b",), (), ("a",)]


# --- Files ----------------------------------------------------------------------------------


def test_the_graph_is_immutable_and_ordered_by_path() -> None:
    graph = build(z="import a", a="", m="import z")
    assert list(graph.modules) == ["a", "m", "z"]
    assert [one.source for one in graph.imports] == ["m", "z"]
    with pytest.raises(TypeError):
        graph.modules["x"] = graph.modules["a"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.modules["a"].lines = 1  # type: ignore[misc]


def test_what_is_no_code_of_the_project_is_no_module() -> None:
    graph = graph_of_texts(
        {
            "a.md": "# a\n",
            "a.pyi": "x: int\n",
            "vendor/b.py": "",
            "c/node_modules/d.js": "",
            "e.go": "",
        }
    )
    assert [one.path for one in graph.modules.values()] == ["e.go"]


def test_imports_keep_their_lines() -> None:
    graph = build(
        a="import b, c\nfrom b import (\n  e,\n  f as g,\n)\nif x:\n    from . import c  # why\n",
        b="",
        c="",
    )
    found = [(one.target, one.names, one.line) for one in graph.imports]
    assert found == [
        ("b", (), 0),
        ("c", (), 0),
        ("b", ("e", "f"), 1),
        ("c", (), 6),
    ]


def test_a_text_that_is_gone_meanwhile_leaves_the_graph_as_it_is() -> None:
    graph = build(a="def f(): ...\ndef g(): f()\n" + "x = 1\n" * 400)
    found = module_graph.with_uses(graph, lambda _path: None)
    assert found.modules == graph.modules


def test_a_package_shadows_a_module_of_its_name_and_both_have_names() -> None:
    graph = build(a___init__="", a="", c="import a")
    assert sorted(one.path for one in graph.modules.values()) == ["a.py", "a/__init__.py", "c.py"]
    assert graph.modules["a"].path == "a/__init__.py"
    assert edges(graph) == [("c", "a")]


def test_a_workspace_opened_inside_a_package_keeps_the_package_s_name() -> None:
    graph = graph_of_texts(
        {
            "a.py": "from lib import b, VALUE\nfrom . import b",
            "b.py": "",
            "__init__.py": "VALUE = 1",
        },
        ("lib",),
    )
    assert list(graph.modules) == ["lib", "lib.a", "lib.b"]
    assert [(one.target, one.names) for one in graph.imports] == [
        ("lib.b", ()),
        ("lib", ("VALUE",)),
        ("lib.b", ()),
    ]


def test_the_standard_library_is_never_a_file_of_the_workspace() -> None:
    assert "json" in sys.stdlib_module_names
    assert build(a="import json", json="").imports == ()


def test_a_relative_import_beyond_the_workspace_means_nothing() -> None:
    assert build(a="from ...b import x\nfrom .. import b", b="").imports == ()


def test_an_import_of_itself_is_no_edge() -> None:
    assert build(a="import a").imports == ()


def test_a_front_door_offers_what_it_takes_from_its_own_modules() -> None:
    graph = build(
        p___init__="from .b import run, _x\nfrom os import path",
        p__b="def run(): ...\n_x = 1\nLIMIT = 2\nimport os",
    )
    assert graph.modules["p"].public == ("run",)
    assert graph.modules["p.b"].public == ("run", "LIMIT")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/helper.py", True),
        ("pkg/test/data.py", True),
        ("pkg/test_a.py", True),
        ("pkg/a_test.py", True),
        ("conftest.py", True),
        ("pkg/testing.py", False),
        ("pkg/contest.py", False),
        ("latest/a.py", False),
        ("a/b_test.go", True),
        ("a/b.test.ts", True),
        ("a/b.spec.tsx", True),
        ("a/__tests__/b.js", True),
        ("a/latest.ts", False),
        ("src/test/java/A.java", True),
        ("a/OrderTest.java", True),
        ("a/Contest.java", False),
        ("spec/order_spec.rb", True),
    ],
)
def test_tests_are_known_by_their_names(path: str, expected: bool) -> None:
    assert is_test_path(path) is expected


def test_what_other_code_needs_is_no_test() -> None:
    graph = graph_of_texts(
        {
            "p/__init__.py": "from test.base import Case",
            "test/__init__.py": "",
            "test/base.py": "from test import bench",
            "test/bench.py": "",
            "test/alone.py": "",
        }
    )
    assert [one.name for one in graph.modules.values() if one.is_test] == ["test.alone"]
