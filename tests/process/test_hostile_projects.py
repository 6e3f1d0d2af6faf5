"""The command line in a project that attacks: what it prints, starts, writes and connects to."""

from __future__ import annotations

import re

import pytest

from tests.process.test_cli import finding
from tests.process.test_review_changes import Here, answer, shell  # noqa: F401 - a fixture
from tests.unit.git_kit import Repository

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"
NAME = f"a{ESCAPE}\n::error::b.py"
TEXT = f"def load(path):\n    return open(path)  # {ESCAPE}\n"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]|^\\s*::|##\\[", re.MULTILINE)


@pytest.fixture
def hostile(shell: Here) -> Repository:  # noqa: F811
    made = Repository(shell.root)
    made.commit(other_py="x = 1\n")
    made.git("checkout", "-qb", "topic")
    (shell.root / NAME).write_text(TEXT, "utf-8")
    (shell.root / "claude-lsp.toml").write_text(
        '[review]\ninstructions = "\\u001b[2J"\n"\\u001b[2J\\n::error::x" = 1\n',
        "utf-8",
    )
    made.git("add", ".")
    made.git("commit", "-qm", f"Add {ESCAPE} <img src=x>")
    return made


COMMANDS = {
    "review": (("review", "--base", "main", "--format", "full"), ""),
    "dry run": (("review", "--base", "main", "--dry-run"), "\\x1b]0;owned"),
    "context": (("context", NAME), "\\x1b]0;owned"),
    "context as json": (("context", NAME, "--format", "json"), "\\u001b]0;owned"),
    "settings": (("config",), "\\u001b[2J"),
    "no such file": (("review", f"{NAME}.missing"), "\\x1b]0;owned"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_printed_steers_a_terminal_or_a_ci_runner(
    shell: Here,  # noqa: F811
    hostile: Repository,
    name: str,
) -> None:
    del hostile
    command, told = COMMANDS[name]
    if name != "settings":
        (shell.root / "claude-lsp.toml").unlink()
    shell.api.respond(
        lambda _: answer(finding("other.py"), {**finding("other.py"), "title": ESCAPE})
    )
    run = shell.run(*command, "--root", str(shell.root), GITHUB_ACTIONS="true")
    assert "usage:" not in run.stderr
    assert told in run.stdout + run.stderr
    assert UNSAFE.findall(run.stdout) == []
    assert UNSAFE.findall(run.stderr) == []
