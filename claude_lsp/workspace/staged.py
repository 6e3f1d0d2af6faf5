"""What is staged in a repository, as far as it may be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace import git, git_diff

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.text.diffs import FileChange
    from claude_lsp.workspace.workspace import Workspace

_SUBJECTS = 12


class StagedFile(NamedTuple):
    """One file that is staged: its path in the workspace, and what changes in it."""

    path: str
    text: str


class Staged(NamedTuple):
    """What is staged.

    Attributes:
        files: in git's order.
        left_out: the paths that must not be sent, each with its reason.
        subjects: the first lines of the last commits, the newest first.
    """

    files: tuple[StagedFile, ...]
    left_out: tuple[tuple[str, str], ...]
    subjects: tuple[str, ...]


class Changes(NamedTuple):
    """What has changed in a repository: as in `Staged`."""

    files: tuple[StagedFile, ...]
    left_out: tuple[tuple[str, str], ...]


def staged_changes(workspace: Workspace, repository: Path) -> Staged:
    """Read what is staged. Runs git, so call it in a worker.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    changes = changes_of(workspace, repository, "--cached")
    subjects: tuple[str, ...] = ()
    if git.head(repository) is not None:
        log = git.run(repository, "log", "-n", str(_SUBJECTS), "--no-merges", "--format=%s")
        subjects = tuple(line for line in log.split("\n") if line.strip())
    return Staged(changes.files, changes.left_out, subjects)


def changes_of(workspace: Workspace, repository: Path, *sides: str) -> Changes:
    """Read what differs between two sides, given as `git diff` takes them. Runs git.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    files: list[StagedFile] = []
    left_out: list[tuple[str, str]] = []
    for change in git_diff.diff(repository, *sides):
        names = [change.path, *([change.old_path] if change.old_path else [])]
        reasons = [workspace.reason_against_path(repository / name) for name in names]
        reason = next((each for each in reasons if each is not None), None)
        if reason is not None:
            left_out.append((change.path, reason))
        else:
            files.append(StagedFile(workspace.origin_of(repository / change.path), _patch(change)))
    return Changes(tuple(files), tuple(left_out))


def _patch(change: FileChange) -> str:
    head = change.status if change.old_path is None else f"{change.status} from {change.old_path}"
    lines = [f"{head}{', binary' if change.binary else ''}"]
    for hunk in change.hunks:
        heading = f" {hunk.heading}" if hunk.heading else ""
        span = f"-{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count}"
        lines.append(f"@@ {span} @@{heading}")
        lines += [f"{line.mark}{line.text}" for line in hunk.lines]
    return "\n".join(lines) + "\n"
