"""The index: what goes in comes out again, from memory, from disk and after merging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.context.gather import Query, definitions_and_windows
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.links import Links
from claude_lsp.workspace.index.making import build, merged
from claude_lsp.workspace.index.resolve import Resolver
from claude_lsp.workspace.index.segment import Entry, Segment
from claude_lsp.workspace.index.store import DamagedError, load, save
from claude_lsp.workspace.index.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.context.windows import Lookup

SOURCES = {
    "shop/prices.py": (
        "class Price:\n    amount: int\n\n    def with_tax(self, rate: float) -> 'Price':\n"
        "        return Price()\n\n\ndef cheapest(prices: list[Price]) -> Price:\n"
        "    return prices[0]\n"
    ),
    "shop/orders.py": (
        "from shop.prices import Price, cheapest\n\n\ndef total(prices: list[Price]) -> Price:\n"
        "    best = cheapest(prices)\n    return best.with_tax(0.2)\n"
    ),
    "shop/other.py": "def unrelated():\n    return 1\n",
}


def entries(*paths: str) -> list[Entry]:
    return [Entry(path, 1, len(SOURCES[path]), extract(SOURCES[path], "python")) for path in paths]


@pytest.fixture
def segment() -> Segment:
    return build(entries(*SOURCES))


def test_every_record_comes_out_as_it_went_in(segment: Segment) -> None:
    view = View([(segment, None)])
    assert view.file_count == 3
    for path, text in SOURCES.items():
        file = view.find(path)
        assert view.path(file) == path
        assert segment.entry(file).record == extract(text, "python")
    assert view.find("shop/nothing.py") == -1


def test_saved_and_loaded_it_is_the_same(segment: Segment, tmp_path: Path) -> None:
    save(segment, tmp_path / "index", "1")
    again = load(tmp_path / "index", "1")
    assert [again.entry(file) for file in range(3)] == [segment.entry(file) for file in range(3)]


@pytest.mark.parametrize("spoil", ["cut", "changed", "foreign", "empty", "other version"])
def test_a_file_that_is_not_whole_is_refused(segment: Segment, tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "index"
    save(segment, path, "1")
    data = bytearray(path.read_bytes())
    if spoil == "cut":
        del data[len(data) // 2 :]
    elif spoil == "changed":
        data[-9] ^= 0xFF
    elif spoil == "foreign":
        data[:4] = b"what"
    elif spoil == "empty":
        data.clear()
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedError):
        load(path, "2" if spoil == "other version" else "1")


def test_merging_parts_equals_building_at_once(segment: Segment) -> None:
    parts = [build(entries(path)) for path in SOURCES]
    whole = merged([(part, None) for part in parts])
    for path in SOURCES:
        places = View([(whole, None)]).find(path), View([(segment, None)]).find(path)
        assert whole.entry(places[0]) == segment.entry(places[1])


def length(_path: str, text: str) -> int:
    return len(text)


def cursor(line: int, column: int) -> Range:
    return Range(Position(line, column), Position(line, column))


class Texts:
    """The texts of the sources, as the index asks for them."""

    def lookup(self, path: str) -> Lookup | None:
        return None


def test_what_the_cursor_needs_is_found(segment: Segment) -> None:
    links = Links(View([(segment, None)]), Resolver(list(SOURCES)))
    lines = tuple(SOURCES["shop/orders.py"].splitlines(keepends=True))
    query = Query("shop/orders.py", "python", lines, cursor(5, len("    return best.")))
    first = definitions_and_windows(links, query, Texts(), 500, length)
    text = "".join(candidate.text for candidate in first)
    assert "with_tax" in text
    assert "cheapest" in text
    assert definitions_and_windows(links, query, Texts(), 500, length) == first


def test_the_budget_holds(segment: Segment) -> None:
    links = Links(View([(segment, None)]), Resolver(list(SOURCES)))
    lines = tuple(SOURCES["shop/orders.py"].splitlines(keepends=True))
    query = Query("shop/orders.py", "python", lines, cursor(5, 11))
    for budget in (0, 20, 60, 200, 1000):
        found = definitions_and_windows(links, query, Texts(), budget, length)
        assert sum(len(candidate.text) for candidate in found) <= budget
