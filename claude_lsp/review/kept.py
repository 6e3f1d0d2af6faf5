"""A survey kept for the next run, which has it again while nothing that it rests on has changed.

What it rests on is told without reading a file: the files that there are with their times and
sizes, the settings, git's head, the libraries that are installed, and this program itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from claude_lsp.findings.reporters.json_format import finding_as_dict, read_finding
from claude_lsp.structure.summary import StructureSummary
from claude_lsp.workspace import git
from claude_lsp.workspace.files import list_names
from claude_lsp.workspace.ignore import SETTLED_NS
from claude_lsp.workspace.index import cache
from claude_lsp.workspace.module_graph import Definition, Import, Module, ModuleGraph, Outside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.settings import Settings
    from claude_lsp.workspace.ignore import IgnoreRules

_WITH_HISTORY, _WITHOUT = "survey.json", "survey-without-history.json"
_DEFERRED, _TYPE_ONLY = 1, 2


class Survey(NamedTuple):
    """What is kept of a survey.

    Attributes:
        graph: modules and imports.
        findings: the facts.
        summary: all of it in figures.
        manifests: paths of the files that say what the project needs.
        notices: what limits the picture.
    """

    graph: ModuleGraph
    findings: tuple[Finding, ...]
    summary: StructureSummary
    manifests: tuple[str, ...]
    notices: tuple[str, ...]


def state_of(
    root: Path, rules: IgnoreRules, settings: Settings, above: Sequence[str], *, history: bool
) -> str | None:
    """Return a digest of everything that a survey of a folder rests on.

    None while files are so new that another change might not show.

    Args:
        root: the project's folder.
        rules: its ignore rules.
        settings: the contracts in them count.
        above: the Python packages that the folder lies in.
        history: whether git's past counts.
    """
    digest = hashlib.sha256()
    digest.update(_program().encode())
    head = git.commit_of(root, "HEAD") if history and rules.repository is not None else None
    digest.update(repr((settings.arch, tuple(above), head)).encode())
    newest = 0
    for path in sorted(list_names(root, rules)):
        try:
            status = os.lstat(root / path)
        except OSError:
            continue
        newest = max(newest, status.st_mtime_ns)
        line = f"{path}\0{status.st_mode}\0{status.st_mtime_ns}\0{status.st_size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return None if newest > time.time_ns() - SETTLED_NS else digest.hexdigest()


def recall(root: Path, state: str, *, history: bool) -> Survey | None:
    """Return the survey that was kept of a folder in this state, if there is one."""
    try:
        with _path(root, history=history).open(encoding="utf-8") as file:
            if file.readline() != f"{state}\n":
                return None
            return _survey(json.load(file))
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return None  # there is none, or it is damaged: it is made again


def keep(root: Path, state: str, survey: Survey, *, history: bool) -> None:
    """Keep a survey in place of an older one; where that can't be, nothing is lost."""
    path = _path(root, history=history)
    with contextlib.suppress(OSError, ValueError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - an open handle
                file.write(f"{state}\n")
                file.write(json.dumps(_values(survey), separators=(",", ":")))
            os.replace(name, path)  # noqa: PTH105 - over an older one on every system
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _path(root: Path, *, history: bool) -> Path:
    return cache.file_of(root, _WITH_HISTORY if history else _WITHOUT)


def _program() -> str:
    """Return what changes with this program and with what is installed beside it."""
    import claude_lsp

    told = [cache.version(), *cache.distributions(sys.path)]
    folders = [Path(claude_lsp.__file__).parent]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    told.append(f"{entry.path} {status.st_mtime_ns} {status.st_size}")
                elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                    folders.append(Path(entry.path))
    return "\n".join(sorted(told))


def _values(survey: Survey) -> dict[str, Any]:
    graph = survey.graph
    numbers = {name: place for place, name in enumerate(graph.modules)}
    return {
        "modules": [
            [
                one.name,
                one.path,
                one.lines,
                [[d.name, d.line, d.end, d.members, d.uses] for d in one.definitions],
                one.public,
                one.is_test,
                one.is_generated,
                one.length,
            ]
            for one in graph.modules.values()
        ],
        "imports": [
            [
                numbers[one.source],
                numbers[one.target],
                one.line,
                one.names,
                one.deferred * _DEFERRED + one.type_only * _TYPE_ONLY,
                one.bound,
            ]
            for one in graph.imports
        ],
        "problems": graph.problems,
        "outside": [[numbers[o.source], o.module, o.line, o.certain] for o in graph.outside],
        "findings": list(map(finding_as_dict, survey.findings)),
        "summary": dataclasses.asdict(survey.summary),
        "manifests": survey.manifests,
        "notices": survey.notices,
    }


def _survey(kept: dict[str, Any]) -> Survey:
    modules = [
        Module(
            name,
            path,
            lines,
            tuple(
                Definition(one, line, end, members, tuple(uses))
                for one, line, end, members, uses in definitions
            ),
            tuple(public),
            *rest,
        )
        for name, path, lines, definitions, public, *rest in kept["modules"]
    ]
    names = [one.name for one in modules]
    imports = tuple(
        Import(
            names[source],
            names[target],
            line,
            tuple(taken),
            bool(flags & _DEFERRED),
            bool(flags & _TYPE_ONLY),
            tuple(bound),
        )
        for source, target, line, taken, flags, bound in kept["imports"]
    )
    return Survey(
        ModuleGraph(
            MappingProxyType({one.name: one for one in modules}),
            imports,
            tuple((path, reason) for path, reason in kept["problems"]),
            tuple(Outside(names[source], *rest) for source, *rest in kept["outside"]),
        ),
        tuple(map(read_finding, kept["findings"])),
        StructureSummary(**{name: _immutable(value) for name, value in kept["summary"].items()}),
        tuple(kept["manifests"]),
        tuple(kept["notices"]),
    )


def _immutable(value: Any) -> Any:
    return tuple(map(_immutable, value)) if isinstance(value, list) else value
