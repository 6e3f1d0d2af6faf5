"""`make soak`: a working day of eight hours, replayed in minutes against a real server.

python -m benchmarks.soak [--share 0.05] [--seed N] [--json FILE] [--write docs/soak.md]

The project is real code, the Messages API a loopback one that fails now and then in every way it
can. After each hour the day rests, and what the server holds is counted. Exits with 1 where
something grew, leaked, stalled or got lost beyond the bars.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.soak.answers import Answers
from benchmarks.soak.editor import Editor
from benchmarks.soak.report import Day, Held, page_of
from benchmarks.soak.workday import hours
from tests.messages_api import MessagesApi

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("hypothesis", "anthropic", "pygls", "jsonschema")
MOST_FILES, MOST_BYTES = 900, 12_000
TIMEOUT_S = 3
REST_S = 2.5
SETTINGS: dict[str, Any] = {
    "completion": {"debounce_ms": 0, "per_minute": 100_000},
    "spend": {"day_usd": 100_000, "automatic_day_usd": 100_000},
    "endpoint": {"timeout_s": TIMEOUT_S},
}


async def live(share: float, seed: int, folder: Path) -> Day:
    """Live the day."""
    chance = random.Random(seed)
    root, seen = folder / "project", folder / "seen.jsonl"
    files = _project(root)
    async with MessagesApi() as api:
        environment = api.environment(
            CLAUDE_LSP_STATE_DIR=str(folder / "state"),
            HOME=str(folder),
            XDG_CONFIG_HOME=str(folder / "config"),
            XDG_CACHE_HOME=str(folder / "cache"),
        )
        command = [sys.executable, "-m", "benchmarks.soak.watched", str(seen), "serve"]
        command += ["--log-level", "error"]
        editor = await Editor.spawn("the server", command, environment, Path.cwd())
        assert isinstance(editor, Editor)
        try:
            editor.begin(files, chance, copy.deepcopy(SETTINGS))
            answers = Answers(editor, random.Random(seed + 1))
            api.respond(answers)
            began = time.monotonic()
            await editor.start(root)
            held, requests = [], 0
            for hour, events in enumerate(hours(chance, share), 1):
                for event in events:
                    for _ in range(event.edits):
                        editor.type_something()
                    await getattr(editor, event.kind)()
                await editor.answers()
                requests += len(api.requests)
                api.reset()
                api.respond(answers)
                held.append(await _held(editor, seen, api))
                _say(f"hour {hour}: {_told(held[-1])}")
            seconds = time.monotonic() - began
            await editor.stop()
        finally:
            editor.kill()
    return Day(
        held,
        seconds,
        requests,
        answers.faults,
        editor.lost,
        editor.applied,
        editor.refused,
        editor.errors,
    )


async def _held(editor: Editor, seen: Path, api: MessagesApi) -> Held:
    """Let the server rest, and count what it holds."""
    await asyncio.sleep(TIMEOUT_S + REST_S)
    process = editor.process
    told = await asyncio.to_thread(_tell, process.pid, seen)
    port = int(api.base_url.rpartition(":")[2])
    connections = [
        each for each in process.net_connections("tcp") if each.raddr and each.raddr.port == port
    ]
    return Held(
        process.memory_info().rss / 1e6,
        told["tasks"],
        process.num_threads(),
        process.num_fds() - len(connections),
        len(connections),
        len(process.children(recursive=True)),
        told["late_ms"],
    )


def _tell(process_id: int, seen: Path) -> Any:
    """Have the server tell of its loop; return what it says."""
    before = len(_lines(seen))
    os.kill(process_id, signal.SIGUSR1)
    while len(lines := _lines(seen)) == before:
        time.sleep(0.05)
    return json.loads(lines[-1])


def _lines(path: Path) -> list[str]:
    """Return the whole lines of a file, none where it isn't there yet."""
    return path.read_text("utf-8").split("\n")[:-1] if path.exists() else []


def _project(root: Path) -> list[Path]:
    """Copy real code into a folder; return its files."""
    root.mkdir()
    files = []
    for package in PACKAGES:
        found = find_spec(package)
        assert found is not None
        assert found.origin is not None
        source = Path(found.origin).parent
        for path in sorted(source.rglob("*.py")):
            text = path.read_text("utf-8")
            if 200 < len(text) < MOST_BYTES and "\r" not in text and max(map(ord, text)) < 0x10000:
                target = root / package / path.relative_to(source)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
                files.append(target)
    return files[:MOST_FILES]


def _told(held: Held) -> str:
    values = {name: value for name, value in asdict(held).items() if name != "late_ms"}
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Live the day, and tell of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--share", type=float, default=1.0, help="of a day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="the page to write")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="claude-lsp-day-", ignore_cleanup_errors=True) as name:
        day = asyncio.run(live(options.share, options.seed, Path(name)))
    page = page_of(day, options.share)
    if options.write:
        options.write.write_text(page, "utf-8")
    if options.json:
        options.json.write_text(json.dumps(asdict(day)), "utf-8")
    print(page)
    for said, count in day.errors.items():
        _say(f"answered with an error {count} times: {said}")
    return 1 if day.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
