"""How much of what an edited place uses is shown beside its document, by the room for it.

    python -m benchmarks.context.edits [--rooms 4800,3600,2760] [--per-fold N]

The places are those of `make bench-context`, with the text that is held out there put back and
selected, five lines around it included. Room is in tokens by the server's own bound.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.context.bench import default_data, say
from benchmarks.context.cases import read_fold
from benchmarks.context.folds import FULL, make_folds, reseeded
from benchmarks.context.score import ContextText, look_for
from benchmarks.context.serve import document_of, make
from claude_lsp.claude.catalog import lookup
from claude_lsp.context.assemble import candidate_tokens
from claude_lsp.context.gather import Query, gather
from claude_lsp.context.recipes import RECIPES
from claude_lsp.text.positions import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.context.cases import Case
    from benchmarks.context.serve import Product

FOLDS = ("pygls-1", "httpx-1", "rich-1", "scrapy-1", "zod-1")
ANEW = ("pygls-1", "httpx-1")
"""Those of which there are more places, of another seed."""
ACTIONS = ("fix", "rewrite", "document", "test")
_AROUND = 5


def shares(product: Product, case: Case, rooms: list[int]) -> Iterator[tuple[str, int, float]]:
    """Yield, for each action and room, the share of the definitions used that are shown."""
    folder, lookups = product.folder(case.root)
    document = document_of(case.root, case.file, case.prefix + case.held + case.suffix)
    line = case.prefix.count("\n")
    last = line + case.held.count("\n") + _AROUND + 1
    selected = Range(
        Position(max(0, line - _AROUND), 0),
        Position(min(last, document.index.line_count - 1), 0),
    )
    assert document.path is not None
    name = folder.name_of(document.path)
    query = Query(name, document.language, document.index.lines, selected)
    links = folder.links([document])
    weigh = partial(candidate_tokens, family=lookup("claude-sonnet-5-5").tokenizer)
    for action in ACTIONS:
        for room in rooms:
            packed = gather(links, query, lookups, RECIPES[action], room=room, weigh=weigh)
            text = ContextText("".join(f"# {c.origin}\n{c.text}" for c in packed.candidates))
            there = [look_for(gold, text).definition for gold in case.golds]
            yield action, room, sum(there) / len(there)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.context.edits", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rooms", default="4800,3600,2760", help="tokens, with commas between")
    parser.add_argument("--per-fold", type=int, default=25, help="places of each fold")
    options = parser.parse_args()
    rooms = [int(room) for room in options.rooms.split(",")]
    folds = [fold for fold in FULL if fold.name in FOLDS]
    folds += reseeded([fold for fold in FULL if fold.name in ANEW], 100)
    folders = make_folds(folds, default_data(), say)
    cases = [case for folder in folders for case in read_fold(folder, options.per_fold)]
    product, found = make(), defaultdict[tuple[str, int], list[float]](list)
    for case in cases:
        for action, room, share in shares(product, case, rooms):
            found[action, room].append(share)
    print(f"{len(cases)} places\n")
    print(
        f"| action | {' | '.join(f'{room:,}' for room in rooms)} |\n| --- |{' --- |' * len(rooms)}"
    )
    for action in ACTIONS:
        means = (sum(found[action, room]) / len(found[action, room]) for room in rooms)
        print(f"| {action} | {' | '.join(f'{mean:.3f}' for mean in means)} |")


if __name__ == "__main__":
    main()
