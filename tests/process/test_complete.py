"""`claude-lsp complete` as a process: what a script gets of it."""

from __future__ import annotations

import json

import pytest

from claude_lsp.cli import process as exit_codes
from tests.messages_api import replies
from tests.process.test_cli import Shell, shell

__all__ = ["shell"]

CODE = "def total(values):\n    \n\n\nprint(total([1]))\n"


def test_a_completion_is_printed_as_ghost_text_would_show_it(shell: Shell) -> None:
    shell.write("code.py", CODE)
    shell.api.respond(lambda _: replies.text("<fill>return sum(values)</fill>"))
    plain = shell.run("complete", "code.py:2:5")
    assert (plain.returncode, plain.stdout) == (exit_codes.DONE, "return sum(values)\n")
    (request,) = shell.api.messages
    assert "def total(values):\n    <CURSOR/>" in request.text
    assert request.model.startswith("claude-haiku")
    shell.api.respond(lambda _: replies.text("<fill></fill>"))
    nothing = shell.run("complete", "code.py:2:5", "--format", "json")
    assert (nothing.returncode, json.loads(nothing.stdout)) == (exit_codes.DONE, {"text": ""})
    assert "nothing to suggest there" in nothing.stderr


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("code.py", exit_codes.USAGE, "say where: FILE:LINE:COLUMN"),
        ("code.py:99:1", exit_codes.USAGE, "the file has 6 lines"),
        ("gone.py:1:1", exit_codes.USAGE, "no such file"),
        (".env:1:1", exit_codes.NOTHING, ".env"),
    ],
)
def test_a_place_where_nothing_can_be_asked_is_told(
    shell: Shell, place: str, code: int, said: str
) -> None:
    shell.write("code.py", CODE)
    shell.write(".env", "A=1\n")
    run = shell.run("complete", place)
    assert (run.returncode, run.stdout) == (code, "")
    assert said in run.stderr
    assert not shell.api.messages


def test_a_failure_never_looks_like_nothing_to_suggest(shell: Shell) -> None:
    shell.write("code.py", CODE)
    shell.api.respond(lambda _: replies.error(401))
    run = shell.run("complete", "code.py:2:5")
    assert (run.returncode, run.stdout) == (exit_codes.NOTHING, "")
    assert "key" in run.stderr
    assert "nothing to suggest" not in run.stderr
