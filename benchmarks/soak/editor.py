"""The editor of a working day: buffers that are edited by both sides, and everything that is asked.

It holds what the protocol promises against the server: each request is answered once, and an edit
of the server's is of the buffer as it stands.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.server_process import Answer, ServerProcess
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from benchmarks.server_process import Message, Sent

OPEN_AT_ONCE = 6
_LOOK_S = 0.5
_WORDS = ("value", "result", " = ", "(", ")", "\n    ", "self.", "x", "# note", "total", "é")
_CAPABILITIES: Message = {
    "workspace": {
        "configuration": True,
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "didChangeConfiguration": {"dynamicRegistration": True},
    },
    "textDocument": {
        "inlineCompletion": {},
        "publishDiagnostics": {"versionSupport": True, "dataSupport": True},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "general": {"positionEncodings": ["utf-16"]},
}


@dataclass
class Buffer:
    """A document as the editor has it. Columns are code points: the texts are of the BMP."""

    path: Path
    index: LineIndex
    version: int = 1

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def replace(self, span: Range, text: str) -> Message:
        """Edit it; return what the server is told."""
        index = self.index
        start, end = index.offset_at(span.start), index.offset_at(span.end)
        self.index = LineIndex(index.text[:start] + text + index.text[end:])
        self.version += 1
        return {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": [{"range": _plain(span), "text": text}],
        }


class Editor(ServerProcess):
    """A client that does what an event's kind names.

    Attributes:
        buffers: those that are open, the one in use last.
        findings: the fingerprints that are shown, by document.
        lost: requests that were answered twice, or never asked.
        applied: how many of the server's edits reached a buffer.
        refused: how many did not, since they were of another version.
    """

    chance: random.Random
    files: list[Path]

    def begin(self, files: list[Path], chance: random.Random, settings: Message) -> None:
        """Say which files there are and which settings hold."""
        self.files, self.chance, self.settings = files, chance, settings
        self.buffers: list[Buffer] = []
        self.findings: dict[str, list[str]] = {}
        self.under_way: list[Sent] = []
        self.errors: dict[str, int] = {}
        self.lost = self.applied = self.refused = 0

    async def start(self, folder: Path) -> None:
        """Begin the session."""
        params = {
            "processId": None,
            "clientInfo": {"name": "working day"},
            "rootUri": folder.as_uri(),
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
            "capabilities": _CAPABILITIES,
        }
        await self.request("initialize", params)
        self.notify("initialized", {})
        for _ in range(OPEN_AT_ONCE):
            self._open_another()

    @property
    def buffer(self) -> Buffer:
        return self.buffers[-1]

    def type_something(self) -> None:
        """Edit the buffer in use, so that it stays about as long as it is."""
        buffer, chance = self.buffer, self.chance
        index = buffer.index
        line = chance.randrange(index.line_count)
        width = len(index.line(line))
        column = chance.randint(0, width)
        if len(index.text) > 6_000 or chance.random() < 0.5:
            end = Position(line, min(width, column + chance.randint(1, 6)))
            if end.column == column and line + 1 < index.line_count:
                end = Position(line + 1, 0)
            change = buffer.replace(Range(Position(line, column), end), "")
        else:
            place = Position(line, column)
            change = buffer.replace(Range(place, place), chance.choice(_WORDS))
        self.notify("textDocument/didChange", change)

    # ----- what an event is

    async def complete(self) -> None:
        """Ask for ghost text, and wait for it as long as one does before typing on."""
        sent = self.send("textDocument/inlineCompletion", self._place(trigger=2))
        self._keep(sent)
        await asyncio.wait({sent.answer}, timeout=_LOOK_S)

    async def cancel(self) -> None:
        """Ask for ghost text, and take that back."""
        sent = self.send("textDocument/inlineCompletion", self._place(trigger=2))
        self._keep(sent)
        await asyncio.sleep(self.chance.random() * 0.02)
        self.notify("$/cancelRequest", {"id": sent.id})

    async def review(self) -> None:
        scope = self.chance.choice(("file", "file", "changes"))
        self._command("claude.review", {"uri": self.buffer.uri, "scope": scope})

    async def fix(self) -> None:
        line = self.chance.randrange(self.buffer.index.line_count)
        span = Range(Position(line, 0), Position(line, len(self.buffer.index.line(line))))
        place = {"uri": self.buffer.uri, "range": _plain(span)}
        self._command("claude.fix", place | {"problems": [{"message": "is wrong"} | place]})

    async def explain(self) -> None:
        self._command("claude.explain", {"uri": self.buffer.uri})

    async def dismiss(self) -> None:
        for uri, fingerprints in self.findings.items():
            if fingerprints:
                self._command("claude.dismiss", {"uri": uri, "fingerprint": fingerprints[0]})
                return

    async def list_actions(self) -> None:
        """Ask what can be done at a place, as an editor does when the cursor rests."""
        place = self._place()["position"]
        params = {
            "textDocument": {"uri": self.buffer.uri},
            "range": {"start": place, "end": place},
            "context": {"diagnostics": []},
        }
        sent = self.send("textDocument/codeAction", params)
        self._keep(sent)
        await asyncio.wait({sent.answer}, timeout=_LOOK_S)

    async def configure(self) -> None:
        self.settings["completion"]["context_tokens"] = self.chance.choice((2_000, 3_000, 4_000))
        self.settings["review"] = {"min_severity": self.chance.choice(("info", "minor"))}
        self.notify("workspace/didChangeConfiguration", {"settings": {"claude": self.settings}})

    async def change_file(self) -> None:
        """Close one file and open another."""
        buffer = self.buffers.pop(0)
        self.notify("textDocument/didClose", {"textDocument": {"uri": buffer.uri}})
        self._open_another()

    async def save(self) -> None:
        self.buffer.path.write_text(self.buffer.index.text, "utf-8", newline="")
        self.notify("textDocument/didSave", {"textDocument": {"uri": self.buffer.uri}})
        self._tell_changed(self.buffer.path, 2)

    async def touch(self) -> None:
        """Change a file behind the editor's back, or make or remove one."""
        path = self.chance.choice(self.files)
        if any(buffer.path == path for buffer in self.buffers):
            return
        made = path.with_name(f"{path.stem}_made.py")
        if made.exists():
            made.unlink()
            self._tell_changed(made, 3)
        elif self.chance.random() < 0.5:
            made.write_text("def made(value):\n    return value\n", "utf-8")
            self._tell_changed(made, 1)
        else:
            path.write_text(path.read_text("utf-8") + "\n# touched\n", "utf-8")
            self._tell_changed(path, 2)

    async def answers(self) -> None:
        """Wait for all that was asked.

        Raises:
            TimeoutError: an answer did not come.
        """
        under_way, self.under_way = self.under_way, []
        for sent in under_way:
            answer = await self.wait(sent)
            if "error" in answer.message:
                said = str(answer.message["error"].get("message"))[:60]
                self.errors[said] = self.errors.get(said, 0) + 1

    # ----- the server's side

    def _take(self, message: Message, at: float) -> None:
        if "method" not in message:
            future = self._waiting.pop(message["id"], None)
            if future is None:
                self.lost += 1
            else:
                future.set_result(Answer(message, at))
        elif "id" in message:
            result = self._carry_out(message["method"], message.get("params"))
            self._write({"id": message["id"], "result": result})
        elif message["method"] == "textDocument/publishDiagnostics":
            params = message["params"]
            self.findings[params["uri"]] = [
                each["data"]["fingerprint"]
                for each in params["diagnostics"]
                if "fingerprint" in (each.get("data") or {})
            ]

    def _carry_out(self, method: str, params: Any) -> Any:
        if method == "workspace/configuration":
            return [self.settings for _ in params["items"]]
        if method == "workspace/applyEdit":
            return {"applied": self._apply(params["edit"])}
        return {"success": True} if method == "window/showDocument" else None

    def _apply(self, edit: Message) -> bool:
        """Apply an edit as an editor does: all of it, and only to the version it names."""
        found = []
        for change in edit["documentChanges"]:
            named = change["textDocument"]
            buffer = next((each for each in self.buffers if each.uri == named["uri"]), None)
            if buffer is None or named["version"] not in (None, buffer.version):
                self.refused += 1
                return False
            found.append((buffer, change["edits"]))
        for buffer, edits in found:
            for each in sorted(edits, key=_start, reverse=True):
                start, end = each["range"]["start"], each["range"]["end"]
                span = Range(
                    Position(start["line"], start["character"]),
                    Position(end["line"], end["character"]),
                )
                self.notify("textDocument/didChange", buffer.replace(span, each["newText"]))
        self.applied += 1
        return True

    # ----- helpers

    def _open_another(self) -> None:
        open_now = {buffer.path for buffer in self.buffers}
        path = self.chance.choice([each for each in self.files if each not in open_now])
        text = path.read_text("utf-8")
        self.buffers.append(Buffer(path, LineIndex(text)))
        self.open(path, text)

    def _tell_changed(self, path: Path, kind: int) -> None:
        changes = [{"uri": path.as_uri(), "type": kind}]
        self.notify("workspace/didChangeWatchedFiles", {"changes": changes})

    def _place(self, trigger: int = 0) -> Message:
        index = self.buffer.index
        line = self.chance.randrange(index.line_count)
        return {
            "textDocument": {"uri": self.buffer.uri},
            "position": {"line": line, "character": len(index.line(line))},
            "context": {"triggerKind": trigger},
        }

    def _command(self, name: str, argument: Message) -> None:
        self._keep(
            self.send("workspace/executeCommand", {"command": name, "arguments": [argument]})
        )

    def _keep(self, sent: Sent) -> None:
        self.under_way.append(sent)


def _start(edit: Message) -> tuple[int, int]:
    start = edit["range"]["start"]
    return start["line"], start["character"]


def _plain(span: Range) -> Message:
    return {
        "start": {"line": span.start.line, "character": span.start.column},
        "end": {"line": span.end.line, "character": span.end.column},
    }
