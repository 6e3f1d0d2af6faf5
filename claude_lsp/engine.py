"""The one way an action is carried out: situation, context, request, stream, outcomes.

The editor and the command line both come through here, so there is one gate to the network:
ignore rules, then redaction and the token bound (in `context.assemble`), then the spend bound (in
`claude.Client`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.actions.action import ALONE
from claude_lsp.actions.outcomes import Unusable
from claude_lsp.claude import errors
from claude_lsp.claude.client import Patience
from claude_lsp.claude.request import Block, Request
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.gathering import Gatherer, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from claude_lsp.actions.action import Action, Situation, Surroundings
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.context.assemble import Context
    from claude_lsp.context.candidate import Candidate
    from claude_lsp.gathering import Gathered
    from claude_lsp.settings import Settings, Tier
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.workspace import Workspace

_INTERACTIVE_DEADLINE_S = 60.0
_AUTOMATIC_DEADLINE_S = 8.0


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
        reason = self.workspace.reason_not_to_send(situation.snapshot)
        if reason is not None and action.subject(situation) is not None:
            raise errors.ClaudeError(errors.ignored(situation.origin, reason))
        chosen = route(action.name, action.tier, self.settings, tier)
        family = chosen.model.tokenizer
        prompt = action.prompt(situation, self.settings)
        candidates = [*action.extras(situation), *extras]
        gathered = await self._gatherer.gather(self._wanted(action, situation, surroundings))
        context, question = await asyncio.to_thread(
            self._context, action, situation, family, candidates, gathered, question=prompt.question
        )
        blocks = [
            Block(text, sum(part.tokens for part in parts), stable)
            for stable in (True, False)
            if (parts := [part for part in context.parts if part.stable is stable])
            and (text := "".join(part.text for part in parts))
        ]
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
