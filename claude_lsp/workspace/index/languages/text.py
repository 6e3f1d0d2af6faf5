"""Languages without definitions proper: headings, keys, selectors; and a guess for the rest."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.outline import folded
from claude_lsp.workspace.index.records import MAX_SIGNATURE, Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTRIES = 500
"""Headings or keys of one file that are kept."""

_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(.+?)[ \t#]*$")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})[ \t]*$")
_JSON_KEY = re.compile(r'"((?:[^"\\\n]|\\.){1,100})"[ \t]*:')
_YAML_KEY = re.compile(r"([\w$./-]{1,100}|\"[^\"\n]{1,100}\"|'[^'\n]{1,100}')[ \t]*:(?=\s|$)")
_TOML_KEY = re.compile(r"(?:\[\[?[ \t]*([^\]\n]{1,100}?)[ \t]*\]|([\w.\"'-]{1,100})[ \t]*=)")
_INI_KEY = re.compile(r"(?:\[([^\]\n]{1,100})\]|([\w.-]{1,100})[ \t]*[=:])")
_CSS_RULE = re.compile(r"([.#@:\w*\[-][^{}\n;]{0,200}?)[ \t]*[{,]?[ \t]*$")
_HTML_ID = re.compile(r"\bid[ \t]*=[ \t]*[\"']([^\"'\n]{1,100})[\"']")
_RST_RULE = re.compile(r"([=\-~^\"'#*+.`:])\1{2,}[ \t]*$")
_MAKE_TARGET = re.compile(r"([\w./%-]{1,100})[ \t]*::?(?!=)")

ANY_DEFINITION = re.compile(
    r"^[ \t]*+(?:(?:export|pub|public|private|protected|internal|open|final|abstract|sealed|static"
    r"|override|async|inline|data|local|default|suspend|implicit|case|unsafe|fileprivate|mutating)"
    r"[ \t]+){0,6}"
    r"(?:(?:class|struct|interface|trait|enum|protocol|object|actor|record|union|defmodule|module"
    r"|contract|message|service|namespace|type)[ \t]+(?P<class>[A-Z]\w*)"
    r"|(?:def|defp|func|fun|fn|function|sub|proc|rpc|macro)[ \t]+(?:[\w<>]+[.:])?"
    r"(?P<function>[A-Za-z_]\w*[!?]?)(?=[ \t]*[<(\[{=:]|[ \t]*$))[^\n]*",
    re.MULTILINE,
)
"""What a definition looks like in most languages: a guess for those without a grammar here."""


def outline(text: str, language: str) -> list[Symbol] | None:
    """Return the headings or top-level keys of a text, None for a language that has neither."""
    finder = _FINDERS.get(language)
    if finder is None:
        return None
    lines = text.split("\n")
    found: list[tuple[int, str]] = []
    for entry in finder(lines):
        found.append(entry)
        if len(found) == MAX_ENTRIES:
            break
    if not found:
        return []
    last = len(lines) - 1
    ends = [max(line, after - 1) for (line, _), (after, _) in pairwise(found)]
    return [
        Symbol(name, "variable", -1, line, end, folded(lines[line]))
        for (line, name), end in zip(found, [*ends, last], strict=True)
    ]


def _markdown(lines: list[str]) -> Iterator[tuple[int, str]]:
    fence = ""
    for number, line in enumerate(lines):
        if match := _FENCE.match(line):
            if not fence:
                fence = match[1]
            elif match[1].startswith(fence):
                fence = ""
        elif fence or len(line) > MAX_SIGNATURE:
            continue
        elif match := _HEADING.match(line):
            yield number, match[1]
        elif _UNDERLINE.match(line) and number and lines[number - 1][:1].isalnum():
            yield number - 1, lines[number - 1][:MAX_SIGNATURE].rstrip()


def _restructured_text(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, (line, after) in enumerate(pairwise(lines)):
        title = line.rstrip()
        underlined = len(after.rstrip()) >= len(title) <= MAX_SIGNATURE and _RST_RULE.match(after)
        if underlined and title[:1].isalnum():
            yield number, title


def _json(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the keys at the smallest indentation that any key has."""
    keys = [
        (len(line) - len(line.lstrip()), number, match[1])
        for number, line in enumerate(lines)
        if (match := _JSON_KEY.match(line.lstrip()[:MAX_SIGNATURE]))
    ]
    least = min((depth for depth, _, _ in keys), default=0)
    yield from ((number, name) for depth, number, name in keys if depth == least)


def _by_line(pattern: re.Pattern[str]) -> Finder:
    def find(lines: list[str]) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(lines):
            if match := pattern.match(line[:MAX_SIGNATURE]):
                yield number, match[1].strip("\"' \t")

    return find


def _tables(pattern: re.Pattern[str]) -> Finder:
    """Return a finder of tables (group 1), and of keys (group 2) that are in none."""

    def find(lines: list[str]) -> Iterator[tuple[int, str]]:
        in_table = False
        for number, line in enumerate(lines):
            match = pattern.match(line[:MAX_SIGNATURE])
            if match is None or (in_table and match[1] is None):
                continue
            in_table = match[1] is not None
            yield number, (match[1] or match[2]).strip("\"' \t")

    return find


def _html(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        for match in _HTML_ID.finditer(line):
            yield number, match[1]


def _css(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        if line[:1] not in {"", " ", "\t", "}", "/"} and len(line) <= MAX_SIGNATURE:
            selector = line.rstrip().rstrip("{,").rstrip()
            if match := _CSS_RULE.match(selector):
                yield number, match[1]


if TYPE_CHECKING:
    from collections.abc import Callable

    Finder = Callable[[list[str]], Iterator[tuple[int, str]]]

_FINDERS: dict[str, Finder] = {
    "markdown": _markdown,
    "mdx": _markdown,
    "restructuredtext": _restructured_text,
    "json": _json,
    "jsonc": _json,
    "json5": _json,
    "yaml": _by_line(_YAML_KEY),
    "toml": _tables(_TOML_KEY),
    "ini": _tables(_INI_KEY),
    "properties": _tables(_INI_KEY),
    "dotenv": _tables(_INI_KEY),
    "makefile": _by_line(_MAKE_TARGET),
    "html": _html,
    "xml": _html,
    "css": _css,
    "scss": _css,
    "sass": _css,
    "less": _css,
    "plaintext": lambda _: iter(()),
}
