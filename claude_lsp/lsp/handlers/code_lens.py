"""Code lenses, for who wants them: reviewing, explaining, testing. Never calls the model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from claude_lsp.actions import ACTIONS
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.convert import plain_range, range_to_client

if TYPE_CHECKING:
    from claude_lsp.engine import Engine
    from claude_lsp.lsp.lenses import Lens
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.snapshots import Snapshot


def take_snapshot(server: ClaudeServer, params: types.CodeLensParams) -> Snapshot | None:
    """Take the document as it is when it is asked about."""
    document = server.workspace.get(params.text_document.uri)
    return None if document is None else document.snapshot()


async def code_lens(
    server: ClaudeServer, _params: types.CodeLensParams, snapshot: Snapshot | None
) -> list[types.CodeLens]:
    """Return what stands above each definition; nothing unless the user wants that."""
    if snapshot is None:
        return []
    try:
        async with server.session.engine() as engine:
            if not engine.settings.code_lens.enabled:
                return []
            found = await asyncio.to_thread(_lenses, engine, snapshot)
    except ClaudeError as error:
        server.tell(error.failure, asked=False)
        return []
    encoding = server.abilities.position_encoding
    shown = []
    for one in found:
        place = range_to_client(one.range, snapshot.index, encoding)
        arguments = {"uri": snapshot.uri, "range": plain_range(place)}
        if one.action == "review":
            arguments["scope"] = "selection"
        command = types.Command(one.title, ACTIONS[one.action].command, arguments=[arguments])
        shown.append(types.CodeLens(types.Range(place.start, place.start), command=command))
    return shown


def _lenses(engine: Engine, snapshot: Snapshot) -> list[Lens]:
    # Loads what a server that starts does not need.
    from claude_lsp.lsp.lenses import lenses

    if engine.workspace.reason_not_to_send(snapshot) is not None:
        return []
    return lenses(snapshot, engine.workspace.origin(snapshot), engine.settings)
