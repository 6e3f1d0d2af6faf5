"""What one editor session works with: settings, workspace, connection, engine."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.client import Client
from claude_lsp.claude.ledger import Ledger
from claude_lsp.configuration import Configuration, load
from claude_lsp.engine import Engine
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)


@dataclass
class Session:
    """The state that outlives a message; replaced parts are built anew when settings change.

    Attributes:
        roots: the workspace's folders.
        configuration: the merged settings and what could not be taken of them.
        ledger: what was spent; shared with every other process of the user.
    """

    roots: tuple[Path, ...] = ()
    configuration: Configuration = field(default_factory=Configuration)
    ledger: Ledger = field(default_factory=Ledger)
    _engine: Engine | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def engine(self) -> Engine:
        """Return the engine, as soon as the settings have been read."""
        await self._ready.wait()
        assert self._engine is not None  # noqa: S101 - set before the event
        return self._engine

    @property
    def current_engine(self) -> Engine | None:
        """The engine if it is there already."""
        return self._engine

    async def configure(self, roots: Sequence[Path], editor: Mapping[str, Any]) -> None:
        """Read the settings and build what depends on them; running requests keep the old parts."""
        root = roots[0] if roots else None
        configuration = await asyncio.to_thread(load, root, editor=editor)
        old = self._engine
        self.roots, self.configuration = tuple(roots), configuration
        settings = configuration.settings
        workspace = Workspace(self.roots, settings)
        if old is not None and old.settings.endpoint == settings.endpoint:
            client = old.client
            client.settings = settings
        else:
            client = Client(settings, self.ledger)
        self._engine = Engine(settings, workspace, client)
        self._ready.set()
        if old is not None and old.client is not client:
            await old.client.close()

    async def close(self) -> None:
        """Close the connections and the ledger."""
        if self._engine is not None:
            await self._engine.client.close()
        await asyncio.to_thread(self.ledger.close)
