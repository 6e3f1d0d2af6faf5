"""What comes of actions, shown: edits in the buffer, prose in a document of its own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Insertion, Notice, Prose, Replacement
from claude_lsp.claude.errors import ClaudeError
from claude_lsp.lsp.apply import CLOSED
from claude_lsp.lsp.confirm import accepted
from claude_lsp.lsp.present import present
from claude_lsp.lsp.previews import growing
from claude_lsp.lsp.trial import Trial
from claude_lsp.text.edits import TextEdit
from claude_lsp.text.positions import Range
from claude_lsp.text.unseen import UNSEEN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from claude_lsp.lsp.running import Replace, Work


async def edit(work: Work) -> bool:
    """Apply independent edits one by one, each as soon as it is complete; or let them wait.

    One that would leave text that no longer parses waits for the rest: together they may be right.
    What is still wrong then is applied only if the user says so, and so is what brings something
    that can't be seen.
    """
    if not work.server.abilities.accepts_previews:
        return await _edit_with(work, work.applier().replace, "applied")
    with work.held() as hold:
        return await _edit_with(work, hold, "ready")


async def _edit_with(work: Work, replace: Replace, done: str) -> bool:
    count = 0
    trial = Trial(work.situation.snapshot)
    held: list[TextEdit] = []
    doubtful: list[TextEdit] = []

    async def apply(one: TextEdit) -> None:
        nonlocal count
        problem = await replace(one.range, one.text)
        if problem is None:
            trial.accept(one)
            count += 1
            work.report(f"{count} {done}")
        else:
            work.server.notice(f"an edit was dropped: {problem}")

    # While the model thinks, so that nothing waits for it once an edit is there.
    preparing = asyncio.create_task(asyncio.to_thread(trial.prepare))
    try:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Replacement):
                    one = TextEdit(outcome.range, outcome.text)
                    if trial.unseen_in([one]):
                        doubtful.append(one)
                    elif await asyncio.to_thread(trial.parses_with, [one]):
                        await apply(one)
                    else:
                        held.append(one)
                elif isinstance(outcome, Notice):
                    work.server.notice(outcome.text)
    except ClaudeError:
        if waiting := [*held, *doubtful]:
            work.server.notice(f"{_edits(waiting)} dropped: the answer broke off before the rest")
        raise
    finally:
        preparing.cancel()
    if doubtful:
        warning = f"{_edits(doubtful)} would bring {UNSEEN}: {trial.unseen_in(doubtful)}"
        if await accepted(work.server, warning, f"{_edits(doubtful)} dropped, with {UNSEEN}"):
            held += doubtful
    if held and not await asyncio.to_thread(trial.parses_with, held):
        line = held[0].range.start.line + 1
        warning = f"{_edits(held)} at line {line} would leave code that does not parse"
        dropped = f"{_edits(held)} dropped: the code would not parse"
        if not await accepted(work.server, warning, dropped):
            return count > 0
    for one in held:
        await apply(one)
    return count > 0


def _edits(edits: list[TextEdit]) -> str:
    return "an edit" if len(edits) == 1 else f"{len(edits)} edits"


async def insert(work: Work) -> bool:
    """Put one insertion into the buffer: at its end as one undo step, or line by line.

    At its end it waits for the user's word where the client wants that.
    """
    if work.engine.settings.edits.live == "line":
        return await _insert_lines(work)
    if work.server.abilities.accepts_previews:
        with work.held(at_cursor=True) as hold:
            return await _insert_whole(work, hold)
    return await _insert_whole(work, None)


async def _insert_whole(work: Work, hold: Replace | None) -> bool:
    at, came, trial = work.situation.range.start, False, Trial(work.situation.snapshot)
    async with contextlib.aclosing(_insertions(work)) as insertions:
        async for insertion in insertions:
            if not insertion.complete:
                continue
            span = Range(at, insertion.until or at)
            if hold is not None:
                problem = await hold(span, insertion.text)
            elif span.empty:
                problem = await work.applier().insert(at, insertion.text)
            else:
                problem = await work.applier().replace(span, insertion.text)
            if problem is not None:
                work.server.notice(f"the completion was dropped: {problem}")
                return False
            came = True
            await _warn_of_faults(work, trial, TextEdit(span, insertion.text))
    return came


async def _insert_lines(work: Work) -> bool:
    """Let an insertion grow in the buffer; cancelled, it leaves nothing behind.

    What the user changes where it grows ends it, and is theirs with all that stands there.
    """
    at, applier = work.situation.range.start, work.applier()
    written, trial = "", Trial(work.situation.snapshot)
    try:
        async with contextlib.aclosing(_insertions(work, preview=False)) as insertions:
            async for insertion in insertions:
                # A last line ending may still be taken back, so it waits for the line behind it.
                text = insertion.text if insertion.complete else insertion.text.rstrip()
                if not text.startswith(written):
                    # A filter took back what stands in the buffer already; nothing more is added.
                    work.server.notice("the completion changed as it grew; what is there was kept")
                    break
                # One that is cut off on its way would be in the buffer, and nobody would know.
                problem = await _to_the_end(
                    applier.insert(at, text[len(written) :], insertion.until)
                )
                if problem is not None:
                    ends = "ends here" if written else "was dropped"
                    work.server.notice(f"the completion {ends}: {problem}")
                    break
                written = text
                if insertion.complete:
                    span = Range(at, insertion.until or at)
                    await _warn_of_faults(work, trial, TextEdit(span, text))
    except asyncio.CancelledError:
        problem = await applier.take_back()
        if problem is not None and problem != CLOSED:
            work.server.notice(f"what had been written of the completion was left: {problem}")
        raise
    return bool(written)


async def _to_the_end(work: Coroutine[None, None, str | None]) -> str | None:
    """Wait for something until it has ended, also if this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _warn_of_faults(work: Work, trial: Trial, edit: TextEdit) -> None:
    """Tell the user if the document does not parse with an insertion and did without."""
    if not await asyncio.to_thread(trial.parses_with, [edit]):
        line = edit.range.start.line + 1
        work.server.notice(f"with the completion at line {line} the code does not parse")


async def _insertions(work: Work, *, preview: bool = True) -> AsyncGenerator[Insertion]:
    """Yield an insertion as it grows, shown meanwhile; tell the user if there is none."""
    found = False
    shown: contextlib.AbstractContextManager[Callable[[str], None]] = growing(
        work.server, work.situation.snapshot, work.situation.range.start
    )
    if not preview:
        shown = contextlib.nullcontext(lambda _text: None)
    with shown as show:
        async with contextlib.aclosing(work.outcomes()) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Insertion):
                    found = found or outcome.complete
                    lines = outcome.text.count("\n") + 1
                    work.report(f"{lines} lines" if lines > 1 else "1 line")
                    show(outcome.text)
                    yield outcome
    if not found:
        work.server.notice("no completion for this place")


async def prose(work: Work) -> bool:
    """Collect a text and open it; what has arrived is shown also if the rest fails."""
    situation = work.situation
    answer, failure = await collected(work)
    if answer.strip():
        place = f"{situation.origin}, line {situation.range.start.line + 1}"
        await present(work.server, f"{answer.strip()}\n", place)
    elif failure is None:
        work.server.notice("no answer came back")
    if failure is not None:
        raise failure
    return bool(answer.strip())


async def collected(work: Work) -> tuple[str, ClaudeError | None]:
    """Return the text of an answer, shown while it grows, and what ended it before its end."""
    answer = ""
    with growing(work.server, work.situation.snapshot, work.situation.range.start) as preview:
        try:
            async with contextlib.aclosing(work.outcomes()) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Prose):
                        answer += outcome.text
                        work.report(f"{len(answer)} characters")
                        preview(answer)
        except ClaudeError as error:
            return answer, error
    return answer, None
