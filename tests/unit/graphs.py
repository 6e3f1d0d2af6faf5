"""Module graphs of texts, without a disk."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from claude_lsp.configuration import Layer, merge
from claude_lsp.review.evidence import contracts_of, evidence_of
from claude_lsp.structure.places import located
from claude_lsp.structure.review import review_structure
from claude_lsp.workspace.index.extract import extract
from claude_lsp.workspace.index.graph import module_graph
from claude_lsp.workspace.index.index import Index
from claude_lsp.workspace.index.making import build
from claude_lsp.workspace.index.places import CONFIGURATION_FILES
from claude_lsp.workspace.index.segment import Entry
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.module_graph import with_uses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claude_lsp.findings.finding import Finding
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.module_graph import ModuleGraph


def links_of_texts(texts: Mapping[str, str]) -> Links:
    """Return the state of the index of some files."""
    index = Index(texts.get)
    index.introduce(path for path in texts if path.rpartition("/")[2] in CONFIGURATION_FILES)
    index.add(
        build(
            Entry(path, 0, len(text), extract(text, language_of(path)))
            for path, text in texts.items()
        )
    )
    return index.links


def graph_of_texts(texts: Mapping[str, str], packages_above: tuple[str, ...] = ()) -> ModuleGraph:
    """Return the module graph of some files."""
    return with_uses(module_graph(links_of_texts(texts), packages_above), texts.get)


def facts_of_texts(
    texts: Mapping[str, str], commits: Sequence[Sequence[str]] = ()
) -> list[Finding]:
    """Return every fact about some files, with the contracts of the settings file among them."""
    links = links_of_texts(texts)
    graph = with_uses(module_graph(links), texts.get)
    configuration = merge(
        [Layer("settings", "project", tomllib.loads(texts.get("claude-lsp.toml", "")))]
    )
    assert not configuration.problems
    contracts = contracts_of(configuration.settings)
    evidence = evidence_of(links, graph, contracts, texts, texts.get, commits=commits)
    return list(located(review_structure(graph, evidence=evidence), texts.get))
