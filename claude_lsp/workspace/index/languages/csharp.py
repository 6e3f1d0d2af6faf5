"""C#: definitions and using directives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

from claude_lsp.workspace.index.records import ImportedName, everything

_USING = re.compile(r"(?:global\s+)?using\s+(static\s+)?(?:(\w+)\s*=\s*)?(?:global::)?([\w.]+)")
_OPENS_BODY = {"accessor_list", "arrow_expression_clause"}


def _start(outline: Outline, node: Node) -> int:
    """Return where a declaration starts behind its attributes."""
    start = node.start_byte
    for child in node.named_children:
        if child.type != "attribute_list":
            break
        start = child.end_byte
    while outline.source[start : start + 1].isspace():
        start += 1
    return start


def _class(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    bases: tuple[str, ...] = ()
    components: list[Node] = []
    for child in node.named_children:
        if child.type == "base_list":
            bases = base_names(outline.text(child).lstrip(": \n\t"))
        elif child.type == "parameter_list" and node.type != "delegate_declaration":
            components = child.named_children
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_start=_start(outline, node),
        head_end=node.end_byte if body is None else body.start_byte,
        bases=bases,
        doc_start=node.start_byte,
    )
    for one in components:
        component = one.child_by_field_name("name")
        if component is not None:
            outline.define("field", component, one, position, doc="")
    outline.descend(body, position)


def _method(outline: Outline, node: Node, parent: int) -> None:
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
        returns=node.child_by_field_name("returns") or node.child_by_field_name("type"),
        doc_start=node.start_byte,
    )


def _property(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is None or parent < 0:
        return
    end = next((one.start_byte for one in node.named_children if one.type in _OPENS_BODY), None)
    start = _start(outline, node)
    outline.define(
        "field", name, node, parent, head_start=start, head_end=end, doc_start=node.start_byte
    )


def _fields(outline: Outline, node: Node, parent: int) -> None:
    if parent < 0:
        return
    start = _start(outline, node)
    for declaration in node.named_children:
        if declaration.type == "variable_declaration":
            for one in declaration.named_children:
                name = (
                    one.child_by_field_name("name") if one.type == "variable_declarator" else None
                )
                if name is not None:
                    outline.define(
                        "field", name, node, parent, head_start=start, doc_start=node.start_byte
                    )


def _namespace(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is not None and not outline.namespace:
        outline.namespace = "".join(outline.text(name).split())
    outline.descend(body if body is not None else node, parent)


def _using(outline: Outline, node: Node, _parent: int) -> None:
    outline.imports += _parse_using(outline.text(node), node.start_point[0])


def _parse_using(statement: str, line: int) -> list[ImportedName]:
    match = _USING.match(statement)
    if match is None:
        return []
    static, alias, path = match.groups()
    if alias is None and static is None:
        return [everything(path, line)]
    module, _, last = path.rpartition(".")
    return [ImportedName(alias or last, module or path, last, line)]


def _usings_by_lines(text: str) -> list[ImportedName]:
    names: list[ImportedName] = []
    for number, line in enumerate(text.split("\n")):
        if line.startswith(("using ", "global using ")) and "(" not in line:
            names += _parse_using(line, number)
    return names


_FALLBACK = re.compile(
    r"^[ \t]*+(?:(?:public|protected|private|internal|abstract|static|sealed|partial|readonly"
    r"|virtual|override|async|extern|unsafe|new|ref|file|required)[ \t]+)*"
    r"(?:(?:class|interface|enum|struct|record(?:[ \t]+(?:class|struct))?)[ \t]+(?P<class>\w+)"
    r"|(?!return\b|new\b|else\b|throw\b|using\b|await\b)[\w.<(][\w.<>\[\], ?]{0,120}[ \t]"
    r"(?P<method>\w+)"
    r"[ \t]*\([^;\n]*\)[ \t]*(?:$|\{|=>))[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "using_directive": _using,
    "property_declaration": _property,
    "enum_member_declaration": _property,
    "event_declaration": _property,
    **dict.fromkeys(("namespace_declaration", "file_scoped_namespace_declaration"), _namespace),
    **dict.fromkeys(
        (
            "class_declaration",
            "struct_declaration",
            "interface_declaration",
            "record_declaration",
            "enum_declaration",
            "delegate_declaration",
        ),
        _class,
    ),
    **dict.fromkeys(
        ("method_declaration", "constructor_declaration", "local_function_statement"), _method
    ),
    **dict.fromkeys(("field_declaration", "event_field_declaration"), _fields),
    **dict.fromkeys(
        ("declaration_list", "global_statement", "preproc_if", "preproc_else", "ERROR"), nested
    ),
}

RULES = Rules(_HANDLERS, _FALLBACK, _usings_by_lines)
