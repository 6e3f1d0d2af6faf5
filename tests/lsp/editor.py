"""An editor with our whole server behind it and the loopback API behind that, in one process."""

from __future__ import annotations

import asyncio
import itertools
import json
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from claude_lsp.text.snapshots import uri_from_path
from tests.cases_loader import CASES
from tests.lsp.pair import Client, Pair, Place, modern, shared_converter
from tests.messages_api import Finish, MessagesApi, Reply, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cattrs import Converter

    from claude_lsp.lsp.server import ClaudeServer
    from tests.messages_api.steps import Step

ENCODINGS = ("utf-8", "utf-16", "utf-32")
BOM_FREE = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}

PYTHON = """\
LIMIT = 10


def total(values):
    result = 0
    for value in values:
        result += value
    return result
"""


def recorded_client(name: str) -> types.InitializeParams:
    """Return what a real client announced; `tests/cases/clients` has the recordings."""
    recorded = json.loads((CASES / "clients" / f"{name}.json").read_text("utf-8"))
    params = {"processId": None, "rootUri": None, **recorded}
    return shared_converter().structure(params, types.InitializeParams)


def units(text: str, encoding: str) -> int:
    """Return how many units a client counts for a text."""
    return len(text.encode(BOM_FREE[encoding])) // UNIT_BYTES[encoding]


@cache
def know_commands(converter: Converter) -> None:
    """Let a converter not take a command for a code action, as lsprotocol's own hook does.

    Once for each: a new hook makes a converter compile all the others again.
    """

    def structure(value: dict[str, Any], _: Any) -> types.Command | types.CodeAction:
        kind = types.Command if isinstance(value.get("command"), str) else types.CodeAction
        return converter.structure(value, kind)  # type: ignore[return-value]

    union = typing.Union[types.Command, types.CodeAction]  # noqa: UP007 - as lsprotocol spells it
    converter.register_structure_hook(union, structure)


def place_of(text: str, needle: str, encoding: str = "utf-16", *, end: bool = False) -> Place:
    """Return the client's line and column of a text that stands there once."""
    assert text.count(needle) == 1
    before = text[: text.index(needle) + (len(needle) if end else 0)]
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines) - 1, units(lines[-1], encoding)


def span_of(text: str, needle: str, encoding: str = "utf-16") -> tuple[Place, Place]:
    """Return the client's range of a text that stands there once."""
    return place_of(text, needle, encoding), place_of(text, needle, encoding, end=True)


def plain(span: tuple[Place, Place]) -> dict[str, Any]:
    """Return a range as it stands in a command's arguments."""
    (line, column), (end_line, end_column) = span
    return {
        "start": {"line": line, "character": column},
        "end": {"line": end_line, "character": end_column},
    }


def client_range(span: tuple[Place, Place]) -> types.Range:
    """Return a range as the protocol's own class."""
    return types.Range(types.Position(*span[0]), types.Position(*span[1]))


def diagnostic(text: str, needle: str, message: str = "is wrong", **others: Any) -> Any:
    """Return a problem of another tool."""
    return types.Diagnostic(client_range(span_of(text, needle)), message, **others)


def finding(text: str, quote: str, **others: Any) -> dict[str, Any]:
    """Return a finding as the model gives it."""
    line = text[: text.index(quote)].count("\n") + 1 if quote in text else 1
    return {
        "path": "code.py",
        "line": line,
        "quote": quote,
        "rule": "review.correctness",
        "severity": "major",
        "title": f"About {quote.strip()[:40]}",
        "explanation": "It is wrong.",
        "confidence": 0.9,
        "replacement": None,
        **others,
    }


def edit(text: str, quote: str, replacement: str) -> dict[str, Any]:
    """Return an edit as the model gives it."""
    return {
        "line": text[: text.index(quote)].count("\n") + 1 if quote in text else 1,
        "quote": quote,
        "replacement": replacement,
    }


def edits(*items: dict[str, Any], between: Sequence[Step] = (), end: Step | None = None) -> Reply:
    """Answer with edits; `between` stands after the first, the second and so on."""
    reply = replies.partial('{"edits":[', chunk=0)
    for number, item in enumerate(items):
        reply += replies.partial(("," if number else "") + json.dumps(item), chunk=0)
        if number < len(between):
            reply += between[number]
    return reply + replies.partial("]}", chunk=0) + Finish() if end is None else reply + end


@dataclass
class Editor:
    """One session.

    Attributes:
        pair: the two sides and the bytes between them.
        api: the Messages API that the server talks to.
        root: the workspace's folder, with no files but those that a test writes.
    """

    pair: Pair[ClaudeServer]
    api: MessagesApi
    root: Path

    @property
    def client(self) -> Client:
        return self.pair.client

    @property
    def server(self) -> ClaudeServer:
        return self.pair.server

    @property
    def messages(self) -> list[str]:
        """What was popped up, without the product's name."""
        return [each.message.removeprefix("Claude: ") for each in self.client.messages]

    @property
    def errors(self) -> list[str]:
        """What was popped up as an error."""
        shown = self.client.messages
        return [each.message for each in shown if each.type is types.MessageType.Error]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """The states that were told, each once however often its spend was told anew."""
        told = [(each["state"], each["detail"]) for each in self.client.statuses]
        return [each for each, _ in itertools.groupby(told)]

    async def start(
        self,
        capabilities: types.ClientCapabilities | None = None,
        options: Any = None,
        *,
        name: str = "test editor",
        encoding: str = "utf-16",
        root: Path | str | None = None,
    ) -> None:
        """Begin the session, and wait until the settings have been read."""
        await self.client.initialize(
            capabilities or modern([encoding]),
            {"completion": {"debounce_ms": 0}, **(options or {})},
            self.root if root is None else root or None,
            client_info=types.ClientInfo(name),
        )
        await self.ready()

    async def ready(self) -> None:
        """Wait until settings are read and the connection is warm."""
        await self._until_done(lambda: self.server.upkeep._tasks)

    async def settled(self) -> None:
        """Wait until all work has ended and the client has heard of it."""
        await self._until_done(lambda: self.server.jobs._tasks | self.server.upkeep._tasks)

    async def _until_done(self, tasks: Callable[[], set[asyncio.Task[Any]]]) -> None:
        await pause()
        async with asyncio.timeout(50):
            while running := tasks():
                await asyncio.wait(running)
                await pause()

    def file(self, name: str, text: str) -> str:
        """Write a file into the workspace; return its address."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return uri_from_path(path)

    def open(self, text: str = PYTHON, name: str = "code.py", language: str = "python") -> str:
        """Write a file and open it; return its address."""
        uri = self.file(name, text)
        self.client.open(uri, text, language)
        return uri

    def text(self, uri: str) -> str:
        """Return a buffer's text, which the server must agree with."""
        document = self.server.workspace.get(uri)
        assert document is None or document.source == self.client.texts[uri]
        return self.client.texts[uri]

    async def until_text(self, uri: str, needle: str) -> None:
        """Wait until a buffer holds a text and the server knows."""
        await self.client.wait_for(lambda: needle in self.client.texts[uri])
        await pause()

    async def indexed(self) -> None:
        """Wait until the index of the workspace is complete."""
        async with self.server.session.engine() as engine:
            await engine.codebase.settled()

    async def suggest(
        self, uri: str, place: Place, *, invoked: bool = False
    ) -> list[types.InlineCompletionItem]:
        """Ask for ghost text."""
        result = await self.client.text_document_inline_completion_async(
            suggestion_params(uri, place, invoked=invoked)
        )
        assert isinstance(result, types.InlineCompletionList)
        return list(result.items)

    async def actions(
        self,
        uri: str,
        span: tuple[Place, Place],
        diagnostics: Sequence[types.Diagnostic] = (),
        only: Sequence[str] | None = None,
    ) -> list[Any]:
        """Ask for code actions."""
        context = types.CodeActionContext(list(diagnostics), only=only)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), client_range(span), context
        )
        return list(await self.client.text_document_code_action_async(params) or ())

    async def command(self, name: str, *arguments: Any) -> Any:
        """Run a command; it returns before its work is done."""
        return await self.client.command(name, *arguments)

    async def run(self, name: str, *arguments: Any) -> None:
        """Run a command to the end of its work."""
        await self.command(name, *arguments)
        await self.settled()

    async def fix(self, uri: str, needle: str, message: str = "is wrong") -> None:
        """Begin to fix a problem at a text."""
        await self.command("claude.fix", self.problem(uri, needle, message))

    def problem(self, uri: str, needle: str, message: str = "is wrong") -> dict[str, Any]:
        """Return the argument of `claude.fix`."""
        span = plain(span_of(self.client.texts[uri], needle, self.client.encoding))
        return {"uri": uri, "range": span, "problems": [{"range": span, "message": message}]}

    def shown(self, uri: str) -> list[tuple[int, str]]:
        """Return line and first line of each diagnostic."""
        diagnostics = self.client.diagnostics.get(uri, [])
        return [(each.range.start.line, each.message.split("\n")[0]) for each in diagnostics]


def suggestion_params(
    uri: str, place: Place, *, invoked: bool = False
) -> types.InlineCompletionParams:
    """Return the parameters of a request for ghost text."""
    kinds = types.InlineCompletionTriggerKind
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
        text_document=types.TextDocumentIdentifier(uri),
        position=types.Position(*place),
    )


async def pause() -> None:
    """Let both sides hear what has been sent."""
    for _ in range(6):
        await asyncio.sleep(0)
