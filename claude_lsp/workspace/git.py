"""The git command line, read-only, and never running anything that a repository configures.

The command line and not a library: it alone understands every repository that a user's own git
does (partial clones, sparse checkouts, reftables, SHA-256, linked working trees), finds renames
and ignores the way users see them, needs no compiled dependency, and every one of its ways to run
a program can be switched off from outside, which is done here, in one place.

A repository that came as an archive may carry a `.git/config` that names programs: a file
system monitor, hooks, diff drivers, content filters. Each of them is switched off by command
line options, which win over every configuration file. The system's own configuration stays in
force on purpose (no GIT_CONFIG_NOSYSTEM): it holds what makes git work on that machine, such as
`safe.directory`, line endings and long paths.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claude_lsp.reading import read_regular
from claude_lsp.workspace.environment import environment_of_children

TIMEOUT_SECONDS = 30.0
_LONGEST_MARKER = 4096

# Each entry closes one way to make git run a program or ask a question.
_CONFIGURATION = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.quotePath": "false",
    "diff.external": "",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
_OPTIONS = (
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    *(part for key, value in _CONFIGURATION.items() for part in ("-c", f"{key}={value}")),
)
_DIFF_COMMANDS = frozenset({"diff", "diff-index", "diff-files", "diff-tree", "log", "show"})
_WORKING_TREE_COMMANDS = frozenset({"diff", "diff-index", "diff-files", "status"})
_STATUSES: dict[str, Literal["added", "modified", "deleted", "renamed"]] = {
    "A": "added",
    "C": "added",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "T": "modified",
    "U": "modified",
}


class GitError(Exception):
    """Git could not answer.

    Attributes:
        what: what happened, one sentence.
        advice: what the user can do about it, one sentence.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what} {advice}")
        self.what = what
        self.advice = advice


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file that differs between two states of a repository.

    Attributes:
        path: relative to the repository's root, "/" between parts; the old one if deleted.
        status: what happened to it.
        old_path: where it was before, for a renamed file.
    """

    path: str
    status: Literal["added", "modified", "deleted", "renamed"]
    old_path: str | None = None


def root_of(path: Path) -> Path | None:
    """Return the root of the working tree that holds a path, None outside of any.

    Only looks for `.git` above the path: no process is started, git need not be installed.
    """
    path = path.absolute()
    for folder in (path, *path.parents):
        if git_directory(folder):
            return folder
    return None


def git_directory(root: Path) -> Path | None:
    """Return the directory that holds the index of the working tree at `root`, None if none.

    In a linked working tree or a submodule, `.git` is a file that names it.
    """
    marker = root / ".git"
    if (marker / "HEAD").is_file():
        return marker
    try:
        line = _line_of(marker)
    except (OSError, UnicodeDecodeError):
        return None
    if not line.startswith("gitdir:"):
        return None
    return root / line.removeprefix("gitdir:").strip()


def common_directory(directory: Path) -> Path:
    """Return the directory that linked working trees share, given one's own `git_directory`."""
    try:
        return directory / _line_of(directory / "commondir")
    except (OSError, UnicodeDecodeError):
        return directory


def _line_of(path: Path) -> str:
    return read_regular(path, _LONGEST_MARKER).data.decode().strip()


def tracked_and_untracked(root: Path) -> list[str]:
    """Return the paths of all files that git knows or would add, relative to `root`, sorted.

    `root` may be any directory inside the working tree. Files deleted from disk are still
    listed; a repository inside this one is listed as its directory.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    output = run(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return sorted({path.removesuffix("/") for path in output.split("\0") if path})


def head(root: Path) -> str | None:
    """Return the commit that is checked out, None in a repository without commits.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    return _optional(root, "rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}")


def default_branch(root: Path) -> str | None:
    """Return the branch that changes are usually made against, None if it cannot be told.

    What the remote calls its head comes first; then the usual names, on the remote before local.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    name = _optional(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if name and _commit(root, name):
        return name
    listed = run(root, "for-each-ref", "--format=%(refname:short)", "refs/remotes", "refs/heads")
    names = set(listed.splitlines())
    usual = ("main", "master", "trunk", "develop")
    choices = (*(f"origin/{name}" for name in usual), *usual)
    return next((choice for choice in choices if choice in names), None)


def commit_of(root: Path, revision: str) -> str | None:
    """Return the full name of a commit, None if this repository does not have it.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    return _commit(root, revision)


def merge_base(root: Path, base: str, tip: str = "HEAD") -> str:
    """Return the commit where `tip` left `base`.

    Raises:
        GitError: one of them is unknown here, or the history that joins them is not here.
    """
    # Asked first: only where there is none is there something to explain.
    code, found, _ = _execute(root, ("merge-base", "--end-of-options", base, tip), TIMEOUT_SECONDS)
    if not code and found.strip():
        return found.strip()
    for revision in (base, tip):
        if not _commit(root, revision):
            raise GitError(
                f"The revision '{revision}' is not in this repository.",
                "Check its name, or fetch it first; in CI, check out with the full history "
                "(fetch-depth: 0).",
            )
    if run(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise GitError(
            f"This clone is shallow: where '{base}' and '{tip}' meet is not in it.",
            "Run 'git fetch --unshallow'; in CI, check out with the full history (fetch-depth: 0).",
        )
    raise GitError(
        f"No common ancestor of '{base}' and '{tip}' is in this clone.",
        "Check that they belong together; if not all was fetched, run 'git fetch --unshallow'.",
    )


def changed_files(root: Path, base: str, tip: str | None = None) -> list[ChangedFile]:
    """Return the files that differ from the commit `base`, sorted by path.

    Args:
        root: the root of the working tree.
        base: a commit; use `merge_base` to leave out what happened on the other branch.
        tip: the commit to compare with; None for the working tree, untracked files included.

    Raises:
        GitError: a revision is unknown, or git is absent, refused, or took too long.
    """
    revisions = [base] if tip is None else [base, tip]
    for revision in revisions:
        if not _commit(root, revision):
            raise GitError(
                f"The revision '{revision}' is not in this repository.",
                "Check its name, or fetch it first.",
            )
    output = run(root, "diff", "--name-status", "--find-renames", "-z", *revisions, "--")
    fields = iter(output.split("\0"))
    changed: dict[str, ChangedFile] = {}
    for letters in fields:
        if not letters:
            continue
        path = next(fields)
        status = _STATUSES.get(letters[0], "modified")
        if letters[0] in "RC":
            old, path = path, next(fields)
            changed[path] = ChangedFile(path, status, old if status == "renamed" else None)
        else:
            changed[path] = ChangedFile(path, status)
    if tip is None:
        untracked = run(root, "ls-files", "--others", "--exclude-standard", "-z")
        for path in untracked.split("\0"):
            if path and not path.endswith("/"):
                changed[path] = ChangedFile(path, "added")
    return [changed[path] for path in sorted(changed)]


def excludes_file(root: Path) -> Path | None:
    """Return the user's own ignore file, wherever it is configured; it may not exist."""
    try:
        configured = _optional(root, "config", "--type=path", "--get", "core.excludesFile")
    except GitError:
        configured = None
    if configured:
        return root / configured
    home = os.environ.get("XDG_CONFIG_HOME")
    try:
        return Path(home or Path.home() / ".config") / "git" / "ignore"
    except RuntimeError:  # there is no home directory
        return None


def run(root: Path, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Run one read-only git command in `root` and return what it printed.

    Bytes that are not UTF-8 come back as surrogate escapes, as in file names.

    Raises:
        GitError: git is absent, failed, or took longer than `timeout` seconds.
    """
    code, output, message = _execute(root, arguments, timeout)
    if code:
        raise _error(arguments[0], root, message)
    return output


def run_with_input(root: Path, text: str, *arguments: str) -> bytes:
    """Run one read-only git command that reads `text`, and return the bytes that it printed.

    Raises:
        GitError: git is absent, failed, or took too long.
    """
    code, output, message = _start(
        root, [*_OPTIONS, *arguments], TIMEOUT_SECONDS, text.encode("utf-8", "surrogateescape")
    )
    if code:
        raise _error(arguments[0], root, message)
    return output


def _optional(root: Path, *arguments: str) -> str | None:
    """Run a command whose exit code 1 means "there is none"."""
    code, output, message = _execute(root, arguments, TIMEOUT_SECONDS)
    if code > 1 or (code and message):
        raise _error(arguments[0], root, message)
    return None if code else output.strip()


def _commit(root: Path, revision: str) -> str | None:
    arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    code, output, message = _execute(root, arguments, TIMEOUT_SECONDS)
    if code and "not a git repository" in message:
        raise _error(arguments[0], root, message)
    return None if code else output.strip()


def _execute(root: Path, arguments: tuple[str, ...], timeout: float) -> tuple[int, str, str]:
    command, *rest = arguments
    options = [*_OPTIONS]
    if command in _WORKING_TREE_COMMANDS:
        options += _without_filters(root, timeout)
    if command in _DIFF_COMMANDS:
        # For a submodule, git would start itself inside it, under that repository's configuration.
        rest = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=all", *rest]
    code, output, message = _start(root, [*options, command, *rest], timeout)
    return code, output.decode("utf-8", "surrogateescape"), message


def _without_filters(root: Path, timeout: float) -> list[str]:
    """Return options that disable each configured content filter: comparing a file runs it."""
    listing = ["config", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(clean|process)$"]
    _, output, _ = _start(root, [*_OPTIONS, *listing], timeout)
    options = []
    for key in output.decode("utf-8", "surrogateescape").split("\0"):
        if key:
            required = f"{key.rpartition('.')[0]}.required=false"
            options += ["-c", f"{key}=", "-c", required]
    return options


def _start(
    root: Path, command: list[str], timeout: float, given: bytes = b""
) -> tuple[int, bytes, str]:
    try:
        done = subprocess.run(
            [_program(), *command],
            cwd=root,
            env=_environment(root),
            input=given,
            capture_output=True,
            timeout=timeout,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except FileNotFoundError as error:
        if not root.is_dir():
            raise GitError(f"'{root}' is not a directory.", "Open an existing folder.") from error
        raise GitError(
            "The program 'git' was not found.", "Install git, or add it to PATH."
        ) from error
    except NotADirectoryError as error:
        raise GitError(f"'{root}' is not a directory.", "Open an existing folder.") from error
    except PermissionError as error:
        raise GitError(
            f"The program 'git' may not be started in '{root}'.", "Check the permissions."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise GitError(
            f"'git' did not answer within {timeout:g} seconds.",
            "Try again; if the folder is on a network drive, work on a local copy.",
        ) from error
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip()


def _program() -> str:
    """Return git's path, looked for in absolute folders of PATH alone.

    Systems differ in whether they look into the current folder first, and that may be a project's.
    """
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which(str(Path(folder) / "git")) if Path(folder).is_absolute() else None
        if found is not None:
            return found
    raise FileNotFoundError


def _environment(root: Path) -> dict[str, str]:
    """Return the environment, without keys and what a git hook sets for its own repository."""
    environment = {
        key: value
        for key, value in environment_of_children().items()
        if not key.startswith("GIT_") or key.startswith("GIT_CONFIG") or key == "GIT_EXEC_PATH"
    }
    # Inside `git commit --all`, the hook's own index is the one that holds what is staged.
    index = os.environ.get("GIT_INDEX_FILE")
    if index and Path(index).is_absolute() and Path(index).parent == git_directory(root):
        environment["GIT_INDEX_FILE"] = index
    environment.update(
        GIT_TERMINAL_PROMPT="0",
        GIT_NO_LAZY_FETCH="1",
        GIT_ALLOW_PROTOCOL="none",
        GIT_OPTIONAL_LOCKS="0",
        LC_ALL="C",  # messages are compared below, and parsed by nobody else
    )
    return environment


def _error(command: str, root: Path, message: str) -> GitError:
    first = next((line for line in message.splitlines() if line.strip()), "no reason given")
    if "dubious ownership" in message:
        return GitError(
            f"git refuses to read '{root}', because it belongs to another user.",
            f"If you trust it: git config --global --add safe.directory '{root}'.",
        )
    if "not a git repository" in message:
        return GitError(f"'{root}' is not in a git repository.", "Run 'git init', or name files.")
    if "unable to read" in message or "missing" in message or "lazy fetch" in message:
        return GitError(
            f"git {command} failed: {first}.",
            "Objects are missing from this clone; fetch it in full.",
        )
    return GitError(f"git {command} failed: {first}.", "Run the same command in a terminal.")
