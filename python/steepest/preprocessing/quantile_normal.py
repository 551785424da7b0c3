"""Making every column normally distributed by its ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.checks import check_int
from steepest.preprocessing.base import Array, Preprocessor, chunks
from steepest.registry import PREPROCESSORS

# Probabilities are kept this far from 0 and 1, so the result lies in [-5.2, 5.2].
EDGE = 1e-7

# Wichura (1988), algorithm AS 241: rational functions for |p - 1/2| <= 0.425 and for the tails down to exp(-25);
# highest power first.
MIDDLE = (
    (
        2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
        1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
        5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
    ),
)  # fmt: skip
TAIL = (
    (
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
        3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
    ),
)  # fmt: skip


def _ratio(coefficients: Any, x: Array) -> Array:
    above, below = coefficients
    result: Array = np.polyval(above, x) / np.polyval(below, x)
    return result


def normal_quantile(p: Array) -> Array:
    """Return the quantiles of the standard normal distribution for probabilities in [1e-10, 1 - 1e-10]."""
    q = p - 0.5
    middle = np.abs(q) <= 0.425
    tail = np.sqrt(-np.log(np.where(middle, 0.5, np.minimum(p, 1.0 - p))))
    inner = q * _ratio(MIDDLE, 0.180625 - np.square(np.where(middle, q, 0.0)))
    return np.where(middle, inner, np.copysign(_ratio(TAIL, tail - 1.6), q))


def normal_probability(z: Array) -> Array:
    """Return the distribution function of the standard normal distribution."""
    erfc = np.frompyfunc(lambda value: 0.5 * math.erfc(-value / math.sqrt(2.0)), 1, 1)
    result: Array = erfc(z).astype(np.float64)
    return result


# From the lower end, where the probability is known to all its digits.
LIMIT = -float(normal_quantile(np.array([EDGE]))[0])


@PREPROCESSORS.register("quantile_normal")
class QuantileNormal(Preprocessor):
    """Gives every column a normal distribution: `z = Phi^-1(F(x))`, F the column's distribution in the training set.

    F is the line through `quantiles` equally probable points; in a run of equal points it is the middle of the run, and
    0 or 1 at the ends of the training set. The probability is kept in [1e-7, 1 - 1e-7], so `|z|` is at most 5.2. A
    column that is constant in the training set becomes 0, all else is as scikit-learn's
    `QuantileTransformer(output_distribution="normal")` without its subsampling.

    Parameters
    ----------
    quantiles : int
        Points kept per column, at least 2; not more than there are rows.
    dtype : {"float32", "float64"} or None
        Of the result; None keeps float64 data float64 and makes everything else float32.

    Attributes
    ----------
    points : ndarray (quantiles, D)
        In float64, after `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.preprocessing import QuantileNormal
    >>> X = np.exp(np.linspace(-5, 5, 101)).reshape(-1, 1)  # spread over five orders of magnitude
    >>> QuantileNormal().fit_transform(X)[[10, 50, 90], 0].round(3)
    array([-1.282,  0.   ,  1.282])
    """

    fitted = ("points",)

    def __init__(self, quantiles: int = 1000, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(dtype)
        self.quantiles = check_int("quantiles", quantiles, 2)
        self.points: Any = None

    def learn(self, x: Array) -> None:
        """Take the quantiles, a column at a time."""
        for _ in chunks(x):  # all finite, or an error
            pass
        shares = np.linspace(0.0, 1.0, max(2, min(self.quantiles, len(x))))
        points = np.empty((len(shares), x.shape[1]))
        for column in range(x.shape[1]):
            values = x[:, column].astype(np.float64)
            # As many points as rows are the rows themselves; interpolating would round runs of equal points apart.
            points[:, column] = np.sort(values) if len(shares) == len(x) else np.quantile(values, shares)
        # Interpolation may leave neighbours an ulp out of order.
        self.points = np.maximum.accumulate(points, axis=0)

    def forward(self, part: Array) -> Array:
        """Return the normal quantiles of the rows."""
        result = np.empty_like(part)
        shares = np.linspace(0.0, 1.0, len(self.points))
        for column, points in enumerate(self.points.T):
            if points[0] == points[-1]:
                result[:, column] = 0.0
                continue
            x = part[:, column]
            # The left and the right end of a run of equal points; their middle.
            left = np.interp(x, points, shares)
            right = -np.interp(-x, -points[::-1], -shares[::-1])
            p = np.where(x <= points[0], 0.0, np.where(x >= points[-1], 1.0, 0.5 * (left + right)))
            result[:, column] = np.clip(normal_quantile(np.clip(p, EDGE, 1.0 - EDGE)), -LIMIT, LIMIT)
        return result

    def backward(self, part: Array) -> Array:
        """Return the rows in their own units; what lay beyond the training set comes back as its end."""
        result = np.empty_like(part)
        shares = np.linspace(0.0, 1.0, len(self.points))
        for column, points in enumerate(self.points.T):
            z = part[:, column]
            p = np.where(z <= -LIMIT, 0.0, np.where(z >= LIMIT, 1.0, normal_probability(z)))
            result[:, column] = np.interp(p, shares, points)
        return result
