"""`make arch-examples`: what an architecture review says of three projects, in the documents.

Each is fetched in a pinned version as its authors publish it, sources and tests, and reviewed
without a model. Getting a source distribution from PyPI runs its build backend, as pip does.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import UnavailableError, run

DOCUMENT = Path("docs/architecture-reviews.md")
_PICTURE = Path("docs/images/architecture-eslint.png")
_BLOCK = "<!-- report of {name} -->\n```\n{text}\n```\n<!-- end of {name} -->"


class Example(NamedTuple):
    """A project at one version, and whether its page is drawn."""

    name: str
    registry: Literal["pypi", "npm"]
    version: str
    is_drawn: bool = False


EXAMPLES = (
    Example("httpx", "pypi", "0.28.1"),
    Example("flask", "pypi", "3.1.2"),
    Example("eslint", "npm", "9.39.1", is_drawn=True),
)


def fetch(example: Example, folder: Path) -> Path:
    """Return the folder of an example's sources.

    Raises:
        UnavailableError: the registry or its client is out of reach.
    """
    root = folder / "sources" / f"{example.name}-{example.version}" / example.name
    if root.is_dir():
        return root
    with tempfile.TemporaryDirectory() as place:
        if example.registry == "pypi":
            options = ("--quiet", "--no-deps", "--no-binary", example.name, "--dest", place)
            wanted = f"{example.name}=={example.version}"
            run(sys.executable, "-m", "pip", "download", *options, wanted)
        else:
            wanted = f"{example.name}@{example.version}"
            run("npm", "pack", "--silent", "--pack-destination", place, wanted)
        (archive,) = Path(place).iterdir()
        unpacked = Path(place) / "unpacked"
        with tarfile.open(archive) as package:
            package.extractall(unpacked, filter="data")
        (inner,) = (one for one in unpacked.iterdir() if one.is_dir())
        root.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(inner, root)
    return root


def report(root: Path, page: Path) -> str:
    """Return what the command says of a project; its page is written beside."""
    command = [sys.executable, "-m", "claude_lsp", "arch", "--facts-only", "--format", "full"]
    done = subprocess.run(
        [*command, "-o", f"html:{page}", "--root", str(root), str(root)],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^ +id [0-9a-f]{16}\n", "", done.stdout, flags=re.MULTILINE).strip()


def draw(page: Path, picture: Path) -> None:
    """Take a picture of a page, where there is a browser.

    Raises:
        UnavailableError: there is none.
    """
    options = ("--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1400,820")
    run(
        *("chromium", *options, "--virtual-time-budget=4000"),
        *(f"--screenshot={picture.resolve()}", page.as_uri()),
    )


def with_block(text: str, name: str, block: str) -> str:
    """Return a document with another report of a project."""
    pattern = rf"<!-- report of {re.escape(name)} -->\n.*?<!-- end of {re.escape(name)} -->"
    return re.sub(pattern, lambda _: block, text, flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.architecture.examples", description=__doc__)
    parser.add_argument("--data", type=Path, default=default_data(), help="where sources are kept")
    options = parser.parse_args()
    text = DOCUMENT.read_text("utf-8")
    for example in EXAMPLES:
        try:
            root = fetch(example, options.data)
            with tempfile.TemporaryDirectory() as place:
                page = Path(place) / "page.html"
                block = _BLOCK.format(name=example.name, text=report(root, page))
                if example.is_drawn:
                    draw(page, _PICTURE)
        except UnavailableError as error:
            say(f"{example.name} stays as it is: {error}")
            continue
        text = with_block(text, example.name, block)
    DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
