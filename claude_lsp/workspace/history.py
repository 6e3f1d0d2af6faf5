"""What git tells of a project's past: which files changed together, and how they were.

Blobs are read as they are stored: nothing is checked out, and no filter or hook runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace import git, git_diff
from claude_lsp.workspace.files import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MOST_COMMITS = 1_000
MOST_FILES_OF_A_COMMIT = 30
"""A commit that touches more files joins what a tool or a rename joins."""

_MOST_BLOB_BYTES = 1_500_000
_SECONDS = 20.0


class Difference(NamedTuple):
    """How a commit differs from the files on disk.

    Attributes:
        texts: by path, what the commit has of each file that is different or missing now; None
            for one that is no text or too large.
        absent: files that are there now and not in the commit.
    """

    texts: Mapping[str, str | None]
    absent: frozenset[str]


def commits_of(root: Path) -> list[tuple[str, ...]]:
    """Return the files that each of the last commits changed, relative to `root`, newest first.

    Merges and commits that touch many files are left out.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    output = git.run(
        root,
        "log",
        f"--max-count={MOST_COMMITS}",
        "--no-merges",
        "--no-renames",
        "--name-only",
        "--relative",
        "--format=%x01",
        "-z",
        "HEAD",
        "--",
        ".",
        timeout=_SECONDS,
    )
    commits = []
    for part in output.split("\1"):
        paths = tuple(path for path in part.strip("\0\n").split("\0") if path.strip())
        if 1 < len(paths) <= MOST_FILES_OF_A_COMMIT:
            commits.append(tuple(path.strip("\n") for path in paths))
    return commits


def resolve(root: Path, revision: str) -> str:
    """Return the commit that a revision names.

    Raises:
        GitError: it names none here.
    """
    return git.merge_base(root, revision, revision)


def difference(root: Path, commit: str, wanted: Callable[[str], bool]) -> Difference:
    """Return how a commit differs from the files on disk, untracked ones included.

    Args:
        root: a folder of the working tree; paths are relative to it.
        commit: its full name.
        wanted: whether a file matters, by its path.

    Raises:
        GitError: git is absent, refused, or took too long, or objects are missing.
    """
    output = git.run(
        root, "diff", "--raw", "--no-renames", "--no-abbrev", "--relative", "-z", commit, "--", "."
    )
    fields = iter(output.split("\0"))
    blobs: dict[str, str] = {}
    absent: set[str] = set()
    for meta in fields:
        if not meta:
            continue
        path = next(fields)
        if not wanted(path):
            continue
        mode, _, blob, _, status = meta.lstrip(":").split(" ")
        if status.startswith("A"):
            absent.add(path)
        elif mode.startswith("100"):
            blobs[path] = blob
    absent.update(path for path in git_diff.untracked(root) if wanted(path))
    texts = _texts(root, sorted(set(blobs.values())))
    return Difference(
        {path: texts.get(blob) for path, blob in blobs.items()}, frozenset(absent - blobs.keys())
    )


def _texts(root: Path, blobs: Sequence[str]) -> dict[str, str | None]:
    """Return the texts of some blobs, all by one process."""
    found = git_diff.contents(root, blobs)
    missing = next((blob for blob in blobs if blob not in found), None)
    if missing is not None:
        raise git.GitError(
            f"git cat-file failed: the object {missing} is missing.",
            "Objects are missing from this clone; fetch it in full.",
        )
    return {blob: _text(data) for blob, data in found.items()}


def _text(data: bytes) -> str | None:
    found = decode(data) if len(data) <= _MOST_BLOB_BYTES else None
    return found[0] if isinstance(found, tuple) else None
