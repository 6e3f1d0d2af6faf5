"""The benchmark of the project map: its facts, and whether a text tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.architecture import examples
from benchmarks.architecture.facts import Fact, Text, facts_of, told

FILES = ("pkg/__init__.py", "pkg/core.py", "pkg/sub/one.py", "pkg/sub/two.py", "tests/all.py")
EDGES = {
    ("pkg/__init__.py", "pkg/core.py"),
    ("pkg/core.py", "pkg/sub/one.py"),
    ("pkg/sub/one.py", "pkg/core.py"),
    ("pkg/sub/two.py", "pkg/core.py"),
    ("tests/all.py", "pkg/core.py"),
}
TEXTS = {
    "pkg/__init__.py": "from .core import build\n",
    "pkg/core.py": "def build(name, *, size): ...\n" * 9,
    "pkg/sub/one.py": "from pkg import build\n",
    "pkg/sub/two.py": "from ..core import build\nfrom os import path\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in FILES:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TEXTS.get(path, ""), encoding="utf-8")
    return tmp_path


def test_facts_come_from_the_edges_and_the_files(root: Path) -> None:
    facts = facts_of(root, FILES, EDGES)
    assert Fact("cycle", ("pkg/core.py", "pkg/sub/one.py")) in facts
    # What tests import tells nothing of the architecture.
    assert Fact("imported", ("pkg/core.py",), 3) in facts
    assert Fact("size", ("pkg/core.py",), 10) in facts
    assert {one.names for one in facts if one.kind == "package"} == {("pkg",), ("pkg/sub",)}
    assert Fact("edge", ("pkg/sub", "pkg")) in facts
    assert [one.names for one in facts if one.kind == "signature"] == [
        ("pkg/core", "build", "name", "size")
    ]


@pytest.mark.parametrize(
    ("fact", "text", "expected"),
    [
        (Fact("size", ("pkg/core.py",), 100), "pkg.core 92, pkg.sub.one 4", True),
        (Fact("size", ("pkg/core.py",), 100), "pkg/core.py: 1,100 bytes, 100 lines", True),
        (Fact("size", ("pkg/core.py",), 100), "pkg.core 80, pkg.sub.one 100", False),
        (Fact("size", ("pkg/core.py",), 100), "100 pkg.core", False),
        (Fact("size", ("pkg/__init__.py",), 7), "pkg 9", True),
        (Fact("cycle", ("a.py", "b.py", "c.py")), "# Cycles\nc, a", True),
        (Fact("cycle", ("a.py", "b.py", "c.py")), "cycle: a b", True),
        (Fact("cycle", ("a.py", "b.py", "c.py")), "# Cycles\na\nb\n# Other\nb, c", False),
        (Fact("edge", ("pkg", "pkg/sub")), "pkg -> x 3, pkg/sub 1", True),
        (Fact("edge", ("pkg", "pkg/sub")), "pkg -> x\ny -> pkg/sub", False),
        (Fact("package", ("pkg/sub",)), "pkg/subs", False),
        (Fact("signature", ("pkg/core", "f", "a", "b")), "  async def f(a: int, b=2)", True),
        (Fact("signature", ("pkg/core", "f", "a", "b")), "def f(...)", False),
        (Fact("signature", ("pkg/core", "f", "a", "b")), "calls f(a, b)", False),
    ],
)
def test_what_counts_as_told(fact: Fact, text: str, expected: bool) -> None:
    assert told(fact, Text(text, FILES)) is expected


def test_each_example_has_its_report_in_the_document() -> None:
    text = (Path(__file__).parents[2] / examples.DOCUMENT).read_text("utf-8")
    for one in examples.EXAMPLES:
        assert f"### {one.name} {one.version}\n" in text
        changed = examples.with_block(text, one.name, "other")
        assert "other" in changed
        assert f"<!-- end of {one.name} -->" not in changed
