"""The command that shows what was spent."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from claude_lsp.claude.catalog import Usage
from claude_lsp.claude.ledger import Ledger
from claude_lsp.settings import Spend
from claude_lsp.text.snapshots import path_from_uri
from tests.unit.engine_kit import request

if TYPE_CHECKING:
    from tests.lsp.editor import Editor


def spend(action: str) -> None:
    ledger = Ledger()
    asked = request(action=action)
    row = ledger.reserve(asked, Spend())
    used = Usage(input=10_000, output=2_000, cache_read=10_000)
    ledger.settle(row, asked, used, "ok", attempts=1, first_token_s=0.25, total_s=1.5)
    ledger.close()


async def test_today_and_this_month_in_a_document(editor: Editor) -> None:
    spend("ask|*me*")
    spend("explain")
    await editor.run("claude.showUsage", {})
    (params,) = editor.client.shown
    assert not params.external
    path = path_from_uri(params.uri)
    assert path is not None
    text = path.read_text("utf-8")
    assert "Today: **$0.00420** of $10.00, in 2 requests" in text
    assert f"{date.today():%B}: **$0.00420**" in text
    assert "| ask\\|\\*me\\* | 1 | 20,000 | 50% | 2,000 | $0.00210 |" in text
    assert "| explain | 1 | 250 ms / 250 ms / 250 ms | 1.5 s / 1.5 s / 1.5 s |" in text
    assert editor.api.requests == []


async def test_a_page_in_the_browser(editor: Editor) -> None:
    spend("explain")
    await editor.run("claude.showUsage", {"page": True})
    (params,) = editor.client.shown
    assert params.external
    path = path_from_uri(params.uri)
    assert path is not None
    assert "<h1>What Claude has cost</h1>" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
