"""Whether a dependency that somebody claims is there: the module graph, asked by any name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_lsp.workspace.module_graph import ModuleGraph

UNKNOWN = "a dependency of a module that does not exist"
ABSENT = "a dependency that the code does not have"


@dataclass(frozen=True)
class Dependencies:
    """The imports of a project.

    Attributes:
        graph: its modules.
    """

    graph: ModuleGraph

    def problem_of(self, source: str, target: str) -> str | None:
        """Return why it is not true that one module imports another, None if it is.

        Args:
            source: a file, a dotted name, or a folder or package, for any module in it.
            target: the same.
        """
        sources, targets = self._modules(source), self._modules(target)
        if not sources or not targets:
            return UNKNOWN
        if any((one, other) in self._edges for one in sources for other in targets):
            return None
        return ABSENT

    @cached_property
    def _edges(self) -> set[tuple[str, str]]:
        return {(one.source, one.target) for one in self.graph.imports}

    @cached_property
    def _by_name(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, module in self.graph.modules.items():
            folders = module.path.split("/")[:-1]
            spellings = {name, module.path, module.path.rpartition(".")[0] or module.path}
            for depth in range(1, len(folders) + 1):
                spellings |= {"/".join(folders[:depth]), ".".join(folders[:depth])}
            parts = name.split(".")
            spellings |= {".".join(parts[:depth]) for depth in range(1, len(parts))}
            for spelling in spellings:
                found.setdefault(spelling, set()).add(name)
        return found

    def _modules(self, name: str) -> set[str]:
        name = name.strip().strip("`'\"").replace("\\", "/").removeprefix("./").rstrip("/")
        if name in ("", ".", "_root_"):
            return {each for each, one in self.graph.modules.items() if "/" not in one.path}
        return self._by_name.get(name, set())
