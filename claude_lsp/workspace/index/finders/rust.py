"""Rust: paths from `crate`, `self`, `super`, child modules and crates of the workspace."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from claude_lsp.workspace.index.places import above, folder_of, join

if TYPE_CHECKING:
    from claude_lsp.workspace.index.places import Places

_ROOTS = ("lib.rs", "main.rs")
_MODULE_FILES = {"lib.rs", "main.rs", "mod.rs", "build.rs"}
# Every file of these folders is the root of a crate of its own.
_CRATE_FOLDERS = {"bin", "tests", "examples", "benches"}


def find(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a module, or of the nearest module around what the path names."""
    file, _ = _walk(places, importer, module)
    return (file,) if file else ()


def find_exactly(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a module, nothing if the path leads to something inside of a file."""
    file, rest = _walk(places, importer, module)
    return (file,) if file and not rest else ()


def _walk(places: Places, importer: str, module: str) -> tuple[str, list[str]]:
    """Return the file that a path leads to, and the parts of it that are left over."""
    parts = module.split("::")
    file = importer
    anchored = True
    if parts[0] == "crate":
        file, parts = _crate_root(places, importer), parts[1:]
    elif parts[0] == "self":
        parts = parts[1:]
    elif parts[0] == "super":
        while parts and parts[0] == "super" and file:
            file, parts = _parent(places, file), parts[1:]
    elif parts[0] in (crates := _crates(places)):
        file, parts = crates[parts[0]], parts[1:]
    else:
        anchored = False
    if not file:
        return "", parts
    start = file
    while parts:
        folder = _children(file)
        found = places.first((join(folder, f"{parts[0]}.rs"), join(folder, parts[0], "mod.rs")))
        if not found:
            break
        file, parts = found[0], parts[1:]
    # A bare name that is no child module is a crate from elsewhere.
    if not anchored and file == start:
        return "", parts
    return file, parts


def _children(file: str) -> str:
    """Return the folder that holds a module's child modules."""
    folder, name = folder_of(file), file.rpartition("/")[2]
    is_root = name in _MODULE_FILES or folder.rpartition("/")[2] in _CRATE_FOLDERS
    return folder if is_root else join(folder, name.removesuffix(".rs"))


def _parent(places: Places, file: str) -> str:
    folder, name = folder_of(file), file.rpartition("/")[2]
    if name in _ROOTS:
        return ""
    holder = folder_of(folder) if name == "mod.rs" else folder
    own = f"{folder}.rs"
    candidates = [join(holder, root) for root in ("mod.rs", *_ROOTS)]
    if name == "mod.rs":
        candidates.append(f"{holder}.rs")
    else:
        candidates.insert(0, own)
    return (places.first(path for path in candidates if path != file) or ("",))[0]


def _crate_root(places: Places, file: str) -> str:
    folder = folder_of(file)
    if folder.rpartition("/")[2] in _CRATE_FOLDERS:
        return file
    for one in above(folder):
        if found := places.first(join(one, root) for root in _ROOTS):
            return found[0]
        if "Cargo.toml" in places.folders.get(one, ()):
            found = places.first(join(one, "src", root) for root in _ROOTS)
            return found[0] if found else ""
    return ""


def _crates(places: Places) -> dict[str, str]:
    """Return the root file of each crate that the workspace holds, by the name in paths."""
    key = ("crates", "")
    if key not in places.settings:
        found: dict[str, str] = {}
        for path in sorted(places.named("Cargo.toml")):
            content = _parse(places.read(path))
            library = _table(content, "lib")
            name = library.get("name") or _table(content, "package").get("name")
            folder = folder_of(path)
            roots = [join(folder, "src", root) for root in _ROOTS]
            if isinstance(library.get("path"), str):
                roots.insert(0, join(folder, library["path"]))
            root = places.first(roots)
            if isinstance(name, str) and root:
                found.setdefault(name.replace("-", "_"), root[0])
        places.settings[key] = found
    crates: dict[str, str] = places.settings[key]
    return crates


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        # A file that is being written: nothing is known until it is whole again.
        return {}


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}
