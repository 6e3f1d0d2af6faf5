"""Questions that the user answers before anything is sent or changed, and words they type."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.actions.instruction import find_instruction
from claude_lsp.findings.sanitize import spoken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.action import Action, Situation
    from claude_lsp.engine import Engine, Prepared
    from claude_lsp.lsp.handlers.target import Target
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
    """Ask the user; anything but the answer `yes` is a no."""
    return await choose(server, question, [yes]) == yes


async def accepted(server: ClaudeServer, warning: str, dropped: str) -> bool:
    """Warn of edits; where they are not shown first, ask whether to apply them.

    Args:
        server: the server.
        warning: what they would do.
        dropped: what the user is told if they are not wanted.
    """
    if server.abilities.accepts_previews:
        # The user sees them before they are applied, in any case.
        server.notice(warning)
        return True
    if await ask(server, f"{warning}. Apply?", "Apply anyway"):
        return True
    server.notice(dropped)
    return False


async def choose(server: ClaudeServer, question: str, choices: Sequence[str]) -> str:
    """Let the user choose; "" if they do not, and they learn if it can't be asked."""
    params = types.ShowMessageRequestParams(
        types.MessageType.Info,
        spoken(f"Claude: {question}"),
        [*map(types.MessageActionItem, choices), types.MessageActionItem("Cancel")],
    )
    try:
        answer = await server.window_show_message_request_async(params)
    except JsonRpcException as error:
        log.warning("the client can't ask the user: %s", error.message)
        server.notice(f"your editor can't show questions, so this was not done: {question}")
        return ""
    return answer.title if answer is not None and answer.title in choices else ""


async def words_for(server: ClaudeServer, target: Target, question: str) -> bool:
    """Complete a target by what the user wants, in their own words; False if they do not say it.

    The arguments come first, then an instruction comment in or right above the place, then the
    editor's input line; who has none of these is told about the comment.
    """
    if target.asked:
        return True
    found = find_instruction(target.snapshot, target.range)
    if found is not None:
        target.asked, target.comment = found
        return True
    if not server.abilities.input:
        server.notice(
            "say what to do in a comment in or right above the selection, such as "
            "`claude: make it iterative`, and run this again; the edit takes the comment away"
        )
        return False
    target.asked = await type_line(server, question) or ""
    return bool(target.asked)


async def type_line(server: ClaudeServer, question: str) -> str | None:
    """Let the user type a line in an editor that can ask for one; None if they would not."""
    try:
        answer = await server.protocol.send_request_async("claude/input", {"prompt": question})
    except JsonRpcException as error:
        log.warning("the client can't ask for a line: %s", error.message)
        return None
    text = answer.get("text") if isinstance(answer, dict) else None
    return text.strip() if isinstance(text, str) else None
