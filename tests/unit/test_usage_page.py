"""The page of `claude-lsp usage`: whole, by itself, and right about its figures."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from claude_lsp.claude import ledger_file
from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.ledger import STATE_VARIABLE, Ledger
from claude_lsp.cli import main as command_line
from claude_lsp.cli.process import DONE, USAGE
from claude_lsp.settings import Spend
from claude_lsp.spending.charts import Series, stacked, steps
from claude_lsp.spending.figures import buckets, collect, saved
from claude_lsp.spending.page import render
from claude_lsp.spending.words import count, dollars, seconds
from docs.usage_example import LAST_DAY, fill
from tests.unit.engine_kit import request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from claude_lsp.spending.figures import Figures

VOID = frozenset(("meta", "link", "img", "br", "hr", "input"))


class Balance(HTMLParser):
    """Notes each element that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "iframe", "img", "object", "form", "a")
        assert not {name for name, _ in attrs} & {"src", "href", "style", "onclick", "onload"}

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def text_of(page: str) -> str:
    """Return the words of a page, after a look at whether it is whole and needs nothing else."""
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert (balance.open, balance.wrong) == ([], [])
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(svg)
    assert "://" not in page
    assert "url(" not in page
    assert "{{" not in page
    assert not re.search(r"\bnan\b|\binf\b|None", page)
    return " ".join(balance.text.split())


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    made = Ledger()
    yield made
    made.close()


def example(tmp_path: Path, days: int, shown: int | None = None) -> Figures:
    path = tmp_path / "example.sqlite3"
    connection = ledger_file.opened(path, 5)
    fill(connection, days)
    connection.close()
    ledger = Ledger(path)
    since = LAST_DAY - timedelta(days=(shown or max(days, 1)) - 1)
    figures = collect(ledger, since.isoformat(), LAST_DAY)
    ledger.close()
    return figures


@pytest.mark.parametrize(
    ("days", "shown", "step", "bars"),
    [
        (0, 1, "day", 0),
        (1, 1, "day", 1),
        (1, 30, "day", 1),
        (40, 40, "day", 40),
        (100, 100, "week", 15),
    ],
)
def test_a_page_of_any_length(tmp_path: Path, days: int, shown: int, step: str, bars: int) -> None:
    page = render(example(tmp_path, days, shown), example=True)
    text = text_of(page)
    assert f"Spend by {step} and action" in text
    assert "These figures are an example" in text
    plot = page.split("Spend by")[1].split("</section>")[0]
    assert plot.count("<g>") == bars
    assert ("Nothing was spent." in text) == (days == 0)


def test_names_from_the_ledger_do_not_become_markup(ledger: Ledger) -> None:
    bad = "<script>alert(1)</script>&\"'"
    asked = request(action=bad)
    row = ledger.reserve(asked, Spend())
    usage = Usage(input=1000, output=10)
    ledger.settle(
        row, asked, usage, "ok", attempts=1, first_token_s=0.2, total_s=1, cache_miss=None
    )
    today = date.today()
    text = text_of(render(collect(ledger, today.isoformat(), today)))
    # In the legend, the plots and the table.
    assert text.count(bad) >= 4


def test_what_was_saved_is_what_opus_would_have_asked(ledger: Ledger) -> None:
    usage = Usage(input=200_000, cache_read=500_000, cache_write_5m=300_000, output=100_000)
    asked = request("claude-sonnet-5-5", action="review")
    ledger.settle(
        ledger.reserve(asked, Spend()), asked, usage, "ok", attempts=1, first_token_s=0, total_s=0
    )
    today = date.today()
    figures = collect(ledger, today.isoformat(), today)
    found = saved(figures.total, figures.models)
    assert found.plain_usd == pytest.approx(1.0 * 4 + 0.1 * 20)
    assert found.routed_usd == pytest.approx(1.0 * 2 + 0.1 * 10)
    assert found.paid_usd == pytest.approx(0.2 * 2 + 0.5 * 0.1 + 0.3 * 2.5 + 0.1 * 10)
    text = text_of(render(figures))
    assert "Everything to opus, no cache $6.00" in text
    assert "63% below opus without cache" in text


def test_what_has_no_price_is_on_neither_side(tmp_path: Path) -> None:
    figures = example(tmp_path, 1)
    connection = ledger_file.opened(tmp_path / "example.sqlite3", 5)
    connection.execute("UPDATE requests SET cost_usd = NULL WHERE action <> 'complete'")
    connection.close()
    ledger = Ledger(tmp_path / "example.sqlite3")
    partly = collect(ledger, LAST_DAY.isoformat(), LAST_DAY)
    ledger.close()
    found = saved(partly.total, partly.models)
    assert partly.total.prompt == figures.total.prompt > partly.total.priced_prompt
    assert found.plain_usd < saved(figures.total, figures.models).plain_usd
    assert "unknown" in text_of(render(partly))


def test_buckets_have_no_gap_and_lose_nothing_up_to_today(tmp_path: Path) -> None:
    for days in (5, 100, 700):
        figures = example(tmp_path, 5, days)
        found = buckets(figures)
        assert len(found) <= 100
        assert sum(line.cost_usd for each in found for line in each.lines) == pytest.approx(
            figures.total.cost_usd
        )


@pytest.mark.parametrize("most", [0, 1e-7, 0.003, 0.7, 1, 2.4, 99, 1234])
def test_axes_reach_above_what_they_show(most: float) -> None:
    found = steps(most)
    assert found[0] == 0
    assert found[-1] >= most
    assert 2 <= len(found) <= 7
    ET.fromstring(stacked(["a"], [], [Series("x", [most])]))


def test_words() -> None:
    assert [dollars(x) for x in (0, 0.00012, 0.5, 12.345, 1234.5, -2)] == [
        *("$0", "$0.00012", "$0.500", "$12.35", "$1,234", "-$2.00")
    ]
    assert [count(x) for x in (0, 999, 999_950, 12_345)] == ["0", "999", "1M", "12.3k"]
    assert [seconds(x) for x in (0.0301, 1.04, 75, 900)] == ["30 ms", "1.0 s", "75 s", "15 min"]


def test_the_command_writes_the_page(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "usage.html"
    assert command_line.run(["usage", "--format", "html", "-o", str(target)]) == DONE
    assert capsys.readouterr().out == ""
    assert "Nothing was spent." in text_of(target.read_text("utf-8"))
    with pytest.raises(SystemExit) as ended:
        command_line.run(["usage", "--format", "html", "-o", str(tmp_path / "no" / "file")])
    assert ended.value.code == USAGE
    assert "No such file" in capsys.readouterr().err
