"""Where the tests of a file belong, by the convention that a project follows already."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from claude_lsp.workspace.destination import Destination, Refused, destination_at
from claude_lsp.workspace.files import list_names
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.workspace import Workspace

_SCRIPT = ("{}.test{}", "{}.spec{}")
_NAMES = {
    ".py": ("test_{}{}", "{}_test{}"),
    ".go": ("{}_test{}",),
    ".rb": ("{}_spec{}", "{}_test{}", "test_{}{}"),
    ".java": ("{}Test{}", "{}Tests{}"),
    ".cs": ("{}Tests{}", "{}Test{}"),
    ".php": ("{}Test{}",),
    ".rs": ("{}{}", "{}_test{}"),
    **dict.fromkeys((".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs"), _SCRIPT),
}
"""The names that tests of a file have, by its ending; the usual one first."""
_USUAL_NAMES = ("test_{}{}", "{}_test{}", "{}.test{}", "{}Test{}")
_FOLDERS = ("tests", "test", "spec", "tests/unit", "test/unit", "tests/Unit")
_MOST_FILES = 200_000


def _beside(folder: str) -> str:
    return folder


def _below(name: str, folder: str) -> str:
    return f"{folder}/{name}".lstrip("/")


def _flat(top: str, _folder: str) -> str:
    return top


def _mirrored(top: str, folder: str) -> str:
    return f"{top}/{folder}".rstrip("/")


def _mirrored_within(top: str, folder: str) -> str:
    """Mirror without the first folder, which is that of the sources: src, lib, the package."""
    return f"{top}/{folder.partition('/')[2]}".rstrip("/")


def _maven(folder: str) -> str:
    return folder.replace("src/main/", "src/test/", 1)


_PLACES: tuple[Callable[[str], str], ...] = (
    _beside,
    _maven,
    partial(_below, "__tests__"),
    *(partial(rule, top) for top in _FOLDERS for rule in (_mirrored_within, _mirrored, _flat)),
)
_USUAL_PLACES: dict[str, Callable[[str], str]] = {
    ".py": partial(_flat, "tests"),
    ".rb": partial(_mirrored_within, "spec"),
    ".java": _maven,
    ".php": partial(_mirrored_within, "tests"),
    ".rs": partial(_flat, "tests"),
}
"""Where the tests of a language go in a project that has none; beside the file in all others."""


def test_path(path: str, files: Iterable[str]) -> str:
    """Return the file that the tests of another one belong in, whether or not it is there.

    Args:
        path: the file that is tested, relative to the project, "/" between parts.
        files: every file of the project, in the same form.
    """
    source = PurePosixPath(path)
    known = sorted(each for each in files if PurePosixPath(each).suffix == source.suffix)
    tests = [each for each in known if is_test_path(each)]
    names = _names_of(source.stem, source.suffix)
    there = [each for each in tests if each.rpartition("/")[2] in names]
    if there:
        return max(there, key=lambda each: (_common(each, path), -len(each)))
    sources: dict[str, list[str]] = {}
    for each in known:
        if not is_test_path(each):
            sources.setdefault(PurePosixPath(each).stem, []).append(each)
    votes: Counter[tuple[int, int]] = Counter()
    for test in tests:
        folder, _, name = test.rpartition("/")
        for number, stem in _stems_of(name, source.suffix):
            for tested in sources.get(stem, ()):
                for place, rule in enumerate(_PLACES):
                    if rule(tested.rpartition("/")[0]) == folder:
                        votes[number, place] += 1
                        break
    folder = path.rpartition("/")[0]
    if votes:
        (number, place), _ = min(votes.items(), key=lambda each: (-each[1], each[0]))
        return f"{_PLACES[place](folder)}/{names[number]}".lstrip("/")
    usual = _USUAL_PLACES.get(source.suffix, _beside)
    top = next((top for top in ("tests", "test", "spec") if _has(known, top)), None)
    if usual is not _beside and usual is not _maven and top is not None:
        usual = partial(_flat, top)
    return f"{usual(folder)}/{names[0]}".lstrip("/")


def _names_of(stem: str, suffix: str) -> tuple[str, ...]:
    return tuple(name.format(stem, suffix) for name in _NAMES.get(suffix, _USUAL_NAMES))


def _stems_of(name: str, suffix: str) -> list[tuple[int, str]]:
    """Return what a test of that name may test, with the number of the form of its name."""
    found = []
    for number, form in enumerate(_NAMES.get(suffix, _USUAL_NAMES)):
        before, _, behind = form.format("\0", suffix).partition("\0")
        if name.startswith(before) and name.endswith(behind):
            found.append((number, name[len(before) : len(name) - len(behind)]))
    return found


def _common(one: str, other: str) -> int:
    return len(set(one.split("/")[:-1]) & set(other.split("/")[:-1]))


def _has(files: Sequence[str], top: str) -> bool:
    return any(each.startswith(f"{top}/") for each in files)


def destination_of_tests(
    workspace: Workspace, source: Snapshot, opened: Iterable[Snapshot] = ()
) -> Destination | Refused:
    """Return where the tests of a document go: never outside, never into what is kept back.

    Lists and reads files, so call it in a worker.
    """
    root = None if source.path is None else workspace.root_of(source.path)
    if source.path is None or root is None:
        return Refused("tests are written for files of the open folder only")
    rules = workspace.rules_for(source.path)
    names = [] if rules is None else list_names(root, rules, limit=_MOST_FILES)
    path = root / test_path(source.path.relative_to(root).as_posix(), names)
    if path == source.path:
        return Refused("this file is a test already")
    return destination_at(workspace, path, "the tests belong", opened)
