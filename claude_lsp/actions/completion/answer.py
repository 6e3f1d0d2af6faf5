"""From a streamed answer to the text meant for the cursor: tags, fences, thoughts, prose."""

from __future__ import annotations

import re

from claude_lsp.actions.completion.place import line_feeds

OPEN, CLOSE = "<fill>", "</fill>"

LONGEST = 16_000
"""Characters of an answer that are looked at; one without a tag by then is none."""

_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"\s*`([^`\n]+)`\s*\Z")
# Only before everything else: further on it is code that speaks of such tags.
_THOUGHT = re.compile(r"\A\s*<(thinking|thought|think|reasoning)>.*?(?:</\1>\s*|\Z)", re.DOTALL)
_PROSE = re.compile(
    r"\s*(?:Here|Sure|Certainly|Of course|Sorry|Looking|Based on|Let me|Let's|I|I'm|I'll|I'd|I've"
    r"|It|We|You|The|This|There|To|Since|Because|No|Nothing|Unfortunately|As an AI)[ ,'\u2019]"
    r"[^\n]*[.!?:][ \t]*(?:\n|\Z)"
)
_REFUSAL = re.compile(
    r"\s*(?:(?:I'm |I am )?sorry\b|I (?:can't|cannot|can not|won't|am unable|do not|don't)\b"
    r"|As an AI\b)",
    re.IGNORECASE,
)
PROSE_LANGUAGES = frozenset(
    ("markdown", "plaintext", "restructuredtext", "asciidoc", "latex", "tex", "git-commit", "html")
)
"""Languages in which a sentence is what the user may be writing."""


class Answer:
    """An answer as it streams in.

    Attributes:
        closed: whether the text for the cursor has come to its end.
    """

    def __init__(self) -> None:
        self.closed = False
        self._text = ""
        self._start = -1

    def add(self, piece: str) -> str | None:
        """Take a further piece; return the text for the cursor so far, None while there is none."""
        searched = max(0, len(self._text) - len(OPEN))
        self._text += piece
        if self._start < 0:
            found = self._text.find(OPEN, searched)
            if found < 0:
                self.closed = len(self._text) > LONGEST
                return None
            self._start = found + len(OPEN)
        body = self._body()
        if body.strip() and OPEN.startswith(body.lstrip()):
            return None
        end = body.find(CLOSE)
        if end >= 0:
            self.closed = True
            return unfenced(line_feeds(body[:end]))
        body = _without_begun_tag(body)
        if body.lstrip().startswith(("`", "<think", "<though", "<reason")):
            self.closed = len(body) > LONGEST
            return None
        # Half of a line ending may still become a whole one.
        return line_feeds(body.removesuffix("\r"))

    def _body(self) -> str:
        """Return what follows the opening tag; one that was begun for the model may come again."""
        body = self._text[self._start :]
        again = body.lstrip()
        return again.removeprefix(OPEN) if again.startswith(OPEN) else body

    def end(self) -> str | None:
        """Return the text for the cursor now that the answer has ended; None if there is none."""
        if self._start >= 0:
            body = self._body().partition(CLOSE)[0]
            return unfenced(line_feeds(body))
        if len(self._text) > LONGEST:
            return None
        return _untagged(line_feeds(self._text))


def unfenced(body: str) -> str:
    """Take thoughts, and a fence around the whole, away."""
    body = _THOUGHT.sub("", body, count=1)
    fenced = _FENCED.fullmatch(body.strip())
    if fenced:
        return fenced[1].removesuffix("\n")
    return body


def is_prose(text: str, language: str) -> bool:
    """Return whether a text is a sentence to the user rather than code."""
    return language not in PROSE_LANGUAGES and _PROSE.match(text) is not None


def is_refusal(text: str) -> bool:
    """Return whether a sentence tells the user that there will be no completion."""
    return _REFUSAL.match(text) is not None and _PROSE.match(text) is not None


def _without_begun_tag(body: str) -> str:
    """Hold back what may become the closing tag."""
    for size in range(min(len(CLOSE) - 1, len(body)), 0, -1):
        if body.endswith(CLOSE[:size]):
            return body[:-size]
    return body


def _untagged(text: str) -> str | None:
    """Return the code of an answer without tags: fenced, or bare; None for prose."""
    text = _THOUGHT.sub("", text, count=1).split(CLOSE, maxsplit=1)[0]
    if fenced := _FENCED.search(text):
        return fenced[1].removesuffix("\n")
    if inline := _INLINE.match(text):
        return inline[1]
    return None if _PROSE.match(text) else text
