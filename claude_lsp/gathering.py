"""What the workspace has to say about a place: looked for in a worker, kept ready while typing.

A completion waits for its context no longer than `context.deadline_ms`. What was found for the
same line or one near it serves the next keystrokes, for as long as the service's cache holds what
was sent of it; so the request neither waits nor changes more than it must.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from claude_lsp.text.snapshots import path_from_uri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from claude_lsp.actions.action import Place, Situation, Surroundings
    from claude_lsp.context.assemble import LeftOut
    from claude_lsp.context.candidate import Candidate
    from claude_lsp.context.gather import Spot
    from claude_lsp.context.lookups import Lookups
    from claude_lsp.context.recipes import Recipe
    from claude_lsp.context.tokens import Family
    from claude_lsp.settings import Settings
    from claude_lsp.text.snapshots import Snapshot
    from claude_lsp.workspace.codebase import Codebase, Folder
    from claude_lsp.workspace.workspace import Workspace

_log = logging.getLogger(__name__)

_DOCUMENTS_KEPT = 16
_PLACES_KEPT = 8
"""Of each document: people go back and forth between a few."""
_NEAR = 10
"""Lines. What is found so far away holds as many of the definitions that are needed (.967 instead
of .970 of them at 4,000 tokens); 40 lines away it is .82."""
_KEPT_S = 300.0
"""So long since it was last used, what was found so near is not looked for again: that would find
hardly more, and what was sent already is read from the cache, which holds it for as long."""
_OWN = frozenset(("self", "cls", "this"))
"""Receivers whose members stand in the document, or are those of the enclosing class's bases, which
are looked for anyway."""
_LATER_S = 0.03
"""A request that has its context goes out before a better one is looked for."""
_CHARACTERS_PER_TOKEN = 2.6
"""Of code, by the upper bound of its tokens: a little less than usual."""


class Gathered(NamedTuple):
    """What was found for a place.

    Attributes:
        candidates: to go into the context, in no order that matters.
        left_out: what would have helped but must not be sent.
        paths: the file of each candidate.
    """

    candidates: tuple[Candidate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    paths: tuple[Path, ...] = ()

    def joined(self, other: Gathered, but: Collection[str]) -> Gathered:
        """Return both together, each candidate once, and none from a file named in `but`."""
        known = {(each.origin, each.text) for each in self.candidates}
        new = [
            (candidate, path)
            for candidate, path in zip(other.candidates, other.paths, strict=True)
            if candidate.origin not in but and (candidate.origin, candidate.text) not in known
        ]
        return Gathered(
            self.candidates + tuple(candidate for candidate, _ in new),
            tuple(dict.fromkeys(self.left_out + other.left_out)),
            self.paths + tuple(path for _, path in new),
        )


class Wanted(NamedTuple):
    """What is to be found.

    Attributes:
        situation: the place.
        recipe: what to look for.
        surroundings: what the editor shows.
        room: tokens that everything together may take, frames included.
        family: the model's tokenizer generation.
    """

    situation: Situation
    recipe: Recipe
    surroundings: Surroundings
    room: int
    family: Family

    @property
    def place(self) -> _Spot:
        """Where it is, as far as that matters for what is found."""
        from claude_lsp.context.sight import receiver_at

        index, start = self.situation.snapshot.index, self.situation.range.start
        above = index.line(start.line - 1) if start.line else ""
        # Not the name that is being typed: it is another one with each keystroke.
        after_dot, receiver, _ = receiver_at(index.line(start.line)[: start.column])
        other = receiver if after_dot and receiver not in _OWN else None
        return _Spot(self.recipe, self.room, self.family, start.line, above, other)


class _Spot(NamedTuple):
    """What must be the same for something found earlier to do as well.

    Attributes:
        recipe, room, family: what is looked for.
        line: the line in the document.
        above: the text of the line above it.
        receiver: what stands before a dot at the cursor, None where there is no dot, or where it is
            the object itself: behind another one other members matter.
    """

    recipe: Recipe
    room: int
    family: Family
    line: int
    above: str
    receiver: str | None

    def is_near(self, other: _Spot) -> bool:
        """Whether what was found for the other does until there is better."""
        return (
            abs(self.line - other.line) <= _NEAR
            and self.receiver == other.receiver
            and self[:3] == other[:3]
        )


@dataclass
class _Ready:
    """What was found for a place, and until when that is good enough to stay what is sent."""

    found: Gathered
    until: float


class _ReadyPlaces:
    """What is ready, by document and place; the last ones used are kept."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, OrderedDict[_Spot, _Ready]] = OrderedDict()

    def find(self, uri: str, spot: _Spot) -> tuple[_Spot, _Ready] | None:
        """Return what is ready for a place, or for the nearest one that does, and which it is."""
        near = [each for each in self._documents.get(uri, {}).items() if each[0].is_near(spot)]
        return min(near, key=lambda each: abs(each[0].line - spot.line)) if near else None

    def keep(self, uri: str, spot: _Spot, ready: _Ready) -> None:
        """Keep what was found for a place."""
        places = self._documents.setdefault(uri, OrderedDict())
        # An earlier one of the same line was found in another text.
        for other in [other for other in places if other[:4] == spot[:4]]:
            if other.receiver == spot.receiver:
                del places[other]
        places[spot] = ready
        self._documents.move_to_end(uri)
        if len(places) > _PLACES_KEPT:
            places.popitem(last=False)
        if len(self._documents) > _DOCUMENTS_KEPT:
            self._documents.popitem(last=False)


class Gatherer:
    """Finds what helps with a place.

    Args:
        settings: the resolved options.
        workspace: tells what may be sent.
        codebase: what is known of the code.
    """

    def __init__(self, settings: Settings, workspace: Workspace, codebase: Codebase) -> None:
        self._settings, self._workspace, self._codebase = settings, workspace, codebase
        self._ready = _ReadyPlaces()
        self._searches: dict[str, tuple[_Spot, asyncio.Task[Gathered]]] = {}
        self._lookups: WeakKeyDictionary[Folder, Lookups] = WeakKeyDictionary()
        # One search at a time: each would only take the processor from the others. In a thread of
        # their own, as a slow one must not keep others that wait for a thread from their work.
        self._searcher = ThreadPoolExecutor(1, "claude-lsp-search")
        self._closed = False

    async def gather(self, wanted: Wanted) -> Gathered:
        """Return what fits a place; for one that nobody asked about, what is ready in time."""
        if not wanted.recipe.gathers or wanted.room <= 0:
            return Gathered()
        if not wanted.situation.automatic or self._closed:
            return await self._searched(wanted)
        uri, place = wanted.situation.snapshot.uri, wanted.place
        known = self._ready.find(uri, place)
        if known is not None:
            ready = known[1]
            if not self._is_good(known, place):
                self._search_of(uri, place, wanted, delay_s=_LATER_S)
            ready.until = _now() + _KEPT_S
            return ready.found
        search = self._search_of(uri, place, wanted)
        await asyncio.wait({search}, timeout=self._settings.context.deadline_ms / 1000)
        if search.done() and not search.cancelled():
            return search.result()
        return Gathered()

    async def gather_ahead(self, wanted: Wanted) -> None:
        """Look now for what fits a place that will probably be asked about."""
        if not wanted.recipe.gathers or wanted.room <= 0 or self._closed:
            return
        uri, place = wanted.situation.snapshot.uri, wanted.place
        known = self._ready.find(uri, place)
        if known is None or not self._is_good(known, place):
            await asyncio.wait({self._search_of(uri, place, wanted)})

    def _is_good(self, known: tuple[_Spot, _Ready], place: _Spot) -> bool:
        """Whether what is ready is not worth being replaced yet."""
        return known[0].is_near(place) and _now() < known[1].until

    def _search_of(
        self, uri: str, place: _Spot, wanted: Wanted, delay_s: float = 0.0
    ) -> asyncio.Task[Gathered]:
        """Return the search under way for a place, or begin one.

        It goes on when its request is cancelled: what it finds serves the next one.
        """
        known = self._searches.get(uri)
        if known is not None and not known[1].done():
            if known[0] == place:
                return known[1]
            # Nobody waits for what is found there any more; if it has not begun, it never will.
            known[1].cancel()
        search = asyncio.create_task(self._searched(wanted, delay_s))
        self._searches[uri] = place, search

        def keep(task: asyncio.Task[Gathered]) -> None:
            newest = self._searches.get(uri)
            if newest is not None and newest[1] is task:
                del self._searches[uri]
                if not task.cancelled():
                    self._ready.keep(uri, place, _Ready(task.result(), _now() + _KEPT_S))

        search.add_done_callback(keep)
        return search

    async def _searched(self, wanted: Wanted, delay_s: float = 0.0) -> Gathered:
        """Search in a worker, and follow what git has done meanwhile."""
        if delay_s:
            await asyncio.sleep(delay_s)
        folder = self._codebase.folder_of(wanted.situation.snapshot.path)
        searching = partial(self._search, folder, wanted)
        try:
            found, git_has_moved = await asyncio.get_running_loop().run_in_executor(
                self._searcher, searching
            )
        except Exception:  # noqa: BLE001 - a bug of ours; an answer without this is worth having
            _log.exception("nothing could be gathered for %s", wanted.situation.origin)
            return Gathered()
        if git_has_moved:
            folder.update()
        return found

    def still_allowed(self, found: Gathered) -> Gathered:
        """Return what may be sent of something found a moment ago; reads files, so in a worker."""
        from claude_lsp.context.assemble import LeftOut

        kept: list[Candidate] = []
        paths: list[Path] = []
        left_out = list(found.left_out)
        for candidate, path in zip(found.candidates, found.paths, strict=True):
            # The index, and what is ready, may be older than a rule.
            reason = self._workspace.reason_against_path(path)
            if reason is None:
                kept.append(candidate)
                paths.append(path)
            else:
                left_out.append(LeftOut(candidate.origin, reason))
        return Gathered(tuple(kept), tuple(left_out), tuple(paths))

    async def close(self) -> None:
        """End the searches that no request waits for; from now on none is begun."""
        self._closed = True
        searches = [search for _, search in self._searches.values()]
        for search in searches:
            search.cancel()
        await asyncio.gather(*searches, return_exceptions=True)

    def _search(self, folder: Folder, wanted: Wanted) -> tuple[Gathered, bool]:
        # What this loads, numpy among it, a server that starts does not need.
        from claude_lsp.context.assemble import LeftOut, candidate_tokens
        from claude_lsp.context.gather import Query, gather
        from claude_lsp.context.lookups import Lookups

        situation = wanted.situation
        snapshot = situation.snapshot
        buffers, left_out = self._buffers(folder, wanted)
        name = folder.name_of(snapshot.path) if snapshot.path is not None else situation.origin
        lines = snapshot.index.lines
        query = Query(
            name,
            snapshot.language,
            lines,
            situation.range,
            shown=_shown(situation, wanted.recipe.budget(self._settings) - wanted.room),
            mentioned=" ".join(problem.message for problem in situation.problems),
            related=self._spots(folder, (place for p in situation.problems for place in p.related)),
            recent=self._spots(folder, wanted.surroundings.recent),
        )
        candidates, crowded_out = gather(
            folder.links(buffers),
            query,
            self._lookups.setdefault(folder, Lookups(folder.text)),
            wanted.recipe,
            room=wanted.room,
            weigh=partial(candidate_tokens, family=wanted.family),
        )
        paths = tuple(folder.path_of(candidate.origin) for candidate in candidates)
        left_out += [
            LeftOut(kind, f"no room for {number:,}")
            for kind, number in crowded_out.items()
            if number > 0
        ]
        named = tuple(
            replace(candidate, origin=self._workspace.origin_of(path))
            for candidate, path in zip(candidates, paths, strict=True)
        )
        return Gathered(named, tuple(left_out), paths), folder.git_has_moved()

    def _buffers(self, folder: Folder, wanted: Wanted) -> tuple[list[Snapshot], list[LeftOut]]:
        """Return the buffers of a folder that the index may know, the document itself last."""
        from claude_lsp.context.assemble import LeftOut

        document = wanted.situation.snapshot
        buffers: list[Snapshot] = []
        left_out: list[LeftOut] = []
        for snapshot in wanted.surroundings.documents:
            if (
                snapshot.uri == document.uri
                or self._codebase.folder_of(snapshot.path) is not folder
            ):
                continue
            reason = self._workspace.reason_not_to_send(snapshot)
            if reason is None:
                buffers.append(snapshot)
            else:
                left_out.append(LeftOut(self._workspace.origin(snapshot), reason))
        return [*buffers, document], left_out

    def _spots(self, folder: Folder, places: Iterable[Place]) -> list[Spot]:
        """Return the places that are in files of a folder."""
        from claude_lsp.context.gather import Spot

        found = []
        for uri, line in places:
            path = path_from_uri(uri)
            if path is not None and self._codebase.folder_of(path) is folder:
                found.append(Spot(folder.name_of(path), line))
        return found


def _now() -> float:
    return asyncio.get_running_loop().time()


def _shown(situation: Situation, tokens: int) -> tuple[int, int] | None:
    """Return about which lines of the document fit into its part of a context; None for all."""
    characters = int(tokens * _CHARACTERS_PER_TOKEN)
    index = situation.snapshot.index
    if len(index.text) <= characters:
        return None
    from claude_lsp.context.assemble import SHARE_BEFORE

    start, end = (index.offset_at(place) for place in situation.range)
    before = int(characters * SHARE_BEFORE)
    first = index.position_at(max(0, start - before)).line
    return first, index.position_at(end + characters - before).line
