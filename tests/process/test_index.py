"""However a server ends, the processes that read files for its index end with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.lsp.wire import frame
from claude_lsp.text.snapshots import uri_from_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

COMMAND = Path(sys.executable).with_name("claude-lsp")
WORKER = b"claude_lsp.workspace.index.work"
PATIENCE_S = 40


def message(method: str, params: Any, **others: Any) -> bytes:
    body = {"jsonrpc": "2.0", "method": method, "params": params, **others}
    return frame(json.dumps(body).encode())


@pytest.fixture
def server(tmp_path: Path, empty_home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server that has begun to index a workspace which keeps it busy for some seconds."""
    for number in range(1500):
        (tmp_path / f"file_{number}.py").write_text("def function(x): return x.y\n" * 400)
    process = subprocess.Popen(
        [COMMAND],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(empty_home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    root: dict[str, Any] = {
        "rootUri": uri_from_path(tmp_path),
        "capabilities": {},
        "processId": None,
    }
    process.stdin.write(message("initialize", root, id=1) + message("initialized", {}))
    process.stdin.flush()
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def workers_of(parent: int) -> list[int]:
    """Return the worker processes of a server."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and running(int(folder.name)):
            try:
                status = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(status[1]) == parent:
                found.append(int(folder.name))
    return found


def running(process: int) -> bool:
    try:
        return WORKER in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something is so; a failure of the test if it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


@pytest.mark.parametrize("end", ["the client is gone", "terminated", "killed"])
def test_no_worker_outlives_its_server(server: subprocess.Popen[bytes], end: str) -> None:
    workers = until(lambda: workers_of(server.pid))
    if end == "the client is gone":
        assert server.stdin is not None
        server.stdin.close()
    else:
        server.send_signal(signal.SIGTERM if end == "terminated" else signal.SIGKILL)
    server.wait(PATIENCE_S)
    until(lambda: not any(map(running, workers)))
