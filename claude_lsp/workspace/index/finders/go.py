"""Go: a package is the files of a folder, named from its module's path on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_lsp.workspace.index.places import folder_of, join

if TYPE_CHECKING:
    from claude_lsp.workspace.index.places import Places

_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)
_REPLACE = re.compile(
    r"^[ \t]*(?:replace[ \t]+)?([^\s=]+)(?:[ \t]+v\S+)?[ \t]*=>[ \t]*(\.\.?(?:/\S*)?)", re.MULTILINE
)


def find(places: Places, _importer: str, module: str) -> tuple[str, ...]:
    """Return the files of a package, without its tests."""
    modules = _modules(places)
    for prefix in _prefixes(module):
        if prefix in modules:
            return _files(places, join(modules[prefix], module[len(prefix) :].strip("/")))
    if modules or "." in module.partition("/")[0]:
        return ()
    # No go.mod is known: the import path's end is a folder, as below a GOPATH.
    found = places.folders_ending_with(module) if "/" in module else []
    return _files(places, found[0]) if len(found) == 1 else ()


def _files(places: Places, folder: str) -> tuple[str, ...]:
    files = places.files_in(folder, ".go")
    return tuple(path for path in files if not path.endswith("_test.go"))


def _prefixes(module: str) -> list[str]:
    parts = module.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _modules(places: Places) -> dict[str, str]:
    """Return the folder of each module that the workspace holds, by its path."""
    key = ("go", "")
    if key not in places.settings:
        found: dict[str, str] = {}
        for path in sorted(places.named("go.mod")):
            text, folder = places.read(path), folder_of(path)
            for replaced, target in _REPLACE.findall(text):
                found.setdefault(replaced, join(folder, target))
            if match := _MODULE.search(text):
                found[match[1]] = folder
        places.settings[key] = found
    modules: dict[str, str] = places.settings[key]
    return modules
