"""An index on bad disks, beside other servers, and cut short: it tells once, answers, clears up."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from claude_lsp.workspace.index import builder as building
from claude_lsp.workspace.index import cache, store, work
from claude_lsp.workspace.index.workers import Workers
from tests.unit.index_kit import FUNCTIONS, Session, files_in, write

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

POSIX = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary folders, which a test may look into."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def left_in(folder: Path) -> list[str]:
    """Return the files of a folder that only one session needs."""
    return [path.name for path in files_in(folder) if "base-" not in path.name]


# ----- disks


def full(monkeypatch: pytest.MonkeyPatch, *folders: Path, number: int = errno.ENOSPC) -> None:
    """Let nothing be written to some folders."""
    save = store.save

    def refuse(segment: Any, path: Path, version: str) -> None:
        if any(path.is_relative_to(folder) for folder in folders):
            raise OSError(number, os.strerror(number), str(path))
        save(segment, path, version)

    monkeypatch.setattr(store, "save", refuse)
    # In this process instead of a worker, so that it meets the same disk.
    monkeypatch.setattr(building, "_FEW_FILES", 10_000)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
async def test_a_full_disk_is_told_once_and_the_index_is_complete(
    root: Path, cache_folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    full(monkeypatch, cache_folder, number=number)
    async with Session(root) as session:
        assert session.names == FUNCTIONS
        write(root, "module_3.py", "def function_3(): ...\n")
        await session.builder.refresh(["module_3.py"])
        assert session.names == [*FUNCTIONS, "function_3"]
        (told,) = session.told
        assert os.strerror(number) in told
        assert cache.FOLDER_VARIABLE in told
    assert files_in(temporary) == []
    assert left_in(cache_folder) == []


async def test_two_full_disks_are_told_once_each(
    root: Path, cache_folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Session(root):
        pass
    full(monkeypatch, cache_folder, temporary)
    async with Session(root) as session:
        for number in range(4):
            write(root, "module_0.py", "def new(): ...\n" * (number + 1))
            await session.builder.refresh(["module_0.py"])
        assert ["cannot be stored" in told for told in session.told] == [True, False]
        # What was there from the last time still answers.
        assert session.names == FUNCTIONS
    assert files_in(temporary) == []


@POSIX
async def test_a_worker_that_may_not_write_more_says_so(root: Path, cache_folder: Path) -> None:
    import resource

    for number in range(100):
        write(root, f"more_{number}.py", f"def more_{number}(): ...\n" * 50)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ, so that writing fails with an error, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        async with Session(root) as session:
            assert session.names == []
            assert len(session.told) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert left_in(cache_folder) == []


@pytest.mark.parametrize("spoil", ["half", "empty", "older", "header", "folder"])
async def test_a_stored_index_of_any_other_kind_is_built_again(
    root: Path, cache_folder: Path, spoil: str
) -> None:
    async with Session(root):
        pass
    (stored,) = files_in(cache_folder)
    data = stored.read_bytes()
    if spoil == "half":
        stored.write_bytes(data[: len(data) // 2])
    elif spoil == "empty":
        stored.write_bytes(b"")
    elif spoil == "folder":
        stored.unlink()
        stored.mkdir()
    else:
        # Whole, but as another version may write it.
        import zlib

        header = b'{"columns": []}' if spoil == "older" else b"[1, 2]"
        head = store._HEAD.pack(len(header), 0, zlib.crc32(header))
        stored.write_bytes(store._MAGIC + head + header)
    async with Session(root) as session:
        assert session.names == FUNCTIONS
        assert session.told == []


@pytest.mark.parametrize("place", range(0, 4000, 97))
def test_no_flipped_byte_is_believed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "index"
    answer = work.answer(
        {"root": str(tmp_path), "files": [["no.py", "python"]], "out": str(path), "version": "1"}
    )
    assert answer["files"] == 0
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 0x40
    path.write_bytes(bytes(data))
    with pytest.raises(store.DamagedError):
        store.load(path, "1")


async def test_what_another_server_has_cleared_away_is_still_merged(
    root: Path, cache_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Session(root) as first, Session(root) as second:
        for number in range(8):
            write(root, f"module_{number}.py", f"def function_{number}(): ...\ndef again(): ...\n")
        await second.builder.start()
        # The second has put a new index in the place of the one that the first has mapped.
        await first.builder.start()
        for session in (first, second):
            assert len(session.names) == 16
            assert session.told == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert left_in(cache_folder) == []


# ----- the end


@pytest.mark.parametrize("step", range(0, 60, 4))
async def test_cut_short_anywhere_it_leaves_nothing_behind(
    root: Path, cache_folder: Path, temporary: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        write(root, f"more_{number}.py", f"def more_{number}(): ...\n")
    if step % 8 == 0:
        monkeypatch.setenv(cache.FOLDER_VARIABLE, os.devnull + "/below")
    start = Workers._start
    started: list[Process] = []

    async def observed(self: Workers) -> Process:
        process = await start(self)
        started.append(process)
        return process

    monkeypatch.setattr(Workers, "_start", observed)
    before = asyncio.all_tasks()
    session = Session(root)
    task = asyncio.create_task(session.builder.start())
    for _ in range(step):
        await asyncio.sleep(0)
    await asyncio.sleep(step / 200)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await session.builder.close()
    assert all(process.returncode is not None for process in started)
    assert asyncio.all_tasks() == before
    assert left_in(cache_folder) == []
    assert files_in(temporary) == []
