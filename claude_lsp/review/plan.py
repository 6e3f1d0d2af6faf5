"""The calls of a review, fixed before the first one is made: which lines each of them looks at.

A small change is one call. A larger one is cut by file, by definition, by hunk and at last by
line, so that every call fits its token bound and nothing is left out in silence. The same input
gives the same plan; a plan is what can be shown, priced, limited, split over machines and resumed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from claude_lsp.actions import ACTIONS
from claude_lsp.claude.route import route
from claude_lsp.context import tokens
from claude_lsp.context.candidate import Lines
from claude_lsp.engine import room_beside
from claude_lsp.review.instructions import Instructions
from claude_lsp.review.parts import parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_lsp.context.candidate import Excerpt
    from claude_lsp.context.tokens import Family
    from claude_lsp.review.document import Document
    from claude_lsp.review.scope import Scope
    from claude_lsp.settings import Settings

_VERSION = "1"
_OVERHEAD = 1_600
"""Tokens of a call beside its context: the system prompt, the schema, the question."""
_FOCUS = 0.5
"""Of its room, what a call of several files is filled to where one call can't hold all."""
TOO_LONG = "too long for a call"
OVER_CALLS = "over --max-calls"
OVER_TOKENS = "over --max-tokens"


@dataclass(frozen=True, eq=False)
class Unit:
    """What one call reviews.

    Attributes:
        excerpts: the parts of documents that it looks at.
        instructions: what the project says to reviewers of these files.
    """

    excerpts: tuple[Excerpt, ...]
    instructions: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """The paths of its documents."""
        return tuple(excerpt.origin for excerpt in self.excerpts)

    @property
    def origin(self) -> str:
        """Its documents for the user, with the lines where it is not all of one."""
        if len(self.excerpts) > 1:
            return f"{self.excerpts[0].origin} and {len(self.excerpts) - 1} more"
        return place_of(self.excerpts[0])

    @property
    def tokens(self) -> int:
        """Upper bound on what its excerpts take."""
        return sum(excerpt.tokens for excerpt in self.excerpts)

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits that are the same wherever the same is asked."""
        digest = hashlib.sha256()
        for excerpt in self.excerpts:
            lines = excerpt.snapshot.index.lines
            told = [
                *(excerpt.origin, excerpt.change, excerpt.shown, excerpt.added, excerpt.removed),
                *(excerpt.scope, ["".join(lines[a : b + 1]) for a, b in excerpt.shown]),
            ]
            digest.update(json.dumps(told).encode())
        digest.update(json.dumps([_VERSION, self.instructions]).encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Limits:
    """The most that a plan may ask for; None for no limit.

    Attributes:
        calls: how many calls.
        tokens: tokens of all prompts together, by their upper bounds.
    """

    calls: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Plan:
    """The calls of a review.

    Attributes:
        units: in the order in which they are made.
        left_out: what no call looks at though it was asked for: path, and which lines and why.
    """

    units: tuple[Unit, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def make_plan(
    scope: Scope,
    settings: Settings,
    instructions: Instructions | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Return the calls that review a scope; counts tokens, so call it in a worker.

    Args:
        scope: what is reviewed.
        settings: the resolved options.
        instructions: what the project says to reviewers.
        limits: the most that may be asked for.
    """
    review = ACTIONS["review"]
    family = route(review.name, review.tier, settings).model.tokenizer
    budget = review.recipe.budget(settings)
    room = int(budget * review.recipe.document)
    said = instructions or Instructions()
    limits = limits or Limits()
    left_out: list[tuple[str, str]] = []
    documents: Sequence[Document] = scope.documents
    if scope.changes:
        documents = sorted(documents, key=_rank)
    excerpts = _excerpts(documents, room, family, limits, left_out)
    # Whole files have a call each, so that none takes the room of another's answer.
    groups = _together(excerpts, room) if scope.changes else [(each,) for each in excerpts]
    units: list[Unit] = []
    asked = 0
    for group in groups:
        unit = Unit(group, said.for_paths(excerpt.origin for excerpt in group))
        most = _most_tokens(unit, budget, family)
        if limits.calls is not None and len(units) >= limits.calls:
            left_out += [(each.origin, f"{lines_of(each)}{OVER_CALLS}") for each in group]
        elif limits.tokens is not None and asked + most > limits.tokens:
            left_out += [(each.origin, f"{lines_of(each)}{OVER_TOKENS}") for each in group]
        else:
            units.append(unit)
            asked += most
    return Plan(tuple(units), tuple(left_out))


def _excerpts(
    documents: Sequence[Document],
    room: int,
    family: Family,
    limits: Limits,
    left_out: list[tuple[str, str]],
) -> list[Excerpt]:
    """Cut documents to size, as far as the limits can reach; the rest is not even counted."""
    by_calls = None if limits.calls is None else limits.calls * room
    found: list[Excerpt] = []
    total = 0
    for document in documents:
        if limits.tokens is not None and total > limits.tokens:
            left_out.append((document.origin, OVER_TOKENS))
            continue
        if by_calls is not None and total > by_calls:
            left_out.append((document.origin, OVER_CALLS))
            continue
        parts = parts_of(document, room, family)
        for excerpt in parts.excerpts:
            found.append(excerpt)
            total += excerpt.tokens
        left_out += [(document.origin, f"{_run(lines)}: {TOO_LONG}") for lines in parts.too_long]
    return found


def _together(excerpts: Sequence[Excerpt], room: int) -> list[tuple[Excerpt, ...]]:
    """Put excerpts into calls: all into one if they fit, else neighbours, up to a part of it."""
    total = sum(excerpt.tokens for excerpt in excerpts)
    limit = room if total <= room else int(room * _FOCUS)
    groups: list[tuple[Excerpt, ...]] = []
    used = limit
    for excerpt in excerpts:
        # A document is in a call only once: what was sent of it is known by its path.
        again = bool(groups) and excerpt.origin in {each.origin for each in groups[-1]}
        if used + excerpt.tokens > limit or again:
            groups.append((excerpt,))
            used = excerpt.tokens
        else:
            groups[-1] += (excerpt,)
            used += excerpt.tokens
    return groups


def _most_tokens(unit: Unit, budget: int, family: Family) -> int:
    """Return an upper bound on the tokens of a call's prompt."""
    if unit.excerpts[0].whole:
        return _OVERHEAD + budget
    beside = room_beside(unit.tokens) + tokens.upper_bound(unit.instructions, family)
    return _OVERHEAD + min(budget, unit.tokens + beside)


def place_of(excerpt: Excerpt) -> str:
    """Return a document's path, with the lines where it is not all of it."""
    shown = excerpt.shown
    everything = excerpt.change or shown == (Lines(0, len(excerpt.snapshot.index.lines) - 1),)
    if everything:
        return excerpt.origin
    return f"{excerpt.origin}:{shown[-1]}"


def lines_of(excerpt: Excerpt) -> str:
    """Return which lines of a document an excerpt has, empty for all of them."""
    if excerpt.shown == (Lines(0, len(excerpt.snapshot.index.lines) - 1),):
        return ""
    return f"{', '.join(map(_run, excerpt.scope or excerpt.shown))}: "


def _run(lines: Lines) -> str:
    return f"line {lines}" if lines.first == lines.last else f"lines {lines}"


def _rank(document: Document) -> tuple[bool, list[str]]:
    """Return where a document stands: what is left out at a limit should rather be a test."""
    parts = document.origin.lower().split("/")
    name = parts[-1]
    folders = {"test", "tests", "__tests__", "spec", "fixtures", "docs", "examples"}
    is_test = name.startswith("test_") or ".test." in name or ".spec." in name
    return bool(folders & set(parts[:-1])) or is_test, document.origin.split("/")
