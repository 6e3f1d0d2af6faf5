"""JavaScript and TypeScript: relative paths, path mappings, packages of the same workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from claude_lsp.workspace.index.places import above, folder_of, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claude_lsp.workspace.index.places import Places

_EXTENSIONS = (
    *(".ts", ".tsx", ".d.ts", ".mts", ".cts"),
    *(".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte"),
)
# A TypeScript file imports its neighbours by the names that they have once they are compiled.
_WRITTEN_AS = {
    ".js": (".ts", ".tsx", ".d.ts", ".js", ".jsx"),
    ".jsx": (".tsx", ".jsx"),
    ".mjs": (".mts", ".d.mts", ".mjs"),
    ".cjs": (".cts", ".d.cts", ".cjs"),
}
_BUILT = re.compile(r"^(?:dist|lib|build|out|esm|cjs|es|types)(?:/(?:esm|cjs|es|types|src))?/")
_CONDITIONS = ("source", "development", "types", "import", "module", "default", "node", "require")
_MAX_EXTENDS = 8


def find(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a module."""
    module = module.partition("?")[0]
    if module.startswith("."):
        return _file(places, join(folder_of(importer), module))
    if module.startswith("/"):
        return _file(places, module.lstrip("/"))
    if module.startswith("#"):
        return _own_import(places, importer, module)
    for path in _mapped(places, importer, module):
        if found := _file(places, path):
            return found
    return _package(places, module)


def _file(places: Places, path: str) -> tuple[str, ...]:
    """Return the file that a path without, or with another, extension stands for."""
    stem, dot, extension = path.rpartition(".")
    candidates = []
    if dot and f".{extension}" in _WRITTEN_AS and "/" not in extension:
        candidates += [stem + other for other in _WRITTEN_AS[f".{extension}"]]
    candidates.append(path)
    candidates += [path + other for other in _EXTENSIONS]
    candidates += [join(path, "index" + other) for other in _EXTENSIONS]
    return places.first(candidates)


# --- tsconfig.json ----------------------------------------------------------------------------


def _mapped(places: Places, importer: str, module: str) -> Iterator[str]:
    """Yield the paths that the nearest `tsconfig.json` or `jsconfig.json` maps a module to."""
    for folder in above(folder_of(importer)):
        names = places.folders.get(folder, ())
        for name in ("tsconfig.json", "jsconfig.json"):
            if name not in names:
                continue
            base, mappings = _compiler_paths(places, join(folder, name))
            for pattern, targets in mappings:
                prefix, star, suffix = pattern.partition("*")
                if not star and module == pattern:
                    yield from targets
                elif star and module.startswith(prefix) and module.endswith(suffix):
                    middle = module[len(prefix) : len(module) - len(suffix) or None]
                    yield from (target.replace("*", middle, 1) for target in targets)
            if base is not None:
                yield join(base, module)
            if base is not None or mappings:
                return


def _compiler_paths(places: Places, config: str) -> tuple[str | None, list[tuple[str, list[str]]]]:
    """Return a configuration's base folder and its (pattern, targets), the longest first."""
    key = ("compiler", config)
    if key not in places.settings:
        places.settings[key] = _read_compiler_paths(places, config)
    found: tuple[str | None, list[tuple[str, list[str]]]] = places.settings[key]
    return found


def _read_compiler_paths(
    places: Places, config: str
) -> tuple[str | None, list[tuple[str, list[str]]]]:
    base: str | None = None
    paths: dict[str, list[str]] | None = None
    waiting: list[str] = [config]
    seen: set[str] = set()
    while waiting and len(seen) < _MAX_EXTENDS:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        content = places.json(path)
        folder = folder_of(path)
        options = content.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        if base is None and isinstance(options.get("baseUrl"), str):
            base = join(folder, options["baseUrl"])
        if paths is None and isinstance(options.get("paths"), dict):
            # Without a base the paths are relative to the file that they stand in.
            root = folder if base is None else base
            paths = {
                pattern: [join(root, target) for target in targets if isinstance(target, str)]
                for pattern, targets in options["paths"].items()
                if isinstance(targets, list)
            }
        extended = content.get("extends")
        for one in extended if isinstance(extended, list) else [extended]:
            if isinstance(one, str) and one.startswith("."):
                target = join(folder, one)
                waiting.append(target if target in places.files else f"{target}.json")
    # References lead to the configurations that really hold the options.
    if base is None and paths is None:
        for reference in places.json(config).get("references") or ():
            project = reference.get("path") if isinstance(reference, dict) else None
            if isinstance(project, str) and project.endswith(".json"):
                path = join(folder_of(config), project)
                if path not in seen and path in places.files:
                    found = _compiler_paths(places, path)
                    if found != (None, []):
                        return found
    return base, sorted((paths or {}).items(), key=lambda item: -len(item[0].partition("*")[0]))


# --- package.json -----------------------------------------------------------------------------


def _packages(places: Places) -> dict[str, str]:
    """Return the folder of each package that the workspace holds, by its name."""
    key = ("packages", "")
    if key not in places.settings:
        found: dict[str, str] = {}
        for path in sorted(places.named("package.json"), key=len, reverse=True):
            name = places.json(path).get("name")
            if isinstance(name, str) and "node_modules/" not in path:
                found[name] = folder_of(path)
        places.settings[key] = found
    packages: dict[str, str] = places.settings[key]
    return packages


def _package(places: Places, module: str) -> tuple[str, ...]:
    parts = module.split("/")
    length = 2 if module.startswith("@") else 1
    name, inside = "/".join(parts[:length]), "/".join(parts[length:])
    folder = _packages(places).get(name)
    if folder is None:
        return ()
    content = places.json(join(folder, "package.json"))
    for target in _entries(content, inside):
        for path in _sources(target):
            if found := _file(places, join(folder, path)):
                return found
    guesses = (f"src/{inside}", inside) if inside else ("src/index", "index", "src/main")
    for guess in guesses:
        if found := _file(places, join(folder, guess)):
            return found
    return ()


def _entries(content: dict[str, Any], inside: str) -> Iterator[str]:
    """Yield the files that a package offers under a path inside of it."""
    wanted = f"./{inside}" if inside else "."
    yield from _targets(content.get("exports"), wanted)
    if not inside:
        for field in ("source", "types", "typings", "module", "main"):
            if isinstance(content.get(field), str):
                yield content[field]


def _targets(offered: Any, wanted: str) -> Iterator[str]:
    """Yield the targets of `exports` or `imports` for a key, with its pattern filled in."""
    if not isinstance(offered, dict) or not any(key.startswith((".", "#")) for key in offered):
        offered = {".": offered}
    for pattern, value in offered.items():
        prefix, star, suffix = pattern.partition("*")
        middle = ""
        if star and wanted.startswith(prefix) and wanted.endswith(suffix):
            middle = wanted[len(prefix) : len(wanted) - len(suffix) or None]
        elif pattern != wanted:
            continue
        for target in _leaves(value):
            yield target.replace("*", middle)


def _leaves(value: Any) -> list[str]:
    """Return the paths among conditions, in the order that suits the reading of sources."""
    found: list[str] = []
    waiting = [value]
    while waiting and len(found) < 16:
        one = waiting.pop(0)
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            order = [key for key in _CONDITIONS if key in one]
            waiting += [one[key] for key in order + [key for key in one if key not in order]]
    return found


def _sources(target: str) -> Iterator[str]:
    """Yield the sources that a built file may come from, then the file itself."""
    path = join("", target)
    if _BUILT.match(path):
        yield _BUILT.sub("src/", re.sub(r"\.d\.([mc]?)ts$", r".\1js", path), count=1)
    yield path


def _own_import(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a `#name`, which the nearest `package.json` maps."""
    for folder in above(folder_of(importer)):
        if "package.json" in places.folders.get(folder, ()):
            offered = places.json(join(folder, "package.json")).get("imports")
            for target in _targets(offered, module):
                for path in _sources(target):
                    if found := _file(places, join(folder, path)):
                        return found
            break
    return ()
