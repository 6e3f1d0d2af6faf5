"""Segments from records, and one segment from several.

Strings are numbered by their hashes and files stand in the order of their paths, so the same
files give the same columns whichever way they came together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from claude_lsp.workspace.index.hashing import class_key, folder_of, hash_of, stem_key
from claude_lsp.workspace.index.segment import (
    DEFERRED,
    GUARDED,
    I64,
    KIND_NUMBERS,
    MARKS,
    NOTHING,
    TYPE_ONLY,
    U8,
    U16,
    U32,
    U64,
    Entry,
    Mask,
    Segment,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

# A rendered signature has about so many characters to a token; exact counts are made of the few
# that are chosen.
_CHARACTERS_PER_TOKEN = 3.6


def build(entries: Iterable[Entry]) -> Segment:
    """Return the segment of some files with different paths."""
    ordered = sorted(entries)
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    languages, namespaces, line_counts, code_line_counts, parsed = [], [], [], [], []
    symbol_counts: list[int] = []
    names: list[int] = []
    kinds, parents, lines, ends = [], [], [], []
    details, class_keys, class_rows = [], [], []
    linked: tuple[list[list[int]], ...] = ([], [], [])
    words: list[list[int]] = []
    pair_receivers, pair_attributes, pair_counts = [], [], []
    imports: list[tuple[int, int, int, int, int]] = []
    shape_counts: list[int] = []
    shape_symbols: list[int] = []
    shape_sizes: list[int] = []
    shape_marks: list[int] = []
    import_counts: list[int] = []
    for _, _, _, record in ordered:
        languages.append(number(record.language))
        namespaces.append(number(record.namespace))
        line_counts.append(record.lines)
        code_line_counts.append(record.code_lines)
        parsed.append(record.parsed)
        symbol_counts.append(len(record.symbols))
        for symbol in record.symbols:
            if symbol.kind == "class":
                class_keys.append(class_key(symbol.name))
                class_rows.append(len(names))
            names.append(number(symbol.name))
            kinds.append(KIND_NUMBERS[symbol.kind])
            parents.append(symbol.parent)
            lines.append(symbol.line)
            ends.append(symbol.end)
            details.append(f"{symbol.signature}\n{symbol.doc}".encode("utf-8", "surrogatepass"))
            for column, texts in zip(linked, symbol[7:10], strict=True):
                column.append([number(text) for text in texts])
        words.append([number(word) for word in record.words])
        pair_counts.append(len(record.pairs))
        for receiver, attribute in record.pairs:
            pair_receivers.append(number(receiver))
            pair_attributes.append(number(attribute))
        import_counts.append(len(record.imports))
        for local, module, original, line, deferred, type_only, guarded in record.imports:
            # A string may have any number here; the largest is left for None.
            named = -1 if original is None else number(original)
            flags = DEFERRED * deferred + TYPE_ONLY * type_only + GUARDED * guarded
            imports.append((number(local), number(module), named, line, flags))
        shape_counts.append(len(record.shapes))
        for shape in record.shapes:
            shape_symbols.append(shape.symbol)
            shape_sizes.append(shape.size)
            shape_marks.extend(shape.marks)

    unordered = np.fromiter(map(hash_of, numbers), np.uint64, len(numbers))
    order = np.argsort(unordered)
    # One entry more, which -1 finds: None stays None.
    ranks = np.full(len(order) + 1, NOTHING, np.uint32)
    ranks[order] = np.arange(len(order), dtype=np.uint32)
    encoded = [text.encode("utf-8", "surrogatepass") for text in numbers]
    string_starts, strings = _joined([encoded[place] for place in order.tolist()])
    path_starts, paths = _joined([entry.path.encode("utf-8", "surrogatepass") for entry in ordered])
    detail_starts, detail_bytes = _joined(details)
    word_starts, unsorted_ids = _rows(words)
    word_ids = _sorted_rows(word_starts, ranks[unsorted_ids])
    base_starts, bases = _rows(linked[0])
    type_starts, types = _rows(linked[1])
    return_starts, returns = _rows(linked[2])
    imported = np.array(imports, np.int64).reshape(-1, 5)
    pair_files = np.repeat(np.arange(len(ordered), dtype=np.uint32), pair_counts)
    return _derived(
        hashes=unordered[order],
        string_starts=string_starts,
        strings=strings,
        path_starts=path_starts,
        paths=paths,
        path_hashes=np.array([hash_of(entry.path) for entry in ordered], np.uint64),
        folder_hashes=np.array([hash_of(folder_of(entry.path)) for entry in ordered], np.uint64),
        stem_hashes=np.array([stem_key(entry.path) for entry in ordered], np.uint64),
        modified_ns=np.array([entry.modified_ns for entry in ordered], np.int64),
        sizes=np.array([entry.size for entry in ordered], np.int64),
        line_counts=np.array(line_counts, np.uint32),
        code_line_counts=np.array(code_line_counts, np.uint32),
        languages=ranks[_ids(languages)],
        namespaces=ranks[_ids(namespaces)],
        parsed=np.array(parsed, np.uint8),
        symbol_starts=_starts(symbol_counts),
        names=ranks[_ids(names)],
        kinds=np.array(kinds, np.uint8),
        parents=np.array(parents, np.int32),
        lines=np.array(lines, np.uint32),
        ends=np.array(ends, np.uint32),
        costs=_costs(detail_starts),
        detail_starts=detail_starts,
        details=detail_bytes,
        base_starts=base_starts,
        bases=ranks[bases],
        type_starts=type_starts,
        types=ranks[types],
        return_starts=return_starts,
        returns=ranks[returns],
        class_keys=np.array(class_keys, np.uint64),
        class_rows=np.array(class_rows, np.uint32),
        word_starts=word_starts,
        words=word_ids,
        pair_receivers=ranks[_ids(pair_receivers)],
        pair_attributes=ranks[_ids(pair_attributes)],
        pair_files=pair_files,
        import_starts=_starts(import_counts),
        import_locals=ranks[imported[:, 0]],
        import_modules=ranks[imported[:, 1]],
        import_originals=ranks[imported[:, 2]],
        import_lines=imported[:, 3].astype(np.uint32),
        import_flags=imported[:, 4].astype(np.uint8),
        shape_starts=_starts(shape_counts),
        shape_symbols=np.array(shape_symbols, np.uint32),
        shape_sizes=np.array(shape_sizes, np.uint32),
        shape_marks=np.array(shape_marks, np.uint32),
    )


def merged(parts: Sequence[tuple[Segment, Mask | None]]) -> Segment:
    """Return one segment with the live files of several: the same as `build` would make of them.

    Args:
        parts: segments, each with the mask of its files that count; None for all of them. No path
            may be live in two of them.
    """
    live = [
        np.arange(part.file_count) if mask is None else np.flatnonzero(mask) for part, mask in parts
    ]
    # Every live file as (part, file), in the order of its path.
    where = sorted(
        (part.path(file).encode("utf-8", "surrogatepass"), number, file)
        for number, (part, _) in enumerate(parts)
        for file in live[number].tolist()
    )
    segments = [part for part, _ in parts]
    used = [_used_strings(part, files) for part, files in zip(segments, live, strict=True)]
    hashes = np.unique(
        np.concatenate([part.hashes[u] for part, u in zip(segments, used, strict=True)])
    )
    remaps = []
    for part in segments:
        remap = np.searchsorted(hashes, part.hashes).astype(np.uint32)
        remaps.append(np.append(remap, NOTHING))

    def translate(number: int, ids: U32) -> U32:
        remap = remaps[number]
        return remap[np.minimum(ids, len(remap) - 1)]

    string_starts, strings = _merged_strings(segments, used, hashes)
    file_numbers = [np.zeros(part.file_count, np.uint32) for part in segments]
    for place, (_, number, file) in enumerate(where):
        file_numbers[number][file] = place

    def of_files(column: str) -> NDArray[Any]:
        columns = [getattr(part, column) for part in segments]
        return np.array([columns[n][f] for _, n, f in where], columns[0].dtype)

    def strings_of_files(column: str) -> U32:
        columns = [getattr(part, column) for part in segments]
        return np.array([remaps[n][columns[n][f]] for _, n, f in where], np.uint32)

    def bounds(column: str) -> list[tuple[int, int, int]]:
        """Return part, start and end of each live file's rows."""
        starts = [getattr(part, column).tolist() for part in segments]
        return [(n, starts[n][f], starts[n][f + 1]) for _, n, f in where]

    def gathered(rows: list[tuple[int, int, int]], column: str, *, ids: bool = False) -> Any:
        columns = [getattr(part, column) for part in segments]
        if ids:
            columns = [translate(number, column) for number, column in enumerate(columns)]
        return np.concatenate([columns[0][:0], *(columns[n][a:b] for n, a, b in rows)])

    def sizes(rows: list[tuple[int, int, int]]) -> list[int]:
        return [end - start for _, start, end in rows]

    symbols, imports = bounds("symbol_starts"), bounds("import_starts")
    shapes = bounds("shape_starts")
    marks = [(number, start * MARKS, end * MARKS) for number, start, end in shapes]
    word_rows = bounds("word_starts")

    def of_symbols(column: str, values: str, *, ids: bool = True) -> tuple[U32, NDArray[Any]]:
        """Return the starts and the rows of what hangs on each symbol."""
        starts = [getattr(part, column) for part in segments]
        lengths = [np.diff(starts[n][a : b + 1]) for n, a, b in symbols]
        rows = [(n, int(starts[n][a]), int(starts[n][b])) for n, a, b in symbols]
        counts = np.concatenate([np.empty(0, np.uint32), *lengths])
        return _starts(counts), gathered(rows, values, ids=ids)

    detail_starts, details = of_symbols("detail_starts", "details", ids=False)
    base_starts, bases = of_symbols("base_starts", "bases")
    type_starts, types = of_symbols("type_starts", "types")
    return_starts, returns = of_symbols("return_starts", "returns")
    symbol_starts, word_starts = _starts(sizes(symbols)), _starts(sizes(word_rows))
    class_keys, class_rows, receivers, attributes, pair_files = [], [], [], [], []
    for number, part in enumerate(segments):
        alive = np.zeros(part.file_count, np.bool_)
        alive[live[number]] = True
        files = np.searchsorted(part.symbol_starts, part.class_rows, "right") - 1
        kept = alive[files]
        files = files[kept]
        class_keys.append(part.class_keys[kept])
        inside = part.class_rows[kept] - part.symbol_starts[files]
        class_rows.append(inside + symbol_starts[file_numbers[number][files]])
        kept = alive[part.pair_files]
        all_receivers = np.repeat(remaps[number][:-1], np.diff(part.pair_starts))
        receivers.append(all_receivers[kept])
        attributes.append(translate(number, part.pair_attributes[kept]))
        pair_files.append(file_numbers[number][part.pair_files[kept]])
    path_starts, paths = _joined([path for path, _, _ in where])
    return _derived(
        hashes=hashes,
        string_starts=string_starts,
        strings=strings,
        path_starts=path_starts,
        paths=paths,
        path_hashes=np.array(
            [hash_of(path.decode("utf-8", "surrogatepass")) for path, _, _ in where], np.uint64
        ),
        folder_hashes=of_files("folder_hashes"),
        stem_hashes=of_files("stem_hashes"),
        modified_ns=of_files("modified_ns"),
        sizes=of_files("sizes"),
        line_counts=of_files("line_counts"),
        code_line_counts=of_files("code_line_counts"),
        languages=strings_of_files("languages"),
        namespaces=strings_of_files("namespaces"),
        parsed=of_files("parsed"),
        symbol_starts=symbol_starts,
        names=gathered(symbols, "names", ids=True),
        kinds=gathered(symbols, "kinds"),
        parents=gathered(symbols, "parents"),
        lines=gathered(symbols, "lines"),
        ends=gathered(symbols, "ends"),
        costs=_costs(detail_starts),
        detail_starts=detail_starts,
        details=details,
        base_starts=base_starts,
        bases=bases,
        type_starts=type_starts,
        types=types,
        return_starts=return_starts,
        returns=returns,
        class_keys=np.concatenate(class_keys),
        class_rows=np.concatenate(class_rows).astype(np.uint32),
        word_starts=word_starts,
        # Numbers follow hashes in every segment, so the order within a file stays.
        words=gathered(word_rows, "words", ids=True),
        pair_receivers=np.concatenate(receivers),
        pair_attributes=np.concatenate(attributes),
        pair_files=np.concatenate(pair_files),
        import_starts=_starts(sizes(imports)),
        import_locals=gathered(imports, "import_locals", ids=True),
        import_modules=gathered(imports, "import_modules", ids=True),
        import_originals=gathered(imports, "import_originals", ids=True),
        import_lines=gathered(imports, "import_lines"),
        import_flags=gathered(imports, "import_flags"),
        shape_starts=_starts(sizes(shapes)),
        shape_symbols=gathered(shapes, "shape_symbols"),
        shape_sizes=gathered(shapes, "shape_sizes"),
        shape_marks=gathered(marks, "shape_marks"),
    )


def _derived(*, path_hashes: U64, pair_receivers: U32, **columns: Any) -> Segment:
    """Add the columns that follow from others, and put the free orders into one."""
    count = len(columns["hashes"])
    names, words = columns["names"], columns["words"]
    files = np.repeat(np.arange(len(path_hashes), dtype=np.uint32), np.diff(columns["word_starts"]))
    pairs = np.lexsort((columns["pair_files"], columns["pair_attributes"], pair_receivers))
    paths = np.argsort(path_hashes)
    classes = np.lexsort((columns["class_rows"], columns["class_keys"]))
    columns |= {
        "path_keys": path_hashes[paths],
        "path_rows": paths.astype(np.uint32),
        "by_name": np.argsort(names, kind="stable").astype(np.uint32),
        "name_starts": _starts(np.bincount(names, minlength=count)),
        "postings": files[np.argsort(words, kind="stable")],
        "posting_starts": _starts(np.bincount(words, minlength=count)),
        "pair_starts": _starts(np.bincount(pair_receivers, minlength=count)),
        "pair_attributes": columns["pair_attributes"][pairs],
        "pair_files": columns["pair_files"][pairs],
        "class_keys": columns["class_keys"][classes],
        "class_rows": columns["class_rows"][classes],
    }
    return Segment(**columns)


def _used_strings(part: Segment, files: I64) -> Mask:
    """Return which strings the given files of a segment use."""
    used = np.zeros(len(part.hashes), np.bool_)
    if len(files) == part.file_count:
        used[:] = True
        return used
    alive = np.zeros(part.file_count, np.bool_)
    alive[files] = True
    symbols = np.repeat(alive, np.diff(part.symbol_starts))
    for starts, ids in (
        (part.base_starts, part.bases),
        (part.type_starts, part.types),
        (part.return_starts, part.returns),
    ):
        used[ids[np.repeat(symbols, np.diff(starts))]] = True
    used[part.names[symbols]] = True
    used[part.words[np.repeat(alive, np.diff(part.word_starts))]] = True
    kept = np.repeat(alive, np.diff(part.import_starts))
    for ids in (part.import_locals, part.import_modules, part.import_originals):
        chosen = ids[kept]
        used[chosen[chosen != NOTHING]] = True
    used[part.languages[files]] = True
    used[part.namespaces[files]] = True
    kept = alive[part.pair_files]
    used[part.pair_attributes[kept]] = True
    used[np.repeat(np.arange(len(used)), np.diff(part.pair_starts))[kept]] = True
    return used


def _merged_strings(
    segments: Sequence[Segment], used: Sequence[Mask], hashes: U64
) -> tuple[U32, U8]:
    """Return the string table for hashes that are each in at least one segment."""
    owner = np.zeros(len(hashes), np.uint32)
    place = np.zeros(len(hashes), np.uint32)
    for number, (part, mask) in enumerate(zip(segments, used, strict=True)):
        numbers = np.flatnonzero(mask)
        at = np.searchsorted(hashes, part.hashes[numbers])
        owner[at], place[at] = number, numbers
    blobs = [part.strings.tobytes() for part in segments]
    bounds = [part.string_starts.tolist() for part in segments]
    return _joined(
        [
            blobs[n][bounds[n][row] : bounds[n][row + 1]]
            for n, row in zip(owner.tolist(), place.tolist(), strict=True)
        ]
    )


def _costs(detail_starts: U32) -> U16:
    sizes = np.diff(detail_starts)
    return cast("U16", np.minimum(sizes / _CHARACTERS_PER_TOKEN + 3, 65_535).astype(np.uint16))


def _ids(numbers: Sequence[int]) -> I64:
    return np.array(numbers, np.int64)


def _starts(counts: Sequence[int] | NDArray[Any]) -> U32:
    starts = np.zeros(len(counts) + 1, np.uint32)
    np.cumsum(counts, out=starts[1:])
    return starts


def _joined(texts: Sequence[bytes]) -> tuple[U32, U8]:
    return _starts(list(map(len, texts))), np.frombuffer(b"".join(texts), np.uint8)


def _rows(rows: Sequence[Sequence[int]]) -> tuple[U32, I64]:
    flat = [number for row in rows for number in row]
    return _starts(list(map(len, rows))), np.array(flat, np.int64)


def _sorted_rows(starts: U32, values: U32) -> U32:
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return values[np.lexsort((values, rows))]
