"""Definitions guessed by lines, for what the grammar of a language does not take.

Half-typed buffers, new syntax and large generated files leave errors in the tree; whole
declarations are then missing from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from claude_lsp.workspace.index.outline import MAX_SYMBOLS, one_line, type_names
from claude_lsp.workspace.index.records import MAX_SIGNATURE, Symbol, SymbolKind

if TYPE_CHECKING:
    import re

_KIND_IN_CLASS: dict[SymbolKind, SymbolKind] = {"function": "method", "variable": "field"}
_CLOSERS = ("}", ")", "]", "end")


def definitions_by_lines(text: str, pattern: re.Pattern[str]) -> list[Symbol]:
    """Return the definitions that a pattern finds, nested by their indentation.

    Args:
        text: with line feeds only.
        pattern: as `Rules.fallback` describes it; a match must start at the start of its line.
    """
    found: list[Symbol] = []
    ends: list[int] | None = None
    line, counted = 0, 0
    for match in pattern.finditer(text):
        if match.lastgroup is None:
            continue
        if ends is None:
            ends = _ends(text.split("\n"))
        line += text.count("\n", counted, match.start())
        counted = match.start()
        kind = cast("SymbolKind", match.lastgroup.rstrip("0123456789"))
        name = match[match.lastgroup]
        signature = one_line(match[0][: 4 * MAX_SIGNATURE].encode())
        types = type_names(signature, name)
        found.append(Symbol(name, kind, -1, line, ends[line], signature, types=types))
        if len(found) == MAX_SYMBOLS:
            break
    return merge([], found)


def merge(parsed: list[Symbol], guessed: list[Symbol]) -> list[Symbol]:
    """Return definitions from the tree together with the guessed ones that it lacks.

    What a guessed class encloses becomes its member; what a function encloses is a local of it,
    and left out.
    """
    known = {(one.name, one.line) for one in parsed}
    entries = [(one, position) for position, one in enumerate(parsed)]
    entries += [(one, -1) for one in guessed if (one.name, one.line) not in known]
    entries.sort(key=lambda entry: (entry[0].line, -entry[0].end))
    merged: list[Symbol] = []
    moved: dict[int, int] = {}
    enclosing: list[int] = []
    for one, position in entries:
        while enclosing and merged[enclosing[-1]].end < one.line:
            enclosing.pop()
        outer = enclosing[-1] if enclosing else -1
        kind, parent = one.kind, one.parent if position >= 0 else -1
        if outer >= 0 and parent < 0:
            holder = merged[outer]
            if holder.kind == "class" and holder.line < one.line:
                # The tree knows what is inside of a class that it took.
                if position < 0 or outer not in moved.values():
                    kind, parent = _KIND_IN_CLASS.get(kind, kind), -2 - outer
            elif position < 0 and holder.kind in {"function", "method"}:
                continue
        if position >= 0:
            moved[position] = len(merged)
        if kind in {"class", "function", "method"} and one.end > one.line:
            enclosing.append(len(merged))
        merged.append(one._replace(kind=kind, parent=parent))
    # Parents were positions in `parsed`, or, written as -2 - position, already in `merged`.
    return [
        one._replace(parent=moved[one.parent] if one.parent >= 0 else -2 - one.parent)
        if one.parent != -1
        else one
        for one in merged
    ]


def _ends(lines: list[str]) -> list[int]:
    """Return for each line the last line of what it starts, by indentation alone."""
    ends = list(range(len(lines)))
    # Lines that wait for one that is indented no deeper, with their depths.
    waiting: list[tuple[int, int]] = []
    last = 0
    for number, line in enumerate(lines):
        content = line.lstrip()
        if not content:
            continue
        depth = len(line) - len(content)
        while waiting and waiting[-1][1] >= depth:
            start, start_depth = waiting.pop()
            closes = start_depth == depth and content.startswith(_CLOSERS)
            ends[start] = number if closes else last
        waiting.append((number, depth))
        last = number
    for start, _ in waiting:
        ends[start] = last
    return ends
