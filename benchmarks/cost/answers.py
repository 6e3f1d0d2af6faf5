"""What the model answers on the replayed day: canned, as long as real answers are.

Completions are what the file really says there, as far as was asked for, and wrong as often as
suggestions usually are. Edits quote and replace lines of the function that they are about; what a
review thinks and finds has a usual length.
"""

from __future__ import annotations

import json
import keyword
import random
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.messages_api import Finish, Reply, Wait, replies
from tests.messages_api.steps import Thinking

if TYPE_CHECKING:
    from tests.messages_api import ReceivedRequest

RIGHT = 0.5
"""Share of the completions that are what the user goes on to type."""

CHUNK, BETWEEN_S = 16, 0.03
"""Characters of an event of the stream, and seconds between two: about 200 tokens a second."""

FIRST_WORD_S = {"haiku": 0.4, "sonnet": 1.0, "opus": 2.0}

_THOUGHTS = {"review": 900, "architecture": 2_500}
"""Tokens that are thought where the request asks for thinking, at medium effort."""

_CHARACTERS_PER_TOKEN = 2.5
_WORD = re.compile(r"[A-Za-z_]{3,}")
_FINDINGS = 3
_MOST_LINES = 8

_EXPLANATION = (
    "When the value is missing the branch above returns early and the caller goes on with a stale "
    "one, so the result is wrong the second time. Check for it before the lock is taken, and let "
    "the error pass to the caller, which knows what to do about it."
)


class Edit(NamedTuple):
    """An edit: the first line that it replaces (0-based), those lines, and what comes there."""

    line: int
    quote: str
    replacement: str


def completion(rest: str | None, extent: str, seed: str) -> str:
    """Return what a model writes at the cursor.

    Args:
        rest: what the user goes on to type; None after a slip.
        extent: how far the request asks to go: its question.
        seed: decides whether the answer is right.
    """
    if not rest:
        return ""
    text = _extent(rest, extent)
    chance = random.Random(zlib.crc32(seed.encode()))
    if chance.random() < RIGHT:
        return text
    words = list(_WORD.finditer(text))
    if not words:
        return text + "other"
    wrong = chance.choice(words[: max(1, len(words) // 2)])
    return f"{text[: wrong.start()]}other_{text[wrong.start() :]}"


def _extent(rest: str, extent: str) -> str:
    lines = rest.split("\n")
    if "only the rest of this line" in extent or (lines[0].strip() and "block" not in extent):
        return lines[0]
    # A block: to the line that is indented less, or an empty one.
    first = next((n for n, line in enumerate(lines) if n and line.strip()), 0)
    depth = _depth(lines[first])
    end = first + 1
    while end < len(lines) and lines[end].strip() and _depth(lines[end]) >= depth:
        end += 1
    return "\n".join(lines[: min(end, first + _MOST_LINES)])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def edits_of(action: str, text: str, first: int, end: int) -> list[Edit]:
    """Return what an action makes of a function's lines `first` to `end` (excluded).

    Args:
        action: its name.
        text: the document.
        first: the line of the function's head, 0-based.
        end: the line behind its last.
    """
    lines = text.split("\n")[first:end]
    depth = " " * (_depth(lines[0]) + 4)
    if action == "document":
        doc = [
            f'{depth}"""Return what the name says, for the values that are given.',
            "",
            f"{depth}Args:",
            f"{depth}    values: in the order in which they came; none of them is changed.",
            "",
            f"{depth}Raises:",
            f"{depth}    ValueError: there are none, or one of them is out of its range.",
            f'{depth}"""',
        ]
        return [Edit(first, lines[0], "\n".join([lines[0], *doc]))]
    if action == "test":
        made = [
            line
            for number in range(4)
            for line in (
                f"def test_case_{number}_of_what_it_promises() -> None:",
                f"    values = make_values({number}, unit='seconds', wraps=True)",
                "    found = function_under_test(values, limit=10)",
                f"    assert [each.name for each in found] == ['first', 'second', '{number}']",
                "",
                "",
            )
        ]
        return [Edit(0, "", "\n".join(made))]
    # fix: two lines; simplify and rewrite: half of the function, or all of it.
    count = {"fix": 2, "simplify": len(lines) // 2, "rewrite": len(lines) - 1}[action]
    at = len(lines) - count if action == "rewrite" else max(1, (len(lines) - count) // 2)
    old = lines[at : at + max(1, count)]
    new = [_changed(line) for line in old]
    if action == "simplify":
        new = new[: max(1, len(new) * 2 // 3)]
    if action == "fix":
        new.insert(0, f"{' ' * _depth(old[0])}# What is missing here was checked above.")
    return [Edit(first + at, "\n".join(old), "\n".join(new))]


def _changed(line: str) -> str:
    names = [found for found in _WORD.finditer(line) if not keyword.iskeyword(found[0])]
    end = names[-1].end() if names else len(line)
    return f"{line[:end]}_x{line[end:]}"


def edits_reply(edits: list[Edit], model: str) -> Reply:
    """Answer with edits, as our actions read them."""
    found = [{"line": e.line + 1, "quote": e.quote, "replacement": e.replacement} for e in edits]
    return _after_a_while(model) + _typed(json.dumps({"edits": found}))


def findings_reply(path: str, text: str, model: str) -> Reply:
    """Answer with findings about a document, after some thinking."""
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if len(line.strip()) > 20]
    step = max(1, len(lines) // _FINDINGS)
    found = [
        {
            "path": path,
            "line": number,
            "quote": line,
            "rule": "review.correctness",
            "severity": "major",
            "title": "The second call gets a stale value",
            "explanation": _EXPLANATION,
            "confidence": 0.8,
            "replacement": line if number % 2 else None,
        }
        for number, line in lines[::step][:_FINDINGS]
    ]
    thought = _after_a_while(model) + _thought("review")
    return thought + _typed(json.dumps({"findings": found}))


def looks_reply(calls: list[tuple[str, dict[str, Any]]]) -> Reply:
    """Ask for a look into the project, after some thinking."""
    return _after_a_while("opus") + _thought("architecture", 0.1) + replies.tool_uses(*calls)


def judgement_reply(count: int = 6) -> Reply:
    """Answer with what is to be said of an architecture."""
    places = [
        {"path": "module/file.py", "line": 10, "quote": "from a.b import c", "shows": "the import"}
    ]
    finding = {
        "places": places * 2,
        "dependencies": [],
        "rule": "arch.seam",
        "severity": "major",
        "title": "Settings are read in two places",
        "explanation": _EXPLANATION * 2,
        "confidence": 0.8,
    }
    overview = [{"kind": "strength", "text": _EXPLANATION[:90]}] * 3
    overview += [{"kind": "first", "text": _EXPLANATION[:120]}] * 3
    text = json.dumps({"findings": [finding] * count, "overview": overview})
    return _after_a_while("opus") + _thought("architecture") + _typed(text)


def completion_reply(text: str) -> Reply:
    """Answer with a completion between its tags."""
    body = replies.partial(f"<fill>{text}", chunk=CHUNK, delay_s=BETWEEN_S)
    return _after_a_while("haiku") + body + Finish("stop_sequence", "</fill>")


def thought_tokens(action: str) -> int:
    """Return how many tokens an answer to an action takes for thinking."""
    return _THOUGHTS.get(action, 0)


def _typed(text: str) -> Reply:
    return replies.text(text, chunk=CHUNK * 4, delay_s=BETWEEN_S * 4)


def _thought(action: str, share: float = 1.0) -> Reply:
    words = int(_THOUGHTS[action] * share * _CHARACTERS_PER_TOKEN)
    return Reply((Thinking("think " * (words // 6)), Wait(_THOUGHTS[action] * share / 100)))


def _after_a_while(model: str) -> Reply:
    tier = next((tier for tier in FIRST_WORD_S if tier in model), "sonnet")
    return Reply((Wait(FIRST_WORD_S[tier]),))


def extent_of(request: ReceivedRequest) -> str:
    """Return the question of a completion's request."""
    return request.text.rpartition("Write the text for")[2]
