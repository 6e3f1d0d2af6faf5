"""Imports to files and definitions: by text cases, and rules that cases do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.records import (
    EVERYTHING,
    FileRecord,
    ImportedName,
    Symbol,
    everything,
)
from claude_lsp.workspace.index.resolve import MAX_DEPTH, Resolution, Resolver, resolve_name
from claude_lsp.workspace.languages import language_of
from tests import cases_loader
from tests.unit.test_extract import CASES, EXPECTED, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def loaded(files: Mapping[str, str]) -> tuple[Resolver, dict[str, FileRecord]]:
    """Return a resolver for files and the files' records."""
    records = {path: extract(text, language_of(path)) for path, text in files.items()}
    resolver = Resolver(files, files.get)
    for path, record in records.items():
        resolver.declare(path, record.namespace)
    return resolver, records


def links(resolver: Resolver, records: Mapping[str, FileRecord]) -> str:
    """Return every import of the files with what it leads to, one a line."""
    lines = []
    for path, record in records.items():
        for one in record.imports:
            if one.original == EVERYTHING:
                continue
            found = resolve_name(resolver, records.get, path, one.module, one.original)
            target = "nothing"
            if found is not None and found.symbol is None:
                target = found.path
            elif found is not None and found.symbol is not None:
                target = f"{found.path} {records[found.path].symbols[found.symbol].name}"
            original = "" if one.original is None else f" {one.original}"
            name = one.local or "-"
            lines.append(
                f"{path}:{one.line + 1} {name} = {one.module or '-'}{original} -> {target}"
            )
        for star in record.stars:
            files = " ".join(resolver.module_files(path, star, record.language))
            lines.append(f"{path} * {star} -> {files or 'nothing'}")
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_imports_of_a_case(path: Path) -> None:
    files = {
        name: text
        for name, text in cases_loader.load(path).sections.items()
        if name not in EXPECTED
    }
    cases_loader.expect(path, "imports", links(*loaded(files)))


# --- Where modules stand --------------------------------------------------------------------

PYTHON = ("src/a/__init__.py", "src/a/b.py", "tools/run.py", "tools/helper.py", "space/x/y.py")


@pytest.mark.parametrize(
    ("importer", "module", "files"),
    [
        ("src/a/b.py", "a", ("src/a/__init__.py",)),
        ("src/a/b.py", ".", ("src/a/__init__.py",)),
        ("src/a/b.py", "..", ()),
        ("src/a/b.py", ".....far", ()),
        ("tools/run.py", "helper", ("tools/helper.py",)),
        ("tools/run.py", "a.b", ("src/a/b.py",)),
        ("tools/run.py", "space.x.y", ("space/x/y.py",)),
        ("tools/run.py", "space.x", ()),
        ("tools/run.py", "os", ()),
        ("tools/run.py", "", ()),
    ],
)
def test_python_modules(importer: str, module: str, files: tuple[str, ...]) -> None:
    assert Resolver(PYTHON).module_files(importer, module, "python") == files


def test_a_python_module_that_two_projects_have_is_nobodys() -> None:
    paths = ["one/src/lib/core.py", "two/src/lib/core.py", "three/main.py"]
    assert Resolver(paths).module_files("three/main.py", "core", "python") == ()
    assert Resolver(paths[1:]).module_files("three/main.py", "core", "python") == (paths[1],)


def test_a_submodule_of_a_python_package() -> None:
    resolver = Resolver(PYTHON)
    assert resolver.submodule_files("src/a/b.py", ".", "b", "python") == ("src/a/b.py",)
    assert resolver.submodule_files("tools/run.py", "a", "b", "python") == ("src/a/b.py",)


@pytest.mark.parametrize(
    ("module", "files"),
    [
        ("./a", ("src/a.ts",)),
        ("./a.js", ("src/a.ts",)),
        ("./c.jsx", ("src/c.tsx",)),
        ("./d", ("src/d/index.ts",)),
        ("..", ("index.ts",)),
        ("./e.json", ("src/e.json",)),
        ("./b.service", ("src/b.service.ts",)),
        ("./missing", ()),
        ("../../../outside", ()),
        ("react", ()),
        ("./a?raw", ("src/a.ts",)),
    ],
)
def test_relative_modules_of_typescript(module: str, files: tuple[str, ...]) -> None:
    names = ("a.ts", "c.tsx", "d/index.ts", "e.json", "b.service.ts", "main.ts")
    resolver = Resolver(["index.ts", *(f"src/{name}" for name in names)])
    assert resolver.module_files("src/main.ts", module, "typescript") == files


def test_path_mappings_prefer_the_longest_pattern_and_end_in_no_circle() -> None:
    files = {
        "tsconfig.json": '{"extends": "./other.json", "compilerOptions": {"paths":'
        '{"*": ["lib/*"], "~/*": ["src/*"], "exact": ["src/one.ts"], "~/deep/*": ["deep/*"]}}}',
        "other.json": '{"extends": "./tsconfig.json"}',
        "src/one.ts": "",
        "src/deep/x.ts": "",
        "deep/x.ts": "",
        "lib/any.ts": "",
    }
    resolver = Resolver(files, files.get)
    expected = {
        "~/one": "src/one.ts",
        "exact": "src/one.ts",
        "~/deep/x": "deep/x.ts",
        "any": "lib/any.ts",
    }
    for module, path in expected.items():
        assert resolver.module_files("src/one.ts", module, "typescript") == (path,), module


def test_a_project_that_only_refers_to_its_configurations() -> None:
    files = {
        "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}]}',
        "tsconfig.app.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        "src/x.ts": "",
    }
    resolver = Resolver(files, files.get)
    assert resolver.module_files("src/main.ts", "@/x", "typescript") == ("src/x.ts",)


def test_own_names_of_a_package() -> None:
    files = {
        "package.json": '{"name": "@a/b", "imports": {"#lib/*": "./src/lib/*.js"},'
        '"main": "dist/x.js"}',
        "src/lib/y.ts": "",
        "src/x.ts": "",
    }
    resolver = Resolver(files, files.get)
    assert resolver.module_files("src/x.ts", "#lib/y", "typescript") == ("src/lib/y.ts",)
    assert resolver.module_files("src/x.ts", "@a/b", "typescript") == ("src/x.ts",)
    assert resolver.module_files("src/x.ts", "@a/b/lib/y", "typescript") == ("src/lib/y.ts",)
    assert resolver.module_files("src/x.ts", "@a/c", "typescript") == ()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"compilerOptions": 3}', '{"extends": {}}', "\ufeff{}"]
)
@pytest.mark.parametrize(
    "name", ["tsconfig.json", "package.json", "composer.json", "Cargo.toml", "go.mod"]
)
def test_configuration_that_is_being_written_breaks_nothing(name: str, text: str) -> None:
    paths = [name, "a.ts", "b.php", "src/lib.rs", "c.go"]
    resolver = Resolver(paths, lambda path: text if path == name else None)
    for language in LANGUAGES:
        assert resolver.module_files("x", "some/thing", language) == ()


@pytest.mark.parametrize(
    ("include", "files"),
    [
        ("near.h", ("src/near.h",)),
        ("lib/api.h", ("include/lib/api.h",)),
        ("<lib/api.h>", ("include/lib/api.h",)),
        ("<string.h>", ()),
        ("api.h", ("include/lib/api.h",)),
        ("", ()),
    ],
)
def test_includes(include: str, files: tuple[str, ...]) -> None:
    paths = ["src/near.h", "src/x.c", "include/lib/api.h", "a/string.h", "b/string.h"]
    assert Resolver(paths).module_files("src/x.c", include, "c") == files


def test_go_without_a_module_file_goes_by_folders() -> None:
    resolver = Resolver(["src/acme/shop/a.go", "src/acme/shop/a_test.go", "src/main.go"])
    assert resolver.module_files("src/main.go", "acme/shop", "go") == ("src/acme/shop/a.go",)
    assert resolver.module_files("src/main.go", "fmt", "go") == ()
    assert resolver.module_files("src/main.go", "github.com/acme/shop", "go") == ()


# --- Names through re-exports ---------------------------------------------------------------


def record(
    names: tuple[str, ...] = (), imports: tuple[ImportedName, ...] = (), stars: tuple[str, ...] = ()
) -> FileRecord:
    symbols = tuple(Symbol(name, "function", -1, 0, 0, name) for name in names)
    passed_on = tuple(everything(module, 0) for module in stars)
    return FileRecord("python", 1, symbols, imports + passed_on)


def chain(length: int) -> dict[str, FileRecord]:
    """Return modules m0, m1, ... each of which passes on everything of the next one."""
    records = {f"m{number}.py": record(stars=(f"m{number + 1}",)) for number in range(length)}
    return records | {f"m{length}.py": record(("end",))}


def test_stars_are_followed_to_a_depth() -> None:
    for length, found in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        records = chain(length)
        records["main.py"] = record()
        got = resolve_name(Resolver(records), records.get, "main.py", "m0", "end")
        assert (got == Resolution(f"m{length}.py", 0)) is found


def test_circles_of_re_exports_end() -> None:
    records = {
        "a.py": record(imports=(ImportedName("x", "b", "x", 0),), stars=("b", "a")),
        "b.py": record(imports=(ImportedName("x", "a", "x", 0),), stars=("a",)),
    }
    assert resolve_name(Resolver(records), records.get, "a.py", "b", "x") is None


def test_a_definition_is_preferred_to_a_submodule_and_that_to_a_star() -> None:
    records = {
        "pkg/__init__.py": record(("one",), stars=("other",)),
        "pkg/one.py": record(),
        "pkg/two.py": record(),
        "other.py": record(("one", "two", "three")),
        "main.py": record(),
    }
    resolver = Resolver(records)

    def resolved(name: str) -> Resolution | None:
        return resolve_name(resolver, records.get, "main.py", "pkg", name)

    assert resolved("one") == Resolution("pkg/__init__.py", 0)
    assert resolved("two") == Resolution("pkg/two.py", None)
    assert resolved("three") == Resolution("other.py", 2)
    assert resolved("four") is None


def test_a_file_that_nothing_is_known_of_resolves_to_nothing() -> None:
    resolver = Resolver(["a.py", "b.py"])
    assert resolve_name(resolver, lambda _: None, "a.py", "b", "x") is None


# --- Updates --------------------------------------------------------------------------------


def test_new_and_removed_files_are_seen() -> None:
    resolver = Resolver(["a.py"])
    assert resolver.module_files("a.py", "b", "python") == ()
    resolver.add("b.py")
    assert resolver.module_files("a.py", "b", "python") == ("b.py",)
    resolver.add("b/__init__.py")
    assert resolver.module_files("a.py", "b", "python") == ("b/__init__.py",)
    resolver.remove("b/__init__.py")
    resolver.remove("b/__init__.py")
    assert resolver.module_files("a.py", "b", "python") == ("b.py",)


def test_a_changed_configuration_is_read_again() -> None:
    files = {"tsconfig.json": "{}", "src/x.ts": "", "lib/x.ts": ""}
    resolver = Resolver(files, files.get)
    assert resolver.module_files("a.ts", "@/x", "typescript") == ()
    for folder in ("src", "lib"):
        files["tsconfig.json"] = f'{{"compilerOptions": {{"paths": {{"@/*": ["{folder}/*"]}}}}}}'
        resolver.add("tsconfig.json")
        assert resolver.module_files("a.ts", "@/x", "typescript") == (f"{folder}/x.ts",)


def test_namespaces_follow_what_files_declare() -> None:
    resolver = Resolver(["a.cs", "b.cs"])
    resolver.declare("a.cs", "One")
    resolver.declare("b.cs", "One")
    assert resolver.module_files("x.cs", "One", "csharp") == ("a.cs", "b.cs")
    resolver.declare("a.cs", "Two")
    resolver.remove("b.cs")
    assert resolver.module_files("x.cs", "One", "csharp") == ()
    assert resolver.module_files("x.cs", "Two", "csharp") == ("a.cs",)


FOLDERS = st.lists(st.sampled_from(["a", "b", "src"]), max_size=3)
NAMES = st.sampled_from(["__init__.py", "a.py", "b.ts", "index.ts", "go.mod", "lib.rs"])
PATHS = st.builds(lambda folders, name: "/".join([*folders, name]), FOLDERS, NAMES)


@settings(max_examples=100, deadline=None)
@given(st.lists(PATHS, max_size=12), st.lists(PATHS, max_size=12), st.data())
def test_updating_gives_what_starting_afresh_gives(
    first: list[str], second: list[str], data: st.DataObject
) -> None:
    updated = Resolver(first)
    for path in second:
        updated.add(path)
    gone = [path for path in {*first, *second} if data.draw(st.booleans())]
    for path in sorted(gone):
        updated.remove(path)
    fresh = Resolver(sorted({*first, *second} - set(gone)))
    left, right = updated._places, fresh._places
    assert (left.files, left.folders) == (right.files, right.folders)
    assert left._by_name == right._by_name
    assert left._folders_by_name == right._folders_by_name


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(LANGUAGES),
    PATHS,
    st.text(alphabet=st.sampled_from("ab./\\:*#@<>?-_ é"), max_size=12),
    st.lists(PATHS, max_size=8),
)
def test_any_module_leads_to_known_files_or_nothing(
    language: str, importer: str, module: str, paths: list[str]
) -> None:
    resolver = Resolver(paths, lambda _: '{"name": "a", "exports": {"./*": "./*"}}')
    assert set(resolver.module_files(importer, module, language)) <= set(paths)
    assert set(resolver.submodule_files(importer, module, "a", language)) <= set(paths)
