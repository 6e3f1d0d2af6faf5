"""`claude-lsp usage`: what is printed of the ledger."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.ledger import STATE_VARIABLE, Ledger
from claude_lsp.cli import main as command_line
from claude_lsp.cli import usage
from claude_lsp.cli.process import DONE, USAGE
from claude_lsp.settings import Spend
from tests.unit.engine_kit import request

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))


def spend(action: str, *, shown: int = 0, accepted: int = 0) -> None:
    ledger = Ledger()
    asked = request(action=action)
    row = ledger.reserve(asked, Spend())
    used = Usage(input=10_000, output=2_000)
    ledger.settle(row, asked, used, "ok", attempts=1, first_token_s=0.1, total_s=1)
    for _ in range(shown):
        ledger.note_shown(row)
    for _ in range(accepted):
        ledger.note_accepted(row, 30)
    ledger.close()


def test_a_table_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    spend("complete", shown=2, accepted=1)
    spend("fix")
    assert command_line.run(["usage", "--by", "model, action"]) == DONE
    out = capsys.readouterr().out.splitlines()
    assert out[2].split() == [
        *("action", "model", "requests", "in", "cache", "writes", "cache", "reads", "out", "US$")
    ]
    assert out[3].split()[2:] == ["1", "10,000", "0", "0", "2,000", "0.0020"]
    assert out[-4].split() == ["total", "2", "20,000", "0", "0", "4,000", "0.0040"]
    assert out[-1] == (
        "The same tokens by claude-opus-5-5 alone, without a cache: $0.1600;"
        " caches served 0% of the prompts."
    )
    assert out[-2] == (
        "Suggestions: 2 shown, 1 accepted (50%, 30 characters);"
        " $0.00200 for each that was accepted."
    )


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    spend("complete", shown=4, accepted=1)
    assert command_line.run(["usage", "--format", "json", "--by", "action"]) == DONE
    report = json.loads(capsys.readouterr().out)
    (group,) = report["groups"]
    assert (group["action"], group["acceptance"], group["requests"]) == ("complete", 0.25, 1)
    assert group["usd_per_accepted"] == pytest.approx(0.002)
    assert report["total"]["output"] == 2000
    assert report["without_cache_all_by"]["cost_usd"] == pytest.approx(0.08)


def test_nothing_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(["usage", "--since", "2026-01-01"]) == DONE
    assert capsys.readouterr().out == "No requests since 2026-01-01.\n"


@pytest.mark.parametrize(
    ("text", "day"),
    [("1", "2026-03-01"), ("7", "2026-02-23"), ("7d", "2026-02-23"), ("2025-12-31", "2025-12-31")],
)
def test_the_first_day(text: str, day: str) -> None:
    assert usage._first_day(text, date(2026, 3, 1)) == day


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--by", "colour"]])
def test_what_can_not_be_meant(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.run(["usage", *arguments])
    assert ended.value.code == USAGE
    assert arguments[1] in capsys.readouterr().err
