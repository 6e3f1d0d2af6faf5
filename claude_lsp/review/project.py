"""What can be said of a whole project without a model: its files, its module graph, its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claude_lsp.text.lines import LineIndex
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.files import TextFile, list_files, read_text
from claude_lsp.workspace.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from claude_lsp.findings.finding import Finding
    from claude_lsp.structure.summary import StructureSummary
    from claude_lsp.workspace.module_graph import ModuleGraph
    from claude_lsp.workspace.workspace import Workspace


@dataclass(frozen=True)
class Project:
    """A project's structure, computed from its code.

    Attributes:
        root: the folder.
        graph: modules and imports.
        findings: structural facts that are worth a remark.
        summary: figures for the head of a report.
    """

    root: Path
    graph: ModuleGraph
    findings: tuple[Finding, ...]
    summary: StructureSummary

    def map(self, limit_lines: int = 160) -> str:
        """Return the project as a text sheet for a prompt."""
        from claude_lsp.structure.summary import render_map

        return render_map(self.graph, self.findings, limit_lines)


def survey(workspace: Workspace, root: Path) -> Project:
    """Read a project and compute its structure. Takes seconds on large ones: call it in a worker.

    Args:
        workspace: says what may be read.
        root: the project's folder.
    """
    # Not needed by a server that starts, and a tenth of its imports.
    from claude_lsp.structure.review import review_structure
    from claude_lsp.structure.summary import summarise
    from claude_lsp.workspace.module_graph import build_python_graph

    rules = workspace.rules_for(root)
    files = list_files(root, rules) if rules is not None else []
    graph = build_python_graph(root, [path for path in files if path.suffix == ".py"])
    findings = tuple(review_structure(graph))
    return Project(root, graph, findings, summarise(graph, findings))


def sources_of(root: Path, findings: Iterable[Finding]) -> dict[str, LineIndex]:
    """Read the files that findings speak of, for excerpts; one that can't be read is left out."""
    sources = {}
    for path in {finding.path for finding in findings}:
        content = read_text(root / path, 2_000_000)
        if isinstance(content, TextFile):
            sources[path] = LineIndex(content.text)
    return sources


def central_documents(project: Project, workspace: Workspace, most: int = 8) -> list[Snapshot]:
    """Return the text of the modules that most others import, and of the largest ones.

    Reads files: call it in a worker. Files that must not be sent are left out.
    """
    wanted = [path for path, _ in project.summary.most_imported]
    wanted += [path for path, _ in project.summary.largest if path not in wanted]
    documents = []
    for name in wanted[: most * 2]:
        path = project.root / name
        rules = workspace.rules_for(path)
        if rules is None or rules.reason(path) is not None:
            continue
        content = read_text(path, 400_000)
        if not isinstance(content, TextFile):
            continue
        snapshot = Snapshot(uri_from_path(path), None, content.text, language_of(path))
        if workspace.reason_not_to_send(snapshot) is None:
            documents.append(snapshot)
        if len(documents) == most:
            break
    return documents
