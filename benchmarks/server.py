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
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.workspace import Workspace as BareWorkspace

from benchmarks.changes import LARGE, LINES, Typing, edits_for_ever, long_code, long_text, place
from benchmarks.server_process import ServerProcess
from benchmarks.table import HEADER, Row, difference, machine, ours_alone, ratio
from claude_lsp.findings.finding import Finding, Severity
from claude_lsp.lsp.server import ClaudeServer
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range
from tests.messages_api import Finish, Gate, MessagesApi, Reply, Wait, replies

if TYPE_CHECKING:
    from tests.messages_api import ReceivedRequest

PROJECT = Path(__file__).resolve().parent.parent
SUBJECT = PROJECT / "claude_lsp" / "lsp" / "server.py"
"""The file in which completions are asked for: it is typical, and has many neighbours."""

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
    large: int = 40


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

    async def warm_up(self, *servers: ServerProcess) -> None:
        """Initialize both, open the document and have everything loaded."""
        text = SUBJECT.read_text("utf-8")
        for server in servers:
            await server.initialize(PROJECT, OPTIONS)
            server.notify("initialized", {})
            server.open(SUBJECT, text)
        self.api.answer = replies.text(f"<fill>{SUGGESTION}</fill>")
        for line in range(20):
            for server in servers:
                await server.request(INLINE_COMPLETION, _completion(SUBJECT, line, 0))

    # ----- rows

    async def starts(self) -> list[Row]:
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
        ours, bare = times["ours"], times["bare"]
        return [Row(name, "ms", ours, bare, compare=ratio, compared="x", bar=1.15)]

    async def trivial(self, ours: ServerProcess, bare: ServerProcess) -> list[Row]:
        """A request that nobody has to think about: a document that is not open."""
        params = _completion(PROJECT / "not_open.py", 0, 0)
        times: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(self.counts.trivial):
            for server in (ours, bare):
                sent = server.send(INLINE_COMPLETION, params)
                answer = await server.wait(sent)
                times[server.name].append((answer.at - sent.at) * 1e3)
        return [Row("round trip of a trivial request", "ms", times["ours"], times["bare"])]

    async def completions(
        self, ours: ServerProcess, bare: ServerProcess, *, typing: bool
    ) -> list[Row]:
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
        # Each place once: a second request there would be answered from memory.
        places = [
            (line, column) for line in range(20, len(lines)) for column in range(len(lines[line]))
        ]
        for line, column in self.chance.sample(places, self.counts.completions):
            change = edits.insert(line, column, "v")
            undo = edits.delete(line, column, 1)
            for server in (ours, bare):
                began = server.notify("textDocument/didChange", change) if typing else None
                sent = server.send(INLINE_COMPLETION, _completion(SUBJECT, line, column + typing))
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
        return [
            Row(
                f"completion request to complete HTTP request{while_typing}",
                "ms",
                before,
                floor,
                compare=difference,
                compared="ms above the floor",
                bar=5,
            ),
            Row(
                f"end of the HTTP answer to the answer{while_typing}",
                "ms",
                after,
                compare=ours_alone,
                compared="ms",
                bar=3,
            ),
        ]

    async def cancels(self, ours: ServerProcess) -> list[Row]:
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
        return [
            Row("cancel to the HTTP stream closed", "ms", closed),
            Row("cancel to the answer", "ms", answered),
        ]

    async def edits(self, ours: ServerProcess, bare: ServerProcess) -> list[Row]:
        """Processor time and memory of many changes to a long document."""
        path = PROJECT / "long.py"
        portion = 1_000
        text, changes = long_text(), edits_for_ever(path, random.Random(11))
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
                    # Each is written by itself, though a busy server may read several at once.
                    await asyncio.sleep(0)
                await server.request(INLINE_COMPLETION, _completion(PROJECT / "no.py", 0, 0))
                used = server.cpu_seconds() - before
                if turn == warm_up - 1:
                    memory[server.name].append(server.memory() / 2**20)
                elif turn >= warm_up:
                    memory[server.name].append(server.memory() / 2**20)
                    cpu[server.name].append(used / portion * 1e6)
        growth = {name: (v[-1] / v[0] - 1) * 100 for name, v in memory.items()}
        return [
            Row(f"processor time of one change, {LINES:,} lines", "us", cpu["ours"], cpu["bare"]),
            Row("memory while changing", "MiB", memory["ours"], memory["bare"]),
            Row(
                f"memory after {self.counts.edits:,} changes, growth",
                "%",
                [growth["ours"]],
                [growth["bare"]],
                compare=ours_alone,
                compared="%",
                bar=2,
            ),
        ]

    async def large_edits(self, ours: ServerProcess) -> list[Row]:
        """From the last token of an edit in a long document to the edit at the client."""
        text = long_code()
        line = LARGE // 2
        old = text.split("\n")[line]
        fix = json.dumps({"line": line + 1, "quote": old, "replacement": f"{old}  # measured"})
        span = {"start": place(line, 0), "end": place(line, len(old))}
        problem = {"range": span, "problems": [{"range": span, "message": "is not measured"}]}
        empty = place(line + 5, 0)
        answers: dict[str, tuple[str, str, dict[str, Any]]] = {
            "claude.fix": (f'{{"edits":[{fix[:-2]}', f"{fix[-2:]}]}}", problem),
            "claude.complete": (
                "<fill>def other():\n    return 2",
                "</fill>",
                {"range": {"start": empty, "end": empty}},
            ),
        }
        rows = []
        for command, (most, last, others) in answers.items():
            times: list[float] = []
            for turn in range(self.counts.large + 2):
                path = PROJECT / f"large_{command}_{turn}.py"
                ours.open(path, text)
                stamp = Stamp()
                self.api.reset()
                self.api.script(
                    replies.partial(most) + Wait(0.3) + stamp + replies.partial(last) + Finish()
                )
                argument = {"uri": path.as_uri(), **others}
                params = {"command": command, "arguments": [argument]}
                await ours.request("workspace/executeCommand", params)
                async with asyncio.timeout(30):
                    asked = ""
                    while asked != "workspace/applyEdit":
                        message, at = await ours.asked.get()
                        asked = message["method"]
                if turn >= 2:
                    times.append((at - stamp.at) * 1e3)
                ours.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
            name = f"last token of `{command}` to its edit, {LARGE:,} lines"
            rows.append(Row(name, "ms", times, compare=ours_alone, compared="ms", bar=30))
        return rows


async def in_process(count: int) -> list[Row]:
    """Our own work for one change, without reading the message."""
    path = PROJECT / "long.py"
    item = types.TextDocumentItem(path.as_uri(), "python", 1, long_text())
    messages = [
        (
            types.VersionedTextDocumentIdentifier(
                change["textDocument"]["version"], change["textDocument"]["uri"]
            ),
            [_structured(change["contentChanges"][0])],
        )
        for change in itertools.islice(edits_for_ever(path, random.Random(11)), count)
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
        server = ClaudeServer()
        server.protocol.set_writer(_Nowhere())
        initialize: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}
        server.protocol.receive(json.dumps(message).encode())
        server.workspace.put_text_document(item)
        run = server.published.begin("review")
        for number in range(findings):
            finding = _finding(number, LINES // findings * number)
            server.published.add(item.uri, finding, run, LineIndex(item.text))
        times: list[float] = []
        for identifier, changes in messages:
            start = time.perf_counter()
            server.workspace.update(identifier, changes)
            times.append((time.perf_counter() - start) * 1e6)
            await asyncio.sleep(0)
        await server.close(1)
        name = f"our own work for one change, {LINES:,} lines, {findings} findings shown"
        rows.append(Row(name, "us", times, floor, compare=ours_alone, compared="us", bar=50))
    return rows


class _Nowhere:
    """Takes what a server sends."""

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


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


def _completion(path: Path, line: int, column: int) -> dict[str, Any]:
    return {
        "textDocument": {"uri": path.as_uri()},
        "position": place(line, column),
        # Asked for: what is typed is asked only where a suggestion could be of use.
        "context": {"triggerKind": types.InlineCompletionTriggerKind.Invoked},
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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with MessagesApi() as api:
            bench = Bench(api, counts, Path(folder))
            rows = await bench.starts()
            ours, bare = await bench.spawn("ours"), await bench.spawn("bare")
            try:
                await bench.warm_up(ours, bare)
                rows += await bench.completions(ours, bare, typing=False)
                rows += await bench.completions(ours, bare, typing=True)
                rows += await bench.cancels(ours)
                rows += await bench.trivial(ours, bare)
                rows += await bench.large_edits(ours)
                rows += await bench.edits(ours, bare)
                await asyncio.gather(ours.stop(), bare.stop())
            finally:
                ours.kill()
                bare.kill()
        return rows + await in_process(counts.edits_in_process)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to try it out")
    options = parser.parse_args()
    counts = Counts(3, 20, 50, 5, 200, 2_000, 1_000, 8) if options.quick else Counts()
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
