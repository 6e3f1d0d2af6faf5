"""Files that are written to beside the one that is asked about: never outside, never secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from claude_lsp.workspace.workspace import Workspace


@dataclass(frozen=True)
class Destination:
    """A document that is written to, other than the one that is asked about.

    Attributes:
        snapshot: its text, empty for one that is not there yet; without a version if not open.
        origin: its path in the workspace.
        exists: whether it is there.
    """

    snapshot: Snapshot
    origin: str
    exists: bool


class Refused(NamedTuple):
    """Why nothing can be written, in words for the user."""

    reason: str


def destination_at(
    workspace: Workspace, path: Path, what: str, opened: Iterable[Snapshot] = ()
) -> Destination | Refused:
    """Return a file as something to write to, or why nothing must be written there.

    Reads it, so call it in a worker.

    Args:
        workspace: says what may be touched.
        path: the file, without "..", which need not be there.
        what: what is to be written, with its verb, for the reason: "the tests belong".
        opened: the documents that are open, which stand for their files.
    """
    origin, root = workspace.origin_of(path), workspace.root_of(path)
    if root is None or not path.resolve().is_relative_to(root.resolve()):
        return Refused(f"{origin} would be outside of the workspace")
    reason = workspace.reason_against_path(path)
    if reason is not None:
        return Refused(f"{what} into {origin}, which is not touched: {reason}")
    for snapshot in opened:
        if snapshot.path == path:
            return Destination(snapshot, origin, exists=path.exists())
    language = language_of(path)
    if not path.exists():
        return Destination(Snapshot(uri_from_path(path), None, "", language), origin, exists=False)
    content = read_text(path, workspace.limit_kb * 1024)
    if not isinstance(content, TextFile):
        return Refused(f"{what} into {origin}, which can't be read: {content.reason}")
    snapshot = Snapshot(uri_from_path(path), None, content.text, language)
    reason = workspace.reason_against_text(snapshot)
    if reason is not None:
        return Refused(f"{what} into {origin}, which is not sent: {reason}")
    return Destination(snapshot, origin, exists=True)
