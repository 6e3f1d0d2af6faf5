"""What one Python source text says: definitions, imports, size. Pure; it never raises."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

USES_FROM_LINES = 300
"""Code lines from which a module's definitions are searched for uses of each other.

Only large modules are ever split by groups, and the search doubles the time of a parse.
"""

_MAX_LINE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Definition:
    """A top-level function, class or the like.

    Attributes:
        name: its name.
        line: 0-based line where it starts, decorators included.
        end: 0-based last line.
        members: functions directly inside it, 0 unless it is a class.
        uses: other definitions of the same module that it mentions, sorted; gathered only in
            modules of at least `USES_FROM_LINES` lines.
    """

    name: str
    line: int
    end: int
    members: int = 0
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportStatement:
    """An import as it is written, before anybody knows what it means.

    Attributes:
        level: how many leading dots; 0 for an absolute import.
        module: the dotted name after `from` or `import`; empty in `from . import x`.
        names: the names after `import` in the `from` form; None in the plain form.
        line: 0-based.
        text: the line, as in `Import`.
        deferred: as in `Import`.
        type_only: as in `Import`.
        exported: names it binds under their own name by `import x as x`, a declared re-export.
    """

    level: int
    module: str
    names: tuple[str, ...] | None
    line: int
    text: str
    deferred: bool = False
    type_only: bool = False
    exported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedModule:
    """What one source text says, whatever its path: the unit for a cache by content.

    Attributes:
        lines: code lines, as in `Module`.
        definitions: as in `Module`.
        public: the names in a literal `__all__`, else None.
        variables: other names assigned at top level.
        statements: every import statement, in order.
        is_generated: as in `Module`.
        problem: why only a part could be read, None where all was.
    """

    lines: int = 0
    definitions: tuple[Definition, ...] = ()
    public: tuple[str, ...] | None = None
    variables: tuple[str, ...] = ()
    statements: tuple[ImportStatement, ...] = ()
    is_generated: bool = False
    problem: str | None = None


def parse_module(source: str) -> ParsedModule:
    """Parse one Python source text; pure, and never raises on bad input.

    Text that is not valid Python gives its imports as far as single lines show them, an
    indented one taken as deferred, and the reason in `problem`.
    """
    source = source.removeprefix("\ufeff")
    try:
        with warnings.catch_warnings():
            # Warnings about odd escapes are for the author, not for whoever reads the graph.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        problem = f"syntax error: {error.msg}{where}"
    except ValueError as error:
        problem = f"cannot be parsed: {error}"
    except (RecursionError, MemoryError):
        problem = "cannot be parsed: nested too deeply"
    else:
        return _Reader(source).read(tree)
    return replace(parse_by_lines(source), problem=problem)


class _Reader:
    """Collects what is wanted from one syntax tree, by statements and with a stack of its own.

    Imports are statements, so expressions, the bulk of a tree, are never entered.
    """

    def __init__(self, source: str) -> None:
        self.index = LineIndex(source)
        self.statements: list[ImportStatement] = []
        self.definitions: dict[str, Definition] = {}
        self.nodes: list[tuple[str, ast.stmt]] = []
        self.variables: dict[str, None] = {}
        self.public: tuple[str, ...] | None = None
        self.string_lines: set[int] = set()

    def read(self, tree: ast.Module) -> ParsedModule:
        stack = [_Block(tree.body, top=True)]
        while stack:
            block = stack.pop()
            for node in block.body:
                stack.extend(self._visit(node, block))
        code = sum(
            1
            for number, line in enumerate(self.index.lines)
            if (text := line.strip()) and text[0] != "#" and number not in self.string_lines
        )
        if code >= USES_FROM_LINES:
            self._find_uses()
        return ParsedModule(
            code,
            tuple(sorted(self.definitions.values(), key=lambda definition: definition.line)),
            self.public,
            tuple(self.variables),
            tuple(sorted(self.statements, key=lambda statement: statement.line)),
            _says_generated(self.index),
        )

    def _visit(self, node: ast.stmt, block: _Block) -> Iterator[_Block]:
        match node:
            case ast.Import():
                for alias in node.names:
                    self._add(node, block, alias.name, (alias,))
            case ast.ImportFrom():
                self._add(node, block, node.module or "", node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if block.top:
                    self._define(node)
                yield block._replace(body=node.body, deferred=True, top=False)
            case ast.ClassDef():
                if block.top:
                    self._define(node)
                yield block._replace(body=node.body, top=False)
            case ast.If():
                yield from _branches(node, block)
            case ast.Expr(value=ast.Constant(value=str())):
                self.string_lines.update(range(node.lineno - 1, node.end_lineno or node.lineno))
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                if block.top:
                    self._assign(node)
            case ast.Try() | ast.TryStar():
                yield block._replace(body=node.body)
                for handler in node.handlers:
                    yield block._replace(body=handler.body)
                yield block._replace(body=node.orelse)
                yield block._replace(body=node.finalbody)
            case ast.For() | ast.AsyncFor() | ast.While():
                yield block._replace(body=node.body)
                yield block._replace(body=node.orelse)
            case ast.With() | ast.AsyncWith():
                yield block._replace(body=node.body)
            case ast.Match():
                for case in node.cases:
                    yield block._replace(body=case.body)

    def _add(
        self,
        node: ast.Import | ast.ImportFrom,
        block: _Block,
        module: str,
        aliases: Sequence[ast.alias],
    ) -> None:
        from_form = isinstance(node, ast.ImportFrom)
        line = node.lineno - 1
        self.statements.append(
            ImportStatement(
                level=node.level if isinstance(node, ast.ImportFrom) else 0,
                module=module,
                names=tuple(alias.name for alias in aliases) if from_form else None,
                line=line,
                text=self.index.line(line)[:_MAX_LINE_LENGTH],
                deferred=block.deferred,
                type_only=block.type_only,
                exported=tuple(alias.name for alias in aliases if alias.asname == alias.name),
            )
        )

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        last = (node.end_lineno or node.lineno) - 1
        members = 0
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            members = sum(1 for child in node.body if isinstance(child, functions))
        known = self.definitions.get(node.name)
        # Overloads and alternatives for several platforms are one definition.
        self.definitions[node.name] = (
            replace(known, line=min(known.line, first), end=max(known.end, last))
            if known
            else Definition(node.name, first, last, members)
        )
        self.nodes.append((node.name, node))

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if not isinstance(target, ast.Name):
                continue
            if target.id != "__all__":
                self.variables[target.id] = None
            elif (names := _literal_names(node.value)) is not None:
                added = self.public or () if isinstance(node, ast.AugAssign) else ()
                self.public = (*added, *names)

    def _find_uses(self) -> None:
        uses: dict[str, set[str]] = {name: set() for name in self.definitions}
        for name, node in self.nodes:
            mentioned = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
            uses[name] |= mentioned & self.definitions.keys() - {name}
        for name, used in uses.items():
            self.definitions[name] = replace(self.definitions[name], uses=tuple(sorted(used)))


class _Block(NamedTuple):
    """Statements and what holds for all of them; the flags mean what they do in `Import`."""

    body: list[ast.stmt]
    top: bool = False
    deferred: bool = False
    type_only: bool = False


def _branches(node: ast.If, block: _Block) -> Iterator[_Block]:
    body, other = block._replace(body=node.body), block._replace(body=node.orelse)
    match node.test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            body = body._replace(type_only=True)
        case ast.Constant(value=False):
            body = body._replace(type_only=True)
        case ast.UnaryOp(
            op=ast.Not(),
            operand=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"),
        ):
            other = other._replace(type_only=True)
        case ast.Compare(
            left=ast.Name(id="__name__"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value="__main__")],
        ):
            body = body._replace(deferred=True)
    yield body
    yield other


def _literal_names(node: ast.expr | None) -> tuple[str, ...] | None:
    if isinstance(node, ast.List | ast.Tuple):
        values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        return tuple(value for value in values if isinstance(value, str))
    return None


_GENERATED = re.compile(
    r"@generated|do not edit|\b(?:auto(?:matically)?[- ]?)?generated (?:by|from|with|using)\b",
    re.IGNORECASE,
)
_HEAD_LINES = 12


def _says_generated(index: LineIndex) -> bool:
    head = (line.strip() for line in index.lines[:_HEAD_LINES])
    return any(line.startswith("#") and _GENERATED.search(line) for line in head)


_IMPORT_LINE = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:from[ \t]+(?P<dots>\.*)[ \t]*(?P<module>[\w.]*)[ \t]+import[ \t]*"
    r"(?P<names>\([^)]*\)|[^\r\n;]+)"
    r"|import[ \t]+(?P<modules>\w[^\r\n;]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\r\n]*")


def parse_by_lines(source: str) -> ParsedModule:
    """Read the imports of a source that does not parse, line by line; definitions are not known."""
    index = LineIndex(source)
    found: list[ImportStatement] = []
    for match in _IMPORT_LINE.finditer(source):
        number = index.position_at(match.start()).line
        rest = _COMMENT.sub("", match["names"] or match["modules"]).strip("() \t\r\n\\")
        words = [part.split() for part in rest.split(",")]
        taken = tuple(word[0] for word in words if word)
        text, deferred = index.line(number)[:_MAX_LINE_LENGTH], bool(match["indent"])
        if match["modules"]:
            found += [ImportStatement(0, name, None, number, text, deferred) for name in taken]
        elif match["dots"] or match["module"]:
            level = len(match["dots"])
            found.append(ImportStatement(level, match["module"], taken, number, text, deferred))
    code = sum(1 for line in index.lines if (text := line.strip()) and text[0] != "#")
    return ParsedModule(code, statements=tuple(found))
