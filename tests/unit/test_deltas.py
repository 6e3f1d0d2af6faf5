"""What a change did to the structure, against a commit that is nowhere checked out."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.review.deltas import State, compared, state_at
from claude_lsp.review.project import survey, text_reader
from claude_lsp.settings import Settings
from claude_lsp.structure.deltas import compare
from claude_lsp.structure.edges import immediate_edges, production_edges
from claude_lsp.structure.review import review_structure
from claude_lsp.workspace import history
from claude_lsp.workspace.git import GitError
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.workspace import Workspace
from tests.unit.graphs import graph_of_texts

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.structure.deltas import Delta
    from claude_lsp.workspace.module_graph import ModuleGraph

LONG = """
def total(lines, rate):
    result = 0
    for line in lines:
        if line.price > 0:
            result += line.price * line.count
        else:
            result -= line.discount
    return result * (1 + rate)
"""
FILES = {
    "shop/__init__.py": "",
    "shop/low/__init__.py": "",
    "shop/low/store.py": "def save(): ...\ndef _secret(): ...\n" + LONG,
    "shop/high/__init__.py": "",
    "shop/high/page.py": "from shop.low.store import save\n",
    "shop/high/menu.py": "from shop.high import page\n",
}


def git(root: Path, *arguments: str) -> None:
    options = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *options, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def append(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text, encoding="utf-8")


def delta_of(root: Path, settings: Settings | None = None, **refs: str) -> Delta:
    settings = settings or Settings()
    workspace = Workspace([root], settings)
    project = survey(workspace, root, settings, history=False)
    return compared(workspace, project, settings, refs.get("base", "HEAD"), refs.get("tip"))[1]


def told(delta: Delta) -> list[tuple[str, str, str, int]]:
    return [
        (one.rule, one.severity.value, one.path, one.range.start.line + 1) for one in delta.findings
    ]


def test_nothing_changed_is_nothing_new(root: Path) -> None:
    delta = delta_of(root)
    assert delta.findings == ()


def test_a_back_edge_is_told_at_the_import_that_was_added(root: Path) -> None:
    append(root, "shop/low/store.py", "from shop.high import page\n")
    (found,) = delta_of(root).findings
    assert (found.rule, found.severity.value, found.path) == (
        "arch.cycle",
        "major",
        "shop/low/store.py",
    )
    assert found.quote == "from shop.high import page"
    assert "shop.low.store -> shop.high.page" in found.explanation
    assert "shop/high/page.py" in {place.path for place in found.related}


def test_a_cycle_that_was_there_is_not_told_again_but_that_it_has_grown_is(root: Path) -> None:
    append(root, "shop/low/store.py", "from shop.high import page\n")
    git(root, "commit", "-qam", "cycle")
    append(root, "shop/high/menu.py", "x = 1\n")
    assert delta_of(root).findings == ()
    assert delta_of(root).known == 1
    append(root, "shop/high/page.py", "from shop.high import menu\n")
    (found,) = delta_of(root).findings
    assert found.title == "A cycle of 2 modules has grown to 3"
    assert "shop.high.menu" in found.explanation


def test_a_private_import_and_a_copy_are_worth_a_remark_when_they_are_new(root: Path) -> None:
    renamed = LONG.replace("result", "amount").replace("lines", "rows").replace("total", "price")
    append(root, "shop/high/menu.py", "from shop.low.store import _secret\n" + renamed)
    assert told(delta_of(root)) == [
        ("arch.private", "minor", "shop/high/menu.py", 2),
        ("arch.duplicate", "minor", "shop/high/menu.py", 4),
    ]


def test_a_private_name_that_is_used_by_way_of_its_module(root: Path) -> None:
    append(root, "shop/high/menu.py", "from shop.low import store\n\nstore._secret()\n")
    (found,) = delta_of(root).findings
    assert (found.rule, found.quote) == ("arch.private", "store._secret()")


def test_what_stands_in_files_that_did_not_change_is_known(root: Path) -> None:
    append(root, "shop/high/menu.py", "from shop.low import store\nstore._secret()\n" + LONG)
    git(root, "commit", "-qam", "a private name and a copy")
    append(root, "shop/high/page.py", "x = 1\n")
    delta = delta_of(root)
    assert (delta.findings, delta.elsewhere, delta.known) == ((), 0, 2)


def test_a_layer_that_is_skipped(root: Path) -> None:
    settings = Settings()
    settings = replace(settings, arch=replace(settings.arch, layers=("shop.high", "shop.low")))
    append(root, "shop/low/other.py", "import shop.high.menu\n")
    assert told(delta_of(root, settings)) == [("arch.layer", "major", "shop/low/other.py", 1)]


def test_two_commits_are_compared_whatever_is_on_disk(root: Path) -> None:
    git(root, "branch", "before")
    append(root, "shop/low/store.py", "from shop.high import page\n")
    git(root, "commit", "-qam", "cycle")
    git(root, "branch", "after")
    (root / "shop/low/store.py").write_text("", encoding="utf-8")
    append(root, "shop/new.py", "import shop.high.menu\n")
    delta = delta_of(root, base="before", tip="after")
    assert [one.rule for one in delta.findings] == ["arch.cycle"]
    assert delta.findings[0].quote == "from shop.high import page"
    assert delta_of(root, base="after", tip="before").findings == ()


def test_a_revision_that_is_not_there_says_what_to_do(root: Path) -> None:
    with pytest.raises(GitError, match="'nowhere' is not in this repository"):
        delta_of(root, base="nowhere")


def test_ignored_files_of_the_base_are_not_read(root: Path) -> None:
    append(root, "shop/secret.py", "import shop.high.menu\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "more")
    (root / "shop/secret.py").unlink()
    append(root, ".claudeignore", "secret.py\n")
    workspace = Workspace([root], Settings())
    project = survey(workspace, root, history=False)
    now = State(project.links, project.graph, text_reader(root), ())
    commit = history.resolve(root, "HEAD")
    assert "shop.secret" not in state_at(workspace, root, now, commit).graph.modules


def test_neither_filters_nor_hooks_run_for_the_base(root: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (root / ".git/config").open("a").write(
        f'[filter "bad"]\n\tsmudge = touch {mark}\n\tclean = touch {mark}\n'
        f'\tprocess = touch {mark}\n[diff "bad"]\n\ttextconv = touch {mark}\n'
    )
    (root / ".gitattributes").write_text("*.py filter=bad diff=bad\n", encoding="utf-8")
    append(root, "shop/low/store.py", "from shop.high import page\n")
    assert [one.rule for one in delta_of(root).findings] == ["arch.cycle"]
    assert not mark.exists()


def shape(graph: ModuleGraph) -> object:
    return (
        dict(graph.modules),
        sorted(graph.imports, key=repr),
        sorted(graph.outside, key=repr),
        graph.problems,
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "shop/high/menu.py",
            "import json\nfrom shop.low import store\nclass A:\n  def f(x): ...\n",
        ),
        ("shop/high/page.py", "def f(:\n"),
        ("shop/low/__init__.py", "from shop.low.store import save\n"),
    ],
)
def test_what_is_made_of_unchanged_records_is_what_a_fresh_look_finds(
    root: Path, name: str, text: str
) -> None:
    before = graph_of_texts(FILES)
    (root / name).write_text(text, encoding="utf-8")
    workspace = Workspace([root], Settings())
    project = survey(workspace, root, history=False)
    now = State(project.links, project.graph, text_reader(root), ())
    state = state_at(workspace, root, now, history.resolve(root, "HEAD"))
    assert shape(state.graph) == shape(before)
    for view in (immediate_edges, production_edges):
        assert list(view(state.graph).items()) == list(view(before).items())


def test_files_that_come_and_go(root: Path) -> None:
    (root / "shop/low/store.py").unlink()
    append(root, "shop/low/store/__init__.py", "save = 1\n")
    append(root, "lib/x.py", "import shop.low.store\n")
    workspace = Workspace([root], Settings())
    project = survey(workspace, root, history=False)
    now = State(project.links, project.graph, text_reader(root), ())
    state = state_at(workspace, root, now, history.resolve(root, "HEAD"))
    assert shape(state.graph) == shape(graph_of_texts(FILES))


def test_only_what_touches_a_changed_file_is_new() -> None:
    texts = {"a.py": "import b\n", "b.py": "import a\n"}
    before, after = graph_of_texts({"a.py": "import b\n", "b.py": ""}), graph_of_texts(texts)
    facts = review_structure(before), review_structure(after)
    assert len(compare(before, after, *facts, {"b.py"}).findings) == 1
    assert compare(after, before, facts[1], facts[0], {"b.py"}).findings == ()


def test_commits_tell_what_changed_together(root: Path) -> None:
    for number in range(2):
        append(root, "shop/high/menu.py", f"a{number} = 1\n")
        append(root, "shop/low/store.py", f"a{number} = 1\n")
        git(root, "commit", "-qam", f"change {number}")
    commits = history.commits_of(root)
    assert commits[:2] == [("shop/high/menu.py", "shop/low/store.py")] * 2
