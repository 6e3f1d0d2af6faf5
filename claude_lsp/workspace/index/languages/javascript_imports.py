"""JavaScript and TypeScript: imports in all their forms, and names passed on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.records import ImportedName

if TYPE_CHECKING:
    from tree_sitter import Node

    from claude_lsp.workspace.index.outline import Imports, Outline

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FROM = re.compile(
    r"(import|export)\b\s*(?:type\b(?!\s*(?:,|from\b)))?\s*([^'\"]*?)\s*from\s*['\"]([^'\"\n]+)['\"]"
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
    names, stars = _parse_import(outline.text(node), node.start_point[0])
    outline.imports += names
    outline.stars += stars


def _parse_import(statement: str, line: int) -> Imports:
    if "/*" in statement or "//" in statement.split("from", maxsplit=1)[0]:
        statement = _COMMENT.sub("", statement)
    match = _FROM.match(statement)
    if match is None:
        if bare := _BARE.match(statement):
            return [ImportedName("", bare[1], None, line)], []
        if clause := _REQUIRE_CLAUSE.match(statement):
            return [ImportedName(clause[1], clause[2], None, line)], []
        return [], []
    keyword, what, module = match.groups()
    names: list[ImportedName] = []
    outside, brace, inside = what.partition("{")
    stars = []
    for part in outside.split(","):
        words = part.split()
        if words and words[0] == "*":
            if len(words) == 3:
                names.append(ImportedName(words[2], module, None, line))
            elif keyword == "export":
                stars.append(module)
        elif words:
            names.append(ImportedName(words[0], module, "default", line))
    for part in inside.rstrip("} \n\t,").split(",") if brace else ():
        words = [word for word in part.split() if word != "type"] or part.split()
        if words:
            names.append(ImportedName(words[-1], module, words[0], line))
    return names or ([] if stars else [ImportedName("", module, None, line)]), stars


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
    known = {one.module for one in outline.imports} | set(outline.stars)
    for match in _DYNAMIC.finditer(outline.source):
        module = match[1].decode("utf-8", "replace")
        if module in known:
            continue
        node = root.descendant_for_byte_range(match.start(), match.start() + 1)
        if node is not None and node.type in {"import", "identifier"}:
            known.add(module)
            outline.import_name("", module, None, node)


def imports_by_lines(text: str) -> Imports:
    """Return what lines that look like imports name."""
    names: list[ImportedName] = []
    stars: list[str] = []
    line, counted = 0, 0
    for match in _FALLBACK_IMPORT.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        more, whole = _parse_import(match[0], line)
        names += more
        stars += whole
    return names, stars
