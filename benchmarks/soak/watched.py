"""`python -m benchmarks.soak.watched FILE [ARGUMENT...]`: our server, with its loop under watch.

On SIGUSR1 what was seen since the last time is added to FILE as a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
from pathlib import Path

BEAT_S = 0.01
"""A timer of the loop goes off so often; how late it does is how long the loop was held up."""


class WatchedLoops(asyncio.DefaultEventLoopPolicy):
    """Makes event loops that tell of themselves."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        late: list[float] = []

        def beat(due: float) -> None:
            now = loop.time()
            late.append(max(0.0, now - due))
            loop.call_at(now + BEAT_S, beat, now + BEAT_S)

        def tell() -> None:
            gc.collect()
            seen = {
                "tasks": len(asyncio.all_tasks(loop)),
                "threads": threading.active_count(),
                "late_ms": [round(each * 1000, 3) for each in late],
            }
            loop.call_later(2 * BEAT_S, late.clear)  # this itself holds the loop up
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(seen) + "\n")

        loop.call_soon(beat, loop.time())
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGUSR1, tell)
        return loop


def main() -> int:
    """Serve as `claude-lsp` does."""
    file, *arguments = sys.argv[1:]
    asyncio.set_event_loop_policy(WatchedLoops(Path(file)))
    from claude_lsp.__main__ import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
