"""What the options of a review come to in a workspace."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from claude_lsp.cli.common import refuse, say
from claude_lsp.workspace import git

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.review.ci import Base
    from claude_lsp.review.document import Breadth
    from claude_lsp.review.scope import Scope
    from claude_lsp.review.sides import Sides
    from claude_lsp.text.diffs import FileChange
    from claude_lsp.workspace.committed_rules import CommittedRules
    from claude_lsp.workspace.workspace import Workspace

_LARGEST_DIFF = 200_000_000
_LARGEST_SETTINGS = 1_000_000
_SETTINGS_FILES = ("claude-lsp.toml", "pyproject.toml", "CLAUDE.md")


@dataclass(frozen=True)
class Trusted:
    """Whose settings and instructions hold: a change can't change its own reviewer.

    Attributes:
        root: the workspace's folder.
        commit: the commit that has them; None for the files on disk.
    """

    root: Path
    commit: str | None = None

    @property
    def read(self) -> Callable[[str], str | None] | None:
        """Reads a file of the workspace's folder at that commit; None for the files on disk."""
        repository = git.root_of(self.root)
        if self.commit is None or repository is None:
            return None
        from claude_lsp.workspace import git_diff

        commit, below = self.commit, self.root.relative_to(repository).as_posix()

        def read(name: str) -> str | None:
            path = name if below == "." else f"{below}/{name}"
            content = git_diff.file_at(repository, commit, path)
            return None if content is None else content.decode("utf-8", "replace")

        return read

    def notices(self) -> list[str]:
        """Say which of the files that steer a review are not those of the change under review."""
        if (read := self.read) is None:
            return []
        from claude_lsp.workspace.files import TextFile, read_text

        notices = []
        for name in _SETTINGS_FILES:
            content = read_text(self.root / name, _LARGEST_SETTINGS)
            here = content.text if isinstance(content, TextFile) else ""
            there = read(name) or ""
            ours = name != "pyproject.toml" or "claude-lsp" in here + there
            if ours and here.split() != there.split():
                notices.append(
                    f"{name} differs from the one of {(self.commit or '')[:12]}, which was used "
                    "(--config-ref)."
                )
        return notices


@dataclass(frozen=True)
class Asked:
    """What is to be reviewed.

    Attributes:
        root: the workspace's folder.
        paths: files and folders that limit it.
        breadth: which lines findings may be about.
        sides: what is compared; None where files or a given diff are reviewed.
        diff: a diff that was handed in, with its name.
        trusted: the commit whose settings and instructions hold; None for the files on disk.
    """

    root: Path
    paths: Sequence[Path]
    breadth: Breadth
    sides: Sides | None = None
    diff: tuple[str, tuple[FileChange, ...]] | None = None
    trusted: str | None = None

    @property
    def words(self) -> str:
        """What is reviewed, in words."""
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        named = ", ".join(self.root.name if name == "." else name for name in names)
        if self.sides is None and self.diff is None:
            return named
        what = self.sides.words if self.sides is not None else self.diff[0] if self.diff else ""
        return f"{what} in {named}" if named else what

    @property
    def steering(self) -> Trusted:
        """Whose settings and instructions hold."""
        return Trusted(self.root, self.trusted)

    @property
    def read(self) -> Callable[[str], str | None] | None:
        """Reads a file of the workspace's folder at the trusted commit; None without one."""
        return self.steering.read

    @property
    def ignore_rules(self) -> CommittedRules | None:
        """The ignore files of the trusted commit; None without one."""
        repository = git.root_of(self.root)
        if self.trusted is None or repository is None:
            return None
        from claude_lsp.workspace.committed_rules import committed_rules

        try:
            return committed_rules(repository, self.trusted)
        except git.GitError as error:
            refuse(str(error))

    def scope(self, workspace: Workspace) -> Scope:
        """Return the documents; reads files and runs git."""
        from claude_lsp.review import scope

        try:
            if self.sides is not None:
                repository = git.root_of(self.root) or self.root
                found = scope.changes(workspace, repository, self.sides, self.breadth, self.paths)
            elif self.diff is not None:
                top = git.root_of(self.root) or self.root
                found = scope.of_diff(workspace, top, self.diff, self.breadth, self.paths)
            else:
                return scope.files(workspace, self.root, self.paths, self.words)
        except git.GitError as error:
            refuse(str(error))
        return found


def asked(
    options: argparse.Namespace,
    root: Path,
    paths: Sequence[Path],
    environment: Mapping[str, str] = os.environ,
) -> Asked:
    """Return what the options come to; ends the program where they make no sense here.

    Args:
        options: the parsed command line.
        root: the workspace's folder.
        paths: the PATHs of the command line, absolute.
        environment: tells about CI.
    """
    breadth = cast("Breadth", options.scope)
    if options.head and not options.base:
        refuse("--head needs --base")
    try:
        return _asked(options, root, paths, environment, breadth)
    except git.GitError as error:
        refuse(str(error))


def _asked(
    options: argparse.Namespace,
    root: Path,
    paths: Sequence[Path],
    environment: Mapping[str, str],
    breadth: Breadth,
) -> Asked:
    from claude_lsp.review import ci, sides

    repository = git.root_of(root)
    in_ci = ci.runs_in_ci(environment)
    base = ci.base_of_change(environment) if in_ci else None
    compared: Sides | None = None
    diff = None
    if options.worktree or options.staged or options.commit or options.base:
        if repository is None:
            refuse(f"{root} is in no git repository; name files, or give --diff-file")
        if options.worktree:
            compared = sides.worktree()
        elif options.staged:
            compared = sides.staged()
        elif options.commit:
            compared = sides.commit(repository, options.commit)
        else:
            compared = sides.against(repository, options.base, options.head or "HEAD")
    elif options.diff_file:
        diff = _diff(options.diff_file)
    elif in_ci and repository is not None and not paths and not options.all:
        compared = sides.against(repository, base or _default_branch(repository))
    trusted = _trusted(options.config_ref, repository, compared, base)
    changes = compared is not None or diff is not None
    return Asked(root, paths or ([] if changes else [root]), breadth, compared, diff, trusted)


def sides_of_arch(options: argparse.Namespace, root: Path) -> tuple[Sides | None, Trusted]:
    """Return what an architecture review compares, and whose settings hold for it."""
    from claude_lsp.review import ci, sides

    repository = git.root_of(root)
    compared: Sides | None = None
    if options.base:
        if repository is None:
            refuse(f"--base: {root} is in no git repository")
        try:
            compared = sides.against(repository, options.base, options.head or "HEAD")
        except git.GitError as error:
            refuse(str(error))
    in_ci = ci.runs_in_ci(os.environ)
    base = ci.base_of_change(os.environ) if in_ci else None
    return compared, Trusted(root, _trusted(options.config_ref, repository, compared, base))


def _default_branch(repository: Path) -> Base:
    from claude_lsp.review.ci import Base

    name = git.default_branch(repository)
    if name is None:
        refuse(
            "what this change is made against can't be told; give --base REF, or --all for every "
            "file"
        )
    return Base(name, (name,))


def _trusted(
    named: str | None, repository: Path | None, compared: Sides | None, base: Base | None
) -> str | None:
    """Return the commit whose settings hold."""
    if repository is None:
        if named:
            refuse("--config-ref needs a git repository")
        return None
    if named:
        commit = git.commit_of(repository, named)
        if commit is None:
            refuse(f"--config-ref {named}: no such commit here; fetch it first")
        return commit
    if compared is not None and compared.trusted is not None:
        return compared.trusted
    for revision in base.revisions if base is not None else ():
        if commit := git.commit_of(repository, revision):
            return commit
    if base is not None:
        say(
            f"{base.name} is not in this clone, so the settings are those of the change itself; "
            "check out with the full history (fetch-depth: 0)"
        )
    return None


def _diff(name: str) -> tuple[str, tuple[FileChange, ...]]:
    from claude_lsp.text.diffs import DiffError, parse_diff

    try:
        content = sys.stdin.buffer.read(_LARGEST_DIFF + 1) if name == "-" else _file(name)
    except OSError as error:
        refuse(f"--diff-file {name}: {error.strerror}")
    if len(content) > _LARGEST_DIFF:
        refuse(f"--diff-file {name}: larger than {_LARGEST_DIFF // 1_000_000} MB")
    shown = "stdin" if name == "-" else name
    text = content.decode("utf-8", "surrogateescape")
    if text.partition("\n")[0].endswith("\r"):
        text = text.replace("\r\n", "\n")  # the diff itself, and not only what it is about
    try:
        changes = parse_diff(text)
    except DiffError as error:
        refuse(f"--diff-file {shown}: {error}")
    if not changes and text.strip():
        refuse(f"--diff-file {shown}: there is no diff in it")
    return shown, changes


def _file(name: str) -> bytes:
    with Path(name).open("rb") as file:
        return file.read(_LARGEST_DIFF + 1)
