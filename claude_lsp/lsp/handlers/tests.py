"""The command that writes tests, into another file than the one it is asked in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.actions.outcomes import Notice, Replacement
from claude_lsp.actions.write_tests import merged
from claude_lsp.lsp.apply import Applier
from claude_lsp.lsp.confirm import ask
from claude_lsp.lsp.handlers.target import Target
from claude_lsp.lsp.present import open_document, present
from claude_lsp.lsp.running import start
from claude_lsp.lsp.trial import Trial
from claude_lsp.lsp.workspace_edit import apply_unopened
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.markdown import fenced
from claude_lsp.text.unseen import UNSEEN
from claude_lsp.workspace.destination import Refused
from claude_lsp.workspace.languages import fence
from claude_lsp.workspace.test_files import destination_of_tests

if TYPE_CHECKING:
    from lsprotocol import types

    from claude_lsp.lsp.documents import Journal
    from claude_lsp.lsp.running import Work
    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.workspace.destination import Destination


def write_tests(server: ClaudeServer, params: types.ExecuteCommandParams) -> None:
    """Write tests for the given place, or the whole document."""
    target = Target(server, params)
    opened = target.surroundings.documents
    # What is open is edited as it is now, whatever the user does to it meanwhile.
    journals = {
        each.uri: document.journal()
        for each in opened
        if (document := server.workspace.get(each.uri)) is not None
    }

    async def find() -> bool:
        async with server.session.engine() as engine:
            found = await asyncio.to_thread(
                destination_of_tests, engine.workspace, target.snapshot, opened
            )
        if isinstance(found, Refused):
            server.notice(found.reason)
            return False
        target.destination = found
        return True

    async def carry_out(work: Work) -> bool:
        destination = target.destination
        assert destination is not None  # noqa: S101 - `find` has found it
        return await _write(work, destination, journals.get(destination.snapshot.uri))

    start(server, ACTIONS["test"], target, carry_out, ready=find)


async def _write(work: Work, destination: Destination, journal: Journal | None) -> bool:
    """Collect the tests, and write them as one change."""
    found: list[Replacement] = []
    async with contextlib.aclosing(work.outcomes()) as outcomes:
        async for outcome in outcomes:
            if isinstance(outcome, Replacement):
                found.append(outcome)
                work.report(f"{len(found)} edits")
            elif isinstance(outcome, Notice):
                work.server.notice(outcome.text)
    edits = [TextEdit(each.range, each.text) for each in merged(found)]
    if not edits:
        return False
    trial = Trial(destination.snapshot)
    if not await asyncio.to_thread(trial.parses_with, edits):
        question = f"the tests for {destination.origin} do not parse. Write them anyway?"
        if not await ask(work.server, question, "Write anyway"):
            return False
    if what := trial.unseen_in(edits):
        question = f"the tests for {destination.origin} have {UNSEEN}: {what}. Write them anyway?"
        if not await ask(work.server, question, "Write anyway"):
            return False
    label = f"Claude: tests in {destination.origin}"
    if journal is None:
        return await _write_unopened(work, destination, edits, label)
    applier = Applier(work.server, destination.snapshot, journal, label)
    problems = [await applier.replace(each.range, each.text) for each in edits]
    for problem in filter(None, problems):
        work.server.notice(f"an edit of {destination.origin} was dropped: {problem}")
    return None in problems


async def _write_unopened(
    work: Work, destination: Destination, edits: list[TextEdit], label: str
) -> bool:
    """Write a file that is not open and show it; what the editor does not take is shown as text."""
    server = work.server
    problem = await apply_unopened(server, destination, edits, label)
    if problem is None:
        await open_document(server, destination.snapshot.uri)
        return True
    server.notice(f"{destination.origin} was not written: {problem}")
    text = apply_edits(destination.snapshot.text, edits)
    language = fence(destination.snapshot.language)
    await present(server, fenced(text.rstrip(), language), destination.origin)
    return True
