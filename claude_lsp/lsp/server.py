"""The server object that handlers get: the session, the jobs and what is shown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Literal

from lsprotocol import types

from claude_lsp import __version__
from claude_lsp.actions.action import Surroundings
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.findings.sanitize import spoken
from claude_lsp.lsp.acceptance import Acceptance
from claude_lsp.lsp.again import LastDone
from claude_lsp.lsp.jobs import Jobs
from claude_lsp.lsp.previews import Previews
from claude_lsp.lsp.protocol import Server
from claude_lsp.lsp.publish import Published
from claude_lsp.lsp.recent import RecentEdits
from claude_lsp.lsp.routes import register
from claude_lsp.lsp.session import Session
from claude_lsp.lsp.suggestions import Suggestions
from claude_lsp.lsp.verdicts import Verdicts
from claude_lsp.telemetry import tracing
from claude_lsp.telemetry.observation import Observation
from claude_lsp.text.snapshots import path_from_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
    from pathlib import Path

    from claude_lsp.claude.budgets import Spent
    from claude_lsp.claude.errors import Failure

log = logging.getLogger(__name__)

State = Literal["idle", "working", "blocked"]


class ClaudeServer(Server):
    """One editor's server.

    Attributes:
        session: settings, workspace folders, connection.
        jobs: the work that users, or their typing, have asked for.
        upkeep: the work that keeps the session going; no user's cancel ends it.
        reviewed_saves: ids of the calls that were made because files were saved.
        published: the findings that are shown.
        previews: edits that wait for the user's word.
        recent: where the user has been typing.
        done: what was done last in each document.
        initial_settings: what came with `initialize`.
        editor_settings: what the client says now; over the initial ones.
        told_problems: the faulty settings that the user knows of.
        suggestions: what is suggested while typing.
        acceptance: what becomes of suggestions.
        begun: the conversations that go on as soon as the editor has opened them, with the time.
        observation: the log's file and traces, if the settings name any.
    """

    def __init__(self, command_line: Mapping[str, Any] | None = None, **others: Any) -> None:
        super().__init__("claude-lsp", __version__, **others)
        self.session = Session(command_line or {}, self.warn, self._note_spent)
        self.jobs = Jobs()
        self.upkeep = Jobs()
        self.published = Published(self)
        self.previews = Previews(self)
        self.recent = RecentEdits()
        self.done = LastDone()
        self.initial_settings: dict[str, Any] = {}
        self.editor_settings: dict[str, Any] = {}
        self.told_problems: frozenset[str] = frozenset()
        self.suggestions = Suggestions(self)
        self.acceptance = Acceptance(self)
        self.reviewed_saves: set[str] = set()
        self.verdicts = Verdicts(self)
        self.begun: dict[Path, float] = {}
        self.observation = Observation()
        self._told: set[str] = set()
        self._under_way: list[str] = []
        self._blocked = ""
        self._spent: Spent | None = None
        self._status: dict[str, Any] | None = None
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

    def surroundings(self) -> Surroundings:
        """Return what the editor shows, frozen as it is now."""
        return Surroundings(tuple(self.workspace.open_snapshots()), self.recent.places)

    def work(
        self, key: str, what: str, work: Callable[[], Coroutine[Any, Any, object]]
    ) -> asyncio.Task[Any]:
        """Begin something that the user asked for; its failure is told to them.

        Args:
            key: an earlier job under the same key is cancelled.
            what: what editors that show a status are told.
            work: makes the coroutine; not called for a job that is cancelled before it begins.
        """

        async def reported() -> None:
            self.forget_told()
            try:
                with self.working(what), tracing.span(f"job {what}"):
                    await work()
            except ClaudeError as error:
                self.tell(error.failure, asked=True)
            except Exception:
                # A bug of ours. The user waits for something, so silence would be wrong.
                log.exception("%s failed", key)
                self._show(
                    types.MessageType.Error,
                    f"an internal error ended this ({what}); the server's log says more",
                )

        return self.jobs.start(key, reported())

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Tell that something goes on and, when the last such thing has ended, what came of it."""
        self._under_way.append(what)
        self._tell_status()
        try:
            yield
            self._blocked = ""
        except ClaudeError as error:
            self._blocked = str(error.failure)
            raise
        finally:
            self._under_way.remove(what)
            self._tell_status()

    def _tell_status(self) -> None:
        """Tell editors that want to know what goes on and what was spent, if either is news."""
        if not self.abilities.status:
            return
        state: State = "idle"
        detail = ""
        if self._under_way:
            state, detail = "working", self._under_way[-1]
        elif self._blocked:
            state, detail = "blocked", self._blocked
        status = {"state": state, "detail": detail, **self._spend()}
        if status != self._status:
            self._status = status
            self.protocol.notify("claude/status", status)

    def _spend(self) -> dict[str, float | None]:
        """Return what today has cost and may cost, as of the last look at the ledger."""
        limits = self.session.configuration.settings.spend
        today = automatic = None
        if (spent := self._spent) is not None:
            from claude_lsp.claude import ledger  # whoever has looked has loaded it

            # After midnight nothing is known but that this session has spent nothing yet.
            is_today = spent.day == ledger.today()
            if not (is_today and spent.unknown):
                today = round(spent.total_usd, 6) if is_today else 0.0
                automatic = round(spent.automatic_usd, 6) if is_today else 0.0
        return {
            "spend_today_usd": today,
            "spend_limit_usd": limits.day_usd,
            "spend_automatic_today_usd": automatic,
            "spend_automatic_limit_usd": limits.automatic_day_usd,
        }

    def _note_spent(self, spent: Spent) -> None:
        self._spent = spent
        self._tell_status()

    def tell(self, failure: Failure, *, asked: bool) -> None:
        """Report a failure: to the user if they asked, else once for each cause in the log."""
        if asked:
            self._show(types.MessageType.Error, str(failure))
        elif failure.kind not in self._told:
            self._told.add(failure.kind)
            log.warning("%s", failure)

    def notice(self, text: str) -> None:
        """Tell the user something they should know about what they asked for."""
        self._show(types.MessageType.Info, text)

    def warn(self, text: str) -> None:
        """Tell the user about something that they should mend."""
        self._show(types.MessageType.Warning, text)

    def forget_told(self) -> None:
        """Let every cause be reported again: settings have changed, or the user tries again."""
        self._told.clear()

    def _show(self, kind: types.MessageType, text: str) -> None:
        self.window_show_message(types.ShowMessageParams(kind, spoken(f"Claude: {text}")))

    def changed_on_disk(self, uris: Iterable[str]) -> None:
        """Take in files that were created, changed or deleted."""
        engine = self.session.current_engine
        if engine is not None:
            engine.codebase.changed(
                path for uri in uris if (path := path_from_uri(uri)) is not None
            )

    async def warm(self) -> None:
        """Load what the first request needs, in a worker, so that it does not wait for it."""
        from claude_lsp.context import tokens

        try:
            with self.working("starting"):
                async with self.session.engine() as engine:
                    await asyncio.to_thread(tokens.warm)
                    await self.session.read_spent()
                    await engine.client.check_credentials()
        except ClaudeError as error:
            self.tell(error.failure, asked=False)

    async def _close(self) -> None:
        self.published.close()
        await self.upkeep.close()
        await self.jobs.close()
        await self.session.close()
        await asyncio.to_thread(self.observation.close)
