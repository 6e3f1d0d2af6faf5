"""Documents frozen at one moment: what every action works on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from claude_lsp.text.lines import LineIndex


@dataclass(frozen=True)
class Snapshot:
    """One document at one moment: never changes, so it can be kept across an await.

    Attributes:
        uri: the document's address as the client gave it.
        version: the client's version number; None for a file read from disk.
        text: the whole text.
        language: the LSP language identifier, "plaintext" where nothing better is known.
    """

    uri: str
    version: int | None
    text: str
    language: str = "plaintext"

    @cached_property
    def index(self) -> LineIndex:
        """The line index of the text."""
        return LineIndex(self.text)

    @cached_property
    def path(self) -> Path | None:
        """The file behind the document, None for one that is not on disk (`untitled:` and such)."""
        return path_from_uri(self.uri)


def path_from_uri(uri: str) -> Path | None:
    """Return the path of a `file:` address, None for any other scheme and for what is none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file":
        return None
    # Names on disk need not be UTF-8.
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if "\0" in path:
        return None  # no file is called so, and asking for one is an error
    if os.name == "nt":
        path = path.removeprefix("/") if path[2:3] == ":" else f"//{parts.netloc}{path}"
    return Path(path)


def uri_from_path(path: Path) -> str:
    """Return the `file:` address of an absolute path, escaped the way editors do."""
    text = path.as_posix()
    prefix = "file://" if text.startswith("/") else "file:///"
    return prefix + quote(os.fsencode(text), safe="/-._~!$&'()*+,;=@")
