"""Fits the weights of a linear ranking: `python -m benchmarks.context.train --exporter M:F`.

The exporter is the assembler's own: for each case it tells every candidate that it would rank,
with its features. Logistic regression on "is this a definition that the place needs" is fitted by
Newton's method: with some tens of features that is exact after a few steps, and the same each time.

For the figures that are printed, each project is ranked by weights fitted on all the others, so
that none is scored by what was learnt from it. The file holds weights fitted on all of them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from benchmarks.context.assembler import load
from benchmarks.context.bench import default_data, say
from benchmarks.context.cases import read_fold
from benchmarks.context.folds import FULL, QUICK, make_folds, reseeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.context.cases import Case

    Matrix = NDArray[np.float64]

BIAS = "bias"
_MOST_NEGATIVES = 250
"""Of more candidates that are not needed, so many are drawn, and each counts for several."""
_PENALTY = 1.0
_MOST_STEPS = 50
_CLOSE_ENOUGH = 1e-6
_ROOMS = (800, 4000)
# Candidates are taken by probability per token; very small ones would win without these.
_TOKENS_BESIDE = 8
_TOKENS_POWER = 0.6


class Example(NamedTuple):
    """One candidate of one case.

    Attributes:
        features: by name, those that are zero left out; `bias` is added here.
        needed: whether the held-out text uses it.
        tokens: what it would take in the context.
    """

    features: Mapping[str, float]
    needed: bool
    tokens: int


class Exporter(Protocol):
    """An assembler that shows what it ranks."""

    def index(self, root: str) -> None:
        """Read a project."""

    def examples(self, case: Case) -> Iterable[Example]:
        """Return the candidates for a case; `case.golds` tells which ones are needed."""


class Exported(NamedTuple):
    """The candidates of one case, and how many definitions it needs in all."""

    project: str
    golds: int
    examples: tuple[Example, ...]


def export(exporter: Exporter, folders: Iterable[Path], most: int | None) -> list[Exported]:
    """Return the candidates of the cases of some folds."""
    exported = []
    for folder in folders:
        cases = read_fold(folder, most)
        for number, case in enumerate(cases):
            if number == 0:
                exporter.index(case.root)
            examples = tuple(exporter.examples(case))
            exported.append(Exported(case.project, len(case.golds), examples))
        say(f"{folder.name}: {len(cases)} cases")
    return exported


def fit(cases: Sequence[Exported], names: Sequence[str]) -> dict[str, float]:
    """Return the weight of each feature, and that of `BIAS`.

    Args:
        cases: what to learn from.
        names: the features; others are left out.
    """
    import numpy as np

    matrix, labels, counts = _samples(cases, names)
    weights = np.zeros(matrix.shape[1])
    penalty = np.full(matrix.shape[1], _PENALTY)
    penalty[0] = 1e-6  # the bias is free, but must not run away where all labels agree
    loss = _loss(matrix, labels, counts, weights, penalty)
    for _ in range(_MOST_STEPS):
        chances = _chances(matrix, weights)
        gradient = matrix.T @ (counts * (chances - labels)) + penalty * weights
        curvature = (matrix.T * (counts * chances * (1 - chances))) @ matrix + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        # Newton's step can be too long where the labels are almost separable.
        share = 1.0
        while share > 1e-4:
            tried = weights - share * step
            new_loss = _loss(matrix, labels, counts, tried, penalty)
            if new_loss <= loss:
                break
            share /= 2
        else:
            break
        gained, weights, loss = loss - new_loss, tried, new_loss
        if gained < _CLOSE_ENOUGH:
            break
    return dict(zip((BIAS, *names), map(float, weights), strict=True))


def recall(cases: Iterable[Exported], weights: Mapping[str, float], room: int) -> float:
    """Return the mean share of needed definitions among the candidates that fit into a room.

    Args:
        cases: what to rank.
        weights: of the features, and of `BIAS`.
        room: in tokens; file names and class lines are not counted.
    """
    import numpy as np

    shares = []
    for case in cases:
        ranked: list[tuple[float, int, Example]] = []
        for example in case.examples:
            sum_ = weights.get(BIAS, 0.0) + sum(
                weights.get(name, 0.0) * value for name, value in example.features.items()
            )
            chance = 1 / (1 + np.exp(-np.clip(sum_, -30, 30)))
            worth = chance / (example.tokens + _TOKENS_BESIDE) ** _TOKENS_POWER
            ranked.append((-worth, len(ranked), example))
        found, left = 0, room
        for _, _, example in sorted(ranked):
            if example.tokens <= left:
                left -= example.tokens
                found += example.needed
        shares.append(min(1.0, found / case.golds))
    return float(np.mean(shares)) if shares else float("nan")


def _samples(cases: Sequence[Exported], names: Sequence[str]) -> tuple[Matrix, Matrix, Matrix]:
    """Return features (the bias first), labels, and for how many candidates each row stands."""
    import numpy as np

    chance = random.Random(3)
    columns = {name: number for number, name in enumerate(names, 1)}
    rows: list[tuple[Example, float]] = []
    for case in cases:
        rows += [(example, 1.0) for example in case.examples if example.needed]
        others = [example for example in case.examples if not example.needed]
        share = max(1.0, len(others) / _MOST_NEGATIVES)
        drawn = chance.sample(others, _MOST_NEGATIVES) if share > 1 else others
        rows += [(example, share) for example in drawn]
    matrix = np.zeros((len(rows), len(names) + 1))
    matrix[:, 0] = 1
    for number, (example, _) in enumerate(rows):
        for name, value in example.features.items():
            column = columns.get(name)
            if column is not None:
                matrix[number, column] = value
    labels = np.array([float(example.needed) for example, _ in rows])
    return matrix, labels, np.array([count for _, count in rows])


def _chances(matrix: Matrix, weights: Matrix) -> Matrix:
    import numpy as np

    chances: Matrix = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))
    return chances


def _loss(
    matrix: Matrix, labels: Matrix, counts: Matrix, weights: Matrix, penalty: Matrix
) -> float:
    import numpy as np

    sums = matrix @ weights
    # log(1 + exp(s)) - label * s, without overflow
    losses = np.logaddexp(0, sums) - labels * sums
    return float(counts @ losses + 0.5 * penalty @ weights**2)


def main() -> None:
    """Fit, print how well other projects are ranked, and write the weights."""
    options = _options()
    folds: Sequence[Any] = reseeded(QUICK if options.quick else FULL, options.seed)
    folders = make_folds(folds, options.data or default_data(), say)
    exporter: Any = load(options.exporter)()
    cases = export(exporter, folders, options.per_fold or None)
    names = sorted({name for case in cases for each in case.examples for name in each.features})
    names = [name for name in names if name != BIAS]
    if not names:
        sys.exit("the exporter gave no candidates")
    reachable = sum(min(1.0, sum(e.needed for e in c.examples) / c.golds) for c in cases)
    print(f"needed definitions among the candidates: {reachable / len(cases):.3f}")
    for project in sorted({case.project for case in cases}):
        own = [case for case in cases if case.project == project]
        weights = fit([case for case in cases if case.project != project], names)
        recalls = " ".join(f"{room}: {recall(own, weights, room):.3f}" for room in _ROOMS)
        print(f"{project:16} {len(own):4} cases, ranked by the others' weights: {recalls}")
    weights = fit(cases, names)
    for name, weight in sorted(weights.items(), key=lambda each: -abs(each[1])):
        print(f"{name:24} {weight:+.3f}")
    options.out.write_text(json.dumps(weights, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.context.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--exporter", required=True, metavar="MODULE:FACTORY")
    parser.add_argument("--out", type=Path, required=True, help="the weights, as JSON")
    parser.add_argument("--data", type=Path, help="where corpora and cases are kept")
    parser.add_argument("--quick", action="store_true", help="small projects only")
    parser.add_argument("--seed", type=int, default=0, help="added to the seeds of all folds")
    parser.add_argument("--per-fold", type=int, default=0, help="sample, 0 for all (default)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
