"""The index while files change: any way of getting somewhere leads to the same answers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.index.index import Index
from claude_lsp.workspace.index.layers import live_masks
from claude_lsp.workspace.index.making import build, merged
from claude_lsp.workspace.index.segment import COLUMNS, Entry, Segment

if TYPE_CHECKING:
    from claude_lsp.workspace.index.view import View

PATHS = ("app/__init__.py", "app/models.py", "app/views.py", "lib/models.py", "top.py", "x.ts")
NAMES = ("Order", "Item", "total", "find", "session", "Größe")
LINES = st.sampled_from(
    [
        "class {0}({1}):\n    {2}: {1}\n    def {3}(self, x: {1}) -> {0}: return self.{2}",
        "def {0}({1}: {2}) -> {3}:\n    return {1}.{3}()",
        "from app.models import {0}, {1} as {2}",
        "from . import {0}",
        "import lib.models",
        "from lib.models import *",
        "{0} = {1}.{2}",
        "# {3}",
    ]
)
TEXTS = st.lists(st.tuples(LINES, st.permutations(NAMES)), max_size=6).map(
    lambda parts: "\n".join(line.format(*names) for line, names in parts)
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "save", "delete", "merge"]), st.sampled_from(PATHS), TEXTS
    ),
    max_size=14,
)


def language(path: str) -> str:
    return "typescript" if path.endswith(".ts") else "python"


def entry(path: str, text: str) -> Entry:
    return Entry(path, 0, len(text), extract(text, language(path)))


def whole(texts: dict[str, str]) -> Segment:
    return build([entry(path, text) for path, text in texts.items()])


def known(view: View) -> dict[str, object]:
    """Return everything that a view says, without its numbers."""
    files = sorted(
        file
        for layer in view.layers
        for file in range(layer.first_file, layer.first_file + layer.segment.file_count)
        if layer.live is None or layer.live[file - layer.first_file]
    )

    def place(symbol: int) -> tuple[str, tuple[int, int], str]:
        return view.path(view.file_of(symbol)), view.lines(symbol), view.name(symbol)

    keys = np.array([hash_of(name) for name in NAMES], np.uint64)
    which, symbols = view.named(keys)
    words, holders = view.files_with(keys)
    receivers, attributes, users = view.pairs_of(keys)
    return {
        "files": sorted(view.path(file) for file in files),
        "symbols": {
            view.path(file): [
                (
                    *place(symbol),
                    view.detail(symbol),
                    view.bases(symbol),
                    view.types(symbol),
                    view.returns(symbol),
                    [place(member) for member in view.members(symbol).tolist()],
                )
                for symbol in view.symbols_of(file)
            ]
            for file in files
        },
        "imports": {view.path(file): (view.imports(file), view.stars(file)) for file in files},
        "named": sorted((NAMES[n], place(s)) for n, s in zip(which, symbols.tolist(), strict=True)),
        "words": sorted((NAMES[n], view.path(f)) for n, f in zip(words, holders, strict=True)),
        "pairs": sorted(
            (NAMES[n], int(a), view.path(f))
            for n, a, f in zip(receivers, attributes, users, strict=True)
        ),
        "only": [view.only_class(int(key)) >= 0 for key in keys],
        "folders": sorted(view.path(file) for file in view.siblings("app/new.py").tolist()),
    }


@given(TEXTS, EDITS)
@settings(max_examples=60, deadline=None)
def test_after_any_edits_it_says_what_a_fresh_one_says(
    text: str, edits: list[tuple[str, str, str]]
) -> None:
    disk = dict.fromkeys(PATHS[:4], text)
    buffers: dict[str, str] = {}
    index = Index()
    index.replace([whole(disk)])
    for action, path, new in edits:
        if action == "open":
            buffers[path] = new
            index.open(path, new, language(path))
        elif action == "close":
            buffers.pop(path, None)
            index.close(path)
        elif action == "save":
            disk[path] = new
            index.add(build([entry(path, new)]))
        elif action == "delete":
            disk.pop(path, None)
            index.forget([path])
        else:
            parts = index.segments
            index.merge(parts, merged(list(zip(parts, live_masks(parts, index.gone), strict=True))))
    fresh = Index()
    fresh.replace([whole(disk | buffers)])
    assert known(index.links.view) == known(fresh.links.view)
    for path in disk | buffers:
        for module in ("app.models", "lib.models", ".models", "top"):
            assert index.module_files(path, module, "python") == fresh.module_files(
                path, module, "python"
            )


@given(
    st.dictionaries(st.sampled_from(PATHS), TEXTS), st.dictionaries(st.sampled_from(PATHS), TEXTS)
)
@settings(max_examples=60, deadline=None)
def test_merging_gives_the_very_columns_of_a_fresh_segment(
    old: dict[str, str], new: dict[str, str]
) -> None:
    parts = [whole(old), whole(new)]
    gone = sorted(PATHS[:1])
    made = merged(list(zip(parts, live_masks(parts, gone), strict=True)))
    fresh = whole({path: text for path, text in (old | new).items() if path not in gone})
    for column in COLUMNS:
        mine, theirs = getattr(made, column), getattr(fresh, column)
        assert mine.dtype == theirs.dtype, column
        assert np.array_equal(mine, theirs), column


def test_a_view_in_use_does_not_change() -> None:
    index = Index()
    index.replace([whole({"top.py": "def total(): ..."})])
    links = index.links
    before = known(links.view)
    index.open("top.py", "def find(): ...", "python")
    index.forget(["top.py"])
    assert known(links.view) == before
    assert known(index.links.view) != before


def test_readers_and_writers_do_not_disturb_each_other() -> None:
    index = Index()
    index.replace([whole(dict.fromkeys(PATHS[:5], "class Order:\n    total = 1\n"))])
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                links = index.links
                file = links.view.find("top.py")
                symbols = list(links.view.symbols_of(file))
                assert [links.view.name(one) for one in symbols] in (
                    ["Order", "total"],
                    ["Item"],
                )
                links.class_named(hash_of("Order"), file)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(150):
        index.open("top.py", "class Item: pass\n", "python")
        index.close("top.py")
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures


def test_an_open_buffer_hides_its_file_until_it_is_closed() -> None:
    index = Index()
    index.replace([whole({"top.py": "def total(): ...", "lib/models.py": "import top"})])

    def tops() -> list[str]:
        view = index.links.view
        return [view.name(one) for one in view.tops(view.find("top.py")).tolist()]

    index.open("top.py", "def find(): ...", "python")
    assert tops() == ["find"]
    index.close("top.py")
    assert tops() == ["total"]


def test_a_new_buffer_can_be_imported_and_is_gone_with_its_window() -> None:
    index = Index()
    index.replace([whole({"top.py": "import lib.models"})])
    assert index.module_files("top.py", "lib.models", "python") == ()
    index.open("lib/models.py", "class Item: pass", "python")
    assert index.module_files("top.py", "lib.models", "python") == ("lib/models.py",)
    index.close("lib/models.py")
    assert index.module_files("top.py", "lib.models", "python") == ()


def test_names_are_followed_through_files_that_pass_them_on() -> None:
    index = Index()
    index.replace(
        [
            whole(
                {
                    "app/__init__.py": "from .models import Order\nfrom lib.models import *\n",
                    "app/models.py": "class Order(Item): pass\nfrom lib.models import Item\n",
                    "lib/models.py": "class Item:\n    def find(self): ...\n",
                    "top.py": "from app import Order, Item\n",
                }
            )
        ]
    )
    links = index.links
    target = links.target("top.py", "python", "app", "Order")
    assert target is not None
    assert links.view.path(links.view.file_of(target.symbol)) == "app/models.py"
    (above,) = links.ancestors(target.symbol)
    assert links.view.name(above) == "Item"
    starred = links.target("top.py", "python", "app", "Item")
    assert starred is not None
    assert starred.symbol == above
    assert links.target("top.py", "python", "app", "nothing") is None


@pytest.mark.parametrize("text", ["from . import top\n" * 3, "from top import *\n", "import top\n"])
def test_imports_in_a_circle_end(text: str) -> None:
    index = Index()
    index.replace([whole({"top.py": text})])
    assert index.links.target("top.py", "python", "top", "nothing") is None
