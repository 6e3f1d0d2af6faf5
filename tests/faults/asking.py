"""The actions as an editor's user asks for them, and what they see of good answers and of parts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from claude_lsp.actions import ACTIONS
from claude_lsp.lsp.routes import COMMANDS
from claude_lsp.text.conversation import BROKE_OFF, CANCELLED
from claude_lsp.text.snapshots import path_from_uri, uri_from_path
from tests.faults.faults import Arrives, Good
from tests.lsp.editor import PYTHON, edit, finding, place_of, plain, span_of
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.lsp.editor import Editor

Shows = Literal["ghost", "insertion", "edits", "tests", "alt", "prose", "turn", "text", "findings"]
"""How an action shows what it comes to.

Of ghost text, an insertion, tests, an alternative text and a text for git there is only the whole;
edits, findings, prose and a turn of a conversation are there as far as they came.
"""
IN_PARTS = ("edits", "prose", "turn", "findings")
FORMED = ("edits", "tests", "findings")
"""Those whose answers have a form."""

CONTRIBUTED = {
    "shout": {"title": "Shout", "prompt": "Make {selection} loud", "output": "edit"},
    "judge": {"title": "Judge", "prompt": "What is wrong with {file}?", "output": "findings"},
    "tell": {"title": "Tell", "prompt": "Tell of {symbol}"},
}
"""Actions of the user's own, one for each kind of output."""

LIMIT, RESULT = "LIMIT = 10", "    result = 0"
_FIRST, _SECOND = edit(PYTHON, LIMIT, "LIMIT = 20"), edit(PYTHON, RESULT, "    result = 1")
_EDITS = Good(f'{{"edits":[{json.dumps(_FIRST)}', f",{json.dumps(_SECOND)}]}}")
_ONE = PYTHON.replace(LIMIT, "LIMIT = 20")
_BOTH = _ONE.replace(RESULT, "    result = 1")
_NEW = "from code import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
_MORE = "\ndef test_none():\n    assert total([]) == 0\n"
_IMAGE = "# Sales\n\n![old](chart.png)\n"
_TALK = "## You\n\nWhy?\n"
_PROSE = Good("It adds up what ", "it is given.")
_PACKAGE = {
    "package/__init__.py": "",
    "package/one.py": "from package import two\n\n\ndef first():\n    return two.second()\n",
    "package/two.py": "from package import one\n\n\ndef second():\n    return one.first()\n",
}


@dataclass(frozen=True)
class Asking:
    """One action as it is asked for.

    Attributes:
        name: the column of the matrix.
        action: its name in the ledger.
        shows: how what comes of it is shown.
        good: the answer it would get, about a document of a given name.
        begin: asks for it; returns what ghost text there is, else nothing.
        text: of the document.
        file: the document's name, with a place for a number.
        language: of the document.
        prepare: makes what it needs in the folder, once.
    """

    name: str
    action: str
    shows: Shows
    good: Callable[[str], Good]
    begin: Callable[[Editor, str], Awaitable[Any]]
    text: str = PYTHON
    file: str = "code{}.py"
    language: str = "python"
    prepare: Callable[[Editor], object] = lambda _editor: None

    @property
    def patient(self) -> bool:
        """Whether nobody sits and waits for it, so that it is tried more often."""
        known = ACTIONS.get(self.action)
        return known is not None and known.kind.startswith("source.")

    @property
    def automatic(self) -> bool:
        """Whether nobody has asked for it."""
        return self.name == "ghost text"


# ----- how they are asked


def _command(name: str, needle: str = RESULT, **others: Any) -> Callable[[Editor, str], Any]:
    async def begin(editor: Editor, uri: str) -> None:
        span = plain(span_of(editor.client.texts[uri], needle))
        await editor.command(name, {"uri": uri, "range": span, **others})

    return begin


def _problems(name: str) -> Callable[[Editor, str], Any]:
    async def begin(editor: Editor, uri: str) -> None:
        problems = [
            {"range": plain(span_of(PYTHON, each)), "message": "is odd", "source": "x", "code": "1"}
            for each in (LIMIT, RESULT)
        ]
        await editor.command(
            name, {"uri": uri, "range": problems[0]["range"], "problems": problems}
        )

    return begin


def _ghost(*, invoked: bool) -> Callable[[Editor, str], Any]:
    async def begin(editor: Editor, uri: str) -> Any:
        return await editor.suggest(uri, place_of(PYTHON, "return ", end=True), invoked=invoked)

    return begin


async def _insert(editor: Editor, uri: str) -> None:
    place = place_of(PYTHON, "return ", end=True)
    await editor.command("claude.complete", {"uri": uri, "range": plain((place, place))})


async def _describe(editor: Editor, uri: str) -> None:
    place = place_of(_IMAGE, "chart.png")
    await editor.command("claude.describeImage", {"uri": uri, "range": plain((place, place))})


async def _continue(editor: Editor, uri: str) -> None:
    await editor.command("claude.continue", {"uri": uri})


async def _of_folder(editor: Editor, name: str) -> None:
    await editor.command(name)


def _draw(editor: Editor) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, "PNG")
    (editor.root / "chart.png").write_bytes(buffer.getvalue())


def _stage(editor: Editor) -> None:
    if not (editor.root / ".git").exists():
        repository = Repository(editor.root)
        repository.commit("begin", staged_py="x = 1\n")
        repository.write("staged.py", "x = 2\n")
        repository.git("add", "staged.py")


def _package(editor: Editor) -> None:
    for name, text in _PACKAGE.items():
        editor.file(name, text)


# ----- what they are answered


def _same(good: Good) -> Callable[[str], Good]:
    return lambda _name: good


def _findings(name: str) -> Good:
    first, second = finding(PYTHON, LIMIT, path=name), finding(PYTHON, RESULT, path=name)
    return Good(f'{{"findings":[{json.dumps(first)}', f",{json.dumps(second)}]}}")


def _judgements(_name: str) -> Good:
    first, second = (
        finding(_PACKAGE[path], quote, path=path, rule="arch.seam")
        for path, quote in (("package/one.py", "def first():"), ("package/two.py", "def second():"))
    )
    return Good(f'{{"findings":[{json.dumps(first)}', f",{json.dumps(second)}]}}")


def _tests(_name: str) -> Good:
    first, second = (
        json.dumps({"line": 1, "quote": "", "replacement": text}) for text in (_NEW, _MORE)
    )
    return Good(f'{{"edits":[{first}', f",{second}]}}")


def _edits(name: str, begin: Callable[[Editor, str], Any]) -> Asking:
    return Asking(name, name, "edits", _same(_EDITS), begin)


_FILL = Good("<fill>resu", "lt + 1</fill>")
_ABOUT_FOLDER: dict[str, Any] = {"text": "", "file": "none{}.txt", "language": "plaintext"}

_WRITTEN_OUT: tuple[Asking, ...] = (
    Asking("ghost text", "complete", "ghost", _same(_FILL), _ghost(invoked=False),
           PYTHON.replace("return result", "return ")),
    Asking("ghost text, asked for", "complete", "ghost", _same(_FILL), _ghost(invoked=True),
           PYTHON.replace("return result", "return ")),
    Asking("complete", "complete", "insertion", _same(_FILL), _insert,
           PYTHON.replace("return result", "return ")),
    _edits("fix", _problems("claude.fix")),
    _edits("fixAll", _problems("claude.fixAll")),
    _edits("rewrite", _command("claude.rewrite", instruction="use sum")),
    Asking("test", "test", "tests", _tests, _command("claude.test", "def total(values):")),
    Asking("describeImage", "describeImage", "alt", _same(Good("Sales ", "rise")), _describe,
           _IMAGE, "a{}.md", "markdown", _draw),
    Asking("explain", "explain", "prose", _same(_PROSE), _command("claude.explain")),
    Asking("ask", "ask", "turn", _same(_PROSE), _continue, _TALK, "talk{}.claude.md", "markdown"),
    Asking("commitMessage", "commitMessage", "text", _same(Good("Add a ", "limit")),
           lambda editor, _uri: _of_folder(editor, "claude.commitMessage"), **_ABOUT_FOLDER,
           prepare=_stage),
    Asking("changeSummary", "changeSummary", "text", _same(Good("A limit ", "is added")),
           lambda editor, _uri: _of_folder(editor, "claude.summarizeChanges"), **_ABOUT_FOLDER,
           prepare=_stage),
    Asking("review", "review", "findings", _findings, _command("claude.review")),
    Asking("architecture", "architecture", "findings", _judgements,
           lambda editor, _uri: _of_folder(editor, "claude.reviewArchitecture"), **_ABOUT_FOLDER,
           prepare=_package),
    Asking("own: edit", "shout", "edits", _same(_EDITS), _command("claude.run", action="shout")),
    Asking("own: findings", "judge", "findings", _findings,
           _command("claude.run", action="judge")),
    Asking("own: document", "tell", "prose", _same(_PROSE), _command("claude.run", action="tell")),
)  # fmt: skip


def askings() -> tuple[Asking, ...]:
    """Return every action; those that edit as most do come in by themselves.

    Raises:
        LookupError: an action of the table is asked for in a way that is not known here.
    """
    known = {asking.action for asking in _WRITTEN_OUT}
    commands = {name for name, _ in COMMANDS}
    others = []
    for name, action in ACTIONS.items():
        if name in known:
            continue
        plain_edit = action.edits and action.kind == f"refactor.rewrite.claude.{name}"
        if not plain_edit or action.command not in commands:
            raise LookupError(f"the campaign does not know how to ask for {name}: see asking.py")
        others.append(_edits(name, _command(action.command)))
    at = 1 + max(index for index, each in enumerate(_WRITTEN_OUT) if each.shows == "edits"
                 and each.action in ACTIONS)  # fmt: skip
    return (*_WRITTEN_OUT[:at], *others, *_WRITTEN_OUT[at:])


# ----- what the user sees


def seen(asking: Asking, editor: Editor, uri: str, items: Any, shown: int) -> Arrives | str:
    """Return how much of the good answer the user sees; else what is wrong with what they see.

    Args:
        asking: what was asked.
        editor: where.
        uri: the document.
        items: of ghost text.
        shown: how many documents had been opened before.
    """
    buffer, before = editor.text(uri), asking.text
    if asking.shows == "edits":
        return _which(buffer, before, _ONE, _BOTH)
    if asking.shows == "insertion":
        return _which(buffer, before, None, before.replace("return ", "return result + 1"))
    if asking.shows == "alt":
        return _which(buffer, before, None, before.replace("old", "Sales rise"))
    if asking.shows == "turn":
        head = f"{before}\n## Claude\n\n{_PROSE.head}\n\n"
        broken = [f"{head}{mark}\n\n## You\n\n" for mark in (BROKE_OFF, CANCELLED)]
        whole = f"{before}\n## Claude\n\n{_PROSE.whole}\n\n## You\n\n"
        return _which(buffer, before, broken[0] if buffer == broken[0] else broken[1], whole)
    if buffer != before:
        return f"the buffer has changed: {buffer!r}"
    if asking.shows == "ghost":
        texts = [item.insert_text for item in items or ()]
        return "whole" if texts and texts[0] == "result + 1" else _none(texts)
    if asking.shows == "tests":
        name = uri.rpartition("/")[2]
        text = editor.client.texts.get(uri.replace(name, f"tests/test_{name}"), "")
        return _which(text, "", None, _NEW.rstrip("\n") + "\n" + _MORE.rstrip("\n") + "\n")
    if asking.shows == "findings":
        return _of_findings(asking, editor, uri)
    texts = [
        path.read_text("utf-8")
        for each in editor.client.shown[shown:]
        if (path := path_from_uri(each.uri)) is not None
    ]
    good = asking.good("")
    if len(texts) > 1:
        return f"{len(texts)} documents were opened"
    text = "".join(texts)
    if good.whole in text:
        return "whole"
    return "head" if good.head.strip() in text else _none(texts)


def _of_findings(asking: Asking, editor: Editor, uri: str) -> str:
    wanted = [(uri, LIMIT), (uri, RESULT.strip())]
    if asking.action == "architecture":
        wanted = [
            (uri_from_path(editor.root / "package/one.py"), "def first():"),
            (uri_from_path(editor.root / "package/two.py"), "def second():"),
        ]
    there = [
        any(f"About {quote}" in one.message for one in editor.client.diagnostics.get(where, ()))
        for where, quote in wanted
    ]
    return {(False, False): "nothing", (True, False): "head", (True, True): "whole"}.get(
        (there[0], there[1]), "only the second finding"
    )


def _which(text: str, before: str, head: str | None, whole: str) -> str:
    known = {before: "nothing", head: "head", whole: "whole"}
    return known.get(text, f"something else: {text!r}")


def _none(texts: list[Any]) -> str:
    return "nothing" if not texts else f"something else: {texts}"
