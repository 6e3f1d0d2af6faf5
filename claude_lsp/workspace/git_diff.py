"""What differs between two states of a repository, and the texts on either side, as git has them.

Nothing that a repository configures is run, and no working tree filter changes a text: contents
come from git's own store by their names (see `git.py`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from claude_lsp.text.diffs import FileChange, parse_diff
from claude_lsp.workspace import git
from claude_lsp.workspace.ignore import is_binary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

TIMEOUT_SECONDS = 120.0
_LARGEST_HIDDEN = 2_000_000
"""Bytes of a file that is looked at although git calls it binary."""

# Everything that settings could change about what is printed; the last ones close what `git.run`
# leaves open: which commit a submodule is at is told, and nothing is started in it.
_FORM = (
    *("--patch", "--unified=3", "--inter-hunk-context=0", "--full-index", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--find-renames", "--find-copies", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", f"-O{os.devnull}", "--diff-algorithm=histogram"),
    *("--ignore-submodules=dirty", "--submodule=short"),
)


def diff(root: Path, *sides: str) -> tuple[FileChange, ...]:
    """Return the changes of tracked files, in git's order of paths.

    Args:
        root: the root of the working tree.
        sides: as `git diff` takes them: nothing for the working tree against the index, `--cached`
            for the index against the last commit, or two commits.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    changes = parse_diff(git.run(root, "diff", *_FORM, *sides, "--", timeout=TIMEOUT_SECONDS))
    hidden = _texts_called_binary(root, changes)
    if hidden:
        shown = git.run(
            root, "diff", *_FORM, "--text", *sides, "--", *hidden, timeout=TIMEOUT_SECONDS
        )
        told = {change.path: change for change in parse_diff(shown)}
        changes = tuple(told.get(each.path, each) if each.binary else each for each in changes)
    return changes


def _texts_called_binary(root: Path, changes: Iterable[FileChange]) -> list[str]:
    """Return the files that only an attribute calls binary: a change could hide itself so."""
    blobs = {each.new_blob: each.path for each in changes if each.binary and each.new_blob}
    small = [blob for blob, size in sizes(root, blobs).items() if size <= _LARGEST_HIDDEN]
    found = contents(root, small)
    return [blobs[blob] for blob, content in found.items() if content and not is_binary(content)]


def untracked(root: Path) -> list[str]:
    """Return the paths of files that git does not know and does not ignore, sorted.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    listed = git.run(root, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted(path for path in listed.split("\0") if path and not path.endswith("/"))


def parent_of(root: Path, commit: str) -> str:
    """Return the first parent of a commit; for one without parents the name of the empty tree.

    Raises:
        GitError: the commit is unknown, its parent is not in this clone, or git can't be run.
    """
    if git.commit_of(root, commit) is None:
        raise git.GitError(
            f"The revision '{commit}' is not in this repository.",
            "Check its name, or fetch it first.",
        )
    raw = git.run(root, "cat-file", "commit", commit)
    head = raw.partition("\n\n")[0]
    parents = [line[7:] for line in head.split("\n") if line.startswith("parent ")]
    if not parents:
        return git.run_with_input(root, "", "hash-object", "-t", "tree", "--stdin").decode().strip()
    if git.commit_of(root, parents[0]) is None:
        raise git.GitError(
            f"The parent of '{commit}' is not in this clone.",
            "It is a shallow one: run 'git fetch --deepen=1'; in CI, check out with the full "
            "history (fetch-depth: 0).",
        )
    return parents[0]


def sizes(root: Path, blobs: Iterable[str]) -> Mapping[str, int]:
    """Return the size in bytes of each blob, by its name; one that is not here is left out.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    wanted = _wanted(blobs)
    if not wanted:
        return {}
    output = git.run_with_input(root, wanted, "cat-file", "--batch-check").decode()
    fields = (line.split() for line in output.split("\n") if line)
    return {one[0]: int(one[2]) for one in fields if len(one) == 3 and one[1] == "blob"}


def contents(root: Path, blobs: Iterable[str]) -> Mapping[str, bytes]:
    """Return the content of each blob, by its name; one that is not here is left out.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    wanted = _wanted(blobs)
    if not wanted:
        return {}
    output = git.run_with_input(root, wanted, "cat-file", "--batch")
    found: dict[str, bytes] = {}
    place = 0
    while place < len(output):
        end = output.index(b"\n", place)
        head = output[place:end].decode().split()
        place = end + 1
        if len(head) == 3:
            size = int(head[2])
            found[head[0]] = output[place : place + size]
            place += size + 1
    return found


def file_at(root: Path, revision: str, path: str) -> bytes | None:
    """Return a file as a revision has it, None if it has none there.

    Args:
        root: the root of the working tree.
        revision: a commit, or the empty text for the index.
        path: relative to the root, "/" between parts.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    if "\n" in path:
        return None
    output = git.run_with_input(root, f"{revision}:{path}\n", "cat-file", "--batch")
    head, _, rest = output.partition(b"\n")
    fields = head.split()
    if len(fields) != 3 or fields[1] != b"blob":
        return None
    return rest[: int(fields[2])]


def files_named(root: Path, commit: str, names: Collection[str]) -> Mapping[str, str]:
    """Return the blobs of a commit's files that have one of some names, by their paths.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    found = {}
    for entry in git.run(root, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
        about, _, path = entry.partition("\t")
        if path.rpartition("/")[2] in names:
            kind, blob = about.split()[1:3]
            if kind == "blob":
                found[path] = blob
    return found


def _wanted(blobs: Iterable[str]) -> str:
    return "".join(f"{blob}\n" for blob in dict.fromkeys(blobs) if blob.strip("0"))
