"""The wire: bytes from and to one client, cut into messages, and sent without ever blocking.

Standard library only, so that the process can take hold of its streams before pygls is loaded.
"""

from __future__ import annotations

import os
import re
import select
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_BODY = 256 << 20
"""Bytes that one message may have; more is taken for a broken client."""

LONGEST_HEADER = 64 << 10
"""Bytes that one header line may have."""

LARGEST_BACKLOG = 64 << 20
"""Bytes that may wait for a client that has stopped reading."""

# Not anchored at the start of the line: when a body was longer than announced, its rest stands
# before the next header, and this is where the stream gets into step again.
_CONTENT_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\S*)[ \t]*\r?\n\Z", re.IGNORECASE)


class FrameError(ValueError):
    """What arrived cannot be a stream of messages, and nothing after it can be trusted."""


def frame(body: bytes) -> bytes:
    """Return a message with its header."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class FrameParser:
    """Cuts a stream of bytes into message bodies.

    Header names are taken in any case, with or without a space after the colon, and lines may
    end in a line feed alone, since some clients write them so.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._length: int | None = None
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they arrive and yield every body that they complete.

        Raises:
            FrameError: a header that cannot be followed: no valid length, or no end.
        """
        self._buffer += data
        while True:
            if self._in_body:
                length = self._length or 0
                if len(self._buffer) < length:
                    return
                body = bytes(memoryview(self._buffer)[:length])
                del self._buffer[:length]
                self._in_body, self._length = False, None
                yield body
            elif not self._read_header_line():
                return

    def _read_header_line(self) -> bool:
        end = self._buffer.find(b"\n", self._searched) + 1
        if (end or len(self._buffer)) > LONGEST_HEADER:
            raise FrameError(f"a header line of more than {LONGEST_HEADER} bytes")
        if not end:
            self._searched = len(self._buffer)
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._searched = 0
        if not line.strip():
            self._in_body = self._length is not None
        elif match := _CONTENT_LENGTH.search(line):
            self._length = _length_of(match[1])
        return True


def _length_of(digits: bytes) -> int:
    # int() is quadratic and refuses very long numbers, so the digits are counted first.
    if not digits.isdigit() or len(digits) > 18 or int(digits) > LONGEST_BODY:
        shown = digits[:24].decode("ascii", "replace")
        raise FrameError(f"Content-Length {shown!r} is not between 0 and {LONGEST_BODY}")
    return int(digits)


class Stream:
    """One end of a connection, read and written in whatever portions the system gives.

    Args:
        handle: a file descriptor, or a connected socket.
    """

    def __init__(self, handle: int | socket.socket) -> None:
        self.kind: Literal["pipe", "socket", "other"] = "socket"
        if isinstance(handle, int):
            self._descriptor = handle
            mode = os.fstat(handle).st_mode
            self.kind = "pipe" if stat.S_ISFIFO(mode) else "other"
            if stat.S_ISSOCK(mode):
                # Node connects child processes by socket pairs where others use pipes.
                handle, self.kind = socket.socket(fileno=handle), "socket"
        self._socket = handle if isinstance(handle, socket.socket) else None

    def fileno(self) -> int:
        """Return the descriptor, for waiting on it."""
        return self._socket.fileno() if self._socket else self._descriptor

    def read(self, limit: int) -> bytes:
        """Wait for at least one byte; nothing means the end."""
        return self._socket.recv(limit) if self._socket else os.read(self._descriptor, limit)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write some of the data, waiting if need be, and return how much."""
        return self._socket.send(data) if self._socket else os.write(self._descriptor, data)

    def send_at_once(self, data: bytes | bytearray | memoryview) -> int:
        """Write what a socket takes without waiting, which may be nothing."""
        if self._socket is None:
            return 0
        try:
            return self._socket.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close it."""
        if self._socket:
            self._socket.close()
        else:
            os.close(self._descriptor)


class Writer:
    """Sends messages in order, without making the caller wait for the client.

    A message is written at once where the stream takes it, which costs no change of thread; what
    the stream does not take waits for a thread that is started the first time it is needed.

    Args:
        stream: where to write.
        on_failure: called once, from any thread, when the client is gone or has stopped reading
            for longer than `limit` bytes; nothing is sent afterwards.
        limit: bytes that may wait.
    """

    def __init__(
        self, stream: Stream, on_failure: Callable[[str], None], limit: int = LARGEST_BACKLOG
    ) -> None:
        self._stream = stream
        self._on_failure = on_failure
        self._limit = limit
        self._write_some = _writer_without_waiting(stream)
        self._changed = threading.Condition()
        self._waiting = bytearray()
        self._taken = 0
        self._failed = False
        self._thread: threading.Thread | None = None

    def write(self, data: bytes) -> None:
        """Send one message; what is written after a failure is dropped, the failure being told."""
        with self._changed:
            if self._failed:
                return
            if not self._waiting and not self._taken:
                try:
                    data = data[self._write_some(data) :]
                except OSError as error:
                    self._fail(f"the client does not take messages any more: {error}")
                    return
                if not data:
                    return
            if len(self._waiting) + self._taken + len(data) > self._limit:
                self._fail(f"the client has left {self._limit} bytes unread")
                return
            self._waiting += data
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._drain, name="claude-lsp writer", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything has been sent, and return whether it was."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (self._waiting or self._taken) and not self._failed:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return not self._failed

    def close(self) -> None:
        """Do nothing: whoever opened the stream closes it, after `flush`. pygls asks for this."""

    def _drain(self) -> None:
        while True:
            with self._changed:
                self._taken = 0
                self._changed.notify_all()
                while not self._waiting:
                    self._changed.wait()
                data, self._waiting = self._waiting, bytearray()
                self._taken = len(data)
            try:
                view = memoryview(data)
                while view:
                    view = view[self._stream.write(view[:LONGEST_HEADER]) :]
            except OSError as error:
                with self._changed:
                    self._fail(f"the client does not take messages any more: {error}")
                return

    def _fail(self, reason: str) -> None:
        self._failed = True
        self._waiting.clear()
        self._changed.notify_all()
        self._on_failure(reason)


def _writer_without_waiting(stream: Stream) -> Callable[[bytes], int]:
    """Return a function that writes as much as can be written at once and says how much.

    The stream is never made non-blocking: other processes may share it, and would be surprised.
    """
    if stream.kind == "socket" and hasattr(socket, "MSG_DONTWAIT"):
        return stream.send_at_once
    if stream.kind != "pipe" or not hasattr(select, "poll"):
        return lambda _: 0
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLOUT)

    def write_some(data: bytes) -> int:
        # A pipe that is ready takes PIPE_BUF bytes without waiting, and perhaps no more.
        sent = 0
        while sent < len(data) and poll.poll(0):
            sent += stream.write(data[sent : sent + select.PIPE_BUF])
        return sent

    return write_some
