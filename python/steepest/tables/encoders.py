"""What was learnt of one column, and the output columns it becomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from steepest.tables.columns import Column, number_name, parse_number

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_DAY = 86400.0
# Names of the numbers that one point in time becomes: the trend, and the phases of year, week and day.
TIME_PARTS = ("days", "year_sin", "year_cos", "week_sin", "week_cos", "day_sin", "day_cos")

Fitted = TypeVar("Fitted", bound="Encoder")


@dataclass(frozen=True)
class Encoder:
    """Base: the name of the input column; subclasses are made by `learn` and hold what JSON can hold."""

    kind: ClassVar[str] = ""

    name: str

    def to_config(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"kind": self.kind, **{key: list(v) if isinstance(v, tuple) else v for key, v in vars(self).items()}}


@dataclass(frozen=True)
class Numerical(Encoder):
    """Numbers: a missing one becomes the median of the training set.

    Attributes
    ----------
    fill : float
        The median.
    indicator : bool
        Whether an output column says where a number is missing: where the training set had missing ones.
    """

    kind: ClassVar[str] = "numerical"

    fill: float
    indicator: bool

    @classmethod
    def learn(cls: type[Fitted], column: Column) -> Fitted:
        """Return the encoder of the training column."""
        values = cls.read(column)  # type: ignore[attr-defined]
        absent = np.isnan(values)
        fill = float(np.median(values[~absent])) if not absent.all() else 0.0
        return cls(column.name, fill, bool(absent.any()))  # type: ignore[call-arg]

    @classmethod
    def read(cls, column: Column) -> Floats:
        """Return the column as numbers, NaN where missing."""
        return column.as_numbers()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the output columns that are scaled."""
        return (self.name,)

    def numbers(self, column: Column) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the numbers `(rows, parts)`, and where they were missing `(rows,)`."""
        values = self.read(column)
        absent = np.isnan(values)
        return self.spread(np.where(absent, self.fill, values)), absent

    def spread(self, values: Floats) -> Floats:
        """Return the parts of numbers without gaps."""
        return values[:, np.newaxis]


@dataclass(frozen=True)
class Time(Numerical):
    """Points in time: the days since 1970, and the phases of year, week and day as sine and cosine."""

    kind: ClassVar[str] = "time"

    @classmethod
    def read(cls, column: Column) -> Floats:
        """Return seconds since 1970, NaN where missing."""
        return column.as_times()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the output columns that are scaled."""
        return tuple(f"{self.name}.{part}" for part in TIME_PARTS)

    def spread(self, values: Floats) -> Floats:
        """Return days and phases."""
        days = values / _DAY
        dates = np.floor(days).astype(np.int64).astype("M8[D]")
        first = dates.astype("M8[Y]").astype("M8[D]")
        length = ((dates.astype("M8[Y]") + np.timedelta64(1, "Y")).astype("M8[D]") - first).astype(np.int64)
        year = ((dates - first).astype(np.int64) + days % 1.0) / length
        phases = [2.0 * math.pi * part for part in (year, (days + 3.0) / 7.0 % 1.0, days % 1.0)]
        return np.column_stack([days, *(function(phase) for phase in phases for function in (np.sin, np.cos))])


@dataclass(frozen=True)
class Categorical(Encoder):
    """Categories: an output column each (one-hot), or one column of whole numbers for an embedding.

    The slots are the levels in order, then one for all others where rare ones were put together, then one for missing
    values where the training set had any. Anything else, such as a level that was never seen, has no slot: one-hot it
    is a row of zeros, as a code the number of slots, for which `layers.Embedding` has the zero vector.

    Attributes
    ----------
    levels : tuple of str
        Those with a slot of their own.
    others : bool
        Whether there is a slot for other levels.
    absent : bool
        Whether there is a slot for missing values.
    one_hot : bool
    """

    kind: ClassVar[str] = "categorical"

    levels: tuple[str, ...]
    others: bool
    absent: bool
    one_hot: bool

    @classmethod
    def learn(cls, column: Column, minimum: int, max_one_hot: int) -> Categorical:
        """Return the encoder of the training column; levels with fewer rows than `minimum` are put together."""
        column = column.as_categories()
        assert column.codes is not None
        counts = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)
        frequent = [level for level, count in zip(column.levels, counts[1:], strict=True) if count >= minimum]
        rare = any(0 < count < minimum for count in counts[1:])
        levels = tuple(sorted(frequent, key=_order))
        slots = len(levels) + rare + bool(counts[0])
        return cls(column.name, levels, rare, bool(counts[0]), slots <= max_one_hot)

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(self.levels) + self.others + self.absent

    @property
    def slot_names(self) -> list[str]:
        """Names of the slots, as output columns."""
        extra = ["(other)"] * self.others + ["(missing)"] * self.absent
        return [f"{self.name}={level}" for level in [*self.levels, *extra]]

    def slot_codes(self, column: Column) -> npt.NDArray[np.int64]:
        """Return the slot of every row, the number of slots where there is none."""
        column = column.as_categories()
        assert column.codes is not None
        unknown = len(self.levels) if self.others else self.slots
        known = {level: slot for slot, level in enumerate(self.levels)}
        missing = self.slots - 1 if self.absent else unknown
        slots = [known.get(level, known.get(_as_number(level), unknown)) for level in column.levels]
        # Code -1 is the last.
        return np.array([*slots, missing], dtype=np.int64)[column.codes]


def _as_number(level: str) -> str:
    """Return the name of a number written in another way, such as 007 or 7.0: readers of files may give either."""
    number = parse_number(level)
    return level if number is None or not math.isfinite(number) else number_name(number)


def _order(level: str) -> tuple[int, float, str]:
    """Numbers by size, then texts."""
    number = parse_number(level)
    return (1, 0.0, level) if number is None else (0, number, number_name(number))


def from_config(config: dict[str, Any]) -> Numerical | Categorical:
    """Return the encoder that `to_config` described."""
    arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items() if key != "kind"}
    classes: dict[str, Any] = {cls.kind: cls for cls in (Numerical, Time, Categorical)}
    encoder: Numerical | Categorical = classes[config["kind"]](**arguments)
    return encoder
