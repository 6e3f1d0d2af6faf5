"""The grammars: which language has one, loaded when its first file is read."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser, Point, Tree

    from claude_lsp.workspace.index.outline import Rules

_log = logging.getLogger(__name__)

PARSE_SECONDS = 2.0
"""A file that takes longer is not source code (a megabyte of code takes a tenth of a second)."""

_SURELY_QUICK = 128 * 1024
"""Bytes that are parsed without a limit in time. That takes a function that reads, and tree-sitter
0.26 never frees what such a function returns: each keystroke would keep a copy of the document."""
_CHUNK = 1 << 16


class Grammar(NamedTuple):
    """Where the grammar and the rules of a language are found.

    Attributes:
        package: the module of the grammar's wheel.
        function: its function that returns the grammar.
        rules: the module in `languages` whose `RULES` say what the nodes mean.
    """

    package: str
    function: str
    rules: str


GRAMMARS: dict[str, Grammar] = {
    "python": Grammar("tree_sitter_python", "language", "python"),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", "javascript"),
    "typescriptreact": Grammar("tree_sitter_typescript", "language_tsx", "javascript"),
    "javascript": Grammar("tree_sitter_javascript", "language", "javascript"),
    "javascriptreact": Grammar("tree_sitter_javascript", "language", "javascript"),
    "go": Grammar("tree_sitter_go", "language", "go"),
    "rust": Grammar("tree_sitter_rust", "language", "rust"),
    "java": Grammar("tree_sitter_java", "language", "java"),
    "c": Grammar("tree_sitter_c", "language", "cpp"),
    "cpp": Grammar("tree_sitter_cpp", "language", "cpp"),
    "csharp": Grammar("tree_sitter_c_sharp", "language", "csharp"),
    "ruby": Grammar("tree_sitter_ruby", "language", "ruby"),
    "php": Grammar("tree_sitter_php", "language_php", "php"),
    "shellscript": Grammar("tree_sitter_bash", "language", "shell"),
}
"""By language identifier; a language that is missing here has lines guessed or nothing."""

_parsers = threading.local()


def parse(source: bytes, language: str) -> Node | None:
    """Parse a text in UTF-8.

    Returns:
        the root of its syntax tree; None if there is no grammar or the text took too long.
    """
    tree = parse_tree(source, language)
    return None if tree is None else tree.root_node


def parse_tree(source: bytes, language: str, before: Tree | None = None) -> Tree | None:
    """Parse a text in UTF-8, quickly where most of it has been parsed before.

    Args:
        source: the text.
        language: its LSP language identifier.
        before: the tree of an earlier text, told of the edits that lead from there to this one.

    Returns:
        its syntax tree; None if there is no grammar or the text took too long.
    """
    parser = _parser(language)
    if parser is None:
        return None
    if len(source) <= _SURELY_QUICK:
        return parser.parse(source) if before is None else parser.parse(source, before)
    deadline = time.monotonic() + PARSE_SECONDS

    def read(offset: int, _: Point) -> bytes:
        return source[offset : offset + _CHUNK]

    def late(_offset: int, _has_error: bool) -> bool:
        return time.monotonic() > deadline

    try:
        if before is not None:
            return parser.parse(read, before, progress_callback=late)
        return parser.parse(read, progress_callback=late)
    except ValueError:
        # The parser would go on with the next text where it left this one.
        parser.reset()
        _log.info("a %s text of %d bytes took too long to parse", language, len(source))
        return None


def faults(text: str, language: str) -> int | None:
    """Return how many places of a text its grammar can't read; None if that can't be told."""
    root = parse(text.encode("utf-8", "replace"), language)
    return None if root is None else faults_below(root)


def faults_below(root: Node) -> int:
    """Return how many places the grammar could not read."""
    found = 0
    waiting = [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        found += node.is_error or node.is_missing
        waiting += [child for child in node.children if child.has_error or child.is_missing]
    return found


@cache
def rules_of(language: str) -> Rules | None:
    """Return how definitions are found in a language, None if nobody has said it."""
    grammar = GRAMMARS.get(language)
    if grammar is None:
        return None
    module = importlib.import_module(f"claude_lsp.workspace.index.languages.{grammar.rules}")
    rules: Rules = module.RULES
    return rules


def _parser(language: str) -> Parser | None:
    """Return this thread's parser; parsers must not be shared."""
    parsers: dict[str, Parser] = _parsers.__dict__
    if language not in parsers:
        grammar = _grammar(language)
        if grammar is None:
            return None
        from tree_sitter import Parser

        parsers[language] = Parser(grammar)
    return parsers[language]


@cache
def _grammar(language: str) -> Language | None:
    known = GRAMMARS.get(language)
    if known is None:
        return None
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(known.package), known.function)())
    except (ImportError, AttributeError, ValueError) as error:
        # A wheel that is missing or was built for another ABI; cached, hence said once.
        _log.warning("no grammar for %s, its definitions are guessed by lines: %s", language, error)
        return None
