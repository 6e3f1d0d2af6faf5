from __future__ import annotations

import codecs
import os
import shutil
import subprocess
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from claude_lsp.workspace.files import TextFile, Unreadable, list_files, read_text
from claude_lsp.workspace.ignore import IgnoreRules

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 100_000


@pytest.fixture(autouse=True)
def no_personal_configuration(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in {
        ".gitignore": "*.log\nbuild/\n!keep.log\n",
        ".claudeignore": "/private\n",
        ".env": "A=1\n",
        "a.py": "",
        "b.log": "",
        "keep.log": "",
        "build/made.py": "",
        "private/p.py": "",
        "sub/.gitignore": "own.py\n",
        "sub/own.py": "",
        "sub/é.py": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "loop").symlink_to(root)
    (root / "link.py").symlink_to(root / "a.py")
    return root


def listed(root: Path, *extra: str, limit: int | None = None) -> list[str]:
    files = list_files(root, IgnoreRules(root, extra), limit=limit)
    return [file.relative_to(root).as_posix() for file in files]


EXPECTED = [".claudeignore", ".gitignore", "a.py", "keep.log", "sub/.gitignore", "sub/é.py"]


def test_a_folder_without_git_is_walked_by_the_same_rules(project: Path) -> None:
    assert listed(project) == EXPECTED


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_is_asked_inside_a_repository_with_the_same_result(project: Path) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    assert listed(project) == EXPECTED
    subprocess.run(["git", "add", "."], cwd=project, check=True)
    (project / "a.py").unlink()
    (project / "new.py").write_text("")
    assert listed(project, "sub/") == [".claudeignore", ".gitignore", "keep.log", "new.py"]
    files = list_files(project / "sub", IgnoreRules(project))
    assert [file.name for file in files] == [".gitignore", "é.py"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_within_another_is_listed_too(project: Path) -> None:
    for root in (project, project / "sub"):
        subprocess.run(["git", "init", "-q", root], check=True)
    assert listed(project) == EXPECTED


def test_without_git_a_repository_is_walked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    monkeypatch.setenv("PATH", str(project))
    assert listed(project) == EXPECTED


def test_what_tools_put_beside_the_source_is_not_walked(project: Path) -> None:
    for name in ("node_modules/x/i.js", "env9/pyvenv.cfg", "env9/lib/x.py", ".hg/store"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("")
    assert listed(project) == EXPECTED


def test_a_limit_bounds_the_list(project: Path) -> None:
    assert len(listed(project, limit=3)) == 3


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        ("é\r\nx".encode(), "é\r\nx", "utf-8"),
        (codecs.BOM_UTF8 + b"a", "a", "utf-8-sig"),
        (codecs.BOM_UTF16_LE + "aé".encode("utf-16-le"), "aé", "utf-16-le"),
        (codecs.BOM_UTF16_BE + "aé".encode("utf-16-be"), "aé", "utf-16-be"),
    ],
)
def test_text_is_read_with_its_encoding(
    tmp_path: Path, content: bytes, text: str, encoding: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    read = read_text(path, LIMIT)
    assert isinstance(read, TextFile)
    assert (read.text, read.encoding, read.size) == (text, encoding, len(content))
    assert read.modified_ns == path.stat().st_mtime_ns


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"caf\xe9 \xff", "not UTF-8 text (at byte 3)"),
        (b"a\0b", "binary"),
        (codecs.BOM_UTF16_LE + b"a", "not UTF-16-LE text (at byte 0)"),
        (b"x" * (LIMIT + 1), "over 97 kB"),
    ],
)
def test_what_is_no_text_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert read_text(tmp_path / "a", LIMIT) == Unreadable(reason)


def test_what_is_no_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_text(tmp_path / "missing", LIMIT) == Unreadable("no longer there")
    (tmp_path / "file").write_text("")
    assert read_text(tmp_path / "file" / "x", LIMIT) == Unreadable("no longer there")
    assert read_text(tmp_path, LIMIT) == Unreadable("not a regular file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert read_text(tmp_path / "pipe", LIMIT) == Unreadable("not a regular file")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert read_text(tmp_path / "file", LIMIT) == Unreadable("permission denied")


def test_a_huge_file_is_never_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        assert read_text(path, LIMIT) == Unreadable("over 97 kB")
        # A file that claims to be smaller than it is must not get further either.
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_claims_to_be_empty_is_read_within_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.txt"
    path.write_bytes(b"x" * 5_000)
    status = list(path.stat())
    status[6] = 0
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(status))
    assert read_text(path, 1_024) == Unreadable("over 1 kB")
