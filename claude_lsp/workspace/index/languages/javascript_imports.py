"""JavaScript and TypeScript: imports in all their forms, and names passed on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.records import ImportedName, everything

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Outline

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FROM = re.compile(
    r"(import|export)\b\s*(type\b(?!\s*(?:,|from\b)))?\s*([^'\"]*?)\s*from\s*['\"]([^'\"\n]+)['\"]"
)
_BARE = re.compile(r"import\s*['\"]([^'\"\n]+)['\"]")
_REQUIRE_CLAUSE = re.compile(r"import\s+([\w$]+)\s*=\s*require\s*\(\s*['\"]([^'\"\n]+)['\"]")
REQUIRE = re.compile(
    r"(\{[^}]*\}|[\w$]+)\s*=\s*(?:require|await\s+import)\s*"
    r"\(\s*['\"]([^'\"\n]+)['\"]\s*\)(?:\.([\w$]+))?"
)
_DYNAMIC = re.compile(rb"\b(?:import|require)\s*\(\s*['\"]([^'\"\n]+)['\"]")
# Never beyond the next import: many unfinished ones would each be looked for in all that follows.
_FALLBACK_IMPORT = re.compile(
    r"^(?:import|export)\b[^;'\"()\n]*(?:\n(?!(?:import|export)\b)[^;'\"()\n]*){0,200}?"
    r"\bfrom[ \t]*['\"][^'\"\n]+['\"]"
    r"|^import[ \t]*['\"][^'\"\n]+['\"]",
    re.MULTILINE,
)


def add_import(outline: Outline, node: Node, _parent: int) -> None:
    """Add what an `import`, or an `export ... from`, names."""
    outline.imports += _parse_import(outline.text(node), node.start_point[0])


def _parse_import(statement: str, line: int) -> list[ImportedName]:
    if "/*" in statement or "//" in statement.split("from", maxsplit=1)[0]:
        statement = _COMMENT.sub("", statement)
    match = _FROM.match(statement)
    if match is None:
        if bare := _BARE.match(statement):
            return [ImportedName("", bare[1], None, line)]
        if clause := _REQUIRE_CLAUSE.match(statement):
            return [ImportedName(clause[1], clause[2], None, line)]
        return []
    keyword, typed, what, module = match.groups()
    type_only = typed is not None
    names: list[ImportedName] = []
    outside, brace, inside = what.partition("{")
    for part in outside.split(","):
        words = part.split()
        if words and words[0] == "*":
            if len(words) == 3:
                names.append(ImportedName(words[2], module, None, line, type_only=type_only))
            elif keyword == "export":
                names.append(everything(module, line)._replace(type_only=type_only))
        elif words:
            names.append(ImportedName(words[0], module, "default", line, type_only=type_only))
    for part in inside.rstrip("} \n\t,").split(",") if brace else ():
        words = [word for word in part.split() if word != "type"] or part.split()
        if words:
            alone = type_only or (part.split()[0] == "type" and len(part.split()) > 1)
            names.append(ImportedName(words[-1], module, words[0], line, type_only=alone))
    return names or [ImportedName("", module, None, line)]


def add_required(outline: Outline, match: re.Match[str], node: Node) -> None:
    """Add what `x = require(...)` names; `match` is one of `REQUIRE`."""
    target, module, member = match.groups()
    if not target.startswith("{"):
        outline.import_name(target, module, member, node)
        return
    for part in target[1:-1].split(","):
        words = part.split("=")[0].replace(":", " ").split()
        if words and "..." not in words[0]:
            outline.import_name(words[-1], module, words[0], node)


def add_imports_in_passing(outline: Outline, root: Node) -> None:
    """Add what is imported in passing: `import("./x")`, `require("./x")` inside of functions."""
    known = {one.module for one in outline.imports}
    for match in _DYNAMIC.finditer(outline.source):
        module = match[1].decode("utf-8", "replace")
        if module in known:
            continue
        node = root.descendant_for_byte_range(match.start(), match.start() + 1)
        if node is not None and node.type in {"import", "identifier"}:
            known.add(module)
            deferred = node.type == "import" or _in_function(node)
            outline.import_name("", module, None, node, deferred=deferred)


def _in_function(node: Node) -> bool:
    holder = node.parent
    while holder is not None:
        if "function" in holder.type or holder.type == "method_definition":
            return True
        holder = holder.parent
    return False


def imports_by_lines(text: str) -> list[ImportedName]:
    """Return what lines that look like imports name."""
    names: list[ImportedName] = []
    line, counted = 0, 0
    for match in _FALLBACK_IMPORT.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        names += _parse_import(match[0], line)
    return names
