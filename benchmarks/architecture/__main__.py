"""`make bench-architecture`: the module graph against other tools', and facts in the map.

python -m benchmarks.architecture [--corpora NAME ...] [--budgets N ...] [--data FOLDER]
python -m benchmarks.architecture --map ROOT BUDGET     # our map, for anybody's benchmark
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.architecture.facts import Text, facts_of, told
from benchmarks.architecture.ours import edges_of, map_of, project_of, surveyed
from benchmarks.architecture.peers import peer_edges
from benchmarks.context.bench import default_data, say
from benchmarks.context.corpora import CORPORA, UnavailableError, fetch
from benchmarks.context.tokens import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.context.corpora import Corpus

MEASURED = (
    *("httpx", "rich", "pydantic", "textual", "sqlalchemy", "django", "homeassistant"),
    *("langium", "zod", "rxjs", "effect"),
)
BUDGETS = (1_000, 8_000, 32_000)


class Measured(NamedTuple):
    """The figures of one corpus.

    Attributes:
        name: the corpus.
        files: that the peer knows.
        edges: that the peer finds.
        recall: the share of these that are in our graph.
        precision: the share of ours, between files that the peer knows, that it has too.
        told: the share of facts that the map tells, by budget.
        kinds: how many facts of a kind the map tells, of how many, by budget.
        seconds: of a survey, without and with a stored index.
    """

    name: str
    files: int
    edges: int
    recall: float
    precision: float
    told: dict[int, float]
    kinds: dict[int, str]
    seconds: tuple[float, float]


def measure(corpus: Corpus, data: Path, budgets: Sequence[int]) -> Measured:
    """Return the figures of a corpus.

    Raises:
        UnavailableError: the corpus, or the peer, cannot be had.
    """
    root = fetch(corpus, data)
    files, theirs = peer_edges(corpus, root, data)
    project, cold, warm = surveyed(root)
    ours = {edge for edge in edges_of(project) if edge[0] in files and edge[1] in files}
    facts = facts_of(root, files, theirs)
    shares, kinds = {}, {}
    for budget in budgets:
        sheet = map_of(project, budget)
        if count(sheet) > budget:
            raise AssertionError(f"the map of {corpus.name} exceeds {budget} tokens")
        text = Text(sheet, files)
        hits = Counter(fact.kind for fact in facts if told(fact, text))
        shares[budget] = hits.total() / len(facts)
        totals = Counter(fact.kind for fact in facts)
        kinds[budget] = ", ".join(f"{kind} {hits[kind]}/{totals[kind]}" for kind in totals)
    both = len(ours & theirs)
    return Measured(
        corpus.name,
        len(files),
        len(theirs),
        both / len(theirs),
        both / (len(ours) or 1),
        shares,
        kinds,
        (cold, warm),
    )


def table(found: Sequence[Measured], budgets: Sequence[int]) -> str:
    """Return the Markdown table of all corpora."""
    heads = [
        *("corpus", "files", "imports", "recall", "precision"),
        *(f"facts {budget // 1000}k" for budget in budgets),
        *("survey s", "again s"),
    ]
    rows = [heads, ["---"] * len(heads)]
    rows += [
        [
            one.name,
            f"{one.files:,}",
            f"{one.edges:,}",
            f"{one.recall:.4f}",
            f"{one.precision:.4f}",
            *(f"{one.told[budget]:.3f}" for budget in budgets),
            *(f"{seconds:.1f}" for seconds in one.seconds),
        ]
        for one in found
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.architecture", description=__doc__)
    parser.add_argument("--corpora", nargs="+", default=MEASURED, choices=CORPORA, metavar="NAME")
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS, metavar="TOKENS")
    parser.add_argument("--data", type=Path, default=default_data(), help="where corpora are kept")
    parser.add_argument("--map", nargs=2, metavar=("ROOT", "BUDGET"), help="print the map alone")
    options = parser.parse_args(arguments)
    if options.map:
        root, budget = options.map
        sys.stdout.write(map_of(project_of(Path(root)), int(budget)))
        return
    found = []
    for name in options.corpora:
        try:
            one = measure(CORPORA[name], options.data, options.budgets)
        except UnavailableError as error:
            say(f"{name} is left out: {error}")
            continue
        found.append(one)
        for budget in options.budgets:
            say(f"{name} {budget}: {one.kinds[budget]}")
    print(table(found, options.budgets))


if __name__ == "__main__":
    main()
