"""The commands about what is staged: a commit message, a summary for reviewers."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Situation
from claude_lsp.actions.describe_changes import candidates_of, message_of
from claude_lsp.actions.outcomes import Prose
from claude_lsp.lsp.again import Done
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.confirm import may_send
from claude_lsp.lsp.handlers.target import arguments_of, tier_of
from claude_lsp.lsp.present import present
from claude_lsp.lsp.progress import progress
from claude_lsp.text.markdown import fenced
from claude_lsp.text.positions import Position, Range
from claude_lsp.text.snapshots import Snapshot, path_from_uri, uri_from_path
from claude_lsp.text.unseen import visible_lines
from claude_lsp.workspace import git
from claude_lsp.workspace.staged import staged_changes

if TYPE_CHECKING:
    from pathlib import Path

    from lsprotocol import types

    from claude_lsp.engine import Engine
    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.routing import Tier

_MESSAGE = "COMMIT_EDITMSG"


@dataclass(frozen=True)
class _Asked:
    """What one of the commands is asked.

    Attributes:
        name: of the action.
        repository: the root of the working tree.
        asked_in: the document that the command came from, None if from none.
        message: the open commit message, with what happens to it from now on.
        tier: the one that the user chose, None for the usual one.
        confirm: whether to ask before anything is sent.
    """

    name: str
    repository: Path
    asked_in: Snapshot | None
    message: tuple[Snapshot, Journal] | None
    tier: Tier | None
    confirm: bool


def commit_message(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Write the message for what is staged, into an open commit message if there is one."""
    _begin(server, params, "commitMessage")


def change_summary(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Summarise what is staged, in a document of its own."""
    _begin(server, params, "changeSummary")


def _begin(server: ClaudeServer, params: types.ExecuteCommandParams, name: str) -> None:
    table = arguments_of(params)
    uri = table.get("uri")
    path = path_from_uri(uri) if isinstance(uri, str) else None
    place = path or (server.roots[0] if server.roots else None)
    if place is None:
        raise JsonRpcInvalidParams(f"{params.command} needs an open folder, or a document's uri.")
    # The message itself stands in `.git`, beside what it is about.
    inside = place.parent.parent if place.name == _MESSAGE else place
    repository = git.root_of(inside)
    if repository is None:
        raise JsonRpcInvalidParams(f"{params.command}: {inside} is in no git repository.")
    document = server.workspace.get(uri) if isinstance(uri, str) else None
    asked = _Asked(
        name,
        repository,
        None if document is None else document.snapshot(),
        _open_message(server, repository) if name == "commitMessage" else None,
        tier_of(table.get("tier"), params.command),
        confirm=table.get("confirm") is True,
    )
    server.work(f"{name} {repository}", name, lambda: _work(server, asked))


def _open_message(server: ClaudeServer, repository: Path) -> tuple[Snapshot, Journal] | None:
    """Return the commit message of a repository that is open in the editor, None if none is."""
    folder = git.git_directory(repository)
    for snapshot in server.workspace.open_snapshots():
        path = snapshot.path
        if path is not None and path.name == _MESSAGE and path.parent == folder:
            document = server.workspace.get(snapshot.uri)
            return None if document is None else (document.snapshot(), document.journal())
    return None


async def _work(server: ClaudeServer, asked: _Asked) -> None:
    async with server.session.engine() as engine:
        try:
            await _ask(server, engine, asked)
        finally:
            if asked.message is not None:
                asked.message[1].close()


async def _ask(server: ClaudeServer, engine: Engine, asked: _Asked) -> None:
    action = ACTIONS[asked.name]
    try:
        staged = await asyncio.to_thread(staged_changes, engine.workspace, asked.repository)
    except git.GitError as error:
        server.notice(str(error))
        return
    if staged.left_out:
        names = ", ".join(f"{path} ({reason})" for path, reason in staged.left_out)
        server.notice(f"not shown to Claude: {names}")
    if not staged.files:
        if not staged.left_out:
            server.notice("nothing is staged; run 'git add' first")
        return
    shown = asked.asked_in or Snapshot(uri_from_path(asked.repository), None, "")
    everything = Range(Position(0, 0), shown.index.position_at(len(shown.text)))
    situation = Situation(shown, asked.repository.name, everything)
    candidates = candidates_of(staged)
    prepared = await engine.prepare(action, situation, extras=candidates, tier=asked.tier)
    if asked.confirm and not await may_send(server, engine, action, situation, prepared):
        return
    title = f"Claude: {action.title(situation)}"
    answer = ""
    async with (
        progress(server, title) as report,
        contextlib.aclosing(engine.run(action, situation, prepared)) as outcomes,
    ):
        async for outcome in outcomes:
            if isinstance(outcome, Prose):
                answer += outcome.text
                report(f"{len(answer)} characters")
    if not answer.strip():
        server.notice("no answer came back")
        return
    await _show(server, asked, answer, title)
    if asked.asked_in is not None:
        server.done.note(Done(action, situation, prepared.request.tier, {}), ())


async def _show(server: ClaudeServer, asked: _Asked, answer: str, title: str) -> None:
    if asked.name == "changeSummary":
        await present(server, f"{answer.strip()}\n", f"What is staged in {asked.repository.name}")
        return
    text = visible_lines(message_of(answer))
    if asked.message is not None:
        snapshot, journal = asked.message
        ending = "\n" if snapshot.index.line(0).strip() else ""
        applier = Applier(server, snapshot, journal, title)
        problem = await applier.insert(Position(0, 0), text + ending)
        if problem is None:
            return
        server.notice(f"the message was not inserted: {problem}")
    await present(server, fenced(text, "text"), "Commit message")
