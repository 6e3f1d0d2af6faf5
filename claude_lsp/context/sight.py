"""What the cursor sees: identifiers by distance, the receiver before it, types of variables.

Each line is read once while somebody types: what a line says is kept by its text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from claude_lsp.text.positions import Range

WORD = re.compile(r"(?:[^\W\d]|\$)[\w$]*")
_ATTRIBUTE = re.compile(r"(?<=[.>:])(?:[^\W\d]|\$)[\w$]*")

_REACH = 1500
"""Lines above and below the cursor that are read."""

# Words of many languages that name nothing of a project. Nothing depends on the list being whole.
KEYWORDS = frozenset(
    [
        "abstract",
        "and",
        "any",
        "as",
        "assert",
        "async",
        "await",
        "bool",
        "boolean",
        "break",
        "case",
        "catch",
        "class",
        "cls",
        "const",
        "continue",
        "def",
        "default",
        "del",
        "delete",
        "dict",
        "do",
        "double",
        "elif",
        "else",
        "enum",
        "except",
        "export",
        "extends",
        "extern",
        "false",
        "False",
        "final",
        "finally",
        "float",
        "fn",
        "for",
        "from",
        "func",
        "function",
        "global",
        "go",
        "goto",
        "if",
        "impl",
        "implements",
        "import",
        "in",
        "include",
        "instanceof",
        "int",
        "interface",
        "is",
        "lambda",
        "let",
        "list",
        "long",
        "match",
        "mut",
        "namespace",
        "new",
        "nil",
        "not",
        "nonlocal",
        "None",
        "null",
        "number",
        "of",
        "or",
        "override",
        "package",
        "pass",
        "private",
        "protected",
        "pub",
        "public",
        "raise",
        "readonly",
        "return",
        "self",
        "set",
        "short",
        "static",
        "str",
        "string",
        "struct",
        "super",
        "switch",
        "this",
        "throw",
        "throws",
        "trait",
        "true",
        "True",
        "try",
        "tuple",
        "type",
        "typeof",
        "undefined",
        "use",
        "using",
        "val",
        "var",
        "void",
        "where",
        "while",
        "with",
        "yield",
    ]
)
SELVES = frozenset({"self", "this", "cls"})

_RECEIVER = re.compile(r"([\w$.\]\)\[]*?)(?:\?\.|\.|->|::)\s*([A-Za-z_$]\w*)?$")
_PARTIAL = re.compile(r"([A-Za-z_$]\w*)?$")
_IMPORT = re.compile(
    r"\s*(?:from\s+[.\w]+\s+import\b|import\b|export\s.*\sfrom\b|\}\s*from\b|use\s)"
)
_LONG_IMPORT = re.compile(
    r"^[ \t]*(?:from\s+[\w.]+\s+import\s*\([^)]*\)"
    r"|(?:import|export)\s*(?:type\s*)?\{[^}]*\}\s*from[^\n]*"
    r"|import\s*\([^)]*\)|use\s[^;{]*\{[^;]*\};)",
    re.MULTILINE,
)
# `name: Type = call(`, `name = Type(`, `name: Type`; the last group of each are names of types.
_PYTHON_TYPES = (
    re.compile(
        r"((?:self\.)?\w+)\s*(?::\s*([\w.\[\], |'\"]+?))?\s*=\s*(?:await\s+|yield\s+)?"
        r"([A-Za-z_][\w.]*)\s*\("
    ),
    re.compile(r"((?:self\.)?\w+)\s*:\s*([A-Za-z_'\"][\w.\[\], |'\"]*)"),
)
_OTHER_TYPES = (
    re.compile(r"(\w+)\??\s*:\s*([A-Z][\w.<>\[\]| ,]*)"),
    re.compile(r"(\w+)\s*:?=\s*(?:await\s+)?(?:new\s+)?&?([A-Za-z_][\w.]*)\s*[({<]"),
    re.compile(r"\b([A-Z]\w*)(?:<[^<>]*>)?[*&]?\s+(\w+)\s*(?:[=;,){]|$)"),
)


class LineFacts(NamedTuple):
    """What one line says.

    Attributes:
        words: its identifiers.
        attributes: those of them that stand behind a dot.
        typed: variables with the names in what gives them a type.
    """

    words: tuple[str, ...]
    attributes: tuple[str, ...]
    typed: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Sight:
    """What the cursor sees.

    Attributes:
        near: identifiers with their nearness, 1 at the cursor and half of it eight lines away;
            import statements do not count.
        attributes: the same for those behind a dot.
        types: variables with names of types, or of functions that make them.
        lookalike: identifiers of the twenty lines above and the few below, for finding code like
            what is being written.
        after_dot: whether the cursor stands behind a dot, or in a name behind one.
        receiver: what stands before that dot.
        partial: the beginning of the name at the cursor.
        selected: identifiers of the selection.
    """

    near: Mapping[str, float]
    attributes: Mapping[str, float]
    types: Mapping[str, frozenset[str]]
    lookalike: Mapping[str, float]
    after_dot: bool
    receiver: str
    partial: str
    selected: frozenset[str] = frozenset()


def look(lines: Sequence[str], focus: Range, language: str, enclosing: Iterable[str] = ()) -> Sight:
    """Return what the cursor sees.

    Args:
        lines: of the document, with or without their endings.
        focus: the cursor, or a selection; all of a selection is as near as can be.
        language: the document's LSP language identifier.
        enclosing: texts beside the document whose words count as near, such as the signatures of
            the functions around the cursor.
    """
    start, end = (_within(lines, place) for place in focus)
    before = lines[start.line][: start.column] if lines else ""
    after = lines[end.line][end.column :] if lines else ""
    first = max(0, start.line - _REACH)
    above = [*lines[first : start.line], before]
    below = [after, *lines[end.line + 1 : end.line + _REACH]]
    hidden = _import_lines(above)
    typings = "python" if language == "python" else ""
    near: dict[str, float] = {}
    attributes: dict[str, float] = {}
    types: dict[str, set[str]] = {}
    lookalike: dict[str, float] = {}
    last = len(above) - 1
    before_it = [(last - number, line) for number, line in enumerate(above) if number not in hidden]
    selected = [(0, line) for line in _selected(lines, start, end)]
    behind_it = [(distance + 2, line) for distance, line in enumerate(below)]
    # The far ones first: what is nearer takes their place.
    for distance, line in sorted(
        [*behind_it, *before_it, *selected], key=itemgetter(0), reverse=True
    ):
        if _IMPORT.match(line):
            continue
        facts = _facts(line, typings)
        weight = 1.0 / (1.0 + distance / 8.0)
        near.update(dict.fromkeys(facts.words, weight))
        if facts.attributes:
            attributes.update(dict.fromkeys(facts.attributes, weight))
        for name, found in facts.typed:
            types.setdefault(name, set()).update(found)
    for lines_of, weigh in (
        (behind_it[5::-1], lambda distance: 0.5 / (1.0 + (distance - 2) / 3.0)),
        (before_it[-20:], lambda distance: 1.0 / (1.0 + distance / 6.0)),
        (selected, lambda _distance: 1.0),
    ):
        for distance, line in lines_of:
            if distance < 20 and not _IMPORT.match(line):
                lookalike.update(dict.fromkeys(_facts(line, typings).words, weigh(distance)))
    for signature in enclosing:
        for word in WORD.findall(signature):
            if word not in KEYWORDS and near.get(word, 0.0) < 0.7:
                near[word] = 0.7
    after_dot, receiver, partial = receiver_at(before)
    return Sight(
        near,
        attributes,
        {name: frozenset(found) for name, found in types.items()},
        lookalike,
        after_dot,
        receiver,
        partial,
        frozenset(
            word
            for _, line in selected
            if not _IMPORT.match(line)
            for word in _facts(line, typings).words
        ),
    )


def receiver_at(before: str) -> tuple[bool, str, str]:
    """Return whether a line ends behind a dot, what stands before it, and the name begun."""
    match = _RECEIVER.search(before)
    if match is not None:
        return True, match[1].rpartition("(")[2], match[2] or ""
    begun = _PARTIAL.search(before)
    return False, "", (begun[1] or "") if begun is not None else ""


def _within(lines: Sequence[str], place: Position) -> Position:
    """Return the place in the lines that is nearest to a place that may be outside of them."""
    if place.line >= len(lines):
        return Position(len(lines) - 1, len(lines[-1])) if lines else Position(0, 0)
    return place


def _selected(lines: Sequence[str], start: Position, end: Position) -> Sequence[str]:
    """Return the lines between two places, the first and the last one cut."""
    if start == end:
        return ()
    if start.line == end.line:
        return (lines[start.line][start.column : end.column],)
    inside = lines[start.line + 1 : min(end.line, start.line + _REACH)]
    return (lines[start.line][start.column :], *inside, lines[end.line][: end.column])


def _import_lines(lines: Sequence[str]) -> set[int]:
    """Return the lines of import statements that take several, near the top of some lines."""
    head = "\n".join(line.rstrip("\r\n") for line in lines[:300])
    hidden: set[int] = set()
    for match in _LONG_IMPORT.finditer(head):
        first = head.count("\n", 0, match.start())
        hidden.update(range(first, first + match.group().count("\n") + 1))
    return hidden


@lru_cache(1 << 13)
def _facts(line: str, typings: str) -> LineFacts:
    words = [word for word in WORD.findall(line) if word not in KEYWORDS]
    attributes: list[str] = []
    if words and ("." in line or ">" in line or ":" in line):
        attributes = [word for word in _ATTRIBUTE.findall(line) if word not in KEYWORDS]
    typed: list[tuple[str, tuple[str, ...]]] = []
    if words and (":" in line or "=" in line or (not typings and " " in line)):
        for number, pattern in enumerate(_PYTHON_TYPES if typings else _OTHER_TYPES):
            for found in pattern.finditer(line):
                name, *parts = found.groups()
                if number == 2:
                    name, parts = parts[0], [name]
                mentioned = tuple(word for part in parts if part for word in WORD.findall(part))
                if mentioned:
                    typed.append((name, mentioned))
    return LineFacts(tuple(words), tuple(attributes), tuple(typed))
