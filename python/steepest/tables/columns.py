"""One column of a table, whatever it was made of: numbers, points in time, or categories by name."""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What stands for a missing value in text; blanks around a text do not count.
MISSING = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "<NA>", "#N/A")

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")
_NUMBERS = (int, float, np.integer, np.floating, decimal.Decimal, fractions.Fraction)


class ColumnError(ValueError):
    """A value that its column cannot have.

    Attributes
    ----------
    column : str
        Name of the column.
    row : int
        Row of the table, counted from 0.
    problem : str
        What is wrong there.
    remedy : str
        What to do about it.
    value : str
        The value where it is a text.
    of_test : bool
        Whether the row is one of a test table.
    """

    def __init__(
        self, column: str, row: int, problem: str, remedy: str = "", *, value: str = "", of_test: bool = False
    ) -> None:
        self.column, self.row, self.problem, self.remedy = column, row, problem, remedy
        self.value, self.of_test = value, of_test
        super().__init__(f"column {column!r}, row {row} {problem}{': ' if remedy else ''}{remedy}")

    def at(self, row: int, column: str | None = None, *, of_test: bool = False) -> ColumnError:
        """Return the same error at another row, for instance that of the whole table instead of a part."""
        name = self.column if column is None else column
        return ColumnError(name, row, self.problem, self.remedy, value=self.value, of_test=of_test)


@dataclass(frozen=True)
class Column:
    """The values of one column.

    Attributes
    ----------
    name : str
    kind : {"number", "boolean", "text", "time"}
        What the values are.
    numbers : ndarray (rows,) or None
        Of numbers: float64, NaN where missing. Of times: seconds since 1970 (UTC).
    codes : ndarray (rows,) or None
        Of booleans and texts: which of the levels, -1 where missing.
    levels : tuple of str
        Of booleans and texts: the different values, in the order of their first rows.
    """

    name: str
    kind: str
    numbers: npt.NDArray[np.float64] | None = None
    codes: npt.NDArray[np.int64] | None = None
    levels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers if self.codes is None else self.codes)  # type: ignore[arg-type]

    def take(self, rows: Array) -> Column:
        """Return the column of these rows."""
        pick = None if self.numbers is None else self.numbers[rows]
        return Column(self.name, self.kind, pick, None if self.codes is None else self.codes[rows], self.levels)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Where there is no value, `(rows,)`."""
        if self.codes is not None:
            return self.codes < 0
        assert self.numbers is not None
        return np.isnan(self.numbers)

    def as_numbers(self) -> npt.NDArray[np.float64]:
        """Return the numbers `(rows,)`, NaN where missing; False is 0 and True is 1.

        Raises
        ------
        ColumnError
            At the first text that is no number, or number that is infinite.
        """
        if self.codes is None:
            numbers = self.numbers
            assert numbers is not None
        elif self.kind == "boolean":
            numbers = _by_code([float(level == "True") for level in self.levels], self.codes)
        else:
            parsed = [parse_number(level) for level in self.levels]
            bad = [code for code, value in enumerate(parsed) if value is None]
            if bad:
                row = int(np.flatnonzero(np.isin(self.codes, bad))[0])
                level = self.levels[self.codes[row]]
                raise ColumnError(self.name, row, f"holds {level!r}, which is no number", value=level)
            numbers = _by_code([math.nan if value is None else value for value in parsed], self.codes)
        infinite = np.isinf(numbers)
        if infinite.any():
            row = int(np.flatnonzero(infinite)[0])
            raise ColumnError(self.name, row, f"is {numbers[row]}, numbers must be finite")
        return numbers

    def as_categories(self) -> Column:
        """Return the column with codes and levels; numbers get the names `number_name` gives them."""
        if self.codes is not None:
            return self
        assert self.numbers is not None
        values, codes = np.unique(self.numbers, return_inverse=True)
        present = values[~np.isnan(values)]
        codes = np.where(np.isnan(self.numbers), -1, codes.reshape(-1))
        return Column(self.name, "text", None, codes, tuple(number_name(value) for value in present))

    def as_times(self) -> npt.NDArray[np.float64]:
        """Return seconds since 1970 `(rows,)`, NaN where missing; texts must be ISO 8601 such as `2026-11-21 06:30`."""
        if self.kind == "time":
            assert self.numbers is not None
            return self.numbers
        column = self.as_categories()
        assert column.codes is not None
        seconds = [parse_time(level) for level in column.levels]
        bad = [code for code, value in enumerate(seconds) if value is None]
        if bad:
            row = int(np.flatnonzero(np.isin(column.codes, bad))[0])
            problem = f"holds {column.levels[column.codes[row]]!r}, which is no date or time such as 2026-11-21 06:30"
            raise ColumnError(self.name, row, problem)
        return _by_code([math.nan if value is None else value for value in seconds], column.codes)


def _by_code(values: list[float], codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the values of the codes, NaN for -1."""
    return np.array([*values, math.nan])[codes]


def number_name(value: float) -> str:
    """Return the name of a number as a category: the same for 3, 3.0 and True's 1."""
    return str(int(value)) if value == math.floor(value) else repr(float(value))


def parse_number(text: str) -> float | None:
    """Return the number that the text is, or None; `1_000` and words such as `infinity` are none."""
    try:
        return None if "_" in text or text.strip("+-").lower()[:1] in ("i", "n") else float(text)
    except ValueError:
        return None


def parse_time(text: str) -> float | None:
    """Return seconds since 1970 of an ISO 8601 date or time without a zone (or with Z), or None."""
    plain = text.removesuffix("Z")
    if not _TIME.fullmatch(plain):
        return None
    try:
        return float(np.datetime64(plain, "us").astype(np.int64)) * 1e-6
    except ValueError:
        return None


def make_column(name: str, values: Any, missing: Iterable[str] = MISSING) -> Column:
    """Return the column that an array, a list or a series of pandas, polars or pyarrow is; a column as it is."""
    if isinstance(values, Column):
        return values
    array = _to_numpy(values)
    if array.ndim != 1:
        raise ValueError(f"column {name!r} must have one dimension, got shape {array.shape}")
    kind = array.dtype.kind
    if kind == "b":
        return Column(name, "boolean", None, array.astype(np.int64), ("False", "True"))
    if kind in "iuf":
        return Column(name, "number", array.astype(np.float64))
    if kind == "M":
        return Column(name, "time", _seconds(array))
    if kind == "m":
        duration = array.astype("m8[us]").astype(np.int64) * 1e-6
        return Column(name, "number", np.where(np.isnat(array), np.nan, duration))
    if kind not in "OUT":
        raise TypeError(f"column {name!r} must hold numbers, texts, booleans or dates, got dtype {array.dtype}")
    return _from_objects(name, array.tolist(), frozenset(missing))


def _to_numpy(values: Any) -> Array:
    if isinstance(values, np.ma.MaskedArray):
        masked: Any = values.astype(object)
        return np.asarray(masked.filled(None) if np.ma.is_masked(values) else values.data)
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, (list, tuple, range)):
        # NumPy would make 1 and "a" two texts.
        result = np.empty(len(values), dtype=object)
        result[:] = values
        return result
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "iloc"):  # pandas
        kind = getattr(dtype, "kind", "O")
        if isinstance(dtype, np.dtype):
            return np.asarray(values)
        if kind in "iuf" and not hasattr(dtype, "categories"):
            return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
        if kind == "M":
            return np.asarray(values.to_numpy(dtype="datetime64[ns]"))
        return np.asarray(values, dtype=object)
    if hasattr(values, "combine_chunks"):  # pyarrow
        if hasattr(values.type, "index_type"):
            values = values.cast(values.type.value_type)
        return np.asarray(values.to_numpy())
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def _seconds(array: Array) -> npt.NDArray[np.float64]:
    seconds = array.astype("M8[us]").astype(np.int64) * 1e-6
    return np.where(np.isnat(array), np.nan, seconds)


def _is_missing(value: Any, marks: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value.strip() in marks
    # pandas' NA is neither equal nor unequal to anything; NaN and NaT are unequal to themselves.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _from_objects(name: str, values: Sequence[Any], marks: frozenset[str]) -> Column:
    """Return the column of Python objects: each different one is looked at once."""
    found: dict[Any, int] = {}
    try:
        codes = np.fromiter((found.setdefault(value, len(found)) for value in values), np.int64, len(values))
    except TypeError as error:
        raise TypeError(f"column {name!r} must hold numbers, texts, booleans or dates: {error}") from None
    present = {value: code for value, code in found.items() if not _is_missing(value, marks)}
    kinds = {_kind_of(name, value) for value in present}
    if kinds <= {"number", "boolean"} and kinds != {"boolean"}:
        return Column(name, "number", _spread(codes, len(found), {present[v]: _float(v) for v in present}))
    if kinds == {"time"}:
        times = {code: float(_seconds(np.array([_plain_time(value)], "M8[us]"))[0]) for value, code in present.items()}
        return Column(name, "time", _spread(codes, len(found), times))
    if "time" in kinds:
        raise TypeError(f"column {name!r} mixes dates with other values")
    # Levels that differ in blanks only, or as 3 and 3.0 do, are one.
    levels: dict[str, int] = {} if kinds != {"boolean"} else {"False": 0, "True": 1}
    table = np.full(len(found), -1, dtype=np.int64)
    for value, code in present.items():
        table[code] = levels.setdefault(_name_of(value), len(levels))
    kind = "boolean" if kinds == {"boolean"} else "text"
    return Column(name, kind, None, table[codes] if len(table) else codes, tuple(levels))


def _spread(codes: npt.NDArray[np.int64], count: int, values: dict[int, float]) -> npt.NDArray[np.float64]:
    table = np.full(count, np.nan)
    for code, value in values.items():
        table[code] = value
    return table[codes] if count else np.empty(0)


def _kind_of(name: str, value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, _NUMBERS):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (datetime.date, np.datetime64)):
        return "time"
    raise TypeError(f"column {name!r} must hold numbers, texts, booleans or dates, got {value!r}")


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _name_of(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return value.strip() if isinstance(value, str) else number_name(_float(value))


def _plain_time(value: Any) -> Any:
    """Return a time without zone, in UTC."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return value
