"""Git repositories for benchmarks, made by somebody who has configured nothing."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_AUTHOR = "A <a@example.org> 1700000000 +0000"
_SETTINGS = ("user.name=A", "user.email=a@example.org", "core.autocrlf=false", "gc.auto=0")


def git(root: Path, *arguments: str, given: bytes | None = None) -> str:
    """Run git in a folder and return what it says.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    configured = [part for setting in _SETTINGS for part in ("-c", setting)]
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *configured, *arguments],
        cwd=root,
        env=os.environ | nowhere,
        input=given,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def commit_all(root: Path, message: str) -> None:
    """Commit everything in a folder, which becomes a repository if it is none."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", f"--message={message}")


def add_branches(root: Path, branches: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Commit many changes of `main`, each on a branch of its own, without checking any out.

    Args:
        root: the repository.
        branches: names, each with the new texts of the files that it changes, by path.
    """
    commands: list[bytes] = []
    for name, texts in branches:
        commands.append(f"commit refs/heads/{name}\ncommitter {_AUTHOR}\n".encode())
        commands.append(b"data 6\nchange\nfrom refs/heads/main^0\n")
        for path, text in texts.items():
            content = text.encode()
            commands.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode())
            commands += [content, b"\n"]
    git(root, "fast-import", "--quiet", given=b"".join(commands))
