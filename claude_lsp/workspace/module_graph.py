"""The module graph: which modules a project has and which import which, in any language.

`index.graph` builds it from the symbol index. Nothing of the sources is kept, so a graph may
live as long as anybody likes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from claude_lsp.text.lines import LineIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

USES_FROM_LINES = 300
"""Code lines from which a module's definitions are searched for uses of each other.

Only large modules are ever split by groups.
"""

_WORD = re.compile(r"[^\W\d]\w*")
_TEST_FOLDERS = {"test", "tests", "__tests__", "spec"}
_TEST_FILE = re.compile(
    r"conftest\.py|test_.*\.py|.*_test\.(?:py|go|rb|exs?)|.*_spec\.rb"
    r"|.*[.-](?:test|spec)\.[cm]?[jt]sx?|.*Tests?\.(?:java|cs|php|kt)"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A top-level function, class or the like.

    Attributes:
        name: its name.
        line: 0-based line of its name.
        end: 0-based last line.
        members: functions directly inside it, 0 unless it is a class.
        uses: other definitions of the same module that it mentions, sorted; `with_uses` looks
            for them in modules of at least `USES_FROM_LINES` lines.
    """

    name: str
    line: int
    end: int
    members: int = 0
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    Attributes:
        name: its dotted name in Python, else its path without what only says that it is a file;
            unique in the graph.
        path: relative to the workspace, "/" between parts.
        lines: lines that hold code: not blank, not a comment, not a docstring.
        definitions: its top-level definitions, in order.
        public: the names it offers: what has no leading underscore.
        is_test: whether it is a test or serves tests only.
        is_generated: whether nothing is known of it because a program wrote it, or because it is
            no source text at all.
        length: all its lines.
    """

    name: str
    path: str
    lines: int
    definitions: tuple[Definition, ...] = ()
    public: tuple[str, ...] = ()
    is_test: bool = False
    is_generated: bool = False
    length: int = 0

    @property
    def package(self) -> str:
        """The folder that holds the module, relative to the workspace; "." at its top."""
        return self.path.rpartition("/")[0] or "."


@dataclass(frozen=True, slots=True)
class Import:
    """One module's import of another one, at one place.

    Attributes:
        source: name of the importing module.
        target: name of the imported module.
        line: 0-based line on which the statement starts.
        names: what is taken from the target, `*` for everything; empty where it is the module as a
            whole.
        deferred: whether it runs later than the module itself (inside a function, or only when
            the module is run as a program).
        type_only: whether only type checkers see it.
        bound: what the target is called there, where it has a name as a whole.
    """

    source: str
    target: str
    line: int
    names: tuple[str, ...] = ()
    deferred: bool = False
    type_only: bool = False
    bound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """One module's import of what is not in the workspace.

    Attributes:
        source: name of the importing module.
        module: what is imported, as it is written there.
        line: 0-based line on which the statement starts.
        certain: whether it runs with its module, and fails where the library is not there.
    """

    source: str
    module: str
    line: int
    certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class ModuleGraph:
    """The modules of a workspace and the imports between them; equal only to itself.

    Attributes:
        modules: every module by its name, in the order of paths.
        imports: every import whose target is in `modules`, ordered by path and line.
        problems: (path, reason) of every file that could not be read or parsed in full.
        outside: imports of Python and JavaScript that lead out of the workspace.
        like: another graph, and the modules of which this one has other imports; all other imports
            and which modules are tests are the same. None where it was made afresh.
    """

    modules: Mapping[str, Module]
    imports: tuple[Import, ...]
    problems: tuple[tuple[str, str], ...] = ()
    outside: tuple[Outside, ...] = ()
    like: tuple[ModuleGraph, frozenset[str]] | None = field(default=None, repr=False)


def with_uses(
    graph: ModuleGraph, text_of: Callable[[str], str | None], names: Collection[str] | None = None
) -> ModuleGraph:
    """Return a graph that knows which definitions of a large module use each other.

    Args:
        graph: the graph of an index.
        text_of: returns the text of a module by its path, None if it cannot be read (any more).
        names: of the modules that matter; all by default.
    """
    modules = dict(graph.modules)
    for name in graph.modules if names is None else names:
        module = modules[name]
        if (
            module.lines >= USES_FROM_LINES
            and len(module.definitions) > 1
            # Known already where the graph was made of another one.
            and not any(one.uses for one in module.definitions)
        ):
            text = text_of(module.path)
            if text is not None:
                found = _with_uses(module.definitions, LineIndex(text))
                modules[name] = replace(module, definitions=found)
    return replace(graph, modules=MappingProxyType(modules))


def _with_uses(definitions: tuple[Definition, ...], index: LineIndex) -> tuple[Definition, ...]:
    names = {one.name for one in definitions}
    found = []
    for one in definitions:
        lines = "\n".join(index.lines[one.line : one.end + 1])
        uses = names.intersection(_WORD.findall(lines)) - {one.name}
        found.append(replace(one, uses=tuple(sorted(uses))))
    return tuple(found)


def is_test_path(path: str) -> bool:
    """Return whether a file is a test or serves tests only, by the usual names."""
    *folders, name = path.split("/")
    return not _TEST_FOLDERS.isdisjoint(folders) or _TEST_FILE.fullmatch(name) is not None
