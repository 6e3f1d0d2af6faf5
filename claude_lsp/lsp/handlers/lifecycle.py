"""Initialise, settings, folders, documents that close."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types

if TYPE_CHECKING:
    from claude_lsp.lsp.server import ClaudeServer

log = logging.getLogger(__name__)

SECTION = "claude"


def initialize(server: ClaudeServer, params: types.InitializeParams) -> None:
    """Remember the settings that came with the first message."""
    server.editor_settings = _settings(params.initialization_options)
    server.workspace.on_edit(server.published.on_edit)


def initialized(server: ClaudeServer, _params: types.InitializedParams) -> None:
    """Read the settings and load what is heavy, now that the client has its answer."""
    server.jobs.start("initialized", _initialized(server))


async def _initialized(server: ClaudeServer) -> None:
    if server.abilities.register_configuration:
        registration = types.Registration(
            "claude-configuration", types.WORKSPACE_DID_CHANGE_CONFIGURATION
        )
        # Registered without waiting: a client that never answers must not hold the settings up.
        server.client_register_capability(types.RegistrationParams([registration]))
    await reconfigure(server, ask=True)
    await server.warm()


def did_change_configuration(
    server: ClaudeServer, params: types.DidChangeConfigurationParams
) -> None:
    """Read the settings again."""
    given = _settings(params.settings)
    if given:
        server.editor_settings = given
    server.jobs.start("configuration", reconfigure(server, ask=not given))


def did_change_workspace_folders(
    server: ClaudeServer, _params: types.DidChangeWorkspaceFoldersParams
) -> None:
    """Read the settings again: another folder may be the first now."""
    server.jobs.start("configuration", reconfigure(server, ask=False))


def did_close(server: ClaudeServer, params: types.DidCloseTextDocumentParams) -> None:
    """Cancel what is under way for a document that closes; its findings stay."""
    uri = params.text_document.uri
    for kind in ("complete", "fix", "completion"):
        server.jobs.cancel(f"{kind} {uri}")


async def reconfigure(server: ClaudeServer, *, ask: bool) -> None:
    """Read every layer of settings, and say what could not be taken."""
    if ask and server.abilities.configuration:
        given = await _pulled(server)
        if given is not None:
            server.editor_settings = given
    await server.session.configure(server.roots, server.editor_settings)
    configuration = server.session.configuration
    logging.getLogger("claude_lsp").setLevel(configuration.settings.log.level.upper())
    server.forget_told()
    for problem in configuration.problems:
        log.warning("%s", problem)
    if configuration.problems:
        first, *rest = configuration.problems
        more = f" ({len(rest)} more in the log)" if rest else ""
        server.notice(f"{first}{more}")


async def _pulled(server: ClaudeServer) -> dict[str, Any] | None:
    item = types.ConfigurationItem(section=SECTION)
    try:
        async with asyncio.timeout(5):
            answer = await server.workspace_configuration_async(types.ConfigurationParams([item]))
    except TimeoutError:
        log.warning("the client did not answer workspace/configuration: its settings are not used")
        return None
    except Exception as error:  # noqa: BLE001 - whatever the client answers, the files still count
        log.warning("the client refused workspace/configuration: %s", error)
        return None
    return _settings(answer[0]) if answer else None


def _settings(value: object) -> dict[str, Any]:
    """Return the settings in a client's value, whether or not it names the section."""
    if not isinstance(value, dict):
        return {}
    inner = value.get(SECTION)
    return _plain(inner if isinstance(inner, dict) else value)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Drop what is null: an editor sends null for an option that nobody set."""
    return {
        name: _plain(entry) if isinstance(entry, dict) else entry
        for name, entry in value.items()
        if entry is not None
    }
