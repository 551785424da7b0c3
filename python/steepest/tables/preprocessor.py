"""From a table of mixed columns to the matrix that a network takes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_choice, check_dtype, check_int, check_items
from steepest.preprocessing import Preprocessor
from steepest.registry import PREPROCESSORS, Attributes
from steepest.tables import frames
from steepest.tables.columns import MISSING, Column
from steepest.tables.detection import KINDS, detect
from steepest.tables.encoders import Categorical, Numerical, Time, from_config
from steepest.tables.layout import Layout, numeric
from steepest.tables.spelling import WORDS, remedy, spelling_of, unread

Array = npt.NDArray[Any]

SCALINGS: dict[str, Any] = {
    "standard": "standardizer",
    "quantile": "quantile_normal",
    "robust": {"kind": "robust", "smooth_clip": True},
}


class TablePreprocessor(Attributes):
    """Learns what the columns of a table are, and turns such tables into matrices.

    Numbers are scaled, a missing one becomes the median, and a 0/1 column says where one was missing. Categories become
    0/1 columns (one-hot) where there are few of them, else one column of whole numbers for an embedding; categories
    that were rare in the training set share one slot with those it did not have. Dates and times become numbers: days,
    and the phases of year, week and day.

    Parameters
    ----------
    numerical : {"standard", "quantile", "robust"}, preprocessing step or None
        Scaling of the numbers: `Standardizer`, `QuantileNormal` or `Robust(smooth_clip=True)` of
        `steepest.preprocessing`, another step, or None for the numbers as they are.
    categorical : {"auto", "one_hot", "codes"}
        One-hot up to `max_one_hot` slots and codes beyond, or the one for all.
    max_one_hot : int
        Slots (levels, and one each for others and missing values if there are any) up to which a column becomes
        one-hot.
    columns : dict of str to str, iterable of str, or None
        Kinds of columns, by name: "numerical", "categorical", "time" or "drop"; the others are detected. An iterable:
        only these columns are used. None: all are, and all are detected.
    min_count : int
        A level with fewer rows in the training set has no slot of its own.
    missing : iterable of str
        Texts that stand for a missing value, as `None` and NaN do; blanks around a text do not count.
    dtype : {"float32", "float64"}
        Of the result.

    Attributes
    ----------
    names : tuple of str
        The columns of the training set that are used.
    kinds : dict of str to str
        What each column of the training set is: "numerical", "categorical", "time" or "drop".
    dropped : dict of str to str
        Why a column is left out, by name.
    unread : dict of str to str
        Columns of texts that look like numbers written for people (`1,234`, `12%`), by name, each with such a value;
        `fit` warns of them. A file does not keep it.
    output_names : list of str
        Names of the output columns, such as `age`, `age (missing)`, `city=Oslo`: the scaled numbers, the indicators,
        the one-hot columns, the codes.
    codes : dict of str to (int, int)
        By name of the input column: which output column holds its codes, and how many slots there are. A category
        without a slot has that number as its code, for which `layers.Embedding` has the zero vector.
    scaler : Preprocessor or None
        The fitted scaling of the numbers, the first output columns.
    numbers : int
        How many output columns it gives.

    Examples
    --------
    >>> from steepest.tables import TablePreprocessor
    >>> table = {"age": [20, 30, None, 40], "city": ["Oslo", "Rome", "Rome", "Oslo"]}
    >>> preprocessor = TablePreprocessor().fit(table)
    >>> preprocessor.output_names
    ['age', 'age (missing)', 'city=Oslo', 'city=Rome']
    >>> preprocessor.transform({"age": [30, None], "city": ["Rome", "Paris"]})
    array([[0., 0., 0., 1.],
           [0., 1., 0., 0.]], dtype=float32)
    """

    kind = "table"

    def __init__(
        self,
        numerical: Any = "standard",
        categorical: str = "auto",
        max_one_hot: int = 32,
        *,
        columns: Mapping[str, str] | Iterable[str] | None = None,
        min_count: int = 2,
        missing: Iterable[str] = MISSING,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        if isinstance(numerical, str) and numerical not in SCALINGS:
            check_choice("numerical", numerical, tuple(SCALINGS))
        chosen = SCALINGS[numerical] if isinstance(numerical, str) else numerical
        self._template: Any = None
        if chosen is not None:
            config = PREPROCESSORS.create(chosen, "numerical").get_config()
            # A dictionary, so that it is told from the names above.
            self._template = {"kind": config} if isinstance(config, str) else config
        self.numerical = numerical
        self.categorical = check_choice("categorical", categorical, ("auto", "one_hot", "codes"))
        self.max_one_hot = check_int("max_one_hot", max_one_hot, 0)
        self.columns = _check_columns(columns)
        self.min_count = check_int("min_count", min_count, 1)
        self.missing = check_marks(missing)
        self.dtype = check_dtype("dtype", dtype)
        self._encoders: list[Numerical | Categorical] = []
        self._inputs: tuple[str, ...] = ()
        self.dropped: dict[str, str] = {}
        self.unread: dict[str, str] = {}
        self.scaler: Preprocessor | None = None
        self.numbers = 0

    # ------------------------------------------------------------------------------------------------------ learning
    def fit(self, X: Any) -> TablePreprocessor:
        """Learn the columns of the training set, and return the object.

        Parameters
        ----------
        X : frame
            A dictionary of columns, a frame of pandas or polars, a table of pyarrow, a structured array, an array of
            two dimensions (whose columns are called `x0`, `x1`, ...), or a list of dictionaries.

        Raises
        ------
        ColumnError
            A ValueError with column and row, where a value does not fit its column.
        ValueError
            If there are no rows, or no column is left to learn from.
        """
        source = frames.open_frame(X)
        columns = self._read(source)
        self._fit(columns, self._judge(columns), tuple(source))
        self._warn_of_unread(3)
        return self

    def fit_part(self, X: Any, rows: npt.ArrayLike) -> TablePreprocessor:
        """Learn from some rows, but judge by the whole table what its columns are.

        A column that holds a text in a row of the test set is then found out, too. Nothing else of the other rows is
        used.

        Parameters
        ----------
        X : frame
            The whole table, as for `fit`.
        rows : array of int
            Numbers of the training rows.
        """
        source = frames.open_frame(X)
        columns = self._read(source)
        verdicts = self._judge(columns)
        self._fit({name: column.take(np.asarray(rows)) for name, column in columns.items()}, verdicts, tuple(source))
        self._warn_of_unread(3)
        return self

    def _warn_of_unread(self, stacklevel: int) -> None:
        for name, value in self.unread.items():
            text = f"column {name!r} holds {value!r}, {WORDS[spelling_of(value)]}, and is taken for a text: "
            text += f"{remedy(value)}, or say columns={{{name!r}: 'categorical'}} if that is meant"
            warnings.warn(text, UserWarning, stacklevel=stacklevel)

    def _fit(self, columns: dict[str, Column], verdicts: dict[str, tuple[str, str]], inputs: tuple[str, ...]) -> None:
        fitted = [self._learn(columns[name], kind) for name, (kind, _) in verdicts.items() if kind != "drop"]
        dropped = {name: reason for name, (kind, reason) in verdicts.items() if kind == "drop"}
        if not fitted:
            reasons = "; ".join(f"{name!r}: {reason}" for name, reason in dropped.items())
            raise ValueError(f"no column is left to learn from ({reasons})")
        self._encoders, self.dropped, self._inputs = fitted, dropped, inputs
        asked = self.columns if isinstance(self.columns, dict) else {}
        found = {name: unread(column) for name, column in columns.items() if name not in asked}
        self.unread = {name: value for name, value in found.items() if value}
        self._fit_scaler(columns)

    def _read(self, source: frames.Source) -> dict[str, Column]:
        columns = frames.read_columns(source, self._wanted(source), self.missing)
        if not columns or not len(next(iter(columns.values()))):
            raise ValueError("the table has no rows" if columns else "the table has no columns")
        return columns

    def _judge(self, columns: dict[str, Column]) -> dict[str, tuple[str, str]]:
        """Return kind and reason of every column."""
        return {name: self._kind(column) for name, column in columns.items()}

    def _wanted(self, source: frames.Source) -> list[str]:
        unknown = [name for name in self.columns or () if name not in source]
        if unknown:
            raise ValueError(f"columns names {unknown[0]!r}, the table has {', '.join(map(repr, source))}")
        return list(source) if self.columns is None or isinstance(self.columns, dict) else list(self.columns)

    def _kind(self, column: Column) -> tuple[str, str]:
        if isinstance(self.columns, dict) and column.name in self.columns:
            kind, reason = self.columns[column.name], "as asked for"
        else:
            kind, reason = detect(column, self.max_one_hot)
        # What does not fit is found here, where rows are those of the whole table.
        if kind == "numerical":
            column.as_numbers()
        elif kind == "time":
            column.as_times()
        return kind, reason

    def _learn(self, column: Column, kind: str) -> Numerical | Categorical:
        if kind == "categorical":
            limit = {"auto": self.max_one_hot, "one_hot": 2**24, "codes": 0}[self.categorical]
            return Categorical.learn(column, self.min_count, limit)
        return (Time if kind == "time" else Numerical).learn(column)

    def _fit_scaler(self, columns: dict[str, Column]) -> None:
        numbers = [each.numbers(columns[each.name])[0] for each in numeric(self._encoders)]
        self.scaler = None
        self.numbers = sum(part.shape[1] for part in numbers)
        if numbers and self._template is not None:
            self.scaler = PREPROCESSORS.create(self._template)
            self.scaler.fit(np.concatenate(numbers, axis=1))
            self.numbers = self.scaler.output_columns

    # ----------------------------------------------------------------------------------------------------- using it
    def transform(self, X: Any) -> Array:
        """Return the matrix `(rows, len(output_names))`.

        Parameters
        ----------
        X : frame
            Of any kind that `fit` takes, not necessarily the same; further columns are ignored. An array of two
            dimensions has its columns in the order of the training set.

        Raises
        ------
        ValueError
            If a column is missing.
        ColumnError
            At a text in a column of numbers, or a number that is infinite.
        """
        self._check_fitted()
        source = frames.open_frame(X, self._inputs)
        lacking = [name for name in self.names if name not in source]
        if lacking:
            also = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            raise ValueError(f"the table has no column {lacking[0]!r}{also}, which the preprocessing was fitted with")
        columns = frames.read_columns(source, self.names, self.missing)
        return self._layout.matrix(columns, self.scaler, self.dtype)

    def fit_transform(self, X: Any) -> Array:
        """Fit, and return the training set transformed."""
        return self.fit(X).transform(X)

    def _check_fitted(self) -> None:
        if not self._encoders:
            raise ValueError("the TablePreprocessor has not been fitted: call fit with the training set first")

    # ------------------------------------------------------------------------------------------------ what it learnt
    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the training set that are used."""
        return tuple(each.name for each in self._encoders)

    @property
    def kinds(self) -> dict[str, str]:
        """What each column of the training set is."""
        kinds = {each.name: each.kind for each in self._encoders}
        return {name: kinds.get(name, "drop") for name in self._inputs}

    @property
    def output_names(self) -> list[str]:
        """Names of the output columns."""
        return self._layout.names

    @property
    def output_columns(self) -> int:
        """Number of output columns."""
        return self._layout.width

    @property
    def codes(self) -> dict[str, tuple[int, int]]:
        """Where the codes of categories are, and how many slots there are."""
        return self._layout.codes

    @property
    def encoders(self) -> tuple[Numerical | Categorical, ...]:
        """What was learnt of each column in `names`; for exports."""
        return tuple(self._encoders)

    @property
    def _layout(self) -> Layout:
        return Layout(self._encoders, self.numbers)

    # --------------------------------------------------------------------------------------------------------- files
    def to_config(self) -> dict[str, Any]:
        """Return arguments and what was learnt, as far as JSON can hold it; the rest is in `get_state`."""
        return {
            "kind": self.kind,
            "numerical": self.numerical if isinstance(self.numerical, str) else self._template,
            "categorical": self.categorical,
            "max_one_hot": self.max_one_hot,
            "columns": self.columns,
            "min_count": self.min_count,
            "missing": list(self.missing),
            "dtype": self.dtype,
            "inputs": list(self._inputs),
            "encoders": [each.to_config() for each in self._encoders],
            "dropped": self.dropped,
        }

    def get_state(self) -> dict[str, Array]:
        """Return what the scaling learnt, by name; empty without scaling and before `fit`."""
        return {} if self.scaler is None else self.scaler.get_state()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], arrays: Mapping[str, Array]) -> TablePreprocessor:
        """Return the preprocessor that `to_config` and `get_state` described."""
        arguments = {key: value for key, value in config.items() if key != "kind"}
        inputs, learnt, dropped = (arguments.pop(key) for key in ("inputs", "encoders", "dropped"))
        table = cls(**arguments)
        table._inputs = tuple(inputs)
        table._encoders = [from_config(each) for each in learnt]
        table.dropped = dict(dropped)
        numbers = numeric(table._encoders)
        table.numbers = sum(len(each.parts) for each in numbers)
        if numbers and table._template is not None:
            table.scaler = PREPROCESSORS.create(table._template)
            table.scaler.set_state(dict(arrays))
            table.numbers = table.scaler.output_columns
        return table

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to an `.npz` file that `steepest.preprocessing.load` reads, in one piece.

        Parameters
        ----------
        path : str or path-like
            File, taken as it is.
        """
        from steepest.preprocessing import files

        files.save(self, path)

    def __repr__(self) -> str:
        arguments = f"{self.numerical!r}, {self.categorical!r}, {self.max_one_hot}"
        if not self._encoders:
            return f"TablePreprocessor({arguments})"
        return f"<TablePreprocessor({arguments}): {len(self.names)} columns in, {self.output_columns} out>"


def _check_columns(columns: Any) -> dict[str, str] | tuple[str, ...] | None:
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return {str(name): check_choice(f"columns[{name!r}]", kind, KINDS) for name, kind in columns.items()}
    return tuple(map(str, check_items("columns", columns, "a dictionary of kinds by name or a list of names")))


def check_marks(missing: Any) -> tuple[str, ...]:
    """Return the texts that stand for a missing value, without blanks around them."""
    marks = check_items("missing", missing, "a list of texts")
    if not all(isinstance(mark, str) for mark in marks):
        raise TypeError(f"missing must be a list of texts, got {missing!r}")
    return tuple(mark.strip() for mark in marks)
