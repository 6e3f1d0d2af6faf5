"""Emacs with eglot: it connects, shows a review, applies the suggestion and undoes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import PYTHON, finding
from tests.messages_api import ThreadedMessagesApi, replies

HERE = Path(__file__).parent
CONFIGURATION = Path(__file__).parents[3] / "editors" / "emacs" / "claude-lsp.el"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session in batch mode saw."""
    assert shutil.which("emacs"), "no Emacs: install it, on Debian as emacs-nox with elpa-eglot"
    home = tmp_path_factory.mktemp("emacs")
    project = home / "project"
    (project / ".git").mkdir(parents=True)
    (project / "code.py").write_text(PYTHON, encoding="utf-8")
    with ThreadedMessagesApi() as api:
        remark = finding(PYTHON, "LIMIT = 10", replacement="LIMIT = 20")
        api.script(replies.json_findings([remark]))
        environment = api.environment(
            HOME=str(home),
            CLAUDE_LSP_STATE_DIR=str(home / "state"),
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        )
        # Not -Q: Debian puts eglot on the load path in its site files.
        arguments = ["--batch", "-l", str(CONFIGURATION), "-l", str(HERE / "session.el"), "code.py"]
        run = subprocess.run(
            ["emacs", *arguments], cwd=project, env=environment, capture_output=True, text=True,
            timeout=200, check=False,
        )  # fmt: skip
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    assert lines, f"Emacs told nothing:\n{run.stdout}\n{run.stderr}"
    return json.loads(lines[-1])  # type: ignore[no-any-return]


def test_connects(seen: dict[str, Any]) -> None:
    assert seen["server"]


def test_shows_the_findings_of_a_review(seen: dict[str, Any]) -> None:
    assert len(seen["diagnostics"]) == 1
    assert "About LIMIT = 10" in seen["diagnostics"][0]


def test_offers_the_suggestion_and_what_the_model_can_do(seen: dict[str, Any]) -> None:
    titles = seen["actions"]
    assert "Apply suggestion: About LIMIT = 10" in titles
    assert any(title.startswith("Claude: Fix") for title in titles)


def test_a_chosen_action_asks_nothing_more(seen: dict[str, Any]) -> None:
    """eglot 1.9 gives no name, but is known to let its user choose."""
    assert seen["asked"] == 1


def test_applies_the_suggestion_as_one_step_of_undo(seen: dict[str, Any]) -> None:
    assert seen["applied"] == PYTHON.replace("LIMIT = 10", "LIMIT = 20") + "# The end.\n"
    assert seen["undone"] is True


def test_takes_the_findings_back(seen: dict[str, Any]) -> None:
    assert seen["cleared"] is True
