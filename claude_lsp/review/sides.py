"""What was asked to be compared, settled into the two sides that git compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from claude_lsp.review.ci import Base
from claude_lsp.workspace import git, git_diff

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.text.diffs import FileChange

Kind = Literal["worktree", "staged", "base", "commit"]


@dataclass(frozen=True)
class Sides:
    """Two states of a repository.

    Attributes:
        kind: where the new side is: on disk for `worktree`, in git's store for the others.
        arguments: for `git diff`.
        words: what is compared, for the user.
        nothing: the sentence for two sides that do not differ.
        trusted: the commit whose settings and instructions hold: one that the change under
            review can't have changed. None where the user's own files are as good.
    """

    kind: Kind
    arguments: tuple[str, ...]
    words: str
    nothing: str
    trusted: str | None = None

    def changes(self, root: Path) -> tuple[FileChange, ...]:
        """Return what differs.

        Raises:
            GitError: git can't tell.
        """
        return git_diff.diff(root, *self.arguments)


def worktree() -> Sides:
    """Compare the files on disk with the index; files that git does not know count as added."""
    return Sides("worktree", (), "the working tree", "Nothing changed in the working tree.")


def staged() -> Sides:
    """Compare the index with the last commit."""
    return Sides("staged", ("--cached",), "what is staged", "Nothing is staged.")


def commit(root: Path, revision: str) -> Sides:
    """Compare a commit with its first parent.

    Raises:
        GitError: one of them is not in this clone.
    """
    parent = git_diff.parent_of(root, revision)
    found = git.commit_of(root, revision) or revision
    trusted = git.commit_of(root, parent)
    return Sides(
        "commit",
        (parent, found),
        f"the commit {revision}",
        f"The commit {revision} changes no file.",
        trusted,
    )


def against(root: Path, base: str | Base, head: str = "HEAD") -> Sides:
    """Compare a commit with where it left another one.

    Args:
        root: the root of the working tree.
        base: a revision that the user named, or what the CI system told.
        head: the commit to review.

    Raises:
        GitError: a revision, or the history that joins the two, is not in this clone.
    """
    told = Base(base, (base, f"origin/{base}")) if isinstance(base, str) else base
    tip = next((each for each in told.revisions if git.commit_of(root, each)), told.name)
    joined = git.merge_base(root, tip, head)
    found = git.commit_of(root, head) or head
    return Sides(
        "base",
        (joined, found),
        f"{told.name}...{head}",
        f"Nothing changed between {told.name} and {head}.",
        # Not the place where the change began: its author chooses that.
        git.commit_of(root, tip),
    )
