"""A finding's identity: the same across runs, rewordings, line shifts and reformatting.

It is made of the rule, the path, the symbols around the focus line, that line without blanks and
comments, and a counter among equal lines of the same symbol. No message and no line number, both
of which change while the finding stays what it is. Symbols are found by indentation, so that a
half-edited file that no parser accepts has them too.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from claude_lsp.findings.finding import Landmarks
from claude_lsp.findings.line_hash import line_hashes
from claude_lsp.text.lines import split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.text.lines import LineIndex

_VERSION = "v1"
_TAB = 4
_LINE_LIMIT = 400
"""Characters of a line in which a symbol's name is looked for: minified code has none."""

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|fileprivate|static|final|abstract"
    r"|async|pub(?:\([^)]*\))?|unsafe|const|extern(?:\s+\"[^\"]*\")?|virtual|override|inline"
    r"|sealed|partial|open|data|suspend|local|declare|readonly|typedef|companion|case)\s+)*"
)
_DECLARATION = re.compile(
    rf"\s*{_MODIFIERS}(?:"
    r"impl\b(?P<impl>[^{]*)"
    r"|func\s*(?:\((?P<receiver>[^)]*)\)\s*)(?P<method>\w+)"
    r"|(?:def|class|function\s*\*?|fn|func|fun|struct|enum|interface|trait|module|mod|namespace"
    r"|object|record|protocol|extension|type|union|sub|defmodule|defp|defmacro|macro_rules!)"
    r"\s+(?P<name>[\w.:$?!]+)"
    r")"
)
_ASSIGNED_FUNCTION = re.compile(
    rf"\s*{_MODIFIERS}(?:(?:const|let|var)\s+)?(?P<name>[\w.$]+)\s*[:=]\s*"
    r"(?:async\s+)?(?:function\b|(?:\([^()]*\)|\w+)\s*=>)"
)
_TEST_CASE = re.compile(r"\s*(?:describe|context|it|test)(?:\.\w+)*\(\s*(?P<name>[\"'`].*?[\"'`])")
# Both end in a block: a method without a keyword, and a function after its type.
_METHOD = re.compile(rf"\s*{_MODIFIERS}(?:get\s+|set\s+|\*\s*)?#?(?P<name>~?[\w$]+)\s*\(.*[{{]\s*$")
_TYPED_FUNCTION = re.compile(
    r"\s*(?P<type>(?:[\w:<>,*&\[\]~.]+\s+)+)[*&]*(?P<name>[\w:~]+)\s*\([^;=]*$"
)
_CONTROL = frozenset(
    re.findall(
        r"\w+",
        "if else for while switch case catch try do return throw new await yield with elif except "
        "match when unless until foreach lock using synchronized delete goto assert not and or in "
        "raise from import",
    )
)

# Lines that say nothing about nesting: closers, preprocessor lines, comments, labels.
_NOT_A_LEVEL = re.compile(r"[)\]}{*]|#(?!\w+\()|//|/\*|--\s|<!--|\w+:\s*$")

_STRINGS = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"
_HASH = re.compile(rf"({_STRINGS})|(?:(?<=\s)|^)#.*|(?<=[\w)\]}};:,])#\s.*")
_SLASHES = re.compile(rf"({_STRINGS})|//.*|/\*.*?(?:\*/|$)")
_DASHES = re.compile(rf"({_STRINGS})|--.*")
_SEMICOLON = re.compile(rf"({_STRINGS})|;.*")
_MARKUP = re.compile(rf"({_STRINGS})|<!--.*?(?:-->|$)")
_COMMENTS = {
    extension: pattern
    for extensions, pattern in (
        ("py pyi pyx rb sh bash zsh fish pl pm r jl yaml yml toml ex exs nim tcl mk cmake", _HASH),
        ("tf ps1 dockerfile makefile gemfile rakefile", _HASH),
        ("sql lua hs elm adb ads vhd vhdl", _DASHES),
        ("lisp cl clj cljs cljc el scm rkt ini asm", _SEMICOLON),
        ("html htm xml md svg", _MARKUP),
    )
    for extension in extensions.split()
}


def fingerprint(rule: str, path: str, index: LineIndex, line: int) -> str:
    """Return a finding's identity as 16 hexadecimal digits.

    Args:
        rule: the rule's id.
        path: the file, relative to the workspace, "/" between parts.
        index: the text that was reviewed.
        line: the focus line, 0-based: the first line of the finding's range.
    """
    symbol = symbol_path(index.lines, line)
    focus = _normalised(index.line(line), path)
    ordinal = _ordinal(index, line, path, focus, symbol)
    return _digest(_VERSION, rule, path, *symbol, focus, str(ordinal))


def context_key(rule: str, path: str, index: LineIndex, line: int) -> str:
    """Return a weaker identity that survives a rename or a move of the code, as 16 digits.

    Only to be used to match a finding whose fingerprint is gone, where the key is unique. The
    path only tells the language.
    """
    focus = _normalised(index.line(line), path)
    return _digest(f"context-{_VERSION}", rule, *symbol_path(index.lines, line), focus)


def with_landmarks(finding: Finding, index: LineIndex) -> Finding:
    """Return a finding with what stands around it.

    A structural finding gets no context key: it speaks of files, and the line that it is shown at
    is one of several.

    Args:
        finding: the finding.
        index: the text that was reviewed.
    """
    line, column = finding.range.start
    hashes = line_hashes(index.text)
    # A fingerprint that is not that of its line is one of files.
    of_line = finding.fingerprint == fingerprint(finding.rule, finding.path, index, line)
    return replace(
        finding,
        landmarks=Landmarks(
            before=index.line(line)[:column],
            symbol=".".join(symbol_path(index.lines, line)),
            context_key=context_key(finding.rule, finding.path, index, line) if of_line else "",
            line_hash=hashes[line] if line < len(hashes) else "",
        ),
    )


def symbol_path(lines: Sequence[str], line: int) -> tuple[str, ...]:
    """Return the names of the definitions around a line, the outermost first.

    Args:
        lines: all lines of the text; endings do not matter.
        line: the 0-based line; a definition's own first line is not inside it.
    """
    if not 0 <= line < len(lines):
        return ()
    level = _level(_first_filled(lines, line))
    names = []
    for number in range(line - 1, -1, -1):
        if level == 0:
            break
        text = lines[number]
        stripped = text.lstrip()
        if not stripped or _level(text) >= level or _NOT_A_LEVEL.match(stripped):
            continue
        level = _level(text)
        name = _name(text[:_LINE_LIMIT].rstrip())
        if name:
            names.append(name)
    return tuple(reversed(names))


def _first_filled(lines: Sequence[str], line: int) -> str:
    """Return the line, or for a blank one the next that tells how deep it is."""
    for number in range(line, min(line + 50, len(lines))):
        if lines[number].strip():
            return lines[number]
    return ""


def _level(line: str) -> int:
    expanded = line.expandtabs(_TAB)
    return len(expanded) - len(expanded.lstrip())


def _name(line: str) -> str | None:
    """Return the name of the definition that a line begins, None if it begins none."""
    if match := _DECLARATION.match(line):
        if match["impl"] is not None:
            return "impl" + "".join(match["impl"].split())
        if match["method"]:
            receiver = match["receiver"].split()
            return (receiver[-1].lstrip("*") + "." if receiver else "") + match["method"]
        return match["name"].rstrip(":")
    for pattern in (_ASSIGNED_FUNCTION, _TEST_CASE, _METHOD):
        match = pattern.match(line)
        if match and match["name"] not in _CONTROL:
            return match["name"]
    match = _TYPED_FUNCTION.match(line)
    if match and match["name"] not in _CONTROL and not _CONTROL & set(match["type"].split()):
        return match["name"]
    return None


def _normalised(line: str, path: str) -> str:
    """Return a line without blanks and comments; a line that is nothing else keeps its comment."""
    return "".join(_code(line, path).split())


def _code(line: str, path: str) -> str:
    name = path.rpartition("/")[2].lower()
    comments = _COMMENTS.get(name.rpartition(".")[2], _SLASHES)
    code = comments.sub(lambda match: match[1] or "", line)
    return code if code.strip() else line


def _ordinal(index: LineIndex, line: int, path: str, focus: str, symbol: tuple[str, ...]) -> int:
    """Count the equal lines of the same symbol above, whether or not they have findings."""
    # A word that every equal line contains spares most lines the closer look.
    words = re.findall(r"\w+", _code(index.line(line), path))
    longest = max(words, key=len, default="")
    equal = [
        number
        for number in _lines_with(longest, index, line)
        if _normalised(index.line(number), path) == focus
    ]
    if not equal:
        return 0
    nesting = _nesting(index.text)
    return sum(nesting.symbol_path(number) == symbol for number in equal)


def _lines_with(word: str, index: LineIndex, before: int) -> Iterator[int]:
    """Yield the numbers of the lines above one that hold a word; all of them for an empty word."""
    if not word:
        yield from range(min(before, len(index.lines)))
        return
    starts, found = index.starts, index.text.find(word)
    while found >= 0:
        number = bisect.bisect_right(starts, found) - 1
        if number >= before:
            return
        yield number
        if number + 1 == len(starts):
            return
        found = index.text.find(word, starts[number + 1])


class _Nesting:
    """What `symbol_path` finds for the lines of one text, after one pass over them."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._names: dict[int, str | None] = {}
        self._outer: list[int] = []
        around: list[tuple[int, int]] = []  # Level and number of the lines that enclose this one.
        for number, text in enumerate(lines):
            stripped = text.lstrip()
            level = _level(text if stripped else _first_filled(lines, number))
            enclosing = (above for depth, above in reversed(around) if depth < level)
            self._outer.append(next(enclosing, -1))
            if stripped and not _NOT_A_LEVEL.match(stripped):
                while around and around[-1][0] >= level:
                    around.pop()
                around.append((level, number))

    def symbol_path(self, line: int) -> tuple[str, ...]:
        names = []
        while (line := self._outer[line]) >= 0:
            if line not in self._names:
                self._names[line] = _name(self._lines[line][:_LINE_LIMIT].rstrip())
            if name := self._names[line]:
                names.append(name)
        return tuple(reversed(names))


@lru_cache(maxsize=4)
def _nesting(text: str) -> _Nesting:
    """Look at a text once for the many findings of one answer."""
    return _Nesting(split_lines(text))


def _digest(*parts: str) -> str:
    joined = "\0".join(part.replace("\0", "\\0") for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]
