"""A session as the protocol wants it: what must be so whatever client and server have done.

The client of `pair.py` is the model of the documents: it edits them the slow way, one character
after the other. Here are the requests that wait for an answer, and the diagnostics.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.lsp.server import ClaudeServer
from tests.lsp.editor import Editor, pause, units
from tests.lsp.pair import Pair, modern
from tests.messages_api import Finish, Gate, MessagesApi, Reply, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.messages_api.connection import ReceivedRequest

EXPECTED_ERRORS = frozenset({-32600, -32602, -32800, -32801, -32803})
"""What a request may be refused with: after the end, with wrong arguments, cancelled, outdated."""

Span = tuple[tuple[int, int], tuple[int, int]]


class Mishaps(logging.Handler):
    """Collects what the server logs as its own fault."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


class Session(Editor):
    """One session, with everything that is checked of it.

    Attributes:
        gates: what holds the answers of the model back, oldest first.
        kinds: what the model writes next, over and over.
        pending: the requests that were sent, by id: the method of each.
        ended: how many messages the server had sent when it had answered `shutdown`.
    """

    gates: list[Gate]
    pending: dict[str, str]
    ended: int | None

    async def begin(self, encoding: str, options: dict[str, Any]) -> None:
        """Start the session and watch it."""
        self.gates, self.pending, self.ended = [], {}, None
        self.texts: dict[tuple[str, int], str] = {}
        self.lies: list[str] = []
        self.kinds: Iterator[str] = itertools.cycle(["fill", "findings", "edits", "error", "cut"])
        self._numbers = itertools.count(1)
        self._versions = itertools.count(1)
        self.mishaps = Mishaps()
        logging.getLogger("claude_lsp").addHandler(self.mishaps)
        self.api.respond(self._answer)
        self._watch()
        await self.client.initialize(
            modern([encoding]), {"completion": {"debounce_ms": 0}, **options}, self.root
        )
        await pause()

    def _watch(self) -> None:
        client = self.client
        change_many, publish = client.change_many, client._publish

        def noted(uri: str, edits: Sequence[tuple[Span | None, str]]) -> None:
            change_many(uri, edits)
            self.texts[uri, client.versions[uri]] = client.texts[uri]

        def checked(params: types.PublishDiagnosticsParams) -> None:
            publish(params)
            self._check_diagnostics(params)

        client.change_many = noted  # type: ignore[method-assign]
        features = client.protocol.fm.features
        features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS] = checked

    # ----- the model's answers

    def _answer(self, request: ReceivedRequest) -> Reply:
        """Answer in three parts, with a gate before each of the last two."""
        first, second = Gate(), Gate()
        self.gates += (first, second)
        kind = next(self.kinds)
        if kind == "error":
            return Reply((first,)) + replies.overloaded()
        text = self._text_of(kind, json.dumps(request.body, ensure_ascii=False))
        half = len(text) // 2
        written = replies.partial(text[:half], chunk=0) + first
        written += replies.partial(text[half:], chunk=0) + second
        return written if kind == "cut" else written + Finish()

    def _text_of(self, kind: str, asked: str) -> str:
        """Return an answer about a line of an open document, whatever was asked."""
        open_texts = [self.client.texts[uri] for uri in self.client.versions]
        quote = next(
            (line for text in open_texts for line in text.split("\n") if line.strip()), "x"
        )
        quote = quote.strip("\r")
        if "fill>" in asked:
            return f"<fill>{quote[:3]}(1)\nagain</fill>"
        if kind == "edits" or '"edits"' in asked:
            edit = {"line": 1, "quote": quote, "replacement": f"{quote} + 1\nmore"}
            return json.dumps({"edits": [edit]})
        found = {
            "path": "a.py",
            "line": 1,
            "quote": quote,
            "rule": "review.correctness",
            "severity": "major",
            "title": "Wrong",
            "explanation": "It is.",
            "confidence": 0.9,
            "replacement": f"{quote} # mended" if kind == "findings" else None,
        }
        return json.dumps({"findings": [found]})

    # ----- what the client does

    def open_document(self, uri: str, text: str) -> None:
        """Open a document, with a version that none had before."""
        client = self.client
        client.texts[uri], client.versions[uri] = text, 1000 * next(self._versions)
        self.texts[uri, client.versions[uri]] = text
        item = types.TextDocumentItem(uri, "python", client.versions[uri], text)
        client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def request(self, method: str, params: Any) -> None:
        """Send a request and remember that it waits."""
        msg_id = f"r{next(self._numbers)}"
        self.pending[msg_id] = method
        message = {"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params}
        self.pair.raw.send(message)

    def notification(self, method: str, params: Any) -> None:
        """Send a notification by hand."""
        self.pair.raw.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def until(self, holds: Callable[[], bool], seconds: float = 0.3) -> None:
        """Wait a little for something that may come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                    await asyncio.sleep(0.002)

    async def settle(self) -> None:
        """Let the model write all that it has been asked for, and the client see what comes."""
        for _ in range(5):
            while self.gates:
                self.gates.pop(0).open()
            await self.until(lambda: not self.server.jobs._tasks or bool(self.gates))
        await pause()

    # ----- what must be so

    async def check(self) -> None:
        """Look at both sides once they have heard of each other."""
        await pause()
        async with asyncio.timeout(20):
            while self.ended is None and (different := self._different()):
                before = len(self.pair.raw.received)
                await asyncio.sleep(0.005)
                # An edit of the server's may be on its way; it is, if anything still is said.
                assert len(self.pair.raw.received) > before or not self._different(), different
        for msg_id, method in list(self.pending.items()):
            answers = self.pair.raw.answers(msg_id)
            assert len(answers) <= 1, f"{method} was answered {len(answers)} times"
            if answers:
                self._check_answer(method, answers[0])
        assert self.lies == []
        assert self.mishaps.told == []
        assert not [each for each in self.messages if "internal error" in each]
        if self.ended is not None:
            later = self.pair.raw.received[self.ended :]
            assert not [each for each in later if "method" in each], "said after its end"

    def _different(self) -> str:
        """Return where the two sides' documents differ."""
        workspace, client = self.server.workspace, self.client
        theirs = {each.uri: each.text for each in workspace.open_snapshots()}
        ours = {uri: client.texts[uri] for uri in client.versions}
        return "" if theirs == ours else f"{theirs} is not {ours}"

    def _check_answer(self, method: str, answer: dict[str, Any]) -> None:
        assert ("error" in answer) != ("result" in answer)
        if "error" in answer:
            assert answer["error"]["code"] in EXPECTED_ERRORS, (method, answer)
        elif self.ended is not None and method == "shutdown":
            assert answer["result"] is None

    def _check_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        """Note diagnostics that speak of places which their text does not have."""
        if params.version is None:
            return
        text = self.texts.get((params.uri, params.version))
        if text is None:
            self.lies.append(f"no version {params.version} was ever sent of {params.uri}")
            return
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for each in params.diagnostics:
            start, end = each.range.start, each.range.end
            inside = (start.line, start.character) <= (end.line, end.character) and all(
                place.line < len(lines)
                and place.character <= units(lines[place.line], self.client.encoding)
                for place in (start, end)
            )
            if not inside:
                self.lies.append(f"{each.range} is not within {text!r}")

    async def shut_down(self) -> None:
        """End the session: everything that waits is answered, and nothing more is said."""
        self.request("shutdown", None)
        msg_id = next(reversed(self.pending))
        await self.pair.raw.answer(msg_id, 20)
        await pause()
        async with asyncio.timeout(20):
            while waiting := [one for one in self.pending if not self.pair.raw.answers(one)]:
                await self.pair.raw.answer(waiting[0], 20)
        if self.ended is None:
            self.ended = len(self.pair.raw.received)

    async def finish(self) -> None:
        """Leave: nothing of the session may be left."""
        try:
            await self.shut_down()
            await self.check()
            self.notification("exit", None)
            await asyncio.wait_for(self.server.wait_stopped(), 5)
            assert self.server.exit_code == 0
            for gate in self.gates:
                gate.open()
            await self.pair.__aexit__()
            await pause()
            assert self.server.jobs._tasks | self.server.upkeep._tasks == set()
            assert self.server.protocol._request_futures == {}
            assert self.server.protocol._result_types == {}
            assert self.mishaps.told == []
            assert self.api.refused == []
        finally:
            logging.getLogger("claude_lsp").removeHandler(self.mishaps)
            await self.api.__aexit__(None, None, None)
        own = asyncio.current_task()
        left = {task for task in asyncio.all_tasks() if task is not own}
        if left:
            # What was cancelled may still wait for a worker's process to end.
            _, left = await asyncio.wait(left, timeout=10)
        assert not left, f"tasks are left: {left}"


async def started(root: Path, encoding: str, options: dict[str, Any], setenv: Any) -> Session:
    """Begin a session against an API of its own."""
    api = MessagesApi()
    await api.__aenter__()
    for name, value in api.environment().items():
        if name.startswith("ANTHROPIC_"):
            setenv(name, value)
    pair = Pair(ClaudeServer)
    await pair.__aenter__()
    session = Session(pair, api, root)
    await session.begin(encoding, options)
    return session
