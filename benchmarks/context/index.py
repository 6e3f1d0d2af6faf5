"""How fast the index is: `make bench-index`, on 10,000 Python files of public projects (50 MB).

    python -m benchmarks.context.index [--files 10000] [--json FILE]

Each start is a process of its own, so that its memory and its loop are nobody else's. What is
called is in index_under_test.py; memory is that of a real server. Nothing passes or fails here. On
a busy machine trust the processor time; the loop is watched in both clocks, because another process
can stop it too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.context import tokens
from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from benchmarks.context.report import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.context.index_under_test import IndexUnderTest
    from benchmarks.server_process import ServerProcess

SOURCES = ("homeassistant", "django", "sqlalchemy", "anthropic", "textual", "scrapy", "pydantic")
"""Files are taken from these corpora in this order."""

WALKED = 20_000
_BUDGET = 2_000
_EDITS = 200
_COMPLETIONS = 50
_SETTLING_S = 5.0
_TICK_S = 0.002
_POLL_S = 0.02


class Probe(NamedTuple):
    """A buffer that is no file yet, and the line that a useful context for it has."""

    needs: str
    file: str
    text: str
    wanted: str


PROBES = (
    Probe(
        "homeassistant/core.py",
        "homeassistant/components/sun/probe.py",
        "from homeassistant.core import HomeAssistant\n\n\n"
        "def probe(hass: HomeAssistant):\n    hass.",
        "class HomeAssistant",
    ),
    Probe(
        "django/db/models/base.py",
        "django/contrib/sites/probe.py",
        "from django.db.models.base import Model\n\n\ndef probe(model: Model):\n    model.",
        "class Model(",
    ),
)


@dataclass
class Hold:
    """The longest time that the event loop ran nobody else, in milliseconds.

    Attributes:
        wall_ms: by the clock on the wall.
        cpu_ms: of the loop's own thread; another process cannot lengthen it.
    """

    wall_ms: float = 0.0
    cpu_ms: float = 0.0

    async def watch(self) -> None:
        """Watch until cancelled."""
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_TICK_S)
            now, used = time.perf_counter(), time.thread_time()
            self.wall_ms = max(self.wall_ms, 1000 * (now - wall - _TICK_S))
            self.cpu_ms = max(self.cpu_ms, 1000 * (used - cpu))
            wall, cpu = now, used


async def session(root: Path, cache: Path) -> dict[str, float | None]:
    """Start an index, wait for it, edit, and return what that took."""
    # Imported before the clock runs: the server has done so long before it opens a folder.
    from benchmarks.context.index_under_test import make_index

    # The benchmark's own tokenizer is not what is measured.
    tokens.count("")
    paths = await asyncio.to_thread(lambda: sorted(root.rglob("*.py")))
    cpu_before = _cpu_seconds()
    hold = Hold()
    watching = asyncio.create_task(hold.watch())
    begun = time.perf_counter()
    index = make_index(root, cache)
    await index.start()
    completed = asyncio.Event()
    useful = asyncio.create_task(_first_useful(index, root, begun, completed))
    await index.complete()
    complete_s = time.perf_counter() - begun
    completed.set()
    useful_s = await useful
    starting = Hold(hold.wall_ms, hold.cpu_ms)
    # Measured before the edits, when the workers have nothing left to do.
    cpu_s = _cpu_seconds()
    edits = await _edits(index, root, paths)
    await index.stop()
    watching.cancel()
    return {
        "first_useful_s": useful_s,
        "complete_s": complete_s,
        "cpu_s": cpu_s - cpu_before,
        "hold_wall_ms": starting.wall_ms,
        "hold_cpu_ms": starting.cpu_ms,
        "edit_p50_ms": percentile(edits, 0.5),
        "edit_p95_ms": percentile(edits, 0.95),
    }


async def _first_useful(
    index: IndexUnderTest, root: Path, begun: float, completed: asyncio.Event
) -> float | None:
    """Ask until a context holds what the probe needs; return the seconds, None if it never did."""
    probe = next((probe for probe in PROBES if (root / probe.needs).is_file()), None)
    if probe is None:
        return None
    last = False
    while not last:
        last = completed.is_set()  # what a complete index does not find, it never will
        if probe.wanted in await index.context(probe.file, probe.text, "\n", _BUDGET):
            return time.perf_counter() - begun
        await asyncio.sleep(_POLL_S)
    return None


async def _edits(index: IndexUnderTest, root: Path, paths: list[Path]) -> list[float]:
    """Return the milliseconds that each of many edited buffers took."""
    times = []
    for number, path in enumerate(random.Random(5).sample(paths, min(_EDITS, len(paths)))):
        text = path.read_bytes().decode("utf-8", "replace")
        edited = f"{text}\n\ndef edited_{number}(value):\n    return value\n"
        begun = time.perf_counter()
        await index.update(path.relative_to(root).as_posix(), edited)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def corpus(data: Path, files: int) -> Path:
    """Return a folder with so many Python files of public projects, made if it is not there.

    Raises:
        UnavailableError: none of the projects can be had.
    """
    folder = data / "index" / f"{files}-files"
    if folder.is_dir():
        return folder
    sources: list[Path] = []
    for name in SOURCES:
        if sum(1 for source in sources for _ in source.rglob("*.py")) >= files:
            break
        try:
            sources.append(fetch(CORPORA[name], data))
        except UnavailableError as error:
            say(f"{name} is left out: {error}")
    found = [(source, path) for source in sources for path in sorted(source.rglob("*.py"))]
    if not found:
        raise UnavailableError("no corpus can be had")
    if len(found) < files:
        say(f"only {len(found)} files can be had; they are copied until there are {files}")
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    for number in range(files):
        copy, place = divmod(number, len(found))
        source, path = found[place]
        target = unfinished / (f"copy_{copy}" if copy else "") / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    unfinished.rename(folder)
    return folder


async def server_memory(
    root: Path, cache: Path, documents: Sequence[tuple[Path, str]]
) -> dict[str, float]:
    """Return the resident memory of a real server: with its index, and after completions."""
    from benchmarks.server_process import ServerProcess
    from tests.messages_api import MessagesApi, replies

    async with MessagesApi() as api:
        api.answer = replies.text("<fill>measured</fill>")
        environment = api.environment(
            CLAUDE_LSP_CACHE_DIR=str(cache), CLAUDE_LSP_STATE_DIR=str(cache), HOME=str(cache)
        )
        command = [str(Path(sys.executable).with_name("claude-lsp"))]
        server = await ServerProcess.spawn("claude-lsp", command, environment, root)
        await server.initialize(root, {"completion": {"debounce_ms": 0}})
        server.notify("initialized", {})
        # The first answer comes when everything that a completion needs is loaded.
        await _complete(server, *documents[0])
        await asyncio.sleep(_SETTLING_S)
        indexed = server.memory()
        for document in documents[1:]:
            await _complete(server, *document)
        used = server.memory()
        await server.stop()
    return {"indexed_mb": indexed / 1e6, "used_mb": used / 1e6}


async def _complete(server: ServerProcess, path: Path, text: str) -> None:
    server.open(path, text)
    document = {"uri": path.as_uri()}
    place = {"line": text.count("\n") // 2, "character": 0}
    context = {"triggerKind": 1}
    await server.request(
        "textDocument/inlineCompletion",
        {"textDocument": document, "position": place, "context": context},
    )
    server.notify("textDocument/didClose", {"textDocument": document})


def walk_seconds(root: Path, files: int) -> tuple[float, int]:
    """Return the processor time of a walk over so many files, in folders like the corpus's."""
    from claude_lsp.workspace.files import list_names
    from claude_lsp.workspace.ignore import IgnoreRules

    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".walk-") as temporary:
        paths = sorted(root.rglob("*.py"))
        for number in range(files):
            copy, place = divmod(number, len(paths))
            target = Path(temporary, f"copy_{copy}") / paths[place].relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(paths[place], target)
        begun = time.process_time()
        found = list_names(Path(temporary), IgnoreRules(Path(temporary)))
        return time.process_time() - begun, len(found)


def main() -> None:
    """Print the table, or be one of the processes that are measured."""
    options = _options()
    if options.session:
        root, cache = options.session
        print(json.dumps(asyncio.run(session(root, cache))))
        return
    try:
        root = corpus(options.data or default_data(), options.files)
    except UnavailableError as error:
        sys.exit(str(error))
    size = sum(path.stat().st_size for path in root.rglob("*.py"))
    say(f"{options.files} files, {size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as cache:
        say("cold start ...")
        cold = _in_process(root, Path(cache))
        say("warm start ...")
        warm = _in_process(root, Path(cache))
        say("the server ...")
        paths = random.Random(3).sample(sorted(root.rglob("*.py")), _COMPLETIONS + 1)
        documents = [(path, path.read_bytes().decode("utf-8", "replace")) for path in paths]
        server = asyncio.run(server_memory(root, Path(cache), documents))
    say("walk ...")
    seconds, walked = walk_seconds(root, WALKED)
    print(_table(cold, warm, server, seconds, walked))
    if options.json:
        results = {
            "cold": cold,
            "warm": warm,
            "server": server,
            "walk_s": seconds,
            "bytes": size,
        }
        options.json.write_text(json.dumps(results), encoding="utf-8")


def _in_process(root: Path, cache: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.context.index"]
    done = subprocess.run(
        [*command, "--session", str(root), str(cache)],
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _table(
    cold: dict[str, Any],
    warm: dict[str, Any],
    server: dict[str, float],
    walk_s: float,
    walked: int,
) -> str:
    def seconds(value: float | None) -> str:
        return "never" if value is None else f"{value:.2f} s"

    rows: Iterable[tuple[str, str]] = (
        ("first useful context after a cold start", seconds(cold["first_useful_s"])),
        ("cold index, 2 worker processes", seconds(cold["complete_s"])),
        ("of that, processor time of all processes", seconds(cold["cpu_s"])),
        ("longest hold of the event loop", f"{cold['hold_wall_ms']:.1f} ms"),
        ("of that, its own processor time", f"{cold['hold_cpu_ms']:.1f} ms"),
        ("first useful context after a warm start", seconds(warm["first_useful_s"])),
        ("warm start, complete", seconds(warm["complete_s"])),
        (
            "one edited buffer, p50 / p95",
            f"{warm['edit_p50_ms']:.1f} / {warm['edit_p95_ms']:.1f} ms",
        ),
        ("resident memory of the server, indexed", f"{server['indexed_mb']:.0f} MB"),
        (f"the same after {_COMPLETIONS} completions", f"{server['used_mb']:.0f} MB"),
        (f"walk of {walked:,} files, processor time", seconds(walk_s)),
    )
    return "\n".join(["| index | |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])


def _cpu_seconds() -> float:
    """Return what this process used, and all its children, at work or ended."""
    import psutil

    children = psutil.Process().children(recursive=True)
    at_work = sum(sum(child.cpu_times()[:2]) for child in children)
    used = os.times()
    ended = used.children_user + used.children_system
    return float(used.user + used.system + ended + at_work)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.context.index", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--data", type=Path, help="where corpora are kept")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--session", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
