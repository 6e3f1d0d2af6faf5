"""Initialise, settings, folders, documents that open and close, the end."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.actions import ACTIONS
from claude_lsp.lsp.handlers import conversations
from claude_lsp.lsp.handlers.reviews import review_saved
from claude_lsp.settings import Settings
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import path_from_uri
from claude_lsp.workspace.files import TextFile, read_text

if TYPE_CHECKING:
    from claude_lsp.lsp.server import ClaudeServer

log = logging.getLogger(__name__)

SECTION = "claude"
_GROUPS = frozenset(item.name for item in dataclasses.fields(Settings))
_ANSWER_S = 5.0
_LARGEST_BYTES = 2_000_000


def initialize(server: ClaudeServer, params: types.InitializeParams) -> None:
    """Remember the settings that came with the first message."""
    server.initial_settings = server.editor_settings = _settings(params.initialization_options)
    server.workspace.on_edit(server.published.on_edit)
    server.workspace.on_edit(server.previews.on_edit)
    server.workspace.on_edit(server.recent.on_edit)
    server.workspace.on_edit(server.done.on_edit)


def initialized(server: ClaudeServer, _params: types.InitializedParams) -> None:
    """Read the settings and load what is heavy, now that the client has its answer."""
    if server.abilities.register_configuration:
        registration = types.Registration(
            "claude-configuration", types.WORKSPACE_DID_CHANGE_CONFIGURATION
        )
        # Registered without waiting: a client that never answers must not hold the settings up.
        server.client_register_capability(types.RegistrationParams([registration]))
    if server.abilities.register_watched_files:
        watcher = types.FileSystemWatcher(glob_pattern="**/*")
        registration = types.Registration(
            "claude-files",
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
            types.DidChangeWatchedFilesRegistrationOptions([watcher]),
        )
        server.client_register_capability(types.RegistrationParams([registration]))
    _configure(server, ask=True)


def did_change_configuration(
    server: ClaudeServer, params: types.DidChangeConfigurationParams
) -> None:
    """Read the settings again: from the message, or from the client if it holds none of ours."""
    given = params.settings
    pushed = isinstance(given, dict) and (SECTION in given or not _GROUPS.isdisjoint(given))
    ours = _settings(given) if pushed else {}
    if ours:
        server.editor_settings = _over(server.initial_settings, ours)
    _configure(server, ask=not ours)


def did_change_workspace_folders(
    server: ClaudeServer, _params: types.DidChangeWorkspaceFoldersParams
) -> None:
    """Read the settings again: another folder may be the first now."""
    _configure(server, ask=True)


def did_change_watched_files(
    server: ClaudeServer, params: types.DidChangeWatchedFilesParams
) -> None:
    """Take in what was created, changed or deleted on the disk."""
    server.changed_on_disk(event.uri for event in params.changes)


def did_save(server: ClaudeServer, params: types.DidSaveTextDocumentParams) -> None:
    """Take in a saved file, as not every editor watches files; review it if that is wanted."""
    server.changed_on_disk([params.text_document.uri])
    review_saved(server, params.text_document.uri)


def did_open(server: ClaudeServer, params: types.DidOpenTextDocumentParams) -> None:
    """Find the document's findings again: the buffer may hold something else than the file.

    A conversation that was begun with a question goes on.
    """
    uri = params.text_document.uri
    document = server.workspace.get(uri)
    server.previews.discard_all(uri)  # not every editor closes what it opens anew
    if document is not None and server.published.has(uri):
        server.published.text_is(uri, document.snapshot().index)
    conversations.opened(server, uri)


def did_close(server: ClaudeServer, params: types.DidCloseTextDocumentParams) -> None:
    """Cancel what is under way for a document that closes; its findings stay, as on disk."""
    uri = params.text_document.uri
    edits = [action.name for action in ACTIONS.values() if action.edits]
    for kind in (*edits, "run", "applyFix", "completion"):
        server.jobs.cancel(f"{kind} {uri}")
    server.done.forget(uri)
    server.previews.discard_all(uri)
    server.upkeep.start(f"closed {uri}", _read_again(server, uri))


def shutdown(server: ClaudeServer, _params: None) -> None:
    """Cancel everything, and with it its HTTP streams; nothing more is asked of the client."""
    server.published.close()
    server.upkeep.cancel_all()
    server.jobs.cancel_all()


async def _read_again(server: ClaudeServer, uri: str) -> None:
    """Show the findings of a closed document where the file has them."""
    if not server.published.has(uri):
        return
    path = path_from_uri(uri)
    content = None if path is None else await asyncio.to_thread(read_text, path, _LARGEST_BYTES)
    if server.workspace.get(uri) is not None:
        return  # opened again meanwhile
    if isinstance(content, TextFile):
        server.published.text_is(uri, LineIndex(content.text))
    elif path is None or not path.exists():
        server.published.text_is(uri, None)


# ----- settings


def _configure(server: ClaudeServer, *, ask: bool) -> None:
    """Read every layer of settings in a job; a later one takes the place of an earlier."""

    async def configure() -> None:
        await _reconfigure(server, ask=ask)
        await server.verdicts.refresh()
        engine = server.session.current_engine
        if engine is not None:
            engine.codebase.update(server.workspace.open_snapshots())
        await server.warm()

    server.upkeep.start("configuration", configure())


async def _reconfigure(server: ClaudeServer, *, ask: bool) -> None:
    """Read every layer of settings, and say what could not be taken."""
    if ask and server.abilities.configuration:
        given = await _pulled(server)
        if given is not None:
            server.editor_settings = _over(server.initial_settings, given)
    before = server.session.configuration.settings
    await server.session.configure(server.roots, server.editor_settings)
    configuration = server.session.configuration
    _refresh_lenses(server, before, configuration.settings)
    server.forget_told()
    problems = [str(problem) for problem in configuration.problems]
    problems += await asyncio.to_thread(server.observation.follow, configuration.settings)
    new = [problem for problem in problems if problem not in server.told_problems]
    server.told_problems = frozenset(problems)
    for problem in new:
        log.warning("%s", problem)
    if new:
        more = f" ({len(new) - 1} more in the log)" if len(new) > 1 else ""
        server.warn(f"{new[0]}{more}")


def _refresh_lenses(server: ClaudeServer, before: Settings, now: Settings) -> None:
    """Let the client ask for code lenses anew, if they, or their prices, may be others."""
    enabled = before.code_lens.enabled or now.code_lens.enabled
    if enabled and before != now and server.abilities.code_lens_refresh:
        # Without waiting: a client that never answers must not hold the settings up.
        server.workspace_code_lens_refresh(None)


async def _pulled(server: ClaudeServer) -> dict[str, Any] | None:
    """Ask the client for its settings; None if it has none, or does not say."""
    item = types.ConfigurationItem(section=SECTION)
    try:
        async with asyncio.timeout(_ANSWER_S):
            answer = await server.workspace_configuration_async(types.ConfigurationParams([item]))
    except TimeoutError:
        log.warning("the client did not answer workspace/configuration: its settings are not used")
        return None
    except JsonRpcException as error:
        log.warning("the client refused workspace/configuration: %s", error.message)
        return None
    # Null is the answer of a client that knows no such section: what it sent before still holds.
    return _settings(answer[0]) if answer and answer[0] is not None else None


def _settings(value: object) -> dict[str, Any]:
    """Return the settings in a client's value, whether or not it names the section."""
    if not isinstance(value, dict):
        return {}
    # Lua has one kind of table, so an empty section comes from Neovim as an empty list.
    inner = value.get(SECTION, value)
    return _plain(inner) if isinstance(inner, dict) else {}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Drop what is null: an editor sends null for an option that nobody set."""
    return {
        name: _plain(entry) if isinstance(entry, dict) else entry
        for name, entry in value.items()
        if entry is not None
    }


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay one table of settings over another."""
    merged = dict(below)
    for name, entry in above.items():
        under = merged.get(name)
        both = isinstance(entry, dict) and isinstance(under, dict)
        merged[name] = _over(under, entry) if both else entry  # type: ignore[arg-type]
    return merged
