"""Unified diffs: what git prints is read to the last line number, whatever it is about."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.text.diffs import DiffError, FileChange, Hunk, Line, parse_diff
from tests.unit.git_kit import Repository

if TYPE_CHECKING:
    from pathlib import Path

DIFF = ("diff", "--no-color", "--no-ext-diff", "-M", "-C", "--full-index")


def applied(change: FileChange, old: str) -> str:
    """The new text, made of the old one and the hunks."""
    lines = old.split("\n")
    unended = bool(lines[-1])
    if not unended:
        lines.pop()
    made: list[str] = []
    at = 0
    for hunk in change.hunks:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        made += lines[at:start]
        at = start
        for line in hunk.lines:
            if line.mark != "-":
                assert line.new == len(made) + 1
                made.append(line.text)
            if line.mark != "+":
                assert line.old == at + 1
                assert lines[at] == line.text
                at += 1
        assert (hunk.old_unended, hunk.new_unended) != (True, True) or unended
        if at == len(lines) and hunk.lines:
            unended = hunk.new_unended
    made += lines[at:]
    return "\n".join(made) + ("" if unended or not made else "\n")


text_lines = st.sampled_from(
    ["a", "b", "", " ", "+x", "-y", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "\\ No newline", "c\r"]
)
texts = st.builds(
    lambda lines, ended: "\n".join(lines) + ("\n" if ended and lines else ""),
    st.lists(text_lines, max_size=30),
    st.booleans(),
)


@settings(max_examples=15)
@given(pairs=st.lists(st.tuples(texts, texts), min_size=1, max_size=12))
def test_hunks_turn_the_old_text_into_the_new(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    repository = Repository(tmp_path_factory.mktemp("repository"))
    for number, (old, _) in enumerate(pairs):
        repository.write(f"f{number}", old)
    repository.commit()
    for number, (_, new) in enumerate(pairs):
        repository.write(f"f{number}", new)
    # Not stripped: a diff may end in lines of blanks.
    command = ["git", *DIFF[:-3], f"-U{len(pairs) % 4}"]
    done = subprocess.run(command, cwd=repository.root, capture_output=True, check=True)
    raw = done.stdout.decode()
    changes = {change.path: change for change in parse_diff(raw)}
    for number, (old, new) in enumerate(pairs):
        change = changes.pop(f"f{number}", None)
        assert (change is None) == (old == new)
        if change is not None:
            assert change.status == "modified"
            assert applied(change, old) == new
    assert not changes


NAMES = ("plain.py", "with blank.py", "tab\there", 'quo"te', "ünï.py", "new\nline", "b")
MOVED = "a/b c/d b"


@pytest.mark.parametrize("quoted", ["true", "false"])
@pytest.mark.parametrize("option", ["", "--no-prefix", "mnemonic"])
def test_paths_however_they_are_written(tmp_path: Path, quoted: str, option: str) -> None:
    repository = Repository(tmp_path / "r")
    for name in (*NAMES, MOVED):
        repository.write(name, f"{name}\n" * 8)
    repository.commit()
    for name in NAMES:
        repository.write(name, f"{name}\n" * 8 + "more\n")
    repository.git("mv", MOVED, "moved to b")
    repository.write("empty new", "")
    repository.git("add", "-A")
    prefix = ("-c", "diff.mnemonicPrefix=true") if option == "mnemonic" else ()
    options = (option,) if option.startswith("--") else ()
    raw = repository.git("-c", f"core.quotePath={quoted}", *prefix, *DIFF, "--cached", *options)
    changes = {change.path: change for change in parse_diff(raw)}
    assert set(changes) == {*NAMES, "moved to b", "empty new"}
    moved = changes["moved to b"]
    assert (moved.status, moved.old_path, moved.hunks) == ("renamed", MOVED, ())
    assert changes["empty new"].status == "added"


def test_what_can_happen_to_a_file(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    body = "".join(f"line {number}\n" for number in range(40))
    repository.write("mode.sh", "x\n")
    repository.write("gone.py", "x\n")
    repository.write("moved.py", body)
    repository.write("source.py", body.replace("line", "row"))
    repository.write("link", "x\n")
    repository.write("picture.png", b"\0\1\2")
    repository.commit()
    (repository.root / "mode.sh").chmod(0o755)
    repository.git("update-index", "--chmod=+x", "mode.sh")
    repository.git("rm", "-q", "gone.py")
    repository.git("mv", "moved.py", "new.py")
    repository.write("new.py", body.replace("line 7\n", "line seven\n"))
    repository.write("copy.py", body.replace("line", "row") + "end")
    repository.write("source.py", body.replace("line", "row") + "other\n")
    (repository.root / "link").unlink()
    (repository.root / "link").symlink_to("mode.sh")
    repository.write("picture.png", b"\0\1\2\3")
    repository.write("fresh.py", "a\nb\n")
    repository.git("add", "-A")
    changes = {change.path: change for change in parse_diff(repository.git(*DIFF, "--cached"))}
    assert {path: change.status for path, change in changes.items()} == {
        "mode.sh": "mode",
        "gone.py": "deleted",
        "new.py": "renamed",
        "copy.py": "copied",
        "source.py": "modified",
        "link": "type",
        "picture.png": "modified",
        "fresh.py": "added",
    }
    assert (changes["mode.sh"].old_mode, changes["mode.sh"].new_mode) == ("100644", "100755")
    assert changes["new.py"].old_path == "moved.py"
    assert (changes["new.py"].added, changes["new.py"].removed) == (1, 1)
    assert changes["copy.py"].old_path == "source.py"
    assert changes["copy.py"].hunks[0].new_unended
    assert changes["link"].link
    assert changes["picture.png"].binary
    assert len(changes["fresh.py"].new_blob) == 40
    (hunk,) = changes["fresh.py"].hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (0, 0, 1, 2)
    assert changes["gone.py"].hunks[0].lines == (Line("-", "x", 1, None),)
    binary = parse_diff(repository.git(*DIFF, "--cached", "--binary"))
    assert [change.path for change in binary if change.binary] == ["picture.png"]


def test_a_merge_as_a_combined_diff(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit(a_py="one\ntwo\nthree\n")
    repository.git("checkout", "-qb", "topic")
    repository.commit(a_py="one\nTWO\nthree\n")
    repository.git("checkout", "-q", "main")
    repository.commit(a_py="one\n2\nthree\n")
    repository.git("merge", "topic", check=False)
    (open_conflict,) = parse_diff(repository.git("diff"))
    assert open_conflict.parents == 2
    assert [line.text for hunk in open_conflict.hunks for line in hunk.lines][1] == "<<<<<<< HEAD"
    assert parse_diff(repository.git("diff", "--cached"))[0].status == "unmerged"
    repository.commit(a_py="one\nboth\nthree\n")
    (change,) = parse_diff(repository.git("show", "--cc", "--full-index"))
    assert change.path == "a.py"
    (hunk,) = change.hunks
    assert hunk.lines == (
        Line(" ", "one", 1, 1),
        Line("-", "2", 2, None),
        Line("-", "TWO", 2, None),
        Line("+", "both", None, 2),
        Line(" ", "three", 3, 3),
    )


def test_a_submodule(tmp_path: Path) -> None:
    inner, outer = Repository(tmp_path / "inner"), Repository(tmp_path / "outer")
    inner.commit(a_py="1\n")
    outer.git("submodule", "--quiet", "add", str(inner.root), "sub")
    (added, *_) = [c for c in parse_diff(outer.git(*DIFF, "--cached")) if c.path == "sub"]
    assert (added.status, added.submodule) == ("added", True)
    outer.commit()
    inside = Repository(outer.root / "sub")
    inside.commit(a_py="2\n")
    for form in ("short", "log"):
        (moved,) = parse_diff(outer.git("diff", f"--submodule={form}"))
        assert (moved.path, moved.submodule) == ("sub", True)


def test_a_plain_diff_and_mail_around_one() -> None:
    plain = (
        "Only in old: x\n--- old/a.c\t2026-01-01 10:00:00\n+++ new/a.c\t2026-01-01 10:00:01\n"
        "@@ -1,2 +1,2 @@ int main()\n-a\n+b\n\n--- old/b.c\n+++ new/b.c\n@@ -0,0 +1 @@\n+c\n"
    )
    first, second = parse_diff(plain)
    assert (first.path, second.path) == ("new/a.c", "new/b.c")
    assert first.hunks[0].heading == "int main()"
    assert first.hunks[0].lines[-1] == Line(" ", "", 2, 2)
    mail = (
        "From 1 Mon Sep 17 00:00:00 2001\nSubject: x\n\nThe line\n--- a\nis prose.\n---\n a.py | 2"
        "\n"
        "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n"
        "@@ -1 +1 @@\n-x\n+y\n-- \n2.43.0\n\n"
    )
    (change,) = parse_diff(mail)
    assert (change.path, change.added, change.removed) == ("a.py", 1, 1)


def test_nothing_changed() -> None:
    assert parse_diff("") == ()
    assert parse_diff("no diff at all\n") == ()


@pytest.mark.parametrize(
    ("body", "line", "what"),
    [
        ("@@ -1,3 +1,3 @@\n a\n", 3, "ends in the middle"),
        ("@@ -1,2 +1,2 @@\n a\n+b\n+c\n", 3, "more lines than its head says"),
        ("@@ -1,2 +1,2 @@\n a\ndiff --git a/x b/x\n", 5, "neither added, removed nor unchanged"),
        ("@@@ -1,2 +1,2 @@@\n a\n", 3, "head can't be read"),
    ],
)
def test_a_damaged_diff_says_where(body: str, line: int, what: str) -> None:
    head = "diff --git a/a b/a\n--- a/a\n" if body.startswith("@@@") else "--- a/a\n+++ b/a\n"
    with pytest.raises(DiffError, match=what) as caught:
        parse_diff(head + body)
    assert caught.value.line == line


def test_a_file_of_one_huge_line() -> None:
    huge = "x" * 17_000_000
    head = "diff --git a/a.js b/a.js\nindex 1..2 100644\n--- a/a.js\n+++ b/a.js\n@@ -1 +1 @@\n"
    (change,) = parse_diff(f"{head}-{huge}\n+{huge}y\n")
    assert isinstance(change.hunks[0], Hunk)
    assert [len(line.text) for line in change.hunks[0].lines] == [17_000_000, 17_000_001]


@given(st.text(alphabet=st.sampled_from('ab @-+\\\n\t"/1,0'), max_size=200))
def test_any_text_is_a_diff_or_an_error(text: str) -> None:
    for beginning in ("", "diff --git a/x b/x\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n"):
        with contextlib.suppress(DiffError):
            assert all(change.path for change in parse_diff(beginning + text))
