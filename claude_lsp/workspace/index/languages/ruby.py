"""Ruby: definitions and required files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import (
    Outline,
    Rules,
    base_names,
    nested,
    rest_of_line,
    type_names,
)
from claude_lsp.workspace.index.records import ImportedName, Symbol, everything

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

_ATTRIBUTES = {"attr_accessor", "attr_reader", "attr_writer", "has_many", "has_one", "belongs_to"}
_MIXINS = {"include", "extend", "prepend"}
_VISIBILITY = {
    "private",
    "public",
    "protected",
    "module_function",
    "private_class_method",
    "memoize",
}
_REQUIRE = re.compile(r"[ \t]*(require|require_relative|load)[ \t(]+['\"]([^'\"\n]+)['\"]")
_AUTOLOAD = re.compile(r"[ \t]*autoload[ \t(]+:(\w+)[ \t]*,[ \t]*['\"]([^'\"\n]+)['\"]")
_INSTANCE_FIELD = re.compile(rb"(?<![\w@])@([a-z_]\w*)[ \t]*(?:\|\|)?=(?![=~>])")


def _class(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    superclass = node.child_by_field_name("superclass")
    end = (superclass or name).end_byte
    bases = () if superclass is None else base_names(outline.text(superclass).lstrip("< "))
    position = outline.define(
        "class",
        outline.text(name).rpartition("::")[2],
        node,
        parent,
        line=name.start_point[0],
        head_end=end,
        bases=bases,
    )
    outline.descend(body, position)


def _method(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is None:
        return
    parameters = node.child_by_field_name("parameters")
    outline.define(
        "function" if parent < 0 else "method",
        name,
        node,
        parent,
        head_end=(parameters or name).end_byte,
    )
    body = node.child_by_field_name("body")
    if parent >= 0 and body is not None:
        _instance_fields(outline, body, parent)


def _instance_fields(outline: Outline, body: Node, parent: int) -> None:
    source, start, end = outline.source, body.start_byte, body.end_byte
    for match in _INSTANCE_FIELD.finditer(source, start, end):
        name = match[1].decode()
        if not outline.first_field(parent, name):
            continue
        line = body.start_point[0] + source.count(b"\n", start, match.start())
        signature = rest_of_line(source, match.start(), end)
        types = type_names(signature, name)
        outline.symbols.append(Symbol(name, "field", parent, line, line, signature, types=types))


def _assignment(outline: Outline, node: Node, parent: int) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or left.type != "constant":
        return
    block = None if right is None else right.child_by_field_name("block")
    if (
        block is not None
        and right is not None
        and outline.text(right)[:60].startswith(
            ("Struct.new", "Class.new", "Module.new", "Data.define")
        )
    ):
        position = outline.define("class", left, node, parent)
        outline.descend(block.child_by_field_name("body"), position)
        return
    outline.define("variable" if parent < 0 else "field", left, node, parent)


def _call(outline: Outline, node: Node, parent: int) -> None:
    method = node.child_by_field_name("method")
    arguments = node.child_by_field_name("arguments")
    if method is None or arguments is None:
        return
    called = outline.text(method)
    if called in {"require", "require_relative", "load", "autoload"}:
        outline.imports += _parse_require(outline.text(node), node.start_point[0])
    elif called in _VISIBILITY:
        outline.visit(arguments.named_children, parent)
    elif parent >= 0 and called in _MIXINS:
        outline.add_bases(parent, base_names(outline.text(arguments).strip("()")))
    elif parent >= 0 and called in _ATTRIBUTES:
        for one in arguments.named_children:
            if one.type == "simple_symbol" and outline.first_field(parent, outline.text(one)[1:]):
                name = outline.text(one)[1:]
                outline.define("field", name, node, parent, line=one.start_point[0])


def _parse_require(statement: str, line: int) -> list[ImportedName]:
    if match := _AUTOLOAD.match(statement):
        return [ImportedName(match[1], match[2], match[1], line, deferred=True)]
    match = _REQUIRE.match(statement)
    if match is None:
        return []
    path = match[2]
    if match[1] == "require_relative" and not path.startswith("."):
        path = f"./{path}"
    return [everything(path, line)]


def _requires_by_lines(text: str) -> list[ImportedName]:
    return [
        one
        for number, line in enumerate(text.split("\n"))
        for one in _parse_require(line[:400], number)
    ]


def _body(outline: Outline, node: Node, parent: int) -> None:
    outline.descend(node.child_by_field_name("body"), parent)


_FALLBACK = re.compile(
    r"^[ \t]*+(?:(?:class|module)[ \t]+(?:[A-Z]\w*::)*(?P<class>[A-Z]\w*)"
    r"|(?:(?:private|protected|public|module_function)[ \t]+)?def[ \t]+(?:self\.)?"
    r"(?P<function>[A-Za-z_]\w*[!?=]?))[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "singleton_class": _body,
    "assignment": _assignment,
    "call": _call,
    **dict.fromkeys(("class", "module"), _class),
    **dict.fromkeys(("method", "singleton_method"), _method),
    **dict.fromkeys(("body_statement", "begin", "if", "unless", "then", "else", "ERROR"), nested),
}

RULES = Rules(_HANDLERS, _FALLBACK, _requires_by_lines, comment="#")
