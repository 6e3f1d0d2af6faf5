"""What a review looks at, for every way to say so, against real repositories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from claude_lsp.context.candidate import Lines, Removed
from claude_lsp.review import ci, scope, sides
from claude_lsp.settings import Settings, build
from claude_lsp.text.diffs import parse_diff
from claude_lsp.workspace import git, git_diff
from claude_lsp.workspace.workspace import Workspace
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from claude_lsp.review.document import Breadth
    from claude_lsp.review.scope import Scope
    from claude_lsp.review.sides import Sides

BODY = "".join(f"line_{number} = {number}\n" for number in range(1, 31))
CHANGED = BODY.replace("line_10 = 10", "line_10 = 11").replace("line_20 = 20\n", "")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "r")
    made.commit(a_py=BODY, b_py=BODY)
    return made


def found(
    repository: Repository,
    compared: Sides,
    breadth: Breadth = "added",
    paths: tuple[str, ...] = (),
    settings: Settings | None = None,
) -> Scope:
    workspace = Workspace((repository.root,), settings or Settings())
    limits = [repository.root / path for path in paths]
    return scope.changes(workspace, repository.root, compared, breadth, limits)


def texts(of: Scope) -> dict[str, str]:
    return {document.origin: document.snapshot.text for document in of.documents}


def test_the_working_tree_against_the_index(repository: Repository) -> None:
    repository.write("a.py", BODY + "staged = 1\n")
    repository.git("add", "a.py")
    repository.write("a.py", BODY + "staged = 1\nunstaged = 2\n")
    repository.write("deep/new.py", "new = 1\n")
    repository.write("ignored.py", "x = 1\n")
    repository.write(".gitignore", "ignored.py\n")
    of = found(repository, sides.worktree())
    assert list(texts(of)) == ["a.py", "deep/new.py"]
    changed, new = of.documents
    assert changed.snapshot.text.endswith("unstaged = 2\n")
    assert changed.added == (Lines(31, 31),)
    assert (new.change, new.scope, new.hunks) == ("added", None, None)
    assert of.changes
    assert of.nothing == ""


def test_what_is_staged_is_read_from_the_index(repository: Repository) -> None:
    repository.write("a.py", CHANGED)
    repository.git("add", "a.py")
    repository.write("a.py", "something else = 1\n")
    (document,) = found(repository, sides.staged()).documents
    assert document.snapshot.text == CHANGED
    assert document.change == "modified"
    assert document.added == (Lines(9, 9),)
    assert document.removed == (
        Removed(9, 10, ("line_10 = 10",)),
        Removed(19, 20, ("line_20 = 20",)),
    )
    assert document.scope == (Lines(8, 9), Lines(8, 10), Lines(18, 19))
    assert document.hunks == (Lines(6, 12), Lines(16, 21))


def test_a_branch_is_read_from_its_head_even_where_that_is_not_checked_out(
    repository: Repository,
) -> None:
    repository.git("checkout", "-qb", "topic")
    repository.commit(a_py=CHANGED)
    repository.git("checkout", "-q", "main")
    main = repository.commit(b_py="other = 1\n")
    compared = sides.against(repository.root, "main", "topic")
    of = found(repository, compared)
    assert texts(of) == {"a.py": CHANGED}
    assert compared.words == "main...topic"
    # Not where the branch began: its author chose that.
    assert compared.trusted == main


def test_one_commit_and_the_first_of_all(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit(a_py=CHANGED)
    compared = sides.commit(repository.root, "HEAD")
    assert texts(found(repository, compared)) == {"a.py": CHANGED}
    assert compared.trusted == first
    repository.commit(a_py="later = 1\n")
    assert texts(found(repository, sides.commit(repository.root, second))) == {"a.py": CHANGED}
    root = sides.commit(repository.root, first)
    assert set(texts(found(repository, root))) == {"a.py", "b.py"}
    assert root.trusted is None


def test_a_merge_is_compared_with_its_first_parent(repository: Repository) -> None:
    repository.git("checkout", "-qb", "topic")
    repository.commit(a_py=CHANGED)
    repository.git("checkout", "-q", "main")
    repository.commit(b_py="other = 1\n")
    repository.git("merge", "-q", "--no-edit", "topic")
    assert set(texts(found(repository, sides.commit(repository.root, "HEAD")))) == {"a.py"}


@pytest.mark.parametrize(
    ("breadth", "lines"),
    [
        ("added", (Lines(8, 9), Lines(8, 10), Lines(18, 19))),
        ("context", (Lines(6, 12), Lines(16, 21))),
        ("file", None),
        ("all", None),
    ],
)
def test_which_lines_findings_may_be_about(
    repository: Repository, breadth: Breadth, lines: tuple[Lines, ...] | None
) -> None:
    repository.write("a.py", CHANGED)
    (document,) = found(repository, sides.worktree(), breadth).documents
    assert document.scope == lines
    assert (document.hunks is None) == (lines is None)


def test_paths_limit_a_change(repository: Repository) -> None:
    repository.write("a.py", CHANGED)
    repository.write("src/c.py", "c = 1\n")
    repository.write("srcs/d.py", "d = 1\n")
    assert set(texts(found(repository, sides.worktree(), paths=("src",)))) == {"src/c.py"}
    assert set(texts(found(repository, sides.worktree(), paths=("a.py", "src")))) == {
        "a.py",
        "src/c.py",
    }


def test_what_is_not_worth_a_look_is_listed_with_its_reason(repository: Repository) -> None:
    root = repository.root
    repository.write("mode.sh", "x\n")
    repository.write("gone.py", "x = 1\n")
    repository.write("moved.py", BODY.replace("line", "row"))
    repository.write("picture.png", b"\0\1\2")
    repository.commit()
    (root / "mode.sh").chmod(0o755)
    repository.git("rm", "-q", "gone.py")
    repository.git("mv", "moved.py", "new.py")
    (root / "link.py").symlink_to("a.py")
    repository.write("picture.png", b"\0\1\2\3")
    repository.write("package-lock.json", '{"lockfileVersion": 3}\n')
    repository.write("generated.py", "# Code generated by hand. DO NOT EDIT.\nx = 1\n")
    repository.write("vendor/lib.py", "vendored = 1\n")
    repository.write("node_modules/m/index.js", "vendored = 2\n")
    repository.write("huge.py", "x = 1\n" * 200_000)
    repository.write("min.js", "x" * 17_000_000 + "\n")
    repository.write(".env", "KEY=1\n")
    repository.write("private.py", "private = 1\n")
    repository.write(".claudeignore", "private.py\n")
    repository.write("README.md", "# Title\n")
    repository.write("empty.py", "")
    repository.write("latin.py", b"# \xe9\n")
    repository.write("kept.py", "kept = 1\n")
    inner = Repository(root / "sub")
    inner.commit(x_py="1\n")
    repository.git("add", "-A")
    of = found(repository, sides.staged())
    assert set(texts(of)) == {"kept.py"}
    skipped = dict(of.skipped)
    assert "secret" in skipped.pop(".env")
    assert ".claudeignore" in skipped.pop("private.py")
    assert skipped == {
        "mode.sh": "only its mode changed",
        "gone.py": "deleted",
        "new.py": "only renamed",
        "link.py": "symbolic link",
        "picture.png": "binary",
        "package-lock.json": "generated (lock file package-lock.json)",
        "generated.py": 'generated (marked "Code generated by")',
        "vendor/lib.py": "vendored",
        "node_modules/m/index.js": "vendored",
        "huge.py": "over 512 kB",
        "min.js": "over 512 kB",
        ".claudeignore": "ignore is not reviewed unless named",
        "README.md": "markdown is not reviewed unless named",
        "empty.py": "empty",
        "latin.py": "not UTF-8 text (at byte 2)",
        "sub": "submodule",
    }
    named = found(repository, sides.staged(), paths=("README.md", "vendor/lib.py"))
    assert set(texts(named)) == {"README.md", "vendor/lib.py"}


def test_a_renamed_and_changed_file_is_reviewed_where_it_is_now(repository: Repository) -> None:
    repository.git("mv", "a.py", "moved.py")
    repository.write("moved.py", CHANGED)
    repository.git("add", "-A")
    (document,) = found(repository, sides.staged()).documents
    assert (document.origin, document.change) == ("moved.py", "renamed from a.py")
    assert document.added == (Lines(9, 9),)


def test_an_attribute_hides_nothing(repository: Repository) -> None:
    repository.write(".gitattributes", "*.py -diff\n")
    repository.commit()
    repository.commit(a_py=CHANGED)
    of = found(repository, sides.commit(repository.root, "HEAD"))
    assert texts(of) == {"a.py": CHANGED}
    assert of.documents[0].added == (Lines(9, 9),)


def test_nothing_changed_is_told_from_nothing_to_review(repository: Repository) -> None:
    assert found(repository, sides.worktree()).nothing == "Nothing changed in the working tree."
    assert found(repository, sides.staged()).nothing == "Nothing is staged."
    same = found(repository, sides.against(repository.root, "main"))
    assert same.nothing == "Nothing changed between main and HEAD."
    repository.write("README.md", "# Title\n")
    only_prose = found(repository, sides.worktree())
    assert (only_prose.nothing, only_prose.documents) == ("", ())


def test_lines_that_git_does_not_know_are_counted_as_documents_count_them(
    repository: Repository,
) -> None:
    old = "a = 1\rb = 2\r\nc = 3\nd = 4\n"
    repository.commit(mac_py=old)
    repository.write("mac.py", old.replace("d = 4", "d = 5"))
    (document,) = found(repository, sides.worktree()).documents
    # Four lines here, three for git.
    assert document.added == (Lines(3, 3),)
    assert document.snapshot.index.line(3) == "d = 5"


def test_nothing_that_a_repository_configures_is_run(
    repository: Repository, tmp_path: Path
) -> None:
    trace = tmp_path / "was-run"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {trace}\ncat\n')
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "diff.evil.command"):
        repository.git("config", key, str(program))
    for key in ("diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge"):
        repository.git("config", key, str(program))
    repository.write(".gitattributes", "* filter=evil diff=evil\n")
    repository.write("a.py", CHANGED)
    assert "a.py" in texts(found(repository, sides.worktree()))
    assert not trace.exists()
    # Plainly started, git does run it.
    repository.git("add", "-A")
    assert trace.exists()
    trace.unlink()
    found(repository, sides.staged())
    found(repository, sides.commit(repository.root, "HEAD"))
    found(repository, sides.against(repository.root, "main"))
    git_diff.file_at(repository.root, "HEAD", "a.py")
    assert not trace.exists()


def test_a_shallow_clone_says_what_to_do(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "-qb", "topic")
    for number in range(3):
        repository.commit(a_py=BODY + f"n = {number}\n")
    repository.git("checkout", "-q", "main")
    repository.commit(b_py="other = 1\n")
    shallow = Repository(tmp_path / "shallow")
    source = f"file://{repository.root}"
    shallow.git("fetch", "-q", "--depth=1", source, "main:refs/remotes/origin/main", "topic:topic")
    shallow.git("checkout", "-q", "topic")
    with pytest.raises(git.GitError, match=r"is shallow.*fetch-depth: 0"):
        sides.against(shallow.root, "main", "topic")
    with pytest.raises(git.GitError, match="shallow"):
        sides.commit(shallow.root, "topic")
    with pytest.raises(git.GitError, match=r"'nowhere' is not in this repository"):
        sides.against(shallow.root, "nowhere")


# A diff that is handed in.


def given(repository: Repository, diff: str, paths: tuple[str, ...] = ()) -> Scope:
    workspace = Workspace((repository.root,), Settings())
    limits = [repository.root / path for path in paths]
    return scope.of_diff(workspace, repository.root, ("x.diff", parse_diff(diff)), "added", limits)


def test_a_diff_of_the_files_that_are_here(repository: Repository) -> None:
    repository.write("a.py", CHANGED)
    of = given(repository, repository.git("diff") + "\n")
    assert texts(of) == {"a.py": CHANGED}
    assert of.notices == ()
    assert of.documents[0].added == (Lines(9, 9),)


def test_a_diff_of_files_that_are_not_here(repository: Repository) -> None:
    repository.write("a.py", CHANGED)
    diff = repository.git("diff") + "\n"
    repository.write("a.py", BODY)
    of = given(repository, diff)
    (document,) = of.documents
    assert document.snapshot.index.line(9) == "line_10 = 11"
    assert document.snapshot.index.line(0) == ""
    assert document.added == (Lines(9, 9),)
    (notice,) = of.notices
    assert "only the lines of the diff were looked at" in notice


def test_a_diff_can_not_reach_out_of_the_workspace(repository: Repository) -> None:
    (repository.root.parent / "secret.py").write_text("secret = 1\n")
    hunk = "@@ -1 +1 @@\n-x = 1\n+secret = 1\n"
    for path in ("../secret.py", "sub/../../secret.py", str(repository.root.parent / "secret.py")):
        of = given(repository, f"--- a/{path}\n+++ b/{path}\n{hunk}")
        assert of.documents == ()


# Whole files.


def test_files_and_folders(repository: Repository) -> None:
    repository.write("notes.md", "# Notes\n")
    repository.write("data.json", "{}\n")
    repository.write("src/c.py", "c = 1\n")
    workspace = Workspace((repository.root,), build({"context.ignore": ("b.py",)}))
    root = repository.root
    of = scope.files(workspace, root, [root], "all")
    assert list(texts(of)) == ["a.py", "src/c.py"]
    assert dict(of.skipped) == {
        "data.json": "json is not reviewed unless named",
        "notes.md": "markdown is not reviewed unless named",
    }
    named = scope.files(workspace, root, [root / "notes.md", root / "src", root / "b.py"], "x")
    assert list(texts(named)) == ["notes.md", "src/c.py"]
    assert dict(named.skipped).keys() == {"b.py"}


# What CI says.


@pytest.mark.parametrize(
    ("environment", "base"),
    [
        ({}, None),
        ({"GITHUB_BASE_REF": "main"}, ("main", "origin/main", "main")),
        ({"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/rel"}, ("rel", "origin/rel", "rel")),
        ({"BITBUCKET_PR_DESTINATION_BRANCH": "dev"}, ("dev", "origin/dev", "dev")),
        ({"CHANGE_TARGET": "dev"}, ("dev", "origin/dev", "dev")),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": "ab" * 20}, ("abababababab", "ab" * 20)),
        (
            {
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": "ab" * 20,
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            },
            ("main", "origin/main", "main", "ab" * 20),
        ),
    ],
)
def test_what_ci_systems_tell(environment: dict[str, str], base: tuple[str, ...] | None) -> None:
    told = ci.base_of_change(environment)
    assert (None if told is None else (told.name, *told.revisions)) == base


@pytest.mark.parametrize(
    ("event", "base"),
    [
        ({"before": "cd" * 20}, "cd" * 20),
        ({"before": "0" * 40}, None),
        ({"merge_group": {"base_sha": "ef" * 20}}, "ef" * 20),
        ([], None),
        ("not JSON", None),
    ],
)
def test_what_githubs_event_tells(tmp_path: Path, event: object, base: str | None) -> None:
    path = tmp_path / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event))
    told = ci.base_of_change({"GITHUB_EVENT_PATH": str(path)})
    assert (told.revisions if told else None) == ((base,) if base else None)
    assert ci.base_of_change({"GITHUB_EVENT_PATH": str(tmp_path / "missing")}) is None


def test_whether_ci_runs_this() -> None:
    assert ci.runs_in_ci({"PRE_COMMIT_FROM_REF": "a" * 40})
    assert ci.runs_in_ci({"CI": "true"})
    assert ci.runs_in_ci({"TF_BUILD": "True"})
    assert not ci.runs_in_ci({"CI": "false"})
    assert not ci.runs_in_ci({})


def test_what_stands_next_to_a_removal_is_more_than_a_blank_line(repository: Repository) -> None:
    text = "def f(a, b):\n    first(a)\n\n    check(a)\n\n    last(b)\n\n\nother = 1\n"
    repository.commit(c_py=text)
    repository.commit(c_py=text.replace("    check(a)\n\n", ""))
    (document,) = found(repository, sides.commit(repository.root, "HEAD")).documents
    assert document.scope is not None
    near = {line for lines in document.scope for line in range(lines.first, lines.last + 1)}
    assert near == {1, 2, 3}
