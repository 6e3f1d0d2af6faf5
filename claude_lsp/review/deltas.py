"""What a change did to a project's structure, against a commit that is nowhere checked out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from claude_lsp.review.evidence import contracts_of, evidence_of
from claude_lsp.review.project import packages_above
from claude_lsp.structure import coupling
from claude_lsp.structure.deltas import compare
from claude_lsp.structure.options import StructureOptions
from claude_lsp.structure.places import located
from claude_lsp.structure.review import review_structure
from claude_lsp.structure.sizes import god_modules
from claude_lsp.structure.summary import summarise
from claude_lsp.workspace import git, history
from claude_lsp.workspace.ignore import generated_reason
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.graph import can_change, changed_graph, module_graph
from claude_lsp.workspace.index.overlay import overlaid
from claude_lsp.workspace.index.places import CONFIGURATION_FILES
from claude_lsp.workspace.index.segment import Entry
from claude_lsp.workspace.languages import is_indexed, language_of
from claude_lsp.workspace.manifests import MANIFEST
from claude_lsp.workspace.module_graph import with_uses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from claude_lsp.findings.finding import Finding
    from claude_lsp.review.project import Project
    from claude_lsp.settings import Settings
    from claude_lsp.structure.contracts import Contracts
    from claude_lsp.structure.deltas import Delta
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.records import FileRecord
    from claude_lsp.workspace.module_graph import ModuleGraph
    from claude_lsp.workspace.workspace import Workspace


@dataclass(frozen=True)
class State:
    """A project as it is in one commit, or on disk.

    Attributes:
        links: the state of an index of it.
        graph: its modules.
        text_of: returns the text of a file in it.
        manifests: paths of what says what it needs.
        others: by path, the texts of the files that differ from those on disk; None for one that
            is not there.
    """

    links: Links
    graph: ModuleGraph
    text_of: Callable[[str], str | None]
    manifests: tuple[str, ...]
    others: Mapping[str, str | None] = field(default_factory=dict)


def compared(
    workspace: Workspace, project: Project, settings: Settings, base: str, tip: str | None = None
) -> tuple[Project, Delta]:
    """Return a project with the facts that a change brought, and how many others there are.

    Args:
        workspace: says what may be read.
        project: as it is on disk.
        settings: for the contracts in them.
        base: what the change is compared with: where it left this revision.
        tip: the revision with the change; None for the files on disk.

    Raises:
        GitError: a revision is unknown, or git is absent, refused, or took too long.
    """
    root = project.root
    commit = git.merge_base(root, base, tip or "HEAD")
    now = State(project.links, project.graph, project.text_of, project.manifests)
    head = now
    if tip is not None:
        head = state_at(workspace, root, now, history.resolve(root, tip))
    before = state_at(workspace, root, now, commit)
    changed = _changed(before, head)
    contracts = contracts_of(settings)
    of_disk = [one for one in project.findings if one.rule != coupling.RULE]
    facts = [
        of_disk if state is now else _facts(state, contracts, changed) for state in (before, head)
    ]
    delta = compare(before.graph, head.graph, facts[0], facts[1], changed)
    findings = located(delta.findings, head.text_of)
    delta = replace(delta, findings=findings)
    return (
        replace(
            project,
            find_links=lambda: head.links,
            graph=head.graph,
            findings=findings,
            summary=summarise(head.graph, findings),
            text_of=head.text_of,
        ),
        delta,
    )


def _facts(state: State, contracts: Contracts, changed: Collection[str]) -> list[Finding]:
    evidence = evidence_of(
        state.links, state.graph, contracts, state.manifests, state.text_of, among=changed
    )
    return review_structure(state.graph, evidence=evidence)


def state_at(workspace: Workspace, root: Path, now: State, commit: str) -> State:
    """Return a project as it is in a commit; only what differs from the disk is read.

    Raises:
        GitError: git is absent, refused, or took too long.
    """
    rules = workspace.rules_for(root)
    wanted = history.difference(root, commit, _matters)
    texts = {
        path: text
        for path, text in wanted.texts.items()
        if text is not None and rules is not None and rules.reason(root / path) is None
    }
    absent = wanted.absent | (wanted.texts.keys() - texts.keys())

    def text_of(path: str) -> str | None:
        if path in texts:
            return texts[path]
        return None if path in absent else now.text_of(path)

    entries = [
        Entry(path, 0, len(text), _record(path, text))
        for path, text in texts.items()
        if is_indexed(language_of(path), path)
    ]
    view = now.links.view
    gone = [path for path in absent if view.find(path) >= 0]
    same_names = (
        not gone
        and all(view.find(entry.path) >= 0 for entry in entries)
        and not any(_is_configuration(path) for path in (*texts, *absent))
    )
    links = overlaid(now.links, entries, absent, text_of, same_names=same_names)
    above = packages_above(root)
    changed = [entry.path for entry in entries]
    if same_names and can_change(changed):
        graph = changed_graph(links, now.graph, changed, above)
    else:
        graph = module_graph(links, above)
    manifests = {path for path in now.manifests if path not in absent}
    manifests |= {path for path in texts if MANIFEST.fullmatch(path)}
    return State(
        links,
        with_uses(graph, text_of, god_modules(graph, StructureOptions())),
        text_of,
        tuple(sorted(manifests)),
        {**dict.fromkeys(absent), **texts},
    )


def _changed(before: State, after: State) -> set[str]:
    """Return the paths of files that differ between two states."""
    paths = before.others.keys() | after.others.keys()
    return {path for path in paths if before.text_of(path) != after.text_of(path)}


def _matters(path: str) -> bool:
    return (
        is_indexed(language_of(path), path)
        or MANIFEST.fullmatch(path) is not None
        or _is_configuration(path)
    )


def _is_configuration(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in CONFIGURATION_FILES or (name.endswith(".json") and "tsconfig" in name)


def _record(path: str, text: str) -> FileRecord:
    generated = generated_reason(path, text) is not None
    return extract("" if generated else text, language_of(path))
