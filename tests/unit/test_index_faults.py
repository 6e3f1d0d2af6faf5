"""An index under attack: bad files, bad disks, dying workers. It ends, tells once, and answers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.workspace.index import builder as building
from claude_lsp.workspace.index import cache, workers
from claude_lsp.workspace.index.workers import WorkerError, Workers
from tests.unit.index_kit import FUNCTIONS, Session, files_in, write

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from claude_lsp.workspace.index.backlog import Listed

POSIX = pytest.mark.skipif(os.name == "nt", reason="a file system of POSIX")


# ----- files


async def test_files_that_are_no_source_are_left_out_and_the_others_are_not(root: Path) -> None:
    write(root, "latin.py", "def grüße(): ...\n".encode("latin-1"))
    write(root, "binary.py", b"\0\1\2def binary(): ...\n")
    write(root, "line.py", "x = [" + "1, " * 1_700_000 + "]\n")
    write(root, "broken.py", "def found(:\n    ((((\nclass Half\n" * 40)
    write(root, "empty.py", "")
    write(root, "folder.py/inner.py", "def inner(): ...\n")
    async with Session(root) as session:
        assert {*FUNCTIONS, "inner", "found"} <= set(session.names)
        assert not {"binary", "grüße", "x"} & set(session.names)
        assert session.told == []
        reasons = session.builder.progress.left_out
        assert sum(reasons.values()) == 3
        assert session.builder.progress.done == session.builder.progress.files


@POSIX
async def test_odd_names_are_names(root: Path) -> None:
    names = ["with space.py", "two\nlines.py", "grün 🎉.py", "A.py", "a.py", "%41.py"]
    names.append(os.fsdecode(b"not-\xff-text.py"))
    try:
        for number, name in enumerate(names):
            write(root, f"{name}.d/{name}", f"def odd_{number}(): ...\n")
    except OSError:
        pytest.skip("a file system that takes only UTF-8")
    if len(files_in(root)) < len(names) + 3:
        pytest.skip("a file system that does not tell A from a")
    expected = [*FUNCTIONS, *(f"odd_{number}" for number in range(len(names)))]
    async with Session(root) as session:
        assert session.names == expected
        for name in names:
            assert session.index.links.view.find(f"{name}.d/{name}") >= 0
        write(root, f"{names[-1]}.d/{names[-1]}", "def renamed(): ...\n")
        await session.builder.refresh([f"{names[-1]}.d/{names[-1]}"])
        assert session.names == [*expected[:-1], "renamed"]
    async with Session(root) as session:
        assert session.names == [*expected[:-1], "renamed"]


# ----- what happens between looking and reading


async def test_files_that_vanish_before_they_are_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = building.Builder._list

    def list_and_delete(self: building.Builder) -> list[Listed]:
        found = listing(self)
        (root / "module_1.py").unlink()
        return found

    monkeypatch.setattr(building.Builder, "_list", list_and_delete)
    async with Session(root) as session:
        assert session.names == ["function_0", "function_2"]
        assert session.told == []
        monkeypatch.undo()
        write(root, "module_1.py", "def back(): ...\n")
        await session.builder.refresh(["module_1.py"])
        assert session.names == ["back", "function_0", "function_2"]


@pytest.mark.parametrize("whole", [False, True])
async def test_a_root_that_is_removed_leaves_nothing(root: Path, whole: bool) -> None:
    async with Session(root) as session:
        shutil.rmtree(root)
        await (session.builder.start() if whole else session.builder.refresh([""]))
        assert session.names == []
        assert session.told == []


async def test_folders_that_come_and_go_bring_and_take_their_files(root: Path) -> None:
    async with Session(root) as session:
        for number in range(20):
            write(root, f"lib_{number}/inner/file.py", f"def more_{number}(): ...\n")
        await session.builder.refresh(["lib_0"])
        assert "more_0" in session.names
        assert "more_1" not in session.names
        await session.builder.refresh([f"lib_{number}" for number in range(20)])
        assert {f"more_{number}" for number in range(20)} <= set(session.names)
        (root / "lib_0").rename(root / "moved")
        await session.builder.refresh(["lib_0", "moved"])
        assert session.index.links.view.find("moved/inner/file.py") >= 0
        assert session.index.links.view.find("lib_0/inner/file.py") < 0


async def test_a_refresh_reads_nothing_that_a_listing_would_leave_out(root: Path) -> None:
    write(root, ".claudeignore", "private/\n")
    places = ["node_modules/a/index.js", ".venv/lib.py", "own/bin/lib.py", "private/keys.py"]
    write(root, "own/pyvenv.cfg", "")
    for place in places:
        write(root, place, "def made(): ...\nfunction made() {}\n")
    made = [*places, "node_modules", "own", "private", ".venv"]
    if hasattr(os, "symlink"):
        (root / "link.py").symlink_to(root / "module_0.py")
        made.append("link.py")
    async with Session(root) as session:
        await session.builder.refresh(made)
        assert session.names == FUNCTIONS
        files = session.builder.progress.files
        await session.builder.start()
        assert session.builder.progress.files == files


async def test_a_change_within_the_clock_of_the_file_system_is_seen(root: Path) -> None:
    file = root / "module_0.py"
    times = file.stat()
    async with Session(root) as session:
        write(root, "module_0.py", "def function_X(): ...\n")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert file.stat().st_size == times.st_size
        await session.builder.refresh(["module_0.py"])
        assert session.names == ["function_1", "function_2", "function_X"]


async def test_more_files_than_are_indexed_are_told_once(root: Path) -> None:
    async with Session(root, most_files=2) as session:
        for _ in range(3):
            await session.builder.start()
        assert len(session.told) == 1
        assert session.builder.progress.left_out == {"too many files": 1}
        assert session.names == ["function_0", "function_1"]


# ----- workers


def dying(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Let a worker die over a file; return the requests that were made."""
    ask = Workers.ask
    asked: list[str] = []

    async def fragile(self: Workers, **request: Any) -> dict[str, Any]:
        asked.append(str(request.get("files")))
        if name in asked[-1]:
            raise WorkerError("it ended", ended=True)
        return await ask(self, **request)

    monkeypatch.setattr(Workers, "ask", fragile)
    return asked


async def test_a_file_that_ends_workers_is_not_read_again_until_it_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Session(root) as session:
        write(root, "module_1.py", "def changed(): ...\n")
        (root / "module_2.py").unlink()
        asked = dying(monkeypatch, "module_1.py")
        await session.builder.refresh(["module_1.py", "module_2.py"])
        # Nothing of what it was before either, and what was deleted with it is gone.
        assert session.names == ["function_0"]
        assert session.builder.progress.done == session.builder.progress.files == 2
        asked.clear()
        await session.builder.start()
        assert asked == []
        monkeypatch.undo()
        write(root, "module_1.py", "def mended(): ...\n")
        await session.builder.refresh(["module_1.py"])
        assert session.names == ["function_0", "mended"]


async def test_a_workspace_of_nothing_but_such_files_is_empty(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(monkeypatch, ".py")
    async with Session(root) as session:
        assert session.names == []
        assert session.told == []


async def test_such_a_file_ends_also_without_a_place_to_write(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(write(tmp_path, "blocked", "") / "below"))
    asked = dying(monkeypatch, "module_1.py")
    async with Session(root) as session:
        assert session.names == ["function_0", "function_2"]
        assert len(asked) < 10
        assert len(session.told) == 1


async def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        write(root, f"more_{number}.py", f"def more_{number}(): ...\n")
    start = Workers._start
    victims: list[Process] = []

    async def kill_the_first(self: Workers) -> Process:
        process = await start(self)
        if not victims:
            victims.append(process)
            process.kill()
        return process

    monkeypatch.setattr(Workers, "_start", kill_the_first)
    async with Session(root) as session:
        assert len(session.names) == 103
        assert session.told == []


async def test_a_part_of_an_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_MODULE", "this")  # says something else, and ends
    async with Workers(1) as some:
        with pytest.raises(WorkerError) as caught:
            await some.ask(files=[])
        assert caught.value.ended


@pytest.mark.parametrize("fault", ["no program", "ends at once"])
async def test_workers_that_cannot_be_started_are_given_up_and_told_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    for number in range(100):
        write(root, f"more_{number}.py", "def more(): ...\n")
    started: list[object] = []
    start = asyncio.create_subprocess_exec

    async def counted(*arguments: Any, **options: Any) -> Process:
        started.append(arguments)
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    if fault == "no program":
        monkeypatch.setattr(sys, "executable", str(root / "nothing"))
    else:
        monkeypatch.setattr(workers, "_MODULE", "no_such_module_of_ours")
    async with Session(root) as session:
        await session.builder.start()
        assert len(session.told) == 1
        assert "The index is incomplete" in session.told[0]
        assert len(started) < 20
        # What is small is read here, and still is.
        await session.builder.refresh(["module_0.py"])
        assert session.names == ["function_0"]
        assert len(session.told) == 1


@POSIX
async def test_a_file_that_takes_for_ever_ends_its_worker(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "slow.py", "import sys, time\nfrom claude_lsp.workspace.index import work\n"
          "work._SECONDS_FOR_A_FILE = 0.2\n"
          "from claude_lsp.workspace import files\n"
          "files.read_text = lambda *_: time.sleep(60)\nwork.main()\n")  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        tmp_path / "slow.py",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    request = {"root": str(root), "files": [["module_0.py", "python"]], "out": "x", "version": "1"}
    out, _ = await process.communicate(json.dumps(request).encode() + b"\n")
    assert out == b""
    assert process.returncode == 1


async def test_no_code_of_the_workspace_is_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w').close()\ndef trap(): ...\n"
    for name in ("json", "numpy", "tree_sitter", "faulthandler", "sitecustomize", "claude_lsp"):
        write(root, f"{name}.py", trap)
    for number in range(50):
        write(root, f"more_{number}.py", "def more(): ...\n")
    monkeypatch.chdir(root)
    async with Session(root) as session:
        assert session.names.count("trap") == 6
        assert session.told == []
    assert not (tmp_path / "sprung").exists()
