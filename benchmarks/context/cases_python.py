"""Cases of Python projects; what the held-out text uses is resolved by jedi.

No assembler uses jedi, so a definition counts because the program means it and not because some
index found it. Everything is drawn from one seeded source in a fixed order.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context.cases import PYTHON_WORD, Case, Gold, unseen_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.context.python_project import PythonProject

_MODES = ("line", "block", "mid")
_MODE_SHARES = (0.45, 0.25, 0.30)
_FILE_LINES = range(25, 4001)
_LONGEST_STATEMENT = 8
_LONGEST_BLOCK = 9
_MOST_FOLLOWING = 5
_SHORTEST_NAME = 3

_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
_SIMPLE = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr),
    *(ast.Return, ast.Raise, ast.Assert, ast.Delete),
)
_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.AsyncFor, ast.AsyncWith)
_FROM_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)from[ \t]+[.\w]+[ \t]+import[ \t]+(?:\([^)]*\)|[^\n]+)\n", re.MULTILINE
)


class _Statement(NamedTuple):
    """A statement in a function; lines are 1-based, and of a compound one only the head counts."""

    siblings: Sequence[ast.stmt]
    place: int
    node: ast.stmt
    first: int
    last: int


class _Use(NamedTuple):
    """A use of a definition in another file: 1-based line, 0-based column in characters."""

    line: int
    column: int
    gold: Gold


class _Cut(NamedTuple):
    """A text in three parts, and what the middle one uses."""

    prefix: str
    held: str
    suffix: str
    golds: tuple[Gold, ...]


@dataclass
class CaseMaker:
    """Draws the cases of one project.

    Attributes:
        project: its files.
        name: its name, for the ids.
        seed: draws the places.
        strip: whether imported names that only the held-out text uses are removed from the
            imports, as before an automatic import; places without any are passed over.
        tries: how many places of a file are tried.
    """

    project: PythonProject
    name: str
    seed: int
    strip: bool
    tries: int

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.name}-{self.seed}")

    def make(self, count: int) -> list[Case]:
        """Return at most `count` cases, no two from one file."""
        order = list(self.project.files)
        self._chance.shuffle(order)
        prefix = f"{self.name}-{self.seed}{'s' if self.strip else ''}"
        cases: list[Case] = []
        for path in order:
            if len(cases) >= count:
                break
            case = self._case_in(path)
            if case is not None:
                cases.append(replace(case, id=f"{prefix}-{len(cases)}"))
        return cases

    def _case_in(self, path: Path) -> Case | None:
        tree, lines = self.project.tree(path), self.project.lines(path)
        if tree is None or len(lines) not in _FILE_LINES or "\r" in self.project.text(path):
            return None
        statements = list(_statements(tree, lines))
        self._chance.shuffle(statements)
        script = None
        for statement in statements[: self.tries]:
            mode = self._chance.choices(_MODES, _MODE_SHARES)[0]
            if mode == "block" and isinstance(statement.node, _COMPOUND):
                mode = "line"
            nodes, last = _held_nodes(statement, mode)
            names = [
                each
                for each in _identifiers(nodes, statement.first, last)
                if len(each[0]) >= _SHORTEST_NAME and self.project.defined_elsewhere(each[0], path)
            ]
            if not names:
                continue
            script = script or self.project.script(path)
            uses = []
            for _name, line, column_bytes, kind in names:
                column = len(lines[line - 1].encode()[:column_bytes].decode("utf-8", "replace"))
                gold = self.project.gold_at(script, path, line, column, kind)
                if gold is not None:
                    uses.append(_Use(line, column, gold))
            if not uses:
                continue
            case = self._case(path, mode, self._cut(lines, statement.first, last, mode, uses))
            if case is not None:
                return case
        return None

    def _cut(self, lines: list[str], first: int, last: int, mode: str, uses: list[_Use]) -> _Cut:
        """Cut a file's text where the held-out part begins and ends."""
        if mode == "mid":
            line, column, _ = self._chance.choice(uses)
            uses = [use for use in uses if (use.line, use.column) >= (line, column)]
        else:
            line, column = first, len(lines[first - 1]) - len(lines[first - 1].lstrip())
        text = "\n".join(lines)
        start = _offset(lines, line) + column
        end = _offset(lines, last) + len(lines[last - 1])
        golds: dict[tuple[str, int, str], Gold] = {}
        for use in uses:
            golds.setdefault((use.gold.file, use.gold.line, use.gold.name), use.gold)
        return _Cut(text[:start], text[start:end], text[end:], tuple(golds.values()))

    def _case(self, path: Path, mode: str, cut: _Cut) -> Case | None:
        prefix = cut.prefix
        removed: tuple[str, ...] = ()
        if self.strip:
            prefix, removed = without_imports_of(prefix, cut.held, cut.suffix)
            if not removed:
                return None
        seen = {*PYTHON_WORD.findall(prefix), *PYTHON_WORD.findall(cut.suffix)}
        return Case(
            id="",
            project=self.name,
            language="python",
            file=path.relative_to(self.project.source).as_posix(),
            mode=mode,
            prefix=prefix,
            suffix=cut.suffix,
            held=cut.held,
            golds=tuple(replace(gold, visible=gold.name in seen) for gold in cut.golds),
            unseen=unseen_words(cut.held, seen),
            removed_imports=removed,
        )


def without_imports_of(prefix: str, held: str, suffix: str) -> tuple[str, tuple[str, ...]]:
    """Take imported names that only the held-out text uses out of the imports before it.

    Returns:
        the new prefix, and the names.
    """
    words = set(PYTHON_WORD.findall(held))
    removed: list[str] = []
    changes: list[tuple[int, int, str]] = []
    for match in _FROM_IMPORT.finditer(prefix):
        try:
            node = ast.parse(match.group(0).strip()).body[0]
        except SyntaxError:
            continue
        assert isinstance(node, ast.ImportFrom)
        rest = prefix[: match.start()] + prefix[match.end() :] + suffix
        unused = [
            name
            for alias in node.names
            if (name := alias.asname or alias.name) in words
            and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", rest)
        ]
        if not unused:
            continue
        removed += unused
        node.names = [each for each in node.names if (each.asname or each.name) not in unused]
        indent = match["indent"]
        kept = ast.unparse(node) if node.names else "pass" if indent else ""
        changes.append((match.start(), match.end(), f"{indent}{kept}\n" if kept else ""))
    for start, end, line in reversed(changes):
        prefix = prefix[:start] + line + prefix[end:]
    return prefix, tuple(removed)


def _statements(tree: ast.Module, lines: list[str]) -> Iterator[_Statement]:
    """Yield the statements inside functions that begin their line and are not too long."""
    for function in ast.walk(tree):
        if not isinstance(function, _FUNCTION):
            continue
        waiting: list[list[ast.stmt]] = [function.body]
        while waiting:
            body = waiting.pop()
            for place, node in enumerate(body):
                if isinstance(node, _FUNCTION | ast.ClassDef):
                    continue
                waiting += _bodies(node)
                if not isinstance(node, _SIMPLE + _COMPOUND):
                    continue
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    continue
                first, last = node.lineno, _last_line(node)
                # What does not begin its line is an `elif`, or stands after a semicolon.
                begins = not lines[first - 1][: node.col_offset].strip()
                if begins and 0 <= last - first < _LONGEST_STATEMENT:
                    yield _Statement(body, place, node, first, last)


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list) and body:
            yield body
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _last_line(node: ast.stmt) -> int:
    """Return the last line of a statement, of a compound one that of its head; 1-based."""
    if isinstance(node, _COMPOUND):
        return node.body[0].lineno - 1
    return node.end_lineno or node.lineno


def _held_nodes(statement: _Statement, mode: str) -> tuple[list[ast.AST], int]:
    """Return the syntax that is held out, and its last line."""
    node, last = statement.node, statement.last
    if isinstance(node, ast.If | ast.While):
        return [node.test], last
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter], last
    if isinstance(node, ast.With | ast.AsyncWith):
        return [node.items[0].context_expr], last
    nodes: list[ast.AST] = [node]
    if mode == "block":
        after = statement.place + 1
        for following in statement.siblings[after : after + _MOST_FOLLOWING]:
            end = following.end_lineno or following.lineno
            if not isinstance(following, _SIMPLE) or end - statement.first >= _LONGEST_BLOCK:
                break
            nodes.append(following)
            last = end
    return nodes, last


def _identifiers(
    nodes: Iterable[ast.AST], first: int, last: int
) -> list[tuple[str, int, int, str]]:
    """Return (name, 1-based line, column in bytes, "name" or "attr") in the order of the text."""
    found = set()
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Name):
                found.add((node.id, node.lineno, node.col_offset, "name"))
            elif isinstance(node, ast.Attribute):
                line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
                found.add((node.attr, line, end - len(node.attr.encode()), "attr"))
    inside = [each for each in found if first <= each[1] <= last]
    return sorted(inside, key=lambda each: (each[1], each[2], each[0]))


def _offset(lines: list[str], line: int) -> int:
    """Return the offset of a 1-based line in the text that the lines make."""
    return sum(len(each) + 1 for each in lines[: line - 1])
