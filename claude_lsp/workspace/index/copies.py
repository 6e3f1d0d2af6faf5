"""Functions of different files that are nearly equal: candidates by shape, then by their texts."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.workspace.index.grammars import rules_of
from claude_lsp.workspace.index.segment import MARKS
from claude_lsp.workspace.index.shapes import CHOSEN, NAME, body, runs
from claude_lsp.workspace.module_graph import is_test_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.segment import I64, U32, U64
    from claude_lsp.workspace.index.view import View

_SHARED_MARKS = 3
_MOST_ALIKE = 24
"""Functions with one mark above which it is what everybody writes, and tells nothing."""

_MOST_PAIRS = 20_000
_LEAST_ALIKE = 0.6
"""Of the runs of tokens of two bodies, the share that both have: one changed token in fifty."""

_LEAST_UNCHANGED = 0.6
_FILLED = re.compile(r"[rR]?[fF][rR]?[\"']|`")
"""A text with names in it, which are others in a copy."""

_LEAST_CONSISTENT = 0.85
_SIZE_RATIO = 0.7
_SYNCHRONY = re.compile(r"_?a?sync_?|^a(?=[a-z_]{4})", re.IGNORECASE)


class Copied(NamedTuple):
    """One of several functions that are nearly equal.

    Attributes:
        path: its file.
        name: with its class, `Class.method`.
        line: 0-based line of its name.
        end: 0-based last line.
    """

    path: str
    name: str
    line: int
    end: int


class Copies(NamedTuple):
    """Functions of at least two files that are nearly equal.

    Attributes:
        places: the functions, by path and line.
        alike: from 0 to 1, how much of their tokens the least similar neighbours share.
        renamed: whether only their names differ.
    """

    places: tuple[Copied, ...]
    alike: float
    renamed: bool


class _Body(NamedTuple):
    codes: U64
    tokens: list[str]
    runs: U64


def near_copies(
    links: Links,
    text_of: Callable[[str], str | None],
    among: Collection[str] | None = None,
) -> tuple[Copies, ...]:
    """Return functions that are nearly equal, in files that are no tests, by their first place.

    Where all names were changed consistently they are still nearly equal.

    Args:
        links: the state of the index.
        text_of: returns the text of a file, None for one that cannot be read.
        among: if given, each pair has a function in one of these files.
    """
    view = links.view
    symbols, sizes, marks = _shapes(view)
    if not len(symbols):
        return ()
    files = view.files_of(symbols)
    wanted = None if among is None else np.array([view.find(path) for path in among], np.int64)
    first, second = _candidates(files, sizes, marks, wanted)
    texts: dict[int, list[str]] = {}
    bodies: dict[int, _Body | None] = {}
    found: list[tuple[int, int, float, bool]] = []
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        a, b = int(symbols[one]), int(symbols[other])
        if _are_twins(view, a, b):
            continue
        for symbol in (a, b):
            if symbol not in bodies:
                bodies[symbol] = _body(view, symbol, texts, text_of)
        left, right = bodies[a], bodies[b]
        if left is None or right is None:
            continue
        alike = _alike(left, right)
        if alike:
            found.append((a, b, alike, left.tokens != right.tokens))
    return _groups(view, found)


def _shapes(view: View) -> tuple[I64, I64, U32]:
    """Return symbols, sizes and marks (a row each) of all functions that may be compared."""
    symbols: list[I64] = [np.empty(0, np.int64)]
    sizes: list[I64] = [np.empty(0, np.int64)]
    marks: list[U32] = [np.empty((0, MARKS), np.uint32)]
    for layer in view.layers:
        segment = layer.segment
        counts = np.diff(segment.shape_starts)
        owners = np.repeat(np.arange(segment.file_count), counts)
        kept = np.ones(len(owners), np.bool_) if layer.live is None else layer.live[owners]
        for file in np.unique(owners).tolist():
            if is_test_path(segment.path(file)):
                kept &= owners != file
        rows = segment.symbol_starts[owners].astype(np.int64) + segment.shape_symbols
        symbols.append(rows[kept] + layer.first_symbol)
        sizes.append(segment.shape_sizes[kept].astype(np.int64))
        marks.append(segment.shape_marks.reshape(-1, MARKS)[kept])
    return np.concatenate(symbols), np.concatenate(sizes), np.concatenate(marks)


def _candidates(files: I64, sizes: I64, marks: U32, wanted: I64 | None) -> tuple[I64, I64]:
    """Return pairs of rows, of different files, that share enough marks; the likeliest first."""
    owners = np.repeat(np.arange(len(files)), MARKS)
    flat = marks.ravel()
    order = np.argsort(flat, kind="stable")
    flat, owners = flat[order], owners[order]
    _, places, counts = np.unique(flat, return_inverse=True, return_counts=True)
    usual = counts[places] <= _MOST_ALIKE
    flat, owners = flat[usual], owners[usual]
    keys = [np.empty(0, np.int64)]
    for offset in range(1, _MOST_ALIKE):
        same = np.flatnonzero(flat[offset:] == flat[:-offset])
        if not len(same):
            break
        one, other = owners[same], owners[same + offset]
        kept = files[one] != files[other]
        kept &= np.minimum(sizes[one], sizes[other]) >= _SIZE_RATIO * np.maximum(
            sizes[one], sizes[other]
        )
        if wanted is not None:
            kept &= np.isin(files[one], wanted) | np.isin(files[other], wanted)
        keys.append(one[kept] * len(files) + other[kept])
    pairs, shared = np.unique(np.concatenate(keys), return_counts=True)
    pairs, shared = pairs[shared >= _SHARED_MARKS], shared[shared >= _SHARED_MARKS]
    pairs = pairs[np.argsort(-shared, kind="stable")][:_MOST_PAIRS]
    return pairs // len(files), pairs % len(files)


def _are_twins(view: View, one: int, other: int) -> bool:
    """Whether two functions do the same synchronously and asynchronously."""
    if view.name(one) != view.name(other) and _plain(view.name(one)) == _plain(view.name(other)):
        return True
    paths = [view.path(view.file_of(symbol)) for symbol in (one, other)]
    plain = [re.sub(r"_?a?sync_?", "", path, flags=re.IGNORECASE) for path in paths]
    if plain == paths:
        return False
    return plain[0].rpartition("/")[2] == plain[1].rpartition("/")[2]


def _plain(name: str) -> str:
    return _SYNCHRONY.sub("", name)


def _body(
    view: View,
    symbol: int,
    texts: dict[int, list[str]],
    text_of: Callable[[str], str | None],
) -> _Body | None:
    file = view.file_of(symbol)
    if file not in texts:
        text = text_of(view.path(file)) or ""
        texts[file] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line, end = view.lines(symbol)
    rules = rules_of(view.language(file))
    if rules is None or end >= len(texts[file]):
        return None  # the file has changed since it was read
    codes, tokens = body("\n".join(texts[file][line : end + 1]), rules.comment)
    return _Body(codes, tokens, np.unique(runs(codes)))


def _alike(one: _Body, other: _Body) -> float:
    """Return how alike two bodies are, 0 where that is not enough to be a copy."""
    if one.tokens == other.tokens:
        return 1.0
    both = len(np.intersect1d(one.runs, other.runs, assume_unique=True))
    alike = both / (len(one.runs) + len(other.runs) - both or 1)
    if alike < _LEAST_ALIKE or not _are_renamed(one, other):
        return 0.0
    return alike


def _are_renamed(one: _Body, other: _Body) -> bool:
    """Whether the names of two bodies, laid side by side, are the same or consistently others.

    Each name stands for one other. What things of others are called, and most texts and numbers,
    stay as they are in a copy: two functions that only take the same steps are none.
    """
    from rapidfuzz.distance import LCSseq

    names: Counter[tuple[str, str]] = Counter()
    fixed = same = 0
    left, right = one.codes.tolist(), other.codes.tolist()
    for step in LCSseq.opcodes(left, right):
        if step.tag != "equal":
            continue
        for code, a, b in zip(
            left[step.src_start : step.src_end],
            one.tokens[step.src_start : step.src_end],
            other.tokens[step.dest_start : step.dest_end],
            strict=True,
        ):
            if code == NAME and a[0] != ".":
                names[a, b] += 1
            elif code in CHOSEN and not _FILLED.match(a):
                fixed += 1
                same += a.strip("rRbBuUfF\"'") == b.strip("rRbBuUfF\"'")
    total = names.total()
    return same >= _LEAST_UNCHANGED * fixed and all(
        _most_common(names, side) >= _LEAST_CONSISTENT * total for side in (0, 1)
    )


def _most_common(pairs: Counter[tuple[str, str]], side: int) -> int:
    """Return how many names stand for what their name most often stands for."""
    most: dict[str, int] = {}
    for pair, count in pairs.items():
        most[pair[side]] = max(most.get(pair[side], 0), count)
    return sum(most.values())


def _groups(view: View, found: Iterable[tuple[int, int, float, bool]]) -> tuple[Copies, ...]:
    leader: dict[int, int] = {}

    def find(symbol: int) -> int:
        leader.setdefault(symbol, symbol)
        while leader[symbol] != symbol:
            leader[symbol] = leader[leader[symbol]]
            symbol = leader[symbol]
        return symbol

    found = list(found)
    for one, other, _, _ in found:
        leader[find(one)] = find(other)
    groups: dict[int, list[int]] = {}
    for symbol in leader:
        groups.setdefault(find(symbol), []).append(symbol)
    alike: dict[int, float] = {}
    renamed: dict[int, bool] = {}
    for one, _, share, is_renamed in found:
        key = find(one)
        alike[key] = min(share, alike.get(key, 1.0))
        renamed[key] = renamed.get(key, False) or is_renamed
    copies = [
        Copies(
            tuple(sorted(_copied(view, symbol) for symbol in group)),
            alike[key],
            alike[key] == 1.0 and renamed[key],
        )
        for key, group in groups.items()
    ]
    return tuple(sorted(copies))


def _copied(view: View, symbol: int) -> Copied:
    parents = view.symbols(np.array([symbol])).parents
    name = view.name(symbol)
    if parents[0] >= 0:
        name = f"{view.name(int(parents[0]))}.{name}"
    return Copied(view.path(view.file_of(symbol)), name, *view.lines(symbol))
