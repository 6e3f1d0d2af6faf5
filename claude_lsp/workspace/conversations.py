"""Where new conversations are kept, and the files that they begin as."""

from __future__ import annotations

import itertools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from claude_lsp.text.conversation import SUFFIX
from claude_lsp.workspace.destination import Refused

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_NAME = 40


def folder_below(root: Path, name: str) -> Path | Refused:
    """Return the folder of a project for its conversations, never one outside of the project."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    folder = root.joinpath(*parts)
    if ".." in parts or not folder.resolve().is_relative_to(root.resolve()):
        return Refused(f"ask.folder is outside of the project: {name}")
    return folder


def create(folder: Path, day: str, about: str, text: str) -> Path:
    """Write a new conversation into a folder, under a name that no file has; return it.

    Args:
        folder: created if it is not there.
        day: stands first in the name, so that the newest is last in a list.
        about: what the conversation is about, for the rest of the name.
        text: its beginning.

    Raises:
        OSError: it could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = re.sub(r"[^\w]+", "-", about.lower()).strip("-_")
    stem = f"{day}-{words[:_LONGEST_NAME].rstrip('-') or 'conversation'}"
    for number in itertools.count(1):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}"
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError
