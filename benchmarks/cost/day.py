"""A working day, replayed through the real server: what is typed, asked and answered.

Twelve sittings of half an hour, three in each of four projects: in each, one file is worked on,
with four others open. There 2,000 / 12 keys are typed in one stretch, one function of the file
after the other, and five edits asked for, all at random moments; after the three sittings of a
project their files are reviewed together, and once a project's architecture. What is typed, taken
and edited changes the buffers, as it would.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types

from benchmarks.changes import place
from benchmarks.completion.backends import before_cursor
from benchmarks.completion.typist import Typist, held_out
from benchmarks.cost import answers
from claude_lsp.actions import ACTIONS
from claude_lsp.actions.action import Problem, Situation
from claude_lsp.actions.outcomes import Replacement
from claude_lsp.claude.account import Account
from claude_lsp.claude.catalog import Usage
from claude_lsp.lsp.server import ClaudeServer
from claude_lsp.review.document import Document
from claude_lsp.review.judgement import prepare_judgement
from claude_lsp.review.plan import make_plan
from claude_lsp.review.project import survey
from claude_lsp.review.run import review
from claude_lsp.review.scope import Scope
from claude_lsp.text.edits import TextEdit, apply_edits
from claude_lsp.text.positions import Position, Range
from tests.lsp.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.completion.typist import HeldOut
    from benchmarks.cost.clock import SimulatedLoop
    from claude_lsp.text.snapshots import Snapshot
    from tests.messages_api import MessagesApi, ReceivedRequest, Reply

SITTING_S = 1800.0
BETWEEN_SITTINGS_S = 600.0
_SETTLES_S = 5.0
_OPEN = 4
"""Files open beside the one that is worked on."""
_KNOWN_BY = 80
_SIZES = range(5_000, 30_000)


class Counts(NamedTuple):
    """How much is done in a day.

    Attributes:
        sittings: of each project.
        keys: typed in a sitting.
        edits: asked for in a sitting, by the names of their actions.
    """

    sittings: int
    keys: int
    edits: tuple[str, ...]


DAY = Counts(3, 167, ("fix", "fix", "rewrite", "document", "test"))
QUICK = Counts(1, 60, ("fix", "rewrite"))


@dataclass
class Asked:
    """One HTTP request of ours.

    Attributes:
        action: what it was for.
        at: seconds of the day.
        received: the request.
    """

    action: str
    at: float
    received: ReceivedRequest

    @property
    def model(self) -> str:
        """The model's id."""
        return self.received.model

    @property
    def usage(self) -> Usage:
        """The tokens, as the service has counted them."""
        counted = self.received.usage or {}
        written = counted.get("cache_creation") or {}
        return Usage(
            input=counted.get("input_tokens", 0),
            output=counted.get("output_tokens", 0),
            cache_write_5m=written.get("ephemeral_5m_input_tokens", 0),
            cache_write_1h=written.get("ephemeral_1h_input_tokens", 0),
            cache_read=counted.get("cache_read_input_tokens", 0),
        )


class Trigger(NamedTuple):
    """Something that others may send a request for too: a key, or what the user asked for.

    Attributes:
        action: what for.
        at: seconds of the day.
        text: the document then.
        offset: the cursor, or where the place begins.
        opened: the texts of the other open documents.
        answer: what a model answers, and the tokens that it thinks before.
        thought: tokens of thinking before the answer.
        deleted: whether the key took something away.
    """

    action: str
    at: float
    text: str
    offset: int
    opened: tuple[str, ...]
    answer: str
    thought: int = 0
    deleted: bool = False


@dataclass
class Day:
    """What happened.

    Attributes:
        asked: our requests, in order.
        triggers: what they came from.
        keys, taken: typed, and suggestions accepted.
        failures: what failed, in words; must be empty.
        ledger_usd: what our own ledger says of the day.
    """

    asked: list[Asked] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    keys: int = 0
    taken: int = 0
    failures: list[str] = field(default_factory=list)
    ledger_usd: float = 0.0


class _Buffer:
    """An open document of the editor."""

    def __init__(self, pair: Pair[ClaudeServer], path: Path, text: str) -> None:
        self.path, self.text, self._pair = path, text, pair
        self.uri = path.as_uri()
        self._version = 1
        item = types.TextDocumentItem(self.uri, "python", 1, text)
        pair.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def replace(self, start: int, end: int, new: str) -> None:
        """Put a text in the place of another, as an editor tells of it."""
        span = types.Range(self.position(start), self.position(end))
        self.text = self.text[:start] + new + self.text[end:]
        self._version += 1
        identifier = types.VersionedTextDocumentIdentifier(self._version, self.uri)
        change = types.TextDocumentContentChangePartial(span, new)
        self._pair.client.text_document_did_change(
            types.DidChangeTextDocumentParams(identifier, [change])
        )

    def position(self, offset: int) -> types.Position:
        """Return a place of the text, which is ASCII."""
        at = place(self.text.count("\n", 0, offset), offset - self.text.rfind("\n", 0, offset) - 1)
        return types.Position(at["line"], at["character"])

    def close(self) -> None:
        identifier = types.TextDocumentIdentifier(self.uri)
        self._pair.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))


class Replay:
    """Lives through the day.

    Args:
        api: the service; its clock is the loop's.
        loop: the simulated one.
        counts: how much is done.
        seed: of everything that is left to chance.
    """

    def __init__(
        self, api: MessagesApi, loop: SimulatedLoop, counts: Counts, seed: int = 11
    ) -> None:
        self.day = Day()
        self._api, self._loop, self._counts = api, loop, counts
        self._chance = random.Random(seed)
        self._action = ""
        self._rests: dict[str, str | None] = {}
        self._replies: dict[str, Reply] = {}
        self._buffers: list[_Buffer] = []
        self._looks: list[Reply] = []
        api.respond(self._reply)

    async def project(self, root: Path, *, judged: bool) -> None:
        """Work in a project for some sittings, review what was worked on, and perhaps all of it."""
        self._loop.real = True
        async with Pair(ClaudeServer) as pair:
            options = {"spend": {"day_usd": 1000, "automatic_day_usd": 1000}}
            await pair.client.initialize(options=options, root=root)
            async with pair.server.session.engine() as engine:
                await engine.codebase.settled()
            self._loop.real = False
            files = self._files(root)
            worked_on = []
            for number in range(self._counts.sittings):
                path, functions = files[number]
                others = [each for each, _ in files[number + 1 : number + 1 + _OPEN]]
                worked_on.append(await self._work(pair, path, functions, others))
                await asyncio.sleep(BETWEEN_SITTINGS_S)
            await self._review(pair, worked_on)
            if judged:
                await self._judge(pair, root)

    def _files(self, root: Path) -> list[tuple[Path, list[HeldOut]]]:
        found = []
        for path in sorted(root.rglob("*.py")):
            if path.stat().st_size in _SIZES:
                functions = sorted(
                    held_out(path.read_text("utf-8")), key=lambda each: len(each.before)
                )
                if len(functions) > len(self._counts.edits):
                    found.append((path, functions))
        self._chance.shuffle(found)
        return found

    async def _work(
        self, pair: Pair[ClaudeServer], path: Path, functions: list[HeldOut], others: list[Path]
    ) -> Snapshot:
        """One sitting; return the document as it is at its end."""
        began, loop = self._loop.time(), self._loop
        self._buffers = [_Buffer(pair, each, _read(each)) for each in others]
        buffer = _Buffer(pair, path, _read(path))
        moments: list[tuple[float, str]] = [
            (self._chance.uniform(0, SITTING_S), each) for each in self._counts.edits
        ]
        moments.append((self._chance.uniform(0, SITTING_S), ""))
        for at, action in sorted(moments):
            await asyncio.sleep(max(0.0, began + at - loop.time()))
            if action:
                await self._edit(pair, buffer, action)
            else:
                await self._type(pair, buffer, functions)
        snapshot = pair.server.workspace.get(buffer.uri)
        assert snapshot is not None
        document = snapshot.snapshot()
        for each in (buffer, *self._buffers):
            each.close()
        return document

    # ----- typing

    async def _type(
        self, pair: Pair[ClaudeServer], buffer: _Buffer, functions: list[HeldOut]
    ) -> None:
        """Empty functions of the file and type them again, so many keys."""
        self._action = "complete"
        left = self._counts.keys
        # One function after the other, from some place of the file on.
        first = self._chance.randrange(len(functions))
        for function in itertools.cycle(functions[first:] + functions[:first]):
            if left <= 0:
                break
            body = function.body
            start = buffer.text.find(body)
            if start < 0:
                continue  # an edit has changed it
            buffer.replace(start, start + len(body), "")
            typist = Typist(body, self._chance)
            shown = _Shown()
            while not typist.done and left > 0:
                await asyncio.sleep(typist.pause())
                before, suggested = typist.typed, shown.text
                key = typist.key(suggested)
                shown.text = ""
                left -= 1
                self.day.keys += 1
                self.day.taken += key.kind == "take"
                after = typist.typed
                common = min(len(before), len(after))
                buffer.replace(start + common, start + len(before), after[common:])
                offset = start + len(after)
                self._rests[buffer.text[:offset][-_KNOWN_BY:]] = typist.rest
                self._note_key(buffer, offset, typist.rest, deleted=len(after) < len(before))
                shown.ask(pair, buffer, offset)
            # The editor shows the file as it is on the disk again.
            rest = typist.rest if typist.rest is not None else body[len(typist.typed) :]
            await asyncio.sleep(_SETTLES_S)
            end = start + len(typist.typed)
            buffer.replace(start, end, typist.typed + rest if typist.rest is not None else body)

    def _note_key(self, buffer: _Buffer, offset: int, rest: str | None, *, deleted: bool) -> None:
        answer = answers.completion(rest, "", buffer.text[:offset][-_KNOWN_BY:])
        self._note("complete", buffer.text, offset, answer, deleted=deleted)

    def _note(
        self, action: str, text: str, offset: int, answer: str, *, deleted: bool = False
    ) -> None:
        opened = tuple(each.text for each in self._buffers)
        thought = answers.thought_tokens(action)
        at = self._loop.time()
        self.day.triggers.append(
            Trigger(action, at, text, offset, opened, answer, thought, deleted)
        )

    # ----- edits

    async def _edit(self, pair: Pair[ClaudeServer], buffer: _Buffer, name: str) -> None:
        """Ask for an edit of some function, and apply what comes."""
        self._action = name
        function = self._chance.choice(list(held_out(buffer.text)))
        first = function.before.count("\n")
        end = first + 1 + function.body.count("\n")
        made = answers.edits_of(name, buffer.text, first, end)
        self._note(name, buffer.text, len(function.before), "".join(map("".join, _texts(made))))
        self._replies[name] = answers.edits_reply(made, "sonnet")
        document = pair.server.workspace.get(buffer.uri)
        assert document is not None
        snapshot = document.snapshot()
        span = Range(Position(first, 0), Position(end, 0))
        problem_at = Range(Position(made[0].line, 0), Position(made[0].line, 4))
        situation = Situation(
            snapshot,
            "",
            problem_at if name == "fix" else span,
            (Problem(problem_at, "Incompatible types in assignment", "mypy", "assignment"),)
            if name == "fix"
            else (),
            asked="Return early where there is nothing to do." if name == "rewrite" else "",
        )
        async with pair.server.session.engine() as engine:
            situation = replace(situation, origin=engine.workspace.origin(snapshot))
            surroundings = pair.server.surroundings()
            prepared = await engine.prepare(ACTIONS[name], situation, surroundings)
            edits = []
            running = engine.run(ACTIONS[name], situation, prepared, Account())
            async with contextlib.aclosing(running) as outcomes:
                async for outcome in outcomes:
                    if isinstance(outcome, Replacement):
                        edits.append(TextEdit(outcome.range, outcome.text))
                    elif name != "test":
                        self.day.failures.append(f"{name}: {outcome}")
        new = apply_edits(buffer.text, edits)
        # What breaks the syntax is undone, and tests go into another file.
        if name != "test" and any(held_out(new)):
            start = next(
                (n for n, (a, b) in enumerate(zip(buffer.text, new, strict=False)) if a != b), 0
            )
            tail = 0
            while (
                tail < min(len(new), len(buffer.text)) - start
                and new[-1 - tail] == buffer.text[-1 - tail]
            ):
                tail += 1
            buffer.replace(start, len(buffer.text) - tail, new[start : len(new) - tail])

    # ----- reviews

    async def _review(self, pair: Pair[ClaudeServer], snapshots: list[Snapshot]) -> None:
        """Review the files that were worked on."""
        self._action = "review"
        async with pair.server.session.engine() as engine:
            origin = engine.workspace.origin
            documents = tuple(Document(origin(each), each) for each in snapshots)
            plan = make_plan(Scope("files", documents), engine.settings)
            texts = {each.origin: each.snapshot.text for each in documents}
            for path, text in texts.items():
                self._replies[f"review {path}"] = answers.findings_reply(path, text, "sonnet")
            for unit in plan.units:
                text = texts[unit.excerpts[0].origin]
                self._note("review", text, 0, "x" * _size_of_findings(text))
            async for event in review(engine, plan.units, Account()):
                failure = getattr(event, "failure", None)
                if failure is not None:
                    self.day.failures.append(f"review: {failure.message}")

    async def _judge(self, pair: Pair[ClaudeServer], root: Path) -> None:
        """Review the architecture: three rounds of looks, then an answer."""
        self._action = "architecture"
        async with pair.server.session.engine() as engine:
            project = await asyncio.to_thread(survey, engine.workspace, root, engine.settings)
            paths = _sources(root)
            self._chance.shuffle(paths)
            self._looks = [
                answers.looks_reply(
                    [("read_file", {"path": each}) for each in paths[4 * n : 4 * n + 4]]
                )
                for n in range(3)
            ]
            judgement = await prepare_judgement(engine, project)
            running = engine.run(
                ACTIONS["architecture"], judgement.situation, judgement.prepared, Account()
            )
            async with contextlib.aclosing(running) as outcomes:
                async for _ in outcomes:
                    pass

    # ----- the service

    def _reply(self, request: ReceivedRequest) -> Reply:
        self.day.asked.append(Asked(self._action, self._loop.time(), request))
        if self._action == "complete":
            before = before_cursor(request)[-_KNOWN_BY:]
            rest = self._rests.get(before, "")
            return answers.completion_reply(
                answers.completion(rest, answers.extent_of(request), before)
            )
        if self._action == "review":
            path = request.text.rpartition("Review ")[2].partition(" above")[0]
            path = path.rpartition(" of ")[2]
            return self._replies[f"review {path}"]
        if self._action == "architecture":
            return self._looks.pop(0) if self._looks else answers.judgement_reply()
        return self._replies[self._action]


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _sources(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py"))]


def _texts(edits: list[answers.Edit]) -> Iterator[tuple[str, str]]:
    for each in edits:
        yield each.quote, each.replacement


def _size_of_findings(text: str) -> int:
    reply = answers.findings_reply("x.py", text, "sonnet")
    return sum(
        len(getattr(step, "text", "")) for step in reply.steps if type(step).__name__ == "Text"
    )


class _Shown:
    """The suggestion that stands at the cursor."""

    def __init__(self) -> None:
        self.text = ""
        self._newest: Any = None

    def ask(self, pair: Pair[ClaudeServer], buffer: _Buffer, offset: int) -> None:
        """Ask for one, as an editor does at each key."""
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
            types.TextDocumentIdentifier(buffer.uri),
            buffer.position(offset),
        )
        task = asyncio.ensure_future(pair.client.text_document_inline_completion_async(params))
        self._newest = task
        task.add_done_callback(self._take)

    def _take(self, task: asyncio.Future[Any]) -> None:
        if task is not self._newest or task.cancelled() or task.exception() is not None:
            return
        items = task.result().items if task.result() is not None else ()
        self.text = next((str(item.insert_text) for item in items), "")
