"""A folder's code while everything changes at once: any way of getting somewhere ends the same."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.context.gather import Query, definitions_and_windows
from claude_lsp.context.lookups import Lookups
from claude_lsp.settings import build
from claude_lsp.text.lines import split_lines
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.codebase import Codebase
from claude_lsp.workspace.index import workers
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.workspace import Workspace
from tests.unit.index_kit import FUNCTIONS, files_in, names_in, write
from tests.unit.test_index_update import TEXTS, known

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterator, Sequence

    from claude_lsp.context.candidate import Candidate
    from claude_lsp.workspace.codebase import Folder

PATHS = ("app/__init__.py", "app/models.py", "app/views.py", "lib/models.py", "top.py", "b/A.cs")
SHARP = st.sampled_from(
    ["namespace One;\nclass Order {}\n", "namespace Two;\nclass Item : Order {}\n", "class Item {}"]
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "write", "delete", "open", "edit", "close", "drop folder", "refresh", "all"]
        ),
        st.sampled_from(PATHS),
        TEXTS,
        SHARP,
    ),
    min_size=1,
    max_size=16,
)
PLACE = "from app.models import Order, Item\n\n\ndef pay(order: Order):\n    order.\n"


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for all of them; what stands in it must not change any answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAUDE_LSP_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def codebase_of(*roots: Path, told: list[str] | None = None, **options: object) -> Codebase:
    chosen = build({key.replace("__", "."): value for key, value in options.items()})
    return Codebase(Workspace(roots, chosen), ([] if told is None else told).append)


def snapshot(path: Path, text: str, version: int = 1) -> Snapshot:
    return Snapshot(uri_from_path(path), version, text, language_of(path))


def offered(folder: Folder, buffers: Sequence[Snapshot]) -> list[Candidate]:
    """Return what is offered at a place that stands in no file."""
    place = Position(4, 10)
    query = Query("app/pay.py", "python", split_lines(PLACE), Range(place, place))
    links = folder.links(buffers)
    return definitions_and_windows(
        links, query, Lookups(folder.text), 4000, lambda path, text: len(path) + len(text)
    )


async def settle(codebase: Codebase, opened: Sequence[Snapshot] = ()) -> None:
    codebase.update(opened)
    await codebase.settled()


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_any_way_of_getting_there_ends_where_a_fresh_index_is(
    steps: list[tuple[str, str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("claude_lsp.workspace.codebase._PAUSE_S", 0)
        asyncio.run(_walk(Path(name), steps))


async def _walk(root: Path, steps: list[tuple[str, str, str, str]]) -> None:
    codebase = codebase_of(root)
    (folder,) = codebase.folders
    buffers: dict[str, Snapshot] = {}
    changed: set[Path] = set()
    await settle(codebase)
    for step, path, python, sharp in steps:
        text = sharp if path.endswith(".cs") else python
        file = root / path
        if step == "write":
            write(root, path, text)
            changed.add(file)
        elif step == "delete":
            file.unlink(missing_ok=True)
            changed.add(file)
        elif step == "drop folder":
            shutil.rmtree(file.parent if "/" in path else file, ignore_errors=True)
            changed.add(file.parent if "/" in path else file)
        elif step in {"open", "edit"}:
            buffers[path] = snapshot(file, text)
        elif step == "close":
            buffers.pop(path, None)
        elif step == "refresh":
            codebase.changed(changed)
            changed.clear()
            await codebase.settled()
        else:
            changed.clear()
            await settle(codebase, list(buffers.values()))
        folder.links(buffers.values())
    codebase.changed(changed)
    await codebase.settled()
    fresh = codebase_of(root)
    await settle(fresh)
    (other,) = fresh.folders
    opened = list(buffers.values())
    mine, theirs = folder.links(opened), other.links(opened)
    assert known(mine.view) == known(theirs.view)
    for importer, module, language in (
        ("app/views.py", "app.models", "python"),
        ("top.py", "lib.models", "python"),
        ("app/views.py", ".models", "python"),
        ("b/A.cs", "One", "csharp"),
        ("b/A.cs", "Two", "csharp"),
    ):
        files = [
            [each.view.path(file) for file in each.module(importer, language, module)]
            for each in (mine, theirs)
        ]
        assert files[0] == files[1]
    assert offered(folder, opened) == offered(other, opened)
    await codebase.close()
    await fresh.close()


# ----- determinism

_ASK = """
import asyncio, json, random, sys
from pathlib import Path
from claude_lsp.workspace.index import backlog, builder
backlog._FIRST, backlog._LARGEST, seed = int(sys.argv[2]), 3, int(sys.argv[3])
builder._FEW_FILES = 0
builder._MERGE_ABOVE = int(sys.argv[4])
order = builder.Builder._ordered
def shuffled(self, *arguments):
    found = order(self, *arguments)
    random.Random(seed).shuffle(found)
    return found
builder.Builder._ordered = shuffled
builder.Builder.__init__.__kwdefaults__["worker_count"] = int(sys.argv[5])
from claude_lsp.cli.main import run
run(["context", sys.argv[1], "--format", "json", "--action", sys.argv[6]])
"""


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for number in range(12):
        write(
            root,
            f"shop/part_{number}.py",
            f"class Part{number}:\n    amount: int\n    def with_tax(self, rate): ...\n\n\n"
            f"def total_{number}(parts):\n"
            f"    return sum(part.with_tax(0.{number}) for part in parts)\n",
        )
    text = "from shop.part_1 import Part1\n\n\ndef total(parts):\n    return sum(part.\n"
    write(root, "shop/main.py", text)
    write(root, "shop/test_main.py", "from shop.main import total\n\n\ndef test(): total([])\n")
    outputs = set()
    for number, (batch, seed, merge, count, action) in enumerate(
        [(1, 1, 2, 1, "complete"), (40, 2, 16, 2, "complete"), (3, 3, 1, 2, "complete")]
    ):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(number),
            "CLAUDE_LSP_CACHE_DIR": str(tmp_path / f"cache {number}"),
        }
        place = f"{root / 'shop/main.py'}:5:22"
        arguments = [place, *map(str, (batch, seed, merge, count)), action]
        done = subprocess.run(
            [sys.executable, "-c", _ASK, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        )
        shown = json.loads(done.stdout)
        assert "class Part1" in str(shown["body"])
        assert "looks alike" in str(shown["parts"])
        outputs.add(done.stdout)
    assert len(outputs) == 1


# ----- folders


async def test_a_folder_in_a_folder_has_its_own_index_and_the_outer_follows(root: Path) -> None:
    write(root, "inner/deep.py", "def deep(): ...\n")
    codebase = codebase_of(root, root / "inner")
    await settle(codebase)
    outer, inner = codebase.folders
    assert codebase.folder_of(root / "inner/deep.py") is inner
    assert codebase.folder_of(root / "module_0.py") is outer
    write(root, "inner/deep.py", "def deeper(): ...\n")
    codebase.changed([root / "inner/deep.py"])
    await codebase.settled()
    assert names_in(inner._index) == ["deeper"]
    assert names_in(outer._index) == ["deeper", *FUNCTIONS]
    # A rule above the inner folder is a rule for it, too.
    write(root, ".git/HEAD", "ref: refs/heads/main\n")
    write(root, ".gitignore", "deep.py\n")
    for folder in (inner, outer):
        rules = codebase._workspace.rules_for(folder.root / "x") if folder.root else None
        assert rules is not None
        rules.refresh()
    codebase.changed([root / ".gitignore"])
    await codebase.settled()
    assert names_in(inner._index) == []
    assert names_in(outer._index) == FUNCTIONS
    await codebase.close()


async def test_a_checkout_is_seen_in_a_folder_below_the_repository(root: Path) -> None:
    write(root, ".git/HEAD", "ref: refs/heads/main\n")
    write(root, "app/module.py", "def app(): ...\n")
    codebase = codebase_of(root / "app")
    await settle(codebase)
    (folder,) = codebase.folders
    assert not folder.git_has_moved()
    write(root, ".git/index", "another state")
    assert folder.git_has_moved()
    assert not folder.git_has_moved()
    await codebase.close()


async def test_after_its_end_nothing_begins(root: Path) -> None:
    codebase = codebase_of(root)
    await codebase.close()
    before = asyncio.all_tasks()
    await settle(codebase)
    codebase.changed([root / "module_0.py"])
    assert asyncio.all_tasks() == before
    assert codebase.folders[0].links(()).view.file_count == 0


async def test_an_event_before_the_first_listing_is_no_fault(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    codebase = codebase_of(root)
    codebase.changed([root / "module_0.py"])
    await codebase.settled()
    assert names_in(codebase.folders[0]._index) == ["function_0"]
    await settle(codebase)
    assert names_in(codebase.folders[0]._index) == FUNCTIONS
    assert caplog.records == []
    await codebase.close()


async def test_a_buffer_of_a_kind_that_is_not_indexed_wins_over_its_file(root: Path) -> None:
    file = write(root, "notes.svg", "<svg>old</svg>\n")
    codebase = codebase_of(root)
    (folder,) = codebase.folders
    assert folder.text("notes.svg") == "<svg>old</svg>\n"
    folder.links([snapshot(file, "<svg>new</svg>\n")])
    assert folder.text("notes.svg") == "<svg>new</svg>\n"
    folder.links([])
    assert folder.text("notes.svg") == "<svg>old</svg>\n"
    await codebase.close()


async def test_a_buffer_whose_language_changes_is_read_again(root: Path) -> None:
    codebase = codebase_of(root)
    (folder,) = codebase.folders
    path = root / "new.txt"
    text = "def found(): ...\n"
    folder.links([Snapshot(uri_from_path(path), 1, text, "plaintext")])
    folder.links([Snapshot(uri_from_path(path), 2, text, "python")])
    assert names_in(folder._index) == ["found"]
    await codebase.close()


async def test_what_is_there_answers_while_the_rest_is_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codebase = codebase_of(root)
    await settle(codebase)
    (folder,) = codebase.folders
    reading, go_on = asyncio.Event(), asyncio.Event()
    ask = workers.Workers.ask

    async def slow(self: workers.Workers, **request: object) -> dict[str, object]:
        reading.set()
        await go_on.wait()
        return await ask(self, **request)

    monkeypatch.setattr(workers.Workers, "ask", slow)
    write(root, "module_3.py", "def function_3(): ...\n")
    codebase.update()
    await reading.wait()
    buffer = snapshot(root / "open.py", "def opened(): ...\n")
    await asyncio.to_thread(folder.links, [buffer])
    assert names_in(folder._index) == [*FUNCTIONS, "opened"]
    go_on.set()
    await codebase.settled()
    assert names_in(folder._index) == [*FUNCTIONS, "function_3", "opened"]
    await codebase.close()


async def test_a_folder_that_vanishes_while_it_is_read(
    root: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        write(root, f"more/file_{number}.py", "def more(): ...\n")
    told: list[str] = []
    listed = asyncio.Event()
    start = workers.Workers._start

    async def observed(self: workers.Workers) -> Process:
        listed.set()
        return await start(self)

    monkeypatch.setattr(workers.Workers, "_start", observed)
    codebase = codebase_of(root, told=told)
    codebase.update()
    await listed.wait()
    shutil.rmtree(root)
    await codebase.settled()
    codebase.changed([root])
    await codebase.settled()
    assert names_in(codebase.folders[0]._index) == []
    assert told == []
    await codebase.close()
    assert [path for path in files_in(cache_folder) if "base-" not in path.name] == []
