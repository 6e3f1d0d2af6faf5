"""`claude-lsp serve`: the language server."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_SWITCH_S = 0.0005


def serve(options: argparse.Namespace) -> int:
    """Serve one client; return the exit code that the protocol asks for."""
    from claude_lsp.lsp.memory import give_back_what_is_free
    from claude_lsp.lsp.stdio import claim_streams, serve_stdio, serve_tcp

    port = _port(options.tcp)
    if port == -1:
        print("claude-lsp: --tcp takes a port of 127.0.0.1", file=sys.stderr)
        return 2
    # Before there are threads and buffers.
    give_back_what_is_free()
    # Claimed before anything else is imported: nothing may print into the protocol.
    streams = claim_streams() if port is None else None
    # What is imported stays for good: looking for garbage in it makes up a fifth of the start,
    # and would cost the same again with every full collection while somebody types.
    gc.disable()
    from claude_lsp.cli.process import log_to_stderr, observed
    from claude_lsp.lsp.server import ClaudeServer

    log_to_stderr(options.log_level or "info", fixed=False)
    server = ClaudeServer(observed(options))
    # A search in a worker may hold the interpreter for so long before a keystroke is answered.
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.enable()
    return serve_stdio(server, streams) if port is None else serve_tcp(server, port)


def _port(address: str | None) -> int | None:
    """Return the port; None without one, -1 for an address that is not this machine's own."""
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    if host not in ("", "127.0.0.1", "localhost") or not port.isdigit() or int(port) > 65535:
        return -1
    return int(port)
