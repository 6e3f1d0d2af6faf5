"""Which definitions of the workspace the code at the cursor most likely needs.

Candidates come from what the cursor can reach: imports, base classes, types of variables, names
that are visible, attributes that the same receivers have elsewhere, and names that occur in
code like this. Each has features; a small model, fitted on other projects, weighs them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claude_lsp.context import usage
from claude_lsp.context.features import COLUMN, Pool
from claude_lsp.context.sight import KEYWORDS, SELVES
from claude_lsp.context.similar import hashes_of, path_nearness
from claude_lsp.context.usage import Weighted
from claude_lsp.workspace.index.hashing import class_key, hash_of, stem_key
from claude_lsp.workspace.index.segment import KIND_NUMBERS
from claude_lsp.workspace.languages import family_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from claude_lsp.context.sight import Sight
    from claude_lsp.context.similar import F64, Place, SimilarFiles
    from claude_lsp.workspace.index.links import Links
    from claude_lsp.workspace.index.segment import I64, U64

_SELF_TYPE = hash_of("Self")
_MOST_TYPES = 60
_MOST_SIBLINGS = 60
_MOST_SYMBOLS = 400
_FEW = 12
"""Definitions of a visible name beyond which the name alone says nothing."""
_MANY = 300
"""Definitions beyond which it says nothing even in files that the document knows."""


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
    shown: tuple[int, int] | None = None,
) -> Ranking:
    """Return the definitions that the cursor may need, with what speaks for each.

    Those of the document itself are among them where they stand outside of the lines `shown`.
    """
    search = _Search(links, place, sight, similar)
    search.by_document(shown)
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
        self.hidden: I64 = np.empty(0, np.int64)
        """What the document defines outside of the lines that are shown."""
        self.imported_files: set[int] = set()
        self.modules: dict[str, I64] = {}
        """What stands at the top of each module that is imported as a whole, by its local name."""
        self.unused = False
        """Whether something is imported that nothing in the document uses yet."""
        self.typed: dict[int, float] = {}
        """Classes whose members may be used, with how near to the cursor they are."""
        self._known_files: NDArray[np.bool_] | None = None
        self.near_words = list(sight.near)
        self.near_hashes = hashes_of(self.near_words)
        self.near_weights = np.fromiter(sight.near.values(), np.float64, len(self.near_words))
        self.near_files, self.near_symbols = self.view.counts(self.near_hashes)

    def _type(self, symbol: int, nearness: float) -> None:
        if symbol >= 0 and nearness > self.typed.get(symbol, 0.0):
            self.typed[symbol] = nearness

    def _class(self, name: str | int, file: int) -> int:
        key = hash_of(name) if isinstance(name, str) else name
        return self.links.class_named(key, file) if file >= 0 else -1

    def by_document(self, shown: tuple[int, int] | None) -> None:
        """Add what the document itself defines where it is not shown: it need not be imported."""
        file = self.place.file
        if file < 0 or shown is None:
            return
        view = self.view
        numbers = view.symbols_of(file)
        symbols = np.arange(numbers.start, numbers.stop)
        first_lines = view.first_lines(file)
        self.hidden = symbols[(first_lines < shown[0]) | (first_lines > shown[1])]
        rows = view.symbols(self.hidden)
        nearness = dict(zip(self.near_hashes.tolist(), self.near_weights.tolist(), strict=True))
        near = np.array([nearness.get(name, 0.0) for name in rows.names.tolist()])
        used = near > 0
        self.pool.add(self.hidden[used], "imported")
        self.pool.add(self.hidden[used], "imported_near", near[used])
        if self.place.enclosing_class >= 0:
            self.pool.add(self.hidden[rows.parents == self.place.enclosing_class], "inherited")

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
                self.modules[local] = tops
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
        self.pool.add_one(symbol, "imported")
        self.pool.add_one(symbol, "imported_near", nearness)
        if nearness == 0.0:
            self.pool.add_one(symbol, "imported_unused")
            self.unused = True
        self.imported_files.add(file)
        if view.is_class(symbol):
            self._type(symbol, max(nearness, 0.05))
        if nearness > 0.0:
            for name in view.returns(symbol):
                self._type(self._class(name, file), 0.5 * nearness)
            for name in view.types(symbol):
                found = self._class(name, file)
                if found >= 0:
                    self.pool.add_one(found, "type_near", nearness)

    def _receiver(self) -> str:
        return self.sight.receiver.rpartition(".")[2]

    def by_type(self) -> None:
        """Add members of classes that the cursor's variables and its own class have."""
        links, view, place, sight = self.links, self.view, self.place, self.sight
        if place.enclosing_class >= 0:
            of_self = sight.after_dot and sight.receiver in (*SELVES, "super()", ")")
            for above in links.ancestors(place.enclosing_class):
                members = view.members(above)
                self.pool.add_one(above, "type_near", 0.5)
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
        owners: dict[int, float] = {}
        exact: set[int] = set()
        nearest = sorted(self.typed.items(), key=lambda item: (-item[1], item[0]))[:_MOST_TYPES]
        for symbol, nearness in nearest:
            self.pool.add_one(symbol, "type_near", nearness)
            if nearness > 0.3:
                self._one_further(symbol, nearness)
            lineage = [symbol, *links.ancestors(symbol)]
            for distance, owner in enumerate(lineage):
                share = nearness * (0.8 if distance else 1.0)
                owners[owner] = max(share, owners.get(owner, 0.0))
            if meant and view.name(symbol) in meant:
                exact.update(lineage)
        for owner, nearness in owners.items():
            own = view.members(owner)
            members = own if len(own) else self._members_of_alternatives(owner)
            self.pool.add(members, "of_type")
            self.pool.add(members, "of_type_near", nearness)
            if owner in exact:
                self.pool.add(members, "of_receiver")

    def _members_of_alternatives(self, alias: int) -> I64:
        """Return the members of the types that an alias is a choice of."""
        view, file = self.view, self.view.file_of(alias)
        members = [np.empty(0, np.int64)]
        for name in view.types(alias)[:12]:
            found = self._class(name, file)
            if found >= 0 and found != alias:
                members.append(view.members(found))
        return np.concatenate(members)

    def _result_of(self, name: str, nearness: float) -> None:
        """Add the class that a function of that name returns, if there is only one or two."""
        symbols = self.view.few_named(hash_of(name))
        if len(symbols) <= 2:
            for symbol in symbols:
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
            few = counts[which] <= 3
            which, symbols = which[few], symbols[few]
            for number, symbol in zip(which.tolist(), symbols.tolist(), strict=True):
                word, nearness = words[number]
                if len(word) > 2 and number not in done:
                    self._type(symbol, share * nearness / math.sqrt(counts[number]))
            done.update(np.flatnonzero(counts).tolist())
        which, symbols = view.named(hashes_of(word for word, _ in words))
        counts = np.bincount(which, minlength=len(words))
        few = counts[which] <= 6
        for number, symbol in zip(which[few].tolist(), symbols[few].tolist(), strict=True):
            for name in view.returns(symbol) or view.types(symbol)[:3]:
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

    def _one_further(self, owner: int, nearness: float) -> None:
        """Add members of what the members of a class return."""
        view = self.view
        file = view.file_of(owner)
        for key in view.returned_by(view.members(owner)):
            found = self._class(key, file)
            if found >= 0 and key != _SELF_TYPE:
                self.pool.add(view.members(found), "of_result", nearness)

    def by_sight(self) -> None:
        """Add definitions of visible names."""
        few = np.flatnonzero((self.near_symbols > 0) & (self.near_symbols <= _FEW))
        which, symbols = self.view.named(self.near_hashes[few])
        self.pool.add(symbols, "visible", self.near_weights[few][which])
        # A name with many definitions means one in a file that the document knows.
        many = np.flatnonzero((self.near_symbols > _FEW) & (self.near_symbols <= _MANY))
        which_many, found = self.view.named(self.near_hashes[many])
        if len(found):
            kept = self._known(found)
            found, which_many = found[kept], which_many[kept]
            self.pool.add(found, "visible_many", self.near_weights[many][which_many])
        attributes = np.array([self.sight.attributes.get(word, 0.0) for word in self.near_words])
        if len(symbols):
            members = self.view.symbols(symbols).parents >= 0
            self.pool.add(symbols[members], "visible_attribute", attributes[few][which][members])

    def _known(self, symbols: I64) -> NDArray[np.bool_]:
        """Return which symbols stand in files that are imported, similar or in the same folder."""
        if self._known_files is None:
            self._known_files = self.view.marks(
                self.imported_files, self.similar.files, self.place.folder_files[:200]
            )
        return self._known_files[self.view.files_of(symbols)]

    def by_use(
        self, window_words: Mapping[str, float], following_words: Mapping[str, float]
    ) -> None:
        """Add definitions of names that similar code uses."""
        view, place, similar = self.view, self.place, self.similar
        similar_words = view.weighted_words(similar.files, similar.weights)
        self.in_files = Weighted(similar_words.names, similar_words.values)
        self.in_windows = usage.from_words(window_words)
        self.in_following = usage.from_words(following_words)
        self.in_imports = usage.in_imports(view, similar)
        self.in_imports_beside = usage.in_imports_beside(view, place)
        self._add_taken()
        receiver = self._receiver() if self.sight.after_dot else ""
        self.pairs = usage.in_pairs(view, place, self.sight, similar, receiver)
        names, values, files, symbols = similar_words
        wanted = (symbols > 0) & (symbols <= 4) & (values > 1.0)
        wanted[_places_among(names, self.near_hashes)] = False
        self._add_best(names, np.where(wanted, values / (1.0 + np.log1p(files)), 0.0), 200)
        for names, _ in (self.in_windows, self.in_following):
            _, symbols = view.counts(names)
            self.pool.add(view.named(names[(symbols > 0) & (symbols <= _FEW)])[1])
            found = view.named(names[(symbols > _FEW) & (symbols <= _MANY)])[1]
            if len(found):
                self.pool.add(found[self._known(found)])
        for (names, values), least in ((self.in_imports, 0.02), (self.in_imports_beside, 0.1)):
            _, symbols = view.counts(names)
            wanted = (symbols > 0) & (symbols <= 6) & (values >= least)
            self._add_best(names, np.where(wanted, values, 0.0), 150, members=False)
        siblings = place.folder_files[:_MOST_SIBLINGS]
        self.pool.add(view.tops_of(siblings[siblings != place.file], _MOST_SYMBOLS))
        names, values = self.pairs.spread
        _, symbols = view.counts(names)
        values = values + self.pairs.alike.values
        self._add_best(names, np.where((symbols > 0) & (symbols <= 6), values, 0.0), 250)
        wanted = (self.pairs.receiver.values > 0) & (symbols > 0) & (symbols <= 8)
        self.pool.add(view.named(names[wanted])[1])

    def _add_taken(self) -> None:
        """Add how much other files take what stands in the imported modules."""
        if self.modules:
            owners = np.repeat(np.arange(len(self.modules)), [*map(len, self.modules.values())])
            symbols = np.concatenate([*self.modules.values()])
            names = self.view.symbols(symbols).names
            often, alike = usage.taken(
                self.view,
                self.place,
                self.similar,
                modules=list(self.modules),
                owners=owners,
                names=names,
            )
            self.pool.add(symbols, "taken", often)
            self.pool.add(symbols, "taken_alike", alike)

    def _add_best(self, names: U64, values: F64, most: int, *, members: bool = True) -> None:
        """Add the definitions of the names with the largest values above 0."""
        able = np.flatnonzero(values > 0)
        best = able[np.argsort(-values[able], kind="stable")[:most]]
        found = self.view.named(names[best])[1]
        if len(found) and not members:
            found = found[self.view.symbols(found).parents < 0]
        self.pool.add(found)

    def ranking(self) -> Ranking:
        """Return the candidates outside of the document with all features."""
        view, place, sight = self.view, self.place, self.sight
        symbols, table = self.pool.table()
        rows = view.symbols(symbols)
        usable = view.in_languages(family_of(place.language))
        reachable = (rows.files != place.file) | np.isin(symbols, self.hidden)
        kept = np.flatnonzero(reachable & usable[rows.files])
        symbols, table = symbols[kept], table[:, kept]
        names, files, kinds = rows.names[kept], rows.files[kept], rows.kinds[kept]
        parents, costs = rows.parents[kept], rows.costs[kept]

        def put(feature: str, values: F64 | NDArray[np.bool_] | float) -> None:
            table[COLUMN[feature]] = values

        def get(feature: str) -> F64:
            row: F64 = table[COLUMN[feature]]
            return row

        member = parents >= 0
        # Looked up once for each name, and in order, which is several times as fast.
        distinct, name_of = np.unique(names, return_inverse=True)
        file_counts, symbol_counts = (column[name_of] for column in view.counts(distinct))

        def used(weighted: Weighted) -> F64:
            values: F64 = weighted.of(distinct)[name_of]
            return values

        spread = math.log1p(view.file_count)
        put("bias", 1.0)
        put("only_one", 1.0 / np.maximum(1, symbol_counts))
        put("common", np.log1p(file_counts) / spread)
        put("same_folder", view.marks(place.folder_files)[files])
        put("file_imported", view.marks(self.imported_files)[files])
        top = float(self.in_files.values.max(initial=1.0))
        put("alike_files", used(self.in_files) / top)
        put("alike_windows", used(self.in_windows))
        put("after_alike_line", used(self.in_following))
        put("imported_alike", np.where(member, 0.0, used(self.in_imports)))
        put("imported_beside", np.where(member, 0.0, used(self.in_imports_beside)))
        similarity = np.zeros(view.file_range + 1)
        similarity[self.similar.files] = self.similar.weights
        put("file_alike", similarity[files])
        put("member", member)
        reached = member | (get("of_module") > 0)
        put("pair", np.where(reached, used(self.pairs.spread), 0.0))
        put("pair_alike", np.where(reached, used(self.pairs.alike), 0.0))
        put("pair_receiver", used(self.pairs.receiver))
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
        modules = np.zeros(view.file_range + 1)
        np.maximum.at(modules, files, get("imported_alike"))
        put("module_alike", modules[files])
        classes, place_of = np.unique(parents[member], return_inverse=True)
        alike = np.zeros(len(classes))
        if len(classes):
            class_names = view.symbols(classes).names
            alike = self.in_files.of(class_names) / top + self.in_windows.of(class_names)
        table[COLUMN["parent_alike"], member] = alike[place_of]
        folders, first, place_of = np.unique(
            view.folders(files), return_index=True, return_inverse=True
        )
        nearness = [
            path_nearness(place.path, folder, view, file)
            for folder, file in zip(folders.tolist(), files[first].tolist(), strict=True)
        ]
        put("path_near", np.array(nearness, np.float64)[place_of])
        put("same_stem", view.stems(files) == np.uint64(stem_key(place.path)))
        put("something_unused", self.unused)
        put("after_dot", sight.after_dot)
        return Ranking(symbols, table, costs, parents, files)


def _places_among(names: U64, some: U64) -> I64:
    """Return where some names are among names in ascending order; those that are not, nowhere."""
    if not len(names):
        return np.empty(0, np.int64)
    places = np.minimum(names.searchsorted(some), len(names) - 1)
    found: I64 = places[names[places] == some]
    return found
