"""The matrix as a document: what came of every fault, by groups of columns that have one answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.asking import askings
from tests.faults.ci_cells import COLUMNS
from tests.faults.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.faults.cell import Cell

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
RESULTS = "FAULT_RESULTS"
"""The variable that names the folder for what came of the cells."""

_GROUPS = {
    "ghost": "Ghost text",
    "insertion": "Insertion",
    "edits": "Edits",
    "tests": "Tests",
    "alt": "Image",
    "prose": "Text",
    "turn": "Conversation",
    "text": "For git",
    "findings": "Findings",
}

_BEGINNING = """\
# Faults

What comes of everything that can go wrong with a request: every way in which the Messages API, the
network and the settings can fail, for every action in the editor and every command that asks a
model. `make test-faults` tries each cell against the loopback API of the tests, holds it against
the rules in `tests/faults/rules.py` and `tests/faults/ci_cells.py`, and writes this page; a short
form, in which each fault is met once, is part of `make test`.

In each cell the message (what happened, what to do), the state that editors are told, the ledger's
row (outcome, attempts, cost), the text in the buffer and, in CI, the report and the exit code are
those of the rules. A cell that did not end within its bound, or left a connection open, would fail.

What the words mean:

- *well*: all of the answer is there, and nothing is told.
- *told*: one message says what happened and what to do, and so does the state.
- *state*: nothing pops up while somebody types; the state says the same.
- *nothing*: the text is as it was, and nothing is shown. *what arrived*: exactly the edits, the
  findings or the text that were complete before; each edit was verified by itself.
- *tried N times*: what may pass is sent again: once where somebody waits, three times in reviews
  and for git, never while somebody types. A connection that was closed is made again once in any
  case. *asked again*: a review whose answer broke off is asked for once more.
- *complete*, *partial*, *nothing* in CI: what the report says of itself. Neither of the last two
  reads as clean.

"""

_END = """\

## What is not covered

- The real service: the loopback API keeps the rules and the faults that are documented.
- `claude-lsp complete` makes no report and asks as ghost text does; its own failures are tried in
  `tests/process/test_complete.py`.
- Credentials that expire while a session goes on (profiles, workload identities): the SDK renews
  them, and what it can't renew is the row *401*.
- The clouds' own endpoints (Bedrock, Vertex, Foundry) and HTTP/2: only the Messages API over
  HTTP/1.1 is spoken here.
- TLS: certificates that are not trusted have a test of their own
  (`tests/lsp/test_connections.py`), and a broken handshake is a connection that can't be made.
- A batch whose making was answered by a reset: it may have been made all the same, which nobody can
  tell. It is not made twice by itself, and it is not booked.
- A connection that is reset in mid-stream takes with it what the client had not read by then.
- After an answer has begun nothing but a review is sent again by itself: what had arrived is shown,
  and all of it would be paid for twice. `review` goes on by `--resume` with what is missing.
- Whether an aborted answer is billed to its end: the ledger counts what had arrived, and the most
  that it can have cost where nothing is known.
"""


def problems(cells: Iterable[Cell]) -> str:
    """Return what is wrong with some cells, a line each."""
    return "\n".join(
        f"{cell.fault} / {cell.column}: {problem}" for cell in cells for problem in cell.wrong
    )


def render(cells: Sequence[Cell], judged: str) -> str:
    """Return the document.

    Args:
        cells: all of them.
        judged: what the second judge says, as Markdown.
    """
    words = {(cell.fault, cell.column): cell.word for cell in cells}
    groups: dict[str, list[str]] = {}
    for asking in askings():
        groups.setdefault(_GROUPS[asking.shows], []).append(asking.name)
    commands = {f"`{column.name}`": [column.name] for column in COLUMNS}
    text = _BEGINNING + f"{len(words):,} cells: {len(FAULTS)} faults.\n\n"
    text += "## In the editor\n\nThe columns are actions by how they show what comes of them.\n\n"
    text += "".join(f"- {name}: {', '.join(names)}\n" for name, names in groups.items())
    text += _tables(words, groups) + "\n## In CI\n\n"
    text += "".join(f"- `claude-lsp {' '.join(each.arguments)}`: {each.name}\n" for each in COLUMNS)
    return text + _tables(words, commands) + "\n## A second judge\n\n" + judged + _END


def _tables(words: Mapping[tuple[str, str], str], columns: Mapping[str, Sequence[str]]) -> str:
    text = ""
    for group in dict.fromkeys(fault.group for fault in FAULTS):
        rows = ""
        for fault in FAULTS:
            cells = [_together(words, fault.name, names) for names in columns.values()]
            if fault.group == group and any(cells):
                rows += f"| {fault.name} | {' | '.join(cells)} |\n"
        if rows:
            head = f"| {group[0].upper()}{group[1:]} | {' | '.join(columns)} |\n"
            text += f"\n{head}|{'---|' * (len(columns) + 1)}\n{rows}"
    return text


def _together(words: Mapping[tuple[str, str], str], fault: str, names: Sequence[str]) -> str:
    """Return what comes of a fault for a group of columns: the usual, and then what differs."""
    by_word: dict[str, list[str]] = {}
    for name in names:
        if (word := words.get((fault, name))) is not None:
            by_word.setdefault(word, []).append(name)
    if not by_word:
        return ""
    usual, *others = sorted(by_word, key=lambda word: -len(by_word[word]))
    return "<br>".join([usual, *(f"*{', '.join(by_word[word])}*: {word}" for word in others)])


def named(document: str) -> tuple[set[str], set[str]]:
    """Return the faults and the columns that a document names."""
    document = document.partition("## A second judge")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", document, re.MULTILINE)
    heads = {f"{group[0].upper()}{group[1:]}" for group in {fault.group for fault in FAULTS}}
    editor, _, ci = document.partition("## In CI")
    groups = "|".join(_GROUPS.values())
    listed = re.findall(rf"^- (?:{groups}): (.+)$", editor, re.MULTILINE)
    columns = {name for names in listed for name in re.split(r", (?!asked)", names)}
    columns |= set(re.findall(r"^- `claude-lsp [^`]*`: (.+)$", ci, re.MULTILINE))
    return set(rows) - heads, columns
