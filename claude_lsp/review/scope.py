"""What a review looks at: documents, the lines of them that count, and what is left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from claude_lsp.review.document import Document, changed_document, leads_to, only_hunks
from claude_lsp.text.conversation import is_conversation
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace import git_diff
from claude_lsp.workspace.committed_rules import NEWLY
from claude_lsp.workspace.files import TextFile, Unreadable, decode, list_files, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_lsp.review.document import Breadth
    from claude_lsp.review.sides import Sides
    from claude_lsp.text.diffs import FileChange
    from claude_lsp.workspace.workspace import Workspace

_LARGEST_BYTES = 4_000_000
_PROSE = frozenset(("plaintext", "markdown", "restructuredtext", "latex", "ignore"))
_DATA = frozenset(
    ("xml", "json", "jsonc", "jsonl", "toml", "ini", "properties")
)  # settings are worth a look where they change, not whenever a folder is reviewed
_VENDORED = frozenset(
    ("vendor", "vendored", "third_party", "third-party", "node_modules", "bower_components")
)


@dataclass(frozen=True)
class Scope:
    """What a review looks at.

    Attributes:
        words: what was asked for.
        documents: what is to be reviewed, in the order of their paths.
        skipped: paths that are left out on purpose, with the reason.
        notices: sentences for the user.
        nothing: the sentence for a diff in which nothing at all has changed; else empty.
        changes: whether it is about changes.
    """

    words: str
    documents: tuple[Document, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()
    nothing: str = ""
    changes: bool = False


def files(workspace: Workspace, root: Path, paths: Sequence[Path], words: str) -> Scope:
    """Return whole files as what is reviewed; reads files, so call it in a worker.

    Args:
        workspace: says what may be sent.
        root: the workspace's folder.
        paths: files and folders in it. A file that is named is taken even if a listing would not
            have shown it.
        words: what was asked for.
    """
    rules = workspace.rules_for(root)
    listed = list_files(root, rules) if rules is not None else []
    named = [path for path in paths if path.is_file()]
    wanted = named + [path for path in listed if path not in named and covers(root, paths, path)]
    found = _Found(workspace)
    for path in wanted:
        origin = workspace.origin_of(path)
        content = read_text(path, _LARGEST_BYTES)
        if not isinstance(content, TextFile):
            found.skipped.append((origin, content.reason))
            continue
        snapshot = found.snapshot(path, content.text)
        unwanted = _PROSE | _DATA if path not in named else frozenset[str]()
        if found.may_send(origin, snapshot, unwanted):
            found.documents.append(Document(origin, snapshot))
    return found.scope(words)


def changes(
    workspace: Workspace,
    repository: Path,
    sides: Sides,
    breadth: Breadth = "added",
    paths: Sequence[Path] = (),
) -> Scope:
    """Return what differs between two states; runs git, so call it in a worker.

    Args:
        workspace: says what may be sent.
        repository: the root of the working tree.
        sides: what is compared.
        breadth: which lines findings may be about.
        paths: files and folders that limit it; none for everything in the workspace.

    Raises:
        GitError: git can't tell.
    """
    found = _Found(workspace)
    wanted = [
        change
        for change in sides.changes(repository)
        if _is_asked(workspace, paths, repository / change.path)
    ]
    kept = [each for each in wanted if found.may_read(each, repository / each.path, paths)]
    on_disk = sides.kind == "worktree"
    stored = {} if on_disk else _contents(workspace, repository, kept)
    for change in kept:
        path = repository / change.path
        content = (
            read_text(path, _LARGEST_BYTES) if on_disk else _text_of(stored, change, workspace)
        )
        found.add(change, path, content, breadth, paths)
    everything = len(wanted)
    if on_disk:
        for name in git_diff.untracked(repository):
            path = repository / name
            if _is_asked(workspace, paths, path):
                everything += 1
                found.add_new(path, paths)
    return found.scope(sides.words, nothing="" if everything else sides.nothing, changes=True)


def of_diff(
    workspace: Workspace,
    root: Path,
    diff: tuple[str, Sequence[FileChange]],
    breadth: Breadth = "added",
    paths: Sequence[Path] = (),
) -> Scope:
    """Return what a diff that was handed in changes; reads files, so call it in a worker.

    A file's text comes from the disk where it is what the diff leads to; elsewhere the diff's own
    lines, at their numbers, are all that is known of it.

    Args:
        workspace: says what may be sent.
        root: the folder that the diff's paths are relative to.
        diff: its name for the user, and what it changes.
        breadth: which lines findings may be about.
        paths: files and folders that limit it; none for everything in the workspace.
    """
    name, given = diff
    found = _Found(workspace)
    wanted = [change for change in given if _is_asked(workspace, paths, root / change.path)]
    for change in wanted:
        path = root / change.path
        if not found.may_read(change, path, paths):
            continue
        content = read_text(path, _LARGEST_BYTES)
        if not isinstance(content, TextFile) or not leads_to(change, content.text):
            found.without_files += 1
            content = TextFile(only_hunks(change), "utf-8", 0, 0)
        found.add(change, path, content, breadth, paths)
    if found.without_files:
        files_ = "file is" if found.without_files == 1 else "files are"
        found.notices.append(
            f"{found.without_files} {files_} not here as the diff has them; only the lines of the "
            "diff were looked at."
        )
    nothing = "" if wanted else f"{name} changes no file."
    return found.scope(name, nothing=nothing, changes=True)


def covers(root: Path, limits: Sequence[Path], path: Path) -> bool:
    """Whether a file is one of some files and folders, or in one."""
    return any(limit in (root, path) or limit in path.parents for limit in limits)


@dataclass
class _Found:
    """What has been found to review, and what was left out."""

    workspace: Workspace
    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    without_files: int = 0

    def scope(self, words: str, *, nothing: str = "", changes: bool = False) -> Scope:
        if changes:
            self.documents.sort(key=lambda document: document.origin.split("/"))
        if hidden := sum(reason.endswith(NEWLY) for _, reason in self.skipped):
            files_ = "1 file" if hidden == 1 else f"{hidden} files"
            self.notices.append(f"The change ignores {files_} of its own; see what was skipped.")
        return Scope(
            words,
            tuple(self.documents),
            tuple(self.skipped),
            tuple(self.notices),
            nothing,
            changes,
        )

    def snapshot(self, path: Path, text: str) -> Snapshot:
        return Snapshot(uri_from_path(path), None, text, language_of(path, text.split("\n", 1)[0]))

    def may_send(self, origin: str, snapshot: Snapshot, unwanted: frozenset[str]) -> bool:
        reason = self.workspace.reason_not_to_send(snapshot)
        if reason is None and snapshot.language in unwanted:
            reason = f"{snapshot.language} is not reviewed unless named"
        if reason is None and not snapshot.text.strip():
            reason = "empty"
        if reason is not None:
            self.skipped.append((origin, reason))
        return reason is None

    def may_read(self, change: FileChange, path: Path, named: Sequence[Path]) -> bool:
        """Whether the text of a changed file is to be looked at; else it is listed as skipped."""
        reason = _reason_to_skip(change)
        if reason is None and ".." in PurePosixPath(change.path).parts:
            reason = "outside the workspace"
        if reason is None and path not in named:
            folders = set(PurePosixPath(change.path).parts[:-1])
            reason = "vendored" if folders & _VENDORED else None
        reason = reason or self.workspace.reason_against_path(path)
        if reason is not None:
            self.skipped.append((self._origin(path, change.path), reason))
        return reason is None

    def add(
        self,
        change: FileChange,
        path: Path,
        content: TextFile | Unreadable,
        breadth: Breadth,
        named: Sequence[Path],
    ) -> None:
        origin = self._origin(path, change.path)
        if isinstance(content, Unreadable):
            self.skipped.append((origin, content.reason))
            return
        snapshot = self.snapshot(path, content.text)
        if not change.removed and not self.may_send(origin, snapshot, _unwanted(path, named)):
            return
        if change.removed:
            # What is left may be empty; what was taken away is still worth a look.
            reason = self.workspace.reason_not_to_send(snapshot)
            if reason is None and snapshot.language in _unwanted(path, named):
                reason = f"{snapshot.language} is not reviewed unless named"
            if reason is not None:
                self.skipped.append((origin, reason))
                return
        self.documents.append(changed_document(change, origin, snapshot, breadth))

    def add_new(self, path: Path, named: Sequence[Path]) -> None:
        """Add a file that git does not know yet; all of it is new."""
        origin = self.workspace.origin_of(path)
        reason = self.workspace.reason_against_path(path)
        if reason is None and set(origin.split("/")[:-1]) & _VENDORED and path not in named:
            reason = "vendored"
        content = Unreadable(reason) if reason else read_text(path, _LARGEST_BYTES)
        if isinstance(content, Unreadable):
            self.skipped.append((origin, content.reason))
            return
        snapshot = self.snapshot(path, content.text)
        if self.may_send(origin, snapshot, _unwanted(path, named)):
            self.documents.append(Document(origin, snapshot, "added"))

    def _origin(self, path: Path, name: str) -> str:
        return self.workspace.origin_of(path) if self.workspace.root_of(path) else name


def _unwanted(path: Path, named: Sequence[Path]) -> frozenset[str]:
    return frozenset() if path in named else _PROSE


def _is_asked(workspace: Workspace, paths: Sequence[Path], path: Path) -> bool:
    """Whether a changed file is in the workspace and not excluded by the paths that limit it."""
    root = workspace.root_of(path)
    return root is not None and (not paths or covers(root, paths, path))


def _reason_to_skip(change: FileChange) -> str | None:
    """Return why the lines of a change are not worth a look, None if they are."""
    if change.submodule:
        return "submodule"
    if change.status == "deleted":
        return "deleted"
    if change.link:
        return "symbolic link"
    if change.status == "unmerged":
        return "in conflict"
    if change.binary:
        return "binary"
    if is_conversation(change.path):
        return "a conversation"
    if change.hunks:
        return None
    return {
        "renamed": "only renamed",
        "copied": "only copied",
        "mode": "only its mode changed",
        "unchanged": "unchanged",
    }.get(change.status, "empty")


def _contents(
    workspace: Workspace, repository: Path, wanted: Sequence[FileChange]
) -> Mapping[str, bytes | int]:
    """Return the new contents by their names in git's store; of one too large, its size."""
    limit = workspace.limit_kb * 1024
    sizes = git_diff.sizes(repository, (change.new_blob for change in wanted))
    small = git_diff.contents(repository, (name for name, size in sizes.items() if size <= limit))
    return {**sizes, **small}


def _text_of(
    stored: Mapping[str, bytes | int], change: FileChange, workspace: Workspace
) -> TextFile | Unreadable:
    content = stored.get(change.new_blob)
    if content is None:
        return Unreadable("its content is not in this clone")
    if isinstance(content, int):
        return Unreadable(f"over {workspace.limit_kb} kB")
    decoded = decode(content)
    if isinstance(decoded, Unreadable):
        return decoded
    return TextFile(*decoded, len(content), 0)
