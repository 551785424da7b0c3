"""Checks of data sets: everything the core relies on, so that its inner loops need not look.

Nothing is converted as a whole except lists: any numeric array passes through with its own type and strides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What the core converts while it gathers rows.
_TYPES = "float32, float64, bool or an integer type"
_CHARACTERS = "fd?bBhHiIlLqQ"


def as_array(name: str, value: Any) -> Array:
    """Return `value` as an array of a type the core reads, without copying an array; raise if it cannot be."""
    if type(value) is np.ndarray and value.dtype.char in _CHARACTERS and value.dtype.isnative:
        return value
    if is_sparse(value):
        raise TypeError(f"{name} is a sparse matrix, and must be an array here: pass {name}.toarray()")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"{name} is a masked array with masked elements: fill them first, for instance {name}.filled(0)"
        )
    if value is None:
        raise TypeError(f"{name} must be an array, got None")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None
    if array.dtype.kind == "O" and array.ndim == 0:
        raise TypeError(
            f"{name} must be an array, got {type(value).__name__}: put what it yields into one; "
            "a memory map is read batch by batch, and fit for one epoch at a time goes on with other data"
        )
    if array.dtype.kind in "UST" or (array.dtype.kind == "O" and any(isinstance(v, str) for v in array.flat)):
        other = "steepest.sklearn.MLPClassifier, which takes any labels"
        if name.endswith("X"):
            other = "steepest.tables.TablePreprocessor, which takes mixed columns"
        raise TypeError(f"{name} holds strings: encode them as numbers first, or use {other}")
    if array.dtype.kind in "mMc":
        raise TypeError(f"{name} must hold {_TYPES}, got dtype {array.dtype}: make such numbers of it first")
    if array.dtype.kind not in "fbiu" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise TypeError(f"{name} must hold {_TYPES}, got dtype {array.dtype}: convert it with {name}.astype('float32')")
    if not array.dtype.isnative:
        raise TypeError(f"{name} has foreign byte order ({array.dtype.str}): convert it with {name}.astype('float32')")
    return array


def is_sparse(value: Any) -> bool:
    """Whether the value is a sparse matrix or array of SciPy, of any format."""
    return hasattr(value, "toarray") and hasattr(value, "nnz")


def check_sparse(name: str, value: Any) -> Any:
    """Return compressed sparse rows of a type the core reads; raise if they are others, or their indices are wrong."""
    if value.format != "csr":
        raise TypeError(f"{name} is a sparse matrix in {value.format!r} format: pass {name}.tocsr()")
    as_array(name, value.data)
    if value.ndim != 2:
        raise ValueError(f"{name} must have two dimensions (rows, columns), got shape {value.shape}")
    try:
        value.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name} is no sound sparse matrix: {error}") from None
    return value


def check_matrix(name: str, value: Any, columns: int | None = None, *, minimum_rows: int = 1) -> Array:
    """Return `value` as a 2-D array of samples in rows, without copying it.

    More dimensions (images) are flattened to `(rows, -1)` where a view can do it.
    """
    array = as_array(name, value)
    if array.ndim < 2:
        raise ValueError(
            f"{name} must have two dimensions (rows, columns), got shape {array.shape}: "
            f"use {name}.reshape(-1, 1) for one column or {name}.reshape(1, -1) for one row"
        )
    if array.ndim > 2:
        array = _flatten(name, array)
    rows, width = array.shape
    if rows < minimum_rows:
        raise ValueError(f"{name} has no rows, shape {array.shape}")
    if width == 0:
        raise ValueError(f"{name} has no columns, shape {array.shape}")
    if columns is not None and width != columns:
        raise ValueError(f"{name} has {width} columns, the network takes {columns}")
    return array


def check_samples(
    name: str, value: Any, shape: tuple[int, ...] | None, *, minimum_rows: int = 1
) -> tuple[Array, tuple[int, ...]]:
    """Return the samples as a matrix and the shape of one of them, which must agree with the network's `shape`."""
    if is_sparse(value):
        array = matrix = check_sparse(name, value)
        if matrix.shape[0] < minimum_rows or matrix.shape[1] == 0:
            raise ValueError(f"{name} has no {'columns' if matrix.shape[0] else 'rows'}, shape {matrix.shape}")
    else:
        array = as_array(name, value)
        matrix = check_matrix(name, array, minimum_rows=minimum_rows)
    if shape is not None:
        check_input_shape(name, array.shape[1:], shape)
    return matrix, array.shape[1:]


def check_input_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Raise ValueError unless samples of `shape` are those of a network: of its shape, or a row of as many columns."""
    width = math.prod(expected)
    if shape == expected or shape == (width,) or (len(expected) == 1 and math.prod(shape) == width):
        return
    if len(expected) == 1 and len(shape) == 1:
        raise ValueError(f"{name} has {shape[0]} columns, the network takes {width}")
    raise ValueError(
        f"{name} has samples of shape {shape}, the network takes {expected}"
        + (f" or rows of {width} columns" if len(expected) > 1 else "")
    )


def _flatten(name: str, array: Array) -> Array:
    rows, width = array.shape[0], int(np.prod(array.shape[1:]))
    if array.flags.c_contiguous:
        return array.reshape(rows, width)
    if rows and array[0].flags.c_contiguous:
        return np.lib.stride_tricks.as_strided(array, (rows, width), (array.strides[0], array.itemsize))
    raise ValueError(
        f"{name} has shape {array.shape} and cannot be flattened to two dimensions without a copy: "
        f"pass numpy.ascontiguousarray({name})"
    )


def _first(bad: Array) -> tuple[int, ...]:
    """Index of the first true element."""
    return tuple(int(i) for i in np.argwhere(bad)[0])


def _where(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]"


def check_finite(name: str, array: Array) -> None:
    """Raise ValueError naming the first element that is NaN or infinite."""
    if array.dtype.kind == "f":
        bad = ~np.isfinite(array)
        if bad.any():
            index = _first(bad)
            raise ValueError(f"{_where(name, index)} is {array[index]}: {name} must be finite")


def check_rows(name: str, array: Array, rows: int) -> None:
    """Raise ValueError unless the array has one entry per row of X."""
    if array.shape[0] != rows:
        raise ValueError(f"{name} has {array.shape[0]} rows, X has {rows}")


def check_labels(value: Any, rows: int, classes: int) -> npt.NDArray[np.int32]:
    """Return class labels `(rows,)` in [0, classes) as int32."""
    labels = as_array("y", value)
    check_rows("y", labels, rows)
    if labels.dtype.kind == "f":
        check_finite("y", labels)
        bad = labels != np.floor(labels)
        if bad.any():
            index = _first(bad)
            raise ValueError(f"{_where('y', index)} is {labels[index]}: class labels must be whole numbers")
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= classes:
        index = _first((labels < 0) | (labels >= classes))
        raise ValueError(
            f"{_where('y', index)} is {labels[index]}: class labels must be in 0..{classes - 1}, "
            f"since the network has {classes} outputs"
        )
    return labels.astype(np.int32)


def check_targets(value: Any, rows: int, width: int) -> Array:
    """Return finite targets `(rows, width)`; `(rows,)` will do for one output."""
    targets = as_array("y", value)
    if targets.ndim == 1 and width == 1:
        targets = targets[:, np.newaxis]
    if targets.ndim != 2 or targets.shape[1] != width:
        expected = f"({rows},) or ({rows}, 1)" if width == 1 else f"({rows}, {width})"
        outputs = "1 output" if width == 1 else f"{width} outputs"
        raise ValueError(f"y has shape {np.shape(value)}, but the network has {outputs}: y must have shape {expected}")
    check_rows("y", targets, rows)
    check_finite("y", targets)
    return targets


def check_unit_interval(targets: Array) -> None:
    """Raise ValueError naming the first target outside [0, 1]."""
    if targets.dtype.kind == "b":
        return
    bad = (targets < 0) | (targets > 1)
    if bad.any():
        index = _first(bad)
        raise ValueError(f"{_where('y', index)} is {targets[index]}: targets of this loss must be in [0, 1]")


def check_not_negative(targets: Array) -> None:
    """Raise ValueError naming the first negative target."""
    bad = targets < 0
    if bad.any():
        index = _first(bad)
        raise ValueError(f"{_where('y', index)} is {targets[index]}: targets of this loss must not be negative")


def check_signs(targets: Array) -> Array:
    """Return targets of -1 and 1; 0 and 1 become -1 and 1."""
    bad = ~np.isin(targets, (-1, 0, 1))
    if bad.any():
        index = _first(bad)
        raise ValueError(f"{_where('y', index)} is {targets[index]}: targets of this loss must be -1 and 1, or 0 and 1")
    zeros = targets == 0
    if not zeros.any():
        return targets
    if (targets == -1).any():
        raise ValueError("y holds -1, 0 and 1: targets of this loss must be -1 and 1, or 0 and 1")
    return np.where(zeros, -1, 1).astype(np.int8)


def check_distributions(targets: Array) -> None:
    """Raise ValueError naming the first row that is not a probability distribution, to 1e-3."""
    check_unit_interval(targets)
    sums = targets.sum(axis=1, dtype=np.float64)
    bad = np.abs(sums - 1.0) > 1e-3
    if bad.any():
        row = _first(bad)[0]
        raise ValueError(f"row {row} of y sums to {sums[row]:g}: one-hot or soft labels must sum to 1")


def check_sample_weight(value: Any, rows: int) -> npt.NDArray[np.float64] | None:
    """Return the weights `(rows,)` as float64: finite, not negative, not all zero; None stays None."""
    if value is None:
        return None
    weights = as_array("sample_weight", value)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight must have shape ({rows},), one weight per row of X, got {weights.shape}")
    check_finite("sample_weight", weights)
    if (weights < 0).any():
        index = _first(weights < 0)
        raise ValueError(f"{_where('sample_weight', index)} is {weights[index]}: weights must not be negative")
    if not weights.any():
        raise ValueError("sample_weight is zero everywhere")
    return np.ascontiguousarray(weights, dtype=np.float64)


def find_non_finite(array: Any, dtype: np.dtype[Any], chunk: int = 4096) -> tuple[int, int] | None:
    """Return row and column of the first element that is not finite in `dtype`, reading `chunk` rows at a time."""
    if array.dtype.kind != "f":
        return None
    for start in range(0, array.shape[0], chunk):
        if is_sparse(array):
            found = find_non_finite(array[start : start + chunk].toarray(), dtype)
            if found is not None:
                return start + found[0], found[1]
            continue
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(array[start : start + chunk].astype(dtype, copy=False))
        if bad.any():
            row, column = _first(bad)
            return start + row, column
    return None
