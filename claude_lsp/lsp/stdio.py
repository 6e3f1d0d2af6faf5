"""Running the server on the process's own streams, and ending it in every way that happens.

Only the standard library is imported here, so that the streams can be claimed before anything
else is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from claude_lsp.lsp.wire import FrameError, FrameParser, Stream, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from claude_lsp.lsp.protocol import Server

logger = logging.getLogger(__name__)

_THREADS = 3
GRACE_SECONDS = 0.4
"""What tasks get to end after they have been cancelled; the last messages get as much."""

LAST_SECONDS = 1.0
"""After this the process ends, whatever still runs in it."""

_PORTION = 1 << 16


def claim_streams() -> tuple[int, int]:
    """Take the client's two streams away from the rest of the process.

    Afterwards whatever is printed, written to descriptor 1 or said by a child process goes to
    stderr, and nobody else can read what the client sends.

    Returns:
        the descriptors to read the client from and to write to it.
    """
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without a stderr
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    os.close(nowhere)
    return source, sink


def serve_stdio(server: Server, streams: tuple[int, int] | None = None) -> int:
    """Serve the client at stdin and stdout until it leaves.

    The process does not outlive the client by more than `LAST_SECONDS`: what is left to do
    afterwards belongs into `Server.on_close`.

    Args:
        server: the server, not run before.
        streams: what `claim_streams` gave, if it has been called already.

    Returns:
        the exit code: 0 after a proper shutdown, 1 if the client left without, 128 and the
        number of a signal that ended the server.
    """
    source, sink = streams or claim_streams()
    return _run(server, Stream(source), Stream(sink))


def serve_tcp(server: Server, port: int) -> int:
    """Serve one client at a port of this machine, for debugging; port 0 takes any free one.

    Returns:
        the exit code, as for `serve_stdio`.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        logger.warning("Waiting for a client at 127.0.0.1:%d", listener.getsockname()[1])
        connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = Stream(connection)
    return _run(server, stream, stream)


def _run(server: Server, source: Stream, sink: Stream) -> int:
    asyncio.run(serve(server, source, sink))
    return server.exit_code


async def serve(server: Server, source: Stream, sink: Stream) -> None:
    """Serve one client on two streams until something stops the server."""
    loop = asyncio.get_running_loop()
    # Each thread keeps memory of its own for what it once needed; work in them rarely overlaps.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "worker"))

    def stop_from_outside(reason: str, exit_code: int | None = None) -> None:
        def stop() -> None:
            if not server.stopped:
                logger.info("The server ends: %s", reason)
            server.stop(server.protocol.exit_code if exit_code is None else exit_code)

        # Already here, since the loop may be held up by what never ends.
        _force_exit_later(server, exit_code)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(stop)

    writer = Writer(sink, stop_from_outside)
    server.protocol.set_writer(writer)
    server.watch_client = lambda process_id: watch_process(
        process_id, lambda: stop_from_outside("the client's process has ended")
    )
    restore_signals = _handle_signals(
        lambda number: stop_from_outside(f"signal {number}", 128 + number)
    )
    stop_reading = _start_reading(loop, server, source, stop_from_outside)
    try:
        await server.wait_stopped()
        _force_exit_later(server)
        stop_reading()
        await server.close(GRACE_SECONDS)
        # What the ended tasks answered is sent by callbacks, which run one step later.
        await asyncio.sleep(0)
        writer.flush(GRACE_SECONDS)
    finally:
        server.watch_client = None
        restore_signals()


def _force_exit_later(server: Server, exit_code: int | None = None) -> None:
    """End the process soon, even if a thread or a handler never returns."""

    def force() -> None:
        time.sleep(LAST_SECONDS)
        undecided = server.protocol.exit_code if exit_code is None else exit_code
        os._exit(server.exit_code if server.stopped else undecided)

    threading.Thread(target=force, name="claude-lsp end", daemon=True).start()


def _handle_signals(on_signal: Callable[[int], None]) -> Callable[[], None]:
    """Call `on_signal` for the signals that ask a process to end, and return the way back.

    Not through the loop, which would not hear them while a handler holds it up.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # Python takes signals nowhere else
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, lambda number, _: on_signal(number)) for each in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


def _start_reading(
    loop: asyncio.AbstractEventLoop,
    server: Server,
    source: Stream,
    stop: Callable[[str], None],
) -> Callable[[], object]:
    """Give what arrives to the protocol, and return the function that ends this.

    The loop waits for the stream itself where it can, which saves a change of thread for every
    message; regular files and Windows' pipes need a thread.
    """
    parser = FrameParser()

    def take(data: bytes) -> None:
        try:
            for body in parser.feed(data):
                if server.stopped:
                    return
                server.protocol.receive(body)
        except FrameError as error:
            logger.error("The client's stream cannot be followed: %s", error)  # noqa: TRY400
            server.stop(1)

    def read() -> None:
        try:
            data = source.read(_PORTION)
        except OSError:
            data = b""
        if data:
            take(data)
        else:
            loop.remove_reader(source.fileno())
            server.stop(server.protocol.exit_code)

    def read_in_thread() -> None:
        data = b"?"
        while data:
            try:
                data = source.read(_PORTION)
            except OSError:
                data = b""
            if data:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(take, data)
        stop("the client has closed its stream")

    try:
        loop.add_reader(source.fileno(), read)
    except (NotImplementedError, PermissionError):
        threading.Thread(target=read_in_thread, name="claude-lsp reader", daemon=True).start()
        return lambda: None
    return lambda: loop.remove_reader(source.fileno())


def watch_process(process_id: int, on_end: Callable[[], None], seconds: float = 2.0) -> None:
    """Call `on_end` from a thread when a process of this machine has ended.

    A process that cannot be found from the start, such as one outside of a container, is not
    watched.

    Args:
        process_id: the process.
        on_end: called once.
        seconds: how often to look, where the system cannot tell.
    """
    wait = _end_of_process(process_id, seconds)
    if wait is None:
        logger.info("The client's process %d is not visible from here.", process_id)
        return

    def watch() -> None:
        wait()
        on_end()

    threading.Thread(target=watch, name="claude-lsp client watch", daemon=True).start()


def _end_of_process(process_id: int, seconds: float) -> Callable[[], object] | None:
    """Return a function that waits for the process's end, None if there is no such process."""
    if process_id <= 0:
        return None
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = kernel.OpenProcess(0x00100000, False, process_id)  # SYNCHRONIZE
        if not handle:
            return None
        return lambda: kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0xFFFFFFFF)
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(process_id)
        except ProcessLookupError:
            return None
        except OSError:
            pass  # an old kernel, or a sandbox that forbids it
        else:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return poll.poll
    if not _is_alive(process_id):
        return None

    def wait() -> None:
        while _is_alive(process_id):
            time.sleep(seconds)

    return wait


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
