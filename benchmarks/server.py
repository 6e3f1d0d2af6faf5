"""How fast the installed server is: `python -m benchmarks.server [--json FILE]`.

It runs side by side with a server that is plain pygls and nothing else (`bare_server.py`), which
is the floor: both are real processes over pipes, asked in turn by the same client. The Messages
API is a loopback one on the client's own event loop, so that all times are of one clock.

Nothing here passes or fails: the bars say what is aimed at. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types
from pygls.workspace import Workspace as BareWorkspace

from benchmarks.server_process import ServerProcess
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.lsp.abilities import Abilities
from claude_lsp.lsp.documents import Documents
from claude_lsp.lsp.publish import Published
from claude_lsp.text.positions import Position, Range
from tests.messages_api import Finish, Gate, MessagesApi, Reply, Wait, replies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.lsp.protocol import Server
    from tests.messages_api import ReceivedRequest

PROJECT = Path(__file__).resolve().parent.parent
SUBJECT = PROJECT / "claude_lsp" / "lsp" / "server.py"
"""The file in which completions are asked for: it is typical, and has many neighbours."""

LINES = 5_000
SUGGESTION = "measured = prepare(context, budget)"
INLINE_COMPLETION = "textDocument/inlineCompletion"
OPTIONS = {
    "completion": {"debounce_ms": 0},
    "spend": {"day_usd": 10_000, "automatic_day_usd": 10_000},
    "log": {"level": "warning"},
}


@dataclass(frozen=True)
class Counts:
    """How often each thing is measured."""

    starts: int = 15
    completions: int = 200
    trivial: int = 500
    cancels: int = 30
    edits_in_process: int = 2_000
    edits: int = 20_000
    edits_warm_up: int = 2_000


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: of every figure but those that `compare` gives.
        ours: what was measured of our server.
        bare: the same of the floor, where it has such a thing.
        compare: makes the figure that the bar is for, from both medians.
        compared: what that figure is, with its unit.
        bar: the most that the figure should be; None where there is none.
    """

    name: str
    unit: str
    ours: list[float]
    bare: list[float] = field(default_factory=list)
    compare: Callable[[float, float], float] | None = None
    compared: str = ""
    bar: float | None = None

    @property
    def figure(self) -> float | None:
        """What is held against the bar."""
        if self.compare is None:
            return None
        return self.compare(statistics.median(self.ours), _median(self.bare))

    @property
    def holds(self) -> bool | None:
        """Whether the bar holds; None without one."""
        figure = self.figure
        return None if self.bar is None or figure is None else figure <= self.bar

    def as_markdown(self) -> str:
        """Return the line of the table."""
        figure = "" if self.figure is None else f"{self.figure:.3g} {self.compared}".strip()
        bar = "" if self.bar is None else f"<= {self.bar:g}"
        verdict = {True: "yes", False: "**no**", None: ""}[self.holds]
        cells = (self.name, self.unit, _shown(self.ours), _shown(self.bare), figure, bar, verdict)
        return f"| {' | '.join(cells)} |"

    def as_json(self) -> dict[str, Any]:
        """Return everything that was measured."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "bare": self.bare,
            "figure": self.figure,
            "compared": self.compared,
            "bar": self.bar,
            "holds": self.holds,
        }


HEADER = (
    "| what | unit | ours: median / p95 / min | bare pygls: median / p95 / min | figure | bar "
    "| holds |\n|---|---|---|---|---|---|---|"
)


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _shown(values: list[float]) -> str:
    if not values:
        return ""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return " / ".join(f"{value:.4g}" for value in (_median(values), p95, ordered[0]))


def _ours(ours: float, _bare: float) -> float:
    return ours


def _ratio(ours: float, bare: float) -> float:
    return ours / bare


def _above(ours: float, bare: float) -> float:
    return ours - bare


class Stamp(Gate):
    """A step of a reply that takes the time and lets it go on."""

    at = 0.0

    async def wait(self) -> None:
        self.at = time.monotonic()


class Bench:
    """Both servers' commands, and the Messages API that ours talks to."""

    def __init__(self, api: MessagesApi, counts: Counts, folder: Path) -> None:
        self.api = api
        self.counts = counts
        self.chance = random.Random(7)
        environment = api.environment(
            CLAUDE_LSP_STATE_DIR=str(folder / "state"),
            HOME=str(folder),
            XDG_CONFIG_HOME=str(folder / "config"),
            # As after an installation, whatever this process was told: compiled once.
            PYTHONPYCACHEPREFIX=str(folder / "compiled"),
        )
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environment = environment
        self._commands = {
            "ours": [str(Path(sys.executable).with_name("claude-lsp"))],
            "bare": [sys.executable, str(PROJECT / "benchmarks" / "bare_server.py")],
        }

    async def spawn(self, name: str) -> ServerProcess:
        """Start "ours" or "bare"."""
        return await ServerProcess.spawn(name, self._commands[name], self._environment, PROJECT)

    async def ready(self) -> tuple[ServerProcess, ServerProcess]:
        """Start both and have everything loaded: ours first, then the floor."""
        servers = await self.spawn("ours"), await self.spawn("bare")
        text = SUBJECT.read_text("utf-8")
        for server in servers:
            await server.initialize(PROJECT, OPTIONS)
            server.notify("initialized", {})
            server.open(SUBJECT, text)
        self.api.answer = replies.text(f"<fill>{SUGGESTION}</fill>")
        for _ in range(20):
            for server in servers:
                await server.request(INLINE_COMPLETION, _completion(SUBJECT, 20, 0))
        return servers

    # ----- rows

    async def starts(self) -> Iterator[Row]:
        """From the start of the process to the answer to `initialize`."""
        times: dict[str, list[float]] = {"ours": [], "bare": []}
        for turn in range(self.counts.starts + 2):
            for name, values in times.items():
                server = await self.spawn(name)
                answer = await server.initialize(PROJECT, OPTIONS)
                if turn >= 2:
                    values.append((answer.at - server.spawned_at) * 1e3)
                await server.stop()
        name = "process start to the answer to initialize"
        return iter([Row(name, "ms", **times, compare=_ratio, compared="x", bar=1.15)])

    async def trivial(self, ours: ServerProcess, bare: ServerProcess) -> Iterator[Row]:
        """A request that nobody has to think about: a document that is not open."""
        params = _completion(PROJECT / "not_open.py", 0, 0)
        times: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(self.counts.trivial):
            for server in (ours, bare):
                sent = server.send(INLINE_COMPLETION, params)
                answer = await server.wait(sent)
                times[server.name].append((answer.at - sent.at) * 1e3)
        return iter([Row("round trip of a trivial request", "ms", **times)])

    async def completions(
        self, ours: ServerProcess, bare: ServerProcess, *, typing: bool
    ) -> Iterator[Row]:
        """From the request to the HTTP request, and from the HTTP answer to the answer."""
        stamps: list[Stamp] = []

        def reply(_request: ReceivedRequest) -> Reply:
            stamps.append(Stamp())
            text = replies.partial(f"<fill>{SUGGESTION}")
            # The pause lets the server take in the text, as it can while a model is writing.
            return text + Wait(0.02) + stamps[-1] + Finish("stop_sequence", "</fill>")

        self.api.reset()
        self.api.respond(reply)
        lines = SUBJECT.read_text("utf-8").split("\n")
        before: list[float] = []
        after: list[float] = []
        floor: list[float] = []
        edits = Typing(SUBJECT)
        for _ in range(self.counts.completions):
            line = self.chance.randrange(len(lines))
            column = self.chance.randint(0, len(lines[line]))
            change = edits.insert(line, column, "v")
            undo = edits.delete(line, column, 1)
            for server in (ours, bare):
                began = server.notify("textDocument/didChange", change) if typing else None
                place = _completion(SUBJECT, line, column + typing)
                sent = server.send(INLINE_COMPLETION, place)
                answer = await server.wait(sent)
                began = sent.at if began is None else began
                if server is bare:
                    floor.append((answer.at - began) * 1e3)
                else:
                    _check_suggestion(answer.message)
                    before.append((self.api.requests[-1].received_at - began) * 1e3)
                    after.append((answer.at - stamps[-1].at) * 1e3)
                if typing:
                    server.notify("textDocument/didChange", undo)
        self.api.respond(None)
        if len(self.api.requests) != self.counts.completions:
            raise RuntimeError(f"{len(self.api.requests)} requests instead of one per completion")
        while_typing = ", a change before each" if typing else ""
        return iter(
            [
                Row(
                    f"completion request to complete HTTP request{while_typing}",
                    "ms",
                    before,
                    floor,
                    compare=_above,
                    compared="ms above the floor",
                    bar=5,
                ),
                Row(
                    f"end of the HTTP answer to the answer{while_typing}",
                    "ms",
                    after,
                    compare=_ours,
                    compared="ms",
                    bar=3,
                ),
            ]
        )

    async def cancels(self, ours: ServerProcess) -> Iterator[Row]:
        """From the cancel to the end of the HTTP stream."""
        self.api.reset()
        self.api.respond(lambda _: replies.stall("<fill>measured"))
        closed: list[float] = []
        answered: list[float] = []
        for turn in range(self.counts.cancels):
            sent = ours.send(INLINE_COMPLETION, _completion(SUBJECT, 20, 0))
            request = (await self.api.wait_for(turn + 1))[turn]
            await asyncio.sleep(0.03)
            at = ours.notify("$/cancelRequest", {"id": sent.id})
            answer = await ours.wait(sent)
            await request.wait_finished()
            assert request.finished_at is not None
            closed.append((request.finished_at - at) * 1e3)
            answered.append((answer.at - at) * 1e3)
        self.api.respond(None)
        return iter(
            [
                Row("cancel to the HTTP stream closed", "ms", closed),
                Row("cancel to the answer", "ms", answered),
            ]
        )

    async def edits(self, ours: ServerProcess, bare: ServerProcess) -> Iterator[Row]:
        """Processor time and memory of many changes to a long document."""
        path = PROJECT / "long.py"
        portion = 1_000
        text, changes = _long_text(), _edits(path, random.Random(11))
        for server in (ours, bare):
            server.open(path, text)
        cpu: dict[str, list[float]] = {"ours": [], "bare": []}
        memory: dict[str, list[float]] = {"ours": [], "bare": []}
        warm_up = self.counts.edits_warm_up // portion
        for turn in range(warm_up + self.counts.edits // portion):
            messages = list(itertools.islice(changes, portion))
            for server in (ours, bare):
                before = server.cpu_seconds()
                for message in messages:
                    server.notify("textDocument/didChange", message)
                    # One at a time, as a keyboard does: no message is read with the next one.
                    await asyncio.sleep(0)
                await server.request(INLINE_COMPLETION, _completion(PROJECT / "no.py", 0, 0))
                used = server.cpu_seconds() - before
                if turn == warm_up - 1:
                    memory[server.name].append(server.memory() / 2**20)
                elif turn >= warm_up:
                    memory[server.name].append(server.memory() / 2**20)
                    cpu[server.name].append(used / portion * 1e6)
        growth = {name: (v[-1] / v[0] - 1) * 100 for name, v in memory.items()}
        return iter(
            [
                Row(f"processor time of one change, {LINES:,} lines", "us", **cpu),
                Row("memory while changing", "MiB", **memory),
                Row(
                    f"memory after {self.counts.edits:,} changes, growth",
                    "%",
                    [growth["ours"]],
                    [growth["bare"]],
                    compare=_ours,
                    compared="%",
                    bar=2,
                ),
            ]
        )


async def in_process(count: int) -> Iterator[Row]:
    """Our own work for one change, without reading the message."""
    path = PROJECT / "long.py"
    item = types.TextDocumentItem(path.as_uri(), "python", 1, _long_text())
    messages = [
        (
            types.VersionedTextDocumentIdentifier(
                change["textDocument"]["version"], change["textDocument"]["uri"]
            ),
            [_structured(change["contentChanges"][0])],
        )
        for change in itertools.islice(_edits(path, random.Random(11)), count)
    ]
    bare = BareWorkspace(None, types.TextDocumentSyncKind.Incremental)
    bare.put_text_document(item)
    floor: list[float] = []
    for identifier, changes in messages:
        start = time.perf_counter()
        bare.update_text_document(identifier, changes[0])
        floor.append((time.perf_counter() - start) * 1e6)
    rows = []
    for findings in (0, 20):
        documents = Documents(None)
        documents.put_text_document(item)
        editor = SimpleNamespace(
            workspace=documents,
            abilities=Abilities(),
            text_document_publish_diagnostics=lambda _: None,
        )
        published = Published(cast("Server", editor))
        documents.on_edit(published.on_edit)
        run = published.begin()
        for number in range(findings):
            published.add(item.uri, _finding(number, LINES // findings * number), run)
        times: list[float] = []
        for identifier, changes in messages:
            start = time.perf_counter()
            documents.update(identifier, changes)
            times.append((time.perf_counter() - start) * 1e6)
            await asyncio.sleep(0)
        published.close()
        name = f"our own work for one change, {LINES:,} lines, {findings} findings shown"
        rows.append(Row(name, "us", times, floor, compare=_ours, compared="us", bar=50))
    return iter(rows)


class Typing:
    """Makes the changes of one document, counting its versions."""

    def __init__(self, path: Path) -> None:
        self._uri = path.as_uri()
        self._version = 1

    def insert(self, line: int, column: int, text: str) -> dict[str, Any]:
        """Insert a text."""
        return self._change((line, column), (line, column), text)

    def delete(self, line: int, column: int, size: int) -> dict[str, Any]:
        """Delete so many characters of one line."""
        return self._change((line, column), (line, column + size), "")

    def join(self, line: int, column: int) -> dict[str, Any]:
        """Delete the end of a line."""
        return self._change((line, column), (line + 1, 0), "")

    def _change(self, start: tuple[int, int], end: tuple[int, int], text: str) -> dict[str, Any]:
        self._version += 1
        span = {"start": _place(*start), "end": _place(*end)}
        return {
            "textDocument": {"uri": self._uri, "version": self._version},
            "contentChanges": [{"range": span, "text": text}],
        }


def _edits(path: Path, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield changes for ever that leave the text as long as it was: each second one undoes one."""
    typing = Typing(path)
    lines = _long_text().split("\n")
    for turn in itertools.count():
        line = chance.randrange(LINES)
        column = chance.randint(0, len(lines[line]))
        if turn % 10 == 9:
            yield typing.insert(line, column, "\n")
            yield typing.join(line, column)
        else:
            yield typing.insert(line, column, "x")
            yield typing.delete(line, column, 1)


def _long_text() -> str:
    return "".join(
        f"    value_{line} = compute(value_{line - 1}, {line})\n" for line in range(LINES)
    )


def _finding(number: int, line: int) -> Finding:
    return Finding(
        "review.correctness",
        Severity.MAJOR,
        "Something",
        "It is so.",
        "long.py",
        Range(Position(line, 4), Position(line + 2, 10)),
        "value",
        0.9,
        f"{number:016x}",
    )


def _structured(change: dict[str, Any]) -> types.TextDocumentContentChangePartial:
    start, end = (types.Position(**change["range"][end]) for end in ("start", "end"))
    return types.TextDocumentContentChangePartial(types.Range(start, end), change["text"])


def _place(line: int, column: int) -> dict[str, int]:
    return {"line": line, "character": column}


def _completion(path: Path, line: int, column: int) -> dict[str, Any]:
    return {
        "textDocument": {"uri": path.as_uri()},
        "position": _place(line, column),
        "context": {"triggerKind": types.InlineCompletionTriggerKind.Automatic},
    }


def _check_suggestion(message: dict[str, Any]) -> None:
    """A server that answers quickly because something failed is not fast.

    Raises:
        RuntimeError: the suggestion is not there.
    """
    items = (message.get("result") or {}).get("items") or []
    if not items or not SUGGESTION.startswith(items[0]["insertText"]):
        raise RuntimeError(f"no suggestion came but {message}")


async def measure(counts: Counts) -> list[Row]:
    """Measure every row."""
    with tempfile.TemporaryDirectory() as folder:
        async with MessagesApi() as api:
            bench = Bench(api, counts, Path(folder))
            rows = list(await bench.starts())
            ours, bare = await bench.ready()
            rows += await bench.completions(ours, bare, typing=False)
            rows += await bench.completions(ours, bare, typing=True)
            rows += await bench.cancels(ours)
            rows += await bench.trivial(ours, bare)
            rows += await bench.edits(ours, bare)
            await asyncio.gather(ours.stop(), bare.stop())
        return rows + list(await in_process(counts.edits_in_process))


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to try it out")
    options = parser.parse_args()
    counts = Counts(3, 20, 50, 5, 200, 2_000, 1_000) if options.quick else Counts()
    rows = asyncio.run(measure(counts))
    about = machine()
    print(", ".join(f"{name}: {value}" for name, value in about.items()), HEADER, sep="\n\n")
    for row in rows:
        print(row.as_markdown())
    if options.json:
        report = {"machine": about, "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
