"""The servers that are measured, and how each is started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.completion.backends import MessagesBackend, TabbyBackend
from benchmarks.context.corpora import node_library
from benchmarks.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.completion.backends import Backend
    from benchmarks.server_process import Answer, Sent

TABBY_AGENT = "1.5.0"
_SETTLED_S, _LONGEST_S = 2.0, 180.0


@dataclass(frozen=True)
class Subject:
    """A language server.

    Attributes:
        name: as the table shows it.
        command: what starts it.
    """

    name: str
    command: tuple[str, ...]

    def backend(self) -> Backend:
        """Return a service for it that does not listen yet."""
        return MessagesBackend()

    async def start(
        self, home: Path, root: Path, backend: Backend, *, waits: bool, speed: float = 1
    ) -> Running:
        """Start it in a folder, with nothing of the user's own.

        Args:
            home: its home folder, for what it writes.
            root: the workspace.
            backend: the service, listening.
            waits: whether it waits for a pause in typing, as it does by default.
            speed: how many times faster than usual the typing is.
        """
        environment = backend.environment() | {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "CLAUDE_LSP_STATE_DIR": str(home / "state"),
            # One index for all, as after the first start.
            "CLAUDE_LSP_CACHE_DIR": str(home.parent / "cache"),
        }
        # Python's own, such as its path, are this process's affair.
        environment = {k: v for k, v in environment.items() if not k.startswith("PYTHON")}
        await asyncio.to_thread(self.configure, home, backend, waits=waits)
        server = await ServerProcess.spawn(self.name, self.command, environment, root)
        options: dict[str, Any] = {
            "completion": {
                "debounce_ms": round(150 / speed) if waits else 0,
                # The limit is not what is measured.
                "per_minute": 100_000,
            },
            "spend": {"day_usd": 10_000, "automatic_day_usd": 10_000},
            "log": {"level": "error"},
        }
        answer = await server.initialize(root, options)
        server.notify("initialized", {})
        known = answer.message["result"]["capabilities"]
        return Running(server, backend, inline="inlineCompletionProvider" in known)

    def configure(self, home: Path, backend: Backend, *, waits: bool) -> None:  # noqa: ARG002
        """Make its home folder, and write what the server reads from there."""
        home.mkdir(parents=True, exist_ok=True)


class Tabby(Subject):
    """The agent of Tabby."""

    def backend(self) -> Backend:
        return TabbyBackend()

    def configure(self, home: Path, backend: Backend, *, waits: bool) -> None:
        super().configure(home, backend, waits=waits)
        assert isinstance(backend, TabbyBackend)
        mode = 'mode = "adaptive"' if waits else 'mode = "fixed"\ninterval = 0'
        file = home / ".tabby-client" / "agent" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f'[server]\nendpoint = "http://127.0.0.1:{backend.port}"\ntoken = "none"\n'
            f"[completion.debounce]\n{mode}\n[anonymousUsageTracking]\ndisable = true\n",
            "utf-8",
        )


OURS = Subject("claude-lsp", (str(Path(sys.executable).with_name("claude-lsp")),))
WITHOUT_MEMORY = Subject(
    "claude-lsp, no memory", (sys.executable, str(Path(__file__).with_name("without_memory.py")))
)


def tabby(data: Path) -> Tabby:
    """Return Tabby's agent, installed below `data`.

    Raises:
        UnavailableError: node or npm is missing, or the registry is out of reach.
    """
    folder = node_library(data, "tabby-agent", TABBY_AGENT)
    program = str(folder / "dist" / "cli.js")
    return Tabby(f"tabby-agent {TABBY_AGENT}", ("node", program, "--lsp", "--stdio"))


def named(text: str) -> Subject:
    """Return the peer that the command line names: `name=command with arguments`."""
    name, _, command = text.partition("=")
    if not name or not command:
        raise ValueError(f"{text!r} is not NAME=COMMAND")
    return Subject(name, tuple(shlex.split(command)))


class Running:
    """A server that runs, asked through the best door that it has."""

    def __init__(self, server: ServerProcess, backend: Backend, *, inline: bool) -> None:
        self.server = server
        self.backend = backend
        self._inline = inline

    def ask(self, path: Path, place: dict[str, int], *, asked: bool = False) -> Sent:
        """Ask for a completion, as typing does or as a user does."""
        params = {"textDocument": {"uri": path.as_uri()}, "position": place}
        if self._inline:
            # 1 is what a user asks for, 2 is typing.
            context = {"triggerKind": 1 if asked else 2}
            return self.server.send("textDocument/inlineCompletion", {**params, "context": context})
        return self.server.send(
            "textDocument/completion", {**params, "context": {"triggerKind": 1}}
        )

    def change(self, message: dict[str, Any]) -> float:
        """Send a change; return when that began."""
        return self.server.notify("textDocument/didChange", message)

    async def stop(self) -> None:
        """End the server, in whatever state it is."""
        with contextlib.suppress(RuntimeError, TimeoutError):
            await self.server.stop()
        self.server.kill()

    async def settled(self) -> None:
        """Wait until the server has read its workspace: it and its workers are at rest."""
        waited = quiet = 0.0
        used = self.server.cpu_seconds_of_all()
        while quiet < _SETTLED_S and waited < _LONGEST_S:
            await asyncio.sleep(0.5)
            waited += 0.5
            now = self.server.cpu_seconds_of_all()
            quiet = quiet + 0.5 if now - used < 0.02 else 0.0
            used = now


def suggestions_of(answer: Answer, place: dict[str, int]) -> Sequence[str]:
    """Return the texts that an answer would put behind the cursor."""
    result = answer.message.get("result") or []
    items = result.get("items") or [] if isinstance(result, dict) else result
    texts = []
    for item in items:
        edit = item.get("textEdit")
        if edit is None:
            texts.append(item.get("insertText") or "")
            continue
        start = edit["range"]["start"]
        before = place["character"] - start["character"] if start["line"] == place["line"] else 0
        texts.append(edit["newText"][before:])
    return [text for text in texts if text]
