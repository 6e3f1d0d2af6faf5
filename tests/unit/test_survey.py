"""The survey of a project on disk: its index, its graph, its facts, its map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.review.project import survey
from claude_lsp.settings import Settings
from claude_lsp.structure.cycles import strongly_connected
from claude_lsp.structure.edges import edges, neighbours
from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.index import work
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.index.once import index_folder
from claude_lsp.workspace.workspace import Workspace
from tests.unit.graphs import graph_of_texts, links_of_texts

if TYPE_CHECKING:
    from pathlib import Path

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
