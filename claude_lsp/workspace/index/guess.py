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

_IN_CLASS: dict[SymbolKind, SymbolKind] = {"function": "method", "variable": "field"}
_OUTSIDE: dict[SymbolKind, SymbolKind] = {"method": "function", "field": "variable"}
_CLOSERS = ("}", ")", "]", "end")


def with_guesses(parsed: list[Symbol], text: str, pattern: re.Pattern[str]) -> list[Symbol]:
    """Return definitions from a faulty tree, mended, with those that lines look like.

    What a class encloses by indentation becomes its member; what a function encloses is a local
    of it, and left out. A definition from the tree ends where a line is indented no deeper: in
    the tree it may have swallowed the rest of the file.

    Args:
        parsed: what the tree gave, in the order of the text.
        text: with line feeds only.
        pattern: as `Rules.fallback` describes it; a match must start at the start of its line.
    """
    lines = text.split("\n")
    known = {(one.name, one.line) for one in parsed}
    guessed = [one for one in _guesses(text, lines, pattern) if (one.name, one.line) not in known]
    if not guessed and not parsed:
        return []
    depths = [len(line) - len(line.lstrip()) for line in lines]
    entries = [*((one, position) for position, one in enumerate(parsed))]
    entries += [(one, -1) for one in guessed]
    entries.sort(key=lambda entry: (entry[0].line, entry[1] < 0, -entry[0].end))
    merged: list[Symbol] = []
    moved: dict[int, int] = {}
    # Parents that stand in `parsed` and may come further down in the text.
    awaited: list[tuple[int, int]] = []
    enclosing: list[int] = []
    for one, position in entries:
        while enclosing and _ends_before(holder := merged[enclosing[-1]], one, depths):
            if holder.end >= one.line:
                merged[enclosing[-1]] = holder._replace(end=one.line - 1)
            enclosing.pop()
        kind, parent = one.kind, -1
        if one.parent >= 0 and not _ends_before(parsed[one.parent], one, depths, far=True):
            awaited.append((len(merged), one.parent))
        else:
            if one.parent >= 0:
                kind = _OUTSIDE.get(kind, kind)
            if enclosing:
                holder = merged[enclosing[-1]]
                if holder.kind == "class" and holder.line < one.line:
                    kind, parent = _IN_CLASS.get(kind, kind), enclosing[-1]
                elif position < 0 and holder.kind != "class":
                    continue
        if position >= 0:
            moved[position] = len(merged)
        if kind in {"class", "function", "method"} and one.end > one.line:
            enclosing.append(len(merged))
        merged.append(one._replace(kind=kind, parent=parent))
    for place, parent in awaited:
        merged[place] = merged[place]._replace(parent=moved[parent])
    return merged


def _ends_before(holder: Symbol, one: Symbol, depths: list[int], *, far: bool = False) -> bool:
    """Return whether a definition has ended where another one starts.

    Args:
        holder: the one that may enclose the other.
        one: the other, on the same line or further down.
        depths: how deep each line is indented.
        far: what lies outside of the holder's lines counts as not ended: a method may be
            written apart from its class.
    """
    if not holder.line <= one.line <= holder.end:
        return not far
    return holder.line < one.line and depths[one.line] <= depths[holder.line]


def _guesses(text: str, lines: list[str], pattern: re.Pattern[str]) -> list[Symbol]:
    found: list[Symbol] = []
    ends: list[int] = []
    line, counted = 0, 0
    for match in pattern.finditer(text):
        if match.lastgroup is None:
            continue
        ends = ends or _ends(lines)
        line += text.count("\n", counted, match.start())
        counted = match.start()
        kind = cast("SymbolKind", match.lastgroup.rstrip("0123456789"))
        name = match[match.lastgroup]
        signature = one_line(match[0][: 4 * MAX_SIGNATURE + 1].encode())
        if signature.endswith("}"):
            # The body is on the same line.
            signature = signature.rpartition(" {")[0] or signature
        types = type_names(signature, name)
        found.append(Symbol(name, kind, -1, line, ends[line], signature, types=types))
        if len(found) == MAX_SYMBOLS:
            break
    return found


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
