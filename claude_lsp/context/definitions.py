"""Which definitions of the workspace the code at the cursor most likely needs.

Candidates come from what the cursor can reach: imports, base classes, types of variables, names
that are visible, attributes that the same receivers have elsewhere, and names that occur in
code like this. Each has features; a linear model, fitted on other projects, weighs them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.context.features import COLUMN, Pool
from claude_lsp.context.sight import KEYWORDS, SELVES, WORD
from claude_lsp.workspace.index.hashing import class_key, hash_of
from claude_lsp.workspace.index.segment import KIND_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from claude_lsp.context.sight import Sight
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.segment import I64, U64

    F64 = NDArray[np.float64]

SIMILAR = 25
_RAREST_WORDS = 40
_FEW = 12
"""Definitions of a visible name beyond which the name says nothing."""


class Place(NamedTuple):
    """The cursor in terms of the index.

    Attributes:
        path: of the document.
        file: its number in the index, -1 for none.
        language: its LSP language identifier.
        folder_files: the files in the same folder.
        enclosing_class: symbol number of the innermost class around the cursor, -1 for none.
        enclosing_functions: symbol numbers of the functions around the cursor.
    """

    path: str
    file: int
    language: str
    folder_files: I64
    enclosing_class: int
    enclosing_functions: tuple[int, ...]


class SimilarFiles(NamedTuple):
    """The files most like the document, best first, with weights from 1 downwards."""

    files: I64
    weights: F64


def locate(links: Links, path: str, language: str, line: int) -> Place:
    """Return where a cursor stands."""
    view = links.view
    file = view.find(path)
    enclosing, functions = -1, []
    if file >= 0:
        first_line = -1
        for symbol in view.enclosing(file, line):
            if view.is_class(symbol):
                start, _ = view.lines(symbol)
                if start > first_line:
                    enclosing, first_line = symbol, start
            else:
                functions.append(symbol)
    return Place(path, file, language, view.siblings(path), enclosing, tuple(functions))


def hashes_of(words: Iterable[str]) -> U64:
    """Return the hashes of words."""
    return np.array([hash_of(word) for word in words], np.uint64)


def rarity(counts: I64 | F64, files: int) -> F64:
    """Return how much the occurrence of a word says, from the number of files that hold it."""
    return np.log1p(files / (1.0 + counts))


def similar_files(links: Links, place: Place, sight: Sight) -> SimilarFiles:
    """Return the files that share most rare words with what the cursor sees."""
    view = links.view
    words = list(sight.near)
    weights = np.fromiter(sight.near.values(), np.float64, len(words))
    keys = hashes_of(words)
    counts, _ = view.counts(keys)
    known = np.flatnonzero((counts > 0) & (counts < 0.3 * view.file_count + 3))
    says = weights[known] * rarity(counts[known], view.file_count)
    chosen = known[np.argsort(-says, kind="stable")[:_RAREST_WORDS]]
    says = weights[chosen] * rarity(counts[chosen], view.file_count)
    imported = hashes_of(links.imports(place.file)) if place.file >= 0 else keys[:0]
    import_counts, _ = view.counts(imported)
    import_known = np.flatnonzero(import_counts > 0)[:_RAREST_WORDS]
    keys = np.concatenate([keys[chosen], imported[import_known]])
    says = np.concatenate([says, 0.6 * rarity(import_counts[import_known], view.file_count)])
    which, files = view.files_with(keys)
    scores = np.bincount(files, says[which], view.file_range)
    if place.file >= 0:
        scores[place.file] = 0.0
    best = np.flatnonzero(scores)
    if len(best) > 300:
        best = best[np.argpartition(-scores[best], 300)[:300]]
    sizes = view.word_counts(best)
    values = scores[best] / (1.0 + 0.5 * sizes / 150.0)
    values *= np.where(np.isin(best, place.folder_files), 1.3, 1.0)
    order = np.lexsort((best, -values))[:SIMILAR]
    top = values[order[0]] if len(order) else 1.0
    return SimilarFiles(best[order], values[order] / top)


class Ranking(NamedTuple):
    """Definitions with the probability that each is needed.

    Attributes:
        symbols: symbol numbers.
        features: one row for each feature.
        costs: about how many tokens each takes.
        parents, files: symbol and file numbers of where each stands; -1 for no parent.
    """

    symbols: I64
    features: F64
    costs: I64
    parents: I64
    files: I64


def candidates(
    links: Links,
    place: Place,
    sight: Sight,
    similar: SimilarFiles,
    *,
    window_words: Mapping[str, float],
    following_words: Mapping[str, float],
) -> Ranking:
    """Return the definitions that the cursor may need, with what speaks for each."""
    search = _Search(links, place, sight, similar)
    search.by_import()
    search.by_type()
    search.by_sight()
    search.by_use(window_words, following_words)
    return search.ranking()


class _Search:
    """One search: the pool of candidates and what several sources share."""

    def __init__(self, links: Links, place: Place, sight: Sight, similar: SimilarFiles) -> None:
        self.links, self.view = links, links.view
        self.place, self.sight, self.similar = place, sight, similar
        self.pool = Pool()
        self.imported_files: set[int] = set()
        self.typed: dict[int, float] = {}
        """Classes whose members may be used, with how near to the cursor they are."""
        self.near_words = list(sight.near)
        self.near_hashes = hashes_of(self.near_words)
        self.near_weights = np.fromiter(sight.near.values(), np.float64, len(self.near_words))
        self.near_files, self.near_symbols = self.view.counts(self.near_hashes)

    def _type(self, symbol: int, nearness: float) -> None:
        if symbol >= 0 and nearness > self.typed.get(symbol, 0.0):
            self.typed[symbol] = nearness

    def _class(self, name: str, file: int) -> int:
        return self.links.class_named(name, file) if file >= 0 else -1

    def by_import(self) -> None:
        """Add what the document imports."""
        links, view, place, near = self.links, self.view, self.place, self.sight.near
        if place.file < 0:
            return
        for local, (module, original) in links.imports(place.file).items():
            target = links.target(place.path, place.language, module, original)
            if target is None:
                continue
            nearness = near.get(local, 0.0)
            if target.symbol >= 0:
                self._imported(target.symbol, nearness)
            elif target.file != place.file:
                self.imported_files.add(target.file)
                tops = view.tops(target.file)
                self.pool.add(tops, "of_module")
                self.pool.add(tops, "of_module_near", nearness)
                if self.sight.after_dot and self._receiver() == local:
                    self.pool.add(tops, "of_receiver")
        for star in view.stars(place.file):
            for file in links.module(place.path, place.language, star):
                if file != place.file:
                    self.imported_files.add(file)
                    self.pool.add(view.tops(file), "of_module")

    def _imported(self, symbol: int, nearness: float) -> None:
        view = self.view
        file = view.file_of(symbol)
        if file == self.place.file:
            return
        one = np.array([symbol])
        self.pool.add(one, "imported")
        self.pool.add(one, "imported_near", nearness)
        if nearness == 0.0:
            self.pool.add(one, "imported_unused")
        self.imported_files.add(file)
        if view.is_class(symbol):
            self._type(symbol, max(nearness, 0.05))
        if nearness > 0.0:
            for name in view.returns(symbol):
                self._type(self._class(name, file), 0.5 * nearness)
            for name in view.types(symbol):
                found = self._class(name, file)
                if found >= 0:
                    self.pool.add(np.array([found]), "type_near", nearness)

    def _receiver(self) -> str:
        return self.sight.receiver.rpartition(".")[2]

    def by_type(self) -> None:
        """Add members of classes that the cursor's variables and its own class have."""
        links, view, place, sight = self.links, self.view, self.place, self.sight
        if place.enclosing_class >= 0:
            of_self = sight.after_dot and sight.receiver in (*SELVES, "super()", ")")
            for above in links.ancestors(place.enclosing_class):
                members = view.members(above)
                self.pool.add(np.array([above]), "type_near", 0.5)
                self.pool.add(members, "inherited")
                if of_self:
                    self.pool.add(members, "of_receiver")
        for variable, names in sight.types.items():
            nearness = sight.near.get(variable.rpartition(".")[2], 0.0)
            if nearness < 0.02:
                continue
            for name in names:
                found = self._class(name, place.file)
                if found >= 0:
                    self._type(found, nearness)
                elif name not in KEYWORDS:
                    self._result_of(name, 0.8 * nearness)
        for word, nearness in sight.near.items():
            if word.lstrip("$_")[:1].isupper() and nearness > 0.08:
                self._type(self._class(word, place.file), nearness)
        self._by_convention()
        meant = self._meant_types()
        for symbol, nearness in list(self.typed.items()):
            self.pool.add(np.array([symbol]), "type_near", nearness)
            exact = view.name(symbol) in meant
            for distance, owner in enumerate([symbol, *links.ancestors(symbol)]):
                members = view.members(owner)
                self.pool.add(members, "of_type")
                self.pool.add(members, "of_type_near", nearness * (0.8 if distance else 1.0))
                if exact:
                    self.pool.add(members, "of_receiver")
                if nearness > 0.3:
                    self._one_further(members, view.file_of(owner), nearness)

    def _result_of(self, name: str, nearness: float) -> None:
        """Add the class that a function of that name returns, if there is only one or two."""
        _, symbols = self.view.named(hashes_of((name,)))
        if 0 < len(symbols) <= 2:
            for symbol in symbols.tolist():
                for result in self.view.returns(symbol):
                    self._type(self._class(result, self.view.file_of(symbol)), nearness)

    def _by_convention(self) -> None:
        """Add classes that variables are named after, and types of fields of those names."""
        view, sight = self.view, self.sight
        words = [
            (word, nearness)
            for word, nearness in sight.near.items()
            if nearness >= 0.15 and not word.lstrip("$_")[:1].isupper()
        ]
        whole = np.array([class_key(word) for word, _ in words], np.uint64)
        tails = np.array([class_key(word.rpartition("_")[2]) for word, _ in words], np.uint64)
        done: set[int] = set()
        for keys, share in ((whole, 0.8), (tails, 0.5)):
            which, symbols = view.classes_like(keys)
            counts = np.bincount(which, minlength=len(words))
            for number, symbol in zip(which.tolist(), symbols.tolist(), strict=True):
                word, nearness = words[number]
                if counts[number] <= 3 and len(word) > 2 and number not in done:
                    self._type(symbol, share * nearness / math.sqrt(counts[number]))
            done.update(np.flatnonzero(counts).tolist())
        which, symbols = view.named(hashes_of(word for word, _ in words))
        counts = np.bincount(which, minlength=len(words))
        for number, symbol in zip(which.tolist(), symbols.tolist(), strict=True):
            if counts[number] <= 6:
                names = view.returns(symbol) or view.types(symbol)[:3]
                for name in names:
                    found = self._class(name, view.file_of(symbol))
                    self._type(found, 0.6 * words[number][1] / math.sqrt(counts[number]))

    def _meant_types(self) -> set[str]:
        """Return names of types that the receiver before the cursor may have."""
        if not (self.sight.after_dot and self.sight.receiver):
            return set()
        receiver = self.sight.receiver.replace("this.", "self.")
        last = receiver.rpartition(".")[2]
        types = self.sight.types
        meant = {last, last[:1].upper() + last[1:], "".join(map(str.capitalize, last.split("_")))}
        return meant.union(*(types.get(name, ()) for name in (receiver, f"self.{last}", last)))

    def _one_further(self, members: I64, file: int, nearness: float) -> None:
        """Add members of what members return."""
        view = self.view
        for member in members.tolist()[:200]:
            for name in view.returns(member):
                found = self._class(name, file)
                if found >= 0 and name != "Self":
                    self.pool.add(view.members(found), "of_result", nearness)

    def by_sight(self) -> None:
        """Add definitions of visible names."""
        few = np.flatnonzero((self.near_symbols > 0) & (self.near_symbols <= _FEW))
        which, symbols = self.view.named(self.near_hashes[few])
        self.pool.add(symbols, "visible", self.near_weights[few][which])
        attributes = np.array([self.sight.attributes.get(word, 0.0) for word in self.near_words])
        if len(symbols):
            members = self.view.symbols(symbols).parents >= 0
            self.pool.add(symbols[members], "visible_attribute", attributes[few][which][members])

    def by_use(
        self, window_words: Mapping[str, float], following_words: Mapping[str, float]
    ) -> None:
        """Add definitions of names that similar code uses."""
        view, place, similar = self.view, self.place, self.similar
        which, hashes = view.words_of(similar.files)
        self.use_names, places = np.unique(hashes, return_inverse=True)
        self.use_values: F64 = np.bincount(
            places, similar.weights[which], len(self.use_names)
        ).astype(np.float64)
        files, symbols = view.counts(self.use_names)
        hidden = ~np.isin(self.use_names, self.near_hashes)
        wanted = np.flatnonzero(hidden & (symbols > 0) & (symbols <= 4) & (self.use_values > 1.0))
        rank = self.use_values[wanted] / (1.0 + np.log1p(files[wanted]))
        wanted = wanted[np.argsort(-rank, kind="stable")[:200]]
        self.pool.add(view.named(self.use_names[wanted])[1])
        self.window_names, self.window_values = _table(window_words)
        self.following_names, self.following_values = _table(following_words)
        for names in (self.window_names, self.following_names):
            _, symbols = view.counts(names)
            self.pool.add(view.named(names[(symbols > 0) & (symbols <= _FEW)])[1])
        self._by_imports_of_similar()
        siblings = place.folder_files[:60]
        for file in siblings.tolist():
            if file != place.file and len(view.symbols_of(file)) < 400:
                self.pool.add(view.tops(file))
        self._by_pair()

    def _by_imports_of_similar(self) -> None:
        """Weigh the names that similar files and those in the same folder import."""
        view, place, similar = self.view, self.place, self.similar
        which, hashes = view.imported_by(similar.files)
        self.coimported_names, places = np.unique(hashes, return_inverse=True)
        self.coimported_values = np.bincount(
            places, similar.weights[which], len(self.coimported_names)
        ) / max(1.0, float(similar.weights.sum()))
        others = place.folder_files[place.folder_files != place.file][:100]
        _, hashes = view.imported_by(others)
        self.beside_names, counts = np.unique(hashes, return_counts=True)
        self.beside_values = counts / max(1, len(others))
        for names, values, least in (
            (self.coimported_names, self.coimported_values, 0.02),
            (self.beside_names, self.beside_values, 0.1),
        ):
            _, symbols = view.counts(names)
            chosen = np.flatnonzero((symbols > 0) & (symbols <= 6) & (values >= least))
            chosen = chosen[np.argsort(-values[chosen], kind="stable")[:150]]
            found = view.named(names[chosen])[1]
            if len(found):
                self.pool.add(found[view.symbols(found).parents < 0])

    def _by_pair(self) -> None:
        """Add attributes that receivers near the cursor have elsewhere in the workspace."""
        view, place, sight = self.view, self.place, self.sight
        receivers = [
            (word, min(weight, 0.5) if word in SELVES else weight)
            for word, weight in [*sight.near.items(), *((word, 0.3) for word in ("self", "this"))]
            if weight >= 0.12
        ]
        last = self._receiver()
        receivers.append((last, 0.0))
        weights = np.array([weight for _, weight in receivers])
        which, attributes, files = view.pairs_of(hashes_of(word for word, _ in receivers))
        kept = np.bincount(which, minlength=len(receivers))[which] < 60_000
        if place.file >= 0:
            kept &= files != place.file
        which, attributes, files = which[kept], attributes[kept], files[kept]
        self.pair_names, places = np.unique(attributes, return_inverse=True)
        count = len(self.pair_names)
        # How many files have each (receiver, attribute): the rows come sorted by both.
        cells, cell_of, cell_counts = np.unique(
            which * np.int64(count + 1) + places, return_inverse=True, return_counts=True
        )
        owners, names = cells // (count + 1), cells % (count + 1)
        spread = math.log1p(view.file_count)
        values = weights[owners] * np.log1p(cell_counts) / spread
        self.pair_values = np.zeros(count)
        np.maximum.at(self.pair_values, names, values)
        similarity = np.zeros(view.file_range)
        similarity[self.similar.files] = self.similar.weights
        alike = np.bincount(cell_of, similarity[files], len(cells)) * weights[owners]
        alike[cell_counts > 60] = 0.0
        self.pair_alike = np.zeros(count)
        np.maximum.at(self.pair_alike, names, alike)
        self.pair_alike /= max(1e-9, float(self.pair_alike.max(initial=0.0)))
        self.pair_receiver = np.zeros(count)
        of_receiver = owners == len(receivers) - 1
        if sight.after_dot and last:
            self.pair_receiver[names[of_receiver]] = (
                0.3 + np.log1p(cell_counts[of_receiver]) / spread
            )
        _, symbols = view.counts(self.pair_names)
        rank = np.where((symbols > 0) & (symbols <= 6), self.pair_values + self.pair_alike, 0.0)
        best = np.argsort(-rank, kind="stable")[:250]
        chosen = set(best[rank[best] > 0].tolist())
        chosen |= set(
            np.flatnonzero((self.pair_receiver > 0) & (symbols > 0) & (symbols <= 8)).tolist()
        )
        if chosen:
            self.pool.add(view.named(self.pair_names[sorted(chosen)])[1])

    def ranking(self) -> Ranking:
        """Return the candidates outside of the document with all features."""
        view, place, sight = self.view, self.place, self.sight
        symbols, table = self.pool.table()
        rows = view.symbols(symbols)
        kept = np.flatnonzero(rows.files != place.file)
        symbols, table = symbols[kept], table[:, kept]
        names, files, kinds = rows.names[kept], rows.files[kept], rows.kinds[kept]
        parents, costs = rows.parents[kept], rows.costs[kept]

        def put(feature: str, values: F64 | NDArray[np.bool_] | float) -> None:
            table[COLUMN[feature]] = values

        def get(feature: str) -> F64:
            row: F64 = table[COLUMN[feature]]
            return row

        member = parents >= 0
        file_counts, symbol_counts = view.counts(names)
        spread = math.log1p(view.file_count)
        put("bias", 1.0)
        put("only_one", 1.0 / np.maximum(1, symbol_counts))
        put("common", np.log1p(file_counts) / spread)
        put("same_folder", np.isin(files, place.folder_files))
        put("file_imported", np.isin(files, np.fromiter(self.imported_files, np.int64)))
        top = float(self.use_values.max(initial=1.0))
        put("alike_files", _found(names, self.use_names, self.use_values) / top)
        put("alike_windows", _found(names, self.window_names, self.window_values))
        put("after_alike_line", _found(names, self.following_names, self.following_values))
        coimported = _found(names, self.coimported_names, self.coimported_values)
        put("imported_alike", np.where(member, 0.0, coimported))
        beside = _found(names, self.beside_names, self.beside_values)
        put("imported_beside", np.where(member, 0.0, beside))
        similarity = np.zeros(view.file_range + 1)
        similarity[self.similar.files] = self.similar.weights
        put("file_alike", similarity[files])
        put("member", member)
        reached = member | (get("of_module") > 0)
        for feature, values in (("pair", self.pair_values), ("pair_alike", self.pair_alike)):
            put(feature, np.where(reached, _found(names, self.pair_names, values), 0.0))
        put("pair_receiver", _found(names, self.pair_names, self.pair_receiver))
        if sight.after_dot:
            put("member_after_dot", member | (get("of_receiver") > 0))
            put("type_after_dot", get("of_type_near"))
        else:
            put("member_without_dot", member)
        put("class", kinds == KIND_NUMBERS["class"])
        put("function", (kinds == KIND_NUMBERS["function"]) | (kinds == KIND_NUMBERS["method"]))
        put("field", kinds == KIND_NUMBERS["field"])
        put("variable", kinds == KIND_NUMBERS["variable"])
        put("of_module_common", np.where(get("of_module") > 0, get("common"), 0.0))
        near = get("imported") + get("of_module") + get("inherited") + get("of_type")
        put("far", near + get("file_imported") + get("same_folder") == 0)
        visible = np.zeros(view.symbol_range + 1)
        visible[symbols] = np.maximum(get("visible"), get("imported_near"))
        put("parent_visible", np.where(member, visible[parents], 0.0))
        return Ranking(symbols, table, costs, parents, files)


def _table(words: Mapping[str, float]) -> tuple[U64, F64]:
    """Return the hashes of words in ascending order, with their values."""
    hashes = hashes_of(words)
    values = np.fromiter(words.values(), np.float64, len(words))
    order = np.argsort(hashes)
    return hashes[order], values[order]


def _found(names: U64, known: U64, values: F64) -> F64:
    """Return the values of names that are among the known ones (ascending), 0 for others."""
    if not len(known):
        return np.zeros(len(names))
    places = np.minimum(known.searchsorted(names), len(known) - 1)
    return np.where(known[places] == names, values[places], 0.0)


def words_of_signatures(texts: Sequence[str]) -> list[str]:
    """Return the identifiers in some signatures."""
    return [word for text in texts for word in WORD.findall(text) if word not in KEYWORDS]
