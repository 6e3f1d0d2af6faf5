"""The folders that are worked on: names of files in them, and whether they may be sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from claude_lsp.workspace.ignore import IgnoreRules, content_reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from claude_lsp.settings import Settings
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.committed_rules import CommittedRules


class Workspace:
    """The folders of one session; the first is the one whose settings file counts.

    Args:
        roots: the folders.
        settings: what limits files, and names more of them to ignore.
        committed: the ignore files that a change under review is made against, which count too.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        settings: Settings,
        committed: CommittedRules | None = None,
    ) -> None:
        self.roots = tuple(roots)
        self._prefixes = [(root, _prefix(root)) for root in self.roots]
        self.limit_kb = settings.context.max_file_kb
        """Files larger than this, in units of 1024 bytes, are not sent."""
        self.indexed = settings.context.index
        """Whether the files of the folders are indexed."""
        self._ignore = settings.context.ignore
        self._committed = committed
        self._rules = {root: IgnoreRules(root, settings.context.ignore) for root in self.roots}

    def same_rules(self, other: Workspace) -> bool:
        """Whether another workspace lets the same files of a folder be read and sent."""
        mine = (self._ignore, self.limit_kb, self.indexed)
        return mine == (other._ignore, other.limit_kb, other.indexed)

    @property
    def root(self) -> Path | None:
        """The first folder, None without any."""
        return self.roots[0] if self.roots else None

    def rules_for(self, path: Path) -> IgnoreRules | None:
        """Return the ignore rules that hold for a file, None for one outside every folder."""
        root = self.root_of(path)
        return None if root is None else self._rules[root]

    def root_of(self, path: Path) -> Path | None:
        """Return the innermost folder that holds a file."""
        # Asked for each file of each completion, and pathlib takes ten times as long.
        name = _prefix(path)
        holding = [root for root, prefix in self._prefixes if name.startswith(prefix)]
        return max(holding, key=lambda root: len(root.parts), default=None)

    def origin_of(self, path: Path) -> str:
        """Return how a file is named to the user and the model: relative, "/" between parts."""
        root = self.root_of(path)
        name = path.name if root is None else path.relative_to(root).as_posix()
        # Names on disk need not be text, and nothing else can be sent or shown.
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "replace")

    def origin(self, snapshot: Snapshot) -> str:
        """Return how a document is named; one that is not on disk keeps the end of its address."""
        if snapshot.path is None:
            return snapshot.uri.rpartition("/")[2] or snapshot.uri
        return self.origin_of(snapshot.path)

    def reason_not_to_send(self, snapshot: Snapshot) -> str | None:
        """Return why a document must not be sent, None if it may be."""
        reason = None if snapshot.path is None else self.reason_against_path(snapshot.path)
        return reason or self.reason_against_text(snapshot)

    def reason_against_path(self, path: Path) -> str | None:
        """Return why a file must not even be read, None if its path gives no reason."""
        rules = self.rules_for(path)
        if rules is not None:
            reason = rules.reason(path)
            return reason if self._committed is None else self._committed.stricter(path, reason)
        if self.roots:
            return "outside the workspace"
        # A single file without a folder: its own name still tells a secret file.
        return IgnoreRules(path.parent).reason(path)

    def reason_against_text(self, snapshot: Snapshot) -> str | None:
        """Return why a text must not be sent, None if nothing in it speaks against that."""
        name = snapshot.path or self.origin(snapshot)
        return content_reason(name, snapshot.text, self.limit_kb)


def _prefix(path: Path) -> str:
    """Return what a folder's path and those of everything in it begin with."""
    return os.path.join(os.path.normcase(path), "")  # noqa: PTH118
