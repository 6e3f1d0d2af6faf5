"""The one way an action is carried out: situation, context, request, stream, outcomes.

The editor and the command line both come through here, so there is one gate to the network:
ignore rules, then redaction and the token bound (in `context.assemble`), then the spend bound (in
`claude.Client`).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from claude_lsp.actions.action import ALONE
from claude_lsp.actions.outcomes import Unusable
from claude_lsp.actions.route import route_of
from claude_lsp.claude import errors
from claude_lsp.claude.account import Account
from claude_lsp.claude.dialogue import Bounds, Turn, note_of, within
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.request import Block, ImageBlock, Message, Request, blocks_of
from claude_lsp.context import tokens
from claude_lsp.gathering import Gathered, Gatherer, Wanted
from claude_lsp.telemetry import tracing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from claude_lsp.actions.action import Action, Reader, Situation, Surroundings
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.claude.catalog import Model
    from claude_lsp.claude.client import Client
    from claude_lsp.claude.stream import Answer
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.candidate import Candidate
    from claude_lsp.context.tokens import Family
    from claude_lsp.context.tools import Tool
    from claude_lsp.routing import Tier
    from claude_lsp.settings import Settings
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.workspace import Workspace

_INTERACTIVE_DEADLINE_S = 60.0
_AUTOMATIC_DEADLINE_S = 8.0
_ROUND_SHARE = 0.5
"""Of the longest answer, how long one may be that may still ask for tools: what each of them could
cost is set aside, and those that ask are short."""
_TIME_LEFT = 0.25
"""Share of a dialogue's time that is kept for the answer."""
_LEAST_SHOWN = 200
"""Tokens below which tools have nothing left to show."""
_ROOM_AT_LEAST = 300
_ROOM_SHARE = 0.2
_ROOM_LEAST = 120
"""Tokens for what helps with excerpts: at least, as a share of theirs, and for a single one."""


@dataclass(frozen=True)
class Prepared:
    """A request that is ready to be sent.

    Attributes:
        request: the request; where the model may ask for tools, the first one.
        context: what it was made from.
        bounds: what the dialogue may use, None where there are no tools.
        longest_answer: tokens of the answer that ends a dialogue.
        surroundings: what the editor showed.
        why: what decided on the tier, in words for the user.
    """

    request: Request
    context: Context
    bounds: Bounds | None = None
    longest_answer: int = 0
    surroundings: Surroundings = ALONE
    why: str = ""

    @property
    def most_usd(self) -> float | None:
        """The most that all of it can cost in US dollars; None where the price is unknown."""
        if self.bounds is None:
            return self.request.most_usd
        asking = self.request.most_usd_with(self.bounds.tokens)
        answering = self.answering(()).most_usd_with(self.bounds.tokens)
        if asking is None or answering is None:
            return None
        return min(self.bounds.rounds * asking + answering, self.bounds.usd)

    def answering(self, turns: tuple[Turn, ...]) -> Request:
        """Return the request to which the model must answer, after some turns."""
        longest = self.longest_answer or self.request.max_tokens
        return replace(self.request, turns=turns, max_tokens=longest, must_answer=True)


@dataclass
class Engine:
    """Everything an action needs from outside.

    Attributes:
        settings: the resolved options.
        workspace: the folders and their ignore rules.
        client: the connection.
        codebase: what is known of the code in the folders.
    """

    settings: Settings
    workspace: Workspace
    client: Client
    codebase: Codebase

    def __post_init__(self) -> None:
        self._gatherer = Gatherer(self.settings, self.workspace, self.codebase)

    @tracing.spanned("context")
    async def prepare(
        self,
        action: Action,
        situation: Situation,
        surroundings: Surroundings = ALONE,
        extras: Sequence[Candidate] = (),
        tier: Tier | None = None,
    ) -> Prepared:
        """Gather the context and build the request; nothing is sent.

        Args:
            action: what to do.
            situation: what it is asked about.
            surroundings: what the editor shows beside the document.
            extras: further candidates, already checked against the ignore rules.
            tier: the one that the user chose for this time, over the route.

        Raises:
            ClaudeError: the document must not be sent (kind "ignored"), or nothing can be sent of
                the conversation (kind "conversation").
        """
        about = [(each.origin, each.snapshot) for each in situation.excerpts]
        if action.subject(situation) is not None:
            about.append((situation.origin, situation.snapshot))
        for origin, snapshot in about:
            if (reason := self.workspace.reason_not_to_send(snapshot)) is not None:
                raise errors.ClaudeError(errors.ignored(origin, reason))
        chosen = route_of(action, situation, self.settings, tier)
        family = chosen.model.tokenizer
        prompt = action.prompt(situation, self.settings)
        blocks: list[Block | ImageBlock] = []
        earlier: list[Message] = []
        if action.conversation is not None:
            # Not needed by a server that starts.
            from claude_lsp.references import prompt_of

            conversation = await asyncio.to_thread(action.conversation, situation)
            context, earlier, blocks = await prompt_of(
                conversation.turns,
                situation.snapshot.path,
                self.codebase,
                self.workspace,
                surroundings,
                limit=action.recipe.budget(self.settings),
                family=family,
            )
        else:
            candidates = [*action.extras(situation), *extras]
            with tracing.span("gather"):
                gathered = await self._gather(action, situation, surroundings)
            with tracing.span("assemble"):
                context, question = await asyncio.to_thread(
                    self._context,
                    action,
                    situation,
                    family,
                    candidates,
                    gathered,
                    question=prompt.question,
                )
            blocks += blocks_of(context, recurs=action.recurs)
            # Models read an image best before what is asked about it.
            blocks += [ImageBlock(one.media_type, one.data, one.tokens) for one in prompt.pictures]
            blocks.append(Block(question, tokens.upper_bound(question, family)))
        tools, bounds = self._tools(action, situation, chosen.model)
        system = prompt.system + (bounds.announcement() if bounds is not None else "")
        request = Request(
            action=action.name,
            tier=chosen.tier,
            model=chosen.model,
            system=system,
            system_tokens=tokens.upper_bound(system, family),
            blocks=tuple(blocks),
            max_tokens=int(prompt.max_tokens * (_ROUND_SHARE if bounds is not None else 1)),
            effort=prompt.effort,
            think=prompt.think,
            schema=prompt.schema,
            stop_sequences=prompt.stop_sequences,
            prefill=prompt.prefill,
            earlier=tuple(earlier),
            automatic=situation.automatic,
            speculative=situation.speculative,
            repeats="stable" if action.recurs or bounds or action.conversation else "",
            tools=tools,
            tools_tokens=sum(
                tokens.upper_bound(f"{tool.name} {tool.description} {tool.schema}", family)
                for tool in tools
            ),
            language=situation.snapshot.language,
        )
        request = await asyncio.to_thread(self.client.estimates.measured, request)
        return Prepared(request, context, bounds, prompt.max_tokens, surroundings, chosen.why)

    def _tools(
        self, action: Action, situation: Situation, model: Model
    ) -> tuple[tuple[Tool, ...], Bounds | None]:
        """Return the tools that the model gets and what it may use of them; none for most."""
        tooling = action.tools
        if tooling is None or not model.tools:
            return (), None
        rounds = tooling.rounds(self.settings)
        if not rounds or self.codebase.folder_of(situation.snapshot.path).root is None:
            return (), None
        # Not needed by a server that starts.
        from claude_lsp.context.tools import TOOLS

        bounds = Bounds(
            rounds,
            tooling.tokens(self.settings),
            self.settings.endpoint.timeout_s,
            self.settings.spend.dialogue_usd,
        )
        return tuple(TOOLS[name] for name in tooling.names), bounds

    async def _gather(
        self, action: Action, situation: Situation, surroundings: Surroundings
    ) -> Gathered:
        """Look for what helps with a situation, or with each of its excerpts."""
        wanted = self._wanted(action, situation, surroundings)
        if not situation.excerpts:
            return await self._gatherer.gather(wanted)
        # What helps with a small part must not be many times the part itself.
        total = sum(excerpt.tokens for excerpt in situation.excerpts)
        room = min(wanted.room, room_beside(total))
        reviewed = {excerpt.origin for excerpt in situation.excerpts}
        found = Gathered()
        for excerpt in situation.excerpts:
            its_room = room * excerpt.tokens // max(1, total)
            if its_room < _ROOM_LEAST:
                continue
            part = replace(
                situation,
                snapshot=excerpt.snapshot,
                origin=excerpt.origin,
                range=excerpt.main_range,
                excerpts=(),
            )
            one = wanted._replace(situation=part, room=its_room)
            found = found.joined(await self._gatherer.gather(one), reviewed)
        return found

    async def gather_ahead(
        self, action: Action, situation: Situation, surroundings: Surroundings
    ) -> None:
        """Look for what helps with a situation, so that it is ready for its request."""
        await self._gatherer.gather_ahead(self._wanted(action, situation, surroundings))

    def _wanted(self, action: Action, situation: Situation, surroundings: Surroundings) -> Wanted:
        recipe = action.recipe
        return Wanted(
            situation,
            recipe,
            surroundings,
            int(recipe.budget(self.settings) * (1 - recipe.document)),
            route_of(action, situation, self.settings).model.tokenizer,
        )

    async def close(self) -> None:
        """End what goes on without a request; those under way are not disturbed."""
        await self._gatherer.close()

    def _context(
        self,
        action: Action,
        situation: Situation,
        family: Family,
        candidates: Sequence[Candidate],
        gathered: Gathered,
        *,
        question: str,
    ) -> tuple[Context, str]:
        """Assemble the context and redact the question.

        Files are looked at and tokens counted, so this runs in a worker.
        """
        # Not needed by a server that starts.
        from claude_lsp.context.assemble import assemble
        from claude_lsp.context.redact import Redactor

        # Right before it is sent: what was found a moment ago may have become ignored since.
        gathered = self._gatherer.still_allowed(gathered)
        redactor = Redactor()
        context = assemble(
            action.subject(situation),
            [*candidates, *gathered.candidates],
            action.recipe.budget(self.settings),
            family,
            document_share=action.recipe.document,
            left_out=gathered.left_out,
            redactor=redactor,
            excerpts=situation.excerpts,
        )
        return context, redactor.redact(question).text

    async def run(
        self,
        action: Action,
        situation: Situation,
        prepared: Prepared,
        account: Account | None = None,
    ) -> AsyncGenerator[Outcome]:
        """Send a prepared request and yield its outcomes as they complete.

        Closing the generator closes the HTTP stream at once.

        Raises:
            ClaudeError: it failed; everything usable that arrived before has been yielded.
        """
        patience = self._patience(action, situation)
        if prepared.bounds is None:
            reader = action.reader(situation, prepared.context)
            asked = self._ask(prepared.request, reader, patience, account, [])
        else:
            asked = self._converse(action, situation, prepared, patience, account)
        async with contextlib.aclosing(asked) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def _ask(
        self,
        request: Request,
        reader: Reader,
        patience: Patience,
        account: Account | None,
        answers: list[Answer],
    ) -> AsyncGenerator[Outcome]:
        """Send one request and yield what its reader makes of the answer, which joins `answers`.

        Raises:
            ClaudeError: it failed.
        """
        failure: errors.ClaudeError | None = None
        if request.prefilled:
            # It belongs to the answer, which goes on where it ends.
            for outcome in reader.feed(request.prefilled):
                yield outcome
        try:
            async with self.client.stream(request, patience, account) as (pieces, answer):
                answers.append(answer)
                async for piece in pieces:
                    for outcome in _read(reader.feed, piece):
                        yield outcome
                    if reader.satisfied:
                        break
        except errors.ClaudeError as error:
            failure = error
        # What stands before a call is no answer yet.
        whole = failure is None and not (answers and answers[-1].asks)
        for outcome in _read(partial(reader.finish, complete=whole)):
            if isinstance(outcome, Unusable):
                failure = failure or errors.ClaudeError(errors.unusable(outcome.reason))
            else:
                yield outcome
        if failure is not None:
            raise failure

    async def _converse(
        self,
        action: Action,
        situation: Situation,
        prepared: Prepared,
        patience: Patience,
        account: Account | None,
    ) -> AsyncGenerator[Outcome]:
        """Ask, let the model look into the project, and ask again, until it answers.

        Each request is made anew of the turns so far. Whatever the model does, there are at most
        `Bounds.rounds` answers with calls and one, or after a cut two, without.

        Raises:
            ClaudeError: a request failed, or the model asked for tools when there were none left.
        """
        # Not needed by a server that starts.
        from claude_lsp.references import project_of
        from claude_lsp.toolbox import Toolbox

        bounds = prepared.bounds
        if bounds is None:
            raise ValueError("a dialogue without bounds")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + bounds.seconds
        purse = Account(bounds.usd, "spend.dialogue_usd", within=account)
        family = prepared.request.model.tokenizer
        folder, around = self.codebase.folder_of(situation.snapshot.path), prepared.surroundings
        toolbox = Toolbox(lambda: project_of(self.workspace, folder, around), bounds, family)
        turns: list[Turn] = []
        first = prepared.request
        # The turns have the room that the bounds give them, and no more than the model has.
        window = first.model.context_window - first.prompt_tokens - prepared.longest_answer
        room = max(0, min(bounds.tokens, window))

        def request(*, must_answer: bool) -> Request:
            kept = within(turns, room)
            return prepared.answering(kept) if must_answer else replace(first, turns=kept)

        def why_no_more() -> str | None:
            asking, answering = request(must_answer=False), request(must_answer=True)
            needed, left = (asking.most_usd or 0.0) + (answering.most_usd or 0.0), purse.left_usd
            if len(turns) >= bounds.rounds:
                return "the rounds are used up"
            if toolbox.left < _LEAST_SHOWN:
                return "the tokens for tools are used up"
            if deadline - loop.time() < _TIME_LEFT * bounds.seconds:
                return "the time is nearly over"
            if left is not None and needed > left:
                return "the money is nearly used up"
            return None

        must_answer = why_no_more() is not None
        while True:
            reader = action.reader(situation, prepared.context.with_more(toolbox.shown))
            left = replace(patience, deadline_s=max(deadline - loop.time(), 1.0))
            answers: list[Answer] = []
            asked = self._ask(request(must_answer=must_answer), reader, left, purse, answers)
            try:
                async with contextlib.aclosing(asked) as outcomes:
                    async for outcome in outcomes:
                        yield outcome
            except errors.ClaudeError as error:
                if must_answer or error.failure.kind != "truncated":
                    raise
                must_answer = True  # there was more to say than an answer with calls may have
                continue
            answer = answers[-1]
            if not answer.asks:
                return
            names = {call.id for call in answer.calls}
            if must_answer or not names or len(names) < len(answer.calls):
                reason = "it asked for tools instead of answering"
                raise errors.ClaudeError(errors.unusable(reason))
            results, looked = await toolbox.answer(answer.calls)
            for look in looked:
                yield look
            said = max(answer.usage.output, tokens.upper_bound(answer.written, family))
            turns.append(Turn(tuple(answer.blocks), tuple(results), "", said))
            reason_to_end = why_no_more()
            must_answer = reason_to_end is not None
            note = note_of(bounds.rounds - len(turns), reason_to_end)
            said += tokens.upper_bound(note, family)
            turns[-1] = replace(turns[-1], note=note, said_tokens=said)

    def _patience(self, action: Action, situation: Situation) -> Patience:
        """Typing waits for seconds and never retries; a review takes its time."""
        if situation.automatic:
            return Patience(_AUTOMATIC_DEADLINE_S, silence_s=_AUTOMATIC_DEADLINE_S)
        if action.conversation is not None:
            # The user reads along and can cancel at any time.
            return Patience(self.settings.endpoint.timeout_s, retries=1)
        if action.kind.startswith("source."):
            return Patience(self.settings.endpoint.timeout_s, retries=3)
        return Patience(_INTERACTIVE_DEADLINE_S, retries=1)


_READING = {"Insertion": "filter", "Beginning": "filter", "Drop": "filter"} | {
    "Replacement": "anchor",
    "Finding": "anchor",
}
"""What readers do for an outcome: completions are filtered, places are found."""


def _read(read: Callable[..., Iterable[Outcome]], *piece: str) -> Iterable[Outcome]:
    """Let a reader read; what that took is told if anything came of it."""
    if not tracing.on():
        return read(*piece)
    began = tracing.now_ns()
    outcomes = list(read(*piece))
    if outcomes:
        kind = type(outcomes[-1]).__name__
        name = _READING.get(kind, "read")
        tracing.record(name, began, {"claude_lsp.outcome": kind, "claude_lsp.count": len(outcomes)})
    return outcomes


def room_beside(excerpts: int) -> int:
    """Return how many tokens what helps with excerpts may take, given what they take."""
    return _ROOM_AT_LEAST + int(excerpts * _ROOM_SHARE)
