"""Completions, side by side: `make bench-completion`.

    python -m benchmarks.completion [--quick] [--peer "name=command with arguments"] [--json FILE]

Each server is a real process over pipes, in a workspace of 10,000 Python files, asked one after the
other by the same client; the services they ask run on the client's own event loop. Tabby's agent
takes part if npm can install it. Nothing passes or fails here: bars say what is aimed at.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.completion import measure
from benchmarks.completion.replay import Session, Trace, functions, paid, replay
from benchmarks.completion.report import Results, table
from benchmarks.completion.subjects import OURS, WITHOUT_MEMORY, Subject, named, tabby
from benchmarks.completion.typist import held_out
from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import UnavailableError
from benchmarks.context.index import corpus
from benchmarks.table import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.completion.typist import HeldOut

FILES = 10_000
_DOCUMENTS = 10
_SIZES = range(4_000, 30_000)
_TYPED_FILES = 60


async def figures(
    subject: Subject, home: Path, paths: list[Path], root: Path, counts: measure.Counts
) -> Results:
    """Measure one server: without its pause in typing, then with it."""
    found = Results(subject.name)
    async with subject.backend() as backend:
        running = await subject.start(home, root, backend, waits=False)
        try:
            chance = random.Random(7)
            opened = measure.documents(running, paths)
            await measure.warm_up(running, opened, chance)
            found.times = await measure.typing(running, opened, counts.lines, chance)
            found.cancels = await measure.cancels(running, opened, counts.cancels, chance)
            found.beyond = await measure.block_ends(running, opened, counts.ends)
        finally:
            await running.stop()
    async with subject.backend() as backend:
        running = await subject.start(home, root, backend, waits=True)
        try:
            chance = random.Random(8)
            opened = measure.documents(running, paths)
            await measure.warm_up(running, opened, chance)
            found.bursts = await measure.bursts(running, opened, counts.bursts, chance)
        finally:
            await running.stop()
    return found


async def session(
    subject: Subject, home: Path, root: Path, work: Iterator[tuple[Path, HeldOut]], trace: Trace
) -> Session:
    """Replay a typing session with one server."""
    async with subject.backend() as backend:
        running = await subject.start(home, root, backend, waits=True, speed=trace.speed)
        try:
            await running.settled()
            found = await replay(running, work, trace)
        finally:
            await running.stop()
    paid(found, home / "state" / "ledger.sqlite3")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    data = options.data or default_data()
    try:
        root = corpus(data, options.files)
    except UnavailableError as error:
        sys.exit(str(error))
    subjects = [OURS]
    if options.tabby:
        try:
            subjects.append(tabby(data))
        except UnavailableError as error:
            say(f"tabby-agent is left out: {error}")
    subjects += options.peer
    counts = measure.Counts(12, 2, 3, 2) if options.quick else measure.Counts()
    keys = options.keys or (200 if options.quick else 2000)
    trace = Trace(keys, options.speed)
    everything = sorted(path for path in root.rglob("*.py") if path.stat().st_size in _SIZES)
    random.Random(1).shuffle(everything)
    paths = everything[:_DOCUMENTS]
    typed = list(
        itertools.islice(
            (path for path in everything if any(held_out(path.read_text("utf-8")))), _TYPED_FILES
        )
    )
    results = []
    sessions = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number, subject in enumerate(subjects):
            if "figures" not in options.only:
                break
            say(f"{subject.name} ...")
            home = Path(folder, f"home_{number}")
            results.append(asyncio.run(figures(subject, home, paths, root, counts)))
        for subject in (OURS, WITHOUT_MEMORY):
            if "session" not in options.only:
                break
            say(f"a session of {keys:,} keys with {subject.name} ...")
            home = Path(folder, f"session of {subject.name}")
            sessions[subject.name] = asyncio.run(
                session(subject, home, root, functions(typed, random.Random(3)), trace)
            )
    about: dict[str, Any] = {**machine(), "load": f"{os.getloadavg()[0]:.1f}"}
    print(", ".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
    print(table(results, sessions))
    if options.json:
        report = {
            "machine": about,
            "figures": [asdict(result) for result in results],
            "sessions": {name: asdict(each) for name, each in sessions.items()},
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.completion", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--peer",
        action="append",
        type=named,
        default=[],
        metavar="NAME=COMMAND",
        help="a further language server, whose service is a Messages API",
    )
    parser.add_argument("--no-tabby", dest="tabby", action="store_false")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to try it out")
    parser.add_argument(
        "--only", nargs="+", choices=("figures", "session"), default=["figures", "session"]
    )
    parser.add_argument("--keys", type=int, help="of the session (default: 2000)")
    parser.add_argument("--speed", type=float, default=4, help="of its typing (default: 4)")
    parser.add_argument("--files", type=int, default=FILES, help="of the workspace")
    parser.add_argument("--data", type=Path, help="where corpora and peers are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
