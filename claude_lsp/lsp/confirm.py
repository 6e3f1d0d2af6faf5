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
    server: ClaudeServer, engine: Engine, action: Action, situation: Situation, prepared: Prepared
) -> bool:
    """Ask before a request is sent, with the most that it can cost.

    Raises:
        ClaudeError: there is no key, so that it would be no use to ask.
    """
    await engine.client.check_credentials()
    request = prepared.request
    most = request.most_usd
    price = "an unknown price" if most is None else f"at most ${most:.2f}"
    return await ask(
        server,
        f"{action.title(situation)} with {request.model.id} for {price} "
        f"({request.prompt_tokens:,} tokens)?",
        "Send",
    )


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
