"""What the columns of the data hold: over all rows where that is cheap, and as the first layers see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.lowering.program import Program

from .case import Case

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

# Elements of the data that are looked at one by one; of larger data evenly spaced stretches of rows.
_MOST_ELEMENTS = 400_000_000
_CHUNK_ELEMENTS = 4_000_000
# What leaves a column a column: nothing that mixes columns or bends numbers.
_TRANSPARENT = ("batch_norm", "dropout", "noise", "layer_norm")


@dataclass(frozen=True)
class Extremes:
    """Smallest and largest finite number of every column, and the first numbers that are not finite.

    Attributes
    ----------
    low, high : ndarray (D,)
        NaN in columns without any finite number.
    bad : int
        Elements that are not finite in the model's dtype.
    bad_rows : int
        Rows that have some.
    first : tuple of int or None
        Row and column of the first.
    bad_columns : ndarray
        Columns that have some.
    rows : int
        Rows that were read.
    """

    low: Floats
    high: Floats
    bad: int
    bad_rows: int
    first: tuple[int, int] | None
    bad_columns: npt.NDArray[np.int64]
    rows: int


def extremes(x: Array, dtype: str) -> Extremes:
    """Read the rows of a matrix, a chunk at a time."""
    rows, width = x.shape
    chunk = max(_CHUNK_ELEMENTS // width, 1)
    starts = range(0, rows, chunk)
    every = -(-rows * width // _MOST_ELEMENTS)
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    bad, bad_rows, first, read = 0, 0, None, 0
    bad_columns = np.zeros(width, dtype=bool)
    largest = np.finfo(dtype).max
    for start in starts[::every]:
        part = x[start : start + chunk]
        read += len(part)
        smallest_here, largest_here = part.min(axis=0).astype(np.float64), part.max(axis=0).astype(np.float64)
        suspect = ~(np.maximum(np.abs(smallest_here), np.abs(largest_here)) <= largest)
        if suspect.any():
            wrong = ~(np.abs(part) <= largest)
            found = np.argwhere(wrong)
            if first is None:
                first = (start + int(found[0, 0]), int(found[0, 1]))
            bad += len(found)
            bad_rows += int(wrong.any(axis=1).sum())
            bad_columns |= wrong.any(axis=0)
            good = np.where(wrong, np.nan, part)
            smallest_here = np.where(suspect, np.nanmin(good, axis=0), smallest_here)
            largest_here = np.where(suspect, np.nanmax(good, axis=0), largest_here)
        low, high = np.fmin(low, smallest_here), np.fmax(high, largest_here)
    return Extremes(low, high, bad, bad_rows, first, np.flatnonzero(bad_columns), read)


@dataclass(frozen=True)
class Seen:
    """Columns of the data as the first layer that mixes or bends them sees them.

    Attributes
    ----------
    values : ndarray (rows, n)
        Of the sampled rows.
    columns : ndarray (n,)
        Which column of X each one comes from.
    codes : dict of int to int
        Columns that are read as codes by an embedding, and its number of categories.
    """

    values: Floats
    columns: npt.NDArray[np.int64]
    codes: dict[int, int]


def seen(case: Case) -> Seen:
    """Follow the columns from the input through selections and normalisations to the layers that read them."""
    most = max(64, 2_000_000 // max(case.network.program.widths))
    rows = case.sampled
    if len(rows) > most:  # evenly, since they are in the order of the data
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    return seen_rows(case, case.x[rows], training=True)


def seen_rows(case: Case, x: Array, *, training: bool) -> Seen:
    """Do the same for given rows; `training` as batch norm takes it."""
    read, codes = _readers(case.network.program)
    values = case.forward(case.model, x, training=training) if read else []
    parts, origins = [], []
    for value, origin in read.items():
        kept = origin >= 0
        parts.append(np.asarray(values[value], dtype=np.float64)[:, kept])
        origins.append(origin[kept])
    if not parts:
        return Seen(np.zeros((len(x), 0)), np.zeros(0, np.int64), codes)
    return Seen(np.concatenate(parts, axis=1), np.concatenate(origins), codes)


def _readers(program: Program) -> tuple[dict[int, npt.NDArray[np.int64]], dict[int, int]]:
    """Return the values whose columns are columns of the data and that something else reads, and the codes."""
    origins: dict[int, npt.NDArray[np.int64]] = {0: np.arange(program.input_width, dtype=np.int64)}
    read: dict[int, npt.NDArray[np.int64]] = {}
    codes: dict[int, int] = {}
    for op in program.operations:
        known = [origins.get(value) for value in op.inputs]
        first = known[0] if known else None
        if op.kind == "select" and first is not None:
            origins[op.output] = first[np.asarray(op.attributes["columns"], dtype=np.int64)]
        elif op.kind in _TRANSPARENT and first is not None:
            origins[op.output] = first
        elif op.kind == "embedding" and first is not None:
            codes[int(first[0])] = program.parameters[op.parameters[0]].shape[0]
            origins[op.output] = np.full(program.widths[op.output], -1, dtype=np.int64)
        elif op.kind == "concatenate" and any(origin is not None for origin in known):
            widths = [program.widths[value] for value in op.inputs]
            filled = [
                np.full(width, -1, dtype=np.int64) if origin is None else origin
                for origin, width in zip(known, widths, strict=True)
            ]
            origins[op.output] = np.concatenate(filled)
        else:
            read.update({v: o for v, o in zip(op.inputs, known, strict=True) if o is not None and (o >= 0).any()})
    return read, codes
