"""Python: packages, source folders, relative imports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.places import above, folder_of, join
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.workspace.index.places import Places

SOURCE_FOLDERS = ("src", "lib", "python")
"""Folders of a project that commonly are on the import path."""

# A project's own `test` package is common; nobody imports Python's.
_STANDARD = sys.stdlib_module_names - {"test"}


def find(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a module."""
    stem = module.lstrip(".")
    level = len(module) - len(stem)
    parts = stem.replace(".", "/")
    folder = folder_of(importer)
    if level:
        for _ in range(level - 1):
            if not folder:
                return ()
            folder = folder_of(folder)
        return places.first(_spellings(join(folder, parts) if parts else folder))
    top = parts.partition("/")[0]
    if not top or top in _STANDARD:
        return ()
    is_here = False
    for root in _roots(places, folder):
        if top in (names := places.folders.get(root, ())) or f"{top}.py" in names:
            if found := places.first(_spellings(join(root, parts))):
                return found
            is_here |= "__init__.py" in places.folders.get(join(root, top), ())
        elif f"{top}.pyi" in names and (found := places.first(_spellings(join(root, parts)))):
            return found
    if is_here:
        # The package is near, and has no such module.
        return ()
    # Another project of the workspace; a name that several have is nobody's in particular.
    elsewhere = {
        path
        for spelling in _spellings(parts)
        for path in places.ending_with(spelling, importer)
        if _is_offered(places, path, parts)
    }
    if not is_test_path(importer):
        # What stands among the tests is made up for them, often under a library's name.
        elsewhere = {path for path in elsewhere if not is_test_path(path)}
    return (elsewhere.pop(),) if len(elsewhere) == 1 else ()


def _spellings(stem: str) -> Iterator[str]:
    prefix = f"{stem}/" if stem else ""
    yield f"{prefix}__init__.py"
    if stem:
        yield f"{stem}.py"
        yield f"{stem}.pyi"
    yield f"{prefix}__init__.pyi"


def _roots(places: Places, folder: str) -> Iterator[str]:
    """Yield the folders from which a file's absolute imports may start, the likeliest first."""
    for root in above(folder):
        if "__init__.py" not in places.folders.get(root, ()):
            yield root
            for name in SOURCE_FOLDERS:
                if name in places.folders.get(root, ()):
                    yield join(root, name)


def _is_offered(places: Places, path: str, parts: str) -> bool:
    """Return whether a module can be meant from anywhere: no part of a package, no loose script."""
    depth = len(parts.split("/")) + (path.rpartition("/")[2].startswith("__init__"))
    holder = "/".join(path.split("/")[:-depth])
    if "__init__.py" in places.folders.get(holder, ()):
        return False
    return depth > 1 or holder.rpartition("/")[2] in SOURCE_FOLDERS
