"""What `claude-lsp doctor` says of the project's index."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from claude_lsp.cli.doctor import _index_check
from claude_lsp.workspace.index import cache
from tests.unit.index_kit import FUNCTIONS, Session, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


async def build(root: Path) -> Path:
    for name in FUNCTIONS:
        write(root, f"{name}.py", f"def {name}(): ...\n")
    async with Session(root):
        pass
    path = cache.newest(root)
    assert path is not None
    return path


def test_no_index_is_no_problem_and_nothing_is_made(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    check = _index_check(root)
    assert check.state == "note"
    assert check.detail.startswith(f"none yet of {root}")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(1, "less than a minute"), (61, "1 minute"), (7_300, "2 hours"), (90_000, "1 day")],
)
async def test_what_is_kept_is_told(tmp_path: Path, seconds: float, age: str) -> None:
    path = await build(tmp_path / "project")
    then = time.time() - seconds
    os.utime(path, (then, then))
    check = _index_check(tmp_path / "project")
    assert check.state == "ok"
    assert check.detail.startswith("3 files, 0.0 MB, ")
    assert check.detail.endswith(f"kept {age} ago in {path.parent}")


async def test_a_damaged_index_is_told_and_does_no_harm(tmp_path: Path) -> None:
    path = await build(tmp_path / "project")
    path.write_bytes(path.read_bytes()[:-5])
    check = _index_check(tmp_path / "project")
    assert check.state == "note"
    assert "cut off; it is built again by itself" in check.detail
