"""Python: definitions and imports."""

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

_DOCSTRING = re.compile(rb'[rRuU]?(?:"""|\'\'\'|"|\')\s*([^\n]*)')
_SELF_FIELD = re.compile(
    rb"\bself\.([A-Za-z_]\w*)[ \t]*(?::([^=\n]+))?=(?!=)[ \t]*(?:([A-Za-z_]\w*)[ \t]*(?=[\n;#]))?"
)
_INDENTED_IMPORT = re.compile(rb"^[ \t]+(from[ \t]+[.\w]|import[ \t]+\w)", re.MULTILINE)
_PARAMETER = re.compile(r"[(,*] ?(\w+): ?((?:[^][,=()]|\[[^][]*(?:\[[^][]*\][^][]*)*\])*)")
_FOR_CHECKERS = re.compile(r"(?:\w+\.)*TYPE_CHECKING|False")
_NOT_FOR_CHECKERS = re.compile(r"not\s+(?:\w+\.)*TYPE_CHECKING")
_AS_PROGRAM = re.compile(r"""__name__\s*==\s*["']__main__["']""")
_FROM = re.compile(r"from\s*([.\w]+)\s*import\s*(.*)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")

_FALLBACK = re.compile(
    r"^[ \t]*+(?:class[ \t]+(?P<class>\w+)|(?:async[ \t]+)?def[ \t]+(?P<function>\w+))[^\n]*",
    re.MULTILINE,
)
_FALLBACK_IMPORT = re.compile(
    r"^[ \t]*+(?:from[ \t]+[.\w]+[ \t]+import[ \t]*(?:\([^()]*\)|[^\n(]+)|import[ \t]+\w[^\n]*)",
    re.MULTILINE,
)


def _class(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or body is None:
        return
    bases = node.child_by_field_name("superclasses")
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_end=body.start_byte,
        bases=() if bases is None else _bases(outline.text(bases)),
        doc=_docstring(outline.source, body.start_byte),
    )
    outline.descend(body, position)


def _bases(arguments: str) -> tuple[str, ...]:
    # `metaclass=...` and its like are no bases; inside brackets nothing is.
    plain = ",".join(part for part in arguments[1:-1].split(",") if "=" not in part)
    return tuple(
        name for name in base_names(plain) if name not in {"object", "Generic", "Protocol"}
    )


def _function(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or body is None:
        return
    position = outline.define(
        "function" if parent < 0 else "method",
        name,
        node,
        parent,
        head_end=body.start_byte,
        returns=node.child_by_field_name("return_type"),
        doc=_docstring(outline.source, body.start_byte),
    )
    if parent >= 0:
        _fields_of_self(outline, body, position)


def _docstring(source: bytes, start: int) -> str:
    match = _DOCSTRING.match(source, start)
    if match is None:
        return ""
    return match[1].decode("utf-8", "replace").rstrip(" \t\"'\\")


def _fields_of_self(outline: Outline, body: Node, method: int) -> None:
    """Add the fields that a method assigns to `self`."""
    source = outline.source
    start, end = body.start_byte, body.end_byte
    first_line = -1
    for match in _SELF_FIELD.finditer(source, start, end):
        name = match[1].decode()
        parent = outline.symbols[method].parent
        if not outline.first_field(parent, name):
            continue
        if first_line < 0:
            first_line = body.start_point[0]
        line = first_line + source.count(b"\n", start, match.start())
        signature = rest_of_line(source, match.start(), end)
        types = type_names(signature, name)
        if match[3] is not None and match[2] is None:
            # `self.x = x` has the type that the signature gives the parameter.
            types = types or _parameter_types(outline.symbols[method].signature, match[3].decode())
        outline.symbols.append(
            Symbol(name, "field", parent, line, line, signature, "", (), types, ())
        )


def _parameter_types(signature: str, parameter: str) -> tuple[str, ...]:
    for match in _PARAMETER.finditer(signature):
        if match[1] == parameter:
            return type_names(match[2], "")
    return ()


def _decorated(outline: Outline, node: Node, parent: int) -> None:
    outline.visit(node.named_children[-1:], parent)


def _statement(outline: Outline, node: Node, parent: int) -> None:
    """Add what an assignment defines, unless it stands in a function."""
    child = node.named_child(0) if node.named_child_count else None
    if child is None or child.type != "assignment":
        return
    target = child.child_by_field_name("left")
    if target is None:
        return
    if target.type == "identifier":
        targets = [target]
    elif target.type in {"pattern_list", "tuple_pattern", "list_pattern"}:
        targets = [one for one in target.named_children if one.type == "identifier"]
    else:
        return
    for name in targets:
        if parent < 0 or outline.first_field(parent, outline.text(name)):
            outline.define("variable" if parent < 0 else "field", name, child, parent)


def _type_alias(outline: Outline, node: Node, parent: int) -> None:
    left = node.child_by_field_name("left")
    if left is not None:
        name = left
        while name.type != "identifier" and name.named_child_count:
            name = name.named_children[0]
        outline.define("class", name, node, parent)


def _import(outline: Outline, node: Node, _parent: int) -> None:
    line, column = node.start_point
    names = _parse_import(outline.text(node), line)
    if column and (block := node.parent) is not None:
        known = outline.blocks.get(block.id)
        if known is None:
            known = outline.blocks[block.id] = _when(outline, node)
        deferred, type_only, guarded = known
        if deferred or type_only or guarded:
            names = [
                one._replace(deferred=deferred, type_only=type_only, guarded=guarded)
                for one in names
            ]
    outline.imports += names


def _when(outline: Outline, node: Node) -> tuple[bool, bool, bool]:
    """Return whether an import is deferred, type-only and guarded (see `ImportedName`)."""
    deferred = type_only = guarded = False
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type == "function_definition":
            deferred = True
        elif outer.type == "try_statement":
            guarded = True
        elif outer.type in {"if_statement", "elif_clause"}:
            guarded = True
            test = outer.child_by_field_name("condition")
            condition = "" if test is None else outline.text(test)
            if outer.child_by_field_name("consequence") == inner:
                type_only |= bool(_FOR_CHECKERS.fullmatch(condition))
                deferred |= bool(_AS_PROGRAM.fullmatch(condition))
            elif inner.type in {"elif_clause", "else_clause"}:
                type_only |= bool(_NOT_FOR_CHECKERS.fullmatch(condition))
        inner, outer = outer, outer.parent
    return deferred, type_only, guarded


def _parse_import(statement: str, line: int) -> list[ImportedName]:
    """Return the names that an import statement gives."""
    if "#" in statement:
        statement = _COMMENT.sub("", statement)
    if "\\" in statement:
        statement = statement.replace("\\\n", " ")
    names: list[ImportedName] = []
    if match := _FROM.match(statement):
        module = match[1]
        for part in match[2].strip("() \n\t;").split(","):
            words = part.split()
            if not words:
                continue
            if words[0] == "*":
                names.append(everything(module, line))
            else:
                local = words[2] if len(words) == 3 else words[0]
                names.append(ImportedName(local, module, words[0], line))
        return names
    for part in statement.strip()[len("import") :].split(","):
        words = part.split()
        if not words:
            continue
        module = words[0]
        if len(words) == 3:
            names.append(ImportedName(words[2], module, None, line))
            continue
        # `import a.b` binds `a`, and makes `a.b` usable by its full name.
        top = module.split(".")[0]
        names.append(ImportedName(top, top, None, line))
        if top != module:
            names.append(ImportedName(module, module, None, line))
    return names


def _finish(outline: Outline, root: Node) -> None:
    """Add the imports inside of functions, which the walk does not reach."""
    known = {one.line for one in outline.imports}
    source = outline.source
    line, counted = 0, 0
    for match in _INDENTED_IMPORT.finditer(source):
        line += source.count(b"\n", counted, match.start())
        counted = match.start()
        if line in known:
            continue
        start = match.start(1)
        # In a docstring the same words are no import: the tree knows.
        node = root.descendant_for_byte_range(start, start + 1)
        statement = None if node is None else node.parent
        if statement is not None and statement.type in (
            "import_statement",
            "import_from_statement",
        ):
            _import(outline, statement, -1)


def _imports_by_lines(text: str) -> list[ImportedName]:
    names: list[ImportedName] = []
    line, counted = 0, 0
    for match in _FALLBACK_IMPORT.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        statement = match[0].lstrip()
        more = _parse_import(statement, line)
        # What holds an indented one cannot be told; most often it is a function.
        if statement != match[0]:
            more = [one._replace(deferred=True) for one in more]
        names += more
    return names


_HANDLERS: Handlers = {
    "class_definition": _class,
    "function_definition": _function,
    "decorated_definition": _decorated,
    "expression_statement": _statement,
    "type_alias_statement": _type_alias,
    "import_statement": _import,
    "import_from_statement": _import,
} | dict.fromkeys(
    (
        "if_statement",
        "elif_clause",
        "else_clause",
        "try_statement",
        "except_clause",
        "finally_clause",
        "with_statement",
        "for_statement",
        "while_statement",
        "match_statement",
        "case_clause",
        "block",
        "ERROR",
    ),
    nested,
)

RULES = Rules(_HANDLERS, _FALLBACK, _imports_by_lines, _finish, "#")
