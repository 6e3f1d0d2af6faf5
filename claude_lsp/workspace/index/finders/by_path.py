"""Languages whose imports name a path, or a name that files' paths or declarations spell out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claude_lsp.workspace.index.places import above, folder_of, join

if TYPE_CHECKING:
    from claude_lsp.workspace.index.places import Places


def find_java(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a class, or the files of a package."""
    parts = module.replace(".", "/")
    rest = parts
    # `a.b.Outer.Inner` stands in the file of its outer class.
    while "/" in rest:
        if found := places.ending_with(f"{rest}.java", importer):
            return found[:1]
        if not rest.rpartition("/")[2][:1].isupper():
            break
        rest = rest.rpartition("/")[0]
    return tuple(
        path
        for folder in places.folders_ending_with(parts)
        for path in places.files_in(folder, ".java")
    )


def find_include(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a C or C++ include."""
    system = module.startswith("<")
    path = module.strip("<>")
    if not system and (found := places.first([join(folder_of(importer), path)])):
        return found
    for folder in above(folder_of(importer)):
        if found := places.first((join(folder, "include", path), join(folder, "src", path))):
            return found
        if not system and (found := places.first([join(folder, path)])):
            return found
    ending = path.lstrip("./")
    found = places.ending_with(ending, importer) if ending else ()
    # `<string.h>` is the system's, unless exactly one file of the workspace has the name.
    return found[:1] if len(found) == 1 or not system or "/" in path else ()


def find_csharp(places: Places, _importer: str, module: str) -> tuple[str, ...]:
    """Return the files that declare a namespace, or the file of a class in one."""
    if found := places.in_namespace(module):
        return found
    outer, _, name = module.rpartition(".")
    named = [path for path in places.in_namespace(outer) if path.endswith(f"/{name}.cs")]
    return tuple(named)


def find_php(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a class by PSR-4 and by declared namespaces, or an included file."""
    if "\\" not in module and "." in module:
        return find_beside(places, importer, module)
    for prefix, folders in _php_folders(places):
        if module.startswith(prefix):
            rest = module[len(prefix) :].replace("\\", "/")
            if found := places.first(join(folder, f"{rest}.php") for folder in folders):
                return found
    outer, _, name = module.rpartition("\\")
    candidates = places.ending_with(f"{name}.php", importer)
    if declared := [path for path in candidates if places.namespace_of(path) == outer]:
        return (declared[0],)
    if name[:1].islower():
        # A function: it stands in any file of its namespace.
        return places.in_namespace(outer)
    if len(candidates) == 1 and not places.namespace_of(candidates[0]):
        return candidates
    return places.ending_with(f"{module.replace(chr(92), '/').partition('/')[2]}.php", importer)[:1]


def _php_folders(places: Places) -> list[tuple[str, list[str]]]:
    """Return the (namespace prefix, folders) of all `composer.json`, the longest prefix first."""
    key = ("composer", "")
    if key not in places.settings:
        found: dict[str, list[str]] = {}
        for path in sorted(places.named("composer.json")):
            if "vendor/" in path:
                continue
            content = places.json(path)
            for section in ("autoload", "autoload-dev"):
                table = content.get(section)
                rules = table.get("psr-4") if isinstance(table, dict) else None
                for prefix, folders in rules.items() if isinstance(rules, dict) else ():
                    listed = folders if isinstance(folders, list) else [folders]
                    found.setdefault(prefix.strip("\\") + "\\" if prefix else "", []).extend(
                        join(folder_of(path), one) for one in listed if isinstance(one, str)
                    )
        places.settings[key] = sorted(found.items(), key=lambda item: -len(item[0]))
    prefixes: list[tuple[str, list[str]]] = places.settings[key]
    return prefixes


def find_ruby(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file that `require` or `require_relative` loads."""
    path = module if module.endswith(".rb") else f"{module}.rb"
    if module.startswith("."):
        return places.first([join(folder_of(importer), path)])
    for folder in above(folder_of(importer)):
        if found := places.first((join(folder, "lib", path), join(folder, path))):
            return found
    found = places.ending_with(path, importer)
    return found if len(found) == 1 else ()


def find_beside(places: Places, importer: str, module: str) -> tuple[str, ...]:
    """Return the file of a path that starts beside the importing file or further up."""
    if module.startswith("/") or not module:
        return ()
    for folder in above(folder_of(importer)):
        if found := places.first([join(folder, module)]):
            return found
    found = places.ending_with(module.lstrip("./"), importer) if module.strip("./") else ()
    return found if len(found) == 1 else ()
