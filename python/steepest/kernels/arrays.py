"""Takes array arguments apart for the kernels: dtype, shape and memory layout, with errors that name the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[Any]  # float32 or float64
# As dtypes: to compare one with a type makes a dtype of that first.
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def float_array(name: str, value: npt.ArrayLike, like: FloatArray | None = None) -> FloatArray:
    """Return `value` as a float32 or float64 array, with the dtype of `like` where given; nothing is converted."""
    array = np.asarray(value)
    if array.dtype not in _FLOATS:
        raise TypeError(f"{name} must be a float32 or float64 array, got dtype {array.dtype}")
    if like is not None and array.dtype != like.dtype:
        raise TypeError(f"{name} has dtype {array.dtype}, the first array {like.dtype}; they must agree")
    return array


def walkable(array: FloatArray) -> FloatArray:
    """Return the array, or a C-contiguous copy if its rows are not contiguous and in increasing order."""
    if array.flags.c_contiguous:
        return array
    size = array.itemsize
    if array.ndim == 2 and array.strides[1] == size and array.strides[0] >= array.shape[1] * size:
        return array if array.strides[0] % size == 0 else np.ascontiguousarray(array)
    return np.ascontiguousarray(array)


def matrix(name: str, value: npt.ArrayLike, like: FloatArray | None = None, *, empty: bool = False) -> FloatArray:
    """Return a two-dimensional input a kernel can walk; of size zero only if `empty`."""
    array = float_array(name, value, like)
    if array.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got shape {array.shape}")
    if array.size == 0 and not empty:
        raise ValueError(f"{name} is empty, shape {array.shape}")
    return walkable(array)


def vector(name: str, value: npt.ArrayLike, size: int, like: FloatArray) -> FloatArray:
    """Return a one-dimensional contiguous input of the given size."""
    array = float_array(name, value, like)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {array.shape}")
    return np.ascontiguousarray(array)


def same_shape(name: str, array: FloatArray, other: str, like: FloatArray) -> None:
    """Refuse arrays of different shapes: kernels do not broadcast."""
    if array.shape != like.shape:
        raise ValueError(f"{name} has shape {array.shape}, {other} {like.shape}; they must agree")


def output(name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
    """Return a new array, or `value` checked: an output is written in place and never converted."""
    if value is None:
        return np.empty(shape, dtype)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype != dtype:
        raise TypeError(f"{name} must have dtype {dtype}, got {value.dtype}")
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {value.shape}")
    if not value.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if walkable(value) is not value:
        raise ValueError(f"{name} must be C-contiguous, or a matrix whose rows are, got strides {value.strides}")
    return value
