"""Go: definitions and imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

from claude_lsp.workspace.index.records import ImportedName, everything

_RECEIVER = re.compile(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\])?\s*\)\s*$")
_VERSION = re.compile(r"v\d+$")


def _function(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    receiver = node.child_by_field_name("receiver")
    position = outline.define(
        "function" if receiver is None else "method",
        name,
        node,
        parent,
        head_end=node.end_byte if body is None else body.start_byte,
        returns=node.child_by_field_name("result"),
    )
    if receiver is not None and (match := _RECEIVER.search(outline.text(receiver))):
        outline.member_of(position, match[1])


def _types(outline: Outline, node: Node, parent: int) -> None:
    specs = [one for one in node.named_children if one.type in {"type_spec", "type_alias"}]
    if len(specs) == 1 and specs[0].start_point[0] == node.start_point[0]:
        outline.starts_at(specs[0], node.start_byte)
    outline.visit(specs, parent)


def _type(outline: Outline, node: Node, parent: int) -> None:
    name, written = node.child_by_field_name("name"), node.child_by_field_name("type")
    if name is None:
        return
    body = None
    bases: tuple[str, ...] = ()
    if written is not None and written.type == "struct_type":
        body = written.named_child(0) if written.named_child_count else None
    elif written is not None and written.type == "interface_type":
        body = written
    if body is not None:
        embedded = [
            outline.text(one).lstrip("*").split("`")[0]
            for one in body.named_children
            if one.type == "type_elem"
            or (one.type == "field_declaration" and one.child_by_field_name("name") is None)
        ]
        bases = base_names(",".join(embedded))
    brace = outline.source.find(b"{", name.end_byte, node.end_byte) if body is not None else -1
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_end=brace if brace >= 0 else None,
        bases=bases,
    )
    outline.descend(body, position)


def _field(outline: Outline, node: Node, parent: int) -> None:
    for name in node.children_by_field_name("name"):
        outline.define("field", name, node, parent, doc_start=node.start_byte)


def _method_of_interface(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None and parent >= 0:
        returns = node.child_by_field_name("result")
        outline.define("method", name, node, parent, head_end=node.end_byte, returns=returns)


def _values(outline: Outline, node: Node, parent: int) -> None:
    specs = [one for one in node.named_children if one.type in {"const_spec", "var_spec"}]
    if len(specs) == 1 and specs[0].start_point[0] == node.start_point[0]:
        outline.starts_at(specs[0], node.start_byte)
    for spec in specs:
        start = outline.start_of(spec)
        for name in spec.children_by_field_name("name"):
            if name.type == "identifier":
                outline.define("variable", name, spec, parent, head_start=start)
    outline.visit([one for one in node.named_children if one.type == "var_spec_list"], parent)


def _import(outline: Outline, node: Node, _parent: int) -> None:
    name, path = node.child_by_field_name("name"), node.child_by_field_name("path")
    if path is not None:
        alias = "" if name is None else outline.text(name)
        outline.imports.append(_imported(alias, outline.text(path), node.start_point[0]))


def _imported(alias: str, quoted: str, line: int) -> ImportedName:
    module = quoted.strip('"`')
    if alias == ".":
        return everything(module, line)
    return ImportedName("" if alias == "_" else alias or _local(module), module, None, line)


def _local(module: str) -> str:
    """Return the name that a package most likely has, which only its files say for sure."""
    parts = module.split("/")
    last = parts[-2] if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else parts[-1]
    return re.sub(r"\.v\d+$|^go-|[-.]go$", "", last).replace("-", "_")


def _package(outline: Outline, node: Node, _parent: int) -> None:
    if node.named_child_count:
        outline.namespace = outline.text(node.named_children[0])


_FALLBACK = re.compile(
    r"^(?:func[ \t]+(?:\([^)\n]*\)[ \t]*(?P<method>\w+)|(?P<function>\w+))"
    r"|type[ \t]+(?P<class>\w+)|(?:var|const)[ \t]+(?P<variable>\w+))[^\n]*",
    re.MULTILINE,
)
_FALLBACK_IMPORT = re.compile(
    r'^(?:import[ \t]+|\t)([\w.]+[ \t]+)?("[\w./~-]+")[ \t]*$', re.MULTILINE
)


def _imports_by_lines(text: str) -> list[ImportedName]:
    imports: list[ImportedName] = []
    for match in _FALLBACK_IMPORT.finditer(text):
        line = text.count("\n", 0, match.start())
        imports.append(_imported((match[1] or "").strip(), match[2], line))
        if len(imports) > 200:
            break
    return imports


_HANDLERS: Handlers = {
    "package_clause": _package,
    "function_declaration": _function,
    "method_declaration": _function,
    "type_declaration": _types,
    "type_spec": _type,
    "type_alias": _type,
    "field_declaration": _field,
    "method_elem": _method_of_interface,
    "const_declaration": _values,
    "var_declaration": _values,
    "var_spec_list": _values,
    "import_spec": _import,
    "import_declaration": nested,
    "import_spec_list": nested,
    "ERROR": nested,
}

RULES = Rules(_HANDLERS, _FALLBACK, _imports_by_lines)
