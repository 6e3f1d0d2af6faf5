"""What the whole run has sent and written, and whether something is in it that must not be.

Every loopback Messages API appends each byte that it receives to a record: one file for each
process, in a folder that the session makes and its children inherit. When the session ends, no
secret that a test planted, nothing of an ignored file and no key may be in the record, nor any key
in what the tests left in their temporary folders: logs, ledgers, reports, traces, crash reports.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.reading import read_regular
from tests.planted import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = "MESSAGES_API_RECORD"
"""The environment variable that says where the record is; without it nothing is recorded."""

_RECORDS = ".received"
_FRAME = re.compile(rb"\0frame (\d+) (\d+) ([^\n]*)\n")
_KEY_HEADER = re.compile(rb"^(?:x-api-key|authorization):[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_LARGEST_FILE = 4_000_000
_LONGEST_SCAN_S = 60.0
_SKIPPED_FOLDERS = frozenset({".git", "node_modules", "__pycache__"})


_numbers = itertools.count(1)
_requests: Counter[str | None] = Counter()


def connection_number() -> int:
    """Return a number that no other connection of this process has."""
    return next(_numbers)


def count_request() -> None:
    """Count a request that was understood: what is recorded must hold it."""
    _requests[os.environ.get(FOLDER)] += 1


def record(connection: int, data: bytes) -> None:
    """Append what came over a connection, with the test that runs."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "?").replace("\n", " ")
    head = f"\0frame {connection} {len(data)} {test}\n".encode()
    # One write, so that the threads of a process do not tear each other's frames.
    descriptor = os.open(
        Path(folder) / f"{os.getpid()}{_RECORDS}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    try:
        os.write(descriptor, head + data)
    finally:
        os.close(descriptor)


def received(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what each connection of the run has received, with the tests that it served."""
    for path in sorted(folder.glob(f"*{_RECORDS}")):
        data = path.read_bytes()
        pieces: dict[bytes, list[bytes]] = defaultdict(list)
        tests: dict[bytes, str] = {}
        at = 0
        while at < len(data):
            frame = _FRAME.match(data, at)
            if frame is None:
                raise ValueError(f"{path}: no frame at {at}")
            connection, size = frame[1], int(frame[2])
            pieces[connection].append(data[frame.end() : frame.end() + size])
            tests.setdefault(connection, frame[3].decode())
            at = frame.end() + size
        for connection, parts in pieces.items():
            yield tests[connection], b"".join(parts)


def leaks_in_record(folder: Path, planted: Iterable[str], keys: Iterable[str]) -> list[str]:
    """Return which test sent what it must not; a key may stand in its own header."""
    needles = {text.encode(): f"the planted {text[:6]}..." for text in planted}
    needles |= {key.encode(): "the key, outside of its header" for key in keys}
    found = []
    for test, data in received(folder):
        body = _KEY_HEADER.sub(b"", data)
        found += [f"{test} sent {what}" for needle, what in needles.items() if needle in body]
    return found


def keys_in_files(folder: Path, keys: Iterable[str]) -> tuple[list[str], bool]:
    """Return which files below a folder have a key in them, and whether all were looked at."""
    needles = [key.encode() for key in keys]
    found = []
    start = time.monotonic()
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
        for name in names:
            if name.endswith(_RECORDS):
                continue  # which have keys in their headers
            path = os.path.join(top, name)  # noqa: PTH118 - there are ten thousands
            try:
                if os.path.islink(path):  # noqa: PTH114
                    continue
                # Tests leave pipes too, which nobody writes to.
                data = read_regular(path, _LARGEST_FILE).data
            except OSError:
                continue  # too large, unreadable, or no file
            found += [path for needle in needles if needle in data]
        if time.monotonic() - start > _LONGEST_SCAN_S:
            return found, False
    return found, True


def verdict(
    folder: Path, base: Path, keys: Iterable[str], arguments: Arguments, requests: int | None = None
) -> list[str]:
    """Return everything that is wrong with what a run did.

    Args:
        folder: the record.
        base: below which the tests wrote.
        keys: of the loopback API.
        arguments: what was heard of started programs.
        requests: how many the record must hold at least; None for those that were counted.
    """
    from tests.unit.test_redact import BY_FORM, BY_PLACE

    planted = {*EVERYTHING, *(secret for _, secret in BY_FORM), *(s for *_, s in BY_PLACE)}
    problems = leaks_in_record(folder, (text for text in planted if len(text) >= 8), keys)
    problems += [f"started with a key: {words}" for words in arguments.found]
    files, complete = keys_in_files(base, keys)
    problems += [f"{path} has a key in it" for path in files]
    if not complete:
        problems.append(f"{base}: too much was written to look at in {_LONGEST_SCAN_S:g} s")
    wanted = _requests[str(folder)] if requests is None else requests
    recorded = sum(data.count(b" HTTP/1.1\r\n") for _, data in received(folder))
    if recorded < wanted:
        problems.append(f"{wanted} requests came, and {recorded} are in the record")
    return problems


class Arguments:
    """Which programs the tests started with a key in their arguments.

    Args:
        keys: what to look for.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.found: list[str] = []
        self._keys = tuple(keys)
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"subprocess.Popen", "os.exec", "os.posix_spawn"}:
            words = repr(arguments[1])
            if any(key in words for key in self._keys):
                self.found.append(f"{os.environ.get('PYTEST_CURRENT_TEST')}: {words[:200]}")
