"""The commands of conversations: begin one, continue it, apply a block of an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.ask import reference_to
from claude_lsp.actions.blocks import Unfit, block_at, edits_of
from claude_lsp.actions.editing import shortened
from claude_lsp.lsp.answering import NOTHING_ASKED, Spot, answer, end_of_turn, spot_for
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.confirm import ask, type_line
from claude_lsp.lsp.handlers.target import Target, arguments_of
from claude_lsp.lsp.present import open_document
from claude_lsp.lsp.running import start
from claude_lsp.lsp.trial import Trial
from claude_lsp.lsp.workspace_edit import apply_unopened
from claude_lsp.text.conversation import USER_HEADING, is_conversation, opening
from claude_lsp.text.lines import column_to_units, split_lines, without_ending
from claude_lsp.text.snapshots import path_from_uri, uri_from_path
from claude_lsp.text.unseen import UNSEEN
from claude_lsp.workspace.conversations import create, folder_below
from claude_lsp.workspace.destination import Refused, destination_at

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.engine import Engine
    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.running import Work
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.text.edits import TextEdit
    from claude_lsp.text.markdown import Fence
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.destination import Destination

log = logging.getLogger(__name__)

_HINT = 'write your question below, then run the code action "Claude: Continue"'
_QUESTION = "What do you want to ask?"
_OPENED_S = 15.0
"""How long after it was asked for the editor may take to open a conversation that goes on then."""


# ----- begin


def begin(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Begin a conversation about the given place, or about the project; in one, continue it.

    A question that is given, or that the user types where the editor can ask, is sent at once.
    """
    uri = arguments_of(params).get("uri")
    if isinstance(uri, str) and is_conversation(uri):
        go_on(server, params)
        return
    target = Target(server, params) if uri is not None else None
    instruction = arguments_of(params).get("instruction")
    question = instruction.strip() if isinstance(instruction, str) else ""

    async def work() -> None:
        with contextlib.ExitStack() as stack:
            if target is not None:
                stack.enter_context(target.journal)
            await _begin(server, target, question)

    server.work("ask", "opening a conversation", work)


async def _begin(server: ClaudeServer, target: Target | None, question: str) -> None:
    async with server.session.engine() as engine:
        reason = None if target is None else engine.workspace.reason_not_to_send(target.snapshot)
        if target is not None and reason is not None:
            server.notice(f"{engine.workspace.origin(target.snapshot)} is not sent: {reason}")
            return
        if target is not None and target.confirm and not await ask(
            server, "Open a new conversation?", "Open"
        ):  # fmt: skip
            return
        if not question and server.abilities.input:
            typed = await type_line(server, _QUESTION)
            if typed is None:
                return
            question = typed
        folder = _folder(engine, target)
        text, about = _opening(engine, target, question)
    if isinstance(folder, Refused):
        server.notice(folder.reason)
        return
    from claude_lsp.claude.ledger import today

    try:
        path = await asyncio.to_thread(create, folder, today(), about, text)
    except OSError as error:
        server.notice(f"the conversation could not be written to {folder}: {error.strerror}")
        return
    if question:
        server.begun[path] = asyncio.get_running_loop().time()
    # On the last line that has an end: not every editor shows one behind it.
    *_, last = split_lines(text)
    units = column_to_units(last, len(without_ending(last)), server.abilities.position_encoding)
    at = types.Position(text.count("\n") - 1, units)
    if not await open_document(server, uri_from_path(path), at):
        server.begun.pop(path, None)
        what = "continue it" if question else "write your question into it"
        server.notice(f"the conversation is in {path}; open it and {what}")


def _folder(engine: Engine, target: Target | None) -> Path | Refused:
    """Return where the conversation is kept: in the project, else with the server's own files."""
    path = None if target is None else target.snapshot.path
    root = (None if path is None else engine.workspace.root_of(path)) or engine.workspace.root
    if root is not None:
        return folder_below(root, engine.settings.ask.folder)
    from claude_lsp.claude.ledger import state_directory

    return state_directory() / "conversations"


def _opening(engine: Engine, target: Target | None, question: str) -> tuple[str, str]:
    """Return the beginning of a conversation, and what it is about."""
    hint = "" if question else _HINT
    if target is None:
        return opening(None, question, hint), question
    situation = target.situation(engine)
    text = opening(
        reference_to(situation),
        question,
        hint,
        [
            f"line {each.range.start.line + 1}: {shortened(each.message, 200)}"
            for each in target.problems
        ],
    )
    return text, question or PurePosixPath(situation.origin).stem


def opened(server: ClaudeServer, uri: str) -> None:
    """Continue a conversation that was begun with a question, now that it is open."""
    path = path_from_uri(uri) if server.begun else None
    when = None if path is None else server.begun.pop(path, None)
    if when is not None and asyncio.get_running_loop().time() - when < _OPENED_S:
        go_on(server, types.ExecuteCommandParams("claude.continue", [{"uri": uri}]))


# ----- continue


def go_on(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Answer the last turn of a conversation (`*.claude.md`), at its end."""
    target = Target(server, params)
    action, snapshot = ACTIONS["ask"], target.snapshot
    if not is_conversation(snapshot.uri):
        target.journal.close()
        raise JsonRpcInvalidParams(f"{params.command} needs a conversation, a file *.claude.md.")
    if server.jobs.runs(f"{action.name} {snapshot.uri}"):
        target.journal.close()
        server.notice("an answer is being written here; cancel it first to ask again")
        return
    spot: Spot | None = None

    async def ready() -> bool:
        nonlocal spot
        spot = await asyncio.to_thread(spot_for, snapshot, target.tier)
        if spot is None:
            await _ask_for_a_question(server, snapshot, target.journal)
            return False
        target.snapshot = spot.asked
        return True

    async def carry_out(work: Work) -> bool:
        assert spot is not None  # noqa: S101 - `ready` has found it
        return await answer(work, spot)

    start(server, action, target, carry_out, ready=ready)


async def _ask_for_a_question(server: ClaudeServer, snapshot: Snapshot, journal: Journal) -> None:
    """Say that nothing is asked, and give the user's next turn the heading that it may lack."""
    server.notice(NOTHING_ASKED)
    from claude_lsp.text.conversation import parse

    conversation = await asyncio.to_thread(parse, snapshot.text)
    if conversation.waiting is None:
        text = end_of_turn(snapshot.text, conversation.open_fence) + f"{USER_HEADING}\n\n"
        applier = Applier(server, snapshot, journal, "Claude: Continue")
        await applier.append(snapshot.index.position_at(len(snapshot.text)), text)


# ----- apply a block


def apply_block(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Write the code block at the given place of a conversation into the file that it names."""
    target = Target(server, params, needs_range=True)
    target.journal.close()
    lines = target.snapshot.index.lines
    block = block_at(lines, target.range.start.line)
    if not is_conversation(target.snapshot.uri) or block is None:
        raise JsonRpcInvalidParams(
            f"{params.command} needs a place in a block ```language path=FILE of a conversation."
        )
    documents = target.surroundings.documents
    # What is open is edited as it is now, whatever the user does to it meanwhile.
    journals = {
        each.uri: document.journal()
        for each in documents
        if (document := server.workspace.get(each.uri)) is not None
    }
    name, content = block.attribute("path"), block.content(lines)

    async def work() -> None:
        async with server.session.engine() as engine:
            found = await asyncio.to_thread(_destination, engine, target, name)
            if isinstance(found, Refused):
                server.notice(f"the block was not applied: {found.reason}")
                return
            journal = journals.get(found.snapshot.uri)
            problem = await _apply(server, found, block, content, journal)
            if problem is not None:
                server.notice(f"the block was not applied to {found.origin}: {problem}")

    server.work(f"applyBlock {target.snapshot.uri}", "applying", work)


def is_relative(name: str) -> bool:
    """Whether a path that a block names can be one of the project."""
    parts = PureWindowsPath(name).parts
    return bool(parts) and not (
        PureWindowsPath(name).anchor or name.startswith("~") or ".." in parts or "\0" in name
    )


def _destination(engine: Engine, target: Target, name: str) -> Destination | Refused:
    path, workspace = target.snapshot.path, engine.workspace
    root = (None if path is None else workspace.root_of(path)) or workspace.root
    if root is None:
        return Refused("no folder is open")
    if not is_relative(name):
        return Refused(f"{name} is outside of the workspace")
    file = root.joinpath(*PureWindowsPath(name).parts)
    documents = target.surroundings.documents
    return destination_at(workspace, file, "the block belongs", documents)


async def _apply(
    server: ClaudeServer,
    destination: Destination,
    block: Fence,
    content: str,
    journal: Journal | None,
) -> str | None:
    """Apply a block once the user has seen it or said yes; return why it can't be applied."""
    edits = await asyncio.to_thread(edits_of, block, content, destination.snapshot.text)
    if isinstance(edits, Unfit):
        return edits.reason
    if not edits:
        return "the file is like that already"
    abilities, origin = server.abilities, destination.origin
    shown = abilities.accepts_previews if journal is not None else abilities.change_annotations
    trial = Trial(destination.snapshot)
    parses = await asyncio.to_thread(trial.parses_with, edits)
    faults = [] if parses else ["leave code that does not parse"]
    if what := trial.unseen_in(edits):
        faults.append(f"bring {UNSEEN}: {what}")
    warning = f", which would {' and '.join(faults)}" if faults else ""
    if faults or not shown:
        question = f"Apply this block to {origin} ({_size(destination, edits)}){warning}?"
        if not await ask(server, question, "Apply"):
            return None
    label = f"Claude: apply to {origin}"
    if journal is None:
        problem = await apply_unopened(server, destination, edits, label)
        if problem is None:
            await open_document(server, destination.snapshot.uri)
        return problem
    with journal:
        if abilities.accepts_previews:
            return await _hold(server, destination, edits, label, journal)
        applier = Applier(server, destination.snapshot, journal, label)
        return await applier.replace_all(edits)


async def _hold(
    server: ClaudeServer,
    destination: Destination,
    edits: list[TextEdit],
    label: str,
    journal: Journal,
) -> str | None:
    """Show the edits in their document, to be accepted or discarded."""
    snapshot = destination.snapshot
    problem = None
    with server.previews.holding(f"applyBlock {snapshot.uri}", snapshot.uri, label) as held:
        for each in edits:
            problem = server.previews.add(held, snapshot, journal, each) or problem
    await open_document(server, snapshot.uri)
    return problem


def _size(destination: Destination, edits: list[TextEdit]) -> str:
    """Return how much of a file edits change, in words."""
    if not destination.exists:
        return "a new file"
    index = destination.snapshot.index
    added = sum(each.text.count("\n") + bool(each.text) for each in edits)
    removed = sum(index.slice(each.range).count("\n") + (not each.range.empty) for each in edits)
    return f"+{added} -{removed} lines"
