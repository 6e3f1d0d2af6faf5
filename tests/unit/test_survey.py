"""The survey of a project on disk: its index, its graph, its facts, its map."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.review.project import survey
from claude_lsp.settings import Settings
from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import edges, neighbours
from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.index import once, work
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.index.once import index_folder
from claude_lsp.workspace.workspace import Workspace
from tests.unit.graphs import graph_of_texts, links_of_texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from claude_lsp.review.project import Project

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": "from shop.order import Order\n\n\nclass Cart: ...\n",
    "shop/order.py": '"""Orders."""\nfrom shop.cart import Cart  # back\n\n\nclass Order: ...\n',
    "web/main.ts": 'import { total } from "./total";\n',
    "web/total.ts": "export const total = 1;\n",
    "web/ignored/old.ts": 'import "../total";\n',
    ".gitignore": "ignored/\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_survey_covers_every_language_and_what_is_ignored_is_not_there(root: Path) -> None:
    project = survey(Workspace([root], Settings()), root)
    assert [(one.source, one.target) for one in project.graph.imports] == [
        ("shop.cart", "shop.order"),
        ("shop.order", "shop.cart"),
        ("web/main", "web/total"),
    ]
    assert project.summary.modules == 5
    assert project.notices == ()


def test_a_finding_quotes_its_line(root: Path) -> None:
    (finding,) = survey(Workspace([root], Settings()), root).findings
    assert (finding.rule, finding.path) == ("arch.cycle", "shop/cart.py")
    assert finding.quote == "from shop.order import Order"
    assert finding.range.start.line == 0
    assert finding.range.end.column == len(finding.quote)
    (related,) = finding.related
    assert (related.path, related.range.start.line) == ("shop/order.py", 1)


def test_the_map_of_a_project_has_its_signatures(root: Path) -> None:
    project = survey(Workspace([root], Settings()), root)
    sheet = project.map(500, len)
    assert len(sheet) <= 500
    assert "class Order  # used by 1" in project.map(5000, len)


def test_a_ready_index_is_taken_as_it_is(root: Path) -> None:
    links = links_of_texts({"shop/cart.py": "import shop.order", "shop/order.py": "x = 1\n"})
    project = survey(Workspace([root], Settings()), root, links=links)
    assert [one.target for one in project.graph.imports] == ["shop.order"]
    assert not (root.parent / "cache").exists()


def test_a_folder_outside_of_the_workspace_is_not_read(root: Path) -> None:
    project = survey(Workspace([root / "shop"], Settings()), root)
    assert project.summary.modules == 0


def test_a_second_index_reads_only_what_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules, told = IgnoreRules(root), list[str]()
    index_folder(root, rules, told.append)
    read: list[str] = []
    index_files = work.index_files

    def watched(root: Path, files: list[list[str]], *rest: object, **others: object) -> object:
        read.extend(path for path, _ in files)
        return index_files(root, files, *rest, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "index_files", watched)
    (root / "web/total.ts").write_text("export const other = 1;\n", encoding="utf-8")
    (root / "shop/order.py").unlink()
    view = index_folder(root, rules, told.append).view
    assert read == ["web/total.ts"]
    assert view.find("shop/order.py") < 0
    assert [view.name(symbol) for symbol in view.symbols_of(view.find("web/total.ts"))] == ["other"]
    assert told == []


def test_cycles_are_those_of_another_tools_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grimp = pytest.importorskip("grimp")
    texts = {
        "ring/__init__.py": "",
        "ring/a.py": "from ring import b\nfrom ring.sub import d\n",
        "ring/b.py": "import ring.c\n",
        "ring/c.py": "from .a import x\n",
        "ring/sub/__init__.py": "from ring.sub.d import y\n",
        "ring/sub/d.py": "from ring.sub import e\n",
        "ring/sub/e.py": "from . import d\nimport ring.f\n",
        "ring/f.py": "import json\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    theirs = grimp.build_graph("ring", cache_dir=None)
    targets = {
        name: sorted(theirs.find_modules_directly_imported_by(name)) for name in theirs.modules
    }
    rings = {one for one in strongly_connected(targets) if len(one) > 1}
    ours = edges(graph_of_texts(texts), lambda _one: True)
    assert {one for one in strongly_connected(neighbours(ours)) if len(one) > 1} == rings
    assert len(rings) == 2


def test_nothing_is_read_again_while_nothing_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _settled_survey(root)
    with monkeypatch.context() as patched:
        patched.setattr(once, "index_folder", _refuse)
        again = survey(Workspace([root], Settings()), root)
    for one in ("findings", "summary", "manifests", "notices"):
        assert getattr(again, one) == getattr(first, one)
    for one in ("modules", "imports", "problems", "outside"):
        assert getattr(again.graph, one) == getattr(first.graph, one)
    assert again.signatures == first.signatures  # of the index, which is read for them


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _damage(root: Path) -> None:
    (kept,) = root.parent.glob("cache/index/*/kept-survey.json")
    state, _, rest = kept.read_text("utf-8").partition("\n")
    kept.write_text(f"{state}\n{rest[: len(rest) // 2]}", "utf-8")


CHANGES = {
    "another text": lambda root: _write(root / "shop/cart.py", "x = 1" * 12),
    "a new file": lambda root: _write(root / "shop/new.py", "import shop.cart\n"),
    "a file less": lambda root: (root / "web/total.ts").unlink(),
    "a file elsewhere": lambda root: (root / "web/total.ts").rename(root / "web/sum.ts"),
    "a manifest": lambda root: _write(root / "setup.cfg", "[options]\ninstall_requires = toml\n"),
    "other ignore rules": lambda root: _write(root / ".gitignore", "order.py\n"),
    "a package around it": lambda root: _write(root / "__init__.py", ""),
    "a damaged record": _damage,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_any_change_a_survey_says_what_a_fresh_one_would(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    _settled_survey(root)
    change(root)
    again = _settled_survey(root)
    monkeypatch.setenv(FOLDER_VARIABLE, str(root.parent / "another-cache"))
    fresh = survey(Workspace([root], Settings()), root)
    assert again.findings == fresh.findings
    assert again.graph.modules == fresh.graph.modules
    assert again.graph.imports == fresh.graph.imports


def test_other_contracts_are_other_facts(root: Path) -> None:
    _settled_survey(root)
    arch = replace(Settings().arch, forbid=({"from": "shop.order", "to": "shop.cart"},))
    found = _settled_survey(root, replace(Settings(), arch=arch)).findings
    assert "arch.forbidden" in {one.rule for one in found}


def _settled_survey(root: Path, settings: Settings | None = None) -> Project:
    """Return a survey of files that were written long ago, each change at another time."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.stat().st_mtime > time.time() - 100:
            when = time.time_ns() - 10**12
            os.utime(path, ns=(when, when))
    settings = settings or Settings()
    return survey(Workspace([root], settings), root, settings)


def _refuse(*_arguments: object) -> None:
    raise AssertionError("the folder was read")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_what_is_no_plain_code_does_no_harm(root: Path) -> None:
    (root / "shop/again").symlink_to(root, target_is_directory=True)
    (root / "shop/self.py").symlink_to(root / "shop/self.py")
    (root / "shop/binary.py").write_bytes(b"\0\1\2import shop.cart\n")
    _write(root / "shop/broken.py", "from shop.order import Order\n\ndef f(:\n")
    _write(root / "shop/made.py", "# Code generated by a tool. DO NOT EDIT.\nimport shop.cart\n")
    _write(root / "shop/late.py", 'import importlib\nimportlib.import_module("shop.cart")\n')
    _write(root / "web/late.ts", 'export const late = () => import("./total");\n')
    project = survey(Workspace([root], Settings()), root)
    modules = project.graph.modules
    assert not [name for name in modules if "again" in name or "self" in name]
    assert modules["shop.binary"].is_generated
    assert modules["shop.made"].is_generated
    assert project.graph.problems == (("shop/broken.py", "could not be parsed in full"),)
    found = {(one.source, one.target, one.deferred) for one in project.graph.imports}
    assert ("shop.broken", "shop.order", False) in found
    # What is named while the program runs can't be told in Python; JavaScript says it.
    assert {one for one in found if "late" in one[0]} == {("web/late", "web/total", True)}
