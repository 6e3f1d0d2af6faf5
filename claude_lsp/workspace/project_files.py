"""A project as the tools of a model may look into it: by relative paths, through the ignore rules.

What is asked for was written by a model that has read the project's files, so it may be anything.
Safe to use in worker threads.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, Unreadable, is_made_by_tools, read_text
from claude_lsp.workspace.index.hashing import hash_of
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.workspace import Workspace

_OUTSIDE = Unreadable("outside the workspace")
_DRIVE = re.compile(r"[A-Za-z]:")
_MOST_FILES = 400


class ProjectFiles:
    """One folder of a workspace.

    A file that was read once stays as it was, so that all that a model sees of it fits together;
    whether it may be read is asked each time.

    Args:
        workspace: says what may be sent.
        root: the folder.
        links: the state of its index.
        buffers: open documents, which stand for their files.
    """

    def __init__(
        self, workspace: Workspace, root: Path, links: Links, buffers: Iterable[Snapshot] = ()
    ) -> None:
        self._workspace = workspace
        self._root = root
        self._links = links
        self._buffers = {one.path: one for one in buffers if one.path is not None}
        self._read: dict[Path, Snapshot | Unreadable] = {}

    def document(self, path: str) -> Snapshot | Unreadable:
        """Return a file as it is now, or why it must not or can't be read."""
        place = self._place(path)
        if isinstance(place, Unreadable):
            return place
        reason = self._workspace.reason_against_path(place)
        if reason is not None:
            return Unreadable(reason)
        if place not in self._read:
            self._read[place] = self._buffers.get(place) or self._from_disk(place)
        found = self._read[place]
        if isinstance(found, Snapshot):
            reason = self._workspace.reason_against_text(found)
            return found if reason is None else Unreadable(reason)
        return found

    def entries(self, path: str) -> list[str] | Unreadable:
        """Return the names in a folder, those of folders with "/" at their end; links are none."""
        folder = self._place(path)
        if isinstance(folder, Unreadable):
            return folder
        rules = self._workspace.rules_for(folder)
        if rules is None:
            return _OUTSIDE
        reason = rules.directory_reason(folder)
        if reason is not None:
            return Unreadable(reason)
        files, folders = [], []
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=False):
                        files.append(entry.name)
        except NotADirectoryError:
            return Unreadable("not a folder")
        except FileNotFoundError:
            return Unreadable("no such folder")
        except OSError as error:
            return Unreadable(error.strerror or "it can't be read")
        below = [
            name
            for name in folders
            if rules.directory_reason(folder / name) is None
            and not is_made_by_tools(folder, f"{name}/x")
        ]
        # Names on disk need not be text, and nothing else can be sent.
        names = [*rules.allowed_names(folder, files), *(f"{name}/" for name in below)]
        return sorted(os.fsencode(name).decode("utf-8", "replace") for name in names)

    def definitions(self, name: str) -> list[tuple[str, int, int]]:
        """Return file, first and last line (0-based) of the definitions of a name."""
        view = self._links.view
        _, symbols = view.named(np.array([hash_of(name)], np.uint64))
        return sorted(
            (view.path(view.file_of(symbol)), *view.lines(symbol))
            for symbol in symbols.tolist()[:_MOST_FILES]
        )

    def naming(self, name: str) -> Sequence[str]:
        """Return the files in which a name occurs."""
        view = self._links.view
        _, files = view.files_with(np.array([hash_of(name)], np.uint64))
        return sorted(view.path(file) for file in files.tolist()[:_MOST_FILES])

    def _place(self, path: str) -> Path | Unreadable:
        """Return the file that a model means by a path."""
        path = path.strip().replace("\\", "/")
        if "\0" in path:
            return Unreadable("not a path")
        if path.startswith(("/", "~")) or _DRIVE.match(path):
            return Unreadable("outside the workspace: paths are relative to the project")
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts:
            return _OUTSIDE
        return self._root.joinpath(*parts)

    def _from_disk(self, place: Path) -> Snapshot | Unreadable:
        content = read_text(place, self._workspace.limit_kb * 1024)
        if not isinstance(content, TextFile):
            return content if place.exists() else Unreadable("no such file")
        language = language_of(place, content.text.split("\n", 1)[0])
        return Snapshot(uri_from_path(place), None, content.text, language)
