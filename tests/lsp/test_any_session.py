"""Whatever a client does in whatever order, the session stays what the protocol says.

`CLAUDE_LSP_SESSIONS=500` plays that many sessions instead of a few.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lsprotocol import types

from claude_lsp.lsp import apply
from claude_lsp.lsp.routes import COMMANDS
from claude_lsp.text.snapshots import uri_from_path
from tests.lsp.editor import ENCODINGS, know_commands
from tests.lsp.pair import offset_of, shared_converter
from tests.lsp.session_model import Session, started

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

SESSIONS = int(os.environ.get("CLAUDE_LSP_SESSIONS", "8"))
STEPS = 30 if SESSIONS < 50 else 60

NAMES = ("a.py", "b.py", "new.py")
NOT_FILES = ("untitled:one", "odd:%20x", "file:///elsewhere/c.py")
WORDS = ("x = 1\n", "def f(a):\n    return a\n", "é😀 = 'x'\r\n", "\r", "\n", "\f\u2028", "", "y")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=5).map("".join)
PLACES = st.tuples(st.integers(0, 6), st.integers(0, 14)) | st.just((2**31 - 1, 2**31 - 1))
SPANS = st.tuples(PLACES, PLACES)
CHANGES = st.lists(st.tuples(st.none() | SPANS, TEXTS), min_size=1, max_size=3)
WHICH = st.integers(0, 99)
ODDITIES: list[Any] = [None, 5, -1, "", "x", [], {}, [[]], {"uri": 7}, 1e300, True, {"start": 0}]
ODD = st.sampled_from(ODDITIES)
SETTINGS: list[Any] = [
    {},
    None,
    [],
    {"completion": {"debounce_ms": "soon"}},
    {"review": {"on_save": True}},
    {"review": {"max_findings": 1, "min_severity": "info"}},
    {"context": {"index": False}},
    {"edits": {"live": "line"}},
    {"spend": {"day_usd": 0}},
    {"completion": {"speculative": True, "suggestions": 3, "popup": True}},
    {"actions": {"tidy": {"title": "Tidy", "prompt": "tidy {selection}", "output": "edit"}}},
]
ASKING = ("window/showMessageRequest", "claude/input", "workspace/configuration")


class AnySession(RuleBasedStateMachine):
    """One session; each rule is a thing that a client, a user or the model does."""

    root: Path
    setenv: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.session: Session | None = None

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let the loop run until something is done; it stands still between two steps."""
        return self.runner.run(work)

    @property
    def live(self) -> Session:
        assert self.session is not None
        return self.session

    @initialize(encoding=st.sampled_from(ENCODINGS), options=st.sampled_from(SETTINGS), text=TEXTS)
    def start(self, encoding: str, options: Any, text: str) -> None:
        for number, name in enumerate(NAMES[:2]):
            (self.root / name).write_text(f"{text}z = {number}\n", "utf-8", newline="")
        given = options if isinstance(options, dict) else {}
        self.session = self.do(started(self.root, encoding, given, self.setenv))
        self.open(0, f"{text}z = 0\n")

    def teardown(self) -> None:
        try:
            if self.session is not None:
                self.do(self.session.finish())
        finally:
            self.runner.close()

    @invariant()
    def is_as_the_protocol_says(self) -> None:
        if self.session is not None:
            self.do(self.session.check())

    # ----- documents

    @property
    def addresses(self) -> list[str]:
        return [*(uri_from_path(self.root / name) for name in NAMES), *NOT_FILES]

    def some(self, which: int) -> str:
        """Return an address, mostly of an open document."""
        known = [*self.live.client.versions] * 3 + self.addresses
        return known[which % len(known)]

    def running(self) -> bool:
        return self.session is not None and self.session.ended is None

    @precondition(running)
    @rule(which=WHICH, text=TEXTS)
    def open(self, which: int, text: str) -> None:
        self.live.open_document(self.addresses[which % len(self.addresses)], text)

    @precondition(running)
    @rule(which=WHICH, changes=CHANGES)
    def change(self, which: int, changes: list[tuple[Any, str]]) -> None:
        session, uri = self.live, self.some(which)
        if uri not in session.client.versions:
            change = types.TextDocumentContentChangeWholeDocument("never")
            identifier = types.VersionedTextDocumentIdentifier(7, uri)
            params = types.DidChangeTextDocumentParams(identifier, [change])
            session.client.text_document_did_change(params)
            return
        for span, text in changes:
            # A client's places are in order, though not always within the text.
            old, encoding = session.client.texts[uri], session.client.encoding
            ordered = span and tuple(sorted(span, key=lambda at: offset_of(old, at, encoding)))
            session.client.change_many(uri, [(ordered, text)])

    @precondition(running)
    @rule(which=WHICH, spans=st.lists(SPANS, min_size=2, max_size=4), text=TEXTS)
    def change_at_once(self, which: int, spans: list[Any], text: str) -> None:
        """Several changes in one message, each of the text that the one before has left."""
        session, uri = self.live, self.some(which)
        if uri in session.client.versions:
            empty = [(start, start) for start, _ in spans]
            session.client.change_many(uri, [(span, text) for span in empty])

    @precondition(running)
    @rule(which=WHICH)
    def save(self, which: int) -> None:
        uri = self.some(which)
        if uri in self.live.client.texts:
            self.live.client.save(uri)

    @precondition(running)
    @rule(which=WHICH)
    def close(self, which: int) -> None:
        session, uri = self.live, self.some(which)
        if uri in session.client.versions:
            session.client.close(uri)
        else:
            session.notification("textDocument/didClose", {"textDocument": {"uri": uri}})

    # ----- requests; after the end they are refused

    def place(self, which: int, at: tuple[int, int]) -> dict[str, Any]:
        position = {"line": at[0], "character": at[1]}
        return {"textDocument": {"uri": self.some(which)}, "position": position}

    @rule(which=WHICH, at=PLACES, kind=st.integers(1, 2))
    def complete(self, which: int, at: tuple[int, int], kind: int) -> None:
        params = {**self.place(which, at), "context": {"triggerKind": kind}}
        self.live.request("textDocument/inlineCompletion", params)

    @rule(which=WHICH, at=PLACES)
    def complete_in_menu(self, which: int, at: tuple[int, int]) -> None:
        self.live.request("textDocument/completion", self.place(which, at))

    @rule(which=WHICH, span=SPANS, own=st.booleans())
    def list_actions(self, which: int, span: Any, own: bool) -> None:
        uri = self.some(which)
        shown = self.live.client.diagnostics.get(uri, []) if own else []
        other = types.Diagnostic(types.Range(types.Position(0, 0), types.Position(0, 1)), "odd")
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            types.Range(*(types.Position(*place) for place in span)),
            types.CodeActionContext([*shown, other]),
        )
        plain = shared_converter().unstructure(params, types.CodeActionParams)
        self.live.request("textDocument/codeAction", plain)

    @rule(
        name=st.sampled_from([name for name, _ in COMMANDS] + ["claude.obey"]),
        which=WHICH,
        span=st.none() | SPANS,
        odd=st.none() | ODD,
        more=st.sampled_from(["", "instruction", "tier", "confirm", "fingerprint", "path", "id"]),
    )
    def run(self, name: str, which: int, span: Any, odd: Any, more: str) -> None:
        uri = self.some(which)
        argument: dict[str, Any] = {"uri": uri}
        if span is not None:
            places = [{"line": line, "character": character} for line, character in span]
            argument["range"] = dict(zip(("start", "end"), places, strict=True))
            argument["problems"] = [{"range": argument["range"], "message": "is wrong"}]
        if more:
            argument[more] = "opus" if more == "tier" else odd
        arguments = [odd] if odd is not None and not more else [argument]
        self.live.request("workspace/executeCommand", {"command": name, "arguments": arguments})

    @rule(which=WHICH)
    def run_what_is_offered(self, which: int) -> None:
        """Run the command of a code action or of a suggestion that the server has given."""
        session = self.live
        offered = [
            each["command"]
            for msg_id in session.pending
            for answer in session.pair.raw.answers(msg_id)
            for each in _items(answer.get("result"))
            if isinstance(each.get("command"), dict)
        ]
        if offered:
            command = offered[which % len(offered)]
            params = {"command": command["command"], "arguments": command.get("arguments", [])}
            session.request("workspace/executeCommand", params)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        known = [*self.live.pending, "never sent"]
        self.live.notification("$/cancelRequest", {"id": known[-1 - which % min(5, len(known))]})

    # ----- everything around

    @precondition(running)
    @rule(value=st.sampled_from(SETTINGS), pushed=st.booleans())
    def configure(self, value: Any, pushed: bool) -> None:
        self.live.client.settings["claude"] = value
        params = {"settings": {"claude": value} if pushed else None}
        self.live.notification("workspace/didChangeConfiguration", params)

    @precondition(running)
    @rule(which=WHICH, text=st.none() | TEXTS, kind=st.integers(1, 3))
    def change_file(self, which: int, text: str | None, kind: int) -> None:
        name = [*NAMES, ".gitignore", "claude-lsp.toml"][which % 5]
        path = self.root / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text, "utf-8", newline="")
        change = {"uri": uri_from_path(path), "type": kind}
        self.live.notification("workspace/didChangeWatchedFiles", {"changes": [change]})

    @precondition(running)
    @rule(added=st.booleans(), removed=st.booleans())
    def change_folders(self, added: bool, removed: bool) -> None:
        other = self.root.parent / f"{self.root.name}-other"
        other.mkdir(exist_ok=True)
        folders = [{"uri": uri_from_path(each), "name": each.name} for each in (other, self.root)]
        event = {"added": folders[: 1 + added], "removed": folders[1:] if removed else []}
        self.live.notification("workspace/didChangeWorkspaceFolders", {"event": event})

    @rule(which=WHICH, many=st.integers(1, 4))
    def let_the_model_write(self, which: int, many: int) -> None:
        gates = self.live.gates
        for _ in range(min(many, len(gates))):
            gates.pop(which % len(gates)).open()
        self.do(asyncio.sleep(0.005))

    @precondition(running)
    @rule(which=WHICH, name=st.sampled_from(["review", "fix", "explain", "rewrite"]))
    def ask_well(self, which: int, name: str) -> None:
        """Run a command on an open document as an editor does, and let it get to the model."""
        session, known = self.live, [*self.live.client.versions]
        if not known:
            return
        uri = known[which % len(known)]
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
        argument = {"uri": uri, "range": whole, "problems": [{"range": whole, "message": "odd"}]}
        if name == "review":
            argument.pop("range")
        before = len(session.gates)
        params = {"command": f"claude.{name}", "arguments": [argument]}
        session.request("workspace/executeCommand", params)
        self.do(session.until(lambda: len(session.gates) > before))

    @precondition(running)
    @rule()
    def let_everything_settle(self) -> None:
        self.do(self.live.settle())

    @rule(which=WHICH, typed=st.none() | st.sampled_from(["", "make it so"]))
    def answer_questions(self, which: int, typed: str | None) -> None:
        """From now on choose another button, and say something else."""

        def choose(asked: types.ShowMessageRequestParams) -> Any:
            buttons = [*(asked.actions or ()), None]
            return buttons[which % len(buttons)]

        self.live.client.choose = choose
        self.live.client.type_line = lambda _: typed

    @precondition(running)
    @rule(method=st.sampled_from(ASKING), heard=st.booleans())
    def stop_listening(self, method: str, heard: bool) -> None:
        unheard = self.live.pair.unheard
        (unheard.discard if heard else unheard.add)(method)

    @rule(milliseconds=st.sampled_from([0, 1, 10, 60]))
    def wait(self, milliseconds: int) -> None:
        self.do(asyncio.sleep(milliseconds / 1000))

    @rule(
        body=st.sampled_from([b"{", b"[]", b"5", b'{"jsonrpc":"2.0"}', b'{"id":[],"method":"x"}'])
    )
    def say_nonsense(self, body: bytes) -> None:
        self.live.pair.raw.send(body)

    @rule(method=st.sampled_from(["initialize", "textDocument/hover", "claude/nothing"]))
    def ask_what_is_not_there(self, method: str) -> None:
        params = {"processId": None, "rootUri": None, "capabilities": {}, **self.place(0, (0, 0))}
        self.do(self.refused(method, params))

    async def refused(self, method: str, params: Any) -> None:
        session = self.live
        session.pair.raw.send({"jsonrpc": "2.0", "id": method, "method": method, "params": params})
        answer = await session.pair.raw.answer(method, 20)
        assert answer["error"]["code"] in (-32600, -32601)
        session.pair.raw.received.remove(answer)
        if session.ended is not None:
            session.ended = min(session.ended, len(session.pair.raw.received))

    # Rarely, so that most sessions are about what comes before.
    @precondition(running)
    @rule(now=st.integers(0, 9).map(lambda number: number == 9))
    def shut_down(self, now: bool) -> None:
        if now:
            self.do(self.live.shut_down())


def _items(result: Any) -> list[dict[str, Any]]:
    items = result.get("items", []) if isinstance(result, dict) else result
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


@pytest.mark.timeout(120 + 10 * SESSIONS)
def test_any_session(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "_RETRY_S", 0.02)
    monkeypatch.setattr(apply, "_ECHO_S", 0.3)
    know_commands(shared_converter())

    def machine() -> AnySession:
        made = AnySession()
        made.root, made.setenv = tmp_path_factory.mktemp("session"), monkeypatch.setenv
        return made

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # it takes whatever makes one
        settings=settings(
            max_examples=SESSIONS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
