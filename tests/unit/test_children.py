"""What the programs that we start are given: never a key, neither in arguments nor environment."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

import claude_lsp
from claude_lsp.workspace import git
from claude_lsp.workspace.environment import environment_of_children
from tests.messages_api import KEY

PACKAGE = Path(claude_lsp.__file__).parent
STARTERS = {"run", "Popen", "call", "check_output", "create_subprocess_exec", "execve"}


def test_children_get_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    monkeypatch.setenv("CLAUDE_LSP_ENDPOINT__HEADERS", f'{{"x-api-key": "{KEY}"}}')
    monkeypatch.setenv("CLAUDE_LSP_CACHE_DIR", "kept")
    given = environment_of_children()
    assert KEY not in str(given)
    assert given["CLAUDE_LSP_CACHE_DIR"] == "kept"
    assert given["PATH"] == os.environ["PATH"]


def _starts(tree: ast.Module) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in STARTERS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"subprocess", "asyncio", "os"}
        and not (node.func.value.id == "asyncio" and node.func.attr == "run")
    ]


def test_every_program_is_started_with_an_environment_that_was_chosen() -> None:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for call in _starts(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(PACKAGE).as_posix()}:{call.lineno}"
            found[place] = any(keyword.arg == "env" for keyword in call.keywords)
    assert len(found) >= 2
    assert all(found.values()), found


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for git is a shell script")
def test_git_sees_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "seen"
    stand_in = tmp_path / "bin" / "git"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >>"{log}"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    git._start(tmp_path, ["status"], 10)
    seen = log.read_text()
    assert "status" in seen
    assert "PATH=" in seen
    assert KEY not in seen


def test_children_get_nothing_that_others_log_in_with(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = (
        *("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT", "JENKINS_PAT"),
        *("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN", "SYSTEM_ACCESSTOKEN"),
        *(
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "OPENAI_API_KEY",
            "NPM_TOKEN",
            "DB_PASSWORD",
        ),
        *("GOOGLE_APPLICATION_CREDENTIALS", "TWINE_PASSWORD", "SSH_PRIVATE_KEY", "BITBUCKET_TOKEN"),
    )
    kept = ("GIT_CONFIG_KEY_0", "PATH", "HOME", "KEYBOARD", "TOKENIZERS_PARALLELISM", "MONKEY")
    for name in (*hidden, *kept):
        monkeypatch.setenv(name, "/value")
    given = environment_of_children()
    assert [name for name in hidden if name in given] == []
    assert [name for name in kept if name not in given] == []


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for git is a shell script")
@pytest.mark.parametrize("path", ["", ".", "./bin", "bin"])
def test_a_git_of_the_project_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for folder in (tmp_path, tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        stand_in = folder / "git"
        stand_in.write_text(f'#!/bin/sh\ntouch "{tmp_path}/was-run"\n')
        stand_in.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")
    git._start(tmp_path, ["--version"], 10)
    assert not (tmp_path / "was-run").exists()
