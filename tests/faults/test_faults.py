"""The campaign in its short form: each fault once, actions and commands in rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.actions import ACTIONS
from tests.faults.asking import askings
from tests.faults.ci_cells import COLUMNS, commands_without_a_column, in_column, run_cell
from tests.faults.editor_cells import hasten, try_cells
from tests.faults.faults import FAULTS
from tests.faults.matrix import DOCUMENT, named, problems
from tests.faults.rules import applies
from tests.lsp.conftest import unstarted
from tests.process.test_review_changes import shell

if TYPE_CHECKING:
    from tests.faults.asking import Asking
    from tests.faults.ci_cells import Column
    from tests.faults.faults import Fault
    from tests.lsp.editor import Editor
    from tests.process.test_review_changes import Here

__all__ = ["shell", "unstarted"]


def sessions() -> dict[str, list[tuple[Fault, Asking]]]:
    """Return each fault with another action each time, by what has to be wrong from the start."""
    actions = askings()
    found: dict[str, list[tuple[Fault, Asking]]] = {}
    for number, fault in enumerate(each for each in FAULTS if each.group != "batches"):
        turn = (*actions[number % len(actions) :], *actions)
        asking = next(each for each in turn if applies(fault, each))
        found.setdefault("" if fault.setup is None else fault.name, []).append((fault, asking))
    return found


SESSIONS = sessions()


@pytest.mark.parametrize("session", SESSIONS, ids=lambda name: name or "all in one session")
async def test_each_fault_in_the_editor(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    assert not problems(await try_cells(unstarted, SESSIONS[session], monkeypatch))


def one_of_each_kind() -> list[tuple[Fault, Column]]:
    """Return a fault of each kind, with another command each time."""
    cells: list[tuple[Fault, Column]] = []
    kinds: set[str | None] = set()
    for fault in FAULTS:
        if fault.kind in kinds and fault.path is None:
            continue
        number = len(cells)
        turn = (*COLUMNS[number % len(COLUMNS) :], *COLUMNS)
        column = next(each for each in turn if in_column(fault, each) is not None)
        kinds.add(fault.kind)
        cells.append((fault, column))
    return cells


def test_each_kind_of_fault_in_ci(shell: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)
    assert not problems(
        run_cell(shell, column, known, monkeypatch)
        for fault, column in one_of_each_kind()
        if (known := in_column(fault, column)) is not None
    )


def test_every_action_and_every_command_that_asks_a_model_is_in_the_campaign() -> None:
    assert ACTIONS.keys() <= {asking.action for asking in askings()}
    assert commands_without_a_column() == set()


def test_the_matrix_in_the_documents_is_that_of_these_faults_and_actions() -> None:
    faults, columns = named(DOCUMENT.read_text("utf-8"))
    assert faults == {fault.name for fault in FAULTS}
    assert columns == {each.name for each in askings()} | {each.name for each in COLUMNS}
