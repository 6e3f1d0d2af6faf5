"""Code that uses what is defined at a place: its callers, and its tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.context.similar import hashes_of
from claude_lsp.workspace.index.hashing import hash_of, stem_key
from claude_lsp.workspace.index.lookup import distinct

if TYPE_CHECKING:
    from claude_lsp.context.gather import Query, ReadsTexts
    from claude_lsp.context.similar import Place
    from claude_lsp.context.windows import Lookup
    from claude_lsp.workspace.index.links import Links

_MOST_DEFINITIONS = 12
_MOST_FILES = 80
"""Files that hold a name beyond which it is a common word."""
_FILES_READ = 12
_AROUND = 4
_MOST_IN_FILE = 2
_SPECIAL = re.compile(r"__\w+__$|constructor$|initialize$|main$")
_TEST = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__)/|(?:^|/)test_|(?:_test|[._]spec|\.test)\.\w+$"
)


class Use(NamedTuple):
    """A stretch of a file that uses a definition.

    Attributes:
        path: of the file.
        first: its first line, 0-based.
        end: the line behind its last.
        name: what it uses.
        in_test: whether the file is a test.
    """

    path: str
    first: int
    end: int
    name: str
    in_test: bool


def uses(links: Links, place: Place, query: Query, texts: ReadsTexts) -> list[Use]:
    """Return where other files use what is defined at a place, the most telling first."""
    names = _defined(links, place, query)
    if not names:
        return []
    view = links.view
    which, files = view.files_with(hashes_of(names))
    common = np.bincount(which, minlength=len(names)) > _MOST_FILES
    kept = ~common[which] & (files != place.file)
    which, files = which[kept], files[kept]
    stem = np.uint64(stem_key(query.path))
    several = distinct(files)
    own_test = dict(zip(several.tolist(), (view.stems(several) == stem).tolist(), strict=True))
    module = hash_of(query.path.rpartition("/")[2].partition(".")[0])
    naming = set(view.files_with(np.array([module], np.uint64))[1].tolist())
    beside = set(place.folder_files.tolist())
    worth: dict[int, float] = {}
    for name, file in zip(which.tolist(), files.tolist(), strict=True):
        # A name that few files hold is surely this one; the innermost definition matters most.
        worth[file] = worth.get(file, 0.0) + 1.0 / (1.0 + name)
    best = sorted(
        worth,
        key=lambda file: (
            -(worth[file] + 2.0 * own_test[file] + (file in naming) + 0.5 * (file in beside)),
            view.path(file),
        ),
    )
    found: list[Use] = []
    for file in best[:_FILES_READ]:
        path = view.path(file)
        lookup = texts.lookup(path)
        if lookup is not None:
            found += _in_file(path, lookup, names)
    return found


def _defined(links: Links, place: Place, query: Query) -> list[str]:
    """Return the names of the definitions at the place, the innermost first."""
    view = links.view
    if place.file < 0:
        return []
    first, last = query.focus.start.line, query.focus.end.line
    around = [*reversed(place.enclosing_functions)]
    if place.enclosing_class >= 0:
        around.append(place.enclosing_class)
    inside = []
    for symbol in view.symbols_of(place.file) if last > first else ():
        start, _ = view.lines(symbol)
        if first <= start <= last and symbol not in around:
            inside.append(symbol)
    names = dict.fromkeys(view.name(symbol) for symbol in (*around, *inside))
    telling = [name for name in names if len(name) > 2 and not _SPECIAL.match(name)]
    return telling[:_MOST_DEFINITIONS]


def _in_file(path: str, lookup: Lookup, names: list[str]) -> list[Use]:
    in_test = _TEST.search(path) is not None
    found: list[Use] = []
    for name in names:
        used = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
        for number, line in enumerate(lookup.lines):
            if name not in line or not used.search(line) or _only_imports(line):
                continue
            first, end = max(0, number - _AROUND), min(len(lookup.lines), number + _AROUND + 1)
            if all(use.end <= first or end <= use.first for use in found):
                found.append(Use(path, first, end, name, in_test))
                break
        if len(found) == _MOST_IN_FILE:
            break
    return found


def _only_imports(line: str) -> bool:
    return line.lstrip().startswith(("import ", "from ", "use ", "export ", "#include"))
