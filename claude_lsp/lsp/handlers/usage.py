"""The command that shows what was spent."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from claude_lsp.lsp.handlers.target import arguments_of
from claude_lsp.lsp.present import present, present_page

if TYPE_CHECKING:
    from lsprotocol import types

    from claude_lsp.lsp.server import ClaudeServer


def show_usage(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Show what today and this month have cost; with `page`, as a page in the browser."""
    as_page = arguments_of(params).get("page") is True
    server.work("showUsage", "looking", lambda: _show_usage(server, as_page=as_page))


async def _show_usage(server: ClaudeServer, *, as_page: bool) -> None:
    # Not needed by a server that starts.
    from claude_lsp.spending import figures, page, text

    today = datetime.now().astimezone().date()
    since = today.replace(day=1).isoformat()
    async with server.session.engine() as engine:
        limits = engine.settings.spend
    month = await asyncio.to_thread(figures.collect, server.session.ledger, since, today)
    if not (as_page and await present_page(server, page.render(month))):
        await present(server, text.render(month, limits))
