"""Which definitions of a project most other files import."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from claude_lsp.workspace.index.records import EVERYTHING
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from claude_lsp.workspace.index.links import Links, Target


class Used(NamedTuple):
    """A definition that other files import.

    Attributes:
        path: its file.
        signature: its head on one line.
        users: how many other files import it, tests not counted.
    """

    path: str
    signature: str
    users: int


def most_used(links: Links, most: int) -> list[Used]:
    """Return the definitions that most other files import, those with most users first.

    Names that a file passes on count for the file that defines them.
    """
    view = links.view
    targets: dict[tuple[tuple[int, ...], str], Target | None] = {}
    users: Counter[int] = Counter()
    for file in view.files().tolist():
        path = view.path(file)
        if is_test_path(path):
            continue
        language = view.language(file)
        found = set()
        for one in view.imports(file):
            if not one.module or one.original in {None, EVERYTHING}:
                continue
            name = one.original or ""
            files = links.module(path, language, one.module)
            key = files, name
            if not files:
                target = links.target(path, language, one.module, name)
            elif key in targets:
                target = targets[key]
            else:
                target = targets[key] = links.target(path, language, one.module, name)
            if target is not None and target.symbol >= 0:
                found.add(target.symbol)
        users.update(symbol for symbol in found if view.file_of(symbol) != file)
    ranked = sorted(users.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [
        Used(view.path(view.file_of(symbol)), view.detail(symbol)[0], number)
        for symbol, number in ranked
    ]
