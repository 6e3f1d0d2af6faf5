"""Text for the user to read: as a document where the client can open one, else as a message."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.findings.sanitize import spoken
from claude_lsp.text.markdown import fenced, harmless
from claude_lsp.text.snapshots import uri_from_path
from claude_lsp.text.unseen import visible, visible_lines

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.lsp.protocol import Server

log = logging.getLogger(__name__)

_KEPT = 20
_SHOW_S = 10.0


async def present(server: Server, markdown: str, title: str = "") -> None:
    """Show a Markdown text, perhaps under a title; harmless to show, whoever wrote it.

    It is kept among the last twenty in the state folder.
    """
    head = f"# {visible(title)}\n\n" if title else ""
    markdown = visible_lines(harmless(head + markdown))
    path: Path | None = None
    try:
        path = await asyncio.to_thread(_write, markdown)
    except OSError as error:
        log.warning("the text could not be written to the state folder: %s", error)
    if path is not None and await open_document(server, uri_from_path(path)):
        return
    where = f"\n\n({path})" if path is not None else ""
    text = spoken(markdown + where)
    server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))


async def present_context(server: Server, action: str, text: str) -> None:
    """Show what an action would send, exactly."""
    await present(server, fenced(text), f"{action}: what is sent")


async def present_page(server: Server, page: str) -> bool:
    """Show a page in the user's browser; tell whether the client has one opened."""
    path = await asyncio.to_thread(_write_page, page)
    return await open_document(server, uri_from_path(path), external=True)


async def open_document(
    server: Server, uri: str, at: types.Position | None = None, *, external: bool = False
) -> bool:
    """Open a document in the editor, with the cursor at a place, or in the program for its kind.

    Returns:
        whether it is open.
    """
    if not server.abilities.show_document:
        return False
    selection = None if at is None else types.Range(at, at)
    params = types.ShowDocumentParams(
        uri, external=external or None, take_focus=True, selection=selection
    )
    try:
        async with asyncio.timeout(_SHOW_S):
            return bool((await server.window_show_document_async(params)).success)
    except TimeoutError:
        log.warning("the client did not answer window/showDocument")
    except JsonRpcException as error:
        log.warning("the client refused window/showDocument: %s", error.message)
    return False


def _write_page(page: str) -> Path:
    from claude_lsp.claude.ledger import state_directory

    path = state_directory() / "usage.html"
    path.touch(mode=0o600)
    path.write_text(page, encoding="utf-8")
    return path


def _write(markdown: str) -> Path:
    from claude_lsp.claude.ledger import state_directory

    folder = state_directory() / "answers"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(markdown.encode()).hexdigest()[:12]}.md"
    path.write_text(markdown, encoding="utf-8")
    ages = {}
    for each in folder.glob("*.md"):
        # Another editor's server may tidy up at the same time.
        with contextlib.suppress(FileNotFoundError):
            ages[each] = each.stat().st_mtime_ns
    kept = sorted((each for each in ages if each != path), key=ages.__getitem__)
    for old in kept[: max(0, len(kept) + 1 - _KEPT)]:
        old.unlink(missing_ok=True)
    return path
