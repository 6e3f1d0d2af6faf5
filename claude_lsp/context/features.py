"""What speaks for a definition: the columns that the weights are multiplied with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    "private",
    "long_name",
    "file_alike",
    "parent_visible",
    "starts_as_typed",
)
COLUMN = {name: number for number, name in enumerate(FEATURES)}


class Pool:
    """Definitions and what speaks for each; whatever is said twice counts by its best."""

    def __init__(self) -> None:
        self._features: list[int] = []
        self._symbols: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float64]] = []

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
            self._values.append(np.broadcast_to(np.asarray(value, np.float64), symbols.shape))

    def table(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the symbols in order, and the features (rows) of each (columns)."""
        if not self._symbols:
            return np.empty(0, np.int64), np.zeros((len(FEATURES), 0))
        symbols, places = np.unique(np.concatenate(self._symbols), return_inverse=True)
        table = np.zeros((len(FEATURES), len(symbols)))
        start = 0
        for feature, chosen, values in zip(
            self._features, self._symbols, self._values, strict=True
        ):
            end = start + len(chosen)
            np.maximum.at(table[feature], places[start:end], values)
            start = end
        return symbols, table
