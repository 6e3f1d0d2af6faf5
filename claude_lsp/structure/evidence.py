"""What the structural review rests on, beside the module graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claude_lsp.structure.contracts import Contracts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from claude_lsp.workspace.index.copies import Copies
    from claude_lsp.workspace.manifests import Manifest
    from claude_lsp.workspace.module_graph import Import


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts that the module graph does not hold; what is not given is not judged.

    Attributes:
        contracts: what the project's settings say may not import what.
        copies: functions that are nearly equal.
        private_uses: what is used of modules that they keep private, by way of the module; each as
            an import of that name at the line of its first use.
        manifests: what the project says it needs.
        commits: the paths that each of the last commits changed.
        mentioned: whether a word occurs in any source file.
        installed: returns the distributions that hold a Python module, where they are known.
    """

    contracts: Contracts = field(default_factory=Contracts)
    copies: Sequence[Copies] = ()
    private_uses: Sequence[Import] = ()
    manifests: Sequence[Manifest] = ()
    commits: Sequence[Sequence[str]] = ()
    mentioned: Callable[[str], bool] = lambda _word: True
    installed: Callable[[], Mapping[str, Sequence[str]]] = dict
