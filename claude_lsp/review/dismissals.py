"""What the user of an editor has dismissed, kept outside of the source, for each workspace.

A file of lines, each a JSON object that dismisses or restores one finding. A line is appended by
one write, so that several editors lose nothing of each other's; a line that is damaged is passed
over, and the others hold. Dismissals are one person's: CI has the baseline.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from claude_lsp.findings.baseline import Entry

log = logging.getLogger(__name__)

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def name_for(root: Path) -> str:
    """Return a name for what is kept of a workspace: readable, and its own."""
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    return re.sub(r"[^\w.-]", "_", root.name, flags=re.ASCII)[:40] + f"-{digest}"


class Dismissals:
    """The dismissals of one workspace. Reads and writes files: call it in a worker.

    Args:
        root: the workspace's folder.
        folder: where the files are kept; the state folder by default.
    """

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        if folder is None:
            from claude_lsp.claude.ledger import state_directory

            folder = state_directory() / "dismissals"
        self.path = folder / f"{name_for(root)}.jsonl"
        self._read_at: tuple[int, int] | None = None
        self._dismissed: frozenset[str] = frozenset()

    def read(self) -> frozenset[str]:
        """Return the fingerprints that are dismissed; none if the file can't be read."""
        try:
            state = self.path.stat()
            if (state.st_size, state.st_mtime_ns) == self._read_at:
                return self._dismissed
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            log.warning("dismissals can't be read from %s: %s", self.path, error)
            return frozenset()
        dismissed: set[str] = set()
        damaged = 0
        for line in lines:
            if not line.strip():
                continue
            match _entry(line):
                case ("dismiss", fingerprint):
                    dismissed.add(fingerprint)
                case ("restore", fingerprint):
                    dismissed.discard(fingerprint)
                case _:
                    damaged += 1
        if damaged:
            log.warning("%d damaged lines of %s are passed over", damaged, self.path)
        self._read_at = state.st_size, state.st_mtime_ns
        self._dismissed = frozenset(dismissed)
        return self._dismissed

    def dismiss(self, entries: Iterable[Entry]) -> None:
        """Add findings.

        Raises:
            OSError: they could not be written.
        """
        self._append(
            {"dismiss": one.fingerprint, "rule": one.rule, "path": one.path, "title": one.title}
            for one in entries
        )

    def restore(self, fingerprints: Iterable[str]) -> None:
        """Take findings back.

        Raises:
            OSError: that could not be written.
        """
        self._append({"restore": fingerprint} for fingerprint in fingerprints)

    def _append(self, values: Iterable[dict[str, str]]) -> None:
        # Begins on a line of its own whatever a crash has left there.
        content = "".join(f"\n{json.dumps(value)}\n" for value in values).encode("ascii")
        if not content:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            if os.write(handle, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        finally:
            os.close(handle)


def _entry(line: bytes) -> tuple[str, str] | None:
    """Return what a line does and to which fingerprint, None if it is damaged."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        for verb in ("dismiss", "restore"):
            fingerprint = value.get(verb)
            if isinstance(fingerprint, str) and _FINGERPRINT.fullmatch(fingerprint):
                return verb, fingerprint
    return None
