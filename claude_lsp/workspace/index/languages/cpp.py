"""C and C++: definitions and includes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested
from claude_lsp.workspace.index.records import MAX_SIGNATURE, ImportedName, everything

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers
    from claude_lsp.workspace.index.records import SymbolKind


_SPECIFIERS = {"class_specifier", "struct_specifier", "union_specifier", "enum_specifier"}
_ACCESS = re.compile(r"\b(?:public|protected|private|virtual)\b")
_MAX_DECLARATORS = 12


def _innermost(declarator: Node) -> tuple[Node | None, bool]:
    """Return the node that names what a declarator declares, and whether that is a function."""
    node: Node | None = declarator
    function = False
    for _ in range(_MAX_DECLARATORS):
        if node is None:
            return None, False
        kind = node.type
        inner = node.child_by_field_name("declarator")
        if kind == "function_declarator":
            # `(*name)(...)` is a pointer: a variable.
            function = inner is None or inner.type != "parenthesized_declarator"
        elif kind in {"pointer_declarator", "reference_declarator", "array_declarator"}:
            function = False
        elif kind == "qualified_identifier":
            break
        if inner is None and kind.endswith("_declarator"):
            inner = node.named_children[-1] if node.named_child_count else None
        if inner is None:
            break
        node = inner
    return node, function


def _declaration(outline: Outline, node: Node, parent: int) -> None:
    """Add what a declaration declares: variables, fields, prototypes; and a type in its head."""
    start = outline.start_of(node)
    specifier = node.child_by_field_name("type")
    if specifier is not None and specifier.type in _SPECIFIERS:
        outline.starts_at(specifier, start)
        _specifier(outline, specifier, parent)
    for declarator in node.children_by_field_name("declarator"):
        name, function = _innermost(declarator)
        if name is None:
            continue
        written = outline.text(name)
        if not written or "::" in written:
            # A member that its class has declared.
            continue
        kind: SymbolKind = "variable" if parent < 0 else "field"
        if function:
            kind = "function" if parent < 0 else "method"
        outline.define(
            kind,
            " ".join(written.split()),
            node,
            parent,
            line=name.start_point[0],
            head_start=start,
            head_end=node.end_byte if function else None,
            returns=specifier if function else None,
        )


def _function(outline: Outline, node: Node, parent: int) -> None:
    declarator, body = node.child_by_field_name("declarator"), node.child_by_field_name("body")
    if declarator is None:
        return
    name, function = _innermost(declarator)
    if name is None or not function:
        return
    holder, _, written = outline.text(name).rpartition("::")
    head_end = node.end_byte if body is None else body.start_byte
    for child in node.named_children:
        if child.type == "field_initializer_list":
            head_end = child.start_byte
    position = outline.define(
        "method" if holder or parent >= 0 else "function",
        " ".join(written.split()),
        node,
        parent,
        line=name.start_point[0],
        head_end=head_end,
        returns=node.child_by_field_name("type"),
    )
    if holder and parent < 0:
        outline.member_of(position, (base_names(holder) or ("",))[0])


def _specifier(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if body is None:
        return
    if name is None:
        # Members of an anonymous struct belong to what encloses it; so do enumerators.
        outline.descend(body, parent)
        return
    bases: tuple[str, ...] = ()
    for child in node.named_children:
        if child.type == "base_class_clause":
            bases = base_names(_ACCESS.sub("", outline.text(child).lstrip(": ")))
    written = (base_names(outline.text(name)) or ("",))[0]
    position = outline.define(
        "class",
        written,
        node,
        parent,
        line=name.start_point[0],
        head_end=body.start_byte,
        bases=bases,
    )
    outline.descend(body, position)


def _typedef(outline: Outline, node: Node, parent: int) -> None:
    specifier = node.child_by_field_name("type")
    names = [_innermost(one)[0] for one in node.children_by_field_name("declarator")]
    body, named = None, ""
    if specifier is not None and specifier.type in _SPECIFIERS:
        body = specifier.child_by_field_name("body")
        own_name = specifier.child_by_field_name("name")
        if own_name is not None and body is not None:
            named = outline.text(own_name)
            outline.starts_at(specifier, node.start_byte)
            _specifier(outline, specifier, parent)
            body = None
    for name in names:
        if name is None or outline.text(name) == named:
            continue
        if body is None:
            outline.define("class", name, node, parent)
            continue
        position = outline.define("class", name, node, parent, head_end=body.start_byte)
        symbol = outline.symbols[position]
        signature = f"{symbol.signature} {symbol.name}"[:MAX_SIGNATURE]
        outline.symbols[position] = symbol._replace(signature=signature)
        outline.descend(body, position)
        body = None


def _alias(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        outline.define("class", name, node, parent)


def _template(outline: Outline, node: Node, parent: int) -> None:
    start = outline.start_of(node)
    for child in node.named_children:
        outline.starts_at(child, start)
    outline.descend(node, parent)


def _macro(outline: Outline, node: Node, _parent: int) -> None:
    name = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    if name is None:
        return
    if node.type == "preproc_function_def":
        parameters = node.child_by_field_name("parameters")
        end = name.end_byte if parameters is None else parameters.end_byte
        outline.define("function", name, node, -1, head_end=end)
    elif value is not None:
        # Without a value it is an include guard or a switch.
        outline.define("variable", name, node, -1)


def _enumerator(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        outline.define("variable" if parent < 0 else "field", name, node, parent)


def _include(outline: Outline, node: Node, _parent: int) -> None:
    path = node.child_by_field_name("path")
    if path is not None:
        outline.import_all(outline.text(path).strip('"'), node)


def _using(outline: Outline, node: Node, _parent: int) -> None:
    words = outline.text(node).rstrip("; ").split()
    if len(words) == 2 and "::" in words[1]:
        module, _, last = words[1].rpartition("::")
        outline.import_name(last, module, last, node)


def _body(outline: Outline, node: Node, parent: int) -> None:
    body = node.child_by_field_name("body")
    if body is not None and body.type == "declaration_list":
        outline.descend(body, parent)
    elif body is not None:
        # `extern "C" int f(void);`
        outline.starts_at(body, node.start_byte)
        outline.visit([body], parent)


def _includes_by_lines(text: str) -> list[ImportedName]:
    return [
        everything(match[1].strip('"'), number)
        for number, line in enumerate(text.split("\n"))
        if (match := _FALLBACK_INCLUDE.match(line))
    ]


_FALLBACK_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*(\"[^\"\n]+\"|<[^>\n]+>)")
_FALLBACK = re.compile(
    r"^(?:[ \t]*+(?:typedef[ \t]+)?(?:class|struct|union|enum(?:[ \t]+class)?)[ \t]+"
    r"(?:[A-Z_]+[ \t]+)?(?P<class>\w+)(?=[^;()\n]*(?:\{|$))"
    r"|[ \t]*#[ \t]*define[ \t]+(?P<function>\w+)\("
    r"|(?!return\b|else\b|typedef\b|using\b|case\b|goto\b)[A-Za-z_][\w:<>,*& \t]{0,200}?[*& \t]"
    r"(?:\w+::)*(?P<function2>~?[A-Za-z_]\w*)[ \t]*\([^;\n]*$)[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "function_definition": _function,
    "type_definition": _typedef,
    "alias_declaration": _alias,
    "concept_definition": _alias,
    "template_declaration": _template,
    "namespace_definition": _body,
    "linkage_specification": _body,
    "enumerator": _enumerator,
    "preproc_include": _include,
    "using_declaration": _using,
    **dict.fromkeys(("declaration", "field_declaration"), _declaration),
    **dict.fromkeys(_SPECIFIERS, _specifier),
    **dict.fromkeys(("preproc_def", "preproc_function_def"), _macro),
    **dict.fromkeys(
        (
            "preproc_if",
            "preproc_ifdef",
            "preproc_else",
            "preproc_elif",
            "preproc_elifdef",
            "declaration_list",
            "ERROR",
        ),
        nested,
    ),
}

RULES = Rules(_HANDLERS, _FALLBACK, _includes_by_lines)
