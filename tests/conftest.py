"""What holds for every test: no network but the loopback, no real home, no real key."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests import evidence
from tests.cases_loader import UPDATE
from tests.messages_api import KEY
from tests.messages_api.fixtures import messages_api, threaded_messages_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["messages_api", "threaded_messages_api"]

# How long an example takes says nothing: the machine may be busy.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0]).partition("%")[0]
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the run if one of its tests sent a secret or an ignored file, or left a key behind."""
    folder = tmp_path_factory.mktemp("received")
    os.environ[evidence.FOLDER] = str(folder)
    arguments = evidence.Arguments([KEY])
    yield
    problems = evidence.verdict(folder, tmp_path_factory.getbasetemp(), [KEY], arguments)
    del os.environ[evidence.FOLDER]
    assert not problems, "\n".join(["this run leaked:", *problems])


@pytest.fixture(autouse=True)
def guarded_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail a test that tries to reach anything but this machine, even if it catches the error."""
    tried: list[str] = []

    def refuse(address: object) -> None:
        tried.append(repr(address))
        raise OSError(f"tests never reach the network: {address!r}")

    connect, connect_ex, resolve = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not _is_loopback(address):
            refuse(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if not _is_loopback(address):
            refuse(address)
        return connect_ex(self, address)

    def guarded_resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_loopback((name,)):
            refuse(name)
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
    yield tried
    assert not tried, f"the test tried to reach {', '.join(tried)}"


@pytest.fixture(autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own, and none of the developer's keys or settings."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ.keys() - {UPDATE}:
        if name.startswith(("ANTHROPIC_", "CLAUDE_LSP_", "XDG_", "GIT_")) or name.upper() in {
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
        }:
            monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("CLAUDE_LSP_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return home


@pytest.fixture(autouse=True)
def own_log_level() -> Iterator[None]:
    """Undo what a server or a command set the log's level to: other tests read the log."""
    log = logging.getLogger("claude_lsp")
    level = log.level
    yield
    log.setLevel(level)
