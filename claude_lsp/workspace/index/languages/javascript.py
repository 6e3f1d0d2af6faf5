"""JavaScript and TypeScript, with and without JSX: definitions, imports and re-exports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.languages.javascript_imports import (
    REQUIRE,
    add_import,
    add_imports_in_passing,
    add_required,
    imports_by_lines,
)
from claude_lsp.workspace.index.outline import (
    Outline,
    Rules,
    base_names,
    nested,
    rest_of_line,
    type_names,
)
from claude_lsp.workspace.index.records import MAX_SIGNATURE, Symbol

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

_FUNCTIONS = {"arrow_function", "function_expression", "generator_function"}
_MODIFIERS = {"accessibility_modifier", "readonly", "override_modifier"}
_HERITAGE_PARTS = {"class_heritage", "extends_clause", "call_expression", "type_arguments"}
_HERITAGE = re.compile(r"\b(?:extends|implements)\b")
_THIS_FIELD = re.compile(rb"\bthis\.([A-Za-z_$#][\w$]*)\s*=(?![=>])")
_EXPORTS = re.compile(r"(?:module\s*\.\s*)?exports(?:\s*\.\s*([\w$]+))?")
_PROTOTYPE = re.compile(r"[\w$.]+\.prototype\.([\w$]+)")


def _function(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    outline.define(
        "function" if parent < 0 else "method",
        "default" if name is None else name,
        node,
        parent,
        head_end=node.end_byte if body is None else body.start_byte,
        returns=node.child_by_field_name("return_type"),
    )


def _class(outline: Outline, node: Node, parent: int) -> None:
    _define_class(outline, node, node, parent)


def _define_class(
    outline: Outline, node: Node, whole: Node, parent: int, name: Node | None = None
) -> None:
    name = name or node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    bases: tuple[str, ...] = ()
    inherited: list[Node] = []
    start = outline.start_of(whole)
    for child in node.named_children:
        if child.type == "decorator" and start == whole.start_byte:
            outline.starts_at(whole, start := _after(outline.source, child.end_byte))
        elif child.type in {"class_heritage", "extends_type_clause", "extends_clause"}:
            bases += base_names(_HERITAGE.sub(",", outline.text(child)))
            inherited += _object_types(child)
    position = outline.define(
        "class",
        "default" if name is None else name,
        whole,
        parent,
        head_end=node.end_byte if body is None else body.start_byte,
        bases=bases,
        doc=outline.comment_above(min(start, whole.start_byte)),
    )
    outline.descend(body, position)
    for part in inherited:
        outline.descend(part, position)


def _object_types(heritage: Node) -> list[Node]:
    """Return the object types that bases take: `class Form extends Component<{ name: string }>`.

    What makes classes gives their instances these members.
    """
    found: list[Node] = []
    waiting = [heritage]
    while waiting:
        node = waiting.pop(0)
        if node.type == "object_type":
            found.append(node)
        elif node.type in _HERITAGE_PARTS:
            waiting += node.named_children
    return found


def _after(source: bytes, end: int) -> int:
    while source[end : end + 1].isspace():
        end += 1
    return end


def _type_alias(outline: Outline, node: Node, parent: int) -> None:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name is None:
        return
    objects: list[Node] = []
    parts = [] if value is None else [value]
    while parts:
        part = parts.pop()
        if part.type == "object_type":
            objects.insert(0, part)
        elif part.type in {"intersection_type", "parenthesized_type"}:
            parts += part.named_children
    whole_object = value is not None and value.type == "object_type"
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_end=value.start_byte if whole_object and value is not None else node.end_byte,
    )
    for part in reversed(objects):
        outline.descend(part, position)


def _namespace(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or name.type == "string":
        outline.descend(body, parent)
        return
    head_end = node.end_byte if body is None else body.start_byte
    outline.descend(body, outline.define("class", name, node, parent, head_end=head_end))


def _method(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is None or parent < 0 or name.type == "computed_property_name":
        return
    body = node.child_by_field_name("body")
    written = outline.text(name).strip("'\"")
    position = outline.define(
        "method",
        written,
        node,
        parent,
        head_end=node.end_byte if body is None else body.start_byte,
        returns=node.child_by_field_name("return_type"),
        line=name.start_point[0],
    )
    if written == "constructor":
        _parameter_properties(outline, node.child_by_field_name("parameters"), parent)
        if body is not None:
            _fields_of_this(outline, body, position)


def _parameter_properties(outline: Outline, parameters: Node | None, parent: int) -> None:
    for parameter in () if parameters is None else parameters.named_children:
        name = parameter.child_by_field_name("pattern")
        if name is not None and any(child.type in _MODIFIERS for child in parameter.children):
            outline.first_field(parent, outline.text(name))
            outline.define("field", name, parameter, parent, head_end=parameter.end_byte, doc="")


def _fields_of_this(outline: Outline, body: Node, method: int) -> None:
    source, start, end = outline.source, body.start_byte, body.end_byte
    parent = outline.symbols[method].parent
    for match in _THIS_FIELD.finditer(source, start, end):
        name = match[1].decode()
        if not outline.first_field(parent, name):
            continue
        line = body.start_point[0] + source.count(b"\n", start, match.start())
        signature = rest_of_line(source, match.start(), end)
        types = type_names(signature, name)
        outline.symbols.append(Symbol(name, "field", parent, line, line, signature, types=types))


def _field(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is None or parent < 0 or name.type == "computed_property_name":
        return
    written = outline.text(name).strip("'\"")
    value = node.child_by_field_name("value")
    if not outline.first_field(parent, written):
        return
    if value is not None and value.type in _FUNCTIONS:
        _define_function_value(outline, written, node, parent, name=name, value=value)
        return
    head_start = node.start_byte
    for child in node.named_children:
        if child.type == "decorator":
            head_start = _after(outline.source, child.end_byte)
    outline.define(
        "field",
        written,
        node,
        parent,
        line=name.start_point[0],
        head_start=head_start,
        head_end=_declared_end(outline, node, head_start),
        doc_start=node.start_byte,
    )


def _declared_end(outline: Outline, node: Node, start: int) -> int:
    """Return the end of the first line, or of the type if that goes on behind it."""
    end = outline.source.find(b"\n", start, node.end_byte)
    end = node.end_byte if end < 0 else end
    declared = node.child_by_field_name("type")
    return end if declared is None else max(end, declared.end_byte)


def _define_function_value(
    outline: Outline, written: str, whole: Node, parent: int, *, name: Node, value: Node
) -> None:
    body = value.child_by_field_name("body")
    outline.define(
        "function" if parent < 0 else "method",
        written,
        whole,
        parent,
        line=name.start_point[0],
        head_end=value.end_byte if body is None else body.start_byte,
        returns=value.child_by_field_name("return_type"),
    )


def _enum_member(outline: Outline, node: Node, parent: int) -> None:
    if parent >= 0:
        outline.define("field", node, node, parent)


def _variables(outline: Outline, node: Node, parent: int) -> None:
    start = outline.start_of(node)
    for declarator in node.named_children:
        if declarator.type != "variable_declarator":
            continue
        name = declarator.child_by_field_name("name")
        value = declarator.child_by_field_name("value")
        if name is None:
            continue
        if value is not None and value.type in {
            "call_expression",
            "member_expression",
            "await_expression",
        }:
            match = REQUIRE.match(outline.text(declarator)[: 4 * MAX_SIGNATURE])
            if match is not None:
                add_required(outline, match, node)
                continue
        if name.type != "identifier":
            for part in _destructured(name) if parent < 0 else ():
                outline.define("variable", part, declarator, parent, head_start=start)
            continue
        outline.starts_at(declarator, start)
        _variable(outline, declarator, name, value, parent)
        start = declarator.start_byte


def _destructured(pattern: Node) -> list[Node]:
    """Return the names that a flat pattern binds: `{ a, b: c }` gives a and c."""
    parts = [one.child_by_field_name("value") or one for one in pattern.named_children]
    kinds = {"shorthand_property_identifier_pattern", "identifier"}
    return [part for part in parts if part.type in kinds]


def _variable(
    outline: Outline, declarator: Node, name: Node, value: Node | None, parent: int
) -> None:
    kind = "" if value is None else value.type
    if value is not None and kind in _FUNCTIONS:
        _define_function_value(
            outline, outline.text(name), declarator, parent, name=name, value=value
        )
        return
    if value is not None and kind == "class":
        _define_class(outline, value, declarator, parent, name)
        return
    functions = _functions_of(value) if value is not None and kind == "object" else []
    start = outline.start_of(declarator)
    position = outline.define(
        "class" if functions else "variable" if parent < 0 else "field",
        name,
        declarator,
        parent,
        head_end=_declared_end(outline, declarator, start),
    )
    for function in functions:
        _object_member(outline, function, position)


def _functions_of(value: Node) -> list[Node]:
    """Return the members of an object that are functions: such an object serves as a class."""
    return [
        child
        for child in value.named_children
        if child.type == "method_definition"
        or (
            child.type == "pair"
            and (inner := child.child_by_field_name("value")) is not None
            and inner.type in _FUNCTIONS
        )
    ]


def _object_member(outline: Outline, node: Node, parent: int) -> None:
    if node.type == "method_definition":
        name, value = node.child_by_field_name("name"), node
    else:
        name, value = node.child_by_field_name("key"), node.child_by_field_name("value") or node
    if name is not None and name.type != "computed_property_name":
        written = outline.text(name).strip("'\"")
        _define_function_value(outline, written, node, parent, name=name, value=value)


def _export(outline: Outline, node: Node, parent: int) -> None:
    if node.child_by_field_name("source") is not None:
        add_import(outline, node, parent)
        return
    declaration = node.child_by_field_name("declaration")
    children = node.children
    start = next((one.start_byte for one in children if one.type == "export"), node.start_byte)
    is_default = any(one.type in {"default", "="} for one in children)
    if declaration is not None:
        outline.starts_at(declaration, start)
        name = declaration.child_by_field_name("name")
        if is_default and name is not None:
            outline.import_name("default", "", outline.text(name), node)
        outline.visit([declaration], parent)
        return
    for child in node.named_children:
        if child.type == "export_clause":
            _renamed(outline, child)
        elif is_default and child.type == "identifier":
            outline.import_name("default", "", outline.text(child), node)
        elif is_default and child.type in _FUNCTIONS:
            outline.starts_at(node, start)
            _define_function_value(outline, "default", node, parent, name=child, value=child)
        elif is_default and child.type == "class":
            outline.starts_at(node, start)
            _define_class(outline, child, node, parent)
        elif is_default and child.type == "object":
            position = outline.define("class", "default", node, parent, head_start=start)
            for function in _functions_of(child):
                _object_member(outline, function, position)
        elif is_default and child.type not in {"decorator", "comment"}:
            outline.define("variable", "default", node, parent, head_start=start)


def _renamed(outline: Outline, clause: Node) -> None:
    """Add `export { a as b }`: another name of this file for something of this file."""
    for one in clause.named_children:
        name, alias = one.child_by_field_name("name"), one.child_by_field_name("alias")
        if name is not None and alias is not None:
            outline.import_name(outline.text(alias), "", outline.text(name), one)


def _statement(outline: Outline, node: Node, parent: int) -> None:
    """Look into what stands alone: namespaces, `exports.x = ...`, functions called at once."""
    child = node.named_child(0) if node.named_child_count else None
    if child is None:
        return
    if child.type == "assignment_expression":
        _assignment(outline, node, child, parent)
    elif child.type == "call_expression":
        called = child.child_by_field_name("function")
        while called is not None and called.type == "parenthesized_expression":
            called = called.named_child(0) if called.named_child_count else None
        if called is not None and called.type in _FUNCTIONS:
            outline.descend(called.child_by_field_name("body"), parent)
    else:
        outline.visit([child], parent)


def _assignment(outline: Outline, statement: Node, node: Node, parent: int) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or left.type not in {"member_expression", "identifier"}:
        return
    target = outline.text(left)[:MAX_SIGNATURE]
    if match := _PROTOTYPE.fullmatch(target):
        if right.type in _FUNCTIONS:
            _define_function_value(outline, match[1], statement, parent, name=left, value=right)
        return
    match = _EXPORTS.fullmatch(target)
    if match is None:
        return
    name = match[1] or "default"
    if right.type == "identifier":
        if outline.text(right) != name:
            outline.import_name(name, "", outline.text(right), statement)
    elif right.type in _FUNCTIONS:
        _define_function_value(outline, name, statement, parent, name=left, value=right)
    elif right.type == "class":
        inner = right.child_by_field_name("name")
        _define_class(outline, right, statement, parent, inner)
        if inner is not None:
            outline.import_name(name, "", outline.text(inner), statement)
    elif right.type == "object" and match[1] is None:
        for function in _functions_of(right):
            _object_member(outline, function, parent)
    elif found := REQUIRE.match(f"{name} = {outline.text(right)[:MAX_SIGNATURE]}"):
        add_required(outline, found, statement)
    elif match[1]:
        outline.define("variable", name, statement, parent)


_FALLBACK = re.compile(
    r"^(?:export[ \t]+)?(?:declare[ \t]+)?(?:default[ \t]+)?(?:abstract[ \t]+)?(?:async[ \t]+)?"
    r"(?:(?:class|interface|enum|type(?=[ \t]+[\w$]+[ \t]*[<=]))[ \t]+(?P<class>[\w$]+)"
    r"|namespace[ \t]+(?P<class2>[\w$.]+)"
    r"|function[ \t]*\*?[ \t]*(?P<function>[\w$]+)"
    r"|(?:const|let|var)[ \t]+(?P<function2>[\w$]+)"
    r"(?=[ \t]*=[ \t]*(?:async[ \t]*)?(?:[(<]|function\b))"
    r"|(?:const|let|var)[ \t]+(?P<variable>[\w$]+))[^\n]*",
    re.MULTILINE,
)
_HANDLERS: Handlers = {
    "export_statement": _export,
    "import_statement": add_import,
    "lexical_declaration": _variables,
    "variable_declaration": _variables,
    "expression_statement": _statement,
    "type_alias_declaration": _type_alias,
    "internal_module": _namespace,
    "module": _namespace,
    "enum_assignment": _field,
    "public_field_definition": _field,
    "field_definition": _field,
    "property_signature": _field,
    "property_identifier": _enum_member,
    **dict.fromkeys(
        ("method_definition", "method_signature", "abstract_method_signature"), _method
    ),
    **dict.fromkeys(
        ("function_declaration", "generator_function_declaration", "function_signature"), _function
    ),
    **dict.fromkeys(
        (
            "class_declaration",
            "abstract_class_declaration",
            "interface_declaration",
            "enum_declaration",
        ),
        _class,
    ),
    **dict.fromkeys(
        (
            "ambient_declaration",
            "statement_block",
            "if_statement",
            "else_clause",
            "try_statement",
            "labeled_statement",
            "ERROR",
        ),
        nested,
    ),
}

RULES = Rules(_HANDLERS, _FALLBACK, imports_by_lines, add_imports_in_passing)
