"""PHP: definitions, `use` declarations and included files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

from claude_lsp.workspace.index.records import ImportedName

_BASES = {"base_clause", "class_interface_clause"}
_KEYWORDS = re.compile(r"\b(?:extends|implements)\b|\\")
_USE = re.compile(r"use\s+(?:(?:function|const)\s+)?([^;]+)")
_INCLUDE = re.compile(r"(?:require|include)(?:_once)?\b[^'\"\n;]*['\"]([^'\"\n]+)['\"]")


def _start(outline: Outline, node: Node) -> int:
    """Return where a declaration starts behind its attributes."""
    attributes = node.child_by_field_name("attributes")
    start = node.start_byte if attributes is None else attributes.end_byte
    while outline.source[start : start + 1].isspace():
        start += 1
    return start


def _class(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or body is None:
        return
    bases: tuple[str, ...] = ()
    for child in node.named_children:
        if child.type in _BASES:
            bases += _names(outline.text(child))
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_start=_start(outline, node),
        head_end=body.start_byte,
        bases=bases,
        doc_start=node.start_byte,
    )
    outline.descend(body, position)


def _names(clause: str) -> tuple[str, ...]:
    return base_names(_KEYWORDS.sub(lambda found: " " if found[0] == "\\" else ",", clause))


def _function(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    outline.define(
        "function" if parent < 0 else "method",
        name,
        node,
        parent,
        head_start=_start(outline, node),
        head_end=node.end_byte if body is None else body.start_byte,
        returns=node.child_by_field_name("return_type"),
        doc_start=node.start_byte,
    )
    parameters = node.child_by_field_name("parameters")
    if parent >= 0 and parameters is not None:
        for one in parameters.named_children:
            promoted = one.child_by_field_name("name")
            if one.type == "property_promotion_parameter" and promoted is not None:
                _field(outline, promoted, one, parent)


def _field(outline: Outline, name: Node, node: Node, parent: int) -> None:
    written = outline.text(name).lstrip("&$")
    outline.define(
        "variable" if parent < 0 else "field",
        written,
        node,
        parent,
        line=name.start_point[0],
        head_start=_start(outline, node),
        doc_start=node.start_byte,
    )


def _properties(outline: Outline, node: Node, parent: int) -> None:
    for one in node.named_children:
        if one.type == "property_element":
            _field(outline, one.child_by_field_name("name") or one, node, parent)
        elif one.type == "const_element" and one.named_child_count:
            _field(outline, one.named_children[0], node, parent)


def _case(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None and parent >= 0:
        _field(outline, name, node, parent)


def _traits(outline: Outline, node: Node, parent: int) -> None:
    if parent >= 0:
        written = outline.text(node).removeprefix("use").split("{")[0].rstrip("; ")
        outline.add_bases(parent, _names(written))


def _namespace(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None and not outline.namespace:
        outline.namespace = outline.text(name)
    outline.descend(node.child_by_field_name("body"), parent)


def _use(outline: Outline, node: Node, _parent: int) -> None:
    outline.imports += _parse_use(outline.text(node), node.start_point[0])


def _parse_use(statement: str, line: int) -> list[ImportedName]:
    match = _USE.match(statement)
    if match is None:
        return []
    prefix, brace, group = match[1].partition("{")
    if not brace:
        prefix, group = "", match[1]
    names = []
    for part in group.strip(" }\n\t").split(","):
        words = [word for word in part.split() if word not in {"function", "const"}]
        if words:
            module = (prefix.strip() + words[0]).lstrip("\\")
            last = module.rpartition("\\")[2]
            names.append(ImportedName(words[-1] if len(words) > 2 else last, module, last, line))
    return names


def _statement(outline: Outline, node: Node, parent: int) -> None:
    """Add included files and constants that are defined by a call."""
    child = node.named_child(0) if node.named_child_count else None
    if child is None:
        return
    if child.type.startswith(("require", "include")):
        if match := _INCLUDE.match(outline.text(child)):
            path = match[1].lstrip("/") if "__DIR__" not in match[0] else _near(match[1])
            outline.import_all(path, node)
    elif child.type == "assignment_expression":
        left = child.child_by_field_name("left")
        if left is not None and left.type == "variable_name" and parent < 0:
            _field(outline, left, node, parent)


def _near(path: str) -> str:
    return f".{path}" if path.startswith("/") else f"./{path}"


def _uses_by_lines(text: str) -> list[ImportedName]:
    names: list[ImportedName] = []
    for number, line in enumerate(text.split("\n")):
        if line.startswith("use "):
            names += _parse_use(line, number)
    return names


_FALLBACK = re.compile(
    r"^[ \t]*+(?:(?:public|protected|private|abstract|static|final|readonly)[ \t]+)*"
    r"(?:(?:class|interface|trait|enum)[ \t]+(?P<class>\w+)"
    r"|function[ \t]+&?[ \t]*(?P<function>\w+)[ \t]*\()[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "namespace_definition": _namespace,
    "namespace_use_declaration": _use,
    "use_declaration": _traits,
    "enum_case": _case,
    "expression_statement": _statement,
    **dict.fromkeys(
        ("class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
        _class,
    ),
    **dict.fromkeys(("function_definition", "method_declaration"), _function),
    **dict.fromkeys(("property_declaration", "const_declaration"), _properties),
    **dict.fromkeys(("compound_statement", "if_statement", "ERROR"), nested),
}

RULES = Rules(_HANDLERS, _FALLBACK, _uses_by_lines)
