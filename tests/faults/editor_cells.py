"""Faults in the editor: the whole server in this process, with one action after the other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.errors import ClaudeError
from claude_lsp.claude.ledger import Ledger
from claude_lsp.claude.patience import Patience
from claude_lsp.engine import Engine
from claude_lsp.lsp import answering, apply, publish
from tests.faults.asking import CONTRIBUTED, Asking, seen
from tests.faults.cell import Cell
from tests.faults.rules import ROUNDS, WORDS, Expected, in_editor
from tests.messages_api import Gate, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

    from claude_lsp.claude.request import Request
    from tests.faults.faults import Fault, Good
    from tests.lsp.editor import Editor
    from tests.messages_api import ReceivedRequest

CELL_S = 20
"""Within so many seconds a cell must end, on whatever machine."""
OPTIONS = {
    "actions": CONTRIBUTED,
    "arch": {"max_rounds": ROUNDS},
    "completion": {"per_minute": 100_000, "debounce_ms": 0},
    "context": {"deadline_ms": 50},
    # What hundreds of requests cost together is not what is tried here.
    "spend": {"day_usd": 10_000, "automatic_day_usd": 10_000, "request_usd": 100},
}


@dataclass
class Books:
    """What the ledger was given, beside what it has on disk.

    Attributes:
        booked: the most that each request could cost, by row.
    """

    booked: dict[int, float | None] = field(default_factory=dict)


def hasten(patches: pytest.MonkeyPatch) -> Books:
    """Take out the waiting, and note what is booked."""
    books = Books()
    plain_wait, reserve = Patience.wait_before_retry, Ledger.reserve

    def soon(self: Patience, *arguments: Any) -> float | None:
        wait = plain_wait(self, *arguments)
        return wait and min(wait, 0.01)

    def noted(self: Ledger, request: Request, *arguments: Any) -> int:
        row = reserve(self, request, *arguments)
        books.booked[row] = request.most_usd
        return row

    patches.setattr(Patience, "wait_before_retry", soon)
    patches.setattr(Ledger, "reserve", noted)
    patches.setattr(apply, "_RETRY_S", 0.02)
    patches.setattr(apply, "_ECHO_S", 0.3)
    patches.setattr(publish, "_REPUBLISH_AFTER_S", 0.01)
    for name in ("LINES_S", "WORDS_S", "_QUIET_S"):
        patches.setattr(answering, name, 0.0)
    return books


@contextlib.contextmanager
def impatient(patches: pytest.MonkeyPatch, fault: Fault) -> Iterator[None]:
    """Let what a fault takes too long for end soon."""
    plain_patience = Engine._patience

    def patience(self: Engine, *arguments: Any) -> Patience:
        usual = plain_patience(self, *arguments)
        return replace(
            usual,
            deadline_s=fault.patience.get("deadline_s", usual.deadline_s),
            silence_s=fault.patience.get("silence_s", usual.silence_s),
        )

    with patches.context() as within:
        if fault.patience:
            within.setattr(Engine, "_patience", patience)
        yield


def scripted(fault: Fault, good: Good, gate: Gate) -> Callable[[ReceivedRequest], Reply]:
    """Return what answers each request, attempt by attempt."""
    script = list(fault.replies(good))
    if fault.cancel:
        script = [script[0] + gate]
    attempt = 0

    def respond(_received: ReceivedRequest) -> Reply:
        nonlocal attempt
        reply = script[min(attempt, len(script) - 1)]
        attempt += 1
        return reply

    return respond


async def try_cell(
    editor: Editor,
    asking: Asking,
    fault: Fault,
    *,
    number: int,
    books: Books,
    patches: pytest.MonkeyPatch,
) -> Cell:
    """Try one fault for one action, and compare what came with what had to come."""
    expected = in_editor(fault, asking)
    asking.prepare(editor)
    name = asking.file.format(number)
    uri = editor.open(asking.text, name, asking.language)
    gate = Gate()
    editor.api.reset()
    editor.api.respond(scripted(fault, asking.good(name), gate))
    client = editor.client
    client.messages.clear()
    client.statuses.clear()
    shown, last = len(client.shown), _last_row(editor)
    began = time.monotonic()
    wrong, items = [], None
    try:
        async with asyncio.timeout(CELL_S):
            with impatient(patches, fault):
                items = await _carry_out(editor, asking, fault, uri, gate)
                await editor.settled()
    except TimeoutError:
        wrong.append(f"it did not end within {CELL_S} s")
        await editor.command("claude.cancel")
        await editor.settled()
    took = time.monotonic() - began
    sees = seen(asking, editor, uri, items, shown)
    wrong += _wrong_messages(editor, fault, expected)
    wrong += _wrong_status(editor, fault, expected)
    wrong += _wrong_rows(editor, expected, last, books, sent=len(editor.api.messages))
    if sees != expected.sees:
        wrong.append(f"the user sees {sees}, not {expected.sees}")
    left = [received for received in editor.api.messages if received.finished_at is None]
    if left:
        await asyncio.sleep(0.2)
        left = [received for received in left if received.finished_at is None]
    if left:
        wrong.append("its connection is still open")
    gate.open()
    await editor.command("claude.clear")
    client.close(uri)
    (editor.root / name).unlink()
    return Cell(fault.name, asking.name, word(fault, asking, expected), wrong, took)


async def _carry_out(editor: Editor, asking: Asking, fault: Fault, uri: str, gate: Gate) -> Any:
    if not fault.cancel:
        return await asking.begin(editor, uri)
    begun = asyncio.ensure_future(asking.begin(editor, uri))
    await gate.wait_reached()
    if fault.arrives == "head":
        await asyncio.sleep(0.05)  # what has been written is on its way
    await editor.command("claude.cancel")
    return await begun


def _wrong_messages(editor: Editor, fault: Fault, expected: Expected) -> list[str]:
    errors = editor.errors
    others = [each for each in editor.messages if f"Claude: {each}" not in errors]
    if not expected.told:
        found = [f"told, and should not be: {each}" for each in errors]
        if expected.notice and expected.notice not in others:
            found.append(f"{expected.notice!r} is not said, but {others}")
        return found
    if len(errors) != 1:
        return [f"told {len(errors)} times instead of once: {errors}"]
    return _wrong_words(errors[0], fault, expected)


def _wrong_words(message: str, fault: Fault, expected: Expected) -> list[str]:
    words = WORDS[expected.kind or ""]
    needed = [words.happened, words.advice, fault.says]
    return [f"{each!r} is not said in: {message}" for each in needed if each not in message]


def _wrong_status(editor: Editor, fault: Fault, expected: Expected) -> list[str]:
    if not editor.statuses:
        return ["no state was told"]
    state, detail = editor.statuses[-1]
    if expected.kind is None:
        return [] if state == "idle" else [f"the state is {state}: {detail}"]
    if state != "blocked":
        return [f"the state is {state}, not blocked"]
    return _wrong_words(detail, fault, expected)


def _wrong_rows(
    editor: Editor, expected: Expected, last: int, books: Books, *, sent: int
) -> list[str]:
    rows = _rows(editor, last)
    if expected.outcome is None:
        found = [f"the ledger has {rows}"] if rows else []
        return found + ([f"{sent} requests were sent"] if sent else [])
    if len(rows) != expected.requests:
        return [f"{len(rows)} rows in the ledger instead of {expected.requests}: {rows}"]
    (row, outcome, attempts, cost, counted) = rows[-1]
    wrong = []
    if outcome != expected.outcome:
        wrong.append(f"the outcome is {outcome}, not {expected.outcome}")
    if attempts != expected.attempts:
        wrong.append(f"{attempts} attempts instead of {expected.attempts}")
    right = {
        "free": cost == 0,
        "counted": cost is not None and cost > 0 and counted > 0,
        "most": cost is not None and cost > 0 and cost == books.booked.get(row),
    }
    if not right[expected.bill]:
        wrong.append(f"it costs {cost} ({counted} tokens), not {expected.bill}")
    return wrong


def _last_row(editor: Editor) -> int:
    rows = _rows(editor, 0)
    return rows[-1][0] if rows else 0


def _rows(editor: Editor, after: int) -> list[tuple[int, str, int, float | None, int]]:
    query = (
        "SELECT id, outcome, attempts, cost_usd, input + output + cache_write_5m + cache_read"
        " FROM requests WHERE id > ? ORDER BY id"
    )
    ledger = editor.server.session.ledger
    try:
        with ledger._lock:
            return ledger._open().execute(query, (after,)).fetchall()
    except (ClaudeError, OSError):
        return []  # the fault is that there is none


def word(fault: Fault, asking: Asking, expected: Expected) -> str:
    """Return what comes of a cell in few words; true once nothing is wrong with it."""
    tried = {1: "", 2: ", tried twice"}.get(expected.attempts, f", tried {expected.attempts} times")
    if asking.action == "review" and expected.requests > 1:
        tried = ", asked again"
    got = {"nothing": "nothing", "head": "what arrived", "whole": "all"}[expected.sees]
    if fault.cancel:
        return f"cancelled, {got} stays"
    if expected.sees == "whole":
        return f"well{tried}"
    if expected.notice or expected.kind is None:
        return "told that nothing came" if expected.notice else "nothing comes"
    return f"{'told' if expected.told else 'state'}{tried}; {got}"


def merged(options: Any, others: Any) -> dict[str, Any]:
    """Return settings with others laid over them."""
    result = dict(options)
    for key, value in others.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


async def try_cells(
    editor: Editor,
    cells: Sequence[tuple[Fault, Asking]],
    patches: pytest.MonkeyPatch,
) -> list[Cell]:
    """Try cells in a session that has not begun; all of them have the same setup."""
    setup = cells[0][0].setup
    for key, value in (setup.environment if setup is not None else {}).items():
        if value is None:
            patches.delenv(key, raising=False)
        else:
            patches.setenv(key, value)
    books = hasten(patches)
    for _, asking in cells:
        if asking.shows == "text":
            asking.prepare(editor)
    options = merged(OPTIONS, setup.options if setup is not None else {})
    await editor.start(options=options)
    return [
        await try_cell(editor, asking, fault, number=number, books=books, patches=patches)
        for number, (fault, asking) in enumerate(cells)
    ]
