"""Immutable columns: what is known of many files, in arrays that can be mapped from disk.

A segment answers by 64-bit hashes (see `hashing`), so names mean the same in every segment and
merging is arithmetic. Nothing in it is decoded before it is asked for. This module imports numpy
at its top; import it only where the index is really used.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from claude_lsp.workspace.index.records import FileRecord, ImportedName, Shape, Symbol, SymbolKind

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

KINDS: tuple[SymbolKind, ...] = ("class", "function", "method", "field", "variable")
KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
CLASS = KIND_NUMBERS["class"]
FIELD = KIND_NUMBERS["field"]
"""From here on kinds are of things that hold nothing."""
DEFERRED, TYPE_ONLY, GUARDED = 1, 2, 4
MARKS = 8
"""How many marks a shape has."""
NOTHING = np.uint32(0xFFFFFFFF)
"""Stands for None in columns of string numbers."""


class Entry(NamedTuple):
    """One file on its way into a segment.

    Attributes:
        path: relative to the workspace folder, "/" between parts.
        modified_ns: its modification time when it was read.
        size: in bytes, when it was read.
        record: what is kept of it.
    """

    path: str
    modified_ns: int
    size: int
    record: FileRecord


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The columns. `x_starts` has one entry more than there are rows, and bounds the rows of x.

    Attributes:
        hashes: of all strings, ascending; a string's number is its place here.
        string_starts, strings: the strings in UTF-8.
        path_starts, paths: of files; files are in the order of their paths.
        path_keys, path_rows: files by the hashes of their paths, ascending.
        folder_hashes, stem_hashes: of files.
        modified_ns, sizes, line_counts, code_line_counts, languages, namespaces, parsed: of
            files; languages and namespaces are string numbers.
        symbol_starts: of files, into the symbols.
        names: of symbols, string numbers.
        kinds, parents, lines, ends: of symbols, as in `Symbol`; parents are relative to the file.
        costs: of symbols: about how many tokens the rendered signature takes.
        detail_starts, details: signature, line feed, documentation, in UTF-8.
        base_starts, bases, type_starts, types, return_starts, returns: string numbers.
        name_starts, by_name: of strings: the symbols of that name.
        class_keys, class_rows: classes by their normalised names' hashes, ascending.
        word_starts, words: of files: the string numbers of their words, ascending.
        posting_starts, postings: of strings: the files that hold that word, ascending.
        pair_starts, pair_attributes, pair_files: of strings as receivers, by attribute and file.
        import_starts, import_locals, import_modules, import_originals, import_lines: of files;
            string numbers, `NOTHING` for a module itself.
        import_flags: of imports: a sum of `DEFERRED`, `TYPE_ONLY` and `GUARDED`.
        shape_starts: of files, into the shapes.
        shape_symbols, shape_sizes: of shapes, as in `Shape`; symbols are relative to the file.
        shape_marks: of shapes, `shapes.MARKS` for each.
    """

    hashes: U64
    string_starts: U32
    strings: U8
    path_starts: U32
    paths: U8
    path_keys: U64
    path_rows: U32
    folder_hashes: U64
    stem_hashes: U64
    modified_ns: I64
    sizes: I64
    line_counts: U32
    code_line_counts: U32
    languages: U32
    namespaces: U32
    parsed: U8
    symbol_starts: U32
    names: U32
    kinds: U8
    parents: I32
    lines: U32
    ends: U32
    costs: U16
    detail_starts: U32
    details: U8
    base_starts: U32
    bases: U32
    type_starts: U32
    types: U32
    return_starts: U32
    returns: U32
    name_starts: U32
    by_name: U32
    class_keys: U64
    class_rows: U32
    word_starts: U32
    words: U32
    posting_starts: U32
    postings: U32
    pair_starts: U32
    pair_attributes: U32
    pair_files: U32
    import_starts: U32
    import_locals: U32
    import_modules: U32
    import_originals: U32
    import_lines: U32
    import_flags: U8
    shape_starts: U32
    shape_symbols: U32
    shape_sizes: U32
    shape_marks: U32
    memo: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)
    """What was looked up; a segment never changes, so answers stay right. Not a column."""

    @property
    def file_count(self) -> int:
        """How many files it holds."""
        return len(self.path_keys)

    @property
    def symbol_count(self) -> int:
        """How many symbols it holds."""
        return len(self.names)

    def string(self, number: int) -> str:
        """Return a string by its number."""
        return _text(self.strings, self.string_starts, number)

    def word(self, number: int) -> str:
        """Return a string by its number, remembered: for those that come again and again."""
        found = self.memo.get((8, number))
        if found is None:
            found = self.memo[8, number] = self.string(number)
        return str(found)

    def path(self, file: int) -> str:
        """Return the path of a file."""
        return _text(self.paths, self.path_starts, file)

    def detail(self, symbol: int) -> tuple[str, str]:
        """Return a symbol's signature and documentation."""
        signature, _, doc = _text(self.details, self.detail_starts, symbol).partition("\n")
        return signature, doc

    def entry(self, file: int) -> Entry:
        """Return everything that is kept of a file, as it was put in."""

        def strings_of(starts: U32, column: U32, row: int) -> tuple[str, ...]:
            return tuple(map(self.string, column[starts[row] : starts[row + 1]].tolist()))

        symbols = []
        for row in range(int(self.symbol_starts[file]), int(self.symbol_starts[file + 1])):
            signature, doc = self.detail(row)
            symbols.append(
                Symbol(
                    self.string(int(self.names[row])),
                    KINDS[self.kinds[row]],
                    int(self.parents[row]),
                    int(self.lines[row]),
                    int(self.ends[row]),
                    signature,
                    doc,
                    strings_of(self.base_starts, self.bases, row),
                    strings_of(self.type_starts, self.types, row),
                    strings_of(self.return_starts, self.returns, row),
                )
            )
        at_pairs = np.flatnonzero(self.pair_files == file)
        receivers = np.searchsorted(self.pair_starts, at_pairs, "right") - 1
        record = FileRecord(
            self.string(int(self.languages[file])),
            int(self.line_counts[file]),
            tuple(symbols),
            self.imports(file),
            frozenset(strings_of(self.word_starts, self.words, file)),
            frozenset(
                (self.string(receiver), self.string(attribute))
                for receiver, attribute in zip(
                    receivers.tolist(), self.pair_attributes[at_pairs].tolist(), strict=True
                )
            ),
            bool(self.parsed[file]),
            self.string(int(self.namespaces[file])),
            int(self.code_line_counts[file]),
            self.shapes(file),
        )
        return Entry(self.path(file), int(self.modified_ns[file]), int(self.sizes[file]), record)

    def imports(self, file: int) -> tuple[ImportedName, ...]:
        """Return the names that a file imports."""
        rows = slice(int(self.import_starts[file]), int(self.import_starts[file + 1]))
        nothing, word = int(NOTHING), self.word
        return tuple(
            ImportedName(
                word(local),
                word(module),
                None if original == nothing else word(original),
                line,
                bool(flags & DEFERRED),
                bool(flags & TYPE_ONLY),
                bool(flags & GUARDED),
            )
            for local, module, original, line, flags in zip(
                self.import_locals[rows].tolist(),
                self.import_modules[rows].tolist(),
                self.import_originals[rows].tolist(),
                self.import_lines[rows].tolist(),
                self.import_flags[rows].tolist(),
                strict=True,
            )
        )

    def shapes(self, file: int) -> tuple[Shape, ...]:
        """Return the shapes of a file's functions."""
        first, last = int(self.shape_starts[file]), int(self.shape_starts[file + 1])
        marks = self.shape_marks[first * MARKS : last * MARKS].reshape(-1, MARKS).tolist()
        return tuple(
            Shape(symbol, size, tuple(of_one))
            for symbol, size, of_one in zip(
                self.shape_symbols[first:last].tolist(),
                self.shape_sizes[first:last].tolist(),
                marks,
                strict=True,
            )
        )


COLUMNS = tuple(one.name for one in fields(Segment) if one.name != "memo")


def _text(blob: U8, starts: U32, row: int) -> str:
    return blob[starts[row] : starts[row + 1]].tobytes().decode("utf-8", "surrogatepass")
