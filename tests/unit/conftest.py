"""Fixtures of the tests that need no process of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claude_lsp.workspace.index import cache
from tests.unit.index_kit import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where indexes are kept."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path, cache_folder: Path) -> Path:
    """A workspace with three functions, whose index is kept in `cache_folder`."""
    folder = tmp_path / "project"
    for number in range(3):
        write(folder, f"module_{number}.py", f"def function_{number}(): ...\n")
    return folder
