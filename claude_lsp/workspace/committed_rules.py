"""The ignore files of a commit: what a change is made against keeps its say about what is sent.

The ignore files on disk are those of the change. By them alone it could send what was ignored, or
hide itself from review. So the stricter of both holds, and what only the change ignores is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.workspace import git_diff
from claude_lsp.workspace.ignore import CLAUDE_FILE, GIT_FILE, patterns_of
from claude_lsp.workspace.patterns import as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from claude_lsp.workspace.patterns import Patterns

NEWLY = ", newly with this change"
"""What is added to the reason where only the change ignores a file."""

_FILES = (GIT_FILE, CLAUDE_FILE)


class CommittedRules:
    """The ignore files of one commit.

    Args:
        repository: the root of the working tree.
        commit: its name.
        files: their contents by their paths below the root.
    """

    def __init__(self, repository: Path, commit: str, files: Mapping[str, bytes]) -> None:
        self._repository = repository
        self._commit = commit
        self._patterns: dict[tuple[str, tuple[str, ...]], Patterns] = {}
        for path, content in files.items():
            *folders, name = path.split("/")
            if patterns := patterns_of(content):
                self._patterns[name, tuple(map(as_bytes, folders))] = patterns

    def stricter(self, path: Path, reason: str | None) -> str | None:
        """Return why a file must not be sent, after these rules too; None if it may be.

        Args:
            path: absolute.
            reason: what the files on disk say.
        """
        if reason is not None and reason not in [f"ignored by {name}" for name in _FILES]:
            return reason
        if not path.is_relative_to(self._repository):
            return reason
        name = self._refusing(path.relative_to(self._repository).parts)
        if reason is not None:
            return reason if name is not None else f"{reason}{NEWLY}"
        return None if name is None else f"ignored by {name} of {self._commit[:12]}"

    def _refusing(self, path: tuple[str, ...]) -> str | None:
        """Return which kind of ignore file refuses a path, or a folder on the way to it."""
        parts = tuple(map(as_bytes, path))
        for end in range(1, len(parts) + 1):
            for name in _FILES:
                if self._ignores(name, parts[:end], directory=end < len(parts)):
                    return name
        return None

    def _ignores(self, name: str, parts: tuple[str, ...], *, directory: bool) -> bool:
        for depth in range(len(parts) - 1, -1, -1):
            patterns = self._patterns.get((name, parts[:depth]))
            if patterns is None:
                continue
            if pattern := patterns.match(parts[depth:], directory=directory):
                return pattern.ignores
        return False


def committed_rules(repository: Path, commit: str) -> CommittedRules:
    """Read the ignore files of a commit; runs git.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    blobs = git_diff.files_named(repository, commit, _FILES)
    contents = git_diff.contents(repository, blobs.values())
    files = {path: contents[blob] for path, blob in blobs.items() if blob in contents}
    return CommittedRules(repository, commit, files)
