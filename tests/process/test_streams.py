"""Damaged bytes on a real process's stdin: it answers, or ends with a reason, and never hangs.

`CLAUDE_LSP_STREAMS=2000` sends that many streams instead of a few.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.lsp.wire import FrameError, FrameParser, frame
from tests.fuzz.inputs import KINDS, Edit, edited

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="select on pipes")

COMMAND = Path(sys.executable).with_name("claude-lsp")
STREAMS = int(os.environ.get("CLAUDE_LSP_STREAMS", "40"))
PATIENCE_S = 30
"""Far more than anything takes, so that a busy machine is not taken for a server that hangs."""

FURTHEST = 1 << 20
"""Bytes that are sent to complete a message whose announced length was damaged."""

URI = "file:///nowhere/code.py"
POSITION = {"line": 0, "character": 1}
MESSAGES: list[dict[str, Any]] = [
    {
        "method": "textDocument/didOpen",
        "params": {
            "textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": "x = 1\n"}
        },
    },
    {
        "method": "textDocument/didChange",
        "params": {
            "textDocument": {"uri": URI, "version": 2},
            "contentChanges": [{"range": {"start": POSITION, "end": POSITION}, "text": "é😀"}],
        },
    },
    {
        "id": "complete",
        "method": "textDocument/completion",
        "params": {"textDocument": {"uri": URI}, "position": POSITION},
    },
    {
        "id": 7,
        "method": "textDocument/codeAction",
        "params": {
            "textDocument": {"uri": URI},
            "range": {"start": POSITION, "end": POSITION},
            "context": {"diagnostics": []},
        },
    },
    {
        "id": 8,
        "method": "workspace/executeCommand",
        "params": {"command": "claude.cancel", "arguments": []},
    },
    {"method": "$/cancelRequest", "params": {"id": 7}},
    {"method": "workspace/didChangeConfiguration", "params": {"settings": {"claude": {}}}},
    {"method": "textDocument/didClose", "params": {"textDocument": {"uri": URI}}},
    {"id": 9, "result": None},
]
WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b"\xff\xfe", b"{", b"}", b'"', b"\\", b",", b"[" * 3000),
    *(b"Content-Length: ", b"Content-Length: 2\r\n\r\n{}", b"content-length:5\n\n[1,2]", b"-5"),
    *(b"9", b"null", b"1e999", b"NaN", b'"id":', b'"jsonrpc":"1.0"', b'"\\ud800"', b"X-Y: z\r\n"),
)
FRAME = re.compile(rb"Content-Length: (\d+)\r\n\r\n")


class Process:
    """One server, and what it must do with the bytes that it has been sent."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.process = subprocess.Popen(
            [COMMAND, "serve", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("wb"),
            bufsize=0,
        )
        self._parser = FrameParser()
        self._said = bytearray()
        self.messages: list[dict[str, Any]] = []
        self._probes = 0
        params: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        self.send(framed({"id": 0, "method": "initialize", "params": params}))
        self.until_answered(0)
        self.send(framed({"method": "initialized", "params": {}}))

    def send(self, data: bytes) -> bool:
        """Send bytes; return whether they can be the beginning of a stream of messages."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; why is asked later
            self.process.stdin.write(data)
        try:
            list(self._parser.feed(data))
        except FrameError:
            return False
        return True

    def missing(self) -> int:
        """Return how many bytes the message lacks that the stream has stopped in."""
        parser = self._parser
        return (parser._length or 0) - len(parser._buffer) if parser._in_body else 0

    def probe(self) -> None:
        """Ask something that must be answered, whatever came before."""
        self._probes += 1
        name = f"probe {self._probes}"
        self.send(framed({"id": name, "method": "nothing/known"}))
        answer = self.until_answered(name)
        assert answer["error"]["code"] in (-32600, -32601), answer

    def until_answered(self, msg_id: Any) -> dict[str, Any]:
        """Read until a request is answered; whatever is read must be whole frames of JSON."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for message in self.messages:
                if message.get("id", self) == msg_id and "method" not in message:
                    return message
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            assert ready, f"no answer to {msg_id!r} within {PATIENCE_S} s"
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, f"it ended: {self.reason()}"
            self.take(data)

    def take(self, data: bytes) -> None:
        """Cut what the server says into messages, strictly."""
        self._said += data
        while header := FRAME.match(self._said):
            end = header.end() + int(header[1])
            if len(self._said) < end:
                return
            message = json.loads(self._said[header.end() : end])
            assert message["jsonrpc"] == "2.0"
            assert "method" in message or ("result" in message) != ("error" in message)
            self.messages.append(message)
            del self._said[:end]
        head = b"Content-Length: "
        assert head.startswith(bytes(self._said[: len(head)])) or FRAME.match(
            bytes(self._said).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        ), f"no frame: {bytes(self._said[:80])!r}"

    def reason(self) -> str:
        """Wait until it has ended; return what it says of that on stderr."""
        assert self.process.stdout is not None
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        self.take(out)
        assert self._said == b"", "its last message is cut off"
        return self._log.read_text("utf-8")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def framed(message: dict[str, Any]) -> bytes:
    return frame(json.dumps({"jsonrpc": "2.0", **message}).encode())


def damaged(chance: random.Random) -> bytes:
    """Return some messages, with some bytes of them changed."""
    stream = b"".join(framed(chance.choice(MESSAGES)) for _ in range(chance.randint(1, 5)))
    edits = [
        Edit(
            chance.choice(KINDS),
            chance.random(),
            chance.randint(1, 60),
            chance.choice(WORDS),
            chance.randint(0, 40),
        )
        for _ in range(chance.randint(1, 4))
    ]
    return edited(stream, edits)


@pytest.fixture
def running() -> Iterator[list[Process]]:
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()


@pytest.mark.timeout(120 + STREAMS * 5)
def test_damaged_streams_are_answered_or_ended_with_a_reason(
    running: list[Process], tmp_path: Path
) -> None:
    chance = random.Random(int(os.environ.get("CLAUDE_LSP_SEED", "1")))
    ends = 0
    for number in range(STREAMS):
        if not running:
            running.append(Process(tmp_path / f"log {ends}"))
        server = running[0]
        stream = damaged(chance)
        told = f"stream {number}: {stream!r}"
        followed = server.send(stream)
        # Bodies are filled up; a line ending closes a header line, and perhaps begins a body.
        for ending in (b"", b"\n"):
            followed = followed and server.send(ending)
            if followed and 0 < server.missing() <= FURTHEST:
                followed = server.send(b" " * server.missing())
        if followed and not server.missing():
            server.probe()
            server.messages.clear()
            continue
        # It waits for a very long message, and its client leaves; or it can't go on by itself.
        if followed:
            assert server.process.stdin is not None
            server.process.stdin.close()
            server.process.stdin = None
        reason = server.reason()
        assert server.process.returncode == 1, told
        assert followed or "stream cannot be followed" in reason, told
        assert "Traceback" not in reason, told
        running.remove(server)
        ends += 1
    for server in running:
        server.send(framed({"id": "end", "method": "shutdown"}))
        assert server.until_answered("end")["result"] is None
        server.send(framed({"method": "exit"}))
        assert "Traceback" not in server.reason()
        assert server.process.returncode == 0
    print(f"{STREAMS} streams, {ends} of which ended a process")
