"""Rotations onto the principal axes: PCA and whitening."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_choice, check_float, check_int
from steepest.preprocessing.affine import Affine
from steepest.preprocessing.base import Array, Preprocessor, chunks
from steepest.preprocessing.shift_and_scale import Moments
from steepest.registry import PREPROCESSORS


def principal_axes(x: Array) -> tuple[Array, Array, Array]:
    """Return mean `(D,)`, variances `(D,)` in falling order, and the axes `(D, D)`, one a row.

    From the covariance `C = (X - mean)^T (X - mean) / N`. The largest entry of an axis is positive, of equals the
    first, which makes the axes unique where the variances differ.
    """
    moments = Moments(x.shape[1])
    for _, part in chunks(x):
        moments.add(part)
    mean = moments.center
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for _, part in chunks(x):
        part -= mean
        covariance += part.T @ part
    variances, vectors = np.linalg.eigh(covariance / len(x))
    axes = vectors.T[::-1]
    sizes = np.abs(axes)
    # Entries are often equal but for rounding, as with two standardised columns.
    first = (sizes >= (1.0 - 1e-6) * sizes.max(axis=1, keepdims=True)).argmax(axis=1)
    largest = np.take_along_axis(axes, first[:, np.newaxis], axis=1)
    # A variance is not negative but for rounding.
    return mean, np.maximum(variances[::-1], 0.0), axes * np.sign(largest)


def check_components(components: Any) -> int | float | None:
    """Return the number of axes, the share of variance, or None for all."""
    if components is None:
        return None
    if isinstance(components, (float, np.floating)):
        return check_float("components", components, 0.0, 1.0, open_minimum=True)
    return check_int("components", components, 1)


def count_components(components: int | float | None, variances: Array) -> int:
    """Return how many axes are kept."""
    if components is None:
        return len(variances)
    if isinstance(components, int):
        if components > len(variances):
            raise ValueError(f"components={components} is more than the {len(variances)} columns of X")
        return components
    total = variances.sum()
    if total == 0.0:
        return 1
    # The smallest count that reaches the share; all rounding is far below 1e-12.
    return int(np.searchsorted(np.cumsum(variances) / total, components - 1e-12)) + 1


class _Rotation(Preprocessor):
    """Base of the steps that rotate onto the principal axes."""

    fitted = ("mean", "axes", "variances", "total_variance")

    def __init__(self, components: Any, dtype: npt.DTypeLike | None) -> None:
        super().__init__(dtype)
        self.components = check_components(components)
        self.mean: Any = None
        self.axes: Any = None
        self.variances: Any = None
        self.total_variance: Any = None

    def learn(self, x: Array) -> None:
        """Take the principal axes."""
        mean, variances, axes = principal_axes(x)
        count = count_components(self.components, variances)
        self.mean, self.axes, self.variances = mean, axes[:count].copy(), variances[:count]
        self.total_variance = np.array(variances.sum())

    @property
    def output_columns(self) -> int:
        """Number of axes kept."""
        return len(self.axes)


@PREPROCESSORS.register("pca")
class PCA(_Rotation):
    """Rotates onto the eigenvectors of the covariance, so that the columns are uncorrelated: `(x - mean) axes^T`.

    The inverse is exact where all axes are kept, else it is the nearest point of their span (Pearson 1901).

    Parameters
    ----------
    components : int, float or None
        So many axes; as a float in (0, 1] as many as hold this share of the variance; None keeps all.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    mean : ndarray (D,)
        In float64, after `fit`.
    axes : ndarray (K, D)
        Orthonormal, by falling variance; the largest entry of each is positive.
    variances : ndarray (K,)
        Biased variance along each axis.
    total_variance : ndarray ()
        Of the training set; `variances / total_variance` are the shares.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import PCA
    >>> X = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> pca = PCA(components=0.99)
    >>> pca.fit_transform(X).round(6)
    array([[-1.414214],
           [ 0.      ],
           [ 1.414214]])
    >>> pca.inverse_transform([[1.414214]]).round(5)
    array([[3., 3.]])
    """

    def __init__(self, components: int | float | None = None, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(components, dtype)

    def forward(self, part: Array) -> Array:
        """Return the coordinates along the axes."""
        result: Array = (part - self.mean) @ self.axes.T
        return result

    def affine(self) -> Affine:
        """Return the fitted step as `(x - center) @ matrix + shift`."""
        self._columns()
        return Affine(self.mean, self.axes.T, np.zeros(len(self.axes)))

    def backward(self, part: Array) -> Array:
        """Return the points with these coordinates."""
        result: Array = part @ self.axes + self.mean
        return result


@PREPROCESSORS.register("whitening")
class Whitening(_Rotation):
    """Gives the data the identity as covariance: PCA, then each coordinate divided by `sqrt(variance + epsilon)`.

    With `"zca"` the result is rotated back, which keeps it as near to the data as whitened data can be (Bell and
    Sejnowski 1997). A direction without variance stays at 0.

    Parameters
    ----------
    method : {"pca", "zca"}
        Coordinates along the principal axes, or along the data's own.
    components : int, float or None
        As for `PCA`.
    epsilon : float
        Added to the variances, above 0, in the data's units squared; larger values amplify noise less.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    mean, axes, variances, total_variance : ndarray
        As for `PCA`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import Whitening
    >>> X = np.random.default_rng(0).normal(size=(500, 2)) @ [[3.0, 1.0], [0.0, 0.5]]
    >>> Z = Whitening("zca").fit_transform(X)
    >>> np.abs(Z.T @ Z / len(Z)).round(3)
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(
        self,
        method: str = "pca",
        components: int | float | None = None,
        epsilon: float = 1e-5,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(components, dtype)
        self.method = check_choice("method", method, ("pca", "zca"))
        self.epsilon = check_float("epsilon", epsilon, 0.0, open_minimum=True)

    @property
    def output_columns(self) -> int:
        """Number of axes kept, or with "zca" of the data's columns."""
        return int(self.axes.shape[1 if self.method == "zca" else 0])

    def forward(self, part: Array) -> Array:
        """Return the whitened rows."""
        whitened: Array = (part - self.mean) @ self.axes.T / np.sqrt(self.variances + self.epsilon)
        return whitened @ self.axes if self.method == "zca" else whitened

    def affine(self) -> Affine:
        """Return the fitted step as `(x - center) @ matrix + shift`."""
        self._columns()
        matrix = self.axes.T / np.sqrt(self.variances + self.epsilon)
        if self.method == "zca":
            matrix = matrix @ self.axes
        return Affine(self.mean, matrix, np.zeros(matrix.shape[1]))

    def backward(self, part: Array) -> Array:
        """Return the rows in their own units."""
        whitened = part @ self.axes.T if self.method == "zca" else part
        result: Array = whitened * np.sqrt(self.variances + self.epsilon) @ self.axes + self.mean
        return result


PREPROCESSORS.alias("zca", {"kind": "whitening", "method": "zca"})
