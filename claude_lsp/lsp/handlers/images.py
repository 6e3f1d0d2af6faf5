"""The command that describes an image."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.describe_image import image_at
from claude_lsp.lsp import carrying_out
from claude_lsp.lsp.handlers.target import Target
from claude_lsp.lsp.running import start
from claude_lsp.workspace.files import Unreadable
from claude_lsp.workspace.images import picture_of

if TYPE_CHECKING:
    from lsprotocol import types

    from claude_lsp.lsp.server import ClaudeServer


def describe_image(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Write the alternative text of the image at the given place."""
    target = Target(server, params, needs_range=True)
    reference = image_at(target.snapshot, target.range.start)

    async def find() -> bool:
        if reference is None:
            server.notice("there is no image at the cursor (Markdown, HTML or JSX)")
            return False
        async with server.session.engine() as engine:
            found = await asyncio.to_thread(
                picture_of, engine.workspace, target.snapshot, reference.target
            )
        if isinstance(found, Unreadable):
            server.notice(f"the image was not described: {found.reason}")
            return False
        target.picture = found
        return True

    start(server, ACTIONS["describeImage"], target, carrying_out.edit, ready=find)
