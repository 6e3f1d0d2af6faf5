"""Shell scripts: functions, variables and sourced files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, nested
from claude_lsp.workspace.index.records import ImportedName, everything

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

_SOURCE = re.compile(r"[ \t]*(?:source|\.)[ \t]+([^\s;&|]+)")
_EXPANSION = re.compile(r"\$\([^)]*\)|\$\{[^}]*\}|\$\w+")


def _function(outline: Outline, node: Node, _parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is not None:
        end = None if body is None else body.start_byte
        outline.define("function", name, node, -1, head_end=end)


def _variable(outline: Outline, node: Node, _parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is None or name.type != "variable_name":
        return
    if outline.first_field(-1, outline.text(name)):
        outline.define("variable", name, node, -1)


def _command(outline: Outline, node: Node, _parent: int) -> None:
    name, argument = node.child_by_field_name("name"), node.child_by_field_name("argument")
    if name is not None and argument is not None and outline.text(name) in {"source", "."}:
        outline.import_all(_path(outline.text(argument)), node)


def _path(argument: str) -> str:
    """Return the part of a sourced path that is known: `"$DIR/lib.sh"` gives `./lib.sh`."""
    bare = argument.replace('"', "").replace("'", "")
    known = _EXPANSION.sub("", bare)
    return f".{known}" if known != bare and known.startswith("/") else known


def _sources_by_lines(text: str) -> list[ImportedName]:
    return [
        everything(_path(match[1]), number)
        for number, line in enumerate(text.split("\n"))
        if (match := _SOURCE.match(line[:400]))
    ]


_FALLBACK = re.compile(
    r"^[ \t]*+(?:function[ \t]+(?P<function>[\w:.-]+)"
    r"|(?P<function2>[\w:.-]+)[ \t]*\([ \t]*\))[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "function_definition": _function,
    "variable_assignment": _variable,
    "command": _command,
    **dict.fromkeys(
        (
            "declaration_command",
            "if_statement",
            "else_clause",
            "list",
            "compound_statement",
            "ERROR",
        ),
        nested,
    ),
}

RULES = Rules(_HANDLERS, _FALLBACK, _sources_by_lines, comment="#")
