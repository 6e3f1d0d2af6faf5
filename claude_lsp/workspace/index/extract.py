"""What a file defines, imports and mentions: from its text to its record, without I/O."""

from __future__ import annotations

import logging
import re
from itertools import pairwise

from claude_lsp.workspace.index import grammars
from claude_lsp.workspace.index.code_lines import code_lines
from claude_lsp.workspace.index.guess import with_guesses
from claude_lsp.workspace.index.languages import text as text_languages
from claude_lsp.workspace.index.outline import MAX_SYMBOLS, Outline
from claude_lsp.workspace.index.records import FileRecord
from claude_lsp.workspace.index.shapes import shapes

_log = logging.getLogger(__name__)

MAX_CHARACTERS = 1_500_000
"""Of a longer text only so much is looked at, and without its grammar."""

MAX_AVERAGE_LINE = 500
"""Characters per line above which a text was not written by hand: minified, or data."""

MAX_WORDS = 50_000
"""A text with more different words is data; the rest of them is left out."""

MAX_WORD = 100
"""A longer word is a hash or encoded data, not an identifier."""

# A word, with what makes it the receiver of an attribute if it is one. Everything is found in
# one pass: two patterns, or a pattern with groups, take twice as long.
_ASCII_TOKEN = re.compile(
    r"[A-Za-z_$][A-Za-z_0-9$]*+(?:(?:\(\))?(?:[?!&]?\.|->|::)(?=[A-Za-z_$]))?", re.ASCII
)
_TOKEN = re.compile(r"(?:[^\W\d]|\$)[\w$]*+(?:(?:\(\))?(?:[?!&]?\.|->|::)(?=[^\W\d]|\$))?")
_RECEIVER_ENDS = (".", ">", ":")
_RECEIVER_MARKS = "().?!&->:"


def extract(text: str, language: str) -> FileRecord:
    """Return what is kept of a file.

    Never fails: what cannot be parsed is guessed by lines, and `parsed` says so.

    Args:
        text: the whole text; any line endings, any characters.
        language: its LSP language identifier.
    """
    try:
        return _extract(text, language)
    except Exception:  # noqa: BLE001 - one file that was not foreseen must not cost the others
        _log.exception("a %s text of %d characters could not be read", language, len(text))
        return FileRecord(language, text.count("\n") + 1, parsed=False)


def _extract(text: str, language: str) -> FileRecord:
    text, source = _normalise(text)
    lines = text.count("\n") + 1
    whole = len(text) <= MAX_CHARACTERS
    if not whole:
        text = text[:MAX_CHARACTERS]
    words, pairs = _words(text)
    rules = grammars.rules_of(language)
    if rules is None:
        symbols = text_languages.outline(text, language)
        if symbols is None:
            guessed = with_guesses([], text, text_languages.ANY_DEFINITION)
            return FileRecord(
                language,
                lines,
                tuple(guessed),
                words=words,
                pairs=pairs,
                parsed=False,
                code_lines=code_lines(text, "#"),
            )
        return FileRecord(language, lines, tuple(symbols), words=words, parsed=whole)
    outline = Outline(source, rules.handlers, rules.comment)
    root = None
    if whole and len(text) < MAX_AVERAGE_LINE * (lines + 40):
        root = grammars.parse(source, language)
    if root is not None:
        outline.walk(root)
        if rules.finish is not None:
            rules.finish(outline, root)
    parsed = root is not None and not root.has_error
    if not parsed:
        outline.symbols = with_guesses(outline.symbols, text, rules.fallback)
        if rules.fallback_imports is not None:
            known = {one[:3] for one in outline.imports}
            outline.imports += [one for one in rules.fallback_imports(text) if one[:3] not in known]
    kept = tuple(outline.symbols[:MAX_SYMBOLS])
    return FileRecord(
        language,
        lines,
        kept,
        tuple(outline.imports),
        words,
        pairs,
        parsed,
        outline.namespace,
        code_lines(text, rules.comment),
        shapes(kept, text, rules.comment),
    )


def _normalise(text: str) -> tuple[str, bytes]:
    r"""Return the text with line feeds only, and the same in UTF-8.

    tree-sitter counts lines by `\n` alone; an editor ends them by `\r` as well. A record holds
    lines but no columns, so nothing is lost.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", " ")
    try:
        return text, text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair is no character; it would fail again in every store.
        source = text.encode(errors="replace")
        return source.decode(), source


def _words(text: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Return the words of a text and its (receiver, attribute) pairs."""
    tokens = (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)
    distinct = dict.fromkeys(tokens)
    bare = {token: token.rstrip(_RECEIVER_MARKS) for token in distinct}
    words = [word for word in dict.fromkeys(bare.values()) if len(word) <= MAX_WORD]
    following = {(token, after) for token, after in pairwise(tokens) if token[-1] in _RECEIVER_ENDS}
    pairs = {(bare[token], bare[after]) for token, after in following}
    return frozenset(words[:MAX_WORDS]), frozenset(
        pair for pair in pairs if len(pair[0]) <= MAX_WORD >= len(pair[1])
    )
