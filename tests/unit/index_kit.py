"""What tests of building an index start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claude_lsp.workspace.ignore import IgnoreRules
from claude_lsp.workspace.index.builder import Builder
from claude_lsp.workspace.index.index import Index

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, path: str, text: str | bytes) -> Path:
    """Write a file below a folder."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def names_in(index: Index) -> list[str]:
    """Return the names of all definitions that an index knows, in order."""
    view = index.links.view
    return sorted(
        view.name(symbol)
        for layer in view.layers
        for file in range(layer.segment.file_count)
        if layer.live is None or layer.live[file]
        for symbol in view.symbols_of(layer.first_file + file)
    )


def files_in(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    return [path for path in folder.rglob("*") if not path.is_dir()]


FUNCTIONS = ["function_0", "function_1", "function_2"]


class Session:
    """An index with its builder, and what the user was told."""

    def __init__(self, root: Path, most_files: int = 1000, **options: Any) -> None:
        self.told: list[str] = []
        self.index = Index()
        self.builder = Builder(
            self.index, root, IgnoreRules(root), self.told.append, most_files=most_files, **options
        )

    async def __aenter__(self) -> Session:
        await self.builder.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.builder.close()

    @property
    def names(self) -> list[str]:
        """The names of all definitions, in order."""
        return names_in(self.index)
