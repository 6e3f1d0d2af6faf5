"""What the commands share: the workspace of a path, the settings, sentences on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from claude_lsp.cli.process import USAGE, log_to_stderr, observe, observed
from claude_lsp.configuration import Configuration, load
from claude_lsp.findings.sanitize import without_commands
from claude_lsp.text.unseen import visible_lines
from claude_lsp.workspace import git
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from claude_lsp.claude.ledger import Ledger
    from claude_lsp.engine import Engine
    from claude_lsp.settings import Option, Settings
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.codebase import Codebase
    from claude_lsp.workspace.committed_rules import CommittedRules

_PATIENCE_S = 1.0
"""Nothing is said of an index that is ready sooner."""


def say(text: str) -> None:
    """Say something to the human, on stderr: stdout is for the report."""
    print(_harmless(f"claude-lsp: {text}"), file=sys.stderr)


def tell(text: str) -> None:
    """Print lines for people, which may hold what others wrote, on stdout."""
    print(_harmless(text))


def _harmless(text: str) -> str:
    """Return lines that steer neither a terminal nor the runner of a CI job that reads them."""
    text = visible_lines(text)
    return without_commands(text) if "GITHUB_ACTIONS" in os.environ else text


def refuse(text: str) -> NoReturn:
    """End with the exit code for wrong usage or configuration."""
    say(text)
    sys.exit(USAGE)


def root_for(options: argparse.Namespace, path: Path) -> Path:
    """Return the workspace of a path: as given, else the repository, else its folder."""
    if options.root:
        root = Path(options.root).resolve()
        if not root.is_dir():
            refuse(f"--root {options.root}: no such folder")
        return root
    folder = path if path.is_dir() else path.parent
    return git.root_of(folder) or folder


def shown_values(settings: Settings) -> Iterator[tuple[Option, Any]]:
    """Yield each option with its value as it may be shown: without headers and logins."""
    from claude_lsp.routing import as_written
    from claude_lsp.settings import options as all_options

    for item in all_options():
        value: Any = settings
        for name in item.key.split("."):
            value = getattr(value, name)
        if item.key == "endpoint.headers":
            value = dict.fromkeys(value, "(set)")
        elif item.key == "endpoint.base_url":
            value = without_login(value)
        elif item.key == "routes":
            value = {action: as_written(rules) for action, rules in value.items()}
        yield item, value


def without_login(url: str) -> str:
    """Return an address without user, password and query, each of which can be a key."""
    head, found, rest = url.partition("://")
    if not found:
        return url
    host, slash, path = rest.partition("?")[0].partition("/")
    return f"{head}://{host.rpartition('@')[2]}{slash}{path}"


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C cancel the task that is at work here, so that it can report what it has."""
    import asyncio
    import signal

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, lambda: task.cancel() if task else None)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


def refuse_outside(root: Path, paths: Iterable[Path]) -> None:
    """End the program if one of some paths is not in the project."""
    for path in paths:
        if not path.is_relative_to(root):
            refuse(f"{path} is not below {root}; review one project at a time")


def show_progress(line: str) -> None:
    """Show how far a run is, on a terminal; an empty line takes that away."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


@contextlib.asynccontextmanager
async def engine_of(
    settings: Settings, workspace: Workspace, ledger: Ledger, opened: Sequence[Snapshot] = ()
) -> AsyncIterator[Engine]:
    """Give an engine over a workspace that is indexed; at the end all is closed, the ledger too."""
    from claude_lsp.claude.client import Client
    from claude_lsp.engine import Engine

    codebase = await indexed(workspace, opened)
    client = Client(settings, ledger)
    try:
        yield Engine(settings, workspace, client, codebase)
    finally:
        await codebase.close()
        await client.close()
        ledger.close()


async def indexed(workspace: Workspace, opened: Sequence[Snapshot] = ()) -> Codebase:
    """Return what is known of the code of a workspace, complete; the caller closes it."""
    import asyncio

    from claude_lsp.workspace.codebase import Codebase

    codebase = await asyncio.to_thread(Codebase, workspace, say)
    codebase.update(opened)
    settling = asyncio.ensure_future(codebase.settled())
    try:
        while not (await asyncio.wait({settling}, timeout=_PATIENCE_S))[0]:
            done = sum(folder.progress.done for folder in codebase.folders if folder.progress)
            show_progress(f"indexing: {done:,} files")
    except asyncio.CancelledError:
        await codebase.close()
        raise
    finally:
        settling.cancel()
        show_progress("")
    return codebase


def configure(
    options: argparse.Namespace,
    root: Path,
    command_line: Mapping[str, Any] | None = None,
    project: Callable[[str], str | None] | None = None,
    committed: CommittedRules | None = None,
) -> tuple[Configuration, Workspace]:
    """Read the settings for a root; what can't be taken is said, and ends a run in CI's sense.

    A broken settings file is an error on the command line: a review under settings that nobody
    wrote would be worse than none. `project` reads the project's own files, where not from disk;
    `committed` are ignore files that count beside those on disk.
    """
    log_to_stderr(getattr(options, "log_level", None) or "warning")
    file = Path(options.config) if options.config else None
    asked = observed(options)
    command_line = {**(command_line or {}), **asked}
    configuration = load(root, command_line=command_line, file=file, project=project)
    if configuration.problems:
        for problem in configuration.problems:
            say(str(problem))
        sys.exit(USAGE)
    for fault in observe(configuration.settings, options.command):
        # What this very run was asked for must work; a setting of all runs must not stop one.
        (refuse if fault.startswith(tuple(asked)) else say)(fault)
    return configuration, Workspace((root,), configuration.settings, committed)
