from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from claude_lsp.workspace import git

if TYPE_CHECKING:
    from pathlib import Path


def run(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.fixture(autouse=True)
def no_personal_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "home" / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    run(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("a = 1\n" * 20)
    (root / "b.py").write_text("b = 1\n")
    (root / "c.py").write_text("c = 1\n")
    run(root, "add", ".")
    run(root, "commit", "-qm", "one")
    return root


def test_the_root_is_found_from_anywhere_inside(repository: Path, tmp_path: Path) -> None:
    (repository / "deep" / "er").mkdir(parents=True)
    assert git.root_of(repository / "deep" / "er" / "missing.py") == repository
    assert git.root_of(tmp_path) is None


def test_a_linked_working_tree_is_a_root_of_its_own(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    run(repository, "worktree", "add", "-q", str(linked))
    assert git.root_of(linked / "a.py") == linked
    own = git.git_directory(linked)
    assert own is not None
    assert git.common_directory(own).resolve() == (repository / ".git").resolve()


def test_changed_files_against_a_commit_and_in_the_working_tree(repository: Path) -> None:
    base = git.head(repository)
    assert base
    run(repository, "checkout", "-qb", "topic")
    run(repository, "mv", "a.py", "renamed.py")
    (repository / "b.py").write_text("b = 2\n")
    run(repository, "commit", "-qam", "two")
    tip = git.head(repository)
    assert git.changed_files(repository, base, tip) == [
        git.ChangedFile("b.py", "modified"),
        git.ChangedFile("renamed.py", "renamed", "a.py"),
    ]
    (repository / "c.py").unlink()
    (repository / "ünew.py").write_text("")
    assert git.changed_files(repository, "HEAD") == [
        git.ChangedFile("c.py", "deleted"),
        git.ChangedFile("ünew.py", "added"),
    ]
    assert git.merge_base(repository, "main") == base
    assert git.default_branch(repository) == "main"
    assert "ünew.py" in git.tracked_and_untracked(repository)


def test_a_repository_without_commits_has_no_head(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q")
    assert git.head(tmp_path) is None
    assert git.default_branch(tmp_path) is None
    assert git.tracked_and_untracked(tmp_path) == []


def test_the_remote_says_which_branch_is_the_default(repository: Path, tmp_path: Path) -> None:
    run(repository, "branch", "-m", "main", "production")
    clone = tmp_path / "clone"
    run(tmp_path, "clone", "-q", str(repository), str(clone))
    assert git.default_branch(clone) == "origin/production"


def test_unknown_revisions_and_unrelated_histories_say_what_to_do(repository: Path) -> None:
    with pytest.raises(git.GitError, match=r"'nowhere' is not in this repository.*fetch"):
        git.merge_base(repository, "nowhere")
    with pytest.raises(git.GitError, match="'--output=x' is not in this repository"):
        git.changed_files(repository, "--output=x")
    run(repository, "checkout", "-q", "--orphan", "other")
    run(repository, "commit", "-qm", "unrelated")
    with pytest.raises(git.GitError, match=r"No common ancestor.*--unshallow"):
        git.merge_base(repository, "main")


def test_a_folder_outside_any_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(git.GitError, match="is not in a git repository"):
        git.tracked_and_untracked(tmp_path)
    with pytest.raises(git.GitError, match="is not in a git repository"):
        git.merge_base(tmp_path, "main")
    with pytest.raises(git.GitError, match="is not a directory"):
        git.head(tmp_path / "missing")


def test_without_git_the_error_says_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(git.GitError, match=r"'git' was not found.*Install git"):
        git.head(repository)
    assert git.root_of(repository) == repository


def test_a_slow_git_is_given_up(repository: Path) -> None:
    with pytest.raises(git.GitError, match="did not answer"):
        git.run(repository, "status", timeout=1e-6)


def test_nothing_that_a_repository_configures_is_run(repository: Path, tmp_path: Path) -> None:
    trace = tmp_path / "was-run"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {trace}\ncat\n')
    program.chmod(0o755)
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman"):
        (hooks / hook).write_text(program.read_text())
        (hooks / hook).chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
    ):
        run(repository, "config", key, str(program))
    run(repository, "config", "filter.evil.required", "true")
    (repository / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (repository / "b.py").write_text("b = 3\n")
    # The same configuration does run the program when git is started plainly.
    run(repository, "diff")
    assert trace.exists()
    trace.unlink()
    (repository / "b.py").write_text("b = 4\n")
    changed = git.changed_files(repository, "HEAD")
    assert git.ChangedFile("b.py", "modified") in changed
    git.tracked_and_untracked(repository)
    git.run(repository, "diff", "HEAD")
    git.run(repository, "show", "HEAD")
    git.run(repository, "status", "--porcelain")
    git.merge_base(repository, "main")
    assert not trace.exists()


def test_the_variables_of_another_repositorys_hook_are_not_used(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
    assert "a.py" in git.tracked_and_untracked(repository)


def test_the_index_of_a_running_commit_is_used(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = repository / ".git" / "temporary-index"
    monkeypatch.setenv("GIT_INDEX_FILE", str(temporary))
    assert "a.py" not in git.run(repository, "ls-files", "--cached")
