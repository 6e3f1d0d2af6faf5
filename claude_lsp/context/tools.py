"""Tools that let a model look into a project: read-only, and bounded in what they show.

The table says what there is. `use` carries a call out over an interface that the workspace
implements, which is where ignore rules, links and sizes are checked; redaction and the token bound
are here. Whatever is wrong with a call becomes a refusal that the model can read, never an error.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from claude_lsp.context import tokens
from claude_lsp.context.assemble import framed
from claude_lsp.context.excerpts import numbered_lines
from claude_lsp.context.sent import Sent
from claude_lsp.text.lines import LineIndex, without_ending
from claude_lsp.text.positions import Position
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.text.unseen import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from claude_lsp.context.redact import Redacted, Redactor
    from claude_lsp.context.tokens import Family
    from claude_lsp.workspace.files import Unreadable

_LONGEST_ARGUMENT = 1_000
_LONGEST_LINE = 400
"""Characters of a line that is shown among others."""
_MOST_DEFINITIONS = 12
_LINES_OF_DEFINITION = 8
_MOST_FILES = 40
_LINES_OF_FILE = 5
_MOST_ENTRIES = 300
_LEAST_TOKENS = 60
"""Below so many tokens nothing useful can be shown."""
_LAST_NAME = re.compile(r"[\w$]+(?=\W*\Z)")


@dataclass(frozen=True)
class Tool:
    """Something that the model may ask for.

    Attributes:
        name: as it asks for it.
        description: what it gives, for the model.
        schema: JSON schema of its arguments.
    """

    name: str
    description: str
    schema: Mapping[str, Any]


class Extent(NamedTuple):
    """A definition: its file, and its first and last line, 0-based."""

    path: str
    first: int
    last: int


class Project(Protocol):
    """What the tools ask of a workspace; every path is relative, with "/" between its parts."""

    def document(self, path: str) -> Snapshot | Unreadable:
        """Return a file as it is now, or why it must not or can't be read."""
        ...

    def entries(self, path: str) -> Sequence[str] | Unreadable:
        """Return the names in a folder, those of folders with "/" at their end."""
        ...

    def definitions(self, name: str) -> Sequence[tuple[str, int, int]]:
        """Return file, first and last line (0-based) of the definitions of a name."""
        ...

    def naming(self, name: str) -> Sequence[str]:
        """Return the files in which a name occurs."""
        ...


class Use(NamedTuple):
    """What a call came to.

    Attributes:
        text: what the model gets to read.
        tokens: upper bound for it.
        refused: why nothing was looked at, None if something was.
        shown: the pieces of files in it.
    """

    text: str
    tokens: int
    refused: str | None = None
    shown: tuple[Sent, ...] = ()


class Lens(NamedTuple):
    """What calls look through.

    Attributes:
        project: what they may look into.
        redactor: takes the secrets out.
        family: the model's tokenizer generation.
    """

    project: Project
    redactor: Redactor
    family: Family


class _Row(NamedTuple):
    """A line of an answer, and the line of a file (0-based) that it shows, if it shows one."""

    text: str
    path: str = ""
    line: int = -1


class _Answer(NamedTuple):
    """An answer before it is cut: its lines, and what stands around them."""

    rows: Sequence[_Row]
    frame: Callable[[str, Sequence[_Row]], str] = lambda body, _rows: body


class _RefusedError(Exception):
    """A call that is not carried out, and why."""


def _schema(required: str, **members: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": kind, "description": description}
            for name, (kind, description) in members.items()
        },
        "required": [required],
        "additionalProperties": False,
    }


_PATH = "Relative to the project, with / between its parts."
_NAME = "One identifier, exactly as it is written in the code."

_LIST = (
    Tool(
        "read_file",
        "Read a file of the project, or some of its lines. Every tenth line carries its number.",
        _schema(
            "path",
            path=("string", _PATH),
            first_line=("integer", "The first line to show, counted from 1; by default 1."),
            last_line=("integer", "The last line to show; by default the last that fits."),
        ),
    ),
    Tool(
        "find_symbol",
        "Find where a class, function, method or constant is defined, with its first lines.",
        _schema("name", name=("string", _NAME)),
    ),
    Tool(
        "references",
        "Find the lines of the project that use a name.",
        _schema("name", name=("string", _NAME)),
    ),
    Tool(
        "list_directory",
        "List the files and folders in a folder of the project.",
        _schema("path", path=("string", f"{_PATH} . is the project itself.")),
    ),
)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _LIST}
"""Every tool by its name."""


def use(lens: Lens, name: str, arguments: Mapping[str, Any], budget: int) -> Use:
    """Carry out one call. Reads files: call it in a worker.

    Args:
        lens: what it looks through.
        name: of the tool, as the model wrote it.
        arguments: as the model wrote them.
        budget: most tokens of the answer.
    """
    family = lens.family
    tool = TOOLS.get(name)
    if tool is None:
        return refusal(f"there is no such tool; there are {', '.join(TOOLS)}", family)
    problem = _problem_of(arguments, tool.schema)
    if problem is not None:
        return refusal(problem, family)
    if budget < _LEAST_TOKENS:
        return refusal("what tools may show is used up", family)
    look = _Look(lens)
    try:
        answer = _USES[name](look, arguments)
    except _RefusedError as error:
        return refusal(str(error), family)
    return _cut(answer, look, budget, family)


def refusal(reason: str, family: Family) -> Use:
    """Return the answer to a call that is not carried out."""
    text = f"Refused: {reason}."
    return Use(text, tokens.upper_bound(text, family), reason)


def spelled(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call on one short line, for logs and for what takes a result's place."""
    written = json.dumps(dict(arguments), ensure_ascii=False, default=str)
    return f"{name[:60]}{written if len(written) <= 200 else written[:199] + '…'}"


class _Look:
    """The files that one call looks at, each without its secrets."""

    def __init__(self, lens: Lens) -> None:
        self.project = lens.project
        self._redactor = lens.redactor
        self._files: dict[str, tuple[Snapshot, Redacted, LineIndex] | None] = {}

    def file(self, path: str) -> tuple[Snapshot, Redacted, LineIndex] | None:
        """Return a file, its text without secrets and the lines of that; None if it is refused."""
        if path not in self._files:
            found = self.project.document(path)
            if isinstance(found, Snapshot):
                redacted = self._redactor.redact(found.text)
                self._files[path] = found, redacted, LineIndex(redacted.text)
            else:
                self._files[path] = None
        return self._files[path]

    def rows(self, path: str, lines: Iterable[int]) -> list[_Row]:
        """Return lines of a file, each with its number."""
        file = self.file(path)
        if file is None:
            return []
        index = file[2]
        rows = []
        for line in lines:
            text = without_ending(index.line(line))
            shown = text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " ..."
            rows.append(_Row(f"{line + 1}| {shown}\n", path, line))
        return rows

    def redacted(self, text: str) -> str:
        return self._redactor.redact(text).text

    def sent(self, rows: Iterable[_Row]) -> Iterator[Sent]:
        """Yield what some rows show, lines that follow each other as one piece."""
        pieces: list[list[Any]] = []
        for row in rows:
            if not row.path:
                continue
            if pieces and pieces[-1][0] == row.path and pieces[-1][2] == row.line - 1:
                pieces[-1][2] = row.line
            else:
                pieces.append([row.path, row.line, row.line])
        for path, first, last in pieces:
            file = self.file(path)
            if file is not None:
                snapshot, redacted, index = file
                start, end = (index.offset_at(Position(line, 0)) for line in (first, last + 1))
                yield Sent(path, redacted, start, end, snapshot.index)


def _read_file(look: _Look, arguments: Mapping[str, Any]) -> _Answer:
    document = look.project.document(arguments["path"])
    if not isinstance(document, Snapshot):
        raise _RefusedError(document.reason)
    path = _normal(arguments["path"])
    file = look.file(path)
    if file is None:
        raise _RefusedError("it can't be read")
    index = file[2]
    count = len(index.lines)
    first = max(arguments.get("first_line", 1), 1)
    last = min(arguments.get("last_line", count), count)
    if first > last:
        raise _RefusedError(f"it has {count} lines; {first} to {last} are none of them")
    lines = [index.line(number) for number in range(first - 1, last)]
    marked = numbered_lines((f"{without_ending(line)}\n" for line in lines), first)
    rows = [_Row(text, path, number) for number, text in enumerate(marked, first - 1)]

    def frame(body: str, kept: Sequence[_Row]) -> str:
        shown = len(kept)
        whole = first == 1 and shown == count
        extent = "" if whole else f' lines="{first}-{first + max(shown, 1) - 1} of {count}"'
        return framed(path, document.language, body, extent)

    return _Answer(rows, frame)


def _find_symbol(look: _Look, arguments: Mapping[str, Any]) -> _Answer:
    name = _last_name(arguments["name"])
    found = [Extent(*one) for one in look.project.definitions(name)]
    allowed = [one for one in found[: 4 * _MOST_DEFINITIONS] if look.file(one.path)]
    rows = [_Row(f"{len(allowed)} definitions of {name}\n")]
    for one in allowed[:_MOST_DEFINITIONS]:
        last = min(one.last, one.first + _LINES_OF_DEFINITION - 1)
        rows.append(_Row(f"{visible(one.path)}\n"))
        rows += look.rows(one.path, range(one.first, last + 1))
    return _Answer(rows)


def _references(look: _Look, arguments: Mapping[str, Any]) -> _Answer:
    name = _last_name(arguments["name"])
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
    paths = [path for path in look.project.naming(name)[: 2 * _MOST_FILES] if look.file(path)]
    rows = []
    files = 0
    for path in paths:
        file = look.file(path)
        lines = [] if file is None else file[2].lines
        places = [number for number, line in enumerate(lines) if word.search(line)]
        if not places:
            continue
        files += 1
        if files > _MOST_FILES:
            continue
        more = len(places) - _LINES_OF_FILE
        rows.append(_Row(f"{visible(path)}{f' (and {more} more lines)' if more > 0 else ''}\n"))
        rows += look.rows(path, places[:_LINES_OF_FILE])
    return _Answer([_Row(f"{files} files use {name}\n"), *rows])


def _list_directory(look: _Look, arguments: Mapping[str, Any]) -> _Answer:
    names = look.project.entries(arguments["path"])
    if not isinstance(names, list | tuple):
        raise _RefusedError(getattr(names, "reason", "it can't be listed"))
    rows = [_Row(f"{visible(look.redacted(name))}\n") for name in names[:_MOST_ENTRIES]]
    if len(names) > _MOST_ENTRIES:
        rows.append(_Row(f"and {len(names) - _MOST_ENTRIES} more\n"))
    return _Answer(rows or [_Row("nothing that may be read\n")])


_USES: Mapping[str, Callable[[_Look, Mapping[str, Any]], _Answer]] = {
    "read_file": _read_file,
    "find_symbol": _find_symbol,
    "references": _references,
    "list_directory": _list_directory,
}


def _cut(answer: _Answer, look: _Look, budget: int, family: Family) -> Use:
    """Return an answer with as many of its lines as fit, from the first on."""
    rows = answer.rows
    body = "".join(row.text for row in rows)
    text = answer.frame(body, rows)
    count = tokens.upper_bound(text, family)
    room = budget
    while count > budget and room > 0:
        room = int(room * 0.9) - 10
        cut = tokens.cut(body, max(room, 0), "start", family)
        rows = list(_whole(answer.rows, len(cut)))
        text = f"{answer.frame(cut, rows).rstrip()}\n(the rest did not fit)\n"
        count = tokens.upper_bound(text, family)
    if count > budget:
        return refusal("what tools may show is used up", family)
    return Use(text, count, None, tuple(look.sent(rows)))


def _whole(rows: Sequence[_Row], size: int) -> Iterator[_Row]:
    """Yield the rows that lie wholly within the first `size` characters."""
    for row in rows:
        size -= len(row.text)
        if size < 0:
            return
        yield row


def _problem_of(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with some arguments, None if nothing is."""
    kinds = {"string": str, "integer": int}
    known = schema["properties"]
    for name in schema["required"]:
        if name not in arguments:
            return f"the argument {name} is missing"
    for name, value in arguments.items():
        if name not in known:
            return f"there is no argument {name[:60]!r}; there are {', '.join(known)}"
        kind = known[name]["type"]
        if not isinstance(value, kinds[kind]) or isinstance(value, bool):
            return f"the argument {name} must be of type {kind}"
        if isinstance(value, str) and not 0 < len(value.strip()) <= _LONGEST_ARGUMENT:
            return f"the argument {name} must have 1 to {_LONGEST_ARGUMENT} characters"
    return None


def _last_name(text: str) -> str:
    """Return the identifier that is meant: of `a.b.C()` it is C."""
    match = _LAST_NAME.search(text)
    if match is None:
        raise _RefusedError("that is no identifier")
    return match.group()


def _normal(path: str) -> str:
    """Return a path as it is shown, without what means nothing in it."""
    parts = [part for part in path.strip().replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts)
