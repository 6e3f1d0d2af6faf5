"""Public projects in pinned versions, from PyPI and npm; nothing of them is kept in this project.

Each registry is asked through its own client (`pip download`, `npm pack`), so that mirrors and
proxies that a user has configured are used.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple


class Corpus(NamedTuple):
    """A project at one version.

    Attributes:
        name: ours, unique.
        registry: where it is published.
        package: its name there.
        version: the pinned version.
        source: the folder inside the package that holds the code.
        paths: module prefixes and where they lead, as TypeScript's `paths` option takes them.
    """

    name: str
    registry: Literal["pypi", "npm"]
    package: str
    version: str
    source: str = ""
    paths: dict[str, list[str]] = {}  # noqa: RUF012  (read only)

    @property
    def language(self) -> str:
        """The language of its cases."""
        return "python" if self.registry == "pypi" else "typescript"


class UnavailableError(Exception):
    """A corpus, or a tool to get it with, cannot be had; says why."""


_NPM_SOURCE = "package/src"

JUDGED = (
    Corpus("pygls", "pypi", "pygls", "2.1.1"),
    Corpus("httpx", "pypi", "httpx", "0.28.1"),
    Corpus("rich", "pypi", "rich", "15.0.0"),
    Corpus("pydantic", "pypi", "pydantic", "2.14.3"),
    Corpus("anthropic", "pypi", "anthropic", "2.10.0"),
    Corpus("scrapy", "pypi", "scrapy", "2.19.0"),
    Corpus("textual", "pypi", "textual", "8.2.8"),
    Corpus("django", "pypi", "django", "5.2.19"),
    Corpus("sqlalchemy", "pypi", "sqlalchemy", "2.1.9"),
    Corpus("homeassistant", "pypi", "homeassistant", "2024.3.3"),
    Corpus("zod", "npm", "zod", "4.6.7", _NPM_SOURCE),
    Corpus("rxjs", "npm", "rxjs", "7.8.2", _NPM_SOURCE),
    Corpus("effect", "npm", "effect", "4.1.0", _NPM_SOURCE),
    Corpus("langium", "npm", "langium", "4.4.0", _NPM_SOURCE),
    Corpus("anthropic-sdk", "npm", "@anthropic-ai/sdk", "1.10.0", _NPM_SOURCE),
    Corpus("rtk", "npm", "@reduxjs/toolkit", "2.14.0", _NPM_SOURCE),
)
"""What assemblers are measured on."""

TRAINING = (
    Corpus("litestar", "pypi", "litestar", "2.25.0"),
    Corpus("trio", "pypi", "trio", "0.35.0"),
    Corpus("xarray", "pypi", "xarray", "2026.9.0"),
    Corpus("poetry", "pypi", "poetry", "2.5.1"),
    Corpus("tortoise", "pypi", "tortoise-orm", "1.1.9"),
    Corpus("sphinx", "pypi", "sphinx", "9.0.4"),
    Corpus("networkx", "pypi", "networkx", "3.6.1"),
    Corpus("twisted", "pypi", "twisted", "26.10.0"),
    Corpus("celery", "pypi", "celery", "5.7.0"),
    Corpus("discord", "pypi", "discord.py", "2.7.1"),
    Corpus("aiohttp", "pypi", "aiohttp", "3.14.5"),
    Corpus("dask", "pypi", "dask", "2026.8.0"),
    Corpus("mitmproxy", "pypi", "mitmproxy", "11.0.2"),
    Corpus("prompt_toolkit", "pypi", "prompt_toolkit", "3.0.53"),
    Corpus("ox", "npm", "ox", "1.8.3", _NPM_SOURCE),
    Corpus("tldraw", "npm", "@tldraw/editor", "5.5.2", _NPM_SOURCE),
    Corpus("ethers", "npm", "ethers", "6.17.0", "package/src.ts"),
    Corpus("trpc", "npm", "@trpc/server", "11.25.2", _NPM_SOURCE),
    Corpus("mobx", "npm", "mobx", "7.1.3", _NPM_SOURCE),
    Corpus("tiptap", "npm", "@tiptap/core", "3.34.0", _NPM_SOURCE),
    Corpus("chevrotain", "npm", "chevrotain", "13.2.0", _NPM_SOURCE),
    Corpus("router", "npm", "@tanstack/router-core", "1.171.39", _NPM_SOURCE),
    Corpus("msw", "npm", "msw", "3.0.5", _NPM_SOURCE),
)
"""What weights are fitted to: none of it is judged, and each has a style of its own."""

CORPORA = {corpus.name: corpus for corpus in JUDGED + TRAINING}


def fetch(corpus: Corpus, data: Path) -> Path:
    """Return the folder of a corpus's code below `data`, after getting it if it is not there.

    Raises:
        UnavailableError: the registry or its client is out of reach, or has no such version.
    """
    folder = data / "corpora" / f"{corpus.name}-{corpus.version}"
    source = folder / corpus.source
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Unpacked beside its place and moved there, so that what stands there is always whole.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
            archive = _download(corpus, Path(temporary))
            unpacked = Path(temporary) / "unpacked"
            _unpack(archive, unpacked)
            unpacked.rename(folder)
    if not source.is_dir():
        raise UnavailableError(f"{corpus.name} {corpus.version} has no folder {corpus.source}")
    return source.resolve()


def node_library(data: Path, package: str, version: str) -> Path:
    """Return the folder of an npm package for Node programs of ours, installed below `data`.

    Raises:
        UnavailableError: npm is missing or failed.
    """
    folder = data / "node" / f"{package}-{version}"
    installed = folder / "node_modules" / package
    if not (installed / "package.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        options = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--silent")
        run("npm", "install", *options, "--prefix", str(folder), f"{package}@{version}")
    return installed


def run(*command: str, folder: Path | None = None) -> str:
    """Run a program and return its output.

    Raises:
        UnavailableError: it is missing or failed.
    """
    program = shutil.which(command[0])
    if program is None:
        raise UnavailableError(f"{command[0]} is not installed")
    done = subprocess.run(
        [program, *command[1:]],
        capture_output=True,
        check=False,
        cwd=folder,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(f"{command[0]} failed: {said[-1] if said else 'without a word'}")
    return done.stdout


def _download(corpus: Corpus, folder: Path) -> Path:
    wanted = f"{corpus.package}{'==' if corpus.registry == 'pypi' else '@'}{corpus.version}"
    if corpus.registry == "pypi":
        # Wheels only: a source distribution would run code of its own to say what it needs.
        options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder))
        run(sys.executable, "-m", "pip", "download", *options, wanted)
    else:
        run("npm", "pack", "--silent", "--pack-destination", str(folder), wanted)
    archives = [path for path in folder.iterdir() if path.suffix in {".whl", ".tgz"}]
    if len(archives) != 1:
        raise UnavailableError(f"no single archive came for {wanted}")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(archive) as package:
            package.extractall(folder, filter="data")
