"""Scaling by ranges: smallest and largest number, or median and quartiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_bool, check_float
from steepest.preprocessing.affine import Affine
from steepest.preprocessing.base import Array, Preprocessor, chunks
from steepest.registry import PREPROCESSORS

# Where the smooth clip bends: |x| = 3 becomes 2.12, and nothing passes 3.
BEND = 3.0


@PREPROCESSORS.register("min_max")
class MinMax(Preprocessor):
    """Takes each column's range to `[low, high]`: `low + (x - smallest) / (largest - smallest) * (high - low)`.

    A column that is constant in the training set becomes `low`. Other sets may lie outside the range.

    Parameters
    ----------
    low, high : float
        Ends of the range, `low < high`.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    smallest, largest : ndarray (D,)
        In float64, after `fit`.

    Examples
    --------
    >>> from steepest.preprocessing import MinMax
    >>> MinMax(-1, 1).fit_transform([[0.0], [5.0], [10.0]])
    array([[-1.],
           [ 0.],
           [ 1.]])
    """

    fitted = ("smallest", "largest")

    def __init__(self, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(dtype)
        self.low = check_float("low", low)
        self.high = check_float("high", high, self.low, open_minimum=True)
        self.smallest: Any = None
        self.largest: Any = None

    def learn(self, x: Array) -> None:
        """Take the ends of every column."""
        extremes = [(part.min(axis=0), part.max(axis=0)) for _, part in chunks(x)]
        self.smallest = np.min([low for low, _ in extremes], axis=0)
        self.largest = np.max([high for _, high in extremes], axis=0)

    def _span(self) -> Array:
        span = self.largest - self.smallest
        return np.where(span > 0.0, span, 1.0)

    def forward(self, part: Array) -> Array:
        """Return the rows in `[low, high]`."""
        result: Array = self.low + (part - self.smallest) / self._span() * (self.high - self.low)
        return result

    def affine(self) -> Affine:
        """Return the fitted step as `(x - center) @ matrix + shift`, a diagonal one."""
        self._columns()
        return Affine(self.smallest, (self.high - self.low) / self._span(), np.full_like(self.smallest, self.low))

    def backward(self, part: Array) -> Array:
        """Return the rows in their own units."""
        result: Array = self.smallest + (part - self.low) / (self.high - self.low) * self._span()
        return result


@PREPROCESSORS.register("robust")
class Robust(Preprocessor):
    """Subtracts the median and divides by the interquartile range, which a few wild numbers do not move.

    `z = (x - median) / (q75 - q25)`. Where the quartiles agree the scale is half of the column's range, and a constant
    column is only centred. With `smooth_clip` the result is `z / sqrt(1 + (z / 3)^2)`, which leaves the middle as it is
    and keeps everything inside (-3, 3): the input scaling of RealMLP (Holzmueller, Grinsztajn and Steinwart 2024).

    Parameters
    ----------
    smooth_clip : bool
        Whether far numbers are drawn in.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    center, scale : ndarray (D,)
        In float64, after `fit`.

    Examples
    --------
    >>> from steepest.preprocessing import Robust
    >>> X = [[0.0], [1.0], [2.0], [3.0], [1000.0]]
    >>> Robust().fit_transform(X)[:, 0]
    array([ -1. ,  -0.5,   0. ,   0.5, 499. ])
    >>> Robust(smooth_clip=True).fit_transform(X)[:, 0].round(2)
    array([-0.95, -0.49,  0.  ,  0.49,  3.  ])
    """

    fitted = ("center", "scale")

    def __init__(self, smooth_clip: bool = False, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(dtype)
        self.smooth_clip = check_bool("smooth_clip", smooth_clip)
        self.center: Any = None
        self.scale: Any = None

    def learn(self, x: Array) -> None:
        """Take the quartiles, a column at a time."""
        for _ in chunks(x):  # all finite, or an error
            pass
        points = np.empty((5, x.shape[1]))
        for column in range(x.shape[1]):
            points[:, column] = np.quantile(x[:, column].astype(np.float64), [0.0, 0.25, 0.5, 0.75, 1.0])
        low, first, self.center, third, high = points
        scale = np.where(third > first, third - first, 0.5 * (high - low))
        self.scale = np.where(scale > 0.0, scale, 1.0)

    def forward(self, part: Array) -> Array:
        """Return the scaled rows."""
        z: Array = (part - self.center) / self.scale
        # hypot, since the square of a wild number may overflow
        return z / np.hypot(1.0, z / BEND) if self.smooth_clip else z

    def affine(self) -> Affine | None:
        """Return the fitted step as `(x - center) @ matrix + shift`, a diagonal one; None with the smooth clip."""
        self._columns()
        return None if self.smooth_clip else Affine(self.center, 1.0 / self.scale, np.zeros_like(self.center))

    def backward(self, part: Array) -> Array:
        """Return the rows in their own units; a number that no finite one is taken to raises."""
        if self.smooth_clip:
            if (np.abs(part) >= BEND).any():
                raise ValueError(f"X must lie inside (-{BEND:g}, {BEND:g}), the range of the smooth clip")
            part = part / np.sqrt(1.0 - np.square(part / BEND))
        result: Array = part * self.scale + self.center
        return result
