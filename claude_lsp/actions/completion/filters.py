"""The filters between a model's text and a suggestion: an ordered table of small pure functions.

`PREPARING` brings the text into the document's form before its end is looked for; `CUTTING` takes
away what the document has already, and what nobody wants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.actions.completion import syntax
from claude_lsp.actions.completion.answer import PROSE_LANGUAGES, is_prose, is_refusal
from claude_lsp.actions.completion.brackets import (
    CLOSERS,
    OPENERS,
    brackets,
    open_quote,
    unopened,
)
from claude_lsp.actions.completion.place import indentation
from claude_lsp.text.unseen import UNSEEN, first_unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from claude_lsp.actions.completion.place import Place

_OPENS = re.compile(r"[{(\[:]\Z|=>\Z|\b(?:then|do)\Z")
_LONG_QUOTES = ('"""', "'''", "`")
_LONGEST_ECHO = 60
LONGEST_CYCLE = 4
"""Lines of the longest part that a text is seen to repeat."""
_MOST_REPEATS = 3
_LOOP_WINDOW, _SHORTEST_LOOP = 600, 24
_REDACTED = "<redacted:"
_LOOP = re.compile(r"(.{1,30}?)\1{5,}", re.DOTALL)


@dataclass(frozen=True)
class Draft:
    r"""A suggestion on its way through the filters.

    Attributes:
        text: what to put at the cursor, with `\n` line endings.
        replaces: how many characters behind the cursor, on its line, it takes the place of.
    """

    text: str
    replaces: int = 0


class Filter(NamedTuple):
    """One step.

    Attributes:
        name: as it is told when it leaves nothing.
        apply: the step; an empty text drops the suggestion.
    """

    name: str
    apply: Callable[[Draft, Place], Draft]


class Filtered(NamedTuple):
    """What the filters made of a text.

    Attributes:
        draft: what is left.
        dropped_by: the name of the filter that left nothing; "" while there is something.
    """

    draft: Draft
    dropped_by: str = ""


def apply(filters: Sequence[Filter], draft: Draft, place: Place) -> Filtered:
    """Run filters in their order, until one leaves nothing."""
    for each in filters:
        had = draft.text.strip() != ""
        draft = each.apply(draft, place)
        if had and not draft.text.strip():
            return Filtered(Draft(""), each.name)
    return Filtered(draft) if draft.text.strip() else Filtered(Draft(""), "empty")


# ----- preparing


def without_prose(draft: Draft, place: Place) -> Draft:
    """Drop a sentence to the user: an apology, a refusal, an explanation."""
    if not is_prose(draft.text, place.language):
        return draft
    # In a comment or a string a sentence is what the user writes.
    meant = syntax.spot_at(place) != "code" and not is_refusal(draft.text)
    return draft if meant else Draft("")


def without_echo(draft: Draft, place: Place) -> Draft:
    """Take away a beginning that repeats what stands before the cursor: lines, a line, a word."""
    text = draft.text
    if not place.before.strip():
        return draft
    begun = text.lstrip("\n")
    if "\n" in begun:
        lines = place.before.rsplit("\n", _LONGEST_ECHO)
        for count in range(len(lines), 1, -1):
            if not lines[-count].strip() or not begun.startswith(lines[-count] + "\n"):
                continue
            tail = "\n".join(lines[-count:])
            if begun.startswith(tail):
                return replace(draft, text=begun[len(tail) :])
    line = place.line.strip()
    lead = text.lstrip(" \t")
    # Not for a text that only happens to begin with the same word.
    behind = lead[len(line) : len(line) + 1]
    again = lead.startswith(line) and (" " in line or not behind.isspace() or text != lead)
    again = again and not (behind.isalnum() or behind == "_") if line[-1:].isalnum() else again
    if len(line) > 2 and any(map(str.isalnum, line)) and again:
        return replace(draft, text=_aligned(lead[len(line) :], place))
    word = place.word
    if len(word) > 1 and not word.isdigit():
        first = _first_word(text)
        if first.startswith(word) and len(first) > len(word):
            return replace(draft, text=text[len(word) :])
    return draft


def _aligned(text: str, place: Place) -> str:
    """Keep no blank twice between what was typed and what follows an echo."""
    return text.lstrip(" \t") if place.line[-1:] in " \t" else text


def _first_word(text: str) -> str:
    match = re.match(r"\w+", text)
    return match.group() if match else ""


def without_whole_file(draft: Draft, place: Place) -> Draft:
    """Drop an answer that begins to write the whole file again."""
    opening = [line for line in place.before.split("\n")[:40] if line.strip()][:2]
    lines = [line for line in draft.text.split("\n")[:40] if line.strip()][:2]
    again = len(opening) == 2 and lines == opening and len("".join(opening).strip()) > 8
    return Draft("") if again else draft


def may_be_echo(text: str, place: Place) -> bool:
    """Return whether the beginning of a text may yet turn out to repeat what stands before it."""
    begun = text.lstrip("\n")
    if place.line.strip().startswith(begun.lstrip()) or place.word.startswith(begun):
        return True
    lines = place.before.rsplit("\n", _LONGEST_ECHO)
    first = begun.partition("\n")[0]
    for count in range(len(lines), 1, -1):
        line = lines[-count]
        if line.strip() and line.startswith(first) and "\n".join(lines[-count:]).startswith(begun):
            return True
    opening = "\n".join([line for line in place.before.split("\n")[:40] if line.strip()][:2])
    written = "\n".join(line for line in begun.split("\n")[:40] if line.strip())
    return len(written) <= len(opening) and opening.startswith(written)


def without_stray_space(draft: Draft, place: Place) -> Draft:
    """Take away blanks at the beginning that the document has already, or that belong nowhere."""
    text = draft.text
    lead = indentation(text)
    if not lead or len(lead) == len(text) or text[len(lead)] == "\n":
        return draft
    if place.line[-1:] in (" ", "\t"):
        if place.blank and place.width(lead) > place.indent and len(lead) > len(place.line):
            # It brings the whole indentation, and more: the cursor stands before its place.
            kept = lead[len(place.line) :] if lead.startswith(place.line) else ""
            return replace(draft, text=kept + text[len(lead) :])
        return replace(draft, text=text[len(lead) :])
    stray = lead == " " and (place.line[-1:] in tuple("([.") or place.line == "")
    if stray and place.language not in PROSE_LANGUAGES:
        return replace(draft, text=text[1:])
    return draft


def with_indentation(draft: Draft, place: Place) -> Draft:
    """Write the document's tabs or spaces, and give back an indentation that was lost."""
    first, *others = draft.text.split("\n")
    if not others:
        return draft
    if place.known_unit or place.language == "go":
        others = [_in_units(line, place.unit) for line in others]
    if _is_lost(first, others, place):
        lead = indentation(place.line)
        others = [lead + line if line.strip() else line for line in others]
    return replace(draft, text="\n".join([first, *others]))


def _in_units(line: str, unit: str) -> str:
    """Write a line's indentation in the document's unit."""
    lead = indentation(line)
    if unit == "\t" and " " in lead:
        width = 4 if len(lead.replace("\t", "    ")) % 4 == 0 else 2
        columns = len(lead.replace("\t", " " * width))
        tabs, spaces = divmod(columns, width)
        return "\t" * tabs + " " * spaces + line[len(lead) :]
    if unit != "\t" and "\t" in lead:
        return lead.replace("\t", unit) + line[len(lead) :]
    return line


def _is_lost(first: str, others: list[str], place: Place) -> bool:
    """Return whether the lines are indented as if the cursor's line began at the margin."""
    base = place.indent
    if base == 0:
        return False
    code = (place.line + first).rstrip()
    below = next((line for line in others if line.strip()), "")
    if not below or not _OPENS.search(code):
        return False
    indent = place.indent_of(below)
    # What stands below an opener is deeper than it, or it is its closer.
    closes = below.lstrip()[:1] in CLOSERS
    return indent < base if closes else indent <= base


# ----- cutting


def without_unseen(draft: Draft, _place: Place) -> Draft:
    """Cut before the line of a character that nobody would see in a suggestion."""
    place = first_unseen(draft.text)
    return draft if place is None else Draft(draft.text[: draft.text.rfind("\n", 0, place) + 1])


def without_suffix(draft: Draft, place: Place) -> Draft:
    """Cut an end that repeats the rest of the cursor's line."""
    rest = place.rest.rstrip()
    text = draft.text
    while size := _overlap(text, rest):
        text = text[: len(text) - size]
    return replace(draft, text=text)


def _overlap(text: str, rest: str) -> int:
    """Return how many characters at the end of a text the rest of the line repeats."""
    for size in range(min(len(text), len(rest)), 0, -1):
        overlap = rest[:size]
        # Brackets that close what the completion itself opens repeat nothing.
        if (
            overlap.strip()
            and text.endswith(overlap)
            and not _starts_in_word(text, overlap)
            and len(unopened(text)) >= len(unopened(overlap))
        ):
            return size
    return 0


def _starts_in_word(text: str, overlap: str) -> bool:
    """Return whether an overlap of a letter or two tears a word apart."""
    kept = text[: len(text) - len(overlap)]
    return bool(kept) and (kept[-1:] + overlap[:1]).isalnum() and len(overlap) < 3


def with_brackets(draft: Draft, place: Place) -> Draft:
    """Balance brackets with the rest of the line: cover closers that are written anew.

    A closer in the middle of the text for a bracket opened before the cursor stands behind the
    cursor already, put there by the editor: the suggestion takes its place.
    """
    rest = place.rest
    if not rest.strip() or not place.loose:
        return draft
    written = unopened(draft.text, quoted=open_quote(place))
    covered = 0
    for character in rest:
        if character.isspace() and covered < len(rest.rstrip()):
            covered += 1
        elif written and character == written[0]:
            written = written[1:]
            covered += 1
        else:
            break
    covered = len(rest[:covered].rstrip())
    return replace(draft, replaces=max(draft.replaces, covered))


def without_unopened(draft: Draft, place: Place) -> Draft:
    """Cut where a bracket is closed that nothing has opened."""
    if any(quote in draft.text for quote in _LONG_QUOTES):
        return draft  # brackets in a long string say nothing
    lines = draft.text.split("\n")
    opened = list(place.left_open)
    depth: list[str] = []
    for number, line in enumerate(lines):
        for column, character in brackets(line):
            if character in OPENERS:
                depth.append(character)
            elif depth:
                depth.pop()
            elif opened:
                opened.pop()
            elif place.language not in PROSE_LANGUAGES:
                kept = [*lines[:number], line[:column]]
                return replace(draft, text="\n".join(kept).rstrip())
    return draft


def without_next_lines(draft: Draft, place: Place) -> Draft:
    """Cut where the text begins to repeat the lines below the cursor."""
    following = [_words(line) for line in place.following if line.strip()]
    if not following:
        return draft
    lines = draft.text.split("\n")
    for number, line in enumerate(lines):
        whole = (place.line + line if number == 0 else line).rstrip()
        content = _words(whole)
        if not content or content != following[0]:
            continue
        # At the margin the first line's depth is the model's own.
        placed = number > 0 or place.line != ""
        if placed and place.indent_of(whole) != place.indent_of(place.next_line):
            continue
        trivial = not any(map(str.isalnum, content)) or len(content) < 3
        if trivial and (whole != place.next_line or not _closes_around(lines[: number + 1])):
            continue
        # What goes on otherwise only begins alike.
        behind = [_words(each) for each in lines[number + 1 :] if each.strip()]
        if behind and not trivial and not _go_on_alike(behind[0], following, place):
            continue
        if number == 0 and place.line.strip() and not behind:
            continue  # the line was begun by hand
        return replace(draft, text="\n".join(lines[:number]))
    return draft


def _go_on_alike(line: str, following: list[str], place: Place) -> bool:
    """Return whether a line, perhaps cut, is the second of those that follow."""
    if place.language == "yaml":
        return True  # a key stands only once
    return any(each.startswith(line) or line.startswith(each) for each in following[1:2])


def _words(line: str) -> str:
    """Return a line with its blanks made equal."""
    return " ".join(line.split())


def _closes_around(lines: list[str]) -> bool:
    """Return whether the last of these lines closes something that the others have not opened."""
    last = lines[-1].strip()
    if last.startswith("</"):
        return "\n".join(lines[:-1]).count(f"<{last[2:-1]}") == 0
    if last[:1] in CLOSERS:
        return len(unopened("\n".join(lines))) > len(unopened("\n".join(lines[:-1])))
    return True


def without_repetition(draft: Draft, _place: Place) -> Draft:
    """Cut a text that has begun to go in circles, of lines or within a line."""
    text = "\n".join(_without_circles(draft.text.split("\n")))
    loop = _LOOP.search(text, max(0, len(text) - _LOOP_WINDOW))
    if loop and len(loop[0]) > _SHORTEST_LOOP and any(map(str.isalpha, loop[1])):
        text = text[: loop.start()].rstrip()
    return replace(draft, text=text)


def goes_in_circles(text: str) -> bool:
    """Return whether the last lines of a text repeat a part of it."""
    lines = text.rsplit("\n", LONGEST_CYCLE * _MOST_REPEATS)
    return len(_without_circles(lines)) < len(lines)


def _without_circles(lines: list[str]) -> list[str]:
    """Cut lines behind the first of a part that stands three times in a row."""
    contents = [line.strip() for line in lines]
    for cycle in range(1, LONGEST_CYCLE + 1):
        for start in range(len(contents) - cycle * _MOST_REPEATS + 1):
            if contents[start] != contents[start + cycle]:
                continue
            turn = contents[start : start + cycle]
            turns = contents[start : start + cycle * _MOST_REPEATS]
            if turns == turn * _MOST_REPEATS and any(map(str.isalnum, "".join(turn))):
                return lines[: start + cycle]
    return lines


def without_blank_end(draft: Draft, place: Place) -> Draft:
    """Take blank lines at the end away, and blanks too unless something follows on the line."""
    if place.rest.strip(" \t"):
        return replace(draft, text=draft.text.rstrip("\n"))
    return replace(draft, text=draft.text.rstrip())


def long_enough(draft: Draft, _place: Place) -> Draft:
    """Drop what saves no key: a single mark."""
    content = draft.text.strip()
    return draft if len(content) > 1 or content.isalnum() else Draft("")


def without_redacted(draft: Draft, _place: Place) -> Draft:
    """End with the line before one that would write the name of a secret."""
    before, found, _ = draft.text.partition(_REDACTED)
    return replace(draft, text=before.rpartition("\n")[0]) if found else draft


PREPARING = (
    Filter("prose", without_prose),
    Filter("echo", without_echo),
    Filter("whole file", without_whole_file),
    Filter("stray space", without_stray_space),
    Filter("indentation", with_indentation),
)

CUTTING = (
    Filter("redacted", without_redacted),
    Filter(UNSEEN, without_unseen),
    Filter("next lines", without_next_lines),
    Filter("repetition", without_repetition),
    Filter("suffix", without_suffix),
    Filter("unopened brackets", without_unopened),
    Filter("brackets", with_brackets),
    Filter("blank end", without_blank_end),
    Filter("length", long_enough),
)
