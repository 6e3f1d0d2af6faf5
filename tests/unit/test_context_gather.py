"""What is chosen for a place in a workspace, and that it holds its bounds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.context.features import COLUMN, FEATURES
from claude_lsp.context.gather import Query, definitions_and_windows, find
from claude_lsp.context.lookups import Lookups
from claude_lsp.context.sight import look
from claude_lsp.context.weights import OUTPUT, WEIGHTS
from claude_lsp.context.windows import WINDOW, alike, prepare
from claude_lsp.text.lines import LineIndex, split_lines
from claude_lsp.text.positions import Position, Range
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.index import Index
from claude_lsp.workspace.index.making import build
from claude_lsp.workspace.index.segment import Entry
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from claude_lsp.context.candidate import Candidate


def length(_path: str, text: str) -> int:
    return len(text)


def cursor(line: int, column: int) -> Range:
    return Range(Position(line, column), Position(line, column))


FILES = {
    "shop/prices.py": (
        "from shop.money import Money\n\n\nclass Price(Money):\n"
        '    """What something costs."""\n\n'
        "    amount: int\n\n    def __init__(self, amount: int, currency: str) -> None:\n"
        "        self.amount = amount\n\n    def with_tax(self, rate: float) -> 'Price':\n"
        "        return Price(self.amount, '')\n\n\n"
        "def cheapest(prices: list[Price]) -> Price:\n    return prices[0]\n"
    ),
    "shop/money.py": (
        "class Money:\n    def rounded(self, digits: int) -> 'Money':\n        return self\n"
    ),
    "shop/baskets.py": (
        "from shop.prices import Price, cheapest\nfrom shop.mail import send_receipt\n\n\n"
        "def checkout(prices: list[Price]) -> Price:\n    best = cheapest(prices)\n"
        "    send_receipt(best)\n    return best.with_tax(0.2)\n"
    ),
    "shop/mail.py": "def send_receipt(price: object) -> None:\n    print(price)\n",
    "shop/test_orders.py": "def test_total() -> None: ...\n",
    "far/away.py": "def unrelated(a, b):\n    return a\n" * 20,
    "web/view.ts": (
        "export interface Basket {\n  items: Item[];\n  total(): number;\n}\n"
        "export class Item {\n  constructor(readonly name: string) {}\n}\n"
    ),
}
ORDERS = (
    "from shop.prices import Price, cheapest\n\n\n"
    "def total(prices: list[Price]) -> Price:\n"
    "    best = cheapest(prices)\n"
    "    return best.\n"
)


def index_of(files: dict[str, str]) -> Index:
    index = Index()
    index.replace(
        [
            build(
                Entry(path, 0, len(text), extract(text, language_of(path)))
                for path, text in files.items()
            )
        ]
    )
    return index


def place(marked: str, path: str = "shop/orders.py") -> tuple[Query, str]:
    """Return the place of `|` in a text, and the text without it."""
    before, _, after = marked.partition("|")
    text = before + after
    position = LineIndex(text).position_at(len(before))
    return Query(path, language_of(path), split_lines(text), Range(position, position)), text


def found(marked: str, budget: int = 3000, path: str = "shop/orders.py") -> list[Candidate]:
    query, text = place(marked, path)
    index = index_of(FILES)
    index.open(path, text, query.language)
    return definitions_and_windows(index.links, query, Lookups(FILES.get), budget, length)


def definitions(candidates: list[Candidate]) -> str:
    return "".join(one.text for one in candidates if one.stable)


def test_members_of_a_result_stand_under_their_class() -> None:
    text = definitions(found(ORDERS.replace("best.\n", "best.|\n")))
    lines = text.splitlines()
    head = lines.index("class Price(Money)  # What something costs.")
    assert "    def with_tax(self, rate: float) -> 'Price'" in lines[head + 1 :]
    assert "    def rounded(self, digits: int) -> 'Money'" in lines


def test_a_class_brings_its_constructor() -> None:
    text = definitions(found("from shop.prices import Price\n\nprice = |\n", budget=200))
    assert "class Price" in text
    assert "def __init__(self, amount: int, currency: str) -> None" in text


def test_what_similar_code_uses_is_offered_before_it_is_imported() -> None:
    text = definitions(
        found(
            "from shop.prices import Price, cheapest\n\n\ndef pay(prices: list[Price]) -> Price:\n"
            "    best = cheapest(prices)\n    |\n    return best.with_tax(0.2)\n"
        )
    )
    assert "def send_receipt(price: object) -> None" in text


def test_what_is_taken_from_one_module_says_nothing_of_another() -> None:
    """Elsewhere it is `prices.map` and `mail.send`: `mail.map` is there too, and nobody's."""
    tools = "def map(one): ...\ndef send(one): ...\n"
    files = {"shop/prices.py": tools, "shop/mail.py": tools} | {
        f"shop/use{number}.py": "from shop import mail, prices\nprices.map(1)\nmail.send(2)\n"
        for number in range(3)
    }
    text = "from shop import mail, prices\n\n\ndef total(): ...\n"
    index = index_of(files)
    index.open("shop/orders.py", text, "python")
    links = index.links
    query = Query("shop/orders.py", "python", split_lines(text), cursor(3, 0))
    ranking = find(links, query, Lookups(files.get)).ranking
    taken = {
        (links.view.path(file), links.view.name(symbol))
        for symbol, file, value in zip(
            ranking.symbols.tolist(),
            ranking.files.tolist(),
            ranking.features[COLUMN["taken"]].tolist(),
            strict=True,
        )
        if value
    }
    assert taken == {("shop/prices.py", "map"), ("shop/mail.py", "send")}


def test_what_a_name_begins_with_counts() -> None:
    files = FILES | {
        "shop/tools.py": "".join(f"def {a}_thing(x: int) -> int: ...\n" for a in "abcdefghij")
    }
    index = index_of(files)
    query, text = place("from shop import tools\n\ntools.h|\n")
    index.open(query.path, text, "python")
    got = definitions_and_windows(index.links, query, Lookups(files.get), 60, length)
    assert "h_thing" in definitions(got)


def test_what_a_selection_names_comes_first() -> None:
    names = "abcdefghij"
    files = FILES | {
        "shop/tools.py": "".join(f"def {a}_thing(x: int) -> int: ...\n" for a in names),
        "shop/more.py": "def f() -> int:\n    from shop.tools import a_thing\n    a_thing(1)\n" * 9,
    }
    text = "from shop.tools import a_thing, h_thing\n\na_thing(1)\nprint(h_thing(2))\na_thing(3)\n"
    index = index_of(files)
    index.open("shop/orders.py", text, "python")
    for line, name in ((2, "a_thing"), (3, "h_thing"), (4, "a_thing")):
        focus = Range(Position(line, 0), Position(line + 1, 0))
        query = Query("shop/orders.py", "python", split_lines(text), focus)
        got = definitions_and_windows(index.links, query, Lookups(files.get), 60, length)
        assert definitions(got) == f"def {name}(x: int) -> int\n"


def test_typescript_declarations_end_as_the_language_ends_them() -> None:
    marked = 'import { Basket } from "./view";\nfunction f(basket: Basket) {\n  basket.|\n}\n'
    text = definitions(found(marked, path="web/page.ts"))
    assert "    items: Item[];\n" in text
    assert "    total(): number;\n" in text


def test_nothing_comes_from_the_document_itself() -> None:
    for marked in (ORDERS + "|", "def cheapest(own): ...\n\ncheap|\n"):
        for candidate in found(marked):
            assert candidate.origin != "shop/orders.py"
            assert "own" not in candidate.text


def test_windows_look_like_what_is_written_and_do_not_overlap() -> None:
    windows = [one for one in found(ORDERS.replace("best.\n", "best.|\n")) if not one.stable]
    assert windows[-1].origin == "shop/baskets.py"
    assert all(one.text.count("\n") <= WINDOW for one in windows)
    assert len({one.text for one in windows}) == len(windows)


def test_a_file_that_must_not_be_read_gives_no_window() -> None:
    index = index_of(FILES)
    query, text = place(ORDERS + "|")
    index.open(query.path, text, "python")
    got = definitions_and_windows(index.links, query, Lookups(lambda _: None), 3000, length)
    assert all(one.stable for one in got)


@given(st.integers(0, 900), st.integers(0, len(ORDERS)), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_the_bound_always_holds(budget: int, offset: int, frame: int) -> None:
    marked = f"{ORDERS[:offset]}|{ORDERS[offset:]}"
    query, text = place(marked)
    index = index_of(FILES)
    index.open(query.path, text, "python")
    texts = Lookups(FILES.get)
    got = definitions_and_windows(
        index.links, query, texts, budget, lambda path, text: frame + len(path) + len(text)
    )
    assert sum(len(one.text) + frame + len(one.origin) for one in got) <= budget


def test_the_same_question_has_the_same_answer_whatever_was_asked_before() -> None:
    query, text = place(ORDERS.replace("best.\n", "best.|\n"))
    shuffled = list(FILES.items())
    random.Random(1).shuffle(shuffled)
    answers = []
    for files in (FILES, dict(shuffled)):
        index = index_of(files)
        index.open(query.path, text, "python")
        texts = Lookups(files.get)
        for offset in range(0, len(text), 7):
            other, _ = place(f"{text[:offset]}|{text[offset:]}")
            definitions_and_windows(index.links, other, texts, 700, length)
        answers += [
            definitions_and_windows(index.links, query, texts, 700, length) for _ in range(2)
        ]
    assert all(answer == answers[0] for answer in answers)


def test_a_file_the_index_does_not_know_gets_an_answer() -> None:
    query, _ = place("cheap|", "shop/unsaved.py")
    got = definitions_and_windows(index_of(FILES).links, query, Lookups(FILES.get), 500, length)
    assert isinstance(got, list)


def test_an_empty_index_has_nothing_to_tell() -> None:
    query, _ = place("cheap|")
    assert definitions_and_windows(Index().links, query, Lookups(FILES.get), 500, length) == []


@pytest.mark.parametrize(
    ("marked", "receiver", "partial", "after_dot"),
    [
        ("x = order.pri|", "order", "pri", True),
        ("x = self.order.|", "self.order", "", True),
        ("call(order.|)", "order", "", True),
        ("x = pri|", "", "pri", False),
        ("order->na|", "order", "na", True),
        ("", "", "", False),
    ],
)
def test_sight_knows_what_stands_before_the_cursor(
    marked: str, receiver: str, partial: str, after_dot: bool
) -> None:
    query, _ = place(marked or "|")
    sight = look(query.lines, query.focus, "python")
    assert (sight.receiver, sight.partial, sight.after_dot) == (receiver, partial, after_dot)


def test_sight_sees_near_names_better_and_no_imports() -> None:
    lines = split_lines(
        "from a import (\n    unused,\n    used,\n)\nfar = 1\n" + "\n" * 40 + "near = used\nx = \n"
    )
    sight = look(lines, cursor(len(lines) - 1, 4), "python")
    assert sight.near["near"] > 5 * sight.near["far"] > 0
    assert "used" in sight.near
    assert "unused" not in sight.near


@pytest.mark.parametrize(
    ("language", "line", "name", "kind"),
    [
        ("python", "order: Order = make()\n", "order", "Order"),
        ("python", "order = Order(1)\n", "order", "Order"),
        ("typescript", "const order: Order = x;\n", "order", "Order"),
        ("typescript", "const order = new Order();\n", "order", "Order"),
        ("java", "Order order = make();\n", "order", "Order"),
        ("go", "order := &Order{}\n", "order", "Order"),
    ],
)
def test_sight_learns_types_of_variables(language: str, line: str, name: str, kind: str) -> None:
    sight = look([line, ""], cursor(1, 0), language)
    assert kind in sight.types[name]


def test_windows_are_ranked_by_what_they_share() -> None:
    texts = {1: "alpha\n" * 60, 2: "alpha beta\n" * 10 + "\n" * 40 + "gamma\n"}
    prepared = [(number, prepare(text)) for number, text in texts.items()]
    best = alike(prepared, {"beta": 2.0, "alpha": 1.0, "missing": 9.0})
    assert (best[0].file, best[0].first) == (2, 0)
    assert {window.file for window in best} == {1, 2}
    assert alike(prepared, {"missing": 9.0}) == []


def test_lookups_are_kept_while_the_text_is_the_same() -> None:
    texts: dict[str, str | None] = {"a": "one", "b": "x" * 50, "c": "y" * 60}
    lookups = Lookups(texts.get, most=100)
    first = lookups.lookup("a")
    assert lookups.lookup("a") is first
    texts["a"] = "two"
    changed = lookups.lookup("a")
    assert changed is not None
    assert changed.lines == ["two"]
    lookups.lookup("b")
    lookups.lookup("c")
    assert lookups.lookup("a") is not changed
    texts["a"] = None
    assert lookups.lookup("a") is None


def test_each_feature_has_its_weights() -> None:
    assert tuple(WEIGHTS) == FEATURES
    assert {len(hidden) for _, hidden in WEIGHTS.values()} == {len(OUTPUT)}


def test_what_the_document_defines_out_of_sight_is_shown_too() -> None:
    far = "def discount(price, share: float):\n    return price * share\n"
    filler = "".join(f"x{number} = {number}\n" for number in range(300))
    query, text = place(f"{far}{filler}\n\ndef final(price):\n    return discount(price, |)\n")
    index = index_of(FILES)
    index.open(query.path, text, "python")
    for shown, expected in ((None, False), ((0, 400), False), ((200, 400), True)):
        got = definitions_and_windows(
            index.links, query._replace(shown=shown), Lookups(FILES.get), 500, length
        )
        own = [one for one in got if one.origin == query.path]
        assert any("def discount(price, share: float)" in one.text for one in own) is expected
        assert not any("def final" in one.text for one in own)
