"""The one way an action is carried out: situation, context, request, stream, outcomes.

The editor and the command line both come through here, so there is one gate to the network:
ignore rules, then redaction and the token bound (in `context.assemble`), then the spend bound (in
`claude.Client`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.actions.outcomes import Unusable
from claude_lsp.claude import errors
from claude_lsp.claude.client import Patience
from claude_lsp.claude.request import Block, Request
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.claude.account import Account
    from claude_lsp.claude.client import Client
    from claude_lsp.context.assemble import Context
    from claude_lsp.settings import Settings
    from claude_lsp.text.snapshots import Snapshot
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
    """

    settings: Settings
    workspace: Workspace
    client: Client

    async def prepare(
        self,
        action: Action,
        situation: Situation,
        open_documents: Sequence[Snapshot] = (),
        extras: Sequence[Candidate] = (),
    ) -> Prepared:
        """Gather the context and build the request; nothing is sent.

        Args:
            action: what to do.
            situation: what it is asked about.
            open_documents: the editor's other buffers, which win over the disk.
            extras: further candidates, already checked against the ignore rules.

        Raises:
            ClaudeError: the document must not be sent (kind "ignored").
        """
        reason = self.workspace.reason_not_to_send(situation.snapshot)
        if reason is not None and action.subject(situation) is not None:
            raise errors.ClaudeError(errors.ignored(situation.origin, reason))
        chosen = route(action.name, action.tier, self.settings)
        family = chosen.model.tokenizer
        prompt = action.prompt(situation, self.settings)
        context = await asyncio.to_thread(
            self._context, action, situation, family, open_documents, extras
        )
        blocks = [
            Block(text, sum(part.tokens for part in parts), stable)
            for stable in (True, False)
            if (parts := [part for part in context.parts if part.stable is stable])
            and (text := "".join(part.text for part in parts))
        ]
        blocks.append(Block(prompt.question, tokens.upper_bound(prompt.question, family)))
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
        )
        return Prepared(request, context)

    def _context(
        self,
        action: Action,
        situation: Situation,
        family: tokens.Family,
        open_documents: Sequence[Snapshot],
        extras: Sequence[Candidate],
    ) -> Context:
        """Gather and assemble; files are read and tokens counted, so this runs in a worker."""
        # Not needed by a server that starts.
        from claude_lsp.context.assemble import LeftOut, assemble
        from claude_lsp.workspace.neighbours import neighbours

        candidates = [*action.extras(situation), *extras]
        left_out: list[LeftOut] = []
        if action.recipe.neighbours:
            found, refused = neighbours(situation.snapshot, self.workspace, open_documents)
            candidates += [
                Candidate(
                    self.workspace.origin(item.snapshot),
                    item.snapshot.text,
                    item.reason,
                    item.score,
                    snapshot=item.snapshot,
                )
                for item in found
            ]
            left_out += [LeftOut(item.origin, item.reason) for item in refused]
        return assemble(
            action.subject(situation),
            candidates,
            action.recipe.budget(self.settings),
            family,
            subject_share=action.recipe.subject_share,
            left_out=left_out,
        )

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
