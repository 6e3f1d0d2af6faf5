"""What comes of actions, shown: edits in the buffer, prose in a document of its own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Insertion, Notice, Prose, Replacement
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.confirm import ask
from claude_lsp.lsp.present import present
from claude_lsp.lsp.running import preview
from claude_lsp.lsp.trial import Trial
from claude_lsp.text.edits import TextEdit
from claude_lsp.text.positions import Range

if TYPE_CHECKING:
    from claude_lsp.lsp.running import Work


async def edit(work: Work) -> bool:
    """Apply independent edits one by one, each as soon as it is complete.

    One that would leave text that no longer parses waits for the rest: together they may be right.
    What is still wrong then is applied only if the user says so.
    """
    applied = 0
    trial = Trial(work.situation.snapshot)
    held: list[TextEdit] = []

    async def apply(edit: TextEdit) -> None:
        nonlocal applied
        problem = await work.applier.replace(edit.range, edit.text)
        if problem is None:
            trial.accept(edit)
            applied += 1
            work.report(f"{applied} applied")
        else:
            work.server.notice(f"an edit was dropped: {problem}")

    try:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Replacement):
                    one = TextEdit(outcome.range, outcome.text)
                    if await asyncio.to_thread(trial.parses_with, [one]):
                        await apply(one)
                    else:
                        held.append(one)
                elif isinstance(outcome, Notice):
                    work.server.notice(outcome.text)
    except ClaudeError:
        if held:
            work.server.notice(f"{_edits(held)} dropped: the answer broke off before the rest")
        raise
    if held and not await asyncio.to_thread(trial.parses_with, held):
        line = held[0].range.start.line + 1
        question = f"{_edits(held)} at line {line} would leave code that does not parse. Apply?"
        if not await ask(work.server, question, "Apply anyway"):
            work.server.notice(f"{_edits(held)} dropped: the code would not parse")
            return applied > 0
    for one in held:
        await apply(one)
    return applied > 0


def _edits(edits: list[TextEdit]) -> str:
    return "an edit" if len(edits) == 1 else f"{len(edits)} edits"


async def insert(work: Work) -> bool:
    """Put one insertion into the buffer: at its end as one undo step, or line by line."""
    live = work.engine.settings.edits.live == "line"
    written = ""
    at = work.situation.range.start
    found = False
    with preview(work) as show:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, Insertion):
                    continue
                found = found or outcome.complete
                work.report(f"{outcome.text.count(chr(10)) + 1} lines")
                show(outcome.text)
                if not (live or outcome.complete):
                    continue
                # A last line ending may still be taken back, so it waits for the line behind it.
                text = outcome.text if outcome.complete else outcome.text.rstrip()
                if not text.startswith(written):
                    # A filter took back what stands in the buffer already; nothing more is added.
                    work.server.notice("the completion changed as it grew; what is there was kept")
                    return bool(written)
                if outcome.until is None:
                    problem = await work.applier.insert(at, text[len(written) :])
                else:
                    problem = await work.applier.replace(Range(at, outcome.until), text)
                if problem is not None:
                    work.server.notice(f"the completion was dropped: {problem}")
                    return bool(written)
                written = text
    if not found:
        work.server.notice("no completion for this place")
    return found


async def prose(work: Work) -> bool:
    """Collect a text and open it; what has arrived is shown also if the rest fails."""
    answer = ""
    failure: ClaudeError | None = None
    with preview(work) as show:
        try:
            async with contextlib.aclosing(work.outcomes()) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Prose):
                        answer += outcome.text
                        work.report(f"{len(answer)} characters")
                        show(answer)
        except ClaudeError as error:
            failure = error
    if answer.strip():
        place = f"{work.situation.origin}, line {work.situation.range.start.line + 1}"
        await present(work.server, f"# {place}\n\n{answer.strip()}\n")
    elif failure is None:
        work.server.notice("no answer came back")
    if failure is not None:
        raise failure
    return bool(answer.strip())
