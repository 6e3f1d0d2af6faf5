"""Our own context, as a program for the benchmark: `python -m benchmarks.context.serve`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.context import tokens as benchmark_tokens
from claude_lsp.context import tokens
from claude_lsp.context.assemble import assemble
from claude_lsp.context.candidate import Candidate
from claude_lsp.settings import Settings
from claude_lsp.text.snapshots import Snapshot, uri_from_path
from claude_lsp.workspace.languages import language_of
from claude_lsp.workspace.neighbours import neighbours
from claude_lsp.workspace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.context.assembler import Assembler

# Our bounds are on Claude's tokens, which are up to this many for one of the benchmark's.
_MOST_PER_TOKEN = 2.5
_CLOSE_ENOUGH = 0.97
_ATTEMPTS = 6


def make() -> Assembler:
    """Return what the server would send beside the document."""
    return FirstForm()


class FirstForm:
    """The files near the document, cut to the budget."""

    def __init__(self) -> None:
        self._workspaces: dict[str, Workspace] = {}
        tokens.warm()

    def index(self, root: str) -> None:
        """Prepare the ignore rules; there is no index yet."""
        self._workspace(root)

    def update(self, root: str, file: str, text: str) -> None:
        """Do nothing: each request brings its buffer."""

    def assemble(self, root: str, file: str, prefix: str, suffix: str, budget: int) -> str:
        """Return the context of a completion, without the document itself."""
        workspace = self._workspace(root)
        path = Path(root, file)
        document = Snapshot(uri_from_path(path), 1, prefix + suffix, language_of(path))
        found, _refused = neighbours(document, workspace, [])
        candidates = [
            Candidate(workspace.origin(item.snapshot), item.snapshot.text, item.reason, item.score)
            for item in found
        ]
        return _within(candidates, budget)

    def _workspace(self, root: str) -> Workspace:
        if root not in self._workspaces:
            self._workspaces[root] = Workspace([Path(root)], Settings())
        return self._workspaces[root]


def _within(candidates: Iterable[Candidate], budget: int) -> str:
    """Return the largest context whose size in the benchmark's tokens is within the budget."""
    candidates = list(candidates)
    best = ""
    low, high = 0.0, budget * _MOST_PER_TOKEN
    bound = budget * 1.6
    for _ in range(_ATTEMPTS):
        context = assemble(None, candidates, int(bound), tokens.NEWEST)
        text = "".join(part.text for part in context.parts)
        size = benchmark_tokens.count(text)
        if size <= budget:
            best, low = text, bound
            if size >= _CLOSE_ENOUGH * budget or not context.left_out:
                break
        else:
            high = bound
        bound = (low + high) / 2
    return best


def answer(assembler: Assembler, question: dict[str, Any]) -> dict[str, Any]:
    """Answer one line of the protocol (see assembler.py)."""
    root = question["root"]
    match question.get("op", "assemble"):
        case "index":
            assembler.index(root)
        case "update":
            assembler.update(root, question["file"], question["text"])
        case "assemble":
            place = (question["file"], question["prefix"], question["suffix"])
            return {"context_text": assembler.assemble(root, *place, question["budget"])}
        case other:
            return {"error": f"unknown op: {other}"}
    return {"ok": True}


def main() -> None:
    """Answer until the input ends."""
    assembler = make()
    for line in sys.stdin:
        print(json.dumps(answer(assembler, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
