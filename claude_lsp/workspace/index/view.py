"""One state of the index: segments laid over each other, asked as if they were one.

A view never changes, so a query that runs in a worker keeps its answers consistent while files
are being updated. Files and symbols have numbers that hold within one view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from claude_lsp.workspace.index.hashing import folder_of, hash_of
from claude_lsp.workspace.index.lookup import (
    distinct,
    expand,
    files_of,
    import_of,
    keys_of,
    named_in,
    numbers_of,
    stars_of,
    top_of,
)
from claude_lsp.workspace.index.segment import CLASS, FIELD, I64, NOTHING, U64, Mask, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from claude_lsp.workspace.index.records import ImportedName

_NO_ROWS: I64 = np.empty(0, np.int64)
_NO_HASHES: U64 = np.empty(0, np.uint64)


class Layer(NamedTuple):
    """A segment as it takes part in a view.

    Attributes:
        segment: the columns.
        live: which of its files no newer layer replaces; None for all.
        first_file: the number of its first file in the view.
        first_symbol: the number of its first symbol in the view.
    """

    segment: Segment
    live: Mask | None
    first_file: int
    first_symbol: int


class Symbols(NamedTuple):
    """What a ranking needs of some symbols, one row each.

    Attributes:
        names: hashes.
        files: file numbers.
        kinds: as in `segment.KINDS`.
        parents: symbol numbers of the enclosing classes, -1 for none.
        costs: about how many tokens each takes when rendered.
    """

    names: U64
    files: I64
    kinds: I64
    parents: I64
    costs: I64


class WeightedWords(NamedTuple):
    """Words with what speaks for them, one row each.

    Attributes:
        names: hashes, ascending.
        values: larger says more.
        files: in how many files each occurs.
        symbols: how many symbols have it as a name.
    """

    names: U64
    values: NDArray[np.float64]
    files: I64
    symbols: I64


class View:
    """Layers, the newest last; a path is live in at most one of them."""

    def __init__(self, parts: Sequence[tuple[Segment, Mask | None]] = ()) -> None:
        layers, files, symbols = [], 0, 0
        for segment, live in parts:
            if segment.file_count == 0 or (live is not None and not live.any()):
                continue
            layers.append(Layer(segment, live, files, symbols))
            files += segment.file_count
            symbols += segment.symbol_count
        self.layers = tuple(layers)
        self.file_range = files
        """One more than the largest file number; not every number is a live file."""
        self.symbol_range = symbols
        self.file_count = sum(
            layer.segment.file_count if layer.live is None else int(layer.live.sum())
            for layer in layers
        )
        self._file_starts = [layer.first_file for layer in layers]
        self._symbol_starts = [layer.first_symbol for layer in layers]

    # Files

    def find(self, path: str) -> int:
        """Return the number of a file, -1 for one that the index does not know."""
        key = np.uint64(hash_of(path))
        for layer in reversed(self.layers):
            keys = layer.segment.path_keys
            place = int(keys.searchsorted(key))
            if place < len(keys) and keys[place] == key:
                file = int(layer.segment.path_rows[place])
                if layer.live is None or layer.live[file]:
                    return layer.first_file + file
        return -1

    def path(self, file: int) -> str:
        """Return a file's path in the workspace."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        found = segment.memo.get((6, row))
        if found is None:
            found = segment.memo[6, row] = segment.path(row)
        return cast("str", found)

    def language(self, file: int) -> str:
        """Return a file's language."""
        layer = self._layer_of_file(file)
        return layer.segment.string(int(layer.segment.languages[file - layer.first_file]))

    def namespace(self, file: int) -> str:
        """Return the package or namespace that a file declares, empty for none."""
        layer = self._layer_of_file(file)
        return layer.segment.string(int(layer.segment.namespaces[file - layer.first_file]))

    def in_languages(self, languages: frozenset[str]) -> Mask:
        """Return a mask over all file numbers that is set for files in some languages."""
        marks = np.zeros(self.file_range + 1, np.bool_)
        for layer in self.layers:
            segment = layer.segment
            known = segment.memo.get((7, languages))
            if known is None:
                numbers = distinct(segment.languages).tolist()
                wanted = [n for n in numbers if segment.string(n) in languages]
                known = segment.memo[7, languages] = np.isin(segment.languages, wanted)
            marks[layer.first_file : layer.first_file + segment.file_count] = known
        return marks

    def in_folder(self, folder: str) -> I64:
        """Return the files directly in a folder."""
        key = np.uint64(hash_of(folder))
        found = [_NO_ROWS]
        for layer in self.layers:
            files = np.flatnonzero(layer.segment.folder_hashes == key)
            found.append(files[_alive(layer, files)] + layer.first_file)
        return np.concatenate(found)

    def siblings(self, path: str) -> I64:
        """Return the files in the same folder as a path."""
        return self.in_folder(folder_of(path))

    def files(self) -> I64:
        """Return all files."""
        found = [_NO_ROWS]
        for layer in self.layers:
            live = (
                np.arange(layer.segment.file_count)
                if layer.live is None
                else layer.live.nonzero()[0]
            )
            found.append(live + layer.first_file)
        return np.concatenate(found)

    def code_line_counts(self, files: I64) -> I64:
        """Return how many lines of some files hold code."""
        counts: I64 = self._gathered(files, self._file_starts, lambda s: s.code_line_counts)
        return counts

    def line_counts(self, files: I64) -> I64:
        """Return how many lines some files have."""
        counts: I64 = self._gathered(files, self._file_starts, lambda s: s.line_counts)
        return counts

    def parsed(self, files: I64) -> Mask:
        """Return which of some files their grammars took as a whole."""
        found: NDArray[Any] = self._gathered(files, self._file_starts, lambda s: s.parsed)
        return found > 0

    def is_empty(self, files: I64) -> Mask:
        """Return of which files nothing is kept although they are not empty on disk."""
        found: Mask = self._gathered(
            files, self._file_starts, lambda s: (s.sizes > 0) & (np.diff(s.word_starts) == 0)
        )
        empty: Mask = found & (self.code_line_counts(files) == 0)
        return empty

    def word_counts(self, files: I64) -> I64:
        """Return how many different words each of some files has."""
        counts: I64 = self._gathered(files, self._file_starts, lambda s: np.diff(s.word_starts))
        return counts

    def folders(self, files: I64) -> U64:
        """Return the hashes of the folders of some files."""
        hashes: U64 = self._gathered(files, self._file_starts, lambda s: s.folder_hashes)
        return hashes

    def stems(self, files: I64) -> U64:
        """Return the hashes of what the names of files have in common with those of their tests."""
        hashes: U64 = self._gathered(files, self._file_starts, lambda s: s.stem_hashes)
        return hashes

    # Words

    def counts(self, hashes: U64) -> tuple[I64, I64]:
        """Return in how many files each word occurs, and how many symbols have it as a name.

        Files that were replaced since their segment was written still count.
        """
        files = np.zeros(len(hashes), np.int64)
        symbols = np.zeros(len(hashes), np.int64)
        for layer in self.layers:
            segment = layer.segment
            rows, known = numbers_of(segment, hashes)
            for total, starts in ((files, segment.posting_starts), (symbols, segment.name_starts)):
                counts = starts[rows + 1].astype(np.int64) - starts[rows]
                np.add(total, np.where(known, counts, 0), out=total)
        return files, symbols

    def files_with(self, hashes: U64) -> tuple[I64, I64]:
        """Return the files that hold each word, as (place in `hashes`, file) pairs."""
        which, found = [_NO_ROWS], [_NO_ROWS]
        for layer, owners, rows in self._rows_of(hashes, "posting_starts"):
            files = layer.segment.postings[rows].astype(np.int64)
            kept = _alive(layer, files)
            which.append(owners[kept])
            found.append(files[kept] + layer.first_file)
        return np.concatenate(which), np.concatenate(found)

    def words_of(self, files: I64) -> tuple[I64, U64]:
        """Return the words of files, as (place in `files`, hash) pairs."""
        which, hashes = [_NO_ROWS], [_NO_HASHES]
        for layer, places, rows in self._by_layer(files, self._file_starts):
            segment = layer.segment
            owners, flat = expand(segment.word_starts[rows], segment.word_starts[rows + 1])
            which.append(places[owners])
            hashes.append(segment.hashes[segment.words[flat]])
        return np.concatenate(which), np.concatenate(hashes)

    def weighted_words(self, files: I64, weights: NDArray[np.float64]) -> WeightedWords:
        """Return the words of files with the sum of those files' weights.

        The counts are those of the layers that the files are in, which is what makes this quick.
        """
        parts = []
        for layer, places, rows in self._by_layer(files, self._file_starts):
            segment = layer.segment
            owners, flat = expand(segment.word_starts[rows], segment.word_starts[rows + 1])
            numbers, which = np.unique(segment.words[flat], return_inverse=True)
            sums = np.bincount(which, weights[places][owners], len(numbers)).astype(np.float64)
            parts.append(
                WeightedWords(
                    segment.hashes[numbers],
                    sums,
                    _lengths(segment.posting_starts, numbers),
                    _lengths(segment.name_starts, numbers),
                )
            )
        if len(parts) == 1:
            # A string's number follows its hash, so these are in order already.
            return parts[0]
        names, which = np.unique(
            np.concatenate([_NO_HASHES, *(part.names for part in parts)]), return_inverse=True
        )

        def summed(column: int) -> NDArray[np.float64]:
            values = [_NO_ROWS, *(part[column] for part in parts)]
            return np.bincount(which, np.concatenate(values), len(names)).astype(np.float64)

        return WeightedWords(
            names, summed(1), summed(2).astype(np.int64), summed(3).astype(np.int64)
        )

    def pairs_of(self, hashes: U64, most: int | None = None) -> tuple[I64, U64, I64]:
        """Return (place in `hashes`, attribute, file) for each use of a receiver in a file.

        Args:
            hashes: the receivers.
            most: uses in one layer beyond which a receiver's are left out; none of them is read.
        """
        which, attributes, found = [_NO_ROWS], [_NO_HASHES], [_NO_ROWS]
        for layer, owners, rows in self._rows_of(hashes, "pair_starts", most):
            segment = layer.segment
            files = segment.pair_files[rows].astype(np.int64)
            kept = _alive(layer, files)
            which.append(owners[kept])
            attributes.append(segment.hashes[segment.pair_attributes[rows][kept]])
            found.append(files[kept] + layer.first_file)
        return np.concatenate(which), np.concatenate(attributes), np.concatenate(found)

    # Symbols

    def named(self, hashes: U64) -> tuple[I64, I64]:
        """Return the symbols of each name, as (place in `hashes`, symbol) pairs."""
        which, found = [_NO_ROWS], [_NO_ROWS]
        for layer, owners, rows in self._rows_of(hashes, "name_starts"):
            symbols = layer.segment.by_name[rows].astype(np.int64)
            kept = _alive(layer, symbols, of_symbols=True)
            which.append(owners[kept])
            found.append(symbols[kept] + layer.first_symbol)
        return np.concatenate(which), np.concatenate(found)

    def classes_like(self, keys: U64) -> tuple[I64, I64]:
        """Return classes by the hashes of their normalised names, as (place, symbol) pairs."""
        which, found = [_NO_ROWS], [_NO_ROWS]
        for layer in self.layers:
            segment = layer.segment
            starts = segment.class_keys.searchsorted(keys)
            owners, flat = expand(starts, segment.class_keys.searchsorted(keys, "right"))
            symbols = segment.class_rows[flat].astype(np.int64)
            kept = _alive(layer, symbols, of_symbols=True)
            which.append(owners[kept])
            found.append(symbols[kept] + layer.first_symbol)
        return np.concatenate(which), np.concatenate(found)

    def symbols(self, numbers: I64) -> Symbols:
        """Return what a ranking needs of some symbols."""
        count = len(numbers)
        names = np.empty(count, np.uint64)
        files, kinds, parents, costs = (np.empty(count, np.int64) for _ in range(4))
        for layer, places, rows in self._by_layer(numbers, self._symbol_starts):
            segment = layer.segment
            names[places] = segment.hashes[segment.names[rows]]
            owners = files_of(segment, rows)
            files[places] = owners + layer.first_file
            kinds[places] = segment.kinds[rows]
            costs[places] = segment.costs[rows]
            inside = segment.parents[rows].astype(np.int64)
            first = segment.symbol_starts[owners].astype(np.int64) + layer.first_symbol
            parents[places] = np.where(inside < 0, -1, inside + first)
        return Symbols(names, files, kinds, parents, costs)

    def files_of(self, symbols: I64) -> I64:
        """Return the files of some symbols."""
        files = np.empty(len(symbols), np.int64)
        for layer, places, rows in self._by_layer(symbols, self._symbol_starts):
            files[places] = files_of(layer.segment, rows) + layer.first_file
        return files

    def marks(self, *files: I64 | Iterable[int]) -> Mask:
        """Return a mask over all file numbers that is set for some."""
        marks = np.zeros(self.file_range + 1, np.bool_)
        for some in files:
            marks[some if isinstance(some, np.ndarray) else np.fromiter(some, np.int64)] = True
        return marks

    def symbols_of(self, file: int) -> range:
        """Return the symbols of a file, in the order of its text."""
        layer = self._layer_of_file(file)
        starts, row = layer.segment.symbol_starts, file - layer.first_file
        return range(
            int(starts[row]) + layer.first_symbol, int(starts[row + 1]) + layer.first_symbol
        )

    def definitions(self, file: int) -> list[tuple[str, int, int, int, int]]:
        """Return name, kind, parent, first and last line of each symbol of a file.

        Parents are places in this list, -1 for none.
        """
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        rows = slice(int(segment.symbol_starts[row]), int(segment.symbol_starts[row + 1]))
        return list(
            zip(
                map(segment.word, segment.names[rows].tolist()),
                segment.kinds[rows].tolist(),
                segment.parents[rows].tolist(),
                segment.lines[rows].tolist(),
                segment.ends[rows].tolist(),
                strict=True,
            )
        )

    def first_lines(self, file: int) -> I64:
        """Return the first line of each symbol of a file, in the order of its text."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        first, last = int(segment.symbol_starts[row]), int(segment.symbol_starts[row + 1])
        lines: I64 = segment.lines[first:last].astype(np.int64)
        return lines

    def enclosing(self, file: int, line: int) -> list[int]:
        """Return the definitions of a file that hold a line, except fields and variables."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        first, last = int(segment.symbol_starts[row]), int(segment.symbol_starts[row + 1])
        holding = (segment.lines[first:last] <= line) & (segment.ends[first:last] >= line)
        holding &= segment.kinds[first:last] < FIELD
        return (np.flatnonzero(holding) + (first + layer.first_symbol)).tolist()

    def tops(self, file: int) -> I64:
        """Return the symbols of a file that stand in no class."""
        layer = self._layer_of_file(file)
        starts, row = layer.segment.symbol_starts, file - layer.first_file
        first, last = int(starts[row]), int(starts[row + 1])
        inside = np.flatnonzero(layer.segment.parents[first:last] < 0)
        return inside + (first + layer.first_symbol)

    def tops_of(self, files: I64, most: int) -> I64:
        """Return `tops` of several files, except of those with more than `most` symbols."""
        found = [_NO_ROWS]
        for layer, _, rows in self._by_layer(files, self._file_starts):
            segment = layer.segment
            starts, ends = segment.symbol_starts[rows], segment.symbol_starts[rows + 1]
            small = ends - starts <= most
            _, symbols = expand(starts[small], ends[small])
            found.append(symbols[segment.parents[symbols] < 0] + layer.first_symbol)
        return np.concatenate(found)

    def top(self, file: int, key: int) -> int:
        """Return a file's first symbol of a name (its hash) that is in no class, -1 for none."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        place = segment.memo.get((0, row, key))
        if place is None:
            place = segment.memo[0, row, key] = top_of(segment, row, key)
        return place + layer.first_symbol if place >= 0 else -1

    def only_class(self, key: int) -> int:
        """Return the class of a name (its hash) if there is only one, -1 otherwise."""
        classes = self._few_named(3, key)
        return classes[0] if len(classes) == 1 else -1

    def few_named(self, key: int) -> list[int]:
        """Return the symbols of a name (its hash) if there are only a few."""
        return self._few_named(4, key)

    def _few_named(self, question: int, key: int) -> list[int]:
        found: list[int] = []
        for layer in self.layers:
            segment = layer.segment
            rows = segment.memo.get((question, key))
            if rows is None:
                rows = named_in(segment, key, classes_only=question == 3)
                segment.memo[question, key] = rows
            for row, file in rows:
                if layer.live is None or layer.live[file]:
                    found.append(row + layer.first_symbol)
        return found

    def returned_by(self, symbols: I64) -> list[int]:
        """Return the hashes of the names of types that any of some symbols of one file return."""
        if not len(symbols):
            return []
        layer = self._layer_of_symbol(int(symbols[0]))
        segment = layer.segment
        rows = symbols - layer.first_symbol
        _, flat = expand(segment.return_starts[rows], segment.return_starts[rows + 1])
        keys: list[int] = segment.hashes[distinct(segment.returns[flat])].tolist()
        return keys

    def members(self, symbol: int) -> I64:
        """Return the symbols directly in a class."""
        layer = self._layer_of_symbol(symbol)
        segment, row = layer.segment, symbol - layer.first_symbol
        found = segment.memo.get((1, row))
        if found is None:
            file = int(files_of(segment, np.array([row]))[0])
            first, last = int(segment.symbol_starts[file]), int(segment.symbol_starts[file + 1])
            inside = np.flatnonzero(segment.parents[row + 1 : last] == row - first)
            found = segment.memo[1, row] = inside + (row + 1)
        return cast("I64", found + layer.first_symbol)

    def file_of(self, symbol: int) -> int:
        """Return the file of a symbol."""
        layer = self._layer_of_symbol(symbol)
        row = symbol - layer.first_symbol
        starts = layer.segment.symbol_starts
        return int(starts.searchsorted(np.uint32(row), "right")) - 1 + layer.first_file

    def is_class(self, symbol: int) -> bool:
        """Whether a symbol is a class."""
        layer = self._layer_of_symbol(symbol)
        return bool(layer.segment.kinds[symbol - layer.first_symbol] == CLASS)

    def name(self, symbol: int) -> str:
        """Return a symbol's name."""
        layer = self._layer_of_symbol(symbol)
        return layer.segment.string(int(layer.segment.names[symbol - layer.first_symbol]))

    def lines(self, symbol: int) -> tuple[int, int]:
        """Return the first and last line of a definition, 0-based."""
        layer = self._layer_of_symbol(symbol)
        row = symbol - layer.first_symbol
        return int(layer.segment.lines[row]), int(layer.segment.ends[row])

    def detail(self, symbol: int) -> tuple[str, str]:
        """Return a symbol's signature and documentation."""
        layer = self._layer_of_symbol(symbol)
        return layer.segment.detail(symbol - layer.first_symbol)

    def bases(self, symbol: int) -> list[int]:
        """Return the hashes of the names of the classes that a class derives from."""
        layer = self._layer_of_symbol(symbol)
        return keys_of(layer.segment, "base_starts", "bases", symbol - layer.first_symbol)

    def types(self, symbol: int) -> list[int]:
        """Return the hashes of the names of types in a symbol's signature."""
        layer = self._layer_of_symbol(symbol)
        return keys_of(layer.segment, "type_starts", "types", symbol - layer.first_symbol)

    def returns(self, symbol: int) -> list[int]:
        """Return the hashes of the names of types in what a symbol returns."""
        layer = self._layer_of_symbol(symbol)
        return keys_of(layer.segment, "return_starts", "returns", symbol - layer.first_symbol)

    # Imports

    def imports(self, file: int) -> tuple[ImportedName, ...]:
        """Return the names that a file imports."""
        layer = self._layer_of_file(file)
        return layer.segment.imports(file - layer.first_file)

    def imported(self, file: int, key: int) -> tuple[str, str | None] | None:
        """Return module and original name of one name (its hash) that a file imports."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        known = (2, row, key)
        if known not in segment.memo:
            segment.memo[known] = import_of(segment, row, key)
        found: tuple[str, str | None] | None = segment.memo[known]
        return found

    def stars(self, file: int) -> list[str]:
        """Return the modules of which a file takes every name."""
        layer = self._layer_of_file(file)
        segment, row = layer.segment, file - layer.first_file
        found = segment.memo.get((7, row))
        if found is None:
            found = segment.memo[7, row] = stars_of(segment, row)
        return cast("list[str]", found)

    def imported_by(self, files: I64) -> tuple[I64, U64]:
        """Return the names that files import, as they are called there: (place, hash) pairs."""
        which, hashes = [_NO_ROWS], [_NO_HASHES]
        for layer, places, rows in self._by_layer(files, self._file_starts):
            segment = layer.segment
            owners, flat = expand(segment.import_starts[rows], segment.import_starts[rows + 1])
            numbers = segment.import_originals[flat]
            numbers = np.where(numbers == NOTHING, segment.import_locals[flat], numbers)
            which.append(places[owners])
            hashes.append(segment.hashes[numbers])
        return np.concatenate(which), np.concatenate(hashes)

    # Within

    def _layer_of_file(self, file: int) -> Layer:
        return self._layer(file, self._file_starts)

    def _layer_of_symbol(self, symbol: int) -> Layer:
        return self._layer(symbol, self._symbol_starts)

    def _layer(self, number: int, starts: list[int]) -> Layer:
        place = len(starts) - 1
        while starts[place] > number:
            place -= 1
        return self.layers[place]

    def _by_layer(self, numbers: I64, starts: list[int]) -> list[tuple[Layer, I64, I64]]:
        """Return each layer with the places in `numbers` that it answers, and its own rows."""
        if len(self.layers) == 1:
            return [(self.layers[0], np.arange(len(numbers)), numbers)]
        found = []
        owners = np.searchsorted(starts, numbers, "right") - 1
        for number, layer in enumerate(self.layers):
            places = np.flatnonzero(owners == number)
            if len(places):
                found.append((layer, places, numbers[places] - starts[number]))
        return found

    def _gathered(
        self, numbers: I64, starts: list[int], column: Callable[[Segment], NDArray[Any]]
    ) -> Any:
        pieces = [
            (places, column(layer.segment)[rows])
            for layer, places, rows in self._by_layer(numbers, starts)
        ]
        kind = pieces[0][1].dtype if pieces else np.int64
        gathered = np.zeros(len(numbers), np.int64 if kind == np.uint32 else kind)
        for places, values in pieces:
            gathered[places] = values
        return gathered

    def _rows_of(
        self, hashes: U64, starts: str, most: int | None = None
    ) -> Iterator[tuple[Layer, I64, I64]]:
        """Yield each layer, places in `hashes`, and the rows that hang on those strings.

        A string with more than `most` rows has none.
        """
        for layer in self.layers:
            rows, known = numbers_of(layer.segment, hashes)
            bounds = getattr(layer.segment, starts)
            if most is not None:
                known &= _lengths(bounds, rows) <= most
            places = np.flatnonzero(known)
            rows = rows[places]
            owners, flat = expand(bounds[rows], bounds[rows + 1])
            yield layer, places[owners], flat


def _lengths(starts: NDArray[np.uint32], rows: NDArray[Any]) -> I64:
    lengths: I64 = starts[rows + 1].astype(np.int64) - starts[rows]
    return lengths


def _alive(layer: Layer, rows: I64, *, of_symbols: bool = False) -> Mask | slice:
    """Return which of a layer's files, or symbols, are not replaced by a newer layer."""
    if layer.live is None:
        return slice(None)
    return layer.live[files_of(layer.segment, rows) if of_symbols else rows]
