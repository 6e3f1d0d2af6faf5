"""The whole campaign, run by `python -m tests.faults`: every fault for every action and command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.asking import askings
from tests.faults.ci_cells import COLUMNS, in_column, run_cell
from tests.faults.editor_cells import hasten, try_cells
from tests.faults.faults import FAULTS
from tests.faults.matrix import RESULTS, problems
from tests.faults.rules import applies
from tests.lsp.conftest import unstarted
from tests.process.test_review_changes import shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.cell import Cell
    from tests.faults.faults import Fault
    from tests.lsp.editor import Editor
    from tests.process.test_review_changes import Here

__all__ = ["shell", "unstarted"]

pytestmark = pytest.mark.timeout(300)


def keep(cells: Sequence[Cell], name: str) -> None:
    """Leave what came of some cells to the matrix, and fail for those that are wrong."""
    path = Path(os.environ[RESULTS]) / f"{name}.json"
    path.write_text(json.dumps([vars(cell) for cell in cells]), "utf-8")
    assert not problems(cells)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_in_the_editor(
    unstarted: Editor, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    cells = [(fault, asking) for asking in askings() if applies(fault, asking)]
    if cells:
        keep(await try_cells(unstarted, cells, monkeypatch), f"{FAULTS.index(fault):03}-editor")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_in_ci(shell: Here, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    hasten(monkeypatch)
    known = [(column, in_column(fault, column)) for column in COLUMNS]
    cells = [
        run_cell(shell, column, each, monkeypatch) for column, each in known if each is not None
    ]
    keep(cells, f"{FAULTS.index(fault):03}-ci")
