"""The one way an action is carried out: situation, context, request, stream, outcomes.

The editor and the command line both come through here, so there is one gate to the network:
ignore rules, then redaction and the token bound (in `context.assemble`), then the spend bound (in
`claude.Client`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from claude_lsp.actions.action import ALONE
from claude_lsp.actions.outcomes import Unusable
from claude_lsp.claude import errors
from claude_lsp.claude.patience import Patience
from claude_lsp.claude.request import Block, ImageBlock, Request
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.gathering import Gathered, Gatherer, Wanted
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from claude_lsp.actions.action import Action, Situation, Surroundings
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.candidate import Candidate, Excerpt
    from claude_lsp.settings import Settings, Tier
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.workspace import Workspace

_INTERACTIVE_DEADLINE_S = 60.0
_AUTOMATIC_DEADLINE_S = 8.0
_ROOM_AT_LEAST = 300
_ROOM_SHARE = 0.2
_ROOM_LEAST = 120
"""Tokens for what helps with excerpts: at least, as a share of theirs, and for a single one."""


@dataclass(frozen=True)
class Prepared:
    """A request that is ready to be sent, and the context it was made from."""

    request: Request
    context: Context


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
            ClaudeError: the document must not be sent (kind "ignored").
        """
        about = [(each.origin, each.snapshot) for each in situation.excerpts]
        if action.subject(situation) is not None:
            about.append((situation.origin, situation.snapshot))
        for origin, snapshot in about:
            if (reason := self.workspace.reason_not_to_send(snapshot)) is not None:
                raise errors.ClaudeError(errors.ignored(origin, reason))
        chosen = route(action.name, action.tier, self.settings, tier)
        family = chosen.model.tokenizer
        prompt = action.prompt(situation, self.settings)
        candidates = [*action.extras(situation), *extras]
        gathered = await self._gather(action, situation, surroundings)
        context, question = await asyncio.to_thread(
            self._context, action, situation, family, candidates, gathered, question=prompt.question
        )
        blocks: list[Block | ImageBlock] = [
            Block(text, sum(part.tokens for part in parts), stable)
            for stable in (True, False)
            if (parts := [part for part in context.parts if part.stable is stable])
            and (text := "".join(part.text for part in parts))
        ]
        # Models read an image best before what is asked about it.
        blocks += [ImageBlock(each.media_type, each.data, each.tokens) for each in prompt.pictures]
        blocks.append(Block(question, tokens.upper_bound(question, family)))
        request = Request(
            action=action.name,
            tier=chosen.tier,
            model=chosen.model,
            system=prompt.system,
            system_tokens=tokens.upper_bound(prompt.system, family),
            blocks=tuple(blocks),
            max_tokens=prompt.max_tokens,
            effort=prompt.effort,
            think=prompt.think,
            schema=prompt.schema,
            stop_sequences=prompt.stop_sequences,
            prefill=prompt.prefill,
            automatic=situation.automatic,
            speculative=situation.speculative,
        )
        return Prepared(request, context)

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
                range=_main_range(excerpt),
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
            route(action.name, action.tier, self.settings).model.tokenizer,
        )

    async def close(self) -> None:
        """End what goes on without a request; those under way are not disturbed."""
        await self._gatherer.close()

    def _context(
        self,
        action: Action,
        situation: Situation,
        family: tokens.Family,
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
        reader = action.reader(situation, prepared.context)
        failure: errors.ClaudeError | None = None
        if prepared.request.prefilled:
            # It belongs to the answer, which goes on where it ends.
            for outcome in reader.feed(prepared.request.prefilled):
                yield outcome
        try:
            async with self.client.stream(
                prepared.request, self._patience(action, situation), account
            ) as (pieces, _answer):
                async for piece in pieces:
                    for outcome in reader.feed(piece):
                        yield outcome
                    if reader.satisfied:
                        break
        except errors.ClaudeError as error:
            failure = error
        for outcome in reader.finish(complete=failure is None):
            if isinstance(outcome, Unusable):
                failure = failure or errors.ClaudeError(errors.unusable(outcome.reason))
            else:
                yield outcome
        if failure is not None:
            raise failure

    def _patience(self, action: Action, situation: Situation) -> Patience:
        """Typing waits for seconds and never retries; a review takes its time."""
        if situation.automatic:
            return Patience(_AUTOMATIC_DEADLINE_S, silence_s=_AUTOMATIC_DEADLINE_S)
        if action.kind.startswith("source."):
            return Patience(self.settings.endpoint.timeout_s, retries=3)
        return Patience(_INTERACTIVE_DEADLINE_S, retries=1)


def room_beside(excerpts: int) -> int:
    """Return how many tokens what helps with excerpts may take, given what they take."""
    return _ROOM_AT_LEAST + int(excerpts * _ROOM_SHARE)


def _main_range(excerpt: Excerpt) -> Range:
    """Return the longest run of lines that an excerpt is about."""
    runs = excerpt.scope or excerpt.shown
    longest = max(runs, key=lambda lines: lines.last - lines.first)
    return Range(Position(longest.first, 0), Position(longest.last + 1, 0))
