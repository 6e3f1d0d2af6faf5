"""Questions that the user answers before anything is sent or changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.server import ClaudeServer

log = logging.getLogger(__name__)


async def may_send(
    server: ClaudeServer, engine: Engine, action: Action, situation: Situation, *prepared: Prepared
) -> bool:
    """Ask before requests are sent, with the most that they can cost together.

    Raises:
        ClaudeError: there is no key, so that it would be no use to ask.
    """
    await engine.client.check_credentials()
    requests = [each.request for each in prepared]
    prices = [each.most_usd for each in prepared]
    known = [price for price in prices if price is not None]
    price = "an unknown price" if len(known) < len(prices) else f"at most ${sum(known):.2f}"
    size = f"{sum(request.prompt_tokens for request in requests):,} tokens"
    calls = f"{len(requests)} calls, " if len(requests) > 1 else ""
    title, model = action.title(situation), requests[0].model.id
    rounds = sum(each.bounds.rounds for each in prepared if each.bounds is not None)
    looks = f" at first, then up to {rounds} looks into the project" if rounds else ""
    question = f"{title} with {model} for {price} ({calls}{size}{looks})?"
    return await ask(server, question, "Send")


async def ask(server: ClaudeServer, question: str, yes: str) -> bool:
    """Ask the user; anything but the answer `yes` is a no, and they learn if it can't be asked."""
    params = types.ShowMessageRequestParams(
        types.MessageType.Info,
        f"Claude: {question}",
        [types.MessageActionItem(yes), types.MessageActionItem("Cancel")],
    )
    try:
        answer = await server.window_show_message_request_async(params)
    except JsonRpcException as error:
        log.warning("the client can't ask the user: %s", error.message)
        server.notice(f"your editor can't show questions, so this was not done: {question}")
        return False
    return answer is not None and answer.title == yes
