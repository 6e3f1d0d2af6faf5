"""The table of what every action is tried with: in one process and in real editors.

`actions.json` beside it is read by the tests of VS Code, too.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.messages_api.__main__ import add_script

if TYPE_CHECKING:
    from tests.messages_api.server import MessagesApi, ThreadedMessagesApi

TABLE = Path(__file__).with_name("actions.json")


@dataclass(frozen=True)
class Trial:
    """One action, what it is tried with, and what must come of it.

    Attributes:
        action: its name; `run` stands for those that users define.
        command: what runs it.
        when: what its request says.
        reply: what the model answers, as in a script of the Messages API.
        file, language, text: the document.
        at: the selection in it.
        problem: what another tool says of the selection.
        arguments: further arguments of the command.
        settings: of the server.
        binary: other files, in base64.
        staged: whether the file is staged in git, changed.
        asks: whether it asks before it sends.
        confirmed: whether the editor may ask before it applies.
        buffer: what the document holds afterwards.
        document: what another document that is opened holds.
        finding: what is reported.
    """

    action: str
    command: str
    when: str
    reply: dict[str, Any]
    file: str
    language: str
    text: str
    at: str = ""
    problem: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    binary: dict[str, str] = field(default_factory=dict)
    staged: bool = False
    asks: bool = False
    confirmed: bool = False
    buffer: str = ""
    document: str = ""
    finding: str = ""

    def prepare(self, root: Path, api: MessagesApi | ThreadedMessagesApi) -> None:
        """Write the files of the project and script the answer."""
        (root / self.file).write_bytes(self.text.encode())
        for name, content in self.binary.items():
            (root / name).write_bytes(base64.b64decode(content))
        if self.staged:
            for words in (["init", "-q"], ["add", self.file]):
                subprocess.run(["git", *words], cwd=root, check=True)
        add_script(api, [{**self.reply, "when": {"contains": self.when}}])

    def argument(self, uri: str) -> dict[str, Any]:
        """Return the argument of the command; the texts are such that all encodings agree."""
        argument = {"uri": uri, **self.arguments}
        if self.at:
            before = self.text[: self.text.index(self.at)]
            start, end = (_place(text) for text in (before, before + self.at))
            argument["range"] = {"start": start, "end": end}
        if self.problem:
            problem = {"range": argument["range"], "message": self.problem}
            argument["problems"] = [{**problem, "source": "linter", "code": "L1"}]
        return argument


def _place(before: str) -> dict[str, int]:
    return {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}


TRIALS = [Trial(**entry) for entry in json.loads(TABLE.read_text("utf-8"))]
