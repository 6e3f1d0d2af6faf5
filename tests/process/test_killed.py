"""A server that is killed at any moment leaves what it keeps readable: nothing that was kept goes.

Three kills here; `CLAUDE_LSP_KILLS=200` for the long form, `make test-crashes`.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.findings.baseline import read
from claude_lsp.text.snapshots import uri_from_path
from tests.messages_api import replies
from tests.process.test_index import message

if TYPE_CHECKING:
    from tests.messages_api import ReceivedRequest, Reply, ThreadedMessagesApi

COMMAND = Path(sys.executable).with_name("claude-lsp")
KILLS = int(os.environ.get("CLAUDE_LSP_KILLS", "3"))
CODE = "def total(values):\n    result = 0\n    return result\n"
PATIENCE_S = 40


class Kept:
    """What lies on disk between the sessions, and what must not go."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for number in range(60):
            (self.project / f"module_{number}.py").write_text(CODE * 20)
        self.state, self.cache = folder / "state", folder / "cache"
        self.environment = environment | {
            "CLAUDE_LSP_STATE_DIR": str(self.state),
            "CLAUDE_LSP_CACHE_DIR": str(self.cache),
        }
        self.dismissed: set[str] = set()
        self.requests = 0

    @property
    def baseline(self) -> Path:
        return self.project / "claude-lsp-baseline.json"

    def check(self) -> None:
        """Hold what can be read now against what was kept before."""
        with closing(sqlite3.connect(self.state / "ledger.sqlite3")) as ledger:
            assert ledger.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (requests,) = ledger.execute("SELECT count(*) FROM requests").fetchone()
        assert requests >= self.requests
        self.requests = requests
        (dismissals,) = (self.state / "dismissals").iterdir()
        whole = {
            json.loads(line)["dismiss"]
            for line in dismissals.read_bytes().split(b"\n")
            if line.endswith(b"}")
        }
        assert whole >= self.dismissed
        self.dismissed = whole
        if self.baseline.exists():
            read(self.baseline.read_text("utf-8"))


class Session:
    """A server that is asked for all that it keeps; nobody waits for its answers."""

    def __init__(self, kept: Kept, number: int) -> None:
        self.process = subprocess.Popen(
            [COMMAND],
            cwd=kept.project,
            env=kept.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        uri = uri_from_path(kept.project / f"module_{number % 60}.py")
        opened = {"uri": uri, "languageId": "python", "version": 1, "text": CODE}
        root: dict[str, Any] = {
            "rootUri": uri_from_path(kept.project),
            "capabilities": {},
            "processId": None,
            "initializationOptions": {"completion": {"debounce_ms": 0}},
        }
        self._send("initialize", root, id=1)
        self._send("initialized", {})
        self._send("textDocument/didOpen", {"textDocument": opened})
        for key in range(8):
            place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": key}}
            context = {"context": {"triggerKind": 1}}
            self._send("textDocument/inlineCompletion", place | context, id=10 + key)
            dismissal = {"uri": uri, "fingerprint": f"{number:08x}{key:08x}"}
            self._command("claude.dismiss", dismissal, id=20 + key)
        self._command("claude.review", {"uri": uri}, id=30)

    def end(self) -> None:
        """Leave as an editor does."""
        self._send("shutdown", None, id=90)
        self._send("exit", None)
        self.process.wait(PATIENCE_S)
        self._close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._close()

    def _close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _command(self, name: str, argument: dict[str, Any], **others: Any) -> None:
        self._send("workspace/executeCommand", {"command": name, "arguments": [argument]}, **others)

    def _send(self, method: str, params: Any, **others: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(message(method, params, **others))
        self.process.stdin.flush()


def answer(request: ReceivedRequest) -> Reply:
    if "output_config" in (request.body or {}):
        return replies.json_findings([], delay_s=0.02)
    return replies.text("<fill>measured = 1</fill>", delay_s=0.01)


def write_baseline(kept: Kept) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [COMMAND, "baseline", "write", "--offline", "--baseline", kept.baseline.name],
        cwd=kept.project,
        env=kept.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.timeout(120 + KILLS * 12)
def test_a_kill_at_any_moment_loses_nothing_that_was_kept(
    tmp_path: Path, empty_home: Path, threaded_messages_api: ThreadedMessagesApi
) -> None:
    api, chance = threaded_messages_api, random.Random(KILLS)
    api.respond(answer)
    kept = Kept(tmp_path, api.environment(HOME=str(empty_home)))
    began = time.monotonic()
    first = Session(kept, 0)
    while len(api.messages) < 2 and time.monotonic() < began + PATIENCE_S:
        time.sleep(0.02)
    usual = time.monotonic() - began
    first.end()
    assert write_baseline(kept).wait(PATIENCE_S) == 0
    kept.check()
    assert kept.requests > 0
    assert kept.dismissed
    for number in range(1, KILLS + 1):
        session = Session(kept, number)
        other = write_baseline(kept) if number % 4 == 0 else None
        time.sleep(chance.uniform(0.2, 1.5) * usual)
        session.kill()
        if other is not None:
            other.kill()
            other.wait(PATIENCE_S)
        kept.check()
    before = len(api.messages)
    last = Session(kept, KILLS + 1)
    deadline = time.monotonic() + PATIENCE_S
    while len(api.messages) < before + 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    last.end()
    assert len(api.messages) > before
    kept.check()
