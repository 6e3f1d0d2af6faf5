"""The rooms and their walls: who may import whom, read from the source of every module."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import claude_lsp

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(claude_lsp.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up; a room may import what stands below its own floor, and itself.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"user_actions", "routing", "pages", "reading"}),
    frozenset({"text", "settings"}),
    frozenset({"configuration", "telemetry"}),
    frozenset({"workspace"}),
    frozenset({"findings"}),
    frozenset({"context", "structure"}),
    frozenset({"claude"}),
    frozenset({"actions"}),
    frozenset({"gathering", "references", "toolbox"}),
    frozenset({"engine"}),
    frozenset({"disclosure", "spending"}),
    frozenset({"review"}),
    frozenset({"lsp", "cli"}),
    frozenset({"__main__"}),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
BESIDE = {("cli/serve.py", "lsp")}
"""Arrows between rooms of the same floor that are allowed."""

# Who may import a library, as path prefixes.
LIBRARIES = {
    "pygls": ("lsp/",),
    "lsprotocol": ("lsp/",),
    "anthropic": ("claude/client.py",),
    "httpx2": ("claude/client.py",),
    "tiktoken": ("context/tokens.py",),
    "opentelemetry": ("telemetry/otel.py",),
}
HEAVY_AT_TOP = ("anthropic", "httpx2", "tiktoken", "opentelemetry")

PURE_ROOMS = ("text", "context", "findings", "structure", "actions")
OUTSIDE = frozenset(
    (
        *("os", "io", "pathlib", "glob", "tempfile", "shutil", "gzip", "sqlite3", "logging", "sys"),
        *("socket", "http", "urllib.request", "subprocess", "multiprocessing"),
        *("importlib", "pkgutil"),
        *("time", "datetime", "random", "secrets", "uuid", "asyncio", "threading"),
        "claude_lsp.telemetry",
    )
)
PURE_EXCEPTIONS = {
    "text/snapshots.py": {"os", "pathlib"},  # a path as a value, never opened
    "actions/__init__.py": {"importlib"},  # loads an action when it is asked for
    "findings/reporters/__init__.py": {"importlib"},  # and a format
    "context/tokens.py": {"gzip", "pkgutil", "threading"},  # loads the bundled vocabulary, once
}

LONGEST = 500
LONGER = {
    "claude/client.py": "all that may know the SDK and its HTTP library",
    "settings.py": "every option stands once, in one table, with what makes a value valid",
    "workspace/index/view.py": "every question that the index answers, by what it is about",
    "lsp/protocol.py": "every repair of the protocol library stands in one place",
    "workspace/index/languages/javascript.py": "one grammar's whole outline",
}


class Import(NamedTuple):
    """One import statement's target, and where and how it stands."""

    target: str
    line: int
    typing_only: bool
    at_top: bool


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[Import]:
    def walk(node: ast.AST, *, typing_only: bool, at_top: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, typing_only, at_top)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{name_of(path)}:{child.lineno}: imports are absolute"
                for alias in child.names:
                    target = f"{child.module}.{alias.name}"
                    yield Import(target, child.lineno, typing_only, at_top)
            else:
                guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(
                    child, typing_only=typing_only or guard, at_top=at_top and not inner
                )

    yield from walk(tree_of(path), typing_only=False, at_top=True)


def is_of(target: str, library: str) -> bool:
    return target == library or target.startswith(library + ".")


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    for item in imports_of(path):
        if is_of(item.target, "claude_lsp"):
            parts = item.target.split(".")
            # `from claude_lsp import __version__` is the one name that belongs to no room.
            if len(parts) > 1 and parts[1] != "__version__":
                yield parts[1], item.line


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_from_the_floors_below(path: Path) -> None:
    here = room_of(path)
    wrong = []
    for room, line in rooms_imported(path):
        assert room in FLOOR, f"{name_of(path)}:{line}: {room} is on no floor"
        allowed = here == room or FLOOR[room] < FLOOR[here] or (name_of(path), room) in BESIDE
        if not allowed:
            wrong.append(f"{name_of(path)}:{line}: {here} must not import {room}")
    assert not wrong


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(FLOOR)


def test_the_walls_hold_something_back(tmp_path: Path) -> None:
    """The reader of imports sees every form, so that the test above can fail."""
    source = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from claude_lsp.lsp import session\n"
        "def late():\n    import claude_lsp.cli.main\n    from claude_lsp import engine\n"
    )
    path = tmp_path / "module.py"
    path.write_text(source, "utf-8")
    assert [room for room, _ in rooms_imported(path)] == ["lsp", "cli", "engine"]
    assert [item.typing_only for item in imports_of(path)] == [False, True, False, False]
    assert [item.at_top for item in imports_of(path)] == [True, True, False, False]


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_have_one_user(library: str) -> None:
    users = {
        f"{name_of(path)}:{item.line}"
        for path in MODULES
        for item in imports_of(path)
        if is_of(item.target, library)
    }
    assert users, f"nobody imports {library}: take it out of the table"
    assert not {user for user in users if not user.startswith(LIBRARIES[library])}


@pytest.mark.parametrize("library", HEAVY_AT_TOP)
def test_heavy_libraries_are_never_imported_at_the_top(library: str) -> None:
    assert not [
        f"{name_of(path)}:{item.line}"
        for path in MODULES
        for item in imports_of(path)
        if is_of(item.target, library) and item.at_top and not item.typing_only
    ]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("claude_lsp.lsp.server", (*HEAVY_AT_TOP, "numpy", "tree_sitter", "sqlite3")),
        ("claude_lsp.cli.main", (*HEAVY_AT_TOP, "pygls", "lsprotocol", "asyncio", "pathspec")),
        ("claude_lsp.cli.config", (*HEAVY_AT_TOP, "pygls", "lsprotocol")),
        ("claude_lsp.cli.explain", (*HEAVY_AT_TOP, "pygls", "lsprotocol")),
        ("claude_lsp.cli.review", (*HEAVY_AT_TOP, "pygls", "lsprotocol")),
    ],
)
def test_importing_a_module_does_not_load(module: str, absent: tuple[str, ...]) -> None:
    script = f"import json, sys, {module}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert module in loaded
    assert not loaded & set(absent)


PURE = [path for path in MODULES if room_of(path) in PURE_ROOMS]


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_pure_rooms_do_no_io_and_read_no_clock(path: Path) -> None:
    exceptions = PURE_EXCEPTIONS.get(name_of(path), set())
    used = {
        outside
        for item in imports_of(path)
        if not item.typing_only
        for outside in OUTSIDE
        if is_of(item.target, outside)
    }
    assert used == exceptions, "an exception that nobody needs goes out of the table"
    calls = {
        node.func.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_style_that_hides_nothing(path: Path) -> None:
    tree = tree_of(path)
    nodes = list(ast.walk(tree))
    bare = [n.lineno for n in nodes if isinstance(n, ast.ExceptHandler) and n.type is None]
    assert not bare, "a bare except hides everything"
    if room_of(path) != "cli":
        prints = [
            n.lineno
            for n in nodes
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "print"
        ]
        assert not prints, "stdout is the protocol"
    assert ast.get_docstring(tree), "a module says what it is"
    futures = [i.target for i in imports_of(path) if i.target == "__future__.annotations"]
    assert futures or len(tree.body) <= 2


def test_no_file_is_long_without_a_reason() -> None:
    lengths = {name_of(path): path.read_text("utf-8").count("\n") for path in MODULES}
    assert {name for name, lines in lengths.items() if lines > LONGEST} <= set(LONGER)
    assert set(LONGER) <= set(lengths), "a file that is gone goes out of the table"
