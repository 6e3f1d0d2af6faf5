"""Private names of other modules that are used by way of the module: `tools._help()`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.workspace.index.grammars import parse
from claude_lsp.workspace.index.hashing import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tree_sitter import Node

    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.segment import Segment
    from claude_lsp.workspace.index.view import View
    from claude_lsp.workspace.module_graph import Import, ModuleGraph

    Uses = dict[str, dict[str, list[str]]]

_OWN = frozenset({"self", "cls"})
_PRIVATE_ATTRIBUTES = 10


def private_uses(
    links: Links,
    graph: ModuleGraph,
    text_of: Callable[[str], str | None],
    among: Collection[str] | None = None,
) -> tuple[Import, ...]:
    """Return uses of what modules keep private, as imports of these names where they are used.

    Only of names that the other module defines, or of modules in it; Python alone has them. Reads
    and parses the files in question, which are few.

    Args:
        links: the state of the index.
        graph: its modules.
        text_of: returns the text of a file, None for one that cannot be read.
        among: if given, each use has one of these files on one of its sides.
    """
    view = links.view
    modules = graph.modules
    some = None if among is None else {name for name, one in modules.items() if one.path in among}
    candidates = [
        one
        for one in graph.imports
        if one.bound
        and (some is None or one.source in some or one.target in some)
        and not modules[one.source].is_test
        and not modules[one.target].is_test
    ]
    mentioned = _mentioned(view, {modules[one.source].path for one in candidates})
    wanted: dict[str, list[tuple[Import, str, str]]] = {}
    for one in candidates:
        source = modules[one.source]
        attributes = mentioned.get(source.path, {})
        for name in one.bound:
            for attribute in attributes.get(name.rpartition(".")[2], ()):
                if _has(view, graph, one.target, attribute):
                    wanted.setdefault(source.path, []).append((one, name, attribute))
    found = []
    for path, uses in wanted.items():
        text = text_of(path)
        places = {} if text is None else _places(text)
        for one, name, attribute in uses:
            line = places.get((name, attribute))
            if line is not None:
                found.append(replace(one, line=line, names=(attribute,), bound=()))
    return tuple(sorted(found, key=lambda one: (one.source, one.line, one.names)))


def _has(view: View, graph: ModuleGraph, module: str, name: str) -> bool:
    """Whether a module defines a name, or is a package that has a module of it."""
    return (
        view.top(view.find(graph.modules[module].path), hash_of(name)) >= 0
        or f"{module}.{name}" in graph.modules
    )


def _mentioned(view: View, paths: Collection[str]) -> Uses:
    """Return by path and receiver the private attributes in the text of some files."""
    found: Uses = {}
    by_file = {view.find(path): path for path in paths if path.endswith(".py")}
    if not by_file:
        return found
    for layer in view.layers:
        segment = layer.segment
        for file, receiver, attribute in _private_pairs(segment):
            path = by_file.get(file + layer.first_file)
            if path is not None:
                found.setdefault(path, {}).setdefault(receiver, []).append(attribute)
    return found


def _private_pairs(segment: Segment) -> list[tuple[int, str, str]]:
    known = segment.memo.get((_PRIVATE_ATTRIBUTES,))
    if known is None:
        private = [
            number
            for number in np.unique(segment.pair_attributes).tolist()
            if is_private(segment.string(number))
        ]
        rows = np.flatnonzero(np.isin(segment.pair_attributes, private))
        receivers = np.searchsorted(segment.pair_starts, rows, "right") - 1
        known = segment.memo[_PRIVATE_ATTRIBUTES,] = [
            (file, segment.word(receiver), segment.word(attribute))
            for file, receiver, attribute in zip(
                segment.pair_files[rows].tolist(),
                receivers.tolist(),
                segment.pair_attributes[rows].tolist(),
                strict=True,
            )
            if segment.word(receiver) not in _OWN
        ]
    pairs: list[tuple[int, str, str]] = known
    return pairs


def is_private(name: str) -> bool:
    """Whether a name of Python says that it is meant for its surroundings alone."""
    return name.startswith("_") and not name.startswith("__") and len(name) > 1


def _places(text: str) -> dict[tuple[str, str], int]:
    """Return the first line of each `name._attribute` in code, where a name is not a local one."""
    # As the index counts lines.
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    root = parse(plain.encode(errors="replace"), "python")
    found: dict[tuple[str, str], int] = {}
    if root is None:
        return found
    for node in _attributes(root):
        receiver = node.child_by_field_name("object")
        attribute = node.child_by_field_name("attribute")
        if (
            receiver is None
            or attribute is None
            or receiver.type not in {"identifier", "attribute"}
        ):
            continue
        name = re.sub(r"\s", "", _text(receiver))
        key = name, _text(attribute)
        if key not in found and is_private(key[1]) and not _is_local(node, name.partition(".")[0]):
            found[key] = node.start_point.row
    return found


def _attributes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type == "attribute":
            yield node
        waiting.extend(reversed(node.children))


def _is_local(node: Node, name: str) -> bool:
    """Whether a function around a place has a parameter or a variable of a name."""
    binds = re.compile(rf"(?<![\w.]){re.escape(name)}\s*(?:=(?!=)|:=|:[^=\n]*=)")
    bound = re.compile(rf"\b(?:for|as|,)\s+{re.escape(name)}\b(?=.*\b(?:in|:))")
    above = node.parent
    while above is not None:
        if above.type in {"function_definition", "lambda"}:
            parameters = above.child_by_field_name("parameters")
            if parameters is not None and re.search(
                rf"(?<![\w.]){re.escape(name)}\b", _text(parameters)
            ):
                return True
            body = above.child_by_field_name("body")
            if body is not None and (binds.search(_text(body)) or bound.search(_text(body))):
                return True
        above = above.parent
    return False


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")
