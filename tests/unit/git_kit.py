"""Real repositories for tests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Repository:
    """A git repository in a temporary folder."""

    def __init__(self, root: Path, branch: str = "main") -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", branch)

    def git(self, *arguments: str, check: bool = True) -> str:
        """Run git here, as somebody who has configured nothing."""
        done = subprocess.run(
            [
                *("git", "-c", "user.name=A", "-c", "user.email=a@example.org"),
                *("-c", "core.autocrlf=false", "-c", "protocol.file.allow=always", *arguments),
            ],
            cwd=self.root,
            check=check,
            capture_output=True,
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def commit(self, message: str = "a change", **files: str | bytes) -> str:
        """Commit everything, files named by keyword (`__` for `/`, `_py` for `.py`) first."""
        for name, content in files.items():
            self.write(name.replace("__", "/").replace("_py", ".py"), content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
