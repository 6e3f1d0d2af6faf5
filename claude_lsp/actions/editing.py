"""Edits as a model gives them, shared by every action that changes text.

The answer is `{"edits": [{"line", "quote", "replacement"}, ...]}`. Each edit names the text it
replaces, so it can be verified on its own and applied while the rest still streams in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_lsp.actions.outcomes import Notice, Replacement, Unusable
from claude_lsp.findings import anchor
from claude_lsp.findings.stream import ObjectStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.actions.outcomes import Outcome
    from claude_lsp.context.assemble import Sent
    from claude_lsp.text.positions import Range

EDITS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["edits"],
    "properties": {
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["line", "quote", "replacement"],
                "properties": {
                    "line": {
                        "type": "integer",
                        "description": "number of the first quoted line in the document",
                    },
                    "quote": {
                        "type": "string",
                        "description": "the whole lines to replace, copied exactly",
                    },
                    "replacement": {
                        "type": "string",
                        "description": "the lines to put there; empty to delete them",
                    },
                },
            },
        }
    },
}

EDITS_RULES = """\
Answer with JSON: {"edits": [{"line": N, "quote": "...", "replacement": "..."}]}.
Each edit replaces whole lines: "quote" holds them exactly as they stand in the document, with \
their indentation and without the "N|" marks, "line" is the number of the first of them, and \
"replacement" is what stands there afterwards. Quote as few lines as make the place unmistakable. \
Changes in different places are separate edits, in the order of the document, and do not overlap. \
To insert, quote the line before and repeat it in the replacement. Change nothing that the task \
does not need. If there is nothing to change, answer {"edits": []}.
A text like <redacted:...> stands for something that was not shown; keep it as it is."""


class EditsReader:
    """Turns streamed edits into verified replacements, each the moment it is complete."""

    satisfied = False

    def __init__(self, sent: Sent | None) -> None:
        self._sent = sent
        self._stream = ObjectStream("edits")
        self._taken: list[Range] = []
        self._count = 0

    def feed(self, text: str) -> Sequence[Outcome]:
        """Return the replacements, or the notices, that this piece completes."""
        return [self._outcome(entry) for entry in self._stream.feed(text)]

    def finish(self, *, complete: bool) -> Sequence[Outcome]:
        """Say so where the answer held no edits at all."""
        end = self._stream.finish()
        if complete and not end.complete:
            return (Unusable(end.problem or "it held no list of edits"),)
        if complete and not self._count:
            return (Notice("Claude proposes no change"),)
        return ()

    def _outcome(self, entry: dict[str, object]) -> Outcome:
        self._count += 1
        quote, replacement, line = entry.get("quote"), entry.get("replacement"), entry.get("line")
        if not isinstance(quote, str) or not isinstance(replacement, str) or self._sent is None:
            return Notice("An edit without its text was dropped")
        hint = line if isinstance(line, int) and not isinstance(line, bool) else None
        sent = self._sent
        place = anchor.exact(quote, sent.line_hint(hint), sent.index)
        if place is None:
            return Notice(f"An edit was dropped: its text is not in the document ({_head(quote)})")
        span = sent.to_document(place)
        if any(span.overlaps(other) or span == other for other in self._taken):
            return Notice(f"An edit was dropped: it overlaps another ({_head(quote)})")
        self._taken.append(span)
        restored = sent.redacted.restore(_fitted(replacement, quote, sent.index.slice(place)))
        return Replacement(span, restored)


def _fitted(replacement: str, quote: str, found: str) -> str:
    """Bring a replacement into the document's form: line endings, indentation, last newline."""
    ending = "\r\n" if "\r\n" in found else "\r" if "\r" in found else "\n"
    text = replacement.replace("\r\n", "\n").replace("\r", "\n")
    missing = _indent(found)[: len(_indent(found)) - len(_indent(quote))]
    if missing and not _indent(quote) and text.strip():
        # The model quoted the lines without their indentation, so it left it out here too.
        text = "\n".join(missing + line if line.strip() else line for line in text.split("\n"))
    ends = found.endswith(("\n", "\r"))
    if text and ends and not text.endswith("\n"):
        text += "\n"
    if not ends and text.endswith("\n"):
        text = text[:-1]
    return text.replace("\n", ending)


def _indent(text: str) -> str:
    line = next((line for line in text.split("\n") if line.strip()), "")
    return line[: len(line) - len(line.lstrip())]


def _head(quote: str) -> str:
    line = quote.strip().split("\n", 1)[0]
    return line if len(line) <= 60 else line[:59] + "…"
