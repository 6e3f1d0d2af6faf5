"""Import graphs of other people's making: grimp for Python, madge for TypeScript."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.context.corpora import UnavailableError, node_library, run

if TYPE_CHECKING:
    from benchmarks.context.corpora import Corpus

MADGE = "8.0.0"
_MADGE_PROGRAM = """
const [library, root, out] = process.argv.slice(1);
require(library)(root, { fileExtensions: ["ts", "tsx", "js"] })
  .then((graph) => require("fs").writeFileSync(out, JSON.stringify(graph.obj())));
"""

Edges = set[tuple[str, str]]
"""Paths of an importing and of an imported file, relative to the corpus."""


def peer_edges(corpus: Corpus, root: Path, data: Path) -> tuple[set[str], Edges]:
    """Return the files that a peer knows and the imports that it finds between them.

    Raises:
        UnavailableError: the peer cannot be had.
    """
    if corpus.registry == "pypi":
        return _grimp(corpus.package, root)
    return _madge(root, data)


def _grimp(package: str, root: Path) -> tuple[set[str], Edges]:
    try:
        import grimp
    except ImportError as error:
        raise UnavailableError("grimp is not installed: pip install 'claude-lsp[bench]'") from error
    sys.path.insert(0, str(root))
    try:
        graph = grimp.build_graph(package, cache_dir=None)
    finally:
        sys.path.remove(str(root))
    paths = {}
    for module in graph.modules:
        stem = module.replace(".", "/")
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if (root / path).is_file():
                paths[module] = path
                break
    edges = {
        (paths[source], paths[target])
        for source in paths
        for target in graph.find_modules_directly_imported_by(source)
        if target in paths and target != source
    }
    return set(paths.values()), edges


def _madge(root: Path, data: Path) -> tuple[set[str], Edges]:
    library = node_library(data, "madge", MADGE)
    with tempfile.TemporaryDirectory() as folder:
        # Its own program ends before a pipe has taken all of a long answer.
        out = Path(folder) / "graph.json"
        run("node", "-e", _MADGE_PROGRAM, str(library), str(root), str(out))
        found: dict[str, list[str]] = json.loads(out.read_text("utf-8"))
    edges = {
        (source, target)
        for source, targets in found.items()
        for target in targets
        if target in found and target != source
    }
    return set(found), edges
