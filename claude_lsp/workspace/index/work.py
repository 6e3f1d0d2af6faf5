"""A worker process: reads files and writes segments, one request and one answer a line.

Started as `python -m claude_lsp.workspace.index.work`; it ends when its input does, so that none
outlives its server. It runs at low priority and owns nothing but the files it writes.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGEST_BYTES = 1_500_000
"""A larger file is data or made by a program."""

_SECONDS_FOR_A_FILE = 20.0
"""A worker that reads one file for longer ends itself: no file may hold up all others."""


def index_files(
    root: Path, files: list[list[Any]], out: Path, version: str, *, watched: bool = False
) -> dict[str, Any]:
    """Write a segment of some files.

    Args:
        root: the workspace folder.
        files: path in the workspace and language of each.
        out: where the segment goes.
        version: of the extraction.
        watched: whether this process ends itself over a file that takes too long.

    Returns:
        how many files are in it, and of those left out how many for which reason.

    Raises:
        OSError: the segment cannot be written.
    """
    from claude_lsp.workspace.files import TextFile, read_text
    from claude_lsp.workspace.ignore import generated_reason
    from claude_lsp.workspace.index.extract import extract
    from claude_lsp.workspace.index.making import build
    from claude_lsp.workspace.index.segment import Entry
    from claude_lsp.workspace.index.store import save

    entries: list[Entry] = []
    skipped: dict[str, int] = {}
    for path, language in files:
        if watched:
            faulthandler.dump_traceback_later(_SECONDS_FOR_A_FILE, exit=True)
        content = read_text(root / path, LARGEST_BYTES)
        reason = None
        if isinstance(content, TextFile):
            reason = generated_reason(path, content.text)
            if reason is None:
                record = extract(content.text, language)
                entries.append(Entry(path, content.modified_ns, content.size, record))
        else:
            reason = content.reason
        if reason is not None:
            skipped[reason] = skipped.get(reason, 0) + 1
            # It is known, so that it is not read again before it changes, but says nothing.
            size, modified = _state(root / path)
            entries.append(Entry(path, modified, size, extract("", language)))
    if watched:
        faulthandler.cancel_dump_traceback_later()
    save(build(entries), out, version)
    return {"files": len(entries) - sum(skipped.values()), "skipped": skipped}


def merge_files(parts: list[str], gone: list[str], out: Path, version: str) -> dict[str, Any]:
    """Write one segment of the newest state of each file in several, the newest last.

    Raises:
        OSError: a part cannot be read or the segment cannot be written.
        DamagedError: a part is damaged.
    """
    from claude_lsp.workspace.index.layers import live_masks
    from claude_lsp.workspace.index.making import merged
    from claude_lsp.workspace.index.store import load, save

    segments = [load(Path(part), version) for part in parts]
    whole = merged(list(zip(segments, live_masks(segments, gone), strict=True)))
    save(whole, out, version)
    return {"files": whole.file_count}


def answer(request: dict[str, Any], *, watched: bool = False) -> dict[str, Any]:
    """Do what a request asks for; what goes wrong is part of the answer."""
    try:
        out, version = Path(request["out"]), request["version"]
        if "files" in request:
            root = Path(request["root"])
            return index_files(root, request["files"], out, version, watched=watched)
        return merge_files(request["parts"], request["gone"], out, version)
    except Exception as error:  # noqa: BLE001 - the server says what happened, and goes on
        return {"error": f"{type(error).__name__}: {error}", "no_space": _is_space(error)}


def _is_space(error: Exception) -> bool:
    import errno

    return isinstance(error, OSError) and error.errno in {
        errno.ENOSPC,
        errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
    }


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def main() -> None:
    """Answer requests until there are no more."""
    # Records are many and hold no rings: looking for some takes a tenth of the time.
    gc.set_threshold(200_000)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(10)
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line), watched=True)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
