"""Neovim in a terminal, as a user sees it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.editors.neovim.tour import walk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_the_tour(tmp_path: Path) -> None:
    screens = walk(tmp_path)
    assert "Apply suggestion: The file is never closed" in screens["neovim-actions"]
    assert "return ordered[:count]" in screens["neovim-ghost-text"]
    assert "ERROR" not in screens["neovim-health"]
