"""Frames of any make as columns by name."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from steepest.tables.columns import MISSING, Column, make_column

Source = dict[str, Callable[[], Any]]


def open_frame(frame: Any, positions: Iterable[str] | None = None) -> Source:
    """Return a function that gives the values of the column, by the column's name.

    Parameters
    ----------
    frame : mapping, DataFrame, Table, structured array, array (rows, columns), list of mappings or of rows
        A mapping gives values by name; frames of pandas and polars and tables of pyarrow are known by their methods. An
        array has no names: its columns are `x0`, `x1`, ...
    positions : iterable of str, optional
        Names of an array's columns, if it has as many.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ValueError
        If two columns have one name.
    """
    if isinstance(frame, Mapping):
        pairs = [(name, partial(operator.getitem, frame, name)) for name in frame]
    elif hasattr(frame, "iloc") and hasattr(frame, "columns"):  # pandas
        pairs = [
            (name, partial(operator.getitem, frame.iloc, (slice(None), i))) for i, name in enumerate(frame.columns)
        ]
    elif hasattr(frame, "column_names") and hasattr(frame, "column"):  # pyarrow
        pairs = [(name, partial(frame.column, i)) for i, name in enumerate(frame.column_names)]
    elif hasattr(frame, "get_columns"):  # polars
        pairs = [(name, partial(frame.get_column, name)) for name in frame.columns]
    elif hasattr(frame, "collect") and hasattr(frame, "lazy"):
        raise TypeError("the frame is a lazy one of polars: pass frame.collect()")
    else:
        return _open_array(frame, positions)
    return _unique(pairs)


def _open_array(frame: Any, positions: Iterable[str] | None) -> Source:
    if hasattr(frame, "toarray"):
        raise TypeError("the table is a sparse matrix, which has no columns of different kinds: pass X.toarray()")
    if isinstance(frame, (list, tuple)) and frame and isinstance(frame[0], Mapping):
        names = list(dict.fromkeys(name for row in frame for name in row))
        return _unique([(name, partial(_gather, frame, name)) for name in names])
    # Texts in a list would make NumPy turn the numbers beside them into texts.
    array = frame if isinstance(frame, np.ndarray) else np.array(frame, dtype=object)
    if array.dtype.names:
        return _unique([(name, partial(operator.getitem, array, name)) for name in array.dtype.names])
    if array.ndim != 2:
        raise TypeError(
            "the table must be a frame of pandas, polars or pyarrow, a dictionary of columns, or an array of two "
            f"dimensions, got {type(frame).__name__} of shape {array.shape}"
        )
    names = list(positions or ())
    if len(names) != array.shape[1]:
        names = [f"x{i}" for i in range(array.shape[1])]
    return _unique([(name, partial(operator.getitem, array, (slice(None), i))) for i, name in enumerate(names)])


def _gather(rows: Any, name: Any) -> list[Any]:
    return [row.get(name) for row in rows]


def _unique(pairs: Iterable[tuple[Any, Callable[[], Any]]]) -> Source:
    source: Source = {}
    for name, get in pairs:
        if str(name) in source:
            raise ValueError(f"the table has two columns named {str(name)!r}: rename one")
        source[str(name)] = get
    return source


def read_columns(source: Source, names: Iterable[str], missing: Iterable[str] = MISSING) -> dict[str, Column]:
    """Return the named columns, which must have the same number of rows."""
    columns = {name: make_column(name, source[name](), missing) for name in names}
    lengths = {len(column): name for name, column in columns.items()}
    if len(lengths) > 1:
        (first, one), (second, other) = list(lengths.items())[:2]
        raise ValueError(f"column {one!r} has {first} rows, column {other!r} {second}")
    return columns
