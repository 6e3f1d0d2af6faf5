"""Where the statements of a file stand, for edits that concern one of them only."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import NamedTuple


class Place(NamedTuple):
    """A statement of a file: its first line and, 0-based, that of the body that it stands in."""

    line: int
    body: int


def places_of(text: str) -> list[Place]:
    """Return the statements of a file of which an edit makes no other statement."""
    tree = ast.parse(text)
    in_strings = _lines_in_strings(text)
    lines = text.split("\n")
    found: dict[int, Place] = {}

    def visit(node: ast.AST, body: int | None) -> None:
        for _, value in ast.iter_fields(node):
            if not isinstance(value, list) or not value or not isinstance(value[0], ast.stmt):
                continue
            for statement in value:
                line = _first_line(statement)
                inner = line if body is None else body
                if line not in in_strings and not lines[line].rstrip().endswith("\\"):
                    found.setdefault(line, Place(line, inner))
                if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    visit(statement, _first_line(statement.body[0]))
                else:
                    visit(statement, body)
        for handler in getattr(node, "handlers", ()):
            visit(handler, body)

    visit(tree, None)
    return sorted(found.values())


def _first_line(statement: ast.stmt) -> int:
    first = statement.lineno
    for decorator in getattr(statement, "decorator_list", ()):
        first = min(first, decorator.lineno)
    return first - 1


def _lines_in_strings(text: str) -> set[int]:
    """Return the lines that a string of several lines has a part of."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.start[0] != token.end[0] and token.string.strip():
            found.update(range(token.start[0] - 1, token.end[0]))
    return found


def indent(line: str) -> str:
    """Return the blanks at the beginning of a line."""
    return line[: len(line) - len(line.lstrip(" "))]
