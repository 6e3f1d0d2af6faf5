"""What modules are called: dotted names in Python, paths without their endings elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.workspace.index.finders.python import SOURCE_FOLDERS
from claude_lsp.workspace.index.places import above, folder_of
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_FRONT_DOORS = ("/index", "/mod", "/lib")
"""Files that stand for their folder, in JavaScript and Rust."""


def module_names(
    paths: Collection[str], spoken: Collection[str], packages_above: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the name of every module, each one different.

    Args:
        paths: of all modules.
        spoken: every module that Python files import absolutely, with the packages above it.
        packages_above: the Python packages that the workspace itself lies in, outermost first.
    """
    python = {path for path in paths if path.endswith(".py")}
    roots = _roots(python, spoken)
    names: dict[str, str] = {}
    taken: set[str] = set()
    # What stands for a folder comes before a file of the same name, which it shadows.
    for path in sorted(paths, key=lambda path: (not path.endswith("/__init__.py"), path)):
        if path in python:
            root = next(folder for folder in above(folder_of(path)) if folder in roots)
            short, long = _dotted(path.removeprefix(root).lstrip("/")), _dotted(path)
            choices = [".".join(filter(None, [*packages_above, name])) for name in (short, long)]
        else:
            stem = path[: -len(path.rpartition(".")[2]) - 1] if "." in path else path
            choices = [stem[: -len(door)] for door in _FRONT_DOORS if stem.endswith(door)] + [stem]
        name = next((choice for choice in choices if choice and choice not in taken), path)
        taken.add(name)
        names[path] = name
    return names


def with_packages(modules: Iterable[str]) -> set[str]:
    """Return dotted modules and all that is above them."""
    found: set[str] = set()
    for module in modules:
        while module and module not in found:
            found.add(module)
            module = module.rpartition(".")[0]  # noqa: PLW2901 - climbs
    return found


def _roots(python: Collection[str], spoken: Collection[str]) -> set[str]:
    """Return the folders that absolute imports start from.

    A folder without `__init__.py` above a package is either a namespace package or on the import
    path; which one, only the imports tell.
    """
    packages = {folder_of(path) for path in python if path.endswith("__init__.py")}
    roots = {""}
    for path in python:
        holder = next((one for one in above(folder_of(path)) if one not in packages), "")
        if holder.rpartition("/")[2] in SOURCE_FOLDERS:
            roots.add(holder)
        elif holder and holder != folder_of(path) and not is_test_path(path):
            top = path.removeprefix(holder + "/").split("/", 1)[0]
            if top in spoken and f"{holder}/{top}".replace("/", ".") not in spoken:
                roots.add(holder)
    return roots


def _dotted(path: str) -> str:
    stem = path.removesuffix(".py")
    stem = "" if stem == "__init__" else stem.removesuffix("/__init__")
    return stem.replace("/", ".")
