"""Vim with ALE: it connects, shows a review and lists what can be done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import PYTHON, edit, edits, finding
from tests.messages_api import ThreadedMessagesApi, replies

HERE = Path(__file__).parent
CONFIGURATION = Path(__file__).parents[3] / "editors" / "vim" / "claude-ale.vim"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session saw."""
    assert shutil.which("vim"), "no Vim: install it, on Debian as vim-nox with vim-ale"
    home = tmp_path_factory.mktemp("vim")
    project = home / "project"
    (project / ".git").mkdir(parents=True)
    (project / "code.py").write_text(PYTHON, encoding="utf-8")
    told = home / "seen.json"
    with ThreadedMessagesApi() as api:
        remark = finding(PYTHON, "LIMIT = 10", replacement="LIMIT = 20")
        api.script(replies.json_findings([remark]))
        api.script(edits(edit(PYTHON, "LIMIT = 10", "LIMIT = 20")))
        environment = api.environment(
            HOME=str(home),
            CLAUDE_LSP_STATE_DIR=str(home / "state"),
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            CLAUDE_ALE=str(CONFIGURATION),
            SEEN=str(told),
            TERM="dumb",
        )
        command = ["vim", "--not-a-term", "-n", "-i", "NONE", "-u", str(HERE / "session.vim")]
        run = subprocess.run(
            [*command, "code.py"], cwd=project, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
    assert told.exists(), f"Vim told nothing:\n{run.stdout}\n{run.stderr}"
    answer: dict[str, Any] = json.loads(told.read_text("utf-8"))
    assert answer["error"] == ""
    return answer


def test_shows_the_findings_of_a_review(seen: dict[str, Any]) -> None:
    assert len(seen["diagnostics"]) == 1
    assert "About LIMIT = 10" in seen["diagnostics"][0]


def test_lists_what_can_be_done(seen: dict[str, Any]) -> None:
    """ALE strips source and data of diagnostics; the suggestion is found nevertheless."""
    assert "Apply suggestion: About LIMIT = 10" in seen["menu"]
    assert "Claude: Fix" in seen["menu"]


def test_what_is_chosen_in_the_menu_is_done(seen: dict[str, Any]) -> None:
    """ALE gives no name and can't show a question, but lets its user choose."""
    assert seen["applied"] == PYTHON.replace("LIMIT = 10", "LIMIT = 20")


def test_fixes_a_line_in_one_step_of_undo(seen: dict[str, Any]) -> None:
    assert seen["fixed"] == PYTHON.replace("LIMIT = 10", "LIMIT = 20")
    assert seen["undone"]


def test_takes_the_findings_back(seen: dict[str, Any]) -> None:
    assert seen["cleared"]
