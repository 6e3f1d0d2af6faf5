"""What `claude-lsp doctor` says of the project's index and of the ledger."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from claude_lsp.claude import ledger as ledger_module
from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.ledger import STATE_VARIABLE, Ledger
from claude_lsp.cli.doctor import _index_check, _ledger_check
from claude_lsp.routing import Rule
from claude_lsp.settings import Settings, Spend
from claude_lsp.settings import build as settings_from
from claude_lsp.workspace.index import cache
from tests.unit.engine_kit import request
from tests.unit.index_kit import FUNCTIONS, Session, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


async def build(root: Path) -> Path:
    for name in FUNCTIONS:
        write(root, f"{name}.py", f"def {name}(): ...\n")
    async with Session(root):
        pass
    path = cache.newest(root)
    assert path is not None
    return path


def test_no_index_is_no_problem_and_nothing_is_made(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    check = _index_check(root)
    assert check.state == "note"
    assert check.detail.startswith(f"none yet of {root}")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(1, "less than a minute"), (61, "1 minute"), (7_300, "2 hours"), (90_000, "1 day")],
)
async def test_what_is_kept_is_told(tmp_path: Path, seconds: float, age: str) -> None:
    path = await build(tmp_path / "project")
    then = time.time() - seconds
    os.utime(path, (then, then))
    check = _index_check(tmp_path / "project")
    assert check.state == "ok"
    assert check.detail.startswith("3 files, 0.0 MB, ")
    assert check.detail.endswith(f"kept {age} ago in {path.parent}")


async def test_a_damaged_index_is_told_and_does_no_harm(tmp_path: Path) -> None:
    path = await build(tmp_path / "project")
    path.write_bytes(path.read_bytes()[:-5])
    check = _index_check(tmp_path / "project")
    assert check.state == "note"
    assert "cut off; it is built again by itself" in check.detail


def test_what_was_spent_and_how_long_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    ledger = Ledger()
    for first in (0.1, 0.2, None):
        row = ledger.reserve(request(), Spend())
        used = Usage(input=10_000, output=2_000)
        ledger.settle(row, request(), used, "ok", attempts=1, first_token_s=first, total_s=3)
    ledger.close()
    spent, latency, *costs = _ledger_check(Settings())
    assert [cost.name for cost in costs] == [f"cost of {name}" for name in ACTIONS]
    about = {cost.name: cost.detail for cost in costs}["cost of complete"]
    assert about.startswith("about $0.0003 from haiku (claude-haiku-5-5): 2,400 tokens in")
    assert spent.detail == ("$0.0060 of $10.00 spent today in 3 requests, $0.0060 this month in 3")
    assert latency.name == "latency of ask"
    assert latency.detail == (
        "first token 100 ms / 200 ms / 200 ms, whole answer 3.0 s / 3.0 s / 3.0 s"
        " (half / 9 of 10 / 99 of 100 of 3 in 30 days)"
    )


def test_costs_are_those_of_the_past_and_mistaken_names_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    ledger = Ledger()
    asked = replace(request(), action="complete")
    for _ in range(5):
        row = ledger.reserve(asked, Spend())
        used = Usage(input=1_000, output=50)
        ledger.settle(row, asked, used, "ok", attempts=1, first_token_s=0.1, total_s=1)
    ledger.close()
    settings = settings_from(
        {
            "routes": {"compete": (Rule("opus"),), "fix": (Rule("opus"),)},
            "spend.actions": {"fx": {}},
        }
    )
    found = {check.name: check for check in _ledger_check(settings)}
    assert found["cost of complete"].detail == (
        "about $0.0001 from haiku (claude-haiku-5-5): 1,000 tokens in, 50 out; "
        "mean of 5 requests in 30 days"
    )
    assert "from opus (claude-opus-5-5)" in found["cost of fix"].detail
    problems = [check.name for check in found.values() if check.state == "problem"]
    assert problems == ["routes.compete", "spend.actions.fx"]


def test_a_clock_that_was_ahead_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(ledger_module, "today", lambda: "2999-01-01")
    ledger = Ledger()
    ledger.reserve(request(), Spend())
    ledger.close()
    found = {check.name: check for check in _ledger_check(Settings())}
    assert "requests of 2999-01-01" in found["clock"].detail
