"""What speaks for a definition: the columns that the weights are multiplied with."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from claude_lsp.context.weights import OUTPUT, WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = (
    "bias",
    # How it is reached.
    "imported",
    "imported_near",
    "imported_unused",
    "of_module",
    "of_module_near",
    "of_module_common",
    "visible",
    "visible_many",
    "visible_attribute",
    "inherited",
    "of_type",
    "of_type_near",
    "of_result",
    "type_near",
    "of_receiver",
    # How its name is used elsewhere.
    "pair",
    "pair_alike",
    "pair_receiver",
    "taken",
    "taken_alike",
    "alike_files",
    "alike_windows",
    "after_alike_line",
    "imported_alike",
    "imported_beside",
    "common",
    "only_one",
    # What it is and where it stands.
    "same_folder",
    "file_imported",
    "far",
    "member",
    "member_after_dot",
    "member_without_dot",
    "type_after_dot",
    "class",
    "function",
    "field",
    "variable",
    "file_alike",
    "parent_visible",
    "parent_alike",
    "module_alike",
    "path_near",
    "same_stem",
    # The same for all candidates of a place; they change what the others mean.
    "something_unused",
    "after_dot",
)
COLUMN = {name: number for number, name in enumerate(FEATURES)}


class Pool:
    """Definitions and what speaks for each; whatever is said twice counts by its best."""

    def __init__(self) -> None:
        self._features: list[int] = []
        self._symbols: list[NDArray[np.int64]] = []
        self._values: list[float | NDArray[np.float64]] = []
        self._single: list[tuple[int, int, float]] = []

    def add(
        self,
        symbols: NDArray[np.int64],
        feature: str = "bias",
        value: float | NDArray[np.float64] = 1.0,
    ) -> None:
        """Add symbols with a value, or one value for each, in one feature."""
        if len(symbols):
            self._features.append(COLUMN[feature])
            self._symbols.append(symbols)
            self._values.append(value)

    def add_one(self, symbol: int, feature: str, value: float = 1.0) -> None:
        """Add one symbol."""
        self._single.append((COLUMN[feature], symbol, value))

    def table(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the symbols in order, and the features (rows) of each (columns)."""
        sizes = [len(symbols) for symbols in self._symbols]
        single = np.array(self._single, np.float64).reshape(-1, 3)
        features = np.append(np.repeat(self._features, sizes), single[:, 0]).astype(np.int64)
        found = np.concatenate([*self._symbols, single[:, 1].astype(np.int64)])
        values = np.empty(len(found))
        start = 0
        for size, value in zip(sizes, self._values, strict=True):
            values[start : start + size] = value
            start += size
        values[start:] = single[:, 2]
        symbols, places = np.unique(found, return_inverse=True)
        table = np.zeros((len(FEATURES), len(symbols)))
        np.maximum.at(table.ravel(), features * len(symbols) + places, values)
        return symbols, table


def probabilities(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that each candidate is needed, from its features (columns)."""
    direct, hidden, output = _weights()
    z = direct @ table + output @ np.tanh(hidden @ table)
    chances: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0)))
    return chances


@cache
def _weights() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    direct = np.array([WEIGHTS[feature][0] for feature in FEATURES])
    hidden = np.array([WEIGHTS[feature][1] for feature in FEATURES]).T
    return direct, np.ascontiguousarray(hidden), np.array(OUTPUT)
