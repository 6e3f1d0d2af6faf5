"""What a project says it needs: the dependencies in its manifests, read and never run."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MANIFEST = re.compile(
    r"(?:.*/)?(?:pyproject\.toml|setup\.cfg|setup\.py|package\.json"
    r"|[\w.-]*requirements[\w.-]*\.(?:txt|in)|requirements/[\w.-]+\.(?:txt|in)|Pipfile)"
)
"""Paths of manifests, relative to the workspace."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_SEPARATORS = re.compile(r"[-_.]+")
_NOT_RUN = ("peerDependencies", "devDependencies", "optionalDependencies", "bundledDependencies")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A library that a manifest names: its normalised name, and the 0-based line it stands on."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifests of one folder say.

    Attributes:
        path: the one that counts most, relative to the workspace.
        folder: where they stand, "" for the workspace.
        kind: whose libraries they name.
        name: of the project itself, normalised; empty if it has none.
        required: what it needs to run.
        others: names of what tests, tools or extras need.
        is_complete: whether these are all: not where a program makes the list.
        text: everything in them that is not a list of dependencies, to see what tools are used.
    """

    path: str
    folder: str
    kind: Literal["python", "javascript"]
    name: str = ""
    required: tuple[Requirement, ...] = ()
    others: frozenset[str] = frozenset()
    is_complete: bool = True
    text: str = ""


def read_manifests(
    paths: Iterable[str], text_of: Callable[[str], str | None]
) -> tuple[Manifest, ...]:
    """Read the manifests among some paths; one that cannot be read says nothing of its folder.

    Args:
        paths: relative to the workspace.
        text_of: returns the text of a file, None for one that cannot be read.
    """
    folders: dict[str, list[str]] = {}
    found: list[Manifest] = []
    for path in sorted(paths):
        if not MANIFEST.fullmatch(path):
            continue
        folder, _, name = path.rpartition("/")
        if name == "package.json":
            if (text := text_of(path)) is not None and (one := _package_json(path, text)):
                found.append(one)
        else:
            home = folder.removesuffix("requirements").rstrip("/")
            folders.setdefault(home, []).append(path)
    for folder, files in sorted(folders.items()):
        texts = {path: text for path in files if (text := text_of(path)) is not None}
        if texts:
            found.append(_python(folder, texts))
    return tuple(found)


def normalised(name: str) -> str:
    """Return a distribution's name as registries compare it."""
    return _SEPARATORS.sub("-", name).lower()


def _package_json(path: str, text: str) -> Manifest | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    required = [
        Requirement(name, _line_of(text, f'"{name}"')) for name in _keys(value.get("dependencies"))
    ]
    others = {name for key in _NOT_RUN for name in _keys(value.get(key))}
    rest = {key: value[key] for key in value if key not in {*_NOT_RUN, "dependencies"}}
    name = value.get("name")
    return Manifest(
        path,
        path.rpartition("/")[0],
        "javascript",
        name if isinstance(name, str) else "",
        tuple(required),
        frozenset(others),
        text=json.dumps(rest),
    )


def _keys(value: Any) -> list[str]:
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return list(value) if isinstance(value, dict) else []


def _python(folder: str, texts: Mapping[str, str]) -> Manifest:
    """Join the manifests of a Python project that stand in one folder."""
    required: dict[str, Requirement] = {}
    others: set[str] = set()
    name, is_complete, path, rest = "", True, "", ""
    for file, text in texts.items():
        base = file.rpartition("/")[2]
        if base == "pyproject.toml":
            try:
                table = tomllib.loads(text)
            except (ValueError, RecursionError):
                is_complete = False
                continue
            project = _table(table.get("project"))
            poetry = _table(_table(table.get("tool")).get("poetry"))
            name = normalised(str(project.get("name") or poetry.get("name") or ""))
            needed = [*_strings(project.get("dependencies"))]
            needed += [one for one in _table(poetry.get("dependencies")) if one != "python"]
            for one in filter(None, map(_required, needed)):
                required[one] = Requirement(one, _line_of_requirement(text, one))
            others.update(filter(None, map(_required, _further(table, project, poetry))))
            if "dependencies" in _strings(project.get("dynamic")):
                is_complete = False
            rest += json.dumps(table.get("tool", {}), default=str)
            path = file
        elif base == "setup.cfg":
            parser = configparser.ConfigParser(interpolation=None, strict=False)
            try:
                parser.read_string(text)
            except configparser.Error:
                is_complete = False
                continue
            for one in filter(
                None,
                map(_required, parser.get("options", "install_requires", fallback="").split("\n")),
            ):
                required.setdefault(one, Requirement(one, _line_of_requirement(text, one)))
            if parser.has_section("options.extras_require"):
                for _, value in parser.items("options.extras_require"):
                    others.update(filter(None, map(_required, value.split("\n"))))
        elif base in {"setup.py", "Pipfile"}:
            # A program may make the list; what it names counts as named.
            is_complete = False
            words = re.findall(r"[\"']([A-Za-z0-9][A-Za-z0-9._-]*)", text)
            words += re.findall(r"^([A-Za-z0-9][\w.-]*)\s*=", text, re.MULTILINE)
            others.update(map(normalised, words))
        else:
            names = set(filter(None, map(_required, text.split("\n"))))
            # Lists that files import each other by, of tools, of pinned versions: all are named.
            others.update(names)
            if base in {"requirements.txt", "requirements.in"}:
                path = path or file
    path = path or min(texts)
    return Manifest(
        path,
        folder,
        "python",
        name,
        tuple(required.values()),
        frozenset(others),
        is_complete,
        rest,
    )


def _further(
    table: Mapping[str, Any], project: Mapping[str, Any], poetry: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what extras, groups and tools need."""
    for value in _table(project.get("optional-dependencies")).values():
        yield from _strings(value)
    for value in _table(table.get("dependency-groups")).values():
        yield from _strings(value)
    for group in _table(poetry.get("group")).values():
        yield from _table(_table(group).get("dependencies"))
    yield from _table(poetry.get("dev-dependencies"))
    yield from _strings(_table(table.get("build-system")).get("requires"))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _required(line: str) -> str:
    """Return the normalised name in a requirement, empty where there is none."""
    match = _REQUIREMENT.match(line)
    return "" if match is None else normalised(match[1])


def _line_of(text: str, word: str) -> int:
    place = text.find(word)
    return 0 if place < 0 else text.count("\n", 0, place)


def _line_of_requirement(text: str, name: str) -> int:
    spelled = re.compile(r"[-_.]+".join(map(re.escape, name.split("-"))), re.IGNORECASE)
    for number, line in enumerate(text.split("\n")):
        stripped = line.strip().lstrip("\"'")
        match = spelled.match(stripped)
        if match and not re.match(r"[\w.-]", stripped[match.end() :]):
            return number
    return 0
