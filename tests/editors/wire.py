"""What an editor and the server say to each other, written down on its way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from claude_lsp.lsp.wire import FrameParser

if TYPE_CHECKING:
    from pathlib import Path


class Wire:
    """A command `claude-lsp` that runs the real one and keeps what passes.

    Args:
        folder: where it is put, and what it keeps.
        server: the real command.

    Attributes:
        program: the command; its folder belongs in front of the editor's PATH.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self._sent, self._received = folder / "sent.bytes", folder / "received.bytes"
        self.program = folder / "bin" / "claude-lsp"
        self.program.parent.mkdir()
        self.program.write_text(
            f"#!/bin/sh\ntee '{self._sent}' | '{server}' \"$@\" | tee '{self._received}'\n",
            encoding="utf-8",
        )
        self.program.chmod(0o755)

    def requests(self, method: str) -> list[dict[str, Any]]:
        """Return what the editor has asked or told by a method."""
        return [each for each in _messages(self._sent) if each.get("method") == method]

    def told(self, method: str) -> list[dict[str, Any]]:
        """Return what the server has asked or told by a method."""
        return [each for each in _messages(self._received) if each.get("method") == method]

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Return the server's answer to a request, None before there is one."""
        answers = (each for each in _messages(self._received) if "method" not in each)
        return next((each for each in answers if each["id"] == request["id"]), None)


def _messages(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(body) for body in FrameParser().feed(path.read_bytes())]
