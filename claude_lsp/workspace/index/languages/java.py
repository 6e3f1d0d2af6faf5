"""Java: definitions and imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

from claude_lsp.workspace.index.records import ImportedName, everything

_BASES = {"superclass", "super_interfaces", "extends_interfaces"}
_KEYWORDS = re.compile(r"\b(?:extends|implements)\b")
_IMPORT = re.compile(r"import\s+(static\s+)?([\w.]+?)(\s*\.\s*\*)?\s*;")


def _start(outline: Outline, node: Node) -> int:
    """Return where a declaration starts behind its annotations."""
    first = node.named_children[0] if node.named_child_count else None
    if first is None or first.type != "modifiers":
        return node.start_byte
    start = first.start_byte
    for child in first.children:
        if child.type in {"annotation", "marker_annotation"}:
            start = child.end_byte
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
            bases += base_names(_KEYWORDS.sub(",", outline.text(child)))
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
    parameters = node.child_by_field_name("parameters")
    for one in () if parameters is None else parameters.named_children:
        component = one.child_by_field_name("name")
        if component is not None:
            outline.define("field", component, one, position, doc="")
    outline.descend(body, position)


def _method(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is not None and parent >= 0:
        outline.define(
            "method",
            name,
            node,
            parent,
            head_start=_start(outline, node),
            head_end=node.end_byte if body is None else body.start_byte,
            returns=node.child_by_field_name("type"),
            doc_start=node.start_byte,
        )


def _field(outline: Outline, node: Node, parent: int) -> None:
    if parent < 0:
        return
    start = _start(outline, node)
    names = [one.child_by_field_name("name") for one in node.children_by_field_name("declarator")]
    for name in names or [node.child_by_field_name("name")]:
        if name is not None:
            outline.define("field", name, node, parent, head_start=start, doc_start=node.start_byte)


def _import(outline: Outline, node: Node, _parent: int) -> None:
    outline.imports += _parse_import(outline.text(node), node.start_point[0])


def _parse_import(statement: str, line: int) -> list[ImportedName]:
    match = _IMPORT.match(statement)
    if match is None:
        return []
    static, path, star = match.groups()
    if star:
        return [everything(path, line)]
    last = path.rpartition(".")[2]
    # A class is a file of its own; a static member is in the file of its class.
    module = path.rpartition(".")[0] if static else path
    return [ImportedName(last, module, last, line)]


def _package(outline: Outline, node: Node, _parent: int) -> None:
    outline.namespace = "".join(outline.text(node).removeprefix("package").split()).rstrip(";")


def _imports_by_lines(text: str) -> list[ImportedName]:
    names: list[ImportedName] = []
    for number, line in enumerate(text.split("\n")):
        if line.startswith("import"):
            names += _parse_import(line, number)
    return names


_FALLBACK = re.compile(
    r"^[ \t]*+(?:(?:public|protected|private|abstract|static|final|sealed|non-sealed|default"
    r"|synchronized|native|strictfp)[ \t]+)*"
    r"(?:(?:class|interface|enum|record|@interface)[ \t]+(?P<class>\w+)"
    r"|(?!return\b|new\b|else\b|throw\b)[\w.<(][\w.<>\[\], ?]{0,120}[ \t]"
    r"(?P<method>\w+)[ \t]*\([^;\n]*\{)"
    r"[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "package_declaration": _package,
    "import_declaration": _import,
    **dict.fromkeys(
        (
            "class_declaration",
            "interface_declaration",
            "enum_declaration",
            "record_declaration",
            "annotation_type_declaration",
        ),
        _class,
    ),
    **dict.fromkeys(
        (
            "method_declaration",
            "constructor_declaration",
            "compact_constructor_declaration",
            "annotation_type_element_declaration",
        ),
        _method,
    ),
    **dict.fromkeys(("field_declaration", "constant_declaration", "enum_constant"), _field),
    **dict.fromkeys(("enum_body_declarations", "ERROR"), nested),
}

RULES = Rules(_HANDLERS, _FALLBACK, _imports_by_lines)
