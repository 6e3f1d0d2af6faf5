"""Text for the user to read: as a document where the client can open one, else as a message."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.claude.ledger import state_directory
from claude_lsp.text.snapshots import uri_from_path

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.lsp.protocol import Server

log = logging.getLogger(__name__)

_KEPT = 20
_SHOW_S = 10.0


async def present(server: Server, markdown: str) -> None:
    """Show a Markdown text; it is kept among the last twenty in the state folder."""
    path: Path | None = None
    try:
        path = await asyncio.to_thread(_write, markdown)
    except OSError as error:
        log.warning("the text could not be written to the state folder: %s", error)
    if path is not None and server.abilities.show_document:
        params = types.ShowDocumentParams(uri_from_path(path), take_focus=True)
        try:
            async with asyncio.timeout(_SHOW_S):
                result = await server.window_show_document_async(params)
            if result.success:
                return
        except TimeoutError:
            log.warning("the client did not answer window/showDocument")
    where = f"\n\n({path})" if path is not None else ""
    server.window_show_message(types.ShowMessageParams(types.MessageType.Info, markdown + where))


def _write(markdown: str) -> Path:
    folder = state_directory() / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    kept = sorted(folder.glob("*.md"), key=lambda path: path.stat().st_mtime)
    for old in kept[: max(0, len(kept) - _KEPT + 1)]:
        old.unlink(missing_ok=True)
    name = hashlib.sha256(markdown.encode()).hexdigest()[:12]
    path = folder / f"{name}.md"
    path.write_text(markdown, encoding="utf-8")
    return path
