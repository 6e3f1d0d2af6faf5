"""What the project has to say to its reviewers: its CLAUDE.md and the settings for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.context.excerpts import attribute
from claude_lsp.workspace.patterns import matches_glob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from claude_lsp.settings import Settings
    from claude_lsp.workspace.workspace import Workspace

PROJECT_FILE = "CLAUDE.md"
_MOST_CHARACTERS = 6_000
"""Of the project's file: it is written for more than reviews, and every call repeats it."""


@dataclass(frozen=True)
class Instructions:
    """What the project says to its reviewers.

    Attributes:
        general: for whatever is reviewed.
        by_glob: for files whose path matches.
    """

    general: str = ""
    by_glob: tuple[tuple[str, str], ...] = ()

    def for_paths(self, origins: Iterable[str]) -> str:
        """Return what holds for some files."""
        paths = list(origins)
        texts = [self.general] if self.general else []
        for glob, text in self.by_glob:
            matching = [path for path in paths if matches_glob(path, glob)]
            if matching and len(matching) == len(paths):
                texts.append(text)
            elif matching:
                texts.append(f"For {', '.join(map(attribute, matching))}: {text}")
        return "\n\n".join(texts)


def instructions_from(
    workspace: Workspace, settings: Settings, read: Callable[[str], str | None] | None = None
) -> Instructions:
    """Return the instructions of a workspace; reads files, so call it in a worker.

    Args:
        workspace: says what may be sent.
        settings: the resolved options.
        read: returns a file of the workspace's folder as the revision has it whose word counts;
            None for the files on disk.
    """
    texts = [settings.review.instructions.strip(), _project_file(workspace, read)]
    by_glob = tuple((each.glob, each.instructions.strip()) for each in settings.review.path)
    return Instructions("\n\n".join(text for text in texts if text), by_glob)


def _project_file(workspace: Workspace, read: Callable[[str], str | None] | None) -> str:
    from claude_lsp.workspace.files import TextFile, read_text

    if workspace.root is None:
        return ""
    path = workspace.root / PROJECT_FILE
    if workspace.reason_against_path(path) is not None:
        return ""
    if read is not None:
        text = read(PROJECT_FILE) or ""
    else:
        content = read_text(path, 1_000_000)
        text = content.text if isinstance(content, TextFile) else ""
    text = text.strip()
    if len(text) > _MOST_CHARACTERS:
        text = text[: text.rfind("\n", 0, _MOST_CHARACTERS) + 1] or text[:_MOST_CHARACTERS]
    return f"From the project's {PROJECT_FILE}:\n{text}" if text else ""
