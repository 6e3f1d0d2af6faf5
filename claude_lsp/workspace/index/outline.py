"""The walk over a syntax tree that finds definitions and imports.

Only what can hold definitions is visited: bodies of functions are skipped as a whole, which
makes the walk ten times as fast as a tree-sitter query over the same tree. What a node means is
said by its language's handlers (see `languages/`), one function per node type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace.index.records import (
    MAX_DOC,
    MAX_SIGNATURE,
    ImportedName,
    Symbol,
    SymbolKind,
    everything,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tree_sitter import Node

    Handler = Callable[["Outline", Node, int], None]
    Handlers = Mapping[str, Handler]

MAX_SYMBOLS = 20_000
"""A file with more definitions is data; the rest of them is left out."""

MAX_TYPES = 12
MAX_BASES = 16

_TYPE_NAME = re.compile(r"(?<![\w$])(?!(?:None|True|False)\b)[_$]*[A-Z][\w$]*")
_LINE_COMMENT = re.compile(rb"[ \t](?:#|//)[^\n]*(?=\n)")
_OPENERS = ("{", "=>", ":", "=")
_BRACKETS = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)")
_LAST_NAME = re.compile(r"([\w$]+)\s*$")
# A decorator, an annotation or an attribute that has its line to itself.
_ATTRIBUTE = re.compile(rb"(?:@[\w.]+(?:\(.*\))?|(?:#!?)?\[.*\])$")
_RULED = re.compile(rb"^[ \t]*[/*=#~_-]{3,}|[/*=#~_-]{3,}[ \t]*$")
"""What draws a box around a comment."""
_TAG = re.compile(rb"</?(?:summary|remarks|para|p|returns)\b[^>]*>")
_CUT_WORD = re.compile(r"[!-~]+\Z")
_MAX_COMMENT_LINES = 60
_MAX_BRACKET_DEPTH = 12


class Rules(NamedTuple):
    """How the definitions and imports of a language are found.

    Attributes:
        handlers: by node type; each gets the outline, a node and the position of the enclosing
            class (-1 for none), and reaches into nodes by `Outline.descend`.
        fallback: finds definitions in lines that the grammar could not take. The last group that
            took part names the definition; without its digits the group's name is the kind.
        fallback_imports: finds imports there.
        finish: called with the outline and the root of the tree after the walk.
        comment: what starts a line comment that documents what stands below it.
    """

    handlers: Handlers
    fallback: re.Pattern[str]
    fallback_imports: Callable[[str], list[ImportedName]] | None = None
    finish: Callable[[Outline, Node], None] | None = None
    comment: str = "//"


class Outline:
    """The definitions and imports of one file, as they are found.

    Attributes:
        source: the text in UTF-8, with no other line ending than a line feed.
        symbols: definitions so far; a handler adds to them by `define`.
        imports: names imported so far.
        namespace: the package or namespace that the file declares.
        blocks: whether imports in a block are deferred, type-only and guarded, by the id of its
            node.
    """

    def __init__(self, source: bytes, handlers: Handlers, comment: str) -> None:
        self.source = source
        self.symbols: list[Symbol] = []
        self.imports: list[ImportedName] = []
        self.namespace = ""
        self.blocks: dict[int, tuple[bool, bool, bool]] = {}
        self._handlers = handlers
        self._comment = comment.encode()
        self._stack: list[tuple[Node, int]] = []
        self._fields: set[tuple[int, str]] = set()
        self._starts: dict[int, int] = {}
        self._members: list[tuple[int, str]] = []
        self._classes: dict[str, int] = {}

    def walk(self, root: Node) -> None:
        """Visit everything below `root` that has a handler and is reached by `descend`."""
        handlers, stack = self._handlers, self._stack
        self.descend(root, -1)
        while stack and len(self.symbols) < MAX_SYMBOLS:
            node, parent = stack.pop()
            handlers[node.type](self, node, parent)
        self._settle_members()

    def _settle_members(self) -> None:
        for position, holder in self._members:
            parent = self._classes.get(holder, -1)
            self.symbols[position] = self.symbols[position]._replace(parent=parent)

    def descend(self, node: Node | None, parent: int) -> None:
        """Visit the children of a node, in order, before anything that waits already."""
        if node is not None:
            handlers = self._handlers
            found = [(child, parent) for child in node.named_children if child.type in handlers]
            found.reverse()
            self._stack += found

    def visit(self, nodes: Iterable[Node], parent: int) -> None:
        """Visit nodes themselves, in order, those that have a handler."""
        found = [(node, parent) for node in nodes if node.type in self._handlers]
        found.reverse()
        self._stack += found

    def starts_at(self, node: Node, start: int) -> None:
        """Say that the signature of a definition starts before its node: at `export`, say."""
        self._starts[node.id] = start

    def start_of(self, node: Node) -> int:
        """Return where the signature of a definition starts."""
        return self._starts.get(node.id, node.start_byte)

    def text(self, node: Node) -> str:
        """Return the text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def define(
        self,
        kind: SymbolKind,
        name: Node | str,
        node: Node,
        parent: int,
        *,
        head_start: int | None = None,
        head_end: int | None = None,
        bases: tuple[str, ...] = (),
        returns: Node | None = None,
        doc: str | None = None,
        doc_start: int | None = None,
        line: int | None = None,
    ) -> int:
        """Add a definition.

        Args:
            kind: what it is.
            name: the node that names it, or the name itself.
            node: the whole definition.
            parent: position of the enclosing class, -1 for none.
            head_start: byte offset where the signature starts; by default what `starts_at` was
                told, or else the start of `node`.
            head_end: byte offset where it ends; the end of the first line by default.
            bases: names of the classes it derives from.
            returns: the node of the type that it returns.
            doc: its documentation; looked for in the comment above by default.
            doc_start: byte offset below which the comment stands, where that is not the start
                of the signature (attributes stand between).
            line: the line of the name, where `name` is no node.

        Returns:
            its position in `symbols`.
        """
        source = self.source
        if isinstance(name, str):
            written, number = name, node.start_point[0] if line is None else line
        else:
            written = source[name.start_byte : name.end_byte].decode("utf-8", "replace")
            number = name.start_point[0]
        start = head_start
        if start is None:
            start = self._starts.pop(node.id, -1)
            if start < 0:
                start = node.start_byte
        if head_end is None:
            head_end = source.find(b"\n", start, node.end_byte)
            if head_end < 0:
                head_end = node.end_byte
        signature = one_line(source[start : min(head_end, start + 4 * MAX_SIGNATURE + 1)])
        last, column = node.end_point
        if column == 0 and last > number:
            last -= 1
        if doc is None:
            doc = self.comment_above(start if doc_start is None else doc_start)
        types = type_names(signature, written)
        returned = () if returns is None else type_names(self.text(returns), "")
        position = len(self.symbols)
        if kind == "class":
            self._classes.setdefault(written, position)
        self.symbols.append(
            Symbol(
                written,
                kind,
                parent,
                number,
                last,
                signature,
                shortened(doc, MAX_DOC),
                bases,
                types,
                returned,
            )
        )
        return position

    def first_field(self, parent: int, name: str) -> bool:
        """Return whether a class has not been asked for this field before."""
        if (parent, name) in self._fields:
            return False
        self._fields.add((parent, name))
        return True

    def class_named(self, name: str) -> int:
        """Return the position of the first class found with a name, -1 for none."""
        return self._classes.get(name, -1)

    def member_of(self, position: int, holder: str) -> None:
        """Say that a definition belongs to a class of this file that may stand further down."""
        self._members.append((position, holder))

    def add_bases(self, position: int, bases: tuple[str, ...]) -> None:
        """Add base classes that are named apart from the class."""
        symbol = self.symbols[position]
        together = tuple(dict.fromkeys(symbol.bases + bases))[:MAX_BASES]
        self.symbols[position] = symbol._replace(bases=together)

    def import_name(
        self, local: str, module: str, original: str | None, node: Node, *, deferred: bool = False
    ) -> None:
        """Add an imported name; `node` is where."""
        line = node.start_point[0]
        self.imports.append(ImportedName(local, module, original, line, deferred))

    def import_all(self, module: str, node: Node) -> None:
        """Add a module of which every name is taken; `node` is where."""
        self.imports.append(everything(module, node.start_point[0]))

    def comment_above(self, start: int) -> str:
        """Return the first line of the comment that stands right above a place."""
        source, marker = self.source, self._comment
        end = source.rfind(b"\n", 0, start)
        if source[end + 1 : start].strip():
            # What is above belongs to what comes first on the line.
            return ""
        lines: list[bytes] = []
        for _ in range(_MAX_COMMENT_LINES):
            if end < 0:
                break
            begin = source.rfind(b"\n", 0, end) + 1
            line = source[begin:end].strip()
            if line.startswith(marker):
                lines.append(line.lstrip(b"/#!-; \t"))
            elif lines:
                break
            elif marker == b"//" and line.endswith(b"*/"):
                lines = _block_comment(source, begin, end)
                break
            elif not _ATTRIBUTE.match(line):
                break
            end = begin - 1
        for content in reversed(lines):
            if text := _RULED.sub(b"", _TAG.sub(b"", content)).strip():
                return text.decode("utf-8", "replace")
        return ""


def _block_comment(source: bytes, begin: int, end: int) -> list[bytes]:
    """Return the lines of a comment that ends on a line, the last one first."""
    opening = source.rfind(b"/*", 0, end)
    line_start = source.rfind(b"\n", 0, opening) + 1
    if opening < 0 or source.find(b"*/", opening, begin) >= 0 or source[line_start:opening].strip():
        return []
    lines = source[opening:end].split(b"\n", _MAX_COMMENT_LINES)[:_MAX_COMMENT_LINES]
    return [line.strip(b" \t/*!") for line in reversed(lines)]


def one_line(head: bytes) -> str:
    """Return the head of a definition on one line, without what opens its body."""
    cut = len(head) > 4 * MAX_SIGNATURE
    if b"\n" in head:
        head = _LINE_COMMENT.sub(b"", head)
    text = folded(head.decode("utf-8", "replace"), cut=cut)
    for opener in _OPENERS:
        if text.endswith(opener):
            return text[: -len(opener)].rstrip()
    return text


def folded(text: str, *, cut: bool = False) -> str:
    """Return a text as a signature: white space folded, and no longer than one may be.

    Args:
        text: the text.
        cut: whether it has been cut already.
    """
    text = " ".join(text[: 4 * MAX_SIGNATURE + 1].split())
    return shortened(text, min(MAX_SIGNATURE, len(text) - cut))


def rest_of_line(source: bytes, start: int, end: int) -> str:
    """Return the rest of a line as a signature."""
    stop = source.find(b"\n", start, end)
    stop = min(end if stop < 0 else stop, start + 4 * MAX_SIGNATURE + 1)
    cut = stop - start > 4 * MAX_SIGNATURE
    return folded(source[start:stop].decode("utf-8", "replace"), cut=cut)


def shortened(text: str, most: int) -> str:
    """Return at most so many characters of a text, and no part of a word that is cut.

    Half of a secret looks like none: nothing would find and replace it later.
    """
    return text if len(text) <= most else _CUT_WORD.sub("", text[:most]).rstrip()


def nested(outline: Outline, node: Node, parent: int) -> None:
    """Visit what is inside: the handler of a node that means nothing itself."""
    outline.descend(node, parent)


def type_names(text: str, but: str) -> tuple[str, ...]:
    """Return the names in a text that look like types, but one of them, in order."""
    names = dict.fromkeys(_TYPE_NAME.findall(text))
    names.pop(but, None)
    return tuple(names)[:MAX_TYPES]


def base_names(clause: str) -> tuple[str, ...]:
    """Return the names in a list of base classes: `A, pkg.B<C>, D(e)` gives A, B and D."""
    clause = clause[: 4 * MAX_SIGNATURE]
    for _ in range(_MAX_BRACKET_DEPTH):
        shorter = _BRACKETS.sub("", clause)
        if shorter == clause:
            break
        clause = shorter
    names = [match[1] for part in clause.split(",") if (match := _LAST_NAME.search(part))]
    return tuple(dict.fromkeys(names))[:MAX_BASES]
