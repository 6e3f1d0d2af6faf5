"""What can be said of a whole project without a model: its files, its module graph, its facts."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.structure.edges import degrees, production_edges
from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import Snapshot
from claude_lsp.workspace.files import TextFile, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from claude_lsp.findings.finding import Finding
    from claude_lsp.review.kept import Survey
    from claude_lsp.settings import Settings
    from claude_lsp.structure.project_map import Signature
    from claude_lsp.structure.summary import StructureSummary
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.module_graph import ModuleGraph
    from claude_lsp.workspace.workspace import Workspace


_log = logging.getLogger(__name__)

_MOST_SIGNATURES = 5_000
_LARGEST_BYTES = 2_000_000


@dataclass(frozen=True)
class Project:
    """A project's structure, computed from its code.

    Attributes:
        root: the folder.
        find_links: returns the state of its index, which not every use of it needs.
        graph: modules and imports.
        findings: structural facts that are worth a remark.
        summary: figures for the head of a report.
        text_of: returns the text of a file as it was looked at, None if it cannot be read.
        manifests: paths of the files that say what it needs.
        notices: what limits the picture, in sentences for the user.
    """

    root: Path
    find_links: Callable[[], Links]
    graph: ModuleGraph
    findings: tuple[Finding, ...]
    summary: StructureSummary
    text_of: Callable[[str], str | None]
    manifests: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @cached_property
    def links(self) -> Links:
        """The state of its index."""
        return self.find_links()

    @cached_property
    def signatures(self) -> tuple[Signature, ...]:
        """The definitions that most other files import."""
        from claude_lsp.structure.project_map import Signature
        from claude_lsp.workspace.index.uses import most_used

        used = most_used(self.links, _MOST_SIGNATURES)
        return tuple(Signature(one.path, one.signature, one.users) for one in used)

    def map(self, budget: int, count: Callable[[str], int]) -> str:
        """Return the project as a text sheet for a prompt.

        Args:
            budget: how many tokens it may take.
            count: returns the tokens of a text.
        """
        from claude_lsp.structure.project_map import render_map

        return render_map(self.graph, self.findings, budget, count, self.signatures)


def survey(
    workspace: Workspace,
    root: Path,
    settings: Settings | None = None,
    links: Links | None = None,
    *,
    text_of: Callable[[str], str | None] | None = None,
    history: bool = True,
) -> Project:
    """Read a project and compute its structure.

    Takes seconds on large ones: call it in a worker thread.

    Args:
        workspace: says what may be read.
        root: the project's folder.
        settings: for the contracts in them; without, there are none.
        links: the state of its index, for a caller that has one; made here by default.
        text_of: returns the text of a file as that index knows it; by default what is on disk.
        history: whether git is asked what changed together.
    """
    from claude_lsp.settings import Settings

    text_of = text_of or text_reader(root)
    settings = settings or Settings()
    rules = workspace.rules_for(root)
    if links is not None or rules is None:
        known = links or _nothing()
        found = _looked_at(workspace, root, settings, known, text_of, history=history)
        return _project(root, found, text_of, lambda: known)
    # Not needed by a server, which keeps its index.
    from claude_lsp.review import kept

    def read(tell: Callable[[str], None]) -> Links:
        # With it comes numpy: most of a run that has its survey already.
        from claude_lsp.workspace.index.once import index_folder

        return index_folder(root, rules, tell)

    state = kept.state_of(root, rules, settings, packages_above(root), history=history)
    if state is not None and (again := kept.recall(root, state, history=history)) is not None:
        return _project(root, again, text_of, lambda: read(_log.warning))
    notices: list[str] = []
    fresh = read(notices.append)
    found = _looked_at(workspace, root, settings, fresh, text_of, history=history)
    if state is not None and not notices:
        kept.keep(root, state, found, history=history)
    found = found._replace(notices=(*notices, *found.notices))
    return _project(root, found, text_of, lambda: fresh)


def _nothing() -> Links:
    from claude_lsp.workspace.index.index import Index

    return Index().links


def _project(
    root: Path,
    found: Survey,
    text_of: Callable[[str], str | None],
    find_links: Callable[[], Links],
) -> Project:
    return Project(
        root,
        find_links,
        found.graph,
        found.findings,
        found.summary,
        text_of,
        found.manifests,
        found.notices,
    )


def _looked_at(
    workspace: Workspace,
    root: Path,
    settings: Settings,
    links: Links,
    text_of: Callable[[str], str | None],
    *,
    history: bool,
) -> Survey:
    """Compute graph and facts of a state of an index."""
    # Not needed by a server that starts, and a tenth of its imports.
    from claude_lsp.review.evidence import commits_of, contracts_of, evidence_of, manifest_paths
    from claude_lsp.review.kept import Survey
    from claude_lsp.structure.contracts import check_contracts
    from claude_lsp.structure.options import StructureOptions
    from claude_lsp.structure.places import located
    from claude_lsp.structure.review import review_structure
    from claude_lsp.structure.sizes import god_modules
    from claude_lsp.structure.summary import summarise
    from claude_lsp.workspace.index.graph import module_graph
    from claude_lsp.workspace.module_graph import with_uses

    rules = workspace.rules_for(root)
    graph = module_graph(links, packages_above(root))
    graph = with_uses(graph, text_of, god_modules(graph, StructureOptions()))
    contracts = contracts_of(settings)
    manifests = manifest_paths(
        root, graph, lambda path: rules is not None and rules.reason(path) is None
    )
    evidence = evidence_of(
        links, graph, contracts, manifests, text_of, commits=commits_of(root) if history else ()
    )
    findings = located(review_structure(graph, evidence=evidence), text_of)
    notices = check_contracts(graph, contracts)[1]
    return Survey(graph, findings, summarise(graph, findings), tuple(manifests), tuple(notices))


def text_reader(root: Path) -> Callable[[str], str | None]:
    """Return what reads the files of a project by their paths in it."""

    def text_of(path: str) -> str | None:
        content = read_text(root / path, _LARGEST_BYTES)
        return content.text if isinstance(content, TextFile) else None

    return text_of


def packages_above(root: Path) -> tuple[str, ...]:
    """Return the Python packages that a folder lies in, itself among them, outermost first."""
    names: list[str] = []
    folder = root.resolve()
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    return tuple(names)


def sources_of(
    text_of: Callable[[str], str | None], findings: Iterable[Finding]
) -> dict[str, LineIndex]:
    """Read the files that findings and their places are in; one that can't be read is left out."""
    paths = {path for one in findings for path in (one.path, *(each.path for each in one.related))}
    texts = {path: text_of(path) for path in sorted(paths)}
    return {path: LineIndex(text) for path, text in texts.items() if text is not None}


def central_documents(
    project: Project, workspace: Workspace, buffers: Iterable[Snapshot] = (), most: int = 30
) -> list[Snapshot]:
    """Return the text of the modules that most others import, the larger first among equals.

    Reads files: call it in a worker. Files that must not be sent are left out.
    """
    modules = project.graph.modules
    fan_in, _ = degrees(production_edges(project.graph))
    shown = [one for one in modules.values() if one.lines and not one.is_test]
    shown.sort(key=lambda one: (-fan_in.get(one.name, 0), -one.lines, one.path))
    return _allowed(project, workspace, [one.path for one in shown[: most * 2]], buffers)[:most]


_OWN_WORDS = re.compile(
    r"(?:readme|architecture|design|claude|agents)(?:\.(?:md|markdown|rst|txt|adoc))?",
    re.IGNORECASE,
)


INSTRUCTIONS = re.compile(r"(?:docs/)?(?:claude|agents)(?:\.\w+)?", re.IGNORECASE)
"""Files that tell a model what to do, and so are not taken from a change under review."""


def own_words(
    project: Project, workspace: Workspace, buffers: Iterable[Snapshot] = ()
) -> list[Snapshot]:
    """Return what the project says of itself: the README, ARCHITECTURE and CLAUDE.md at its top.

    Reads files: call it in a worker. Files that must not be sent are left out.
    """
    wanted = []
    for folder in ("", "docs/"):
        try:
            names = sorted(os.listdir(project.root / folder))  # noqa: PTH208 - names alone
        except OSError:
            continue
        wanted += [folder + name for name in names if _OWN_WORDS.fullmatch(name)]
    # What says how it is meant to be built comes before what says what it is for.
    wanted.sort(key=lambda path: ("architecture" not in path.lower(), path.count("/"), path))
    return _allowed(project, workspace, wanted, buffers)


def _allowed(
    project: Project, workspace: Workspace, paths: Iterable[str], buffers: Iterable[Snapshot]
) -> list[Snapshot]:
    """Return those of some files that may be sent."""
    # Not needed by a server that starts.
    from claude_lsp.workspace.project_files import ProjectFiles

    files = ProjectFiles(workspace, project.root, project.links, buffers)
    found = (files.document(path) for path in paths)
    return [one for one in found if isinstance(one, Snapshot)]
