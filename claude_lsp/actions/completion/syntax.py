"""What the syntax says about a place: code, comment or string; open brackets; block openers.

Asked of tree-sitter where the language has a grammar, of a small scanner otherwise. Only tokens
and their parents are looked at, which tree-sitter gets right even where the text around an
unfinished line does not parse.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from claude_lsp.actions.completion.answer import PROSE_LANGUAGES
from claude_lsp.workspace.index import grammars
from claude_lsp.workspace.languages import block_comment, line_comment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from claude_lsp.actions.completion.place import Place

Spot = Literal["code", "comment", "string", "interpolation"]
"""What a cursor stands in; an interpolation is code within a string."""

_STRINGS = ("string", "char_literal", "character_literal", "template", "heredoc", "rune_literal")
_INSIDE_OUT = ("interpolation", "template_substitution", "string_interpolation")
_AFTER_LINES = 20
_OPENING, _CLOSING = "([{", ")]}"
_LONG_QUOTES = (b'"""', b"'''", b"`")
_QUOTE_TOKENS = frozenset(('"""', "'''", "`", "string_start"))
_COLON_HEADERS = frozenset(
    (
        *("function_definition", "class_definition", "if_statement", "elif_clause", "else_clause"),
        *("for_statement", "while_statement", "with_statement", "try_statement", "case_clause"),
        *("except_clause", "finally_clause", "match_statement"),
    )
)


class Token(NamedTuple):
    """A bracket, or a token of several lines such as a string.

    Attributes:
        start: offset in characters.
        end: offset behind it.
        depth: 1 for an opening bracket, -1 for a closing one, 0 for text.
    """

    start: int
    end: int
    depth: int


class LineState(NamedTuple):
    """How a line ends.

    Attributes:
        depth: brackets opened since the cursor minus those closed.
        inside: whether it ends within a string or a comment.
        lowest: the least depth on the line.
    """

    depth: int
    inside: bool
    lowest: int


def load(language: str) -> None:
    """Load the grammar of a language, if it has one; takes some ms the first time."""
    grammars.parse(b"", language)


_MOST_LEVELS = 60
"""Levels of the tree that are looked at around the cursor: each is found anew from the root, and
whatever is a string or a comment is near."""


def spot_at(place: Place) -> Spot:
    """Return what the cursor stands in."""
    before = _encoded(place.before)
    cursor = len(before)
    after = "\n".join([place.rest, *place.following[:_AFTER_LINES]])
    root = grammars.parse(before + _encoded(after), place.language)
    if root is None:
        return _scanned_spot(place)
    node = root.descendant_for_byte_range(max(0, cursor - 1), cursor)
    for _ in range(_MOST_LEVELS):
        parent = None if node is None else node.parent
        if node is None or parent is None:
            break
        if node.type in _INSIDE_OUT:
            return "interpolation"
        if "comment" in node.type and node.start_byte < cursor:
            return "code" if _is_behind_block_comment(node, cursor) else "comment"
        if node.start_byte < cursor < node.end_byte and _is_string(node):
            return "string"
        node = parent
    # The grammar makes nothing of what follows an unclosed quote.
    return "string" if root.has_error and _in_open_string(place) else "code"


def opens_block(place: Place) -> bool:
    """Return whether what stands before the cursor begins a block that is still to be written."""
    head = place.nearby.rstrip()
    if head.endswith(("{", "(", "[", "=>", "->")) or _WORD_OPENER.search(head):
        return True
    if not head.endswith(":"):
        return False
    if place.language != "python":
        # Behind a colon and a blank stands a value, in YAML and wherever types are annotated.
        return place.language not in PROSE_LANGUAGES and (
            place.blank or place.line == place.line.rstrip()
        )
    # A body makes the header parse; a slice, an annotation or a dictionary have none.
    line = head.rpartition("\n")[2]
    body = "\n" + line[: len(line) - len(line.lstrip())] + place.unit + "pass\n"
    source = _encoded(head)
    root = grammars.parse(source + _encoded(body), "python")
    if root is None:
        return True
    colon = root.descendant_for_byte_range(len(source) - 1, len(source))
    parent = colon.parent if colon is not None else None
    return parent is not None and parent.type in _COLON_HEADERS


_WORD_OPENER = re.compile(r"(?:^|[\s;])(?:then|do|begin)\Z|\bdo \|[^|\n]*\|\Z")


def near(place: Place) -> Place:
    """Return a place with less before it, for what is looked at again and again."""
    return replace(place, before=place.nearby)


def line_states(place: Place, fill: str, known: Sequence[LineState] = ()) -> list[LineState]:
    """Return how each line of a completion ends that has its line ending.

    Args:
        place: where the completion stands.
        fill: the completion so far.
        known: the states of its first lines, which are kept.
    """
    ends = [match.start() for match in re.finditer("\n", fill)]
    if len(ends) <= len(known):
        return list(known)
    while known and known[-1].inside:
        known = known[:-1]  # what was open there may have come to its end
    start = ends[len(known) - 1] + 1 if known else 0
    base = len(place.before)
    first = len(_encoded(place.before)) + len(_encoded(fill[:start]))
    tokens = [token for token in _tokens(place, fill, first) if token.end > base + start]
    states = list(known)
    depth = known[-1].depth if known else 0
    number = 0
    for end in ends[len(known) :]:
        lowest = depth
        inside = False
        while number < len(tokens) and tokens[number].start <= base + end:
            token = tokens[number]
            if token.end > base + end + 1:
                inside = True
                break
            depth += token.depth
            lowest = min(lowest, depth)
            number += 1
        states.append(LineState(depth, inside, lowest))
    return states


def unclosed(place: Place) -> int:
    """Return how many brackets the cursor's line opens before the cursor and does not close."""
    start = len(place.before) - len(place.line)
    depth = 0
    for token in _tokens(place, ""):
        if token.start >= start:
            depth = max(0, depth + token.depth)
    return depth


def _tokens(place: Place, fill: str, first: int | None = None) -> list[Token]:
    """Return the tokens from the cursor's line on, or from an offset in bytes."""
    source = _encoded(place.before + fill)
    root = grammars.parse(source, place.language)
    if root is None:
        return list(_scanned(place.before + fill, place.language))
    if first is None:
        first = len(_encoded(place.before)) - len(_encoded(place.line))
    tokens: Iterator[Token] = _grammar_tokens(root, first, len(source))
    if (comment := _open_comment(fill, place.language)) is not None:
        start = len(source) - len(_encoded(fill[comment:]))
        before = (token for token in tokens if token.start < start)
        tokens = itertools.chain(before, (Token(start, len(source) + 2, 0),))
    if len(source) == len(place.before) + len(fill):
        return list(tokens)

    def characters(byte: int) -> int:
        return len(source[:byte].decode(errors="ignore")) + max(0, byte - len(source))

    return [Token(characters(start), characters(end), depth) for start, end, depth in tokens]


def _open_comment(fill: str, language: str) -> int | None:
    """Return where a comment begins whose end is still to come, if it begins a line."""
    marks = block_comment(language)
    if marks is None or marks[0] not in fill:
        return None
    start = fill.rfind(marks[0])
    begins_line = not fill[fill.rfind("\n", 0, start) + 1 : start].strip()
    return start if begins_line and fill.find(marks[1], start + len(marks[0])) < 0 else None


def _grammar_tokens(root: Node, first: int, length: int) -> Iterator[Token]:
    """Yield the brackets and the texts of several lines behind a byte, by their bytes."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.end_byte <= first:
            continue
        several = node.start_point[0] != node.end_point[0]
        kind = node.type
        if kind == "comment" or kind.endswith("_comment"):
            if several and not node.is_missing:
                yield Token(node.start_byte, node.end_byte, 0)
            continue
        if node.child_count:
            if several and _is_string(node) and kind != "template_substitution":
                yield Token(node.start_byte, node.end_byte, 0)
                continue
            stack += reversed(node.children)
            continue
        if node.is_missing:
            continue
        if kind in _QUOTE_TOKENS and (node.text or b"").endswith(_LONG_QUOTES):
            parent = node.parent
            if parent is not None and parent.type == "ERROR":
                # A string over several lines whose end is still to come.
                yield Token(node.start_byte, length + 2, 0)
                return
        if node.start_byte < first:
            continue
        if kind in _CLOSING:
            yield Token(node.start_byte, node.end_byte, -1)
        elif 0 < len(kind) <= 2 and kind[-1] in _OPENING:
            yield Token(node.start_byte, node.end_byte, 1)


def _is_string(node: Node) -> bool:
    kind = node.type
    return any(word in kind for word in _STRINGS) and "concatenated" not in kind


def _is_behind_block_comment(node: Node, cursor: int) -> bool:
    text = node.text or b""
    return node.end_byte <= cursor and text.endswith((b"*/", b"-->", b"=end"))


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")


# ----- without a grammar


def _scanned(text: str, language: str) -> Iterator[Token]:
    """Yield brackets, strings and comments as they look in most languages."""
    for match in _pattern(language).finditer(text):
        found = match.group()
        start, end = match.span()
        if found in _OPENING:
            yield Token(start, end, 1)
        elif found in _CLOSING:
            yield Token(start, end, -1)
        else:
            # What is still open ends behind the text.
            open_still = end == len(text) and "\n" in found and not _is_closed(found, language)
            yield Token(start, end + 2 * open_still, 0)


def _is_closed(found: str, language: str) -> bool:
    """Return whether a string or comment over several lines has its end."""
    block = block_comment(language)
    if block and found.startswith(block[0]):
        return found.endswith(block[1]) and len(found) >= len(block[0]) + len(block[1])
    quote = next((mark for mark in ('"""', "'''", "`") if found.startswith(mark)), "")
    return len(found) >= 2 * len(quote) and found.endswith(quote)


def _scanned_spot(place: Place) -> Spot:
    """Return what the cursor stands in, by the tokens before it."""
    cursor = len(place.before)
    for token in _scanned(place.before + place.rest, place.language):
        if token.depth or not token.start < cursor:
            continue
        text = (place.before + place.rest)[token.start : token.end]
        if text.startswith(("'", '"', "`")):
            closed = len(text) > 1 and text[-1] == text[0]
            if cursor < token.end or (cursor == token.end and not closed):
                return "string"
        elif cursor < token.end or (cursor == token.end and not text.endswith(("*/", "-->"))):
            return "comment"
    return "code"


def _in_open_string(place: Place) -> bool:
    """Return whether the cursor's line opens a string before the cursor and leaves it open."""
    tokens = list(_scanned(place.line, place.language))
    if not tokens or tokens[-1].depth or tokens[-1].end < len(place.line):
        return False
    text = place.line[tokens[-1].start :]
    return text[0] in "\"'`" and (len(text) < 2 or text[-1] != text[0])


def _pattern(language: str) -> re.Pattern[str]:
    pattern = _patterns.get(language)
    if pattern is None:
        parts = []
        if block := block_comment(language):
            parts.append(f"{re.escape(block[0])}.*?(?:{re.escape(block[1])}|\\Z)")
        if line := line_comment(language):
            parts.append(f"(?:(?<=\\s)|^){re.escape(line)}[^\n]*")
        if language not in PROSE_LANGUAGES:
            parts += [
                r'"""(?:[^\\]|\\.)*?(?:"""|\Z)',
                r"'''(?:[^\\]|\\.)*?(?:'''|\Z)",
                r"`(?:[^`\\]|\\.)*(?:`|\Z)",
                r'"(?:[^"\\\n]|\\.)*"?',
                # A lifetime in Rust is no string.
                r"'(?:[^'\\\n]|\\.)'" if language == "rust" else r"(?<!\w)'(?:[^'\\\n]|\\.)*'?",
            ]
        parts.append(r"[(){}\[\]]")
        pattern = _patterns[language] = re.compile("|".join(parts), re.DOTALL | re.MULTILINE)
    return pattern


_patterns: dict[str, re.Pattern[str]] = {}
