"""A judge of other people's making: llmock breaks answers in its own ways and grades the client.

It sees requests and times alone. That a failure was told to the user it can't see: where it takes
silence on the wire for an answer that was believed, the exit code says otherwise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.cli import main as command_line
from claude_lsp.cli import process as codes
from claude_lsp.engine import Engine
from tests.faults.asking import LIMIT
from tests.faults.matrix import RESULTS
from tests.lsp.editor import PYTHON, finding
from tests.process.test_review_changes import CI_VARIABLES

if TYPE_CHECKING:
    from claude_lsp.claude.patience import Patience

pytest.importorskip("llmock", reason="the second judge is not installed: claude-lsp[faults]")
pytestmark = pytest.mark.timeout(300)

Break = Callable[[Any], object]


@dataclass(frozen=True)
class Case:
    """One way in which it breaks a review.

    Attributes:
        name: what it does.
        break_it: tells it to.
        code: the exit code.
        findings: what it may hold against the client, and what is so is explained below.
        command: which is asked.
    """

    name: str
    break_it: Break
    code: int
    findings: Sequence[str] = ()
    command: str = "review"


_AGAIN = (
    "it knows by its bytes what is sent again, and the second request has a mark for the cache "
    "that the first has not, so that it counts as another call. The number of requests and the "
    "exit code tell that it was sent again."
)
KNOWN = ("gave_up", "malformed_chunk_ignored", "truncated_stream_accepted")


def _fail(status: int, mock: Any) -> object:
    return mock.fail(status, times=None)


CASES = (
    Case("no fault", lambda mock: None, codes.DONE),
    Case("429 twice, to wait half a second",
         lambda mock: mock.rate_limit(times=2, retry_after=0.5), codes.DONE),
    Case("529 twice", lambda mock: mock.fail(529, times=2), codes.DONE),
    Case("503 once", lambda mock: mock.fail(503), codes.DONE),
    Case("down for good", lambda mock: mock.outage(), codes.NOTHING),
    *(Case(f"{status}", partial(_fail, status), codes.NOTHING)
      for status in (400, 401, 403, 404, 413, 422)),
    Case("the context is too long", lambda mock: mock.context_overflow(), codes.NOTHING),
    Case("the first word after half a second", lambda mock: mock.slow_first_token(0.5), codes.DONE),
    Case("dropped after 3 events", lambda mock: mock.disconnect(after_chunks=3),
         codes.DONE, ("gave_up",)),
    Case("dropped each time", lambda mock: mock.disconnect(after_chunks=3, times=None),
         codes.NOTHING, ("gave_up",)),
    Case("ends early", lambda mock: mock.truncate(after_chunks=3),
         codes.DONE, ("truncated_stream_accepted",)),
    Case("ends early each time", lambda mock: mock.truncate(after_chunks=3, times=None),
         codes.NOTHING, ("truncated_stream_accepted",)),
    Case("an event that is no JSON", lambda mock: mock.corrupt(after_chunks=3),
         codes.DONE, ("malformed_chunk_ignored",)),
    Case("silent in the middle", lambda mock: mock.stall(seconds=8, after_chunks=3), codes.DONE),
    Case("a tool that was never offered, then prose",
         lambda mock: mock.break_tool_call("unknown_tool"), codes.INCOMPLETE, command="arch"),
    Case("arguments that are no JSON, then prose",
         lambda mock: mock.break_tool_call("malformed_arguments"), codes.INCOMPLETE,
         command="arch"),
)  # fmt: skip


def run(case: Case, mock: Any, folder: Path, patches: pytest.MonkeyPatch) -> int:
    """Run a command against the judge in this process."""
    usual = Engine._patience

    def patience(self: Engine, *arguments: Any) -> Patience:
        return replace(usual(self, *arguments), silence_s=1.5)

    with patches.context() as within:
        within.setattr(Engine, "_patience", patience)
        within.chdir(folder)
        for name in CI_VARIABLES:
            within.delenv(name, raising=False)
        return command_line.run((case.command, *(["code.py"] if case.command == "review" else [])))


def test_the_judge_finds_nothing_that_is_not_known(
    llmock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "code.py").write_text(PYTHON, "utf-8")
    good = json.dumps({"findings": [finding(PYTHON, LIMIT)]})
    rows, wrong = [], []
    for case in CASES:
        llmock.reset()
        if case.command == "review":
            llmock.reply(good, times=None)
        case.break_it(llmock)
        code = run(case, llmock, folder, monkeypatch)
        verdict = llmock.verdict()
        held = sorted({each.code for each in verdict.findings})
        rows.append(f"| {case.name} | {verdict.attempts} | {code} | {', '.join(held) or '-'} |")
        if code != case.code:
            wrong.append(f"{case.name}: the exit code is {code}, not {case.code}")
        if held != sorted(case.findings):
            wrong.append(f"{case.name}: {verdict.render()}")
    if RESULTS in os.environ:
        Path(os.environ[RESULTS], "judged.md").write_text(told(rows), "utf-8")
    assert not wrong, "\n".join(wrong)


def told(rows: Sequence[str]) -> str:
    """Return what the judge says, as Markdown."""
    known = f"- {', '.join(f'*{code}*' for code in KNOWN)}: {_AGAIN}\n"
    return (
        "llmock, a package by others, breaks answers in ways of its own and "
        "grades what\na client does: waits that are not kept, requests that can't help, storms, "
        "answers that are\nbelieved. It grades `claude-lsp review` and `claude-lsp arch`.\n\n"
        "| What it does | Requests | Exit code | What it holds against us |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\n{known}"
    )
