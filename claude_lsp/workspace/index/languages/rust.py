"""Rust: definitions and imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import Outline, Rules, base_names, nested

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Handlers

_MAX_USES = 500


def _function(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    outline.define(
        "function" if parent < 0 else "method",
        name,
        node,
        parent,
        head_end=node.end_byte if body is None else body.start_byte,
        returns=node.child_by_field_name("return_type"),
    )


def _type(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None:
        return
    bounds = node.child_by_field_name("bounds")
    in_braces = body is not None and body.type != "ordered_field_declaration_list"
    position = outline.define(
        "class",
        name,
        node,
        parent,
        head_end=body.start_byte if in_braces and body is not None else node.end_byte,
        bases=_bounds(outline, bounds),
    )
    if in_braces:
        outline.descend(body, position)


def _bounds(outline: Outline, bounds: Node | None) -> tuple[str, ...]:
    if bounds is None:
        return ()
    return base_names(outline.text(bounds).lstrip(": ").replace("+", ","))


def _impl(outline: Outline, node: Node, parent: int) -> None:
    """Give the members of an `impl` to their type, which may stand in another file."""
    written, body = node.child_by_field_name("type"), node.child_by_field_name("body")
    trait = node.child_by_field_name("trait")
    names = () if written is None else base_names(outline.text(written))
    if not names or body is None:
        outline.descend(body, parent)
        return
    position = outline.class_named(names[0])
    if position < 0:
        position = outline.define(
            "class", names[0], node, parent, head_end=body.start_byte, line=node.start_point[0]
        )
    if trait is not None:
        outline.add_bases(position, base_names(outline.text(trait)))
    outline.descend(body, position)


def _field(outline: Outline, node: Node, parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        outline.define("variable" if parent < 0 else "field", name, node, parent)


def _macro(outline: Outline, node: Node, _parent: int) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        outline.define("function", name, node, -1)


def _module(outline: Outline, node: Node, parent: int) -> None:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if body is not None:
        outline.descend(body, parent)
    elif name is not None:
        written = outline.text(name)
        # A declaration of a part; what the module needs of it, it names by `use` or a path.
        outline.import_name(written, f"self::{written}", None, node, deferred=True)


def _extern_crate(outline: Outline, node: Node, _parent: int) -> None:
    name, alias = node.child_by_field_name("name"), node.child_by_field_name("alias")
    if name is not None:
        outline.import_name(outline.text(alias or name), outline.text(name), None, node)


def _use(outline: Outline, node: Node, _parent: int) -> None:
    argument = node.child_by_field_name("argument")
    if argument is not None:
        names, stars = _uses(outline.text(argument))
        for local, module, original in names:
            outline.import_name(local, module, original, node)
        for module in stars:
            outline.import_all(module, node)


def _uses(tree: str) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """Return the (local, module, original) names of `a::{self, b as c, d::*}` and its stars."""
    names: list[tuple[str, str, str | None]] = []
    stars: list[str] = []
    prefixes: list[str] = []
    tree = re.sub(r"//[^\n]*|/\*.*?\*/", "", tree, flags=re.DOTALL)
    for token in re.findall(r"[^{},]*\{|[^{},]+|\}", tree)[:_MAX_USES]:
        part = "".join(re.sub(r"\s+as\s+", "=", token.strip()).split())
        outer = "::".join(filter(None, prefixes))
        if part == "}":
            if prefixes:
                prefixes.pop()
        elif part.endswith("{"):
            prefixes.append(part[:-1].removesuffix("::").removeprefix("::"))
        elif part:
            path, _, alias = part.removeprefix("::").partition("=")
            full = f"{outer}::{path}" if outer else path
            module, _, last = full.rpartition("::")
            if last == "*":
                stars.append(module)
            elif last == "self":
                names.append((alias or module.rpartition("::")[2], module, None))
            elif module:
                names.append((alias or last, module, last))
            else:
                names.append((alias or last, last, None))
    return names, stars


_FALLBACK = re.compile(
    r"^[ \t]*+(?:pub(?:\([\w: ]+\))?[ \t]+)?(?:default[ \t]+)?"
    r"(?:const[ \t]+(?=unsafe|async|fn|extern))?"
    r"(?:async[ \t]+)?(?:unsafe[ \t]+)?(?:extern[ \t]+\"[^\"\n]*\"[ \t]+)?"
    r"(?:fn[ \t]+(?P<function>\w+)|(?:struct|enum|trait|union|type)[ \t]+(?P<class>\w+)"
    r"|macro_rules![ \t]*(?P<function2>\w+)"
    r"|(?:const|static(?:[ \t]+mut)?)[ \t]+(?P<variable>\w+)[ \t]*:)"
    r"[^\n]*",
    re.MULTILINE,
)

_HANDLERS: Handlers = {
    "use_declaration": _use,
    "extern_crate_declaration": _extern_crate,
    "mod_item": _module,
    "impl_item": _impl,
    "macro_definition": _macro,
    **dict.fromkeys(("function_item", "function_signature_item"), _function),
    **dict.fromkeys(("struct_item", "enum_item", "union_item", "trait_item", "type_item"), _type),
    **dict.fromkeys(
        ("field_declaration", "enum_variant", "associated_type", "const_item", "static_item"),
        _field,
    ),
    **dict.fromkeys(("foreign_mod_item", "declaration_list", "ERROR"), nested),
}

RULES = Rules(_HANDLERS, _FALLBACK)
