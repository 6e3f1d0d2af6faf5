"""Faults in CI: the commands in this process, each on a project of two files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claude_lsp.claude.ledger import STATE_VARIABLE
from claude_lsp.cli import process as codes
from claude_lsp.cli.main import parser
from tests.faults.asking import LIMIT, RESULT
from tests.faults.cell import Cell
from tests.faults.editor_cells import impatient, scripted
from tests.faults.faults import Fault, Good
from tests.faults.rules import ASKED_AGAIN, OUTCOMES, ROUNDS, WORDS, attempts, goes_well
from tests.lsp.editor import PYTHON, finding
from tests.messages_api import Gate, replies

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    import pytest

    from tests.messages_api import ReceivedRequest, Reply
    from tests.process.test_review_changes import Here

BATCHES = "/v1/messages/batches"
FIRST, SECOND = "a.py", "b.py"
CELL_S = 30
COMMANDS = ("review", "arch")
"""The commands that ask a model and make a report."""


@dataclass(frozen=True)
class Column:
    """One way to ask in CI.

    Attributes:
        name: the column of the matrix.
        arguments: of the command line.
        first: whether the first of two files is answered well, whatever befalls the second.
        good: the answer about a file.
        rows: how many requests there are when all goes well.
    """

    name: str
    arguments: tuple[str, ...]
    first: bool
    good: Callable[[str], Good]
    rows: int = 1

    @property
    def batched(self) -> bool:
        return "--batch" in self.arguments


def _findings(name: str) -> Good:
    first, second = finding(PYTHON, LIMIT, path=name), finding(PYTHON, RESULT, path=name)
    return Good(f'{{"findings":[{json.dumps(first)}', f",{json.dumps(second)}]}}")


def _judgements(_name: str) -> Good:
    first, second = (
        finding(PYTHON, "def total(values):", path=path, rule="arch.seam")
        for path in (FIRST, SECOND)
    )
    return Good(f'{{"findings":[{json.dumps(first)}', f",{json.dumps(second)}]}}")


COLUMNS = (
    Column("review, one of two files", ("review", FIRST, SECOND), True, _findings, 2),
    Column("review, the only file", ("review", SECOND), False, _findings),
    Column("review --batch", ("review", FIRST, SECOND, "--batch"), True, _findings, 2),
    Column("arch", ("arch",), False, _judgements),
)


def commands_without_a_column() -> set[str]:
    """Return the commands that ask a model and are in no column."""
    known = next(
        action.choices.keys() for action in parser()._actions if isinstance(action.choices, dict)
    )
    return (set(COMMANDS) & set(known)) - {column.arguments[0] for column in COLUMNS}


def in_column(fault: Fault, column: Column) -> Fault | None:
    """Return a fault as it is for a command; None where that knows no such thing.

    What fails a request by itself fails its part of the batch; what has to do with streams and
    connections is either nothing to a batch, or its part expires.
    """
    if fault.group == "batches":
        return fault if column.batched else None
    if fault.name == "no ledger" and column.name != "arch":
        # Answers are kept beside it, and that is met first.
        return replace(fault, kind="recording")
    if fault.early or not column.batched:
        return fault
    if fault.group in ("the way there", "the stream", "the user") and fault.kind is not None:
        return None
    if fault.fails is not None or fault.says.startswith("HTTP") or fault.name in _NOT_IN_BATCHES:
        return None
    return replace(fault, retryable=False)


_NOT_IN_BATCHES = (
    "no counters", "unknown events and deltas", "500 of another server", "408 request timeout",
    "422 by another name",
)  # fmt: skip
"""What is told apart by what a part of a batch does not have: a stream, or a status."""


@dataclass(frozen=True)
class Expected:
    """What a run has to come to.

    Attributes:
        code: the exit code.
        kind: the failure that is told; None for none.
        findings: how many there are.
        outcome: in the ledger, of the last request; None where there is no row.
        attempts: of that request.
        rows: how many requests there are.
        status: what the report says of itself.
    """

    code: int
    kind: str | None
    findings: int
    outcome: str | None
    attempts: int
    rows: int
    status: str


FATAL = (
    "no-credentials", "authentication", "permission", "billing", "spend-limit", "model-not-found",
    "configuration", "budget", "ledger",
)  # fmt: skip
"""Failures that every other request would meet as well."""


def expected_in_ci(fault: Fault, column: Column) -> Expected:
    """Return what has to come of a fault on the command line."""
    per_answer = 2
    times = 1 if column.batched else attempts(fault, "patient")
    if goes_well(fault, "patient"):
        return Expected(
            codes.DONE, None, per_answer * column.rows, "ok", times, column.rows, "complete"
        )
    kind = fault.kind or ""
    again = kind == ASKED_AGAIN and column.arguments[0] == "review" and not column.batched
    if again and fault.breaks:
        return Expected(
            codes.DONE, None, per_answer * column.rows, "ok", 1, column.rows + 1, "complete"
        )
    outcome = None if fault.bill == "none" else OUTCOMES.get(kind, kind)
    all_fail = fault.early or fault.path is not None or not column.first
    found = (0 if all_fail else per_answer) + (fault.arrives == "head")
    rows = 0 if outcome is None else 1 if fault.early and kind in FATAL else column.rows + again
    if column.batched and fault.early and rows:
        outcome, times, rows = "not sent", 0, column.rows
    if fault.path is not None:
        # Booked until the results are there, or given back where the batch was not made.
        outcome, times = ("pending", 0) if fault.path else ("not sent", 0)
    if fault.cancel:
        status = "partial" if column.first or column.name == "arch" else "nothing"
        return Expected(codes.INTERRUPTED, None, found, outcome, 1, rows, status)
    if kind == "no-credentials":
        # What needs no model is there all the same, and says so.
        return Expected(codes.DONE, kind, 0, None, 0, 0, "complete")
    if column.name == "arch":
        if fault.name == "a tool that was not offered":
            rows = ROUNDS + 1
        elif kind == "truncated":
            rows = 2
        return Expected(codes.INCOMPLETE, kind, found, outcome, times, rows, "partial")
    facts = kind == "configuration" and fault.bill == "none"
    some = facts or not all_fail
    return Expected(
        codes.INCOMPLETE if some else codes.NOTHING,
        kind, found, outcome, times, rows, "partial" if some else "nothing",
    )  # fmt: skip


def run_cell(shell: Here, column: Column, fault: Fault, patches: pytest.MonkeyPatch) -> Cell:
    """Try one fault for one command, and compare what came with what had to come."""
    expected = expected_in_ci(fault, column)
    for name in (FIRST, SECOND):
        shell.write(name, PYTHON)
    config = shell.root.parent / "user.toml"
    config.write_text(_toml(fault), "utf-8")
    shell.api.reset()
    gate = Gate()
    faulty = scripted(fault, column.good(SECOND), gate)

    def respond(received: ReceivedRequest) -> Reply:
        if column.name != "arch" and _asked(received) == FIRST:
            return replies.text(column.good(FIRST).whole)
        return faulty(received)

    if fault.path is not None:
        number = 1 + len(shell.api._service._batches)
        path = BATCHES + fault.path.format(id=f"msgbatch_{number:024d}")
        shell.api.script(*[fault.replies(Good("", ""))[0]] * (fault.fails or 1), path=path)
        shell.api.respond(lambda received: replies.text(column.good(_asked(received)).whole))
    else:
        shell.api.respond(respond)
    environment: dict[str, str | None] = dict(fault.setup.environment) if fault.setup else {}
    state = environment.setdefault(STATE_VARIABLE, str(shell.root.parent / "state"))
    last = _rows(state)
    began = time.monotonic()
    arguments = (*column.arguments, "--config", str(config), "--format", "json")
    if column.arguments[0] == "review":
        arguments += ("--concurrency", "1")
    with impatient(patches, fault), _interrupting(fault, gate):
        run = shell.run(*arguments, **environment)
    took = time.monotonic() - began
    wrong = [f"it took {took:.0f} s"] if took > CELL_S else []
    wrong += _wrong_run(run, fault, expected)
    wrong += _wrong_rows(_rows(state)[len(last) :], fault, expected)
    gate.open()
    return Cell(fault.name, column.name, _word(expected, column), wrong, took)


def _toml(fault: Fault) -> str:
    options: dict[str, Any] = {"arch": {"max_rounds": ROUNDS}, "spend": {"day_usd": 10_000}}
    for section, values in (fault.setup.options if fault.setup else {}).items():
        options.setdefault(section, {}).update(values)
    lines = []
    for section, values in options.items():
        lines += [
            f"[{section}]",
            *(f"{key} = {json.dumps(value)}" for key, value in values.items()),
        ]
    return "\n".join(lines) + "\n"


def _asked(received: ReceivedRequest) -> str:
    told = "".join(part["text"] for part in received.body["messages"][0]["content"])
    return FIRST if f'<document path="{FIRST}"' in told else SECOND


@contextlib.contextmanager
def _interrupting(fault: Fault, gate: Gate) -> Iterator[None]:
    """Press Ctrl-C once the answer stands at the gate, where that is the fault."""

    def press() -> None:
        gate.wait_reached_blocking(CELL_S)
        time.sleep(0.2)  # what has been written is on its way
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    if fault.cancel:
        thread.start()
    yield
    if fault.cancel:
        thread.join()


def _wrong_run(
    run: subprocess.CompletedProcess[str], fault: Fault, expected: Expected
) -> list[str]:
    wrong = []
    if run.returncode != expected.code:
        wrong.append(f"the exit code is {run.returncode}, not {expected.code}: {run.stderr}")
    if "Traceback" in run.stderr:
        wrong.append(f"a traceback: {run.stderr}")
    try:
        report = json.loads(run.stdout)
    except ValueError:
        return [*wrong, f"no report: {run.stdout!r} {run.stderr!r}"]
    if report["status"] != expected.status:
        wrong.append(f"the report is {report['status']}, not {expected.status}")
    found = [each for each in report["findings"] if each["title"].startswith("About ")]
    if len(found) != expected.findings:
        wrong.append(f"{len(found)} findings, not {expected.findings}")
    if expected.kind is None:
        said = [line for line in run.stderr.splitlines() if "batch" not in line]
        return [*wrong, *(f"said: {line}" for line in said)]
    happened, advice = WORDS[expected.kind]
    for words, where, text in (
        (happened, "the report", run.stdout),
        (fault.says, "the report", run.stdout),
        (happened, "stderr", run.stderr),
        (advice, "stderr", run.stderr),
    ):
        if words.replace("spend.", "") not in text:
            wrong.append(f"{words!r} is not said in {where}: {text}")
    return wrong


def _rows(state: str | None) -> list[tuple[str, int, float | None]]:
    path = Path(state or "") / "ledger.sqlite3"
    if not path.is_file():
        return []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = "SELECT outcome, attempts, cost_usd FROM requests ORDER BY id"
        return connection.execute(query).fetchall()


def _wrong_rows(
    rows: list[tuple[str, int, float | None]], fault: Fault, expected: Expected
) -> list[str]:
    if len(rows) != expected.rows:
        return [f"{len(rows)} rows in the ledger instead of {expected.rows}: {rows}"]
    if not rows:
        return []
    outcome, tried, cost = rows[-1]
    wrong = []
    if (outcome, tried) != (expected.outcome, expected.attempts):
        wrong.append(f"the last row is {rows[-1]}, not {expected.outcome}, {expected.attempts}")
    free = fault.bill == "free" and outcome not in ("ok", "pending")
    if cost is None or (cost == 0) != free:
        wrong.append(f"it costs {cost}, and is {fault.bill}")
    return wrong


def _word(expected: Expected, column: Column) -> str:
    tried = {0: "", 1: "", 2: ", tried twice"}.get(
        expected.attempts, f", tried {expected.attempts} times"
    )
    if column.arguments[0] == "review" and expected.rows > column.rows:
        tried = ", asked again"
    if expected.code == codes.DONE:
        return f"{'told, facts alone' if expected.kind else 'well'}{tried}; exit 0"
    if expected.code == codes.INTERRUPTED:
        return "partial report; exit 130"
    return f"told{tried}; {expected.status}; exit {expected.code}"
