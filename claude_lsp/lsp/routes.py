"""The one table of what the server answers: method or command, snapshot taker, handler."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types

from claude_lsp.lsp.handlers import (
    changes,
    code_action,
    code_lens,
    commands,
    completion,
    conversations,
    custom,
    dismissal,
    images,
    lifecycle,
    open_report,
    reviews,
    tests,
    usage,
)
from claude_lsp.telemetry import tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.lsp.server import ClaudeServer


class Route(NamedTuple):
    """One method.

    Attributes:
        method: the LSP method.
        handler: called with the server and the params and, where there is a `prepare`, with its
            value; a coroutine function runs as a task that the client can cancel.
        prepare: runs at dispatch, before any later message is looked at: snapshots are taken here.
        options: what the client is told; some methods are not announced without.
    """

    method: str
    handler: Callable[..., Any]
    prepare: Callable[..., Any] | None = None
    options: Any = None


ROUTES = (
    Route(types.INITIALIZE, lifecycle.initialize),
    Route(types.INITIALIZED, lifecycle.initialized),
    Route(types.WORKSPACE_DID_CHANGE_CONFIGURATION, lifecycle.did_change_configuration),
    Route(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, lifecycle.did_change_workspace_folders),
    Route(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, lifecycle.did_change_watched_files),
    Route(types.SHUTDOWN, lifecycle.shutdown),
    Route(types.TEXT_DOCUMENT_DID_OPEN, lifecycle.did_open),
    Route(types.TEXT_DOCUMENT_DID_SAVE, lifecycle.did_save),
    Route(types.TEXT_DOCUMENT_DID_CLOSE, lifecycle.did_close),
    Route(
        types.TEXT_DOCUMENT_INLINE_COMPLETION,
        completion.inline_completion,
        completion.take_inline_turn,
        types.InlineCompletionOptions(),
    ),
    Route(
        types.TEXT_DOCUMENT_COMPLETION,
        completion.popup_completion,
        completion.take_popup_turn,
        types.CompletionOptions(),
    ),
    Route(
        types.TEXT_DOCUMENT_CODE_ACTION,
        code_action.code_action,
        options=types.CodeActionOptions(code_action_kinds=code_action.KINDS),
    ),
    Route(
        types.TEXT_DOCUMENT_CODE_LENS,
        code_lens.code_lens,
        code_lens.take_snapshot,
        types.CodeLensOptions(),
    ),
)

# The command returns at once; the work goes on as a job and its results come as diagnostics,
# edits and progress.
COMMANDS = (
    ("claude.complete", commands.complete),
    ("claude.fix", commands.fix),
    ("claude.fixAll", commands.fix_all),
    ("claude.rewrite", commands.rewrite),
    ("claude.document", commands.edit("document")),
    ("claude.simplify", commands.edit("simplify")),
    ("claude.addTypes", commands.edit("addTypes")),
    ("claude.test", tests.write_tests),
    ("claude.explain", commands.explain),
    ("claude.ask", conversations.begin),
    ("claude.continue", conversations.go_on),
    ("claude.applyBlock", conversations.apply_block),
    ("claude.describeImage", images.describe_image),
    ("claude.run", custom.run),
    ("claude.commitMessage", changes.commit_message),
    ("claude.summarizeChanges", changes.change_summary),
    ("claude.review", reviews.review),
    ("claude.reviewArchitecture", reviews.review_architecture),
    ("claude.applyFix", commands.apply_fix),
    ("claude.acceptPreview", commands.accept_preview),
    ("claude.discardPreview", commands.discard_preview),
    ("claude.showContext", commands.show_context),
    ("claude.showUsage", usage.show_usage),
    ("claude.dismiss", dismissal.dismiss),
    ("claude.suppress", dismissal.suppress),
    ("claude.openReport", open_report.open_report),
    ("claude.clear", reviews.clear),
    ("claude.cancel", commands.cancel),
    ("claude.accepted", commands.accepted),
)


def register(server: ClaudeServer) -> None:
    """Give the table to the server."""

    def bound(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: traced(name, function, server, *arguments)

    for method, handler, prepare, options in ROUTES:
        server.route(
            method,
            bound(method, handler),
            prepare=None if prepare is None else bound(f"prepare {method}", prepare),
            options=options,
        )
    for name, command in COMMANDS:
        server.route_command(name, bound(name, command))


def traced(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a handler within a span, if anybody wants to know of it."""
    if not tracing.on():
        return function(*arguments)
    if inspect.iscoroutinefunction(function):
        return _awaited(name, function, *arguments)
    with tracing.span(name, kind="server"):
        return function(*arguments)


async def _awaited(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    with tracing.span(name, kind="server"):
        return await function(*arguments)
