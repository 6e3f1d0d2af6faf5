"""What one editor session works with: settings, workspace, connection, engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from claude_lsp.claude import errors
from claude_lsp.configuration import Configuration, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from claude_lsp.claude.budgets import Spent
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.engine import Engine
    from claude_lsp.settings import Settings
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass
class Session:
    """The state that outlives a message; replaced parts are built anew when settings change.

    Attributes:
        roots: the workspace's folders.
        configuration: the merged settings and what could not be taken of them.
        command_line: options given when the server was started, by dotted key; they win.
        tell: called with a sentence for the user, such as on what limits an index.
        on_spent: called with what the day has cost: once it is known, and after each request.
    """

    command_line: Mapping[str, Any] = field(default_factory=dict)
    tell: Callable[[str], object] = log.warning
    on_spent: Callable[[Spent], object] = lambda _spent: None
    roots: tuple[Path, ...] = ()
    configuration: Configuration = field(default_factory=Configuration)
    _engine: Engine | None = None
    _failure: errors.Failure | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _users: Counter[Client] = field(default_factory=Counter)
    _replaced: list[Engine] = field(default_factory=list)

    @cached_property
    def ledger(self) -> Ledger:
        """What was spent; shared with every other process of the user."""
        from claude_lsp.claude.ledger import Ledger

        loop = asyncio.get_running_loop()

        def settled(spent: Spent) -> None:
            # A request may end in its thread after the loop has.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.on_spent, spent)

        return Ledger(settled=settled)

    async def read_spent(self) -> None:
        """Look up what today has cost, in a worker, and tell it.

        Raises:
            ClaudeError: the ledger can't be used.
        """
        self.on_spent(await asyncio.to_thread(self.ledger.spent_today))

    @contextlib.asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """Lend the engine, as soon as the settings have been read.

        Whoever has it keeps it, with its connection, when settings change meanwhile.

        Raises:
            ClaudeError: the settings could not be read at all.
        """
        await self._ready.wait()
        engine = self._engine
        if engine is None:
            raise errors.ClaudeError(self._failure or errors.configuration("no settings"))
        self._users[engine.client] += 1
        try:
            yield engine
        finally:
            self._users[engine.client] -= 1
            await self._close_if_unused(engine.client)

    @property
    def current_engine(self) -> Engine | None:
        """The engine if it is there already."""
        return self._engine

    async def configure(self, roots: Sequence[Path], editor: Mapping[str, Any]) -> None:
        """Read the settings and build what depends on them; running requests keep the old parts.

        May be cancelled at any time: what was there stays.
        """
        try:
            root = roots[0] if roots else None
            configuration = await asyncio.to_thread(
                load, root, editor=editor, command_line=self.command_line
            )
            settings = configuration.settings
            old, loop = self._engine, asyncio.get_running_loop()

            def tell(text: str) -> None:
                # Workers tell, and the client is written to on the loop.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self.tell, text)

            workspace, codebase = await asyncio.to_thread(
                _look_at,
                roots,
                settings,
                tell,
                None if old is None else old.codebase,
            )
        except Exception as error:
            # Never the defaults instead: they could send to another place than the user wants.
            self._failure = errors.configuration(f"{type(error).__name__}: {error}")
            self._ready.set()
            raise
        # The worker has loaded them.
        from claude_lsp.claude.client import Client
        from claude_lsp.engine import Engine

        if old is not None and old.settings.endpoint == settings.endpoint:
            client = old.client
            client.settings = settings
        else:
            client = Client(settings, self.ledger, tell=tell)
        self.roots, self.configuration = tuple(roots), configuration
        self._engine = Engine(settings, workspace, client, codebase)
        self._ready.set()
        if old is not None:
            self._replaced.append(old)
            await self._close_if_unused(old.client)
        await self._close_replaced()

    async def close(self) -> None:
        """Close the connections and the ledger."""
        engine, self._engine = self._engine, None
        await self._close_replaced()
        if engine is not None:
            await engine.close()
            await engine.codebase.close()
        for client in {*self._users, *([engine.client] if engine is not None else [])}:
            await client.close()
        if "ledger" in self.__dict__:
            await asyncio.to_thread(self.ledger.close)

    async def _close_replaced(self) -> None:
        """End what engines of before have under way; one cut short is taken up the next time."""
        while self._replaced:
            old = self._replaced[0]
            await old.close()
            await old.codebase.close(keeping=self._engine.codebase if self._engine else None)
            self._replaced.remove(old)

    async def _close_if_unused(self, client: Client) -> None:
        """Close a connection whose settings have changed, once its last request has ended."""
        if self._engine is not None and client is self._engine.client:
            return
        if self._users[client] <= 0:
            del self._users[client]
            await client.close()


def _look_at(
    roots: Sequence[Path],
    settings: Settings,
    tell: Callable[[str], object],
    earlier: Codebase | None,
) -> tuple[Workspace, Codebase]:
    """Return the folders and what is known of them. Call it in a worker."""
    # What a server that starts does not need: numpy, the database, what makes requests.
    import claude_lsp.engine  # noqa: F401 - loaded here, where nobody waits
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.workspace import Workspace

    workspace = Workspace(roots, settings)
    return workspace, Codebase(workspace, tell, earlier)
