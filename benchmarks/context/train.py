"""Fits the weights of our ranking and writes them into the package: `make fit-weights`.

The model is the one that `claude_lsp.context.features` evaluates: a logistic regression on "does
the held-out code use this definition" with one hidden layer beside the direct weights. It is fitted
to the candidates of places in projects that the benchmark does not judge.

    python -m benchmarks.context.train            fit to all training places and write
    python -m benchmarks.context.train --check    write nothing: rank each third of the projects by
                                                  weights fitted to the others, beside those in use

The same candidates give the same weights on one machine. On another one the sums of floating-point
numbers may be in another order, and a fit that is not convex can end in other weights as good.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.context.bench import default_data, say
from benchmarks.context.candidates import export_folds
from benchmarks.context.folds import TRAINING, make_folds
from benchmarks.context.serve import make
from claude_lsp.context import weights as in_use
from claude_lsp.context.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from benchmarks.context.candidates import Exported

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

_UNITS = 16
_DECAY = 5.0
"""What the sum of the squared weights counts in the loss; below it the units learn projects by
heart."""
_MOST_NEGATIVES = 250
"""Of more candidates that are not needed, so many are drawn, and each counts for several."""
_MOST_STEPS = 400
_GROUPS = 3
_ROOMS = (800, 1600, 4000)
# Candidates are taken by probability per token, as in `claude_lsp.context.skeleton`.
_TOKENS_BESIDE = 8
_TOKENS_POWER = 0.6


class Weights(NamedTuple):
    """The weights of a model.

    Attributes:
        direct: of each feature.
        hidden: into each hidden unit (rows) from each feature (columns).
        output: of each hidden unit.
    """

    direct: F64
    hidden: F64
    output: F64

    def sums(self, features: NDArray[np.floating]) -> F64:
        """Return the log-odds that each candidate (columns of `features`) is needed."""
        sums: F64 = self.direct @ features + self.output @ np.tanh(self.hidden @ features)
        return sums


class Sample(NamedTuple):
    """What a model is fitted to.

    Attributes:
        features: one row for each feature, one column for each candidate.
        labels: 1 for a candidate that is needed, 0 for another one.
        counts: how many candidates each column stands for.

    In single precision, in which the fit is twice as fast.
    """

    features: F32
    labels: F32
    counts: F32


def sample(cases: Iterable[Exported], seed: int = 0) -> Sample:
    """Return the candidates that are needed, and a draw of those that are not."""
    chance = np.random.default_rng(seed)
    features, labels, counts = [], [], []
    for case in cases:
        needed = np.flatnonzero(case.needed >= 0)
        others = np.flatnonzero(case.needed < 0)
        drawn = others
        if len(others) > _MOST_NEGATIVES:
            drawn = chance.choice(others, _MOST_NEGATIVES, replace=False)
        features.append(case.features[:, np.append(needed, drawn)])
        labels.append(np.repeat((1.0, 0.0), (len(needed), len(drawn))))
        each = len(others) / max(1, len(drawn))
        counts.append(np.repeat((1.0, each), (len(needed), len(drawn))))
    return Sample(
        np.concatenate(features, axis=1, dtype=np.float32),
        np.concatenate(labels, dtype=np.float32),
        np.concatenate(counts, dtype=np.float32),
    )


def fit(drawn: Sample, *, units: int = _UNITS, decay: float = _DECAY, seed: int = 0) -> Weights:
    """Return the weights under which the labels are likeliest.

    Args:
        drawn: what to learn from; one of the features should be 1 everywhere.
        units: how many hidden ones there are.
        decay: what the sum of the squared weights counts beside the labels.
        seed: draws the weights that the search begins at.
    """
    from scipy.optimize import minimize

    features, labels, counts = drawn
    rows = len(features)
    transposed = np.ascontiguousarray(features.T)

    def parts(flat: F64) -> Weights:
        direct, hidden, output = np.split(flat, (rows, rows + units * rows))
        return Weights(direct, hidden.reshape(units, rows), output)

    def loss(flat: F64) -> tuple[float, F64]:
        model = parts(flat.astype(np.float32))
        reached = np.tanh(model.hidden @ features)
        sums = model.direct @ features + model.output @ reached
        # log(1 + exp(s)) - label * s, without overflow
        losses = np.logaddexp(0, sums) - labels * sums
        errors = counts * (np.exp(-np.logaddexp(0, -sums)) - labels)
        back = model.output[:, None] * (1 - reached**2) * errors
        gradient = (errors @ transposed, (back @ transposed).ravel(), reached @ errors)
        return (
            float(counts @ losses.astype(np.float64) + decay * flat @ flat),
            np.concatenate(gradient) + 2 * decay * flat,
        )

    # All units would stay alike if they began alike; the direct weights find their own way.
    start = np.random.default_rng(seed).normal(0, 0.3, rows + units * rows + units)
    start[:rows] = 0
    options = {"maxiter": _MOST_STEPS, "maxcor": 20}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return parts(found.x)


def recall(cases: Iterable[Exported], weights: Weights, room: int) -> float:
    """Return the mean share of needed definitions among the candidates that fit into a room.

    Args:
        cases: what to rank.
        weights: to rank by.
        room: in tokens; file names and class lines are not counted.
    """
    shares = []
    for case in cases:
        chances = np.exp(-np.logaddexp(0, -weights.sums(case.features)))
        worth = chances / (case.tokens + _TOKENS_BESIDE) ** _TOKENS_POWER
        order = np.argsort(-worth, kind="stable")
        fitting = order[np.cumsum(case.tokens[order]) <= room]
        found = np.unique(case.needed[fitting])
        shares.append(np.count_nonzero(found >= 0) / case.golds)
    return float(np.mean(shares)) if shares else float("nan")


def weights_in_use() -> Weights:
    """Return the weights that the package has now; a feature that is new to them has none."""
    none = (0.0, (0.0,) * len(in_use.OUTPUT))
    rows = [in_use.WEIGHTS.get(feature, none) for feature in FEATURES]
    hidden = np.array([into for _, into in rows]).T
    return Weights(np.array([direct for direct, _ in rows]), hidden, np.array(in_use.OUTPUT))


def written(weights: Weights, names: Sequence[str] = FEATURES) -> str:
    """Return the text of the module that holds some weights, rounded to three digits.

    Args:
        weights: what it holds.
        names: those of the features.
    """
    direct, hidden, output = (np.round(part, 3).tolist() for part in weights)
    rows = (
        f'    "{name}": ({own}, {tuple(into)}),\n'
        for name, own, *into in zip(names, direct, *hidden, strict=True)
    )
    return f"{_HEAD}{''.join(rows)}}}\n{_BETWEEN}{tuple(output)}\n{_TAIL}"


_HEAD = '''\
"""The weights of the ranking. Data: written by `make fit-weights`, judged by `make bench-context`.

A logistic model with one hidden layer, fitted to the candidates of held-out places in public
projects, Python and TypeScript, none of which the benchmark judges. Why not a purely linear one:
what speaks for a name is different where something is imported but still unused, behind a dot, and
where its import is missing too.
"""

from __future__ import annotations

# fmt: off
# ruff: noqa: E501
WEIGHTS: dict[str, tuple[float, tuple[float, ...]]] = {
'''
_BETWEEN = '''\
"""By feature, in the order of `features.FEATURES`: its direct weight, and those into each hidden
unit (a hyperbolic tangent)."""

OUTPUT: tuple[float, ...] = '''
_TAIL = '''\
"""The weights of the hidden units."""
'''


def main() -> None:
    """Fit, and write the weights or say how well they would do."""
    options = _options()
    folders = make_folds(TRAINING, options.data or default_data(), say)
    cases = list(export_folds(make(), folders, say))
    reached = sum(len(set(case.needed.tolist()) - {-1}) / case.golds for case in cases)
    print(f"needed definitions among the candidates: {reached / len(cases):.3f}")
    if options.check:
        _check(cases)
        return
    weights = fit(sample(cases))
    print(f"all {len(cases)} places, by weights fitted to them: {_recalls(cases, weights)}")
    Path(in_use.__file__).write_text(written(weights), encoding="utf-8")


def _check(cases: Sequence[Exported]) -> None:
    """Print how well each project is ranked by weights that were fitted without it."""
    projects = sorted({case.project for case in cases})
    for number in range(_GROUPS):
        group = projects[number::_GROUPS]
        weights = fit(sample(case for case in cases if case.project not in group))
        for project in group:
            own = [case for case in cases if case.project == project]
            print(
                f"{project:16} {len(own):4} places, by the others' weights:"
                f" {_recalls(own, weights)}; by those in use: {_recalls(own, weights_in_use())}"
            )


def _recalls(cases: Sequence[Exported], weights: Weights) -> str:
    return " ".join(f"{room}: {recall(cases, weights, room):.3f}" for room in _ROOMS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.context.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, help="where corpora and cases are kept")
    parser.add_argument("--check", action="store_true", help="write nothing, print how well it did")
    return parser.parse_args()


if __name__ == "__main__":
    main()
