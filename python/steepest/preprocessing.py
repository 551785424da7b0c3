"""Preprocessing: fitted on the training set, used unchanged on every other set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest import data
from steepest.checks import check_dtype
from steepest.registry import Configurable

Array = npt.NDArray[Any]

# Rows taken at a time, so that float64 arithmetic on a large float32 or uint8 set needs no copy of it.
_CHUNK = 8192


class Standardizer(Configurable):
    """Subtracts each column's mean and divides by its standard deviation: `(x - mean) / scale`.

    A column that is constant in the training set is only centred: its scale is 1.

    Parameters
    ----------
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    mean, scale : ndarray (D,)
        In float64, after `fit`; the scale is the biased standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import Standardizer
    >>> X = np.array([[0.0, 5.0], [2.0, 5.0]])
    >>> standardizer = Standardizer().fit(X)
    >>> standardizer.transform(X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> standardizer.inverse_transform([[-1.0, 0.0]])
    array([[0., 5.]])
    """

    def __init__(self, dtype: npt.DTypeLike | None = None) -> None:
        self.dtype = None if dtype is None else check_dtype("dtype", dtype)
        self.mean: Array | None = None
        self.scale: Array | None = None

    def fit(self, X: npt.ArrayLike) -> Standardizer:
        """Take mean and scale from the training set `(N, D)`, which must be finite, and return the object."""
        x = data.check_matrix("X", X)
        count = 0
        mean = np.zeros(x.shape[1])
        squares = np.zeros(x.shape[1])
        low, high = np.full(x.shape[1], np.inf), np.full(x.shape[1], -np.inf)
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK].astype(np.float64)
            self._check(part, start)
            # Chan, Golub and LeVeque (1979): combine the moments of two parts without cancellation.
            n, m = len(part), part.mean(axis=0)
            delta, total = m - mean, count + n
            squares += np.square(part - m).sum(axis=0) + np.square(delta) * (count * n / total)
            mean += delta * (n / total)
            count = total
            np.minimum(low, part.min(axis=0), out=low)
            np.maximum(high, part.max(axis=0), out=high)
        # Exact where rounding would leave a tiny deviation to divide by.
        constant = low == high
        self.mean = np.where(constant, low, mean)
        scale = np.sqrt(squares / count)
        self.scale = np.where(constant | (scale == 0.0), 1.0, scale)
        return self

    @staticmethod
    def _check(part: Array, start: int) -> None:
        bad = np.argwhere(~np.isfinite(part))
        if len(bad):
            row, column = bad[0]
            raise ValueError(f"X[{start + row}, {column}] is {part[row, column]}: fill or drop such rows first")

    def _fitted(self, X: npt.ArrayLike) -> tuple[Array, Array, Array, str]:
        if self.mean is None or self.scale is None:
            raise ValueError("the Standardizer has not been fitted: call fit with the training set first")
        x = data.check_matrix("X", X, minimum_rows=0)
        if x.shape[1] != len(self.mean):
            raise ValueError(f"X has {x.shape[1]} columns, the Standardizer was fitted on {len(self.mean)}")
        return x, self.mean, self.scale, self.dtype or ("float64" if x.dtype == np.float64 else "float32")

    def transform(self, X: npt.ArrayLike) -> Array:
        """Return `(X - mean) / scale` as a new array."""
        x, mean, scale, dtype = self._fitted(X)
        result = np.empty(x.shape, dtype)
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK].astype(np.float64)
            self._check(part, start)
            result[start : start + _CHUNK] = (part - mean) / scale
        return result

    def fit_transform(self, X: npt.ArrayLike) -> Array:
        """Fit, and return the training set transformed."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Return `X * scale + mean` as a new array."""
        x, mean, scale, dtype = self._fitted(X)
        result: Array = (x * scale + mean).astype(dtype)
        return result
