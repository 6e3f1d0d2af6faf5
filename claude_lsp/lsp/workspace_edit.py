"""Edits of files that the user does not look at: made so that they can be reviewed first."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from claude_lsp.lsp.apply import CHANGED, with_endings_of
from claude_lsp.lsp.convert import edits_to_client
from claude_lsp.text.edits import TextEdit
from claude_lsp.workspace.files import TextFile, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.lsp.server import ClaudeServer
    from claude_lsp.workspace.destination import Destination

log = logging.getLogger(__name__)

_ANNOTATION = "claude"


def workspace_edit(
    server: ClaudeServer, destination: Destination, edits: Sequence[TextEdit], label: str
) -> types.WorkspaceEdit:
    """Return the edits of a file that is not open, which is created if it is not there.

    The user confirms them in an editor that lets edits ask for that.
    """
    snapshot, abilities = destination.snapshot, server.abilities
    kept = [
        TextEdit(span, with_endings_of(snapshot.index.slice(span), snapshot.text, text))
        for span, text in edits
    ]
    plain = edits_to_client(kept, snapshot.index, abilities.position_encoding)
    if not abilities.document_changes:
        return types.WorkspaceEdit(changes={snapshot.uri: plain})
    annotation = _ANNOTATION if abilities.change_annotations else None
    changes: list[types.CreateFile | types.TextDocumentEdit] = []
    if not destination.exists:
        options = types.CreateFileOptions(overwrite=False, ignore_if_exists=False)
        changes.append(
            types.CreateFile(uri=snapshot.uri, options=options, annotation_id=annotation)
        )
    identifier = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    annotated: list[types.TextEdit | types.AnnotatedTextEdit] = [*plain]
    if annotation is not None:
        annotated = [
            types.AnnotatedTextEdit(
                annotation_id=annotation, range=each.range, new_text=each.new_text
            )
            for each in plain
        ]
    changes.append(types.TextDocumentEdit(identifier, annotated))
    return types.WorkspaceEdit(
        document_changes=list(changes),
        change_annotations=None
        if annotation is None
        else {
            annotation: types.ChangeAnnotation(
                label, needs_confirmation=True, description=destination.origin
            )
        },
    )


async def apply_unopened(
    server: ClaudeServer, destination: Destination, edits: Sequence[TextEdit], label: str
) -> str | None:
    """Send the edits of a file that is not open, if it still is as it was.

    Returns:
        None if the editor took them, else why it did not, in words for the user.
    """
    if not await asyncio.to_thread(_is_unchanged, destination):
        return CHANGED
    if server.workspace.get(destination.snapshot.uri) is not None:
        return "the file was opened meanwhile"
    if not destination.exists and not server.abilities.create_files:
        return "the editor can't create files for a server"
    params = types.ApplyWorkspaceEditParams(
        workspace_edit(server, destination, edits, label),
        label=label,
        # Such an editor may save the files of an edit of several, as after a refactoring.
        metadata=types.WorkspaceEditMetadata(is_refactoring=True)
        if server.abilities.edit_metadata
        else None,
    )
    try:
        # The user may take their time to look at it.
        result = await server.workspace_apply_edit_async(params)
    except JsonRpcException as error:
        log.warning("the client refused workspace/applyEdit: %s", error.message)
        return f"the editor refused it: {error.message}"
    if result.applied:
        return None
    return f"the editor refused it: {result.failure_reason or 'it was not confirmed'}"


def _is_unchanged(destination: Destination) -> bool:
    path = destination.snapshot.path
    if path is None:
        return False
    if not destination.exists:
        return not path.exists()
    content = read_text(path, 64 * 1024 * 1024)
    return isinstance(content, TextFile) and content.text == destination.snapshot.text
