"""Which columns of the matrix the columns of a table fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.tables.columns import Column
from steepest.tables.encoders import Categorical, Numerical

Array = npt.NDArray[Any]


class Layout:
    """The order of the output columns: scaled numbers, indicators of missing ones, one-hot columns, codes.

    Parameters
    ----------
    encoders : sequence of Numerical and Categorical
        What was learnt of each column of the table.
    numbers : int
        How many columns the scaling makes of the numbers.

    Attributes
    ----------
    numeric, one_hot, coded : list
        The encoders by what they fill.
    indicators : list of str
        Names of the columns that say where a number was missing.
    """

    def __init__(self, encoders: Sequence[Numerical | Categorical], numbers: int) -> None:
        self.numbers = numbers
        self.numeric = numeric(encoders)
        categories = [each for each in encoders if isinstance(each, Categorical)]
        self.one_hot = [each for each in categories if each.one_hot]
        self.coded = [each for each in categories if not each.one_hot]
        self.indicators = [f"{each.name} (missing)" for each in self.numeric if each.indicator]

    @property
    def names(self) -> list[str]:
        """Names of the output columns."""
        parts = [part for each in self.numeric for part in each.parts]
        if len(parts) != self.numbers:
            parts = [f"number {i}" for i in range(self.numbers)]
        slots = [name for each in self.one_hot for name in each.slot_names]
        return [*parts, *self.indicators, *slots, *(each.name for each in self.coded)]

    @property
    def width(self) -> int:
        """Number of output columns."""
        return self.numbers + len(self.indicators) + sum(each.slots for each in self.one_hot) + len(self.coded)

    @property
    def codes(self) -> dict[str, tuple[int, int]]:
        """By name of the input column: which output column holds its codes, and how many slots there are."""
        first = self.width - len(self.coded)
        return {each.name: (first + i, each.slots) for i, each in enumerate(self.coded)}

    def matrix(self, columns: Mapping[str, Column], scaler: Any, dtype: str) -> Array:
        """Return the matrix of a table, its numbers through the scaler unless that is None."""
        rows = len(next(iter(columns.values())))
        result: Array = np.zeros((rows, self.width), dtype)
        self._fill_numbers(result, columns, scaler)
        place = self.numbers + len(self.indicators)
        for each in self.one_hot:
            codes = each.slot_codes(columns[each.name])
            known = np.flatnonzero(codes < each.slots)
            result[known, place + codes[known]] = 1.0
            place += each.slots
        for each in self.coded:
            result[:, place] = each.slot_codes(columns[each.name])
            place += 1
        return result

    def _fill_numbers(self, result: Array, columns: Mapping[str, Column], scaler: Any) -> None:
        parts = []
        place = self.numbers
        for each in self.numeric:
            values, absent = each.numbers(columns[each.name])
            parts.append(values)
            if each.indicator:
                result[:, place] = absent
                place += 1
        if parts:
            values = np.concatenate(parts, axis=1)
            result[:, : self.numbers] = values if scaler is None else scaler.transform_as(values, result.dtype.name)


def numeric(encoders: Sequence[Numerical | Categorical]) -> list[Numerical]:
    """Return those of columns of numbers."""
    return [each for each in encoders if isinstance(each, Numerical)]
