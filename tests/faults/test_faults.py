"""The campaign: in its short form each fault once, the actions in rotation; whole where asked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from tests.faults.asking import askings
from tests.faults.ci_cells import COLUMNS, commands_without_a_column, in_column, run_cell
from tests.faults.editor_cells import hasten, try_cells
from tests.faults.faults import FAULTS
from tests.faults.rules import applies
from tests.lsp.conftest import unstarted
from tests.process.test_review_changes import shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.asking import Asking
    from tests.faults.editor_cells import Cell
    from tests.faults.faults import Fault
    from tests.lsp.editor import Editor
    from tests.process.test_review_changes import Here

__all__ = ["shell", "unstarted"]

WHOLE = os.environ.get("CLAUDE_LSP_TEST_FAULTS")
"""A folder for the results of the whole campaign; without it only the short form is run."""
whole = pytest.mark.skipif(not WHOLE, reason="the whole campaign: make test-faults")


def rotated() -> list[tuple[Fault, Asking]]:
    """Return each fault once, with another action each time."""
    actions = askings()
    cells = []
    for number, fault in enumerate(each for each in FAULTS if each.group != "batches"):
        turn = (*actions[number % len(actions) :], *actions)
        cells.append((fault, next(each for each in turn if applies(fault, each))))
    return cells


def kept(cells: Sequence[Cell], where: str) -> None:
    """Keep what came of cells for the matrix, and fail for those that are wrong."""
    if WHOLE:
        path = Path(WHOLE) / f"{where}.json"
        path.write_text(json.dumps([vars(cell) for cell in cells]), "utf-8")
    problems = [
        f"{cell.fault} / {cell.column}: {problem}" for cell in cells for problem in cell.wrong
    ]
    assert not problems, "\n" + "\n".join(problems)


def test_every_action_is_in_the_campaign() -> None:
    assert ACTIONS.keys() <= {asking.action for asking in askings()}


def _session(fault: Fault) -> str:
    """Return what tells the session of a fault apart."""
    return "" if fault.setup is None else fault.name


def _sessions() -> dict[str, list[tuple[Fault, Asking]]]:
    sessions: dict[str, list[tuple[Fault, Asking]]] = {}
    for fault, asking in rotated():
        sessions.setdefault(_session(fault), []).append((fault, asking))
    return sessions


SHORT = _sessions()
IN_EDITOR = [fault for fault in FAULTS if fault.group != "batches"]


@pytest.mark.skipif(bool(WHOLE), reason="part of the whole")
@pytest.mark.parametrize("session", SHORT, ids=lambda name: name or "all in one session")
async def test_each_fault_in_the_editor(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    kept(await try_cells(unstarted, SHORT[session], monkeypatch), "")


@whole
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", IN_EDITOR, ids=lambda fault: fault.name)
async def test_a_fault_for_every_action_in_the_editor(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    cells = [(fault, asking) for asking in askings() if applies(fault, asking)]
    number = FAULTS.index(fault)
    kept(await try_cells(unstarted, cells, monkeypatch), f"editor-{number:03}")


def test_every_command_that_asks_a_model_is_in_the_campaign() -> None:
    assert commands_without_a_column() == set()


@whole
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_for_every_command(
    shell: Here, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    hasten(monkeypatch)
    cells = []
    for column in COLUMNS:
        known = in_column(fault, column)
        if known is not None:
            cells.append(run_cell(shell, column, known, monkeypatch))
    kept(cells, f"ci-{FAULTS.index(fault):03}")
