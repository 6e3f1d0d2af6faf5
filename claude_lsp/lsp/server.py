"""The server object that handlers get: the session, the jobs and what is shown."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Literal

from lsprotocol import types

from claude_lsp import __version__
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.jobs import Jobs
from claude_lsp.lsp.protocol import Server
from claude_lsp.lsp.publish import Published
from claude_lsp.lsp.routes import register
from claude_lsp.lsp.session import Session
from claude_lsp.text.snapshots import path_from_uri

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.claude.errors import Failure
    from claude_lsp.lsp.handlers.completion import Turn

log = logging.getLogger(__name__)

State = Literal["idle", "working", "blocked"]


class ClaudeServer(Server):
    """One editor's server.

    Attributes:
        session: settings, workspace folders, connection.
        jobs: work that goes on after a message was answered.
        published: the findings that are shown.
        editor_settings: what the client sent as its settings.
        completion_turns: the newest completion request of each document.
    """

    def __init__(self, **others: Any) -> None:
        super().__init__("claude-lsp", __version__, **others)
        self.session = Session()
        self.jobs = Jobs()
        self.published = Published(self)
        self.editor_settings: dict[str, Any] = {}
        self.completion_turns: dict[str, Turn] = {}
        self._told: set[str] = set()
        self._status: tuple[State, str] | None = None
        self.on_close(self._close)
        register(self)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The client's folders that are on disk, in its order."""
        folders = [folder.uri for folder in self.workspace.folders.values()]
        if not folders and self.workspace.root_uri:
            folders = [self.workspace.root_uri]
        paths = (path_from_uri(uri) for uri in folders)
        return tuple(path for path in paths if path is not None)

    def status(self, state: State, detail: str = "") -> None:
        """Tell editors that want to know what goes on; others are not bothered."""
        if self._status == (state, detail):
            return
        self._status = (state, detail)
        if self.abilities.status:
            self.protocol.notify("claude/status", {"state": state, "detail": detail})

    def idle(self) -> None:
        """Tell that nothing goes on, once the last job has ended."""
        if not self.jobs.busy:
            self.status("idle")

    def tell(self, failure: Failure, *, asked: bool) -> None:
        """Report a failure: to the user if they asked, else as a state and in the log.

        A pop-up is shown once for each cause that nobody asked to see twice.
        """
        text = str(failure)
        self.status("blocked", text)
        if asked:
            self._show(types.MessageType.Error, text)
        elif failure.kind not in self._told:
            self._told.add(failure.kind)
            log.warning("%s", text)

    def notice(self, text: str) -> None:
        """Tell the user something they should know about what they asked for."""
        self._show(types.MessageType.Info, text)

    def forget_told(self) -> None:
        """Let every cause be reported again: settings have changed, or the user tries again."""
        self._told.clear()

    def _show(self, kind: types.MessageType, text: str) -> None:
        self.window_show_message(types.ShowMessageParams(kind, f"Claude: {text}"))

    async def warm(self) -> None:
        """Load what the first request needs, in a worker, so that it does not wait for it."""
        from claude_lsp.context import tokens

        try:
            engine = await self.session.engine()
            await asyncio.to_thread(tokens.warm)
            await engine.client.check_credentials()
        except ClaudeError as error:
            self.tell(error.failure, asked=False)

    async def _close(self) -> None:
        self.published.close()
        await self.jobs.close()
        await self.session.close()
