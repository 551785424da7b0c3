"""Centring and standardising: one shift and one scale per column."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_choice
from steepest.preprocessing.affine import Affine
from steepest.preprocessing.base import Array, Preprocessor, chunks
from steepest.registry import PREPROCESSORS

PER = ("feature", "channel")


class Moments:
    """Count, mean, sum of squared deviations, smallest and largest number of every column.

    Parts of the rows are combined without cancellation (Chan, Golub and LeVeque 1979).
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.mean = np.zeros(columns)
        self.squares = np.zeros(columns)
        self.low, self.high = np.full(columns, np.inf), np.full(columns, -np.inf)

    def add(self, part: Array) -> None:
        """Take in some rows."""
        n, mean = len(part), part.mean(axis=0)
        self.combine(n, mean, np.square(part - mean).sum(axis=0))
        np.minimum(self.low, part.min(axis=0), out=self.low)
        np.maximum(self.high, part.max(axis=0), out=self.high)

    def combine(self, n: int, mean: Array, squares: Array) -> None:
        """Take in `n` numbers per column by their moments."""
        delta, total = mean - self.mean, self.count + n
        self.squares = self.squares + squares + np.square(delta) * (self.count * n / total)
        self.mean = self.mean + delta * (n / total)
        self.count = total

    def per_channel(self, channels: int) -> Moments:
        """Return the moments of each channel, whose columns stand side by side."""
        merged = Moments(channels)
        means, squares = self.mean.reshape(channels, -1), self.squares.reshape(channels, -1)
        for pixel in range(means.shape[1]):
            merged.combine(self.count, means[:, pixel], squares[:, pixel])
        merged.low = self.low.reshape(channels, -1).min(axis=1)
        merged.high = self.high.reshape(channels, -1).max(axis=1)
        return merged

    @property
    def center(self) -> Array:
        """The mean; of a constant column its very value, where rounding would leave a tiny rest."""
        return np.where(self.low == self.high, self.low, self.mean)

    @property
    def deviation(self) -> Array:
        """The biased standard deviation; 1 for a constant column."""
        scale = np.sqrt(self.squares / self.count)
        return np.where((self.low == self.high) | (scale == 0.0), 1.0, scale)


class _ShiftAndScale(Preprocessor):
    """Base of the steps that treat each column by itself, or all columns of a channel alike."""

    def __init__(self, per: str, dtype: npt.DTypeLike | None) -> None:
        super().__init__(dtype)
        self.per = check_choice("per", per, PER)
        self._channels = 0

    def fit(self, X: npt.ArrayLike) -> Any:
        """Take the statistics of the training set, and return the object.

        Parameters
        ----------
        X : array (N, D) or (N, C, H, W)
            Finite numbers, samples in rows; images are flattened to `(N, C H W)`, after which `transform` takes either
            form.
        """
        shape = np.shape(X)
        self._channels = shape[1] if self.per == "channel" and len(shape) > 1 else 0
        return super().fit(X)

    def moments(self, x: Array) -> tuple[Array, Array]:
        """Return mean and deviation of every column `(D,)`, a channel's being the same in all of its columns."""
        moments = Moments(x.shape[1])
        for _, part in chunks(x):
            moments.add(part)
        if not self._channels:
            return moments.center, moments.deviation
        merged, pixels = moments.per_channel(self._channels), x.shape[1] // self._channels
        return np.repeat(merged.center, pixels), np.repeat(merged.deviation, pixels)


@PREPROCESSORS.register("center")
class Center(_ShiftAndScale):
    """Subtracts the training mean: `x - mean`, per feature (of images: the mean image) or per channel.

    Parameters
    ----------
    per : {"feature", "channel"}
        One mean for every column, or one for every channel of images `(N, C, H, W)`.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    mean : ndarray (D,)
        In float64, after `fit`; per channel, the channel's mean stands in each of its columns.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import Center
    >>> images = np.arange(8.0).reshape(2, 2, 2, 1)  # 2 images of 2 channels of 2 x 1 pixels
    >>> Center().fit(images).mean
    array([2., 3., 4., 5.])
    >>> Center(per="channel").fit(images).mean
    array([2.5, 2.5, 4.5, 4.5])
    """

    fitted = ("mean",)

    def __init__(self, per: str = "feature", dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(per, dtype)
        self.mean: Any = None

    def learn(self, x: Array) -> None:
        """Take the means."""
        self.mean, _ = self.moments(x)

    def forward(self, part: Array) -> Array:
        """Return `x - mean`."""
        shifted: Array = part - self.mean
        return shifted

    def affine(self) -> Affine:
        """Return the fitted step as `(x - center) @ matrix + shift`, a diagonal one."""
        self._columns()
        return Affine(self.mean, np.ones_like(self.mean), np.zeros_like(self.mean))

    def backward(self, part: Array) -> Array:
        """Return `x + mean`."""
        shifted: Array = part + self.mean
        return shifted


@PREPROCESSORS.register("standardizer")
class Standardizer(_ShiftAndScale):
    """Subtracts each column's mean and divides by its standard deviation: `(x - mean) / scale`.

    A column that is constant in the training set is only centred: its scale is 1 (LeCun et al. 1998, "Efficient
    BackProp", section 4.3).

    Parameters
    ----------
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.
    per : {"feature", "channel"}
        Statistics of every column, or of every channel of images `(N, C, H, W)`.

    Attributes
    ----------
    mean, scale : ndarray (D,)
        In float64, after `fit`; the scale is the biased standard deviation. Per channel, the channel's numbers stand in
        each of its columns.

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

    fitted = ("mean", "scale")

    def __init__(self, dtype: npt.DTypeLike | None = None, per: str = "feature") -> None:
        super().__init__(per, dtype)
        self.mean: Any = None
        self.scale: Any = None

    def learn(self, x: Array) -> None:
        """Take means and deviations."""
        self.mean, self.scale = self.moments(x)

    def forward(self, part: Array) -> Array:
        """Return `(x - mean) / scale`."""
        result: Array = (part - self.mean) / self.scale
        return result

    def affine(self) -> Affine:
        """Return the fitted step as `(x - center) @ matrix + shift`, a diagonal one."""
        self._columns()
        return Affine(self.mean, 1.0 / self.scale, np.zeros_like(self.mean))

    def backward(self, part: Array) -> Array:
        """Return `x * scale + mean`."""
        result: Array = part * self.scale + self.mean
        return result
