"""How the server's process treats its streams, and every way in which it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.lsp import stdio
from claude_lsp.lsp.wire import LONGEST_HEADER, FrameError, FrameParser, Stream, Writer, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and pipes of POSIX")

SERVER = """
import sys
from claude_lsp.lsp.stdio import claim_streams, serve_stdio, serve_tcp
streams = claim_streams()
import asyncio, os, subprocess, time
from claude_lsp.lsp.protocol import Server

server = Server("probe", "1")
server.route("probe/echo", lambda params: params)

def shout(params):
    print("print", flush=True)
    os.write(1, b"descriptor")
    subprocess.run(["echo", "child"])
    return sys.stdin.read()

async def hold(params):
    server.protocol.notify("probe/started")
    try:
        await asyncio.sleep(60)
    finally:
        print("released", file=sys.stderr, flush=True)

async def hold_thread(params):
    server.protocol.notify("probe/started")
    await asyncio.to_thread(time.sleep, 60)

def block(params):
    server.protocol.notify("probe/started")
    time.sleep(60)

def flood(params):
    for _ in range(40):
        server.protocol.notify("probe/flood", "x" * 1_000_000)
    return "done"

def drown(params):
    for _ in range(80):
        server.protocol.notify("probe/flood", "x" * 1_000_000)

server.route("probe/shout", shout)
server.route("probe/hold", hold)
server.route("probe/hold_thread", hold_thread)
server.route("probe/block", block)
server.route("probe/flood", flood)
server.route("probe/drown", drown)
sys.exit(serve_tcp(server, int(sys.argv[1])) if len(sys.argv) > 1 else serve_stdio(server, streams))
"""


class Process:
    """A server in a process of its own, spoken to in frames."""

    def __init__(self, *arguments: str, **others: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *arguments],
            stdin=others.get("stdin", subprocess.PIPE),
            stdout=others.get("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
        )
        self._parser = FrameParser()
        self._bodies: list[bytes] = []

    def send(self, method: str, params: Any = None, msg_id: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if msg_id is not None:
            message["id"] = msg_id
        self.send_bytes(frame(json.dumps(message).encode()))

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        while not self._bodies:
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, "the server has closed its stream"
            self._bodies += self._parser.feed(data)
        return json.loads(self._bodies.pop(0))

    def call(self, method: str, params: Any = None) -> Any:
        self.send(method, params, 1)
        return self.receive()["result"]

    def initialize(self, process_id: int | None = None) -> None:
        params: dict[str, Any] = {"processId": process_id, "rootUri": None, "capabilities": {}}
        self.call("initialize", params)
        self.send("initialized", {})

    def end(self, seconds: float) -> int:
        """Wait for the process to end, and return its exit code."""
        return self.process.wait(seconds)

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    with contextlib.ExitStack() as stack:

        def starter(*arguments: str, **others: Any) -> Process:
            server = Process(*arguments, **others)
            stack.callback(clean_up, server.process)
            return server

        yield starter


def clean_up(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()


@pytest.fixture
def server(start: Callable[..., Process]) -> Process:
    process = start()
    process.initialize()
    return process


# ----- the streams


def test_nothing_but_frames_reaches_the_client(server: Process) -> None:
    assert server.call("probe/shout") == ""  # and stdin is empty for everybody else
    assert server.call("shutdown") is None
    server.send("exit")
    assert server.end(5) == 0
    said = server.errors()
    assert all(word in said for word in ("print", "descriptor", "child"))


def test_slow_client_gets_everything_in_order_and_does_not_block_the_server(
    server: Process,
) -> None:
    server.send("probe/flood", None, 2)
    server.send("probe/echo", "after", 3)
    time.sleep(0.2)
    messages = [server.receive() for _ in range(42)]
    assert [m.get("method") for m in messages[:40]] == ["probe/flood"] * 40
    assert [m["id"] for m in messages[40:]] == [2, 3]


def test_client_that_never_reads_ends_the_server(server: Process) -> None:
    server.send("probe/drown", None, 2)
    assert server.end(10) == 1


def test_closed_stdout_ends_the_server(server: Process) -> None:
    assert server.process.stdout is not None
    server.process.stdout.close()
    server.send("probe/echo", None, 2)
    assert server.end(5) == 1


def test_frames_may_come_byte_by_byte_and_loosely_written(server: Process) -> None:
    body = b'{"jsonrpc":"2.0","id":5,"method":"probe/echo","params":"\xc3\xa9"}'
    for header in (b"content-length:%d\n\n", b"X: y\r\nCONTENT-LENGTH:  %d \r\nZ: 1\r\n\r\n"):
        for byte in header % len(body) + body:
            server.send_bytes(bytes([byte]))
        assert server.receive()["result"] == "é"


@pytest.mark.parametrize(
    "length", [b"-5", b"10000000000", b"1e30", b"9" * 5000, b"", b"0x10", b"\xb2"]
)
def test_absurd_lengths_are_refused(length: bytes) -> None:
    with pytest.raises(FrameError, match="Content-Length"):
        list(FrameParser().feed(b"Content-Length: " + length + b"\r\n\r\n{}"))


def test_absurd_length_ends_the_process_with_a_reason(server: Process) -> None:
    server.send_bytes(b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")
    assert server.end(5) == 1
    assert "Content-Length" in server.errors()


def test_header_without_end_is_refused() -> None:
    parser = FrameParser()
    assert list(parser.feed(b"x" * LONGEST_HEADER)) == []
    with pytest.raises(FrameError, match="header"):
        list(parser.feed(b"x"))


def test_stream_gets_into_step_again_after_a_length_that_was_too_small() -> None:
    parser = FrameParser()
    wrong = b'Content-Length: 4\r\n\r\n{"a": 1}'
    assert list(parser.feed(wrong + frame(b"{}"))) == [b'{"a"', b"{}"]


def test_socket_pair_is_served_like_pipes(start: Callable[..., Process]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = start(stdin=theirs.fileno(), stdout=theirs.fileno())
        ours.sendall(frame(b'{"jsonrpc":"2.0","id":1,"method":"shutdown"}'))
        assert b"-32002" in ours.recv(4096)
        ours.shutdown(socket.SHUT_WR)
        assert process.end(5) == 1


def test_regular_file_is_served_to_its_end(start: Callable[..., Process], tmp_path: Any) -> None:
    session = tmp_path / "session"
    params = b'{"processId":null,"rootUri":null,"capabilities":{}}'
    session.write_bytes(
        frame(b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":' + params + b"}")
        + frame(b'{"jsonrpc":"2.0","id":2,"method":"shutdown"}')
        + frame(b'{"jsonrpc":"2.0","method":"exit"}')
    )
    with session.open("rb") as source, (tmp_path / "out").open("wb") as sink:
        assert start(stdin=source, stdout=sink).end(10) == 0
    answers = list(FrameParser().feed((tmp_path / "out").read_bytes()))
    assert [json.loads(body)["id"] for body in answers] == [1, 2]


def test_tcp_serves_one_client_of_this_machine(start: Callable[..., Process]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start(str(port))
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError):
            connection = socket.create_connection(("127.0.0.1", port))
            break
        time.sleep(0.05)
    with connection:
        connection.sendall(frame(b'{"jsonrpc":"2.0","id":1,"method":"shutdown"}'))
        assert b"-32002" in connection.recv(4096)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        connection.sendall(frame(b'{"jsonrpc":"2.0","method":"exit"}'))
        assert process.end(5) == 1


# ----- the end


def test_exit_without_shutdown_is_one(server: Process) -> None:
    server.send("exit")
    assert server.end(5) == 1


@pytest.mark.parametrize("method", ["probe/hold", "probe/hold_thread"])
def test_end_of_input_ends_the_server_whatever_it_does(server: Process, method: str) -> None:
    server.send(method, None, 2)
    assert server.receive()["method"] == "probe/started"
    assert server.process.stdin is not None
    begin = time.monotonic()
    server.process.stdin.close()
    assert server.end(10) == 1
    assert time.monotonic() - begin < 5  # meant is 1; the machine may be busy
    if method == "probe/hold":
        assert "released" in server.errors()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_the_server_cleanly(server: Process, number: int, code: int) -> None:
    server.send("probe/hold", None, 2)
    assert server.receive()["method"] == "probe/started"
    server.process.send_signal(number)
    assert server.receive()["error"]["code"] == -32800
    assert server.end(5) == code
    said = server.errors()
    assert "released" in said
    assert "Traceback" not in said


def test_signal_ends_a_server_that_is_held_up(server: Process) -> None:
    server.send("probe/block", None, 2)
    assert server.receive()["method"] == "probe/started"
    server.process.terminate()
    assert server.end(5) == 143


@pytest.mark.parametrize("method", ["probe/echo", "probe/block"])
def test_death_of_the_client_ends_the_server(start: Callable[..., Process], method: str) -> None:
    client = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    server = start()
    server.initialize(client.pid)
    server.send(method, None, 2)
    server.receive()
    client.kill()  # our end of the pipe stays open, as if another process held it
    assert server.end(5) == 1
    client.wait()


def test_client_that_cannot_be_seen_is_not_watched(start: Callable[..., Process]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    server = start()
    server.initialize(gone.pid)
    time.sleep(0.2)
    assert server.call("probe/echo", 1) == 1


def test_processes_are_polled_where_the_system_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ended: list[bool] = []
    stdio.watch_process(process.pid, lambda: ended.append(True), seconds=0.01)
    time.sleep(0.05)
    assert ended == []
    process.communicate(b"\n")
    for _ in range(500):
        if ended:
            break
        time.sleep(0.01)
    assert ended == [True]


def test_writer_keeps_the_order_when_it_changes_to_its_thread_and_back() -> None:
    source, sink = os.pipe()
    reader, stream = Stream(source), Stream(sink)
    failures: list[str] = []
    writer = Writer(stream, failures.append)
    expected = received = b""
    for round_number in range(3):
        for number in range(30):
            data = b"%d:%d " % (round_number, number) * 2000
            writer.write(data)
            expected += data
        while len(received) < len(expected):
            received += reader.read(1 << 16)
        assert writer.flush(5)
    assert received == expected
    assert failures == []
    reader.close()
    writer.write(b"x")
    writer.write(b"y")
    assert len(failures) == 1
    stream.close()
