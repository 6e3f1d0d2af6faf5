"""What is measured: the project's graph and map, made as the command line makes them."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.context.tokens import count
from claude_lsp.review.project import Project, survey
from claude_lsp.settings import Settings
from claude_lsp.workspace.index.cache import FOLDER_VARIABLE
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.architecture.peers import Edges


def project_of(root: Path) -> Project:
    """Survey a project, with an index that nobody else sees."""
    with _own_cache():
        return survey(Workspace([root.resolve()], Settings()), root.resolve())


class Surveyed(NamedTuple):
    """A project and how long the survey of it took, from nothing and from a stored index."""

    project: Project
    cold_s: float
    warm_s: float


def surveyed(root: Path) -> Surveyed:
    """Survey a project twice, with an index that nobody else sees."""
    workspace = Workspace([root.resolve()], Settings())
    with _own_cache():
        start = time.perf_counter()
        survey(workspace, root.resolve())
        middle = time.perf_counter()
        project = survey(workspace, root.resolve())
        return Surveyed(project, middle - start, time.perf_counter() - middle)


def map_of(project: Project, budget: int) -> str:
    """Return the map of a project within a budget of o200k tokens."""
    return project.map(budget, count)


def edges_of(project: Project) -> Edges:
    """Return the imports of a project's graph as paths of files."""
    modules = project.graph.modules
    return {(modules[one.source].path, modules[one.target].path) for one in project.graph.imports}


@contextlib.contextmanager
def _own_cache() -> Iterator[None]:
    before = os.environ.get(FOLDER_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="claude-lsp-benchmark-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[FOLDER_VARIABLE]
            else:
                os.environ[FOLDER_VARIABLE] = before
